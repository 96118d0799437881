"""The plain writer: the clinician's own words, nothing added, nothing that carries weight taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drafting.pipeline.composing import compose
from drafting.pipeline.formats import load
from drafting.pipeline.plain import PlainWriter, tidy
from drafting.pipeline.wording import content, weighty
from drafting.types import Context, Draft, DraftSentence, Role, Routed
from tests.making import record, routed, statement


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("um so she she slept uh four hours", "She slept four hours."),
        ("and i taught box breathing,", "I taught box breathing."),
        ("okay, you know, he denied SI today", "He denied SI today."),
        ("For the chart: insight is fair", "Insight is fair."),
        ("Plan: see her on Tuesday at 4", "See her on Tuesday at 4."),
        ("He had had two drinks.", "He had had two drinks."),
        ("no no he never drove", "No no he never drove."),
        ("She took 50 50 mg by mistake", "She took 50 50 mg by mistake."),
        ("Client said “I, um, can't.”", "Client said “I, can't.”"),
        ("um, uh, okay", ""),
        ("I mean, she agreed", "She agreed."),
        ("what I mean is she agreed", "What I mean is she agreed."),
        ("well rested, and on time", "Well rested, and on time."),
    ],
)
def test_lightly_edited(said: str, written: str) -> None:
    """Fillers, repeats and commands go; numbers, negations and meaning stay."""
    assert tidy(said) == written


WORDS = [
    "um",
    "uh",
    "so",
    "and",
    "she",
    "she",
    "he",
    "not",
    "never",
    "no",
    "denied",
    "50",
    "mg",
    "two",
    "two",
    "sertraline",
    "twice",
    "slept",
    "you know,",
    "I mean,",
    "okay",
    "Plan:",
    "private:",
    "a.m.",
    "i",
    "sorry",
    "five",
    "wasn't",
]


@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_weighty_words_are_never_touched(words: list[str]) -> None:
    """Whatever is edited away, the numbers, negations, times and drugs are the same, in order."""
    said = " ".join(words)
    assert weighty(tidy(said)) == (weighty(said) if tidy(said) else ())


@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_no_word_is_added(words: list[str]) -> None:
    """Every content word of the sentence was said."""
    said = " ".join(words)
    assert set(content(tidy(said))) <= set(content(said))


def _draft(r: Routed, key: str = "soap") -> Draft:
    return compose(r.record, load(key), PlainWriter(), Context())


def test_neighbours_in_one_section_stay_one_sentence() -> None:
    """Two clauses of one sentence in one section are one sentence, with both as evidence."""
    d = _draft(routed("Client missed two workdays because of panic, and her supervisor has issued a warning."))
    assert [(s.text, s.evidence) for s in d.sentences] == [
        ("Client missed two workdays because of panic, and her supervisor has issued a warning.", ("s1", "s2"))
    ]


def test_a_sentence_is_never_joined_over_a_private_one() -> None:
    """What stood around a private clause is not glued together."""
    d = _draft(routed("Client reports poor sleep, and I felt bored, and she reports low appetite."))
    assert [s.evidence for s in d.sentences] == [("s1",), ("s3",)]


def test_sections_take_their_roles() -> None:
    """Each statement stands under the section that its role belongs to, in the order of the source."""
    d = _draft(routed("PHQ-9 was 11. Client reports poor sleep. We will meet next week. Symptoms are consistent with depression. GAD-7 was 8."))
    assert [s.section for s in d.sentences] == ["subjective", "objective", "objective", "assessment", "plan"]
    assert [s.text for s in d.section("objective")] == ["PHQ-9 was 11.", "GAD-7 was 8."]


def test_the_writer_is_handed_record_statements_alone() -> None:
    """Anything else, a private statement above all, is refused by type."""
    with pytest.raises(TypeError):
        compose((statement("I felt bored."),), load("soap"), PlainWriter(), Context())


class Loose:
    """A writer that cites what it was never given."""

    name = "loose"

    def __init__(self, section: str) -> None:
        self.section = section

    def write(self, statements, note_format, context) -> Draft:
        return Draft(note_format, (DraftSentence(self.section, "He slept.", ("s1", "s99")),), self.name)


def test_evidence_that_was_never_handed_in_is_struck() -> None:
    """A writer cannot cite a statement that it did not get, nor write a section that is not there."""
    handed = record("He slept.", "He ate.")
    d = compose(handed, load("soap"), Loose("subjective"), Context())
    assert d.sentences[0].evidence == ("s1",) and d.omitted == ("s2",)
    with pytest.raises(ValueError, match="section"):
        compose(handed, load("soap"), Loose("musings"), Context())


def test_a_question_about_danger_keeps_its_answer() -> None:
    """In a session the answer "No" means nothing without its question: both stand, both are evidence."""
    from drafting.types import Mode

    text = "Therapist: Any thoughts of suicide?\nClient: No.\n"
    context = Context(mode=Mode.SESSION)
    d = compose(routed(text, context).record, load("soap"), PlainWriter(), context)
    assert [(s.text, s.evidence) for s in d.sentences] == [("Clinician asked: “Any thoughts of suicide?” Client said: “No.”", ("s1", "s2"))]


def test_roles_hold_in_every_format() -> None:
    """A statement of each role is written exactly once, in every format."""
    for key in ("soap", "dap", "birp", "girp", "pirp", "darp", "pie", "narrative"):
        for role in Role:
            d = compose(record("He said a thing.", role=role), load(key), PlainWriter(), Context())
            assert [s.evidence for s in d.sentences] == [("s1",)], (key, role)


def test_a_recognisers_clauses_are_sentences_of_their_own() -> None:
    """Where nothing but a new subject parts two clauses, each is a sentence; a clause that hangs on another stays with it."""
    text = "client reports poor sleep since the move to the new flat she says the appetite is low because the nausea is back again this week he denied any thoughts of suicide"
    sentences = [s.text for s in _draft(routed(text)).sentences]
    assert "He denied any thoughts of suicide." in sentences
    assert any("because the nausea is back" in s and s.startswith("She says") for s in sentences)
