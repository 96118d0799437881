"""Quotations: one that is too long, and more of them in a paragraph than the policy allows.

In: text, in which a blank line parts paragraphs (a draft's sections). Out: Presidio results of kind F12. Knows no speaker.
"""

from __future__ import annotations

import regex
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from models.presidio.rules import KIND, REPLACEMENT
from prompts import table

MOST_WORDS, FEWEST_WORDS = 15, 4  # longer is too long; shorter is a word or an answer, and is not counted
_QUOTATION = regex.compile(r"“[^”\n]+”|(?<!\w)\"[^\"\n]+\"(?!\w)")
_PARAGRAPH = regex.compile(r"(?:[^\n]|\n(?!\n))+")


class Quotations(EntityRecognizer):
    """Finds quotations of more than `MOST_WORDS` words, and the first of a paragraph that is one too many."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["QUOTE"], name="quotations")
        self.policy = table("phi_policy.toml")["quotes"]

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:
        found = []
        for paragraph in _PARAGRAPH.finditer(text):
            quotations = (m for m in _QUOTATION.finditer(text, paragraph.start(), paragraph.end()) if len(m[0].split()) >= FEWEST_WORDS)
            for n, m in enumerate(quotations):
                if len(m[0].split()) > MOST_WORDS:
                    found.append(self._result(m, None))
                elif n == self.policy["most"]:
                    found.append(self._result(m, self.policy["reason"]))
        return found

    def _result(self, m: regex.Match[str], reason: str | None) -> RecognizerResult:
        data = {KIND: "F12", REPLACEMENT: None, "reason": reason, RecognizerResult.RECOGNIZER_NAME_KEY: self.name}
        return RecognizerResult("QUOTE", m.start(), m.end(), 0.9, recognition_metadata=data)
