"""The required-element check: what counts as said, near misses, and who needs what."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prompts
from drafting.errors import PolicyError
from drafting.pipeline import elements
from drafting.pipeline.elements import CLONED, CODES, check, kind, label, likeness, parse, payer
from drafting.pipeline.formats import load
from drafting.types import (
    Clause,
    Context,
    Draft,
    DraftSentence,
    ElementReport,
    Polarity,
    RecordStatement,
    RiskItem,
    Role,
    Statement,
)

Said = tuple[str, str]
"""A role and words, as the tables write a statement."""

VISIT = Context(clinician="Ines Marlow, LCSW", date_of_service=date(2026, 3, 4))

FULL: tuple[Said, ...] = (
    ("logistics", "We met from 2:05 to 2:58 in the office."),
    ("report", "Client missed two workdays because of panic and rated peak distress 6."),
    ("observation", "Mood was low, affect constricted, speech slowed."),
    ("intervention", "I taught a five-step grounding exercise towards goal 2."),
    ("response", "She practised it twice and named three senses."),
    ("impression", "Symptoms meet criteria for panic disorder, F41.0."),
    ("progress", "Fewer attacks than last month."),
    ("risk", "She denied thoughts of suicide today."),
    ("plan", "Next session Tuesday; she will log attacks."),
)


def record(*said: Said, risk: bool = False) -> tuple[RecordStatement, ...]:
    return tuple(one(f"s{number}", role, words, risk) for number, (role, words) in enumerate(said, 1))


def one(name: str, role: str, words: str, risk: bool = False) -> RecordStatement:
    clause = Clause(0, len(words), {}, {})
    return RecordStatement(Statement(name, words, 0, len(words), 0, clause), Role(role), "test", risk)


def draft(words: int = 100, text: str | None = None, omitted: tuple[str, ...] = (), form: str = "soap") -> Draft:
    sentence = DraftSentence("plan", " ".join(["word"] * words) if text is None else text, ("s1",))
    return Draft(load(form), (sentence,), "test", omitted)


def lacking(*said: Said, context: Context = VISIT, items: tuple[RiskItem, ...] = ()) -> set[str]:
    report = check(record(*said), items, draft(), context)
    return {*report.missing, *report.warnings}


def without(*roles: str) -> tuple[Said, ...]:
    return tuple(said for said in FULL if said[0] not in roles)


def item(*evidence: str, polarity: Polarity = Polarity.DENIED) -> RiskItem:
    return RiskItem("r1", "suicide", "client", polarity, evidence)


# ── a whole note, and nothing ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_note_lacks_nothing() -> None:
    """A note that says all of it is reported clean."""
    assert check(record(*FULL), (), draft(), VISIT) == ElementReport()


def test_an_empty_record_lacks_everything_that_is_asked() -> None:
    """With nothing said and nothing known of the visit, each required element is missing, in order, and the rest is a warning."""
    report = check((), (), draft(words=0), Context())
    assert report.missing == tuple(f"E{n:02d}" for n in range(1, 10))
    assert report.warnings == ("E10", "E11", "E12", "E14", "E16")


@pytest.mark.parametrize("form", prompts.names("formats"))
def test_headings_do_not_matter(form: str) -> None:
    """The same statements are judged the same in every format."""
    said = record(*without("risk", "plan"))
    assert check(said, (), draft(form=form), VISIT) == check(said, (), draft(), VISIT)


def test_what_the_draft_omits_is_not_in_the_note() -> None:
    """An element that stands only in an omitted statement is lacking."""
    said = record(*FULL)
    plan = next(s.id for s in said if s.role is Role.PLAN)
    assert "E07" in check(said, (), draft(omitted=(plan,)), VISIT).missing


# ── E05, the one that matters most ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("note_kind", ["session", "group", "couple", "intake", "crisis", "discharge"])
@pytest.mark.parametrize("paid_by", ["insurer", "self_pay", "uk"])
def test_risk_not_addressed_is_missing(note_kind: str, paid_by: str) -> None:
    """Where a session took place or a treatment ends, silence on risk is missing, whoever pays."""
    context = replace(VISIT, note_kind=note_kind, payer=paid_by)
    assert "E05" in check(record(*without("risk")), (), draft(), context).missing


ADDRESSED: list[Said] = [
    ("risk", "Nothing to worry about, she told me so when I asked."),
    ("report", "She denied thoughts of suicide today"),
    ("report", "denies wanting to hurt herself"),
    ("report", "denied si and hi"),
    ("report", "SI denied"),
    ("report", "no suicidal ideation, plan or intent"),
    ("report", "no thoughts of harming herself or others"),
    ("observation", "not suicidal"),
    ("report", "screened for suicidal ideation"),
    ("measure", "C-SSRS negative"),
    ("impression", "Risk remains low"),
    ("impression", "judged at moderate risk"),
    ("impression", "low acute risk"),
    ("intervention", "reviewed the safety plan"),
    ("intervention", "Risk assessment was updated"),
    ("report", "suicidal thoughts twice this week"),
    ("risk", "Denied SI, will reassess next session"),
    ("risk", "suicidal ideation endorsed, HI not assessed"),
    ("risk", "She has put by her mother's pills and I will check again on Friday"),
]


@pytest.mark.parametrize("said", ADDRESSED)
def test_risk_said_is_risk_addressed(said: Said) -> None:
    """A finding on danger, present or denied, addresses risk, whatever role the encoder gave it."""
    assert "E05" not in lacking(*without("risk"), said)


UNADDRESSED: list[Said] = [
    ("report", "This project is killing me"),
    ("report", "He is grieving his uncle's suicide"),
    ("report", "no one talks about her uncle's suicide"),
    ("report", "She took a risk and spoke up"),
    ("report", "his risk of losing the job is high"),
    ("report", "denied drinking"),
    ("report", "denied any plans to kill time at work"),
    ("report", "no plans to end the lease"),
    ("report", "no death in the family this year"),
    ("report", "says hi to colleagues again"),
    ("report", "a flight from Columbia was late"),
    ("observation", "Safety behaviours persist on the train"),
    ("intervention", "safe place exercise"),
    ("logistics", "no incidents to report"),
    ("plan", "Will assess risk next session"),
    ("plan", "update the safety plan next week"),
    ("risk", "Did not ask about SI today"),
    ("risk", "I didn’t get to the risk questions"),
    ("risk", "Risk not assessed"),
    ("risk", "forgot to screen for self-harm"),
    ("risk", "need to ask about the pills"),
    ("risk", "risk to be assessed"),
    ("risk", "We ran over on the housing letter so I did not ask about suicide"),
    ("risk", "Any thoughts of hurting yourself?"),
]


@pytest.mark.parametrize("said", UNADDRESSED)
def test_other_words_and_unasked_questions_do_not_address_risk(said: Said) -> None:
    """Idioms, other people's losses, and what was left unasked are not a finding."""
    assert "E05" in lacking(*without("risk"), said)


