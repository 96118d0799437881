"""Authorizations: each item that a form may lack, what else makes it worthless, and for which bucket."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drafting.record.release import Authorization, Bucket, Requester, Scope, faults
from drafting.record.release.authorization import FAULTS, ITEMS, blocking, names

TODAY = date(2026, 3, 4)
WHOLE = Authorization(
    id="a1",
    client="c1",
    scope=frozenset({Scope.RECORD}),
    recipients=frozenset({Requester.ATTORNEY}),
    description="Progress notes of 2025",
    discloser="Harrow Lane Practice",
    recipient="Tamsin Orde, attorney",
    purpose="at the request of the individual",
    expires=date(2026, 12, 31),
    signed_on=date(2026, 2, 1),
    signed_by="Rowan Pell",
    says_revocable=True,
    says_unconditioned=True,
    warns_of_redisclosure=True,
)
NOTES = replace(WHOLE, scope=frozenset({Scope.PRIVATE_NOTES}))
SUD = replace(WHOLE, scope=frozenset({Scope.SUD_RECORD}), patient="Rowan Pell")

# what takes an item away → the one code that says so
LACKING = [
    ({"description": ""}, "A1"),
    ({"description": " \n"}, "A1"),
    ({"scope": frozenset()}, "A1"),
    ({"discloser": ""}, "A2"),
    ({"recipient": ""}, "A3"),
    ({"recipients": frozenset()}, "A3"),
    ({"purpose": ""}, "A4"),
    ({"expires": None}, "A5"),
    ({"signed_on": None}, "A6"),
    ({"signed_on": TODAY + timedelta(1)}, "A6"),
    ({"signed_by": ""}, "A6"),
    ({"representative": "Ada Pell"}, "A6"),
    ({"says_revocable": False}, "A7"),
    ({"says_unconditioned": False}, "A8"),
    ({"warns_of_redisclosure": False}, "A9"),
    ({"expires": TODAY - timedelta(1)}, "expired"),
    ({"ended_on": TODAY}, "expired"),
    ({"revoked_on": TODAY}, "revoked"),
    ({"revoked_on": TODAY - timedelta(30)}, "revoked"),
    ({"conditioned": True}, "conditioned"),
    ({"false": True}, "false"),
]

SOUND = [
    {},
    {"expires": TODAY},
    {"expires": None, "expiry_event": "the end of treatment"},
    {"ended_on": TODAY + timedelta(1)},
    {"revoked_on": TODAY + timedelta(1)},
    {"signed_on": TODAY},
    {"representative": "Ada Pell", "authority": "guardian by court order"},
    {"scope": frozenset({Scope.RECORD, Scope.BILLING})},
    {"scope": frozenset({Scope.PRIVATE_NOTES})},
]


@pytest.mark.parametrize(("change", "code"), LACKING, ids=[f"{c}-{n}" for n, (_, c) in enumerate(LACKING)])
@pytest.mark.parametrize("form", [WHOLE, NOTES, SUD], ids=["record", "notes", "sud"])
def test_each_fault_is_found_and_found_alone(form: Authorization, change: dict[str, object], code: str) -> None:
    """T8: a whole form that lacks one thing is said to lack that, and nothing else."""
    lame = replace(form, **change)
    expected = (code,)
    assert faults(lame, TODAY) == expected
    assert blocking(lame, TODAY, Bucket.RECORD) == expected


@pytest.mark.parametrize("change", SOUND, ids=[" ".join(c) or "whole" for c in SOUND])
def test_a_sound_form_has_no_fault(change: dict[str, object]) -> None:
    """On its last day, by an event, by a representative with authority, for two things that are no notes: each is good."""
    assert faults(replace(WHOLE, **change), TODAY) == ()


def test_the_tables_reach_every_item() -> None:
    """No item of the rule is left without a case of its own."""
    assert set(ITEMS) <= {code for _, code in LACKING}
    assert set(FAULTS) - {code for _, code in LACKING} == {"patient", "compound", "proceedings"}


def test_a_form_that_says_nothing_lacks_all_nine() -> None:
    """An empty form is told everything that it lacks, in order."""
    assert faults(Authorization("a1", "c1", frozenset(), frozenset()), TODAY) == ITEMS


@pytest.mark.parametrize(
    ("scope", "compound"),
    [
        ({Scope.PRIVATE_NOTES}, False),
        ({Scope.RECORD, Scope.BILLING, Scope.OTHER}, False),
        ({Scope.SUD_RECORD, Scope.RECORD}, False),
        ({Scope.SUD_COUNSELING_NOTES}, False),
        ({Scope.PRIVATE_NOTES, Scope.RECORD}, True),
        ({Scope.PRIVATE_NOTES, Scope.OTHER}, True),
        ({Scope.SUD_COUNSELING_NOTES, Scope.SUD_RECORD}, True),
        ({Scope.SUD_COUNSELING_NOTES, Scope.PRIVATE_NOTES}, True),
    ],
)
def test_notes_stand_on_a_form_of_their_own(scope: set[Scope], compound: bool) -> None:
    """Psychotherapy notes with anything else are compound, and so are SUD counselling notes; the fault counts against the notes alone."""
    form = replace(WHOLE, scope=frozenset(scope), patient="Rowan Pell")
    assert faults(form, TODAY) == (("compound",) if compound else ())
    assert blocking(form, TODAY, Bucket.PRIVATE) == (("compound",) if compound else ())
    assert blocking(form, TODAY, Bucket.RECORD) == ()


def test_a_part_2_consent_names_the_patient_and_proceedings_stand_alone() -> None:
    """What no other form needs, a Part 2 consent does; a consent for proceedings is for nothing else."""
    assert faults(SUD, TODAY) == ()
    assert faults(replace(SUD, patient=""), TODAY) == ("patient",)
    assert faults(replace(SUD, for_proceedings=True), TODAY) == ()
    assert faults(replace(SUD, for_proceedings=True, other_purposes=True), TODAY) == ("proceedings",)
    assert faults(replace(WHOLE, for_proceedings=True, other_purposes=True), TODAY) == ()


@pytest.mark.parametrize(
    ("scope", "part2", "record", "private"),
    [
        (Scope.RECORD, False, True, False),
        (Scope.PRIVATE_NOTES, False, False, True),
        (Scope.SUD_RECORD, False, False, False),
        (Scope.RECORD, True, False, False),
        (Scope.PRIVATE_NOTES, True, False, False),
        (Scope.SUD_RECORD, True, True, False),
        (Scope.SUD_COUNSELING_NOTES, True, False, True),
        (Scope.OTHER, False, False, False),
    ],
)
def test_a_form_names_the_bucket_that_it_names(scope: Scope, part2: bool, record: bool, private: bool) -> None:
    """A Part 2 chart is opened by a form that names it, and no other chart by such a form."""
    form = replace(WHOLE, scope=frozenset({scope}))
    assert (names(form, Bucket.RECORD, part2), names(form, Bucket.PRIVATE, part2)) == (record, private)


@given(st.sets(st.sampled_from(sorted(FAULTS))))
def test_faults_add_up(chosen: set[str]) -> None:
    """Whatever is wrong together is each found, in the order of the rule, each once, and nothing besides."""
    spoiling = {
        **{code: change for change, code in reversed(LACKING)},
        "expired": {"ended_on": TODAY},  # apart from A5, whose field it shares otherwise
        "patient": {"patient": ""},
        "compound": {"scope": frozenset({Scope.SUD_RECORD, Scope.PRIVATE_NOTES})},
        "proceedings": {"for_proceedings": True, "other_purposes": True},
    }
    form = replace(SUD, **{key: value for code in chosen for key, value in spoiling[code].items()})
    assert faults(form, TODAY) == tuple(code for code in FAULTS if code in chosen)


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_a_form_holds_from_its_signature_to_its_last_day(on: date) -> None:
    """It is good on every day from the one to the other, and on none before or after."""
    assert (faults(WHOLE, on) == ()) == (date(2026, 2, 1) <= on <= date(2026, 12, 31))


def test_the_words_of_a_form_are_not_printed() -> None:
    """What is written on a form is in no repr."""
    shown = repr(replace(WHOLE, representative="Ada Pell", authority="guardian", expiry_event="the move", patient="Rowan Pell"))
    for entry in fields(WHOLE):
        if isinstance(value := getattr(WHOLE, entry.name), str) and entry.name not in ("id", "client") and value:
            assert value not in shown, entry.name
    assert not any(word in shown for word in ("Ada Pell", "guardian", "the move", "Rowan Pell"))
