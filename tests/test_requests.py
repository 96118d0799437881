"""A letter arrived: its deadline, its hold and its task; the forms that come with it; what is decided, denied, handed on, and closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from drafting.errors import Held, LetterError, NotKnown, NotPermitted
from drafting.record import holds, people
from drafting.record.release import (
    Bucket,
    Fact,
    Ground,
    Instrument,
    Letter,
    NotDrafted,
    Opinion,
    Outcome,
    Pause,
    Requester,
    Scope,
    authorizations,
    faults,
    requests,
)
from drafting.record.release.requests import Addressed, Extent
from drafting.record.store import Stores, reading
from drafting.record.store.tables.record import AUTHORIZATIONS, DECISIONS, HOLDS, REQUESTS
from drafting.types.record import Person, Standing
from tests.charts import House, house, kept_open

R, N = Bucket.RECORD, Bucket.PRIVATE
LETTER = Addressed("Harrow Lane Practice", "Tamsin Orde", complaints="Di Fenn, 4 Harrow Lane")


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with kept_open(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def here(open_house: House) -> House:
    return open_house.another()


def enter(here: House, requester: str = "client", instrument: str = "access_request", **more: object) -> requests.Filed:
    received = more.pop("received", here.today)
    return requests.enter(here.practice, here.client, Requester(requester), Instrument(instrument), received, by=here.di, **more)


def decisions(here: House, filed: requests.Filed) -> list[sa.Row]:
    with reading(here.practice.stores.record) as connection:
        return list(connection.execute(sa.select(DECISIONS).where(DECISIONS.c.request == filed.id)))


# ── entering ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_letter_sets_a_deadline_a_task_and_a_hold(stores: Stores) -> None:
    """An access request is due thirty days after it came, to the client's clinician, and nothing of the client's may be destroyed from then on."""
    here = house(stores)
    filed = enter(here, received=here.today - timedelta(3))
    (task,), (hold,) = here.tasks("answer_request"), holds.holds_on(here.practice, here.client)
    assert filed.due == here.today + timedelta(27)
    assert (task.person, task.client, task.due[:10], task.done) == (here.cy.person, here.client, str(filed.due), None)
    assert (hold.request, hold.reason, hold.client) == (filed.id, "access_request", here.client)
    (received,), (placed,) = here.told("request:received"), here.told("hold:placed")
    assert (received["subject"], received["client"], placed["subject"]) == (filed.id, here.client, hold.id)
    assert requests.find(here.practice, filed.id) == filed


@pytest.mark.parametrize(
    ("place", "requester", "instrument", "more", "days"),
    [
        ("us-federal", "client", "access_request", {}, 30),
        ("us-federal", "client", "access_request", {"facts": [Fact.EXTENDED]}, 60),
        ("us-federal", "client", "amendment_request", {}, 60),
        ("us-federal", "client", "amendment_request", {"facts": [Fact.EXTENDED]}, 90),
        ("us-federal", "attorney", "subpoena", {"answer_by": date(2026, 11, 28)}, 10),
        ("us-federal", "attorney", "subpoena", {}, None),
        ("uk-ew", "client", "access_request", {}, 30),
        ("uk-ew", "client", "access_request", {"facts": [Fact.COMPLEX]}, 92),
        ("uk-ew", "client", "access_request", {"pauses": [Pause(date(2026, 11, 18))]}, None),
        ("us-zz9", "client", "access_request", {"answer_by": date(2026, 11, 20)}, 2),
    ],
)
def test_the_last_day_is_the_laws_or_else_the_papers(
    open_house: House, place: str, requester: str, instrument: str, more: dict[str, object], days: int | None
) -> None:
    """Each kind of letter is due when the rules of the client's place say; without a last day the task is due at once."""
    here = open_house.another(place)
    filed = enter(here, requester, instrument, **more)
    assert filed.due == (None if days is None else here.today + timedelta(days))
    (task,) = here.tasks("answer_request")
    assert task.due[:10] == str(filed.due or here.today)