def test_a_risk_item_addresses_risk() -> None:
    """What routing put before the clinician as a risk item is addressed there."""
    assert "E05" not in lacking(*without("risk"), items=(item("s99", polarity=Polarity.PRESENT),))


def test_a_statement_that_routing_marked_addresses_risk() -> None:
    """The mark counts, whatever the words and the role."""
    said = (*record(*without("risk")), one("s20", "report", "She gave her dog away to a neighbour.", risk=True))
    assert "E05" not in check(said, (), draft(), VISIT).missing


def test_an_item_that_rests_on_an_unasked_question_does_not() -> None:
    """A marked statement that only says that nobody asked leaves risk unaddressed, and so does its item; one more source settles it."""
    said = (*record(*without("risk")), one("s20", "risk", "I did not ask about suicide today.", risk=True))
    assert "E05" in check(said, (item("s20"),), draft(), VISIT).missing
    assert "E05" not in check(said, (item("s20", "s21"),), draft(), VISIT).missing


def test_an_omitted_denial_addresses_nothing() -> None:
    """A denial that the draft left out is not in the note."""
    said = record(*FULL)
    denial = next(s.id for s in said if s.role is Role.RISK)
    assert "E05" in check(said, (), draft(omitted=(denial,)), VISIT).missing


# ── E02, times as people type them and as engines hear them ───────────────────────────────────────────────────────────

