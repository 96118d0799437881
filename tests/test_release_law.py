"""The law of release, through the stores: what leaves by which rule and person, what stays, what is accounted for, and what a cut leaves behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from drafting.errors import Conflict, Held, LetterError, NotKnown, NotPermitted, ReleaseRefused
from drafting.record import holds, notes, people, retention, vault, workbench
from drafting.record.export import profiles
from drafting.record.release import (
    Approver,
    Bucket,
    Fact,
    Instrument,
    Opinion,
    Profile,
    Requester,
    Role,
    Scope,
    authorizations,
    disclosing,
    requests,
)
from drafting.record.release.disclosing import RENDERED, Package, Purpose
from drafting.record.release.requests import Extent
from drafting.record.retention import ending
from drafting.record.store import Stores, reading
from drafting.record.store.tables.private import PRIVATE_NOTES
from drafting.record.store.tables.record import DISCLOSURES
from drafting.types.record import NoteState, Person, Standing
from tests.charts import ASIDE, DAY, HOW, SAID, House, house, kept_open
from tests.desks import Cut, cut_at

R, N = Bucket.RECORD, Bucket.PRIVATE


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with kept_open(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def here(open_house: House) -> House:
    return open_house.another()


def enter(here: House, requester: str, instrument: str, facts: str = "", **more: object) -> str:
    stated = [Fact(fact) for fact in facts.split()]
    filed = requests.enter(here.practice, here.client, Requester(requester), Instrument(instrument), here.today, facts=stated, by=here.di, **more)
    return filed.id


def let_go(here: House, request: str, *approvers: Approver, **more: object) -> Package:
    given = {"recipient": "Tamsin Orde, 4 Harrow Lane", "purpose": Purpose.AT_REQUEST, "by": here.di, **more}
    return disclosing.release(here.practice, request, approvers, **given)


def texts(package: Package) -> list[str]:
    return [section.text for document in package.record.documents for section in document.note.sections] if package.record else []


def asides(package: Package) -> list[str]:
    return [words.text for words in package.private.words] if package.private else []


# ── what leaves ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_access_gives_the_record_and_denies_the_private_notes(stores: Stores) -> None:
    """D01, T9: a client in the US is given the record; the private notes stay unread, and the reason is told (45 CFR 164.524(a)(1)(i))."""
    here = house(stores)
    first, second = here.signed(), here.signed("Client practised the breathing exercise.", day=DAY - timedelta(7))
    here.aside(first)
    package = let_go(here, enter(here, "client", "access_request"), here.staff)
    assert texts(package) == ["Client practised the breathing exercise.", SAID]
    assert [d.note.encounter for d in package.record.documents] == [second, first]
    assert (package.record.profile, package.private, list(package.left)) == ("client_copy", None, [N])
    assert "private_not_accessible" in package.left[N]
    assert here.told("private:read") == [] and ASIDE not in repr(package)
    assert disclosing.accounting(here.practice, here.client) == ()


def test_access_in_the_uk_reaches_the_private_notes(open_house: House) -> None:
    """D26, T9: both parts leave, apart from one another, and the step of redacting third parties is told."""
    here = open_house.another("uk-ew")
    encounter = here.signed()
    note = here.aside(encounter)
    package = let_go(here, enter(here, "client", "access_request"), here.officer, kit=here.kit)
    assert (texts(package), asides(package)) == ([SAID], [ASIDE])
    assert "redact_third_parties" in package.steps and "opinion_before_disclosing" in package.notices
    assert ASIDE not in str([package.record, package.left, package.decision]) and ASIDE not in repr(package)
    (read,) = here.told("private:read")
    assert (read["subject"], read["reason"], read["actor"], read["outcome"]) == (note, "release", here.di, "ok")


def test_a_health_professionals_opinion_withholds_what_it_names_and_no_more(open_house: House) -> None:
    """D26: items of which an opinion finds serious harm stay; a note and what was signed after it stay together."""
    here = open_house.another("uk-ew")
    one, other = here.signed(), here.signed("Client spoke of the move.")
    kept, given = here.aside(one), here.aside(other, "I liked the joke about the ferry")
    ending.lock(here.practice, one)
    addendum = notes.add(here.practice, here.cy, one, "The call was at noon.", "left out", HOW).note.id
    opinion = Opinion(here.today, True, True, frozenset(Bucket), (addendum, kept))
    package = let_go(here, enter(here, "client", "access_request", opinion=opinion), here.author, unlocked=here.cy)
    assert (texts(package), asides(package)) == (["Client spoke of the move."], ["I liked the joke about the ferry"])
    assert set(package.record.stays.values()) == {"withheld"} and len(package.record.stays) == 2
    assert package.private.stays == {kept: "withheld"} and [w.note for w in package.private.words] == [given]


def test_an_authorization_gives_its_exact_scope(here: House) -> None:
    """D05: a form for the private notes alone lets the named notes go, by their author and no other, and nothing of the record."""
    asked, other = here.signed(), here.signed(day=DAY - timedelta(30))
    note = here.aside(asked)
    here.aside(other, "I was bored")
    extent = Extent(since=DAY - timedelta(2), until=DAY)
    request = enter(here, "attorney", "authorization", forms=[here.form()], extent=extent)
    package = let_go(here, request, here.author, unlocked=here.cy)
    assert asides(package) == [ASIDE] and package.record is None and "no_valid_authorization" in package.left[R]
    assert (package.private.ruling.rule, package.private.words[0].note) == ("D05", note)
    assert disclosing.accounting(here.practice, here.client) == ()


def test_single_notes_may_be_named(here: House) -> None:
    """Of two notes of one encounter only the named one leaves."""
    encounter = here.signed()
    here.aside(encounter)
    vault.put(here.practice, encounter, here.client, here.cy.person, [vault.PrivateItem(f"{encounter}-s10", 2, "I hummed", ("s10",))], by="worker")
    request = enter(here, "originator", "share_with_client", "originator_is_requester", extent=Extent(notes=(f"{encounter}-s10",)))
    assert asides(let_go(here, request, here.author, unlocked=here.cy)) == ["I hummed"]


def test_a_combined_form_gives_the_record_alone(here: House) -> None:
    """D06: one form for both is no authorization for the notes (45 CFR 164.508(b)(3)(ii))."""
    here.aside(here.signed())
    both = here.form(Scope.RECORD, Scope.PRIVATE_NOTES)
    package = let_go(here, enter(here, "attorney", "authorization", forms=[both]), here.author, here.officer, kit=here.kit)
    assert (texts(package), package.private) == ([SAID], None) and here.told("private:read") == []


def test_a_supervisor_is_given_what_the_trainee_shares(open_house: House) -> None:
    """D11: of a trainee's private notes those that were brought to supervision, and of the record what is final."""
    here = open_house.another()
    people.transfer(here.practice, here.client, here.bo.person, by=here.di)
    one, other = here.signed(who=here.bo), here.signed("Client cancelled.", who=here.bo)
    notes.cosign(here.practice, here.ada, one, HOW)
    shared, kept = here.aside(one, who=here.bo), here.aside(other, "I dread Tuesdays", who=here.bo)
    vault.share(here.practice, here.bo, shared, here.ada.person)
    request = enter(here, "supervisor", "supervision", "trainee_relation_active")
    trainee = Approver(here.bo.person, Role.ORIGINATOR)
    package = let_go(here, request, here.staff, trainee, unlocked=here.bo, purpose=Purpose.SUPERVISION)
    assert (texts(package), asides(package)) == ([SAID], [ASIDE])
    assert package.private.stays == {kept: "not_shared"} and set(package.record.stays.values()) == {"not_signed"}


