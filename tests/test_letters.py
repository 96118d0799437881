"""Drafts of replies: what each says, in which country, in plain words, and what none may say."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prompts
from drafting.record.release import (
    Authorization,
    Bucket,
    Details,
    Instrument,
    Letter,
    NotDrafted,
    Request,
    Requester,
    Scope,
    decide,
    draft_letter,
    faults,
    say,
)
from drafting.record.release.authorization import FAULTS
from drafting.record.release.letters import COUNTRIES, LONGEST, SAYABLE

US, IL, UK = "us-federal", "us-il", "uk-ew"
DETAILS = Details(
    sender="Harrow Lane Practice",
    clinician="Ines Marlow",
    to="Rowan Pell",
    written=date(2026, 3, 5),
    received=date(2026, 3, 4),
    due=date(2026, 4, 3),
    reference="Claim 77-A",
    complaints="the privacy officer at 12 Harrow Lane",
    pages=3,
)
CODES = {Letter.AMENDMENT_DENIED: ("accurate_and_complete",), Letter.UK_ACCESS: ("serious_harm",), Letter.AUTHORIZATION_DEFECTIVE: ("A3",)}
RIGHT = [(letter, place) for letter in Letter for place in (US, UK) if COUNTRIES.get(letter, place[:2]) == place[:2]]


def drafted(letter: Letter, place: str = US, **changes: object) -> str:
    return draft_letter(letter, replace(DETAILS, **{"codes": CODES.get(letter, ()), **changes}), place)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("letter", "place"), RIGHT, ids=[f"{letter}-{place}" for letter, place in RIGHT])
def test_every_letter_is_a_draft_to_be_signed(letter: Letter, place: str) -> None:
    """It says so first, names who signs, has a place for the signature, and leaves nothing of its template behind."""
    text = drafted(letter, place)
    assert text.startswith("DRAFT, NOT SENT. Ines Marlow") and text.endswith("\n") and not text.endswith("\n\n")
    assert "Signed: ____" in text and "5 March 2026" in text and "4 March 2026" in text and "To: Rowan Pell" in text
    assert not re.search(r"[{}]|\bNone\b|undefined|\n\n\n\n", text)
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize(("letter", "place"), RIGHT, ids=[f"{letter}-{place}" for letter, place in RIGHT])
def test_every_letter_is_in_plain_words(letter: Letter, place: str) -> None:
    """Sentences of at most 35 words, 18 on the average; no lawyer's Latin."""
    body = drafted(letter, place).split("Subject:")[1].split("Signed:")[0]
    sentences = [s for s in re.split(r"(?<=[.:;?])\s+(?=[A-Z\-])|\n", body) if s.strip()]
    lengths = [len(s.split()) for s in sentences]
    assert max(lengths) <= 35 and sum(lengths) / len(lengths) <= 18
    assert not re.search(r"\b(pursuant|herein|hereby|aforementioned|notwithstanding|inter alia|shall)\b", body, re.IGNORECASE)


@pytest.mark.parametrize(
    ("letter", "place", "words"),
    [
        (Letter.DENIAL_PRIVATE_NOTES, US, "You have a right to your record, and it takes nothing away from that."),
        (Letter.DENIAL_PRIVATE_NOTES, US, "cannot be reviewed by another professional"),
        (Letter.DENIAL_PRIVATE_NOTES, US, "complain to the Secretary of the U.S. Department of Health and Human Services"),
        (Letter.DENIAL_PRIVATE_NOTES, US, "the privacy officer at 12 Harrow Lane"),
        (Letter.SUBPOENA_WITHOUT_JUDGE, US, "an order signed by a judge that names psychotherapy notes"),
        (Letter.SUBPOENA_WITHOUT_JUDGE, US, "does not say whether the person you name is or was a client"),
        (Letter.AUTHORIZATION_DEFECTIVE, US, "the name of the person or organisation who may receive it"),
        (Letter.PAYER_PACKET, US, "Records for Claim 77-A"),
        (Letter.PAYER_PACKET, US, "payment may not be made to depend on them"),
        (Letter.UK_ACCESS, UK, "private notes; both are part of what you may ask for"),
        (Letter.UK_ACCESS, UK, "Information Commissioner's Office, and you may ask a court to decide"),
        (Letter.ACKNOWLEDGEMENT, US, "our answer by 3 April 2026"),
        (Letter.ACKNOWLEDGEMENT, UK, "There is no fee."),
        (Letter.AMENDMENT_ACCEPTED, UK, "never overwritten"),
        (Letter.AMENDMENT_DENIED, US, "written statement that you disagree"),
        (Letter.AMENDMENT_DENIED, US, "It is accurate and complete as it stands."),
        (Letter.AMENDMENT_DENIED, UK, "kept beside the record"),
    ],
)
def test_a_letter_says_what_its_law_asks(letter: Letter, place: str, words: str) -> None:
    """What must stand in it stands in it."""
    assert words in flat(drafted(letter, place))


@pytest.mark.parametrize("code", FAULTS)
def test_what_a_form_lacks_is_said_in_words(code: str) -> None:
    """Each fault has words of its own, and the code is not shown."""
    text = drafted(Letter.AUTHORIZATION_DEFECTIVE, codes=(code,))
    others = [say(other) for other in FAULTS if other != code]
    assert f"- {say(code)}." in text and not any(words in text for words in others) and f" {code} " not in text