TIMES: list[tuple[Said, ...]] = [
    (("logistics", "We met from 2:05 to 2:58 by video"),),
    (("report", "we met from 205 to 258"),),
    (("report", "we went from nine to nine fifty"),),
    (("report", "from 2:05 to 2:58"),),
    (("logistics", "two oh five to two fifty eight pm"),),
    (("report", "two oh five to two fifty eight pm"),),
    (("logistics", "met with client from two oh five to two fifty-eight"),),
    (("logistics", "from two to two fifty"),),
    (("logistics", "from 2 to 3"),),
    (("logistics", "2 05 till 2 58"),),
    (("logistics", "2 o 5 to 2 58"),),
    (("logistics", "1405 to 1458"),),
    (("logistics", "14.05–14.58"),),
    (("logistics", "fourteen hundred to fourteen fifty three"),),
    (("logistics", "session time 2:05 p.m. - 2:58 p.m."),),
    (("logistics", "between 9:00 and 9:53"),),
    (("logistics", "noon to twelve fifty"),),
    (("logistics", "ran from half past two until twenty past three"),),
    (("logistics", "from quarter past nine to ten o'clock"),),
    (("logistics", "started at 3 and finished at 3:50"),),
    (("report", "started at 3 and finished at 3:50"),),
    (("logistics", "start 9:00, stop 9:53"),),
    (("logistics", "9:00 start 9:53 stop"),),
    (("logistics", "Began promptly at 10 a.m."), ("report", "Slept badly."), ("logistics", "ended at 10:52.")),
    (("logistics", "from 2:05"), ("logistics", "to 2:58")),
    (("logistics", "from 2:05\nto 2:58"),),
    (("logistics", "We met 2:05 to 2:58, next session Tuesday at 4"),),
]


@pytest.mark.parametrize("said", TIMES)
def test_start_and_stop_are_found(said: tuple[Said, ...]) -> None:
    """Both times, in figures or in words, with or without punctuation, in one statement or two."""
    assert "E02" not in lacking(*said)


NO_TIMES: list[tuple[Said, ...]] = [
    (("logistics", "two weeks"),),
    (("logistics", "53 minutes"),),
    (("logistics", "a fifty minute session"),),
    (("logistics", "started at 3:05"),),
    (("logistics", "arrived ten minutes late and finished at 3:50"),),
    (("logistics", "met two to three times this month"),),
    (("logistics", "moves from one to two sessions a week"),),
    (("logistics", "seen from two to three weeks apart"),),
    (("logistics", "started two weeks ago and ended three weeks later"),),
    (("logistics", "in therapy from 2019 to 2021"),),
    (("logistics", "Next session Tuesday from 3 to 3:50"),),
    (("logistics", "last session ran from 2:00 to 2:50"),),
    (("plan", "we meet Tuesday from 2:05 to 2:58"),),
    (("report", "She slept from 11:30 to 3:15"),),
    (("report", "started her shift at 3 and finished at 3:50"),),
    (("report", "went from 2 to 3 on the scale"),),
    (("report", "from 4 to 6 on most days"),),
    (("measure", "from 17 to 11"),),
    (("measure", "2:05 to 2:58"),),
    (("medication", "from 100 to 150 daily"),),
    (("logistics", "from two fifty to three hundred milligrams"),),
    (("logistics", "room 2, building 3, 12/3 to 12/5"),),
]


@pytest.mark.parametrize("said", NO_TIMES)
def test_amounts_and_other_times_are_no_session_time(said: tuple[Said, ...]) -> None:
    """Counts, doses, scores, years, sleep, other sessions, or one time alone are not a start and a stop."""
    assert "E02" in lacking(*said)