@pytest.mark.parametrize(
    ("requester", "instrument", "held"),
    [
        ("attorney", "subpoena", True),
        ("client", "complaint", True),
        ("licensing_board", "oversight_inquiry", True),
        ("client", "access_request", True),
        ("unknown", "unknown", True),
        ("insurer", "payer_request", False),
        ("treating_provider", "treatment_request", False),
        ("system", "system_export", False),
    ],
)
def test_what_holds_by_being_entered(here: House, requester: str, instrument: str, held: bool) -> None:
    """A subpoena, complaint, board's letter or client's request holds by itself; a payer's or a colleague's does not."""
    enter(here, requester, instrument)
    assert [h.reason for h in holds.holds_on(here.practice, here.client)] == ([instrument] if held else [])


def test_part_2_and_self_pay_are_the_clients(open_house: House) -> None:
    """What is known of the client stands whatever the letter was said to state, and as it is on the day of looking."""
    here = open_house.another(part2=True)
    filed = enter(here, "insurer", "payer_request", facts=[Fact.SELF_PAY_RESTRICTION, Fact.EXTENDED])
    assert filed.request.facts == {Fact.PART2, Fact.EXTENDED}
    people.restrict(here.practice, here.client, self_pay=True, by=here.di)
    assert requests.find(here.practice, filed.id).request.facts == {Fact.PART2, Fact.SELF_PAY_RESTRICTION, Fact.EXTENDED}


def test_what_is_stated_comes_back_whole(here: House) -> None:
    """Every switch, date and id that was read off the paper is what the rules are asked with, and the store holds nothing but codes of it."""
    form, day = here.form(), here.today
    stated = {
        "asked": [N],
        "facts": [Fact.SIGNED_BY_JUDGE, Fact.NAMES_PRIVATE_NOTES],
        "opinion": Opinion(day, True, False, frozenset({N}), ("E1-s9",)),
        "pauses": [Pause(day - timedelta(9), day - timedelta(4)), Pause(day)],
        "answer_by": day + timedelta(8),
        "extent": Extent(day - timedelta(60), day, ("E1", "E2"), ("E1-s9",)),
        "forms": [form],
        "sha256": "ab" * 32,
    }
    filed = requests.find(here.practice, enter(here, "court", "court_order", **stated).id)
    asked = filed.request
    assert (asked.asked, asked.facts, asked.opinion) == (frozenset({N}), frozenset(stated["facts"]), stated["opinion"])
    assert (list(asked.pauses), asked.answer_by) == (stated["pauses"], stated["answer_by"])
    assert (filed.extent, filed.forms, filed.sha256) == (stated["extent"], (form,), "ab" * 32)
    assert (asked.client, asked.jurisdiction, asked.as_of, asked.received) == (here.client, "us-federal", day, day)


@given(days=st.lists(st.dates(date(2026, 1, 1), date(2026, 1, 9)), min_size=3, max_size=3), named=st.sets(st.sampled_from(["E1", "E2"])))
def test_what_is_within_a_narrower_extent_is_within_a_wider(days: list[date], named: set[str]) -> None:
    """Both days count; an encounter without a date is in no span of days; names and days must both hold."""
    day, since, until = days
    extent = Extent(since, until, tuple(named))
    assert extent.has("E1", day) == (since <= day <= until and (not named or "E1" in named))
    wider = (Extent(since, None, tuple(named)), Extent(None, until, tuple(named)), Extent(since, until), Extent())
    assert not extent.has("E1", day) or all(other.has("E1", day) for other in wider)
    assert not extent.has("E1", None) and Extent(encounters=("E1",)).has("E1", None)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"received": date(2026, 11, 19)}, LetterError),
        ({"sha256": "ab" * 31}, LetterError),
        ({"sha256": "zz" * 32}, LetterError),
        ({"asked": []}, LetterError),
        ({"pauses": [Pause(date(2026, 11, 18), date(2026, 11, 17))]}, LetterError),
        ({"forms": ["A0"]}, NotKnown),
        ({"extent": Extent(encounters=("the sessions in May",))}, LetterError),
        ({"extent": Extent(notes=("about his mother",))}, LetterError),
    ],
)
def test_a_letter_that_cannot_be_so_is_not_entered(here: House, more: dict[str, object], error: type[Exception]) -> None:
    """A letter from tomorrow, a digest that is none, a form that is not there, or words in the place of ids leave nothing behind."""
    with pytest.raises(error):
        enter(here, **more)
    assert here.rows(REQUESTS) == here.rows(HOLDS) == here.tasks("answer_request") == []


