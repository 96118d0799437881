"""When the hour began and ended, where it was said beyond doubt: a suggestion for the header, which a person confirms.

In: statements about the hour, as text. Out: two times of day. Pure: knows no route and no header's rules. The patterns are data: signing.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from drafting.types.review import NoteHeader
from prompts import table


def said_times(texts: Iterable[str]) -> tuple[str | None, str | None]:
    """When the hour began and ended, as said once in `texts`: "14:03", or None where it was not said, said in two ways, or leaves a doubt."""
    rules = table("signing.toml")["times"]
    range_, start, stop = (re.compile(rules[key].replace("CLOCK", rules["clock"]), re.I) for key in ("range", "start", "stop"))
    about = [t for t in texts if not re.search(rules["other"], t, re.I)]
    pairs = {_pair(m.groups()[:3], m.groups()[3:]) for t in about for m in range_.finditer(t)}
    if not pairs:
        ends = [[_time(*m.groups()) for t in about for m in pattern.finditer(t)] for pattern in (start, stop)]
        pairs = {tuple(times[0] if len(set(times)) == 1 else None for times in ends)}
    found = pairs.pop() if len(pairs) == 1 else (None, None)
    minutes = NoteHeader("", start=found[0], stop=found[1]).minutes
    return (None, None) if minutes is not None and not 0 < minutes <= rules["longest"] else found


def _pair(first: tuple[str | None, ...], last: tuple[str | None, ...]) -> tuple[str | None, str | None]:
    """Two ends of a range: am or pm of the one holds for the other, unless it would end before it began; so does a 24-hour clock."""
    if first[2] or last[2]:
        starts, stops = ([_time(*end[:2], half) for half in ([end[2]] if end[2] else "ap")] for end in (first, last))
        ways = [(a, b) for a in starts for b in stops if a and b]
        return min(ways, key=lambda way: NoteHeader("", start=way[0], stop=way[1]).minutes, default=(None, None))
    of_24 = bool(_time(*first) or _time(*last))
    pair = _time(*first, full=of_24), _time(*last, full=of_24)
    return pair if all(pair) else (None, None)


def _time(hour: str, minute: str | None, half: str | None, full: bool = False) -> str | None:
    """A time of day; None where it is none, or may be either half of the day. `full`: it is of a 24-hour clock."""
    h, m = int(hour), int(minute or 0)
    if half:
        return f"{h % 12 + 12 * (half.lower() == 'p'):02}:{m:02}" if 1 <= h <= 12 else None
    sure = minute is not None and (full or h > 12 or hour.startswith("0"))
    return f"{h:02}:{m:02}" if sure and h < 24 else None