def test_a_note_under_change_does_not_leave(here: House) -> None:
    """A note whose signature does not stand stays, and is told; what is signed after a release was accounted for is not in it."""
    here.signed()
    opened = here.signed("Client called twice.")
    notes.reopen(here.practice, here.cy.person, opened)
    package = let_go(here, enter(here, "client", "access_request"), here.staff)
    assert texts(package) == [SAID] and list(package.record.stays.values()) == ["not_signed"]


def test_where_nothing_is_kept_nothing_leaves(here: House) -> None:
    """A client with no signed note in the extent asked for: refused, and no account is made of it."""
    here.signed()
    for extent in (Extent(until=DAY - timedelta(1)), Extent(encounters=("E0",))):
        with pytest.raises(ReleaseRefused, match="nothing of it is kept"):
            let_go(here, enter(here, "client", "access_request", extent=extent), here.staff)
    assert here.rows(DISCLOSURES) == []


def test_danger_waits_for_no_note(here: House) -> None:
    """D17: a report of danger leaves and is accounted for, though nothing is signed yet and nothing is rendered."""
    request = enter(here, "person_able_to_prevent", "imminent_threat", "threat_serious_and_imminent recipient_able_to_prevent", asked=[R])
    package = let_go(here, request, here.staff, purpose=Purpose.SAFETY, said="what was threatened")
    assert (package.record.profile, package.record.documents) == (None, ())
    (line,) = disclosing.accounting(here.practice, here.client)
    assert (line.said, line.items, line.purpose, line.on) == ("what was threatened", 0, Purpose.SAFETY, here.today)


