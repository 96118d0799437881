"""A golden note for each format: the typed example as a person sees it, read and agreed, then kept.

After a change on purpose: `python -m tests.test_golden` writes them anew; read each difference before it is committed.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from drafting.pipeline import Work, run
from drafting.pipeline.formats import available, load
from drafting.pipeline.source import read_source
from drafting.types import Context
from drafting.view import show

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests/golden"
KEYS = tuple(f.key for f in available())


def seen(key: str, engines) -> str:
    """The typed example in the format `key`, as printed on a page of 100 columns without colour."""
    text = (ROOT / "examples/dictation.txt").read_bytes()
    out = io.StringIO()
    work = run(Work(read_source(text, ".txt"), Context(), load(key)), engines)
    show(Console(file=out, width=100, color_system=None, highlight=False), "dictation.txt", work)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


@pytest.mark.parametrize("key", KEYS)
def test_golden(key: str, engines) -> None:
    """The draft of the typed example is what was read and agreed."""
    assert seen(key, engines) == (GOLDEN / f"{key}.txt").read_text(encoding="utf-8")


def main() -> None:
    from drafting import wiring
    from drafting.settings import read_settings

    wiring.mask_torch()
    engines = wiring.engines(read_settings({}))
    GOLDEN.mkdir(exist_ok=True)
    for key in KEYS:
        (GOLDEN / f"{key}.txt").write_text(seen(key, engines), encoding="utf-8")


if __name__ == "__main__":
    main()
