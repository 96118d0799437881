"""Statements cover the source, exactly, whatever an encoder drew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting.errors import AsideError
from drafting.pipeline.source import read_source
from drafting.pipeline.statements import state
from drafting.types import Clause, Reading, Role, Route, Statement, Transcript, Turn, Utterance
from models.cues import CueEncoder
from tests.making import ENCODER, transcript

NEUTRAL = {Route.RECORD: 0.4, Route.PRIVATE: 0.3, Route.SET_ASIDE: 0.3}


def clauses_of(text: str) -> list[str]:
    t = transcript(text)
    return [s.text for s in state(t, ENCODER.read(t))]


def assert_partition(text: str, statements: tuple[Statement, ...]) -> None:
    """Every character that is no blank lies in exactly one statement, in order, and each statement quotes the text exactly."""
    at = 0
    for s in statements:
        assert s.start >= at and s.text == text[s.start : s.end] and s.start <= s.body <= s.end
        assert not text[at : s.start].strip()
        at = s.end
    assert not text[at:].strip()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("I felt bored, but she stopped lithium ten days ago.", ["I felt bored,", "but she stopped lithium ten days ago."]),
        ("Dr. Lin raised it to 50 mg. He sleeps at 9 p.m. most nights.", ["Dr. Lin raised it to 50 mg.", "He sleeps at 9 p.m. most nights."]),
        ("He slept 4.5 hours. Mood low.", ["He slept 4.5 hours.", "Mood low."]),
        ("- slept well\n- ate three meals\n- no panic", ["- slept well", "- ate three meals", "- no panic"]),
        ("One thought; another thought.", ["One thought;", "another thought."]),
        (
            "A wrapped line of a paragraph that goes on well past the\nmargin of the page.",
            ["A wrapped line of a paragraph that goes on well past the\nmargin of the page."],
        ),
        ("Wait... what? Yes!", ["Wait...", "what?", "Yes!"]),
    ],
)
def test_clauses_of_small_texts(text: str, clauses: list[str]) -> None:
    """Clauses, not only sentences; a full stop inside a number or after an abbreviation ends nothing."""
    assert clauses_of(text) == clauses


def test_unpunctuated_speech_falls_into_clauses() -> None:
    """A recogniser's text with no mark at all still parts at new subjects."""
    text = "she came in late and she said the week was hard i felt annoyed by that and then i taught box breathing and she practised it twice next session is tuesday"
    found = clauses_of(text)
    assert len(found) >= 4
    assert not any("annoyed" in c and "taught" in c for c in found)


def test_quotations_are_not_cut() -> None:
    """A joining word inside quotation marks begins nothing."""
    assert clauses_of('She said "I tried, but he left and I cried" and stopped.') == ['She said "I tried, but he left and I cried" and stopped.']


@settings(max_examples=300)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400))
def test_random_text_is_partitioned(text: str) -> None:
    """Random text, all of Unicode."""
    t = Transcript(text, (Turn(0, len(text), 0),))
    assert_partition(text, state(t, ENCODER.read(t)))


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                "I felt",
                "she",
                "but",
                "and",
                ",",
                ".",
                ";",
                "—",
                "\n",
                "\n\n",
                '"',
                "Dr.",
                "a.m.",
                "Client:",
                "Therapist:",
                "then",
                "which",
                "50",
                "mg",
                ":",
                "…",
                "- ",
            ]
        ),
        max_size=60,
    )
)
def test_text_made_of_borders_is_partitioned(parts: list[str]) -> None:
    """Text that is nothing but what the splitter looks at."""
    text = " ".join(parts)
    try:
        t = read_source(text.encode(), ".txt")
    except AsideError:
        return
    assert_partition(t.text, state(t, ENCODER.read(t)))


@given(
    st.text(alphabet="ab \n.", min_size=1, max_size=60), st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=6), st.integers(0, 60)
)
def test_whatever_the_encoder_draws_nothing_is_lost(text: str, spans: list[tuple[int, int]], border: int) -> None:
    """Gaps, overlaps, clauses over a turn's border or past the end: the statements still cover the text once."""
    clauses = tuple(Clause(a, b, NEUTRAL, {Role.REPORT: 1.0}) for a, b in sorted(spans) if a < b)
    border = min(border, len(text))
    t = Transcript(text, (Turn(0, border, 0, "clinician"), Turn(border, len(text), border, "client")))
    assert_partition(text, state(t, Reading(clauses)))


def test_times_follow_the_words() -> None:
    """A statement's times are its words' own where the engine gave them, and its share of the utterance where it did not."""
    text = "She slept well. He did not."
    t = Transcript(text, (Turn(0, len(text), 0, None, (10.0, 20.0)),), (Utterance(text, 10.0, 20.0),))
    first, second = state(t, CueEncoder().read(t))
    assert first.audio[0] == 10.0 and second.audio[1] == 20.0
    assert first.audio[1] <= second.audio[0]


def test_ids_count_up() -> None:
    """Ids are s1, s2, … in the order of the text."""
    t = transcript("One thing was said. Another thing was said. And a third.")
    assert [s.id for s in state(t, ENCODER.read(t))] == ["s1", "s2", "s3"]


@pytest.mark.skipif("PUBLIC_DIALOGUES" not in os.environ, reason="set PUBLIC_DIALOGUES to a folder of .jsonl dialogues to run this over them")
def test_public_dialogues_are_partitioned() -> None:
    """Every text field of the public dialogue sets, as typed."""
    seen = 0
    for path in sorted(Path(os.environ["PUBLIC_DIALOGUES"]).glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for value in json.loads(line).values():
                if isinstance(value, str) and len(value) > 40:
                    text = value.replace("\r\n", "\n").replace("\r", "\n")
                    t = Transcript(text, (Turn(0, len(text), 0),))
                    assert_partition(text, state(t, ENCODER.read(t)))
                    seen += 1
    assert seen > 100


def test_a_clause_that_another_leads_into_is_not_cut_off() -> None:
    """In a recogniser's text "reports that he slept" stays whole: what somebody says or fears is never left to stand as a fact."""
    text = "client reports that he slept better this week and he went back to work on monday she says she fears that she will lose the hearing"
    assert not any(c.startswith(("he slept", "she will lose")) for c in clauses_of(text))


def test_a_long_sentence_is_no_recognisers_text() -> None:
    """One long sentence with its full stop keeps what a verb leads into."""
    text = "We used Socratic questioning on the belief that one bad night means she will lose the hearing in front of everybody there. She agreed."
    assert clauses_of(text)[0].endswith("everybody there.")