WORDED = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
TENS = {2: "twenty", 3: "thirty", 4: "forty", 5: "fifty"}
TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")


def spoken(hour: int, minute: int) -> str:
    """A time as an engine writes what it hears."""
    if minute < 10:
        return f"{WORDED[hour - 1]} oh {WORDED[minute - 1]}"
    tens, ones = divmod(minute, 10)
    words = TEENS[ones] if tens == 1 else " ".join([TENS[tens], *([WORDED[ones - 1]] if ones else [])])
    return f"{WORDED[hour - 1]} {words}"


minutes = st.integers(1, 59)
hours = st.integers(1, 12)


@settings(deadline=None, max_examples=80)
@given(hours, minutes, hours, minutes, st.sampled_from([" to ", " until ", " till "]))
def test_any_two_clock_times_are_found(h1: int, m1: int, h2: int, m2: int, until: str) -> None:
    """Every pair of times on the clock is found, in figures and in words."""
    assert "E02" not in lacking(("logistics", f"from {h1}:{m1:02d}{until}{h2}:{m2:02d}"))
    assert "E02" not in lacking(("report", f"we met from {spoken(h1, m1)}{until}{spoken(h2, m2)}"))


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(["weeks", "times", "mg", "sessions", "hours", "out of ten", "people"]))
def test_no_two_amounts_are_times(least: int, most: int, unit: str) -> None:
    """Numbers that count something are never times."""
    assert "E02" in lacking(("logistics", f"from {least} to {most} {unit}"))
    assert "E02" in lacking(("logistics", f"from {WORDED[least - 1]} to {WORDED[most - 1]} {unit}"))


# ── the other elements: said, and nearly ──────────────────────────────────────────────────────────────────────────────

PRESENT: list[tuple[str, Said]] = [
    ("E01", ("logistics", "session of April 14th")),
    ("E01", ("logistics", "seen 3/4/2026")),
    ("E01", ("logistics", "2026-03-04")),
    ("E01", ("report", "date of service the fourteenth of april")),
    ("E01", ("report", "today is march third")),
    ("E01", ("logistics", "met on the twenty second of may")),
    ("E03", ("intervention", "I taught a five-step grounding exercise")),
    ("E03", ("intervention", "challenged the thought that she fails at everything")),
    ("E03", ("logistics", "CBT, weekly")),
    ("E03", ("response", "took to the box breathing")),
    ("E03", ("report", "we did some emdr on the crash")),
    ("E03", ("intervention", "stayed with ACT today")),
    ("E04", ("impression", "F41.1")),
    ("E04", ("logistics", "f forty one point one")),
    ("E04", ("logistics", "f 33 point 1")),
    ("E04", ("impression", "F39")),
    ("E04", ("impression", "Z63.0 also applies")),
    ("E04", ("impression", "consistent with generalised anxiety disorder")),
    ("E04", ("impression", "meets criteria for ptsd")),
    ("E04", ("impression", "Panic disorder; rule out bipolar II")),
    ("E04", ("impression", "Sleep has not improved in this month of major depression")),
    ("E06", ("response", "That landed.")),
    ("E06", ("intervention", "I taught grounding and she practised it twice")),
    ("E06", ("observation", "client engaged well")),
    ("E07", ("plan", "Repeat the measure.")),
    ("E07", ("logistics", "next session Tuesday at 4")),
    ("E07", ("logistics", "appointment is booked for the ninth")),
    ("E09", ("progress", "met both objectives this month")),
    ("E09", ("intervention", "worked on goal two")),
    ("E10", ("measure", "eleven, as before")),
    ("E10", ("report", "PHQ-9 was 11")),
    ("E10", ("report", "the phq nine came back eleven")),
    ("E10", ("report", "rated peak distress 6")),
    ("E10", ("report", "seven out of ten")),
    ("E10", ("impression", "moderately depressed")),
    ("E11", ("report", "missed two workdays because of panic")),
    ("E11", ("report", "she can’t sleep")),
    ("E11", ("report", "avoids driving")),
    ("E11", ("report", "trouble concentrating at her desk")),
    ("E12", ("progress", "Three of five steps.")),
    ("E12", ("measure", "11, down from 17")),
    ("E12", ("report", "sleep has improved")),
    ("E12", ("impression", "no change since intake")),
    ("E13", ("observation", "Affect was constricted, speech slowed, thoughts linear")),
    ("E13", ("observation", "oriented, insight fair, mood low")),
    ("E14", ("plan", "between now and then he will log urges")),
    ("E14", ("plan", "no homework set")),
    ("E14", ("progress", "completed the sleep diary")),
]