def test_what_is_found_out_later_moves_the_deadline(here: House) -> None:
    """An extension moves the last day and the task's; what was stated before and is not stated anew stands."""
    filed = enter(here, answer_by=date(2026, 12, 1))
    form = here.form()
    after = requests.restate(here.practice, filed.id, here.di, facts=[Fact.EXTENDED], forms=[form])
    assert after.due == here.today + timedelta(60) and here.tasks("answer_request")[0].due[:10] == str(after.due)
    assert (after.request.answer_by, after.forms, after.request.asked) == (date(2026, 12, 1), (form,), filed.request.asked)
    assert len(holds.holds_on(here.practice, here.client)) == 1
    requests.close(here.practice, filed.id, here.di)
    with pytest.raises(LetterError):
        requests.restate(here.practice, filed.id, here.di, facts=[])


def test_a_payers_letter_of_a_client_who_has_died_holds_once_that_is_known(here: House) -> None:
    """A fact that makes a letter hold does so when it is stated."""
    filed = enter(here, "insurer", "payer_request")
    assert holds.holds_on(here.practice, here.client) == ()
    requests.restate(here.practice, filed.id, here.di, facts=[Fact.CLIENT_DECEASED])
    assert [h.request for h in holds.holds_on(here.practice, here.client)] == [filed.id]


# ── forms ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_is_kept_sealed_and_comes_back_whole(stores: Stores) -> None:
    """A form comes back as it was read; its words are nowhere in the store."""
    here = house(stores)
    form = here.form(Scope.SUD_RECORD, patient="Wren Alder", representative="Pat Alder", authority="guardian \ud83d", expiry_event="end of treatment")
    (kept,) = authorizations.authorizations(here.practice, here.client)
    assert (kept.id, kept.patient, kept.authority, kept.expiry_event) == (form, "Wren Alder", "guardian \ud83d", "end of treatment")
    assert (kept.scope, kept.signed_on, kept.expires) == ({Scope.SUD_RECORD}, here.today, here.today + timedelta(200))
    assert faults(kept, here.today) == ()
    (row,) = here.rows(AUTHORIZATIONS)
    assert not any(words in row.body_sealed for words in (b"Alder", b"Tamsin", b"guardian"))
    assert (row.signed, row.expires, row.revoked) == (kept.signed_on, kept.expires, None)


@pytest.mark.parametrize(("what", "said"), [("revoke", "revoked"), ("end", "expired")])
def test_a_form_that_is_taken_back_or_ended_is_worth_nothing_from_that_day(here: House, what: str, said: str) -> None:
    """From the day named, or today, the form has that fault; saying it again later does not move the day on."""
    form, act = here.form(), getattr(authorizations, what)
    day = here.today - timedelta(2)
    act(here.practice, form, here.di, on=day)
    after = act(here.practice, form, here.di)
    assert faults(after, here.today) == (said,) and said not in faults(after, day - timedelta(1))
    assert authorizations.authorizations(here.practice, here.client) == (after,)
    assert [e["subject"] for e in here.told(f"authorization:{what}{'d' if what == 'revoke' else 'ed'}")] == [form, form]
    with pytest.raises(NotKnown):
        act(here.practice, "A0", here.di)


def test_a_form_of_nobody_here_is_not_kept(here: House) -> None:
    """A form needs a client, and an id of its own."""
    with pytest.raises(NotKnown):
        here.form(client="C-00000000")
    assert here.rows(AUTHORIZATIONS) == []


# ── deciding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_decision_is_written_a_row_and_an_event_a_bucket(stores: Stores) -> None:
    """Each bucket's outcome, rule, reasons and rules' version are on file, and told; deciding again adds rows and changes none."""
    here = house(stores)
    filed = enter(here)
    decision = requests.decide(here.practice, filed.id, here.cy.person)
    assert [(r.bucket, r.outcome, r.rule) for r in decision.rulings] == [(R, Outcome.ALLOW, "D01"), (N, Outcome.DENY, "D01")]
    rows = {row.bucket: row for row in decisions(here, filed)}
    assert {b: (row.outcome, row.rule, row.pack, json.loads(row.reasons), row.by) for b, row in rows.items()} == {
        "record": ("allow", "D01", "us-federal/1", ["right_of_access"], here.cy.person),
        "private": ("deny", "D01", "us-federal/1", ["private_not_accessible"], here.cy.person),
    }
    events = here.told("request:decided")
    assert [(e["facts"]["bucket"], e["outcome"], e["rule"], e["reason"]) for e in events] == [
        ("record", "allow", "D01", "right_of_access"),
        ("private", "deny", "D01", "private_not_accessible"),
    ]
    requests.decide(here.practice, filed.id, here.cy.person)
    assert len(decisions(here, filed)) == 4


