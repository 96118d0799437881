"""Findings in the sentences of a review: what was found, what stands in its place, and how offsets move.

In: sentences with their findings, or a sentence's text with its flags and what becomes of one. Out: text and flags that fit it. Pure: knows no
version, no section and no scanner. A flag's words are what was found, whatever stands there now; its offsets are of what stands there now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from drafting.record.review.lifecycle import never
from drafting.types.notes import PhiFinding, Severity
from drafting.types.review import Flag, FlagState

_WEIGHT = tuple(Severity)
_AT_ONCE = (Severity.LOW, Severity.MED)
_PLACEHOLDER = "["  # "[paraphrase]" tells a person what to do, and is no replacement


def raised(finding: PhiFinding, name: str, sentence: str, state: FlagState = FlagState.OPEN) -> Flag:
    """`finding` as the flag `name` of a sentence, its words standing."""
    f = finding
    return Flag(name, sentence, f.start, f.end, f.text, f.kind, f.severity, f.reason, f.suggestion, state)


def allowed(finding: PhiFinding, words: Iterable[str]) -> bool:
    """Whether the client's treatment needs the words, whatever their case and spaces. A finding that no signature passes is never allowed."""
    return finding.kind not in never() and _folded(finding.text) in {_folded(w) for w in words}


def first_state(finding: PhiFinding, words: Iterable[str], drafted: bool) -> FlagState:
    """What becomes of a finding before anybody looked at it: in a drafted sentence low and medium replacements stand applied; in a person's own words
    nothing is replaced by itself."""
    if allowed(finding, words):
        return FlagState.REMEMBERED
    usable = bool(finding.suggestion) and not finding.suggestion.startswith(_PLACEHOLDER)
    return FlagState.APPLIED if drafted and usable and finding.severity in _AT_ONCE else FlagState.OPEN


def settled(text: str, flags: tuple[Flag, ...], name: str, state: FlagState, why: str | None = None) -> tuple[str, tuple[Flag, ...]]:
    """`text` and all its `flags` once the flag `name` is `state`: the replacement stands where it is applied, the words otherwise."""
    flag = next(f for f in flags if f.id == name)
    if (flag.state is FlagState.APPLIED) != (state is FlagState.APPLIED):
        text, flags = _swapped(text, flags, flag, flag.suggestion if state is FlagState.APPLIED else flag.words)
    return text, tuple(replace(f, state=state, why=why) if f.id == name else f for f in flags)


def settled_all(text: str, flags: tuple[Flag, ...], states: Mapping[str, FlagState]) -> tuple[str, tuple[Flag, ...]]:
    """`settled` for each flag, by id; the reason of each stays."""
    for f in flags:
        text, flags = settled(text, flags, f.id, states[f.id], f.why)
    return text, flags


def still(text: str, flags: Sequence[Flag]) -> tuple[Flag, ...]:
    """Those of `flags` that a person's new `text` leaves, in order. Where a replacement stood and the words are back, it is open again."""
    taken: list[tuple[int, int]] = []
    kept: list[Flag] = []
    for f in flags:
        applied = f.state is FlagState.APPLIED
        back = _nearest(text, f.words, f.start, taken)
        span = back or (_nearest(text, f.suggestion, f.start, taken) if applied else None)
        if span:
            taken.append(span)
            kept.append(replace(f, start=span[0], end=span[1], state=FlagState.OPEN if applied and back else f.state))
    return tuple(sorted(kept, key=lambda f: f.start))


def joined(flags: Sequence[Flag], found: Sequence[Flag]) -> tuple[Flag, ...]:
    """`flags` of a text with what screening now finds there. A flag that covers a finding and is as grave, or is graver and its words stand, stays in
    its place; otherwise the finding takes it."""
    kept = list(flags)
    for new in found:
        clash = [f for f in kept if f.start < new.end and new.start < f.end]
        if not any(_outweighs(f, new) for f in clash):
            kept = [f for f in kept if f not in clash] + [new]
    return tuple(sorted(kept, key=lambda f: f.start))


def _outweighs(old: Flag, new: Flag) -> bool:
    covers = old.start <= new.start and new.end <= old.end
    more = _WEIGHT.index(old.severity) - _WEIGHT.index(new.severity)
    return (covers and more >= 0) or (more > 0 and old.state is not FlagState.APPLIED)


def _folded(words: str) -> str:
    return " ".join(words.casefold().split())


def _swapped(text: str, flags: tuple[Flag, ...], flag: Flag, words: str) -> tuple[str, tuple[Flag, ...]]:
    """`words` in place of what stands at `flag`, and every flag where it then is. Spaces stay, so that it can be undone to the letter."""
    at, by = flags.index(flag), len(words) - (flag.end - flag.start)
    moved = []
    for i, f in enumerate(flags):
        after = f.start >= flag.end and (f.start > flag.start or i > at)
        moved.append(replace(f, start=f.start + by, end=f.end + by) if after else f)
    moved[at] = replace(flag, end=flag.end + by)
    return text[: flag.start] + words + text[flag.end :], tuple(moved)


def _nearest(text: str, words: str, start: int, taken: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Where `words` stand whole in `text`, whatever their case, nearest to `start` and in no span that is `taken`."""
    free = [span for span in _places(text, words) if all(span[1] <= a or b <= span[0] for a, b in taken)]
    return min(free, key=lambda span: abs(span[0] - start), default=None)


def _places(text: str, words: str) -> Iterator[tuple[int, int]]:
    if not words.strip():
        return
    pattern = r"\s+".join(re.escape(word) for word in words.split())
    yield from (m.span() for m in re.finditer(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE))
