"""Spoken words mended, and what a speaker took back: the last word stands, and only what was given up is gone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting.pipeline.plain.repairs import corrected, takes_back, tidy
from drafting.pipeline.wording import names, persons, weighty

CORRECTED = [
    ("She slept thirty, no wait, forty minutes.", "She slept forty minutes.", "thirty"),
    ("See her Tuesday, sorry, Wednesday at 4.", "See her Wednesday at 4.", "Tuesday"),
    ("Her sister drove, scratch that, it was her brother.", "Her brother drove.", "Her sister drove"),
    ("the gad seven was fourteen no thirteen", "the gad seven was thirteen", "fourteen"),
    ("seen in person, fourth, no, fifth visit", "seen in person, fifth visit", "fourth"),
    ("He takes 50 mg, no, 75 mg at night.", "He takes 75 mg at night.", "50 mg"),
    ("two glasses no three before dinner", "three glasses before dinner", "two glasses"),
    ("He is on sertraline, I mean citalopram, since June.", "He is on citalopram, since June.", "sertraline"),
    ("she took fifty, sorry, she took seventy five", "she took seventy five", "she took fifty"),
    ("Started 4:10, make that 4:15, ended 5:03.", "Started 4:15, ended 5:03.", "4:10"),
    ("We began at ten past two, sorry, twenty past.", "We began at twenty past two.", "ten past two"),
    ("a score of one thirty-eight, sorry, one forty-eight", "a score of one forty-eight", "one thirty-eight"),
    ("late twice, no, three times this month", "late three times this month", "twice"),
    ("Colin, sorry, Connor called.", "Connor called.", "Colin"),
    ("thirty, no, correction, forteen", "thirty, no, correction, forteen", None),
]


@pytest.mark.parametrize(("said", "written", "lost"), CORRECTED)
def test_the_last_word_stands(said: str, written: str, lost: str | None) -> None:
    """A value that is taken back gives way to the one that follows, and what was given up is told."""
    assert corrected(said) == (written, lost)


@pytest.mark.parametrize(
    "said",
    [
        "He denied suicidal thoughts, no plan, no intent.",
        "Two drinks, no three-day binges.",
        "PHQ-9 was 9, no SI.",
        "rated at 7 no change from last week",
        "smell of cough drops, no smell of drink",
        "She said sorry to her mother.",
        "What I mean is that he agreed.",
        "He said no, not on Monday, on Tuesday.",
        "I was actually 5 minutes late.",
        "PHQ-9 was 11 in May. PHQ-9 was 14.",
        "He has two sons, no, two daughters.",
        "4 days, no drinking, 2 meetings",
    ],
)
def test_what_is_no_correction_stays(said: str) -> None:
    """A "no" that denies, a "sorry" that apologises and two values that merely differ are left alone."""
    assert corrected(said) == (said, None)


@pytest.mark.parametrize(
    ("before", "words", "takes"),
    [
        ("The dose is 100.", "Correction: the dose is 50.", True),
        ("PHQ-9 was 38.", "Sorry, 36.", True),
        ("See her Tuesday.", "No wait, it was Wednesday.", True),
        ("PHQ-9 was 11.", "No SI.", False),
        ("She takes sertraline 100 in the morning.", "Correction: the dose is 50.", False),
        ("He came late.", "Sorry for the noise.", False),
    ],
)
def test_a_sentence_may_take_back_the_one_before(before: str, words: str, takes: bool) -> None:
    """A neighbour is a correction only where it is certain what it corrects."""
    assert takes_back(before, words) is takes


VALUES = [
    "ten",
    "twenty five",
    "40",
    "Monday",
    "Friday",
    "sertraline",
    "her sister",
    "his brother",
    "no",
    "sorry",
    "no wait",
    "he slept",
    "denied",
    "and",
    ",",
]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(VALUES), max_size=12))
def test_a_correction_only_drops(words: list[str]) -> None:
    """Nothing that carries weight stands after a correction that was not said before it."""
    said = " ".join(words)
    text, lost = corrected(said)
    assert set(weighty(text)) <= set(weighty(said)) and set(persons(text)) <= set(persons(said))
    assert (lost is None) == (text == " ".join(said.split()))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("she agreed, by the way", "She agreed."),
        ("i mean she agreed", "She agreed."),
        ("as I said, she agreed", "She agreed."),
        ("it was as I said it was", "It was as I said it was."),
        ("- laid off in April", "Laid off in April."),
        ("her her mother came", "Her mother came."),
    ],
)
def test_fillers_go(said: str, written: str) -> None:
    """What only keeps the talk going is taken out; what may mean something is not."""
    assert tidy(said) == written


def test_weight_is_read_alike() -> None:
    """A number in words is the number in figures, and ways to deny are one."""
    assert weighty("sixty-five milligrams at 2 p.m.") == weighty("65 mg at 2 pm") == ("65", "mg", "2", "pm")
    assert weighty("two hundred and fifty") == ("250",)
    assert weighty("He denies it and didn't go.") == weighty("He denied it and hadn't gone.")
    assert weighty("I am here") == () and weighty("at 9 am") == ("9", "am")
    assert weighty("March 3, $40, half of them on the ninth") == ("march", "3", "$40", "half", "ninth")


def test_people_are_read_by_name_and_by_relation() -> None:
    """A relation or a name is somebody; a sentence's first word and the clinic's own words are not."""
    assert persons("Her sister Maria met Colin.") == ("colin", "maria", "sister")
    assert names("Speech was slow. Affect flat. Monday at CBT with Dr. Okafor.") == ("okafor",)
