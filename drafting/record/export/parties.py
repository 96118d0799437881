"""Who stands over an export, beside those who signed.

In: what the caller looked up. Out: a frozen noun. Knows no store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Parties:
    """The practice's name and the client as the reader knows them. `client` is a pseudonym or chart number; `name` and `born` are printed where they
    are given and the profile shows them. `self_pay`: the client paid and asked that the health plan be told nothing (45 CFR 164.522(a)(1)(vi)).
    `part2`: a programme under 42 CFR Part 2."""

    practice: str = field(repr=False)
    client: str
    name: str | None = field(default=None, repr=False)
    born: date | None = field(default=None, repr=False)
    self_pay: bool = False
    part2: bool = False
