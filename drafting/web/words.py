"""The words that pages say for codes: a clinician reads these, and never the code.

In: a group of desk.toml and a code. Out: words. Knows no page and no review. A code that has no words is a fault of ours and raises KeyError, so that
none is ever shown by accident; failures alone fall back, since any error may end a job.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from prompts import table

_DAYS = {0: "today", 1: "yesterday"}


def group(name: str) -> Mapping[str, Any]:
    """A whole group of desk.toml, in its order."""
    return table("desk.toml")[name]


def word(name: str, code: str) -> str:
    """The words for a code. Raises KeyError."""
    return group(name)[code]


def failure(code: str | None) -> Mapping[str, Any]:
    """Why words did not become a draft (`text`), and whether the same may be tried again (`again`)."""
    known = group("failures")
    return known.get(code or "other", known["other"])


def counted(name: str, code: str, n: int, what: str = "") -> str:
    """Such as "1 to decide", "3 to decide": the words of a code with its count and, where they have room for it, what."""
    rule = group(name)[code]
    return rule["one" if n == 1 else "many"].format(n=n, what=what)


def plural(n: int, one: str, many: str | None = None) -> str:
    """Such as "1 note", "2 notes"."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def day(value: date | None, today: date) -> str:
    """Such as "today", "yesterday", "Tue 18 Nov", with the year where it is another."""
    if value is None:
        return "no date"
    near = _DAYS.get((today - value).days)
    if near:
        return near
    return f"{value:%a} {value.day} {value:%b}" + ("" if value.year == today.year else f" {value.year}")


def whole_day(value: date | None) -> str:
    """Such as "Tuesday 18 November 2026"."""
    return f"{value:%A} {value.day} {value:%B %Y}" if value else "no date"


def moment(value: datetime, zone: Any = None) -> str:
    """Such as "18 Nov 2026, 14:03"."""
    local = value.astimezone(zone) if zone else value
    return f"{local.day} {local:%b %Y, %H:%M}"


def clock(seconds: float | None) -> str:
    """Such as "00:41", "1:02:07": a place in a recording."""
    if seconds is None:
        return ""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes:02}:{whole % 60:02}"


def left(seconds: float | None) -> str:
    """Such as "about 2 minutes left": as exactly as one can know it."""
    if seconds is None:
        return ""
    span = timedelta(seconds=seconds)
    if span < timedelta(seconds=45):
        return "less than a minute left"
    return f"about {plural(max(1, round(span.total_seconds() / 60)), 'minute')} left"
