"""Recognisers from data: one for each rule of phi_rules.toml.

In: text. Out: Presidio results that carry their kind and replacement. Knows no name of a person, no profile and no severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import regex
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from prompts import table

KIND, REPLACEMENT = "kind", "replacement"
_SENTENCE_END = regex.compile(r"[.?!…](?=\s|$)|\n")
_NEAR = 60  # characters before a match in which `unless_before` may stand
_PART = regex.compile(r"<([A-Z]+)>")


class Rule(EntityRecognizer):
    """One rule. Its patterns are tried in turn; a match that the sentence around it excuses is not a finding."""

    def __init__(self, row: dict[str, Any], number: int) -> None:
        super().__init__(supported_entities=[row["entity"]], name=f"{row['kind']}/{number}")
        flags = 0 if row.get("case") else regex.IGNORECASE
        self.patterns = tuple(_compiled(expand(p), flags) for p in row["patterns"])
        self.unless = regex.compile(row["unless"], regex.IGNORECASE) if row.get("unless") else None
        self.unless_before = regex.compile(row["unless_before"], regex.IGNORECASE) if row.get("unless_before") else None
        self.wide = wide_places() if row.get("wide") else None
        self.found = {KIND: row["kind"], REPLACEMENT: row.get("replacement"), RecognizerResult.RECOGNIZER_NAME_KEY: self.name}

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:
        return [RecognizerResult(self.supported_entities[0], a, b, 0.9, recognition_metadata=dict(self.found)) for a, b in self._spans(text)]

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for pattern in self.patterns:
            group = "phi" if "phi" in pattern.groupindex else 0
            for m in pattern.finditer(text):
                start, end = m.span(group)
                if start < end and not self._excused(text, m.start(), m.end()) and not (self.wide and self._is_wide(text[start:end])):
                    yield start, end

    def _excused(self, text: str, start: int, end: int) -> bool:
        if self.unless_before and self.unless_before.search(text, max(0, start - _NEAR), end):
            return True
        return self.unless is not None and bool(self.unless.search(sentence(text, start, end)))

    def _is_wide(self, place: str) -> bool:
        """Every word is a state, a nation or a word that names no place: wide enough to identify nobody."""
        words = regex.findall(r"\p{L}+", place.lower())
        return all(w in self.wide or len(w) == 2 for w in words)


def sentence(text: str, start: int, end: int) -> str:
    """The sentence of `text` that holds `start:end`, 400 characters each way at most."""
    before = [m.end() for m in _SENTENCE_END.finditer(text, max(0, start - 400), start)]
    after = _SENTENCE_END.search(text, end, end + 400)
    return text[before[-1] if before else max(0, start - 400) : after.start() if after else end + 400]


def _compiled(pattern: str, flags: int) -> regex.Pattern[str]:
    """`pattern`, with the list of cities where it asks for it. A list is looked up; written out, it would take a fifth of a second to compile."""
    return (
        regex.compile(pattern, flags, cities=table("phi_rules.toml")["cities"]["words"]) if "<cities>" in pattern else regex.compile(pattern, flags)
    )


def expand(pattern: str) -> str:
    """`pattern` with its <PARTS> written out. Raises KeyError for a part that is not defined."""
    parts = table("phi_rules.toml")["parts"]
    while _PART.search(pattern):
        pattern = _PART.sub(lambda m: parts[m[1]], pattern)
    return pattern


@cache
def wide_places() -> frozenset[str]:
    """Words of places that identify nobody, and words that no place's name is made of."""
    people = table("phi_people.toml")
    return frozenset(people["wide_places"]["words"].split()) | frozenset(people["not_names"]["words"].split())


def rules() -> list[Rule]:
    """Every rule of phi_rules.toml, in order."""
    return [Rule(row, n) for n, row in enumerate(table("phi_rules.toml")["rule"], 1)]