def test_each_profile_is_one_that_the_export_has() -> None:
    """What a rule lets go can be rendered, or is written by a person."""
    assert set(RENDERED) == set(Profile) and {key for key in RENDERED.values() if key} <= set(profiles.keys())


# ── what does not ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_subpoena_without_a_judge_holds_and_releases_nothing(here: House) -> None:
    """D12: the record waits for counsel, the private notes are denied, nothing may be destroyed; who approves makes no difference."""
    here.aside(here.signed())
    request = enter(here, "attorney", "subpoena")
    for approvers in ((here.author, here.officer), (here.staff,), ()):
        with pytest.raises(ReleaseRefused):
            let_go(here, request, *approvers, kit=here.kit)
    assert [(e["rule"], e["outcome"]) for e in here.told("request:decided")] == [("D12", "escalate"), ("D12", "deny")] * 3
    assert [e["reason"] for e in here.told("release:refused")] == ["release_refused"] * 3
    assert here.told("private:read") == here.rows(DISCLOSURES) == [] and len(holds.holds_on(here.practice, here.client)) == 1


def test_an_illinois_judge_is_sent_to_counsel(open_house: House) -> None:
    """T14: an order that names the notes lets them go by federal rules, with the order's digest entered, and in Illinois not at all."""
    facts = "signed_by_judge names_private_notes"
    for place, digest, left in (("us-federal", "ab" * 32, True), ("us-federal", None, False), ("us-il", "ab" * 32, False)):
        here = open_house.another(place)
        here.aside(here.signed())
        request = enter(here, "court", "court_order", facts, sha256=digest)
        package = let_go(here, request, here.author, here.officer, kit=here.kit, purpose=Purpose.PROCEEDINGS)
        assert texts(package) == [SAID] and asides(package) == ([ASIDE] if left else []), place


def test_a_form_taken_back_between_decision_and_release_refuses(here: House) -> None:
    """What was allowed yesterday is decided again: a revoked or expired form lets nothing go, and nobody reads anything."""
    here.aside(here.signed())
    for spoil in (
        lambda form: authorizations.revoke(here.practice, form, here.di),
        lambda form: authorizations.end(here.practice, form, here.di),
        lambda form: here.later(days=300),
    ):
        form = here.form()
        request = enter(here, "attorney", "authorization", asked=[N], forms=[form])
        assert requests.decide(here.practice, request, here.di).of(N).rule == "D05"
        spoil(form)
        with pytest.raises(ReleaseRefused):
            let_go(here, request, here.author, unlocked=here.cy)
    assert here.told("private:read") == here.rows(DISCLOSURES) == []


def test_whoever_approves_is_who_they_say(here: House) -> None:
    """An author wrote it; a privacy officer is an administrator; somebody who left approves nothing."""
    here.aside(here.signed())
    request = enter(here, "attorney", "authorization", asked=[N], forms=[here.form()])
    gone = people.add_person(here.practice, Person("", "Ed Moss", Standing.ADMINISTRATOR, active=False), by="setup").id
    for approver, error in (
        (Approver(here.lee.person, Role.ORIGINATOR), NotPermitted),
        (Approver(here.di, Role.ORIGINATOR), NotPermitted),
        (Approver(here.cy.person, Role.PRIVACY_OFFICER), NotPermitted),
        (Approver(gone, Role.PRIVACY_OFFICER), NotPermitted),
        (Approver(here.officer.person, Role.PRIVACY_OFFICER), ReleaseRefused),  # D05 wants the author
        (Approver(here.lee.person, Role.STAFF), ReleaseRefused),
        (Approver("P0", Role.STAFF), NotKnown),
    ):
        with pytest.raises(error):
            let_go(here, request, approver, kit=here.kit)
    with pytest.raises(NotKnown):
        let_go(here, request, here.author, kit=here.kit, by="worker")
    assert here.told("private:read") == here.rows(DISCLOSURES) == []
    assert len(here.told("release:refused")) == 6  # the one who is not known was never somebody to refuse


