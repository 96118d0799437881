"""What stays of a draft once the workbench is shredded: how far the signed note is from it, in numbers and no words.

In: the first review and the signed note. Out: a `Comparison`. Pure: knows no store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from drafting.types.record import SignedNote
from drafting.types.review import Review


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far a signed note is from its draft, in numbers alone. `unchanged`: sentences of both, word for word; `distance`: words to put in, take out
    or exchange (Levenshtein 1966), `share`: that over the longer text's words, 0 to 1."""

    drafted: int
    signed: int
    unchanged: int
    words_drafted: int
    words_signed: int
    distance: int
    share: float


def compared(first: Review, signed: SignedNote) -> Comparison:
    """The draft as it was first shown, against what was signed: for what stays once the workbench is shredded."""
    drafted = [s.text for s in first.sentences]
    final = [s.text for section in signed.sections for s in section.sentences]
    before, after = " ".join(drafted).casefold().split(), " ".join(final).casefold().split()
    same = sum((Counter(drafted) & Counter(final)).values())
    distance, longer = word_distance(before, after), max(len(before), len(after), 1)
    return Comparison(len(drafted), len(final), same, len(before), len(after), distance, round(distance / longer, 4))


def word_distance(before: Sequence[str], after: Sequence[str]) -> int:
    """Levenshtein's distance in words, a column of the table at a time as bits of one number (Myers 1999, as Hyyrö 2003 gives it)."""
    places: dict[str, int] = {}
    for i, word in enumerate(before):
        places[word] = places.get(word, 0) | 1 << i
    whole, last = (1 << len(before)) - 1, 1 << len(before) >> 1
    more, fewer, distance = whole, 0, len(before)
    for word in after:
        equal = places.get(word, 0)
        across = (((equal & more) + more) ^ more) | equal
        down = equal | fewer
        rises, falls = fewer | ~(across | more), more & across
        distance += bool(rises & last) - bool(falls & last) if last else 1
        rises, falls = rises << 1 | 1, falls << 1
        more, fewer = (falls | ~(down | rises)) & whole, rises & down & whole
    return distance
