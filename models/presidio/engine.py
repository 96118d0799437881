"""Presidio without a download: its analyzer over a blank English pipeline, with the recognisers that the policy names.

In: our own recognisers. Out: an `AnalyzerEngine`. Knows no kind of finding and no profile.

Four traps are closed here. A bare `AnalyzerEngine()` fetches a model. A blank pipeline has no lemmas, and without them no context word counts.
The e-mail recogniser asks `tldextract`, which fetches lists unless it is told to use the one that it ships. At its debug level Presidio logs
words of the text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import regex
import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, Pattern, RecognizerRegistry, RecognizerResult
from presidio_analyzer import predefined_recognizers as ready
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine

logging.getLogger("presidio-analyzer").setLevel(logging.WARNING)  # no text in logs

# A bare domain counts with an everyday ending only: "slept well.so she" is no address.
_WEB = [
    Pattern("address", r"\bhttps?://[^\s<>\"“”]+[^\s<>\"“”.,;:!?)]", 0.9),
    Pattern("www", r"\bwww\.[\w-]+(?:\.[\w-]+)+(?:/[^\s<>\"“”]*[^\s<>\"“”.,;:!?)])?", 0.9),
    Pattern("domain", r"\b(?<!@)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|edu|gov|info|co\.uk|org\.uk|ac\.uk|nhs\.uk)\b(?:/[^\s<>\"“”]*)?", 0.6),
]
_PHONE_REGIONS = ("US", "GB")


class _BlankEngine(SpacyNlpEngine):
    """Tokens and nothing else: no model, no file, no network. A token's lemma is the token in small letters, so that context words can match."""

    def __init__(self) -> None:
        super().__init__(ner_model_configuration=NerModelConfiguration(model_to_presidio_entity_mapping={}))
        self.nlp = {"en": spacy.blank("en")}

    def load(self) -> None:
        """Nothing to load: the pipeline is made in the constructor."""

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        doc = self.nlp[language].make_doc(text)
        return NlpArtifacts([], doc, [t.idx for t in doc], [t.lower_ for t in doc], self, language)


class _Email(ready.EmailRecognizer):
    """An address whose ending is in the public suffix list that `tldextract` ships is certain; another is believed as far as its pattern goes."""

    _domains = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(self, pattern_text: str) -> bool | None:
        return True if self._domains(pattern_text).top_domain_under_public_suffix else None


class _Phone(ready.PhoneRecognizer):
    """Looks only at a text that holds seven digits with nothing but spaces and marks between them; the search itself is slow."""

    _digits = regex.compile(r"(?:\d[\s().+/-]{0,3}){7}")

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:
        return super().analyze(text, entities, nlp_artifacts) if self._digits.search(text) else []


def _ready_made() -> list[EntityRecognizer]:
    return [
        _Email(),
        ready.UrlRecognizer(patterns=_WEB),
        ready.IpRecognizer(),
        _Phone(supported_regions=_PHONE_REGIONS),
        ready.CreditCardRecognizer(),
        ready.IbanRecognizer(),
        ready.UsSsnRecognizer(),
        ready.UsItinRecognizer(),
        ready.UsLicenseRecognizer(),
        ready.UsPassportRecognizer(),
        ready.UsBankRecognizer(),
        ready.UsMbiRecognizer(),
        ready.NhsRecognizer(),
        ready.UkNinoRecognizer(),
        ready.UkPassportRecognizer(),
        ready.UkDrivingLicenceRecognizer(),
        ready.UkVehicleRegistrationRecognizer(),
    ]


def analyzer(ours: Iterable[EntityRecognizer]) -> AnalyzerEngine:
    """Presidio's analyzer with its recognisers for numbers and contacts, and `ours`."""
    registry = RecognizerRegistry(recognizers=[*_ready_made(), *ours], supported_languages=["en"])
    whole_words = LemmaContextAwareEnhancer(context_matching_mode="whole_word")
    return AnalyzerEngine(registry=registry, nlp_engine=_BlankEngine(), supported_languages=["en"], context_aware_enhancer=whole_words)