def test_an_author_lets_go_of_their_own_notes_alone(open_house: House) -> None:
    """Of two authors' notes the approving one's leave; another's key, or none, opens nothing."""
    here = open_house.another()
    mine, theirs = here.signed(), here.signed("Client met Lee.", who=here.lee)
    here.aside(mine)
    other = here.aside(theirs, "I envied Cy", who=here.lee)
    request = enter(here, "attorney", "authorization", asked=[N], forms=[here.form()])
    for given in ({}, {"unlocked": here.lee}):
        with pytest.raises(ReleaseRefused):
            let_go(here, request, here.author, **given)
    with pytest.raises(NotPermitted):
        let_go(here, request, here.author, kit=here.cy.opener)
    assert here.told("private:read") == []
    package = let_go(here, request, here.author, unlocked=here.cy)
    assert asides(package) == [ASIDE] and package.private.stays == {other: "not_approved"}


def test_the_sole_clinician_is_asked_twice(sqlite_stores: Stores) -> None:
    """In a practice of one the author and the privacy officer are one person, in both roles; where an administrator works, they are not."""
    here = house(sqlite_stores)
    here.aside(here.signed())
    request = enter(here, "court", "court_order", "signed_by_judge names_private_notes", asked=[N], sha256="ab" * 32)
    both = (here.author, Approver(here.cy.person, Role.PRIVACY_OFFICER))
    given = {"unlocked": here.cy, "by": here.cy.person}
    with pytest.raises(NotPermitted):
        let_go(here, request, *both, **given)
    for person in people.all_people(here.practice):
        if person.id != here.cy.person:
            people.change_person(here.practice, Person(person.id, person.name, Standing.CLINICIAN, active=False), by="setup")
    with pytest.raises(ReleaseRefused):
        let_go(here, request, here.author, **given)
    assert asides(let_go(here, request, *both, **given)) == [ASIDE]


def test_only_what_is_named_goes_now(here: House) -> None:
    """One bucket can be let go before the other, to somebody who is named, and nothing of a closed letter."""
    here.aside(here.signed())
    request = enter(here, "court", "court_order", "signed_by_judge names_private_notes", sha256="ab" * 32)
    with pytest.raises(ReleaseRefused, match="not named"):
        let_go(here, request, here.officer, recipient=" ")
    package = let_go(here, request, here.officer, here.author, kit=here.kit, buckets=[R])
    assert (texts(package), package.private, package.left) == ([SAID], None, {})
    requests.close(here.practice, request, here.di)
    with pytest.raises(LetterError):
        let_go(here, request, here.officer, here.author, kit=here.kit)


# ── accounting ────────────────────────────────────────────────────────────────────────────────────────────────────────

DANGER = "threat_serious_and_imminent recipient_able_to_prevent"
# requester, instrument, facts; rule, accounted
LEAVING = [
    ("originator", "share_with_client", "originator_is_requester", "D02", False),
    ("attorney", "authorization", "", "D05", False),
    ("own_counsel", "legal_defence", "plaintiff_is_client", "D22", False),
    ("court", "court_order", "signed_by_judge names_private_notes", "D14", True),
    ("protective_services", "mandated_report", "not_in_record statute_named", "D16", True),
    ("person_able_to_prevent", "imminent_threat", DANGER, "D17", True),
    ("licensing_board", "oversight_inquiry", "board_of_originator", "D19", True),
    ("hhs", "compliance_investigation", "", "D20", True),
    ("coroner", "letter", "", "D21", True),
]


def test_the_accounting_lists_what_must_be_accounted_for_and_no_more(here: House) -> None:
    """45 CFR 164.528: private notes that left by P4–P8 are in it, with whom, when and what for; what the client authorized, was shown, or the
    practice's own defence is not."""
    encounter = here.signed()
    note, form = here.aside(encounter), here.form()
    for requester, instrument, facts, rule, _ in LEAVING:
        forms = [form] if instrument == "authorization" else []
        request = enter(here, requester, instrument, facts, asked=[N], forms=forms, sha256="ab" * 32)
        package = let_go(here, request, here.author, here.officer, kit=here.kit, recipient=f"recipient of {rule}", purpose=Purpose.OVERSIGHT)
        assert (package.private.ruling.rule, asides(package)) == (rule, [ASIDE])
        here.later(days=1)
    lines = disclosing.accounting(here.practice, here.client)
    assert [line.recipient for line in lines] == [f"recipient of {rule}" for *_, rule, accounted in LEAVING if accounted]
    assert {(line.bucket, line.items, line.since, line.until, line.certain) for line in lines} == {(N, 1, DAY, DAY, True)}
    assert disclosing.accounting(here.practice, here.client, since=lines[-1].on) == lines[-1:]
    reads = here.told("private:read")
    assert [(e["subject"], e["reason"]) for e in reads] == [(note, "release")] * len(LEAVING)
    assert [e["rule"] for e in here.told("release:accounted")] == [rule for *_, rule, _ in LEAVING]