def test_a_place_that_is_not_modelled_denies(open_house: House) -> None:
    """Where no rules are known everything is denied, held, and on file as such."""
    here = open_house.another("fr-idf")
    filed = enter(here)
    decision = requests.decide(here.practice, filed.id, here.di)
    assert {r.outcome for r in decision.rulings} == {Outcome.DENY}
    assert {row.pack for row in decisions(here, filed)} == {"none/0"} and len(holds.holds_on(here.practice, here.client)) == 1


def test_a_change_asked_for_is_decided_as_one(here: House) -> None:
    """A request for a change is not answered as one for access, nor the other way about; private notes are beyond its reach."""
    change, access = enter(here, instrument="amendment_request"), enter(here)
    with pytest.raises(LetterError):
        requests.decide(here.practice, change.id, here.di)
    with pytest.raises(LetterError):
        requests.decide_change(here.practice, access.id, R, here.di, reviewed=True)
    said = [
        requests.decide_change(here.practice, change.id, bucket, here.di, grounds=grounds, reviewed=reviewed).outcome
        for bucket, grounds, reviewed in ((R, (), False), (R, (), True), (R, (Ground.NOT_OURS,), True), (N, (), True))
    ]
    assert said == [Outcome.ESCALATE, Outcome.ALLOW, Outcome.DENY, Outcome.DENY]
    assert [e["outcome"] for e in here.told("request:decided")] == said


# ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_denial_is_a_draft_and_an_event(here: House) -> None:
    """Access to private notes is denied by its letter, which says nothing of what is in them, and the denial is on file."""
    encounter = here.signed()
    here.aside(encounter)
    filed = enter(here)
    (text,) = requests.deny(here.practice, filed.id, LETTER, here.cy.person)
    assert text.startswith("DRAFT, NOT SENT. Cy Marsh") and "164.524(a)(1)(i)" in text and "18 December 2026" in text
    assert "teal" not in text
    (denied,) = here.told("request:denied")
    assert (denied["rule"], denied["facts"]["bucket"], denied["outcome"], denied["reason"]) == ("D01", "private", "deny", "private_not_accessible")


def test_a_defective_form_is_answered_with_what_it_lacks(here: House) -> None:
    """The letter to a lawyer names the faults of the form and no other reasons."""
    filed = enter(here, "attorney", "authorization", forms=[here.form(Scope.RECORD, signed_by="", says_revocable=False)])
    (text,) = requests.deny(here.practice, filed.id, LETTER, here.cy.person)
    assert "a signature with its date" in text and "can be revoked" in text and "expiry" not in text
    assert {e["facts"]["bucket"] for e in here.told("request:denied")} == {"record", "private"}


def test_nothing_is_denied_that_the_rules_allow(here: House) -> None:
    """Where the rules allow all that is asked, there is no denial to draft; where a letter lacks something, nothing is on file."""
    filed = enter(here, asked=[R])
    with pytest.raises(LetterError):
        requests.deny(here.practice, filed.id, LETTER, here.cy.person)
    whole = enter(here)
    with pytest.raises(NotDrafted):
        requests.deny(here.practice, whole.id, Addressed("Harrow Lane Practice", "Wren Alder"), here.cy.person)
    assert here.told("request:denied") == here.told("request:decided") == []


def test_a_rule_without_a_letter_denies_all_the_same(here: House) -> None:
    """What no rule foresees is denied and told, with no letter that would not fit."""
    filed = enter(here, "unknown", "unknown")
    assert requests.deny(here.practice, filed.id, LETTER, here.di) == ()
    assert [e["rule"] for e in here.told("request:denied")] == ["D33", "D33"]


