"""One line of the table of figures.

In: what was measured, its goal. Out: a `Measure`, and the line that is printed of it. Knows no desk.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.record.figure import Figure


@dataclass(frozen=True, slots=True)
class Measure:
    """`goal` None: a number that has none; 0: there should be none of it. `n`: over what it was measured."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    n: str = ""

    def __str__(self) -> str:
        digits = 0 if float(self.value).is_integer() and not self.unit else 2 if abs(self.value) < 10 else 1
        line = f"{self.what:58} {self.value:10,.{digits}f} {self.unit:4}"
        if self.goal is None:
            return f"{line} {'':36}{self.n}".rstrip()
        ratio = f"ratio {self.value / self.goal:6.2f}" if self.goal else f"{'':12}"
        return f"{line} goal ≤ {self.goal:<7g} {ratio}  {'met' if self.value <= self.goal else 'FALLS SHORT':11}  {self.n}".rstrip()


def of_figure(figure: Figure) -> str:
    """A line of another room's figure."""
    verdict = "" if figure.met is None else "met" if figure.met else "FALLS SHORT"
    goal = f"goal {figure.goal}" if figure.goal and figure.met is not None else figure.goal
    return f"{f'{figure.what}, {figure.engine}':58} {figure.result:>10} {'':4} {goal:27}  {verdict:11}  {figure.n}".rstrip()
