"""Public text that is read beside the corpus in training: where sentences begin, and words that identify somebody.

In: a folder with presidio-research, WNUT-17 and MTS-Dialog as JSON Lines. Out: `Piece`s that know one of the two and nothing of clauses.
Training only. What each is, and its licence, stands on the card.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from drafting.types import Route
from models.encoder.pieces import Piece, Segment, Span

PHI, WNUT, DIALOGUES = "phi/presidio-research.jsonl", "phi/wnut17-train.jsonl", "dialogues/mts-dialog-trainingset.jsonl"
A_PIECE = 12  # sentences of a piece
LABEL = {
    "PERSON": "PERSON",
    "STREET_ADDRESS": "PLACE",
    "GPE": "PLACE",
    "ZIP_CODE": "PLACE",
    "ORGANIZATION": "EMPLOYER",
    **dict.fromkeys(("PHONE_NUMBER", "EMAIL_ADDRESS", "DOMAIN_NAME", "IP_ADDRESS"), "CONTACT"),
    **dict.fromkeys(("CREDIT_CARD", "IBAN_CODE", "US_SSN"), "NUMBER"),
    "DATE_TIME": "DATE",
    "person": "PERSON",
    "location": "PLACE",
    "corporation": "EMPLOYER",
}
HELD_OUT_TEMPLATES = 3  # of presidio-research, every third template is kept for measuring
_SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z])|\n+")


def read(folder: Path, seed: int = 0) -> list[Piece]:
    """All of it, packed into pieces. Raises FileNotFoundError where the folder does not hold it."""
    rng = random.Random(seed)
    phi = [_spans(row["text"], row["spans"]) for row in rows(folder / PHI) if row["template"] % HELD_OUT_TEMPLATES]
    tweets = [tagged(row["tokens"], row["tags"]) for row in rows(folder / WNUT)]
    named = [s for s in tweets if s.phi] + [s for s in tweets if not s.phi][:400]
    told = [list(map(_plain, filter(None, _SENTENCE.split(_said(row))))) for row in rows(folder / DIALOGUES)]
    rng.shuffle(phi)
    rng.shuffle(named)
    return [
        *_packed("presidio-research", phi, {"tags"}),
        *_packed("wnut17", named, {"tags"}),
        *(p for d in told for p in _packed("mts-dialog", d, {"begins"}) if len(p.segments) > 4),
    ]


def rows(path: Path) -> Iterator[dict]:
    """The rows of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _packed(name: str, segments: Sequence[Segment], knows: set[str]) -> Iterator[Piece]:
    for at in range(0, len(segments), A_PIECE):
        yield Piece(f"{name}-{at}", name, "dictation", "public", tuple(segments[at : at + A_PIECE]), frozenset(knows))


def _plain(text: str) -> Segment:
    return Segment(text.strip(), Route.RECORD)


def _said(row: dict) -> str:
    """A dialogue without its speakers, and the note made of it."""
    return re.sub(r"^\s*\w+:\s*", "", row["dialogue"], flags=re.M).replace("\r", "") + "\n" + row["section_text"]


def _spans(text: str, spans: Sequence[Sequence]) -> Segment:
    return Segment(text, Route.RECORD, phi=tuple(Span(a, b, LABEL[k]) for a, b, k in sorted(spans) if k in LABEL))


def tagged(tokens: Sequence[str], tags: Sequence[str]) -> Segment:
    """Tokens and their BIO tags as text and spans."""
    text, spans = "", []
    for token, tag in zip(tokens, tags, strict=True):
        text += " " if text else ""
        kind = LABEL.get(tag[2:])
        if kind and tag[0] == "I" and spans and spans[-1][1] == len(text) - 1:
            spans[-1][1] = len(text) + len(token)
        elif kind:
            spans.append([len(text), len(text) + len(token), kind])
        text += token
    return Segment(text, Route.RECORD, phi=tuple(Span(*s) for s in spans))
