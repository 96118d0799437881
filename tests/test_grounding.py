"""Grounding: rules that are not the writer's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drafting.pipeline.formats import load
from drafting.pipeline.grounding import LOST_NEGATIVE, NEW_FACT, NEW_NEGATIVE, NO_SOURCE, OTHER_WORDS, ground, judge
from drafting.pipeline.plain import tidy
from drafting.types import Draft, DraftSentence, Support
from tests.making import record


@pytest.mark.parametrize(
    ("sentence", "sources", "support", "why"),
    [
        ("Client slept four hours.", ["um she slept four hours"], Support.SUPPORTED, None),
        ("Client slept 4 hours.", ["she slept four hours"], Support.SUPPORTED, None),
        ("Client slept five hours.", ["she slept four hours"], Support.UNSUPPORTED, NEW_FACT),
        ("Sertraline was raised.", ["the dose was raised"], Support.UNSUPPORTED, NEW_FACT),
        ("Seen on Tuesday.", ["seen on Monday"], Support.UNSUPPORTED, NEW_FACT),
        ("Client denied suicidal ideation.", ["she talked about her week"], Support.UNSUPPORTED, NEW_NEGATIVE),
        ("Client denied suicidal ideation.", ["we talked about suicidal ideation"], Support.UNSUPPORTED, NEW_NEGATIVE),
        ("Client denied suicide.", ["he denied drinking and talked of suicide"], Support.UNSUPPORTED, NEW_NEGATIVE),
        ("Client denied suicidal thoughts.", ["she denied suicidal thoughts today"], Support.SUPPORTED, None),
        ("Client is drinking.", ["he is not drinking"], Support.UNSUPPORTED, LOST_NEGATIVE),
        ("Client slept.", [], Support.UNSUPPORTED, NO_SOURCE),
        ("Grief about grandmother dominated exploration of attachment.", ["she talked about her cat"], Support.WEAK, OTHER_WORDS),
    ],
)
def test_judgement(sentence: str, sources: list[str], support: Support, why: str | None) -> None:
    """Numbers, times, drugs and negations must be in the source; risk negatives only from a source that denies that danger."""
    assert judge(sentence, sources) == (support, why)


def test_sources_are_found_by_id() -> None:
    """A sentence is judged by the statements that it cites and no others."""
    handed = record("She slept four hours.", "She ate twice.")
    draft = Draft(
        load("soap"),
        (DraftSentence("subjective", "She slept four hours.", ("s2",)), DraftSentence("subjective", "She slept four hours.", ())),
        "test",
    )
    assert [s.support for s in ground(draft, handed).sentences] == [Support.UNSUPPORTED, Support.UNSUPPORTED]


@given(
    st.lists(
        st.sampled_from("she he slept four hours never drank twice today denied suicide plan sertraline not um so and the".split()),
        min_size=3,
        max_size=20,
    )
)
def test_what_the_plain_writer_does_is_supported(words: list[str]) -> None:
    """Own words, lightly edited, are always borne out by themselves."""
    said = " ".join(words)
    if tidy(said):
        assert judge(tidy(said), [said])[0] is Support.SUPPORTED