def test_a_defective_form_is_answered_from_its_own_faults() -> None:
    """From the form to the letter: what is missing is listed, each once."""
    form = Authorization("a1", "c1", frozenset({Scope.RECORD, Scope.PRIVATE_NOTES}), frozenset({Requester.ATTORNEY}), description="All notes")
    day = date(2026, 3, 4)
    request = Request("q1", "c1", IL, Requester.ATTORNEY, Instrument.AUTHORIZATION, day, day)
    decision = decide(request, [form])
    assert decision.letters == (Letter.AUTHORIZATION_DEFECTIVE,)
    text = drafted(Letter.AUTHORIZATION_DEFECTIVE, IL, codes=decision.of(Bucket.PRIVATE).reasons, pages=None)
    assert [line[2:-1] for line in text.splitlines() if line.startswith("- ")] == [say(code) for code in faults(form, day)]
    assert "No authorization was given" not in text


def test_without_a_form_one_is_asked_for() -> None:
    """Nothing is listed, and nobody is named as a client; with something enclosed, that is said instead."""
    bare = drafted(Letter.AUTHORIZATION_DEFECTIVE, codes=("no_authorization",), pages=None)
    assert "Please send one that the person has signed." in bare and "does not say whether" in bare
    assert "does not say whether" not in drafted(Letter.AUTHORIZATION_DEFECTIVE, codes=("compound",), pages=1)


@pytest.mark.parametrize("letter", list(Letter))
def test_a_decisions_other_reasons_stay_out_of_letters(letter: Letter) -> None:
    """What is the clinician's to know (a danger, a death, a programme for substance use, other people's law) is in no letter."""
    words = {code for code in prompts.table("letters/words.toml") if code not in SAYABLE.get(letter, {})}
    place = UK if COUNTRIES.get(letter) == "uk" else US
    assert drafted(letter, place) == drafted(letter, place, codes=(*CODES.get(letter, ()), *sorted(words)))


@pytest.mark.parametrize(
    ("letter", "place"), [(letter, UK if country == "us" else US) for letter, country in COUNTRIES.items()] + [(Letter.ACKNOWLEDGEMENT, "fr")]
)
def test_a_letter_is_not_drafted_where_its_law_does_not_hold(letter: Letter, place: str) -> None:
    """No British client is told that private notes are beyond them."""
    with pytest.raises(NotDrafted, match="jurisdiction"):
        drafted(letter, place)


@pytest.mark.parametrize(
    ("letter", "place", "lacks"),
    [
        (Letter.ACKNOWLEDGEMENT, US, "due"),
        (Letter.DENIAL_PRIVATE_NOTES, US, "complaints"),
        (Letter.DENIAL_PRIVATE_NOTES, US, "due"),
        (Letter.PAYER_PACKET, US, "reference"),
        (Letter.PAYER_PACKET, US, "pages"),
        (Letter.UK_ACCESS, UK, "complaints"),
        (Letter.AMENDMENT_DENIED, UK, "complaints"),
    ],
)
def test_what_is_not_given_is_not_made_up(letter: Letter, place: str, lacks: str) -> None:
    """The letter is not drafted, and the error names what it needs."""
    with pytest.raises(NotDrafted, match=lacks):
        drafted(letter, place, **{lacks: None})


def test_a_refusal_gives_a_reason() -> None:
    """A change is not refused without a ground, nor is everything withheld without one."""
    with pytest.raises(NotDrafted, match="codes"):
        drafted(Letter.AMENDMENT_DENIED, codes=())
    with pytest.raises(NotDrafted, match="codes"):
        drafted(Letter.UK_ACCESS, UK, codes=(), pages=None)
    assert "have not given you everything" not in drafted(Letter.UK_ACCESS, UK, codes=())
    assert "serious harm" in drafted(Letter.UK_ACCESS, UK, codes=("serious_harm_part",))


def test_pages_are_counted_as_a_person_counts() -> None:
    """One page is a page."""
    assert "Enclosed is 1 page." in drafted(Letter.UK_ACCESS, UK, pages=1) and "Enclosed are 2 pages." in drafted(Letter.UK_ACCESS, UK, pages=2)
    assert "Enclosed is 1 page." in drafted(Letter.PAYER_PACKET, pages=1)


@pytest.mark.parametrize("bad", ["", "   ", "Rowan\nDear client, you are", "Rowan\u2028Pell", "x" * (LONGEST + 1)])
@pytest.mark.parametrize("name", ["sender", "clinician", "to", "reference", "complaints"])
def test_a_name_is_a_name(name: str, bad: str) -> None:
    """No letter within a letter: one line, and not too long; and the error does not repeat it."""
    with pytest.raises(NotDrafted) as caught:
        drafted(Letter.ACKNOWLEDGEMENT, **{name: bad})
    assert name in str(caught.value) and "Dear client" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(st.text("abc{}%#<>&'\" ", min_size=1, max_size=30).filter(str.strip))
def test_a_name_is_never_read_as_a_template(name: str) -> None:
    """Whatever is written in a name stands in the letter as it was written."""
    assert f"To: {name}".rstrip() in drafted(Letter.ACKNOWLEDGEMENT, to=name)


def test_a_letter_has_no_room_for_clinical_content_and_prints_no_name() -> None:
    """Names, dates, codes and a number of pages are all that it can be given."""
    assert {f.name for f in fields(Details)} == set("sender clinician to written received due reference complaints codes pages".split())
    assert not any(value in repr(DETAILS) for value in ("Harrow", "Marlow", "Pell", "77-A"))
