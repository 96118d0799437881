"""More than the reader needs: PHI in a draft, or in any text.

In: a draft and a scanner. Out: findings, each placed in its section and sentence. Knows no kind and no rule: the scanner and its policy do.
The draft is scanned whole, so that a person who is introduced in one sentence is known in the next: a line a sentence, a blank line between sections.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

from drafting.ports import PhiScanner
from drafting.types import Context, Draft, PhiFinding


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a sentence lies in the text that is scanned: characters `start:end`, the `number`th of its section."""

    start: int
    end: int
    section: str
    number: int


def screen(draft: Draft, scanner: PhiScanner, context: Context, profile: str = "chart") -> tuple[PhiFinding, ...]:
    """Findings in `draft`, in order. `start` and `end` count within the sentence; a finding that runs on over its end is cut there."""
    text, places = _laid_out(draft)
    starts = [p.start for p in places]
    findings = scanner.scan(text, context, profile) if places else ()
    return tuple(_placed(f, places[bisect_right(starts, f.start) - 1]) for f in findings)


def screen_text(text: str, scanner: PhiScanner, context: Context, profile: str = "chart") -> tuple[PhiFinding, ...]:
    """Findings in any text, in order; offsets count within it."""
    return scanner.scan(text, context, profile)


def _laid_out(draft: Draft) -> tuple[str, list[_Place]]:
    """The draft as one text, and where each sentence lies in it."""
    parts: list[str] = []
    places: list[_Place] = []
    at = 0
    for section in draft.format.sections:
        for number, sentence in enumerate(draft.section(section.key)):
            gap = "" if not parts else "\n\n" if number == 0 else "\n"
            at += len(gap)
            places.append(_Place(at, at + len(sentence.text), section.key, number))
            at += len(sentence.text)
            parts += [gap, sentence.text]
    return "".join(parts), places


def _placed(f: PhiFinding, place: _Place) -> PhiFinding:
    end = min(f.end, place.end)
    return replace(f, start=f.start - place.start, end=end - place.start, text=f.text[: end - f.start], section=place.section, sentence=place.number)