def test_other_replies_are_drafts_too(here: House) -> None:
    """An acknowledgement names the day by which the answer comes."""
    filed = enter(here)
    text = requests.draft(here.practice, filed.id, Letter.ACKNOWLEDGEMENT, LETTER, here.di)
    assert "18 November 2026" in text and "18 December 2026" in text
    assert [e["facts"]["letter"] for e in here.told("request:reply_drafted")] == ["acknowledgement"]


def test_a_letter_handed_on_is_one_task_of_somebody_here(here: House) -> None:
    """It falls due at once to whoever it was handed to last, and is done when the letter is closed."""
    filed = enter(here, "attorney", "subpoena")
    for person in (here.cy.person, here.di):
        requests.escalate(here.practice, filed.id, person, here.cy.person)
    (task,) = here.tasks("escalated_request")
    assert (task.person, task.done) == (here.di, None)
    with pytest.raises(NotKnown):
        requests.escalate(here.practice, filed.id, "P0", here.cy.person)
    requests.close(here.practice, filed.id, here.di)
    assert all(t.done for kind in ("escalated_request", "answer_request") for t in here.tasks(kind))


# ── closing, and holds ────────────────────────────────────────────────────────────────────────────────────────────────


def test_closing_lifts_nothing(here: House) -> None:
    """A closed letter leaves its hold standing, and names it; a person lifts it, with a reason."""
    filed = enter(here)
    (hold,) = holds.holds_on(here.practice, here.client)
    with pytest.raises(Held):
        holds.lift(here.practice, hold.id, here.di, "answered")
    assert requests.close(here.practice, filed.id, here.di) == (hold.id,)
    assert holds.holds_on(here.practice, here.client) == (hold,)
    for by, error in (("retention", NotKnown), ("worker", NotKnown)):
        with pytest.raises(error):
            holds.lift(here.practice, hold.id, by, "answered")
    holds.lift(here.practice, hold.id, here.di, "answered")
    assert holds.holds_on(here.practice, here.client) == ()
    (lifted,) = here.told("hold:lifted")
    assert (lifted["actor"], lifted["reason"], lifted["facts"]["request"]) == (here.di, "answered", filed.id)
    with pytest.raises(NotKnown):
        holds.lift(here.practice, hold.id, here.di, "answered")
    with pytest.raises(LetterError):
        requests.close(here.practice, filed.id, here.di)


def test_another_letters_hold_stands(here: House) -> None:
    """Of two letters that hold, closing one lets only its own hold be lifted."""
    one, other = enter(here), enter(here, "attorney", "subpoena")
    (mine,) = requests.close(here.practice, one.id, here.di)
    holds.lift(here.practice, mine, here.di, "answered")
    assert [h.request for h in holds.holds_on(here.practice, here.client)] == [other.id]
    assert [f.id for f in requests.open_requests(here.practice, here.client)] == [other.id]


def test_a_person_holds_too(here: House) -> None:
    """Somebody who works here may hold what they think will be asked for; words are no reason, and who left may not."""
    name = holds.hold(here.practice, here.client, "litigation_expected", here.cy.person)
    assert [(h.id, h.request) for h in holds.holds_on(here.practice, here.client)] == [(name, None)]
    gone = people.add_person(here.practice, Person("", "Ed Moss", Standing.CLINICIAN, active=False), by="setup").id
    for client, reason, by, error in (
        (here.client, "litigation_expected", gone, NotPermitted),
        ("C-00000000", "litigation_expected", here.di, NotKnown),
        (here.client, "she said she will sue", here.di, ValueError),
    ):
        with pytest.raises(error):
            holds.hold(here.practice, client, reason, by)
    with pytest.raises(NotPermitted):
        holds.lift(here.practice, name, gone, "over")
    assert len(holds.holds_on(here.practice, here.client)) == 1


def test_open_letters_stand_by_their_last_day(here: House) -> None:
    """What is due first stands first, what has no last day at the end; closed ones are gone."""
    slow, none, soon = enter(here, instrument="amendment_request"), enter(here, "police", "letter"), enter(here)
    assert [f.id for f in requests.open_requests(here.practice, here.client)] == [soon.id, slow.id, none.id]
    requests.close(here.practice, soon.id, here.di)
    assert [f.id for f in requests.open_requests(here.practice, here.client)] == [slow.id, none.id]
