"""Presidio without a download: its analyzer over a blank English pipeline, with the recognisers that the policy names.

In: our own recognisers. Out: an `AnalyzerEngine`. Knows no kind of finding and no profile.

Four traps are closed here. A bare `AnalyzerEngine()` fetches a model. A blank pipeline has no lemmas, and without them no context word counts.
The e-mail recogniser asks `tldextract`, which fetches lists unless it is told to use the one that it ships. At its debug level Presidio logs
words of the text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, Pattern, RecognizerRegistry
from presidio_analyzer import predefined_recognizers as ready
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from spacy.language import Language
from spacy.tokens import Doc

logging.getLogger("presidio-analyzer").setLevel(logging.WARNING)  # no text in logs

# A bare domain counts with an everyday ending only: "slept well.so she" is no address.
_WEB = [
    Pattern("address", r"\bhttps?://[^\s<>\"“”]+[^\s<>\"“”.,;:!?)]", 0.9),
    Pattern("www", r"\bwww\.[\w-]+(?:\.[\w-]+)+(?:/[^\s<>\"“”]*[^\s<>\"“”.,;:!?)])?", 0.9),
    Pattern("domain", r"\b(?<!@)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|edu|gov|info|co\.uk|org\.uk|ac\.uk|nhs\.uk)\b(?:/[^\s<>\"“”]*)?", 0.6),
]
_PHONE_REGIONS = ("US", "GB")


@Language.component("lemma_is_lower")
def _lemmas(doc: Doc) -> Doc:
    """A lemma a token, so that Presidio's context words can match."""
    for token in doc:
        token.lemma_ = token.lower_
    return doc


class _BlankEngine(SpacyNlpEngine):
    """Tokens and nothing else: no model, no file, no network."""

    def __init__(self) -> None:
        super().__init__(ner_model_configuration=NerModelConfiguration(model_to_presidio_entity_mapping={}))
        nlp = spacy.blank("en")
        nlp.add_pipe("lemma_is_lower")
        self.nlp = {"en": nlp}

    def load(self) -> None:
        """Nothing to load: the pipeline is made in the constructor."""


class _Email(ready.EmailRecognizer):
    """An address whose ending is in the public suffix list that `tldextract` ships is certain; another is believed as far as its pattern goes."""

    _domains = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(self, pattern_text: str) -> bool | None:
        return True if self._domains(pattern_text).top_domain_under_public_suffix else None


def _ready_made() -> list[EntityRecognizer]:
    return [
        _Email(),
        ready.UrlRecognizer(patterns=_WEB),
        ready.IpRecognizer(),
        ready.PhoneRecognizer(supported_regions=_PHONE_REGIONS),
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