def test_an_accounting_reaches_six_years_back(here: House) -> None:
    """The day six years ago is in it, the day before is not, whatever is asked for."""
    here.signed()
    request = enter(here, "hhs", "compliance_investigation", asked=[R])
    let_go(here, request, here.officer, purpose=Purpose.INVESTIGATION)
    here.practice.now.at = here.practice.now.at.replace(year=2032)
    assert len(disclosing.accounting(here.practice, here.client, since=date(2000, 1, 1))) == 1
    here.later(days=1)
    assert disclosing.accounting(here.practice, here.client, since=date(2000, 1, 1)) == ()


def test_what_left_is_on_file_by_ids_and_digests(here: House) -> None:
    """The account names each item with a digest that proves which it was and tells nothing of a private note's words; recipient and description are
    sealed."""
    encounter = here.signed()
    note = here.aside(encounter)
    request = enter(here, "hhs", "compliance_investigation")
    let_go(here, request, here.officer, kit=here.kit, said="the autumn", purpose=Purpose.INVESTIGATION)
    rows = {json.loads(row.items)[0]["id"]: row for row in here.rows(DISCLOSURES)}
    signed = notes.document(here.practice, encounter)
    with reading(here.practice.stores.private) as connection:
        sealed = connection.scalar(sa.select(PRIVATE_NOTES.c.body_sealed).where(PRIVATE_NOTES.c.id == note))
    assert {name: json.loads(row.items)[0]["sha256"] for name, row in rows.items()} == {
        signed.note.id: signed.signatures[0].digest,
        note: hashlib.sha256(sealed).hexdigest(),
    }
    for row in rows.values():
        assert b"Tamsin" not in row.recipient_sealed and b"autumn" not in row.description_sealed and row.request == request


def test_no_private_word_is_in_the_record(sqlite_stores: Stores, tmp_path: object) -> None:
    """After every kind of release the private words stand in no byte of the record's database, and none of its words in the private part."""
    here = house(sqlite_stores)
    here.aside(here.signed())
    for requester, instrument, facts, _, _ in LEAVING[2:]:
        request = enter(here, requester, instrument, facts, sha256="ab" * 32)
        package = let_go(here, request, here.author, here.officer, kit=here.kit)
        assert SAID not in asides(package) and ASIDE not in texts(package)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"counting the teal buttons" not in stored and b"sleeping six hours" not in stored
    assert b"release:accounted" in stored


def test_every_step_is_told(here: House) -> None:
    """Receipt, hold, decision, approval, account, reading, handing over, denial, closing and lifting each have their event, in that order."""
    note = here.aside(here.signed())
    request = enter(here, "licensing_board", "oversight_inquiry", "board_of_originator")
    let_go(here, request, here.officer, kit=here.kit, purpose=Purpose.OVERSIGHT)
    (hold,) = requests.close(here.practice, request, here.di)
    holds.lift(here.practice, hold, here.di, "answered")
    told = {
        action: here.told(action)
        for action in (
            "request:received",
            "hold:placed",
            "request:decided",
            "release:approved",
            "release:accounted",
            "private:read",
            "release:handed_over",
            "request:closed",
            "hold:lifted",
        )
    }
    assert {action: len(events) for action, events in told.items()} == {
        **dict.fromkeys(told, 1),
        "request:decided": 2,
        "release:approved": 2,
        "release:accounted": 2,
        "release:handed_over": 2,
    }
    approved = told["release:approved"][0]
    assert (approved["facts"]["person"], approved["facts"]["role"]) == (here.di, "privacy_officer")
    assert {e["facts"]["decision"] for e in told["release:accounted"]} == {e["subject"] for e in told["request:decided"]}
    assert told["private:read"][0]["subject"] == note
    here.practice.audit_verify()


