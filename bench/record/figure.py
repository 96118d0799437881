"""One line of the table of figures.

In: what was measured. Out: a `Figure`. Knows no store.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`n`: over what it was counted; `met` None: a number that has no goal."""

    what: str
    engine: str
    n: str
    result: str
    goal: str = ""
    met: bool | None = None


def none_of(what: str, engine: str, n: str, count: int) -> Figure:
    """A figure whose goal is 0."""
    return Figure(what, engine, n, f"{count:,}", "0", count == 0)


def at_most(what: str, engine: str, n: str, ratio: float, goal: float) -> Figure:
    """A ratio that should not be over its goal."""
    return Figure(what, engine, n, f"{ratio:.2f}", f"≤ {goal:g}", ratio <= goal)
