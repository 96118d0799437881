"""Words and rules as data. `read` and `digest` are the only readers; nothing else opens a file of this folder.

In: a name, such as `risk.toml` or `formats/soap.toml`. Out: its text, its parsed table, or its digest, which is stored with each draft.
"""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def read(name: str) -> str:
    """The text of one file. Raises FileNotFoundError for a name that is not there."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


@cache
def table(name: str) -> dict[str, Any]:
    """A TOML file, parsed. Shared: do not change it."""
    return tomllib.loads(read(name))


def digest(name: str) -> str:
    """The first 12 hex digits of the file's sha256."""
    return hashlib.sha256(read(name).encode()).hexdigest()[:12]


def names(folder: str) -> tuple[str, ...]:
    """The keys of a folder's TOML files, sorted: `names("formats")` gives ("birp", "dap", …)."""
    return tuple(sorted(p.name[:-5] for p in files(__name__).joinpath(folder).iterdir() if p.name.endswith(".toml")))