@pytest.mark.parametrize(("code", "said"), PRESENT)
def test_an_element_is_found_in_words(code: str, said: Said) -> None:
    """Each element is recognised as clinicians say it."""
    assert code not in lacking(said, context=Context())


ABSENT: list[tuple[str, Said]] = [
    ("E01", ("logistics", "April was late")),
    ("E01", ("logistics", "seen in May")),
    ("E01", ("logistics", "next session april 14")),
    ("E01", ("logistics", "may 5 people attend")),
    ("E01", ("report", "her mother died on april 14")),
    ("E01", ("report", "a 3/4 turn")),
    ("E03", ("intervention", "we talked about her week")),
    ("E03", ("plan", "begin EMDR next week")),
    ("E03", ("report", "she googled CBT")),
    ("E03", ("observation", "seemed ready to act on it")),
    ("E04", ("report", "her brother has bipolar disorder")),
    ("E04", ("impression", "Rule out bipolar II")),
    ("E04", ("impression", "rule out a bipolar disorder, F31.81")),
    ("E04", ("impression", "does not meet criteria for PTSD")),
    ("E04", ("impression", "family history of panic disorder")),
    ("E04", ("impression", "this is not PTSD")),
    ("E04", ("impression", "no evidence of a mood disorder")),
    ("E04", ("medication", "takes vitamin B12")),
    ("E04", ("report", "drives an F-150")),
    ("E04", ("report", "goes to F45 classes")),
    ("E04", ("report", "is on an F1 visa")),
    ("E04", ("measure", "GAD-7 was 12")),
    ("E06", ("report", "her husband has not responded to her texts")),
    ("E06", ("intervention", "I taught grounding")),
    ("E07", ("logistics", "missed the last appointment")),
    ("E07", ("report", "she plans to move house")),
    ("E09", ("report", "he scored a goal on Sunday")),
    ("E09", ("report", "he plays goalkeeper")),
    ("E09", ("observation", "objective data are limited")),
    ("E10", ("report", "slept badly")),
    ("E10", ("report", "core beliefs were one topic")),
    ("E10", ("report", "a severe winter")),
    ("E11", ("report", "works at a school")),
    ("E12", ("report", "her mother visited")),
    ("E12", ("report", "said she is better off alone")),
    ("E13", ("observation", "affected by the news, cried")),
    ("E13", ("observation", "mood low, mood flat, mood as before")),
    ("E14", ("report", "she will do the shopping")),
]


@pytest.mark.parametrize(("code", "said"), ABSENT)
def test_a_near_miss_is_not_an_element(code: str, said: Said) -> None:
    """Words that look alike, or are said of another person or another day, do not count."""
    assert code in lacking(said, context=Context())


def test_a_known_date_of_service_need_not_be_said() -> None:
    """The date of the visit counts without words."""
    assert "E01" not in lacking(context=Context(date_of_service=date(2026, 3, 4)))
    assert "E01" in lacking(context=Context())


@pytest.mark.parametrize(
    "name",
    [
        "Ines Marlow, LCSW",
        "J. Okafor PsyD",
        "Ruth Hale, MBACP (Accred)",
        "Sam Lee, Ph.D.",
        "Sam Lee, lmft",
        "T. Vu, MD",
        "Kim Ro, M.D.",
        "Jo Smith, LPC-A",
        "Jo Smith LICSW",
        "A. Bell, registered psychotherapist",
    ],
)
def test_a_credential_is_seen(name: str) -> None:
    """The usual credentials of several countries count, with stops or without."""
    assert "E08" not in lacking(context=Context(clinician=name))