# ── cut ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_release_that_was_cut_can_be_told(stores: Stores) -> None:
    """Wherever a release is cut, words are handed over only after their account is on file; an account whose handing over is not on file is told."""
    here = house(stores)
    here.aside(here.signed())
    request = enter(here, "hhs", "compliance_investigation")
    for number in range(9):
        before = len(here.rows(DISCLOSURES))
        package = None
        with cut_at(here.practice.stores, number), suppress(Cut):
            package = let_go(here, request, here.officer, kit=here.kit, purpose=Purpose.INVESTIGATION)
        made = len(here.rows(DISCLOSURES)) - before
        left = disclosing.unsettled(here.practice)
        assert made in (0, 2) and len(left) == (0 if package else made)
        doubtful = {line.id for line in disclosing.accounting(here.practice, here.client) if not line.certain}
        assert doubtful == {one.disclosure for one in left}
        for one in left:
            disclosing.settle(here.practice, one.disclosure, left=True, by=here.di)
        if package:
            break
    assert package and asides(package) == [ASIDE]


def test_what_is_delivered_counts_as_handed_over_when_it_is_there(here: House) -> None:
    """The words are put where they go after the account and before the handing over is on file: a disk that refuses leaves the release to be told."""
    here.aside(here.signed())
    request = enter(here, "hhs", "compliance_investigation", asked=[N])
    given = {"kit": here.kit, "purpose": Purpose.INVESTIGATION}
    seen: list[tuple[list[str], int, list[object]]] = []

    def deliver(package: Package) -> None:
        seen.append((asides(package), len(disclosing.unsettled(here.practice)), here.told("release:handed_over")))
        if len(seen) == 1:
            raise Conflict()

    with pytest.raises(Conflict):
        let_go(here, request, here.officer, deliver=deliver, **given)
    (cut,) = disclosing.unsettled(here.practice)
    disclosing.settle(here.practice, cut.disclosure, left=False, by=here.di)
    let_go(here, request, here.officer, deliver=deliver, **given)
    assert seen == [([ASIDE], 1, [])] * 2
    assert disclosing.unsettled(here.practice) == () and len(here.told("release:handed_over")) == 1


def test_a_person_says_whether_the_words_left(here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter is not closed before; what did not leave is in no accounting, what left is, for certain."""
    here.aside(here.signed())
    request = enter(here, "hhs", "compliance_investigation", asked=[N])
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(vault, "read_all", lambda *_, **__: (_ for _ in ()).throw(Conflict()))
            with pytest.raises(Conflict):
                let_go(here, request, here.officer, kit=here.kit, purpose=Purpose.INVESTIGATION)
    one, other = (cut.disclosure for cut in disclosing.unsettled(here.practice) if cut.request == request)
    assert [line.certain for line in disclosing.accounting(here.practice, here.client)] == [False, False]
    with pytest.raises(LetterError):
        requests.close(here.practice, request, here.di)
    disclosing.settle(here.practice, one, left=False, by=here.di)
    disclosing.settle(here.practice, other, left=True, by=here.di)
    assert [(line.id, line.certain) for line in disclosing.accounting(here.practice, here.client)] == [(other, True)]
    for name in (one, other):
        with pytest.raises(NotKnown):
            disclosing.settle(here.practice, name, left=True, by=here.di)
    requests.close(here.practice, request, here.di)


# ── what a hold stops ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hold_stops_every_end_and_lifting_lets_it_go_on(stores: Stores) -> None:
    """Under a hold nothing is locked, shredded, purged or destroyed; once a person lifted it, all goes on."""
    here = house(stores)
    signed, unsigned = here.signed(), here.work("Client called.")
    note = here.aside(signed)
    here.later(days=8)
    retention.run(here.practice)  # locks the first, and tells of the second
    again = here.signed("Client came back.")
    name = holds.hold(here.practice, here.client, "litigation_expected", here.di)
    here.later(days=24)
    ran = retention.run(here.practice)
    assert [(one.encounter, one.state, one.receipt) for one in ran.locked] == [(again, NoteState.SIGNED, None)]
    assert "litigation_expected" in ran.locked[0].waits and ran.purged == ()
    for end in (
        lambda: workbench.shred(here.practice, again, by=here.di, reason="test"),
        lambda: vault.shred(here.practice, [note], by=here.cy.person, reason="test"),
        lambda: ending.destroy_record(here.practice, here.client, here.di, "over"),
    ):
        with pytest.raises(Held):
            end()
    holds.lift(here.practice, name, here.di, "settled")
    ran = retention.run(here.practice)
    assert [(one.encounter, one.state) for one in ran.locked] == [(again, NoteState.LOCKED)] and len(ran.purged) == 1
    assert workbench.receipt_of(here.practice.keyring, workbench.holder(unsigned)) == ran.purged[0]
    vault.shred(here.practice, [note], by=here.cy.person, reason="test")
    here.later(days=365 * 8)
    assert ending.destroy_record(here.practice, here.client, here.di, "over")
