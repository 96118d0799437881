"""What a section's answer must look like, and what is made of the one that came.

In: the ids of a section's statements; an answer's text. Out: a JSON schema; `Said`, or `Unusable` with a reason. Knows no model and no wording.

A grammar binds form alone, and a server may bind nothing, so every answer is read as if it were written by a stranger.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

LONGEST = 400  # characters of a sentence
CITED = 6  # statements behind one sentence, at most
HURRY = 48  # tokens: so near to its last one an answer that is bound closes what is open; that takes a quote, the longest id and the brackets
BRINK = 20  # characters: so near to LONGEST a sentence without an end was cut off by its bound

# Characters that a note is written in: neither control characters nor those that reorder a line, no surrogates, none of private use, no mark of a
# broken character. The grammar is given neither a straight quote nor a backslash, which would end the string or begin an escape.
_WIDE = "\u00a0-\u2027\u202f-\u205f\u2070-\ud7ff\uf900-\ufefe\uff00-\ufffc\U00010000-\U000e0fff"
_BOUND = rf"^[ -!#-\[\]-~{_WIDE}]+$"
_WRITTEN = re.compile(rf"[ -~{_WIDE}]+")
_ENDED = re.compile(r"[.?!…][\"'”’»)\]]*$")
_REFUSING = re.compile(
    r"\s*(?:(?:i['’]?m|i am) (?:very |so |really )?(?:sorry|unable|not able|an ai)\b|sorry,|i apologi[sz]e|i can(?:['’]?t| ?not)\b|"
    r"as an? (?:ai|artificial intelligence|(?:large )?language model)(?: language model| model| assistant)?,)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of an answer, and the ids that it cites."""

    text: str = field(repr=False)
    evidence: tuple[str, ...]


class Unusable(Exception):
    """An answer that cannot be used; `reason` is a code of `Fallback`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def schema(ids: Sequence[str], sentences: int) -> dict[str, object]:
    """What a section's answer is bound to: at most so many sentences, each resting on some of `ids`."""
    sentence = {
        "text": {"type": "string", "pattern": _BOUND, "minLength": 1, "maxLength": LONGEST},
        "evidence": {"type": "array", "items": {"type": "string", "enum": list(ids)}, "minItems": 1, "maxItems": CITED},
    }
    return _closed({"sentences": {"type": "array", "items": _closed(sentence), "maxItems": sentences}})


def _closed(properties: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read(answer: str, ids: Collection[str], sentences: int, cut: bool = False) -> tuple[Said, ...]:
    """The sentences of `answer`, at least one. `cut`: the model was within HURRY of its last token, so an answer or a last sentence
    without an end is too long. Raises Unusable."""
    try:
        given = json.loads(answer)
    except (ValueError, RecursionError):
        raise Unusable(_reason(answer, cut)) from None
    rows = _rows(given)
    if not rows:
        raise Unusable("empty")
    if len(rows) > sentences:
        raise Unusable("too_long")
    if cut and not _ENDED.search(rows[-1][0].strip()):
        raise Unusable("too_long")
    said = tuple(_said(text, evidence, ids) for text, evidence in rows)
    if len({s.text.casefold() for s in said}) < len(said):
        raise Unusable("invalid")
    return said


def _reason(answer: str, cut: bool) -> str:
    """Why an answer is no JSON."""
    if not answer.strip():
        return "empty"
    if _REFUSING.match(answer):
        return "refused"
    return "too_long" if cut else "invalid"


def _rows(given: object) -> list[tuple[str, list[str]]]:
    """The answer's pairs of text and evidence, where it has the form that was asked for and nothing beside."""
    if not (isinstance(given, dict) and given.keys() == {"sentences"} and isinstance(given["sentences"], list)):
        raise Unusable("invalid")
    for row in given["sentences"]:
        if not (isinstance(row, dict) and row.keys() == {"text", "evidence"} and isinstance(row["text"], str) and isinstance(row["evidence"], list)):
            raise Unusable("invalid")
    return [(row["text"], row["evidence"]) for row in given["sentences"]]


def _said(text: str, evidence: Sequence[object], ids: Collection[str]) -> Said:
    """One sentence, checked."""
    text = unicodedata.normalize("NFC", text).strip()
    ended = bool(_ENDED.search(text))
    if not any(c.isalnum() for c in text):
        raise Unusable("empty")
    if _REFUSING.match(text):
        raise Unusable("refused")
    if not _WRITTEN.fullmatch(text):
        raise Unusable("invalid")
    if len(text) > LONGEST or (not ended and len(text) > LONGEST - BRINK):
        raise Unusable("too_long")
    if not 1 <= len(evidence) <= CITED or not all(isinstance(e, str) and e in ids for e in evidence):
        raise Unusable("invalid")
    return Said(text if ended else f"{text}.", tuple(dict.fromkeys(evidence)))
