"""What a process says and leaves lying about: standard output and error, every log, temporary files.

In: a folder. Out: all of it, in files there. Knows nothing of what is said.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def overheard(folder: Path) -> Iterator[None]:
    """Inside the block everything said goes to files in `folder`, with all that any library logs, to the last detail."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    root, handler = logging.getLogger(), logging.FileHandler(folder / "all.log", encoding="utf-8")
    before = tempfile.tempdir
    loggers = [root, *(one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger))]
    levels = [one.level for one in loggers]
    saved = [(number, os.dup(number)) for number in (1, 2)]
    said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT, 0o600)
    _flush()
    try:
        for number, _ in saved:
            os.dup2(said, number)
        root.addHandler(handler)
        for one in loggers:
            one.setLevel(logging.DEBUG)
        tempfile.tempdir = str(temporary)
        yield
    finally:
        _flush()
        tempfile.tempdir = before
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
        root.removeHandler(handler)
        handler.close()
        for number, copy in saved:
            os.dup2(copy, number)
            os.close(copy)
        os.close(said)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
