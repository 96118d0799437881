"""How large our own scripts and styles are, as they are sent: bytes of the files, nothing taken off.

In: the desk's folder of static files. Out: figures in kB (1,000 bytes). Knows no page.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.service.measure import Measure
from drafting.web.app import STATIC

GOALS = {"js": 60.0, "css": 40.0}


def measured(folder: Path = STATIC) -> Iterator[Measure]:
    """The figures."""
    for kind, goal in GOALS.items():
        files = sorted(folder.rglob(f"*.{kind}"))
        total = sum(file.stat().st_size for file in files) / 1000
        yield Measure(
            f"our {kind.upper()}, uncompressed", total, "kB", goal, ", ".join(f"{file.name} {file.stat().st_size / 1000:.1f}" for file in files)
        )
