"""A share with its 95% interval, a share against its goal, and agreement between two hands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n`."""

    hits: int
    n: int

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:7.2%}  [{low:.2%}, {high:.2%}]  n={self.n}"

    @property
    def value(self) -> float:
        return self.hits / max(self.n, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """95%, by Wilson's score (1927)."""
        z, n, p = 1.96, max(self.n, 1), self.value
        middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


def share(marks: Iterable[bool]) -> Share:
    marks = list(marks)
    return Share(sum(marks), len(marks))


def kappa(first: Sequence[object], second: Sequence[object]) -> float:
    """Cohen's: agreement beyond what two hands with these habits would reach by chance."""
    n, a, b = len(first), Counter(first), Counter(second)
    chance = sum(a[k] * b[k] for k in a) / (n * n)
    return (sum(x == y for x, y in zip(first, second, strict=True)) / n - chance) / (1 - chance)
