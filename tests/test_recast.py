"""The third person, the record's tense, and what somebody else said left as it was."""

from __future__ import annotations

import pytest

from drafting.pipeline.plain.quoted import spans, speech, unended
from drafting.pipeline.plain.recast import Record, recast, replaced
from drafting.pipeline.plain.referents import others, pronoun
from drafting.types import Context, Style

USUAL = Record("Client", "Clinician", "client", True, "she", ("Mara Quist",))

TOLD = [
    ("I taught her box breathing.", "Clinician taught her box breathing."),
    ("We used Socratic questioning.", "Clinician and client used Socratic questioning."),
    ("We taught DEAR MAN.", "Clinician taught DEAR MAN."),
    ("We'll meet on Tuesday.", "Clinician and client will meet on Tuesday."),
    ("My impression is that symptoms remain.", "Clinician's impression is that symptoms remain."),
    ("I'm carrying it as bereavement.", "Clinician is carrying it as bereavement."),
    ("I'd stay with the diagnosis.", "Clinician would stay with the diagnosis."),
    ("I'd seen her before.", "Clinician had seen her before."),
    ("I don't think so.", "Clinician does not think so."),
    ("I will send the letter.", "Clinician will send the letter."),
    ("She told me it helped, and I praised her.", "She told clinician it helped, and clinician praised her."),
    ("She patted my arm.", "She patted clinician's arm."),
    ("Our next session is Monday.", "The next session is Monday."),
    ("The patient denies SI.", "Client denied SI."),
    ("She did say she stopped the trazodone.", "She said she stopped the trazodone."),
    ("She says the worry starts in bed.", "She said the worry starts in bed."),
    ("Mara reports poor sleep, and Mara's mother agrees.", "Client reported poor sleep, and client's mother agrees."),
    ("Ms. Quist came on time.", "Client came on time."),
]


@pytest.mark.parametrize(("said", "written"), TOLD)
def test_told_as_a_record_tells_it(said: str, written: str) -> None:
    """ "I" and "we" are named, the client's name is the house's word, what was said in the session is past."""
    assert recast(said, USUAL) == written


@pytest.mark.parametrize(
    "said",
    [
        "She said I can't do this any more.",
        "He told her, “I am done with my job.”",
        'Her words: "I am bored with myself.',
        "I strode out of my office.",
        "Her sister Mara drove her.",
        "Mara Olsen from the clinic called.",
        "He says it is her fault.",
        "She says every night that nobody calls.",
        "Bipolar I, in partial remission.",
        "Continue weekly CBT.",
        "Next session is Tuesday at 2.",
        "She denied it, and i'd ation.",
    ],
)
def test_left_as_said(said: str) -> None:
    """Somebody's speech, a namesake, a relative's words, a habit, a plan and what is not understood stay as they are."""
    assert recast(said, USUAL) == said


def test_speech_without_marks_ends_where_the_clinician_goes_on() -> None:
    """An "I" after "she said" may be hers; after "and I asked" it is the clinician's."""
    assert recast("She said I hate my life and I asked if she felt safe.", USUAL) == "She said I hate my life and clinician asked if she felt safe."
    assert speech("She slept well.") == (15, 15)


def test_a_present_told_dictation_stays_present() -> None:
    """Where the session is told in the present, nothing is put in the past."""
    record = Record.of(["I ask her to breathe.", "She looks away.", "She says no."], Context())
    assert recast("She says no.", record) == "She says no."


def test_the_house_names_both() -> None:
    """A style's own words stand for the client and the clinician; initials keep their capitals."""
    record = Record.of(["I taught her breathing and she laughed."], Context(style=Style(client="Patient", clinician="Therapist")))
    assert recast("I asked the client and told my client so.", record) == "Therapist asked patient and told patient so."
    initials = Record.of(["I taught her breathing."], Context(style=Style(client="M.Q.")))
    assert recast("We met at noon, and the client left.", initials) == "Clinician and M.Q. met at noon, and M.Q. left."


def test_we_holds_whoever_came() -> None:
    """In a couple's or a group's session "we" is not the client alone."""
    record = Record.of(["Couples session, both partners came.", "We wrote a list."], Context())
    assert recast("We wrote a list.", record) == "Clinician and the couple wrote a list."


def test_phrases_are_replaced_as_whole_words_outside_quotations() -> None:
    """The house's words stand for the speaker's, with a capital at the head, and no quotation is touched."""
    assert replaced("Meds at night; “no meds”, said the medsman.", ("meds", "medication")) == "Medication at night; “no meds”, said the medsman."


@pytest.mark.parametrize(
    ("texts", "who"),
    [
        (["Client says she is tired.", "His brother called him, he said."], "she"),
        (["I asked him about sleep.", "Her mother left her."], "he"),
        (["She slept.", "She ate."], "she"),
        (["She slept.", "He ate."], None),
        (["Client's mother says she is tired."], None),
        (["He slept."], None),
    ],
)
def test_the_clients_pronoun(texts: list[str], who: str | None) -> None:
    """The pronoun is the one that can only be the client's; where it may be a relative's, none is sure."""
    assert pronoun(texts) == who


def test_others_are_those_whom_the_pronoun_may_mean() -> None:
    """A brother is never "she", a sister, a manager and a stranger's name may be; the client's own name is nobody else."""
    assert not others("Her brother Colin drove.", "she")
    assert others("Her sister drove.", "she") and others("Her manager called.", "she") and others("She met Priya there.", "she")
    assert not others("Later Mara slept.", "she", ("Mara Quist",))


def test_quotations_run_over_clauses() -> None:
    """A mark without its fellow holds all on its side, and a clause in the middle of a quotation is held whole."""
    assert spans("He said “no” and “I") == [(8, 12), (17, 19)]
    assert unended("Her words: “I am tired.") and unended("I still set two places.", within=True)
    assert not unended("I never sleep.” She laughed.", within=True)
    assert recast("I still set two places.", USUAL, within=True) == "I still set two places."
    assert recast("I never sleep,” and I asked why.", USUAL, within=True) == "I never sleep,” and clinician asked why."