@pytest.mark.parametrize("name", [None, "", "Ines Marlow", "Linh Do", "A. Ma", "Maria Lacey", "Ann Lac", "Edd Marsh", "Phil Edderton", "Dr. Roe"])
def test_a_name_is_no_credential(name: str | None) -> None:
    """Surnames that look like a credential, and a bare title, do not count."""
    assert "E08" in lacking(context=Context(clinician=name))


def test_a_credential_in_the_words_is_not_the_authors() -> None:
    """That somebody with a credential was mentioned says nothing of the author."""
    assert "E08" in lacking(("report", "saw a LCSW before"), context=Context())


def test_mental_status_is_asked_for_only_when_something_was_observed() -> None:
    """Nobody is told to observe more where the clinician observed nothing; two domains are too few."""
    assert "E13" not in lacking(("report", "mood low"))
    assert "E13" in lacking(("observation", "mood low, affect flat"))
    assert "E13" not in lacking(("observation", "mood low, affect flat"), ("observation", "good eye contact"))


REMOTE: list[tuple[bool, tuple[Said, ...]]] = [
    (False, (("logistics", "We met by video; client was at home in Illinois, consent to telehealth confirmed"),)),
    (False, (("logistics", "telephone session"), ("logistics", "she was in her parked car"), ("report", "she consented to the phone"))),
    (True, (("logistics", "We met from 2:05 to 2:58 by video; client was at home in Illinois."),)),
    (True, (("logistics", "by secure video, consent given"),)),
    (True, (("logistics", "telehealth session"),)),
    (True, (("report", "we met from 2:05 to 2:58 over zoom"),)),
    (False, (("logistics", "met in the office"),)),
    (False, (("report", "argued with her sister by phone"),)),
    (False, (("report", "plays video games all night"),)),
    (False, (("report", "had a telehealth appointment with her GP"),)),
    (False, (("logistics", "next session by video"),)),
    (False, (("plan", "offer a video session"),)),
]


@pytest.mark.parametrize(("expected", "said"), REMOTE)
def test_telehealth_is_asked_about_only_when_the_session_was_remote(expected: bool, said: tuple[Said, ...]) -> None:
    """A remote session needs how, where and consent; other screens and phones do not matter."""
    assert ("E15" in lacking(*said)) is expected


@pytest.mark.parametrize(
    ("note_kind", "words", "warned"),
    [
        ("session", 59, True),
        ("session", 60, False),
        ("session", 600, False),
        ("session", 601, True),
        ("intake", 499, True),
        ("intake", 500, False),
        ("intake", 1200, False),
        ("intake", 1201, True),
        ("no_show", 15, False),
        ("no_show", 151, True),
    ],
)
def test_length_is_judged_by_the_kind_of_note(note_kind: str, words: int, warned: bool) -> None:
    """The band's ends are usual, one word beyond is not."""
    report = check((), (), draft(words=words), replace(VISIT, note_kind=note_kind))
    assert ("E16" in report.warnings) is warned


LAST = "Client reported four attacks this week and practised grounding each time. Mood was low. Next session on Tuesday at four."


@pytest.mark.parametrize(
    ("text", "previous", "warned"),
    [
        (LAST, None, False),
        (LAST, LAST, True),
        (LAST.upper(), LAST, True),
        (LAST.replace("four attacks", "five attacks"), LAST, True),
        ("Client slept well, argued less with her son, and tried the exposure step on the bus twice.", LAST, False),
        (LAST, "", False),
        ("", "", False),
    ],
)
def test_a_note_copied_from_the_last_is_warned_of(text: str, previous: str | None, warned: bool) -> None:
    """One changed word is a copy; another week is not; without a last note nothing is said."""
    report = check((), (), draft(text=text), VISIT, previous)
    assert ("E17" in report.warnings) is warned


