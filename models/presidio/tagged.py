"""What the clinical encoder reads as identifying, as Presidio results: bare surnames, small letters, names that no list holds.

In: text and a tagger, which is handed in: it is the encoder's, and this room does not know it. Out: results that carry their kind and reason.
The allow-list holds here too: Beck and Hamilton are scales, a state is no address. What a relation introduces takes the relation's kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import regex
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from drafting.types import PhiSpan
from models.presidio.people import introduced, named, result, treats
from models.presidio.rules import KIND, REPLACEMENT, wide_places
from prompts import table

Tagger = Callable[[str], Sequence[PhiSpan]]


class Tagged(EntityRecognizer):
    """Spans of a tagger, each with the kind that its label and the words before it say."""

    def __init__(self, tagger: Tagger) -> None:
        super().__init__(supported_entities=sorted(_labels()), name="encoder")
        self._tagger = tagger

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:
        return [r for span in self._tagger(text) if (r := _result(text, span))]


@cache
def _labels() -> dict[str, dict[str, str]]:
    """The tagger's labels, each with the kind that it is by itself."""
    return table("phi_policy.toml")["tagged"]


def _result(text: str, span: PhiSpan) -> RecognizerResult | None:
    own = _labels()[span.label]
    words = text[span.start : span.end]
    if span.score < own["least"] or not any(c.isalnum() for c in words) or _allowed(span.label, words):
        return None
    if span.label == "PERSON":
        if treats(text, span.start, span.end):
            return None
        if found := introduced(text, span.start, span.end):
            return None if found.recognition_metadata[KIND] == "care" else found
        return result(span.start, span.end, own["kind"], None)
    data = {KIND: own["kind"], REPLACEMENT: None, RecognizerResult.RECOGNIZER_NAME_KEY: "encoder"}
    return RecognizerResult(span.label, span.start, span.end, span.score, recognition_metadata=data)


def _allowed(label: str, words: str) -> bool:
    """Words that name nobody and nowhere in particular, whatever the tagger says."""
    if label == "PERSON":
        return not named(words)
    if label in ("PLACE", "DATE"):
        return all(w in wide_places() or len(w) <= 2 for w in regex.findall(r"\p{L}+", words.lower())) and not regex.search(r"\d", words)
    return False
