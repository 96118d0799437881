"""By when an answer is owed.

In: the day of receipt, a term, what stopped the clock. Out: a day. Knows no weekend and no holiday: where the last day is one, an answer before it
is in time everywhere.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from drafting.record.release.nouns import Fact, Pause


@dataclass(frozen=True, slots=True)
class Term:
    """A time to answer: `days` or calendar `months`, and what is added once where the fact `more_when` is stated. `stops`: a pause stops the clock.

    HIPAA access 30 + 30 days (45 CFR 164.524(b)(2)), amendment 60 + 30 (164.526(b)(2)); UK one calendar month, two more where complex.
    """

    days: int = 0
    months: int = 0
    more_days: int = 0
    more_months: int = 0
    more_when: Fact | None = None
    stops: bool = False


def due(term: Term, received: date, facts: frozenset[Fact] = frozenset(), pauses: Sequence[Pause] = ()) -> date | None:
    """The last day of `term`; None while its clock stands. Both months count from receipt, so that 31 January and three months is 30 April.

    A pause adds its days; one that began after the last day adds none, since the term was over.
    """
    more = term.more_when is not None and term.more_when in facts
    months, days = term.months + term.more_months * more, term.days + term.more_days * more
    last = add_months(received, months) + timedelta(days=days)
    if not term.stops:
        return last
    counted = received
    for pause in sorted(pauses, key=lambda p: p.since):
        since = max(pause.since, counted)
        if since > last:
            break
        if pause.until is None:
            return None
        counted = max(counted, pause.until)
        last += max(timedelta(), pause.until - since)
    return last


def add_months(day: date, months: int) -> date:
    """The same day of the month, `months` on (or back); where that month has none, its last day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