@given(st.integers(0, 20))
def test_the_share_of_changed_words_decides(changed: int) -> None:
    """Of twenty words, up to three may change in a copy, since 17 of 20 is the threshold itself."""
    before = [f"a{n}" for n in range(20)]
    after = [f"b{n}" if n < changed else word for n, word in enumerate(before)]
    assert (likeness(" ".join(before), " ".join(after)) >= CLONED) is (changed <= 3)


# ── who needs what ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("note_kind", "paid_by", "missing", "warnings"),
    [
        ("session", "self_pay", "E01 E03 E05 E07 E08", "E02 E04 E06 E09 E10 E11 E12 E14"),
        ("session", "uk", "E01 E05 E07 E08", "E02 E03 E06 E09 E10 E12 E14"),
        ("intake", "insurer", "E01 E02 E04 E05 E07 E08", "E09 E10 E11 E16"),
        ("no_show", "insurer", "E01 E07 E08", "E05"),
        ("contact", "insurer", "E01 E08", "E02 E05 E07"),
        ("plan_review", "insurer", "E01 E04 E07 E08 E09 E12", "E02 E05 E10 E11"),
        ("plan_review", "uk", "E01 E07 E08", "E02 E05 E09 E10 E12"),
        ("crisis", "insurer", "E01 E02 E03 E04 E05 E06 E07 E08", "E10 E11"),
        ("group", "insurer", "E01 E02 E03 E04 E05 E06 E07 E08 E09", "E10 E11 E12 E14"),
        ("discharge", "self_pay", "E01 E05 E07 E08", "E02 E03 E04 E06 E09 E10 E11 E12"),
    ],
)
def test_kind_and_payer_decide_what_is_missing(note_kind: str, paid_by: str, missing: str, warnings: str) -> None:
    """Missing is what both require; the rest of the kind's elements warn; what the kind has not, or the payer skips, is not told."""
    report = check((), (), draft(words=100), Context(note_kind=note_kind, payer=paid_by))
    assert (" ".join(report.missing), " ".join(report.warnings)) == (missing, warnings)


def test_nobody_is_asked_what_was_done_in_a_session_that_was_missed() -> None:
    """A missed session has no intervention, no response, no times and no mental status to tell."""
    said = ("observation", "waiting room was empty")
    assert lacking(said, context=replace(VISIT, note_kind="no_show")).isdisjoint({"E02", "E03", "E04", "E06", "E09", "E13", "E14"})


statements = st.lists(st.tuples(st.sampled_from(list(Role)), st.text(max_size=40)), max_size=8)
kinds = st.sampled_from(prompts.names("kinds"))
payers = st.sampled_from(prompts.names("payers"))


@settings(deadline=None, max_examples=60)
@given(statements, kinds, payers)
def test_a_report_is_ordered_and_stays_within_its_kind(said: list[Said], note_kind: str, paid_by: str) -> None:
    """Whatever was said, codes come once, in order, and only those that kind and payer speak of; an insurer never asks for less."""
    made = record(*said)
    report = check(made, (), draft(), Context(note_kind=note_kind, payer=paid_by))
    insured = check(made, (), draft(), Context(note_kind=note_kind))
    asked = (kind(note_kind).require | kind(note_kind).warn) - payer(paid_by).skip
    for codes in (report.missing, report.warnings):
        assert list(codes) == sorted(set(codes))
        assert set(codes) <= asked
    assert set(report.missing) <= kind(note_kind).require & payer(paid_by).require
    assert set(report.missing) <= set(insured.missing)


@settings(deadline=None, max_examples=40)
@given(statements)
def test_saying_more_never_takes_an_element_away(said: list[Said]) -> None:
    """To a whole note anything may be added, and nothing comes to be missing."""
    more = (*record(*FULL), *(one(f"t{n}", role, words) for n, (role, words) in enumerate(said)))
    assert check(more, (), draft(), VISIT).missing == ()


# ── the data ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", CODES)
def test_a_label_is_plain(code: str) -> None:
    """A person reads words, never a code."""
    words = label(code)
    assert words and code not in words and words == words.strip()
    assert len(words) <= 50


def test_labels_differ() -> None:
    """No two elements read alike."""
    assert len({label(code) for code in CODES}) == len(CODES)


@pytest.mark.parametrize("key", prompts.names("kinds"))
def test_a_kind_is_sound(key: str) -> None:
    """No element is both required and wished, every note has a date and an author, and the length is a band."""
    note_kind = kind(key)
    assert note_kind.title
    assert not note_kind.require & note_kind.warn
    assert {"E01", "E08"} <= note_kind.require
    assert "E05" in note_kind.require | note_kind.warn
    assert 0 < note_kind.words[0] < note_kind.words[1]


@pytest.mark.parametrize("key", prompts.names("payers"))
def test_a_payer_is_sound(key: str) -> None:
    """Nothing is both insisted on and skipped, and nobody skips risk."""
    profile = payer(key)
    assert profile.title
    assert not profile.require & profile.skip
    assert "E05" in profile.require


def test_the_kinds_and_payers_are_the_promised_ones() -> None:
    """The profiles that ship, and no other."""
    assert set(prompts.names("kinds")) == {
        "session", "intake", "group", "couple", "crisis", "contact", "no_show", "plan_review", "discharge",
    }  # fmt: skip
    assert set(prompts.names("payers")) == {"insurer", "self_pay", "uk"}


@pytest.mark.parametrize("context", [Context(note_kind="seance"), Context(payer="barter"), Context(note_kind="../payers/uk")])
def test_an_unknown_kind_or_payer_names_the_known(context: Context) -> None:
    """Whoever mistypes one is told what there is."""
    with pytest.raises(PolicyError, match=r"known are .*(session|insurer)"):
        check((), (), draft(), context)


def test_an_unknown_code_has_no_label() -> None:
    """There are seventeen elements."""
    with pytest.raises(PolicyError, match="E18"):
        label("E18")


@pytest.mark.parametrize(
    ("path", "value", "cause"),
    [
        (("E99",), {"label": "x"}, "unknown key 'E99'"),
        (("E03", "pattern"), "x", "unknown key 'pattern'"),
        (("E03", "ways"), [{"role": ["plan"]}], "unknown key 'role'"),
        (("E03", "ways"), [{"roles": ["plans"]}], "no role 'plans'"),
        (("E03", "ways"), [{"patterns": ["(x"]}], "no regular expression"),
        (("E03", "ways"), [{"patterns": ["<<later>>"]}], "no fragment 'later'"),
        (("fragments", "first"), ["<<second>>"], "no fragment 'second'"),
        (("E17",), {}, "lacks the key 'label'"),
    ],
)
def test_bad_rules_are_refused(path: tuple[str, ...], value: object, cause: str) -> None:
    """A slip in the data is told with its place, and not passed over."""
    data = copy.deepcopy(prompts.table("elements.toml"))
    table = data
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    with pytest.raises(PolicyError, match=cause):
        parse(data)


def test_rules_without_an_element_are_refused() -> None:
    """All seventeen must be there."""
    data = {key: value for key, value in prompts.table("elements.toml").items() if key != "E05"}
    with pytest.raises(PolicyError, match="lacks the key 'E05'"):
        parse(data)


@pytest.mark.parametrize("folder", ["kinds", "payers"])
def test_a_profile_with_an_unknown_key_or_code_is_refused(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """A profile says only what is understood."""
    read = {"kinds": kind, "payers": payer}[folder]
    key = prompts.names(folder)[0]
    whole = prompts.table(f"{folder}/{key}.toml")
    for change, cause in (({"requires": []}, "unknown key 'requires'"), ({"require": ["E18"]}, "no element 'E18'")):
        monkeypatch.setattr(elements.prompts, "table", lambda _name, change=change: {**whole, **change})
        with pytest.raises(PolicyError, match=cause):
            read(key)


def test_no_words_of_a_source_are_printed() -> None:
    """A log line with these values holds no words of the dictation."""
    note = elements.Note(record(("report", "canary words")), (), draft(text="canary words"), VISIT, (1, 2), "canary words")
    assert "canary" not in repr(note)
