"""What falls due: locks, reminders, purges, lent keys, reviews, and the end of notes and records; that each may be cut, and repeated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from drafting.errors import Held, IllegalMove, KeyMissing, NotKnown, NotPermitted, Shredded
from drafting.record import holds, notes, people, retention, vault, workbench
from drafting.record.keys import PRACTICE, RECOVERY
from drafting.record.people import secret_of
from drafting.record.release import Instrument, Requester, Scope, authorizations, disclosing, requests
from drafting.record.retention import Due, What, ending
from drafting.record.review import canonical
from drafting.record.store import Stores, instant, reading, writing
from drafting.record.store.tables.record import CLIENT_NAMES, CLIENTS, ENCOUNTERS, MEDIA, NOTES, TASKS, WORK
from drafting.record.vault import Departure, Why
from drafting.types.record import NoteKind, NoteState, SignedNote, SignedSection, SignedSentence, Stage
from drafting.types.review import NoteHeader
from tests.charts import DAY, HOW, SAID, House, house, kept_open
from tests.desks import Cut, cut_at


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with kept_open(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def here(open_house: House) -> House:
    return open_house.another()


def due(here: House, what: What, *subjects: str) -> list[Due]:
    """What is due of that kind, of those subjects: the practice is shared with other tests."""
    return [item for item in retention.due(here.practice) if item.what is what and item.subject in subjects]


def on_the_bench(here: House, encounter: str) -> int:
    with reading(here.practice.stores.record) as connection:
        return sum(connection.scalar(sa.select(sa.func.count()).select_from(t).where(t.c.encounter == encounter)) for t in (WORK, MEDIA))


def state(here: House, encounter: str) -> NoteState:
    return workbench.find(here.practice, encounter).state


# ── locking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_signed_note_is_locked_when_its_time_is_up(stores: Stores) -> None:
    """A day after the last signature, and not before, the note is locked and its workbench can be opened by nobody; the note itself can be read."""
    here = house(stores)
    name = here.signed()
    here.later(hours=23)
    assert retention.lock_due(here.practice) == ()
    here.later(hours=1)
    assert due(here, What.LOCK, name) == [Due(What.LOCK, name, DAY + timedelta(2))]
    (locked,) = retention.lock_due(here.practice)
    assert (locked.encounter, locked.state, locked.waits) == (name, NoteState.LOCKED, None)
    assert locked.receipt == workbench.receipt_of(here.practice.keyring, workbench.holder(name))
    assert on_the_bench(here, name) == 0
    with pytest.raises((Shredded, KeyMissing)):
        workbench.get(here.practice, name, "review", 1, here.cy.opener)
    assert notes.document(here.practice, name).note.sections[0].text == SAID
    assert ending.lock(here.practice, name) == locked and retention.lock_due(here.practice) == ()
    assert len(here.told("note:locked")) == len(here.told("work:shredded")) == 1


def test_a_trainees_note_is_locked_after_the_cosignature(open_house: House) -> None:
    """What waits for its cosignature is not locked, and the time counts from when it came."""
    here = open_house.another()
    name = here.signed(who=here.bo)
    here.later(days=3)
    assert due(here, What.LOCK, name) == []
    with pytest.raises(IllegalMove):
        ending.lock(here.practice, name)
    notes.cosign(here.practice, here.ada, name, HOW)
    here.later(hours=23)
    assert due(here, What.LOCK, name) == []
    here.later(hours=1)
    assert ending.lock(here.practice, name).state is NoteState.LOCKED


def test_what_was_not_signed_is_not_locked(here: House) -> None:
    """A draft, and a note that is open again, cannot be locked; nothing of them is destroyed."""
    draft, again = here.work(), here.signed()
    notes.reopen(here.practice, here.cy.person, again)
    for name in (draft, again):
        with pytest.raises(IllegalMove):
            ending.lock(here.practice, name)
        assert on_the_bench(here, name) == 2
    with pytest.raises(NotKnown):
        ending.lock(here.practice, "E0")


@pytest.mark.parametrize("held", ["hold", "request"])
def test_a_hold_or_an_open_letter_keeps_a_note_as_it_is(here: House, held: str) -> None:
    """Neither state nor workbench change; the reason is told; once nothing stands in the way it goes on."""
    name = here.signed()
    if held == "hold":
        placed = holds.hold(here.practice, here.client, "litigation_expected", here.di)
    else:
        filed = requests.enter(here.practice, here.client, Requester.INSURER, Instrument.PAYER_REQUEST, here.today, by=here.di)
    here.later(days=2)
    (item,) = due(here, What.LOCK, name)
    locked = ending.lock(here.practice, name)
    assert (locked.state, locked.receipt, state(here, name), on_the_bench(here, name)) == (NoteState.SIGNED, None, NoteState.SIGNED, 2)
    assert item.held and item.held in locked.waits
    if held == "hold":
        holds.lift(here.practice, placed, here.di, "settled")
    else:
        requests.close(here.practice, filed.id, here.di)
    assert due(here, What.LOCK, name)[0].held is None and ending.lock(here.practice, name).receipt


def test_an_incomplete_note_can_be_completed_before_it_is_locked(here: House) -> None:
    """While a note that was signed in urgent care is not completed it is not locked, however late: undecided words lie on its workbench alone."""
    name = here.signed()
    with writing(here.practice.stores.record) as connection:
        task = {"id": f"T{name}", "encounter": name, "person": here.cy.person, "kind": "complete_note"}
        connection.execute(TASKS.insert().values(due=instant(here.practice.now() + timedelta(days=3)), **task))
    for days in (2, 30):
        here.later(days=days)
        assert due(here, What.LOCK, name) == []
    with writing(here.practice.stores.record) as connection:
        connection.execute(TASKS.update().where(TASKS.c.id == f"T{name}").values(done=instant(here.practice.now())))
    assert len(due(here, What.LOCK, name)) == 1


def test_an_incomplete_note_is_not_locked_whoever_says_so(sqlite_stores: Stores) -> None:
    """Signed as incomplete, it is neither locked by hand or by night nor handed over to another chart, though the night found it before: it says why,
    nothing is destroyed, and completed it is."""
    here = house(sqlite_stores)
    here.practice.settle(here.di, chart="elsewhere")
    name, whole = here.signed(), here.signed("Client called.")
    here.later(days=2)
    seen = due(here, What.LOCK, name, whole)
    with writing(here.practice.stores.record) as connection:
        task = {"id": "T1", "encounter": name, "person": here.cy.person, "kind": "complete_note", "due": instant(here.practice.now())}
        connection.execute(TASKS.insert().values(task))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "due", lambda practice: tuple(seen))
        by_night = {locked.encounter: locked for locked in retention.lock_due(here.practice)}
    for locked in (by_night[name], ending.lock(here.practice, name, here.di)):
        assert locked.state is NoteState.SIGNED and locked.receipt is None and "incomplete" in locked.waits
    assert by_night[whole].state is NoteState.LOCKED
    with pytest.raises(Held, match="incomplete"):
        ending.hand_over(here.practice, name, here.cy.person)
    assert on_the_bench(here, name) == 2 and notes.document(here.practice, name) and here.told("note:handing_over") == []
    with writing(here.practice.stores.record) as connection:
        connection.execute(TASKS.update().values(done=instant(here.practice.now())))
    assert ending.hand_over(here.practice, name, here.cy.person) and on_the_bench(here, name) == 0


def test_a_note_that_is_opened_meanwhile_stops_no_other(sqlite_stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reopened between the look and the lock, it stays as it is, and the night goes on with the rest."""
    here = house(sqlite_stores)
    names = sorted((here.signed(), here.signed("Client called.")))
    here.later(days=2)
    seen = due(here, What.LOCK, *names)
    notes.reopen(here.practice, here.cy.person, seen[0].subject)
    monkeypatch.setattr(retention, "due", lambda practice: tuple(seen))
    assert [(locked.encounter, locked.state) for locked in retention.run(here.practice).locked] == [(seen[1].subject, NoteState.LOCKED)]
    assert state(here, seen[0].subject) is NoteState.IN_REVIEW and on_the_bench(here, seen[0].subject) == 2


def test_a_lock_may_be_cut_anywhere(stores: Stores) -> None:
    """Whatever a lock is cut after, the next run goes on, and ends with one lock, one receipt and an empty workbench."""
    here = house(stores)
    name = here.signed()
    here.later(days=2)
    for number in range(8):
        with cut_at(here.practice.stores, number), suppress(Cut):
            retention.lock_due(here.practice)
            break
        assert state(here, name) is NoteState.LOCKED or on_the_bench(here, name) == 2
    retention.run(here.practice)
    assert state(here, name) is NoteState.LOCKED and on_the_bench(here, name) == 0
    assert len(here.told("note:locked")) == 1 and due(here, What.LOCK, name) == []
    here.practice.audit_verify()


# ── what lies unsigned ────────────────────────────────────────────────────────────────────────────────────────────────


def test_unsigned_work_is_told_of_and_then_purged(stores: Stores) -> None:
    """After a week its author has a task; after the policy's thirty days, the task's time being up, the work is destroyed and the queue says so."""
    here = house(stores)
    name = here.work()
    note = here.aside(name)
    here.later(days=6)
    assert retention.run(here.practice).told == 0
    here.later(days=1)
    assert retention.run(here.practice).told == 1 and retention.run(here.practice).told == 0
    (task,) = here.tasks("unsigned_work")
    assert (task.person, task.encounter, task.due) == (here.cy.person, name, instant(here.practice.now() + timedelta(days=23)))
    here.later(days=22)
    assert retention.run(here.practice).purged == ()
    here.later(days=1)
    (receipt,) = retention.run(here.practice).purged
    there = workbench.find(here.practice, name)
    assert (there.stage, there.failure, there.state, on_the_bench(here, name)) == (Stage.FAILED, "purged", NoteState.IN_REVIEW, 0)
    assert workbench.receipt_of(here.practice.keyring, workbench.holder(name)) == receipt
    assert here.tasks("unsigned_work")[0].done and here.told("encounter:purged")[0]["facts"]["receipt"] == receipt
    assert vault.read(here.practice, note, here.cy, Why.OWN_TREATMENT)
    assert retention.run(here.practice) == retention.Ran()


def test_nothing_is_purged_that_nobody_was_told_of(sqlite_stores: Stores) -> None:
    """Work that is old when it is first seen is told of, and has a week from then. Signed at last, it needs no reminder."""
    here = house(sqlite_stores)
    name = here.work()
    here.later(days=90)
    assert due(here, What.PURGE, name) == [] and len(due(here, What.REMIND, name)) == 1
    retention.run(here.practice)
    here.later(days=6)
    assert due(here, What.PURGE, name) == []
    here.later(days=1)
    assert len(due(here, What.PURGE, name)) == 1
    notes.sign(here.practice, here.cy, name, 1, HOW)
    assert due(here, What.PURGE, name) == [] and retention.run(here.practice).purged == ()
    assert here.tasks("unsigned_work")[0].done and notes.document(here.practice, name)


def test_work_that_was_purged_waits_for_nobody(sqlite_stores: Stores) -> None:
    """Purged or destroyed, it is listed as unsigned no more, nobody is reminded of it, its task is done, and its author may leave."""
    here = house(sqlite_stores)
    name = here.work()
    note = here.aside(name)
    here.later(days=8)
    retention.run(here.practice)
    with pytest.raises(NotPermitted):
        ending.departing(here.practice, here.cy, Departure.SHREDS)
    here.later(days=30)
    assert len(retention.run(here.practice).purged) == 1
    with here.practice.look() as connection:
        assert people.unsigned_of(connection, here.cy.person) == 0
    here.later(days=60)
    assert due(here, What.REMIND, name) == due(here, What.PURGE, name) == [] and here.tasks("unsigned_work")[0].done
    assert list(ending.departing(here.practice, here.cy, Departure.SHREDS).receipts) == [note]


def test_a_practice_may_purge_nothing(sqlite_stores: Stores) -> None:
    """Without a time to purge, work is told of for ever; a note that was signed and is open again is never purged either."""
    here = house(sqlite_stores)
    again = here.signed()
    notes.reopen(here.practice, here.cy.person, again)
    here.later(days=8)
    retention.run(here.practice)
    here.later(days=400)
    assert retention.run(here.practice).purged == ()
    here.practice.settle(here.di, unsigned_purge=0)
    name = here.work()
    for _ in range(3):
        here.later(days=400)
        assert retention.run(here.practice).purged == ()
    assert len(here.tasks("unsigned_work")) == 2 and on_the_bench(here, name) == on_the_bench(here, again) == 2


def test_a_purge_may_be_cut_anywhere(sqlite_stores: Stores) -> None:
    """Whatever a purge is cut after, the next run goes on with it."""
    here = house(sqlite_stores)
    name = here.work()
    here.later(days=8)
    retention.run(here.practice)
    here.later(days=30)
    for number in range(10):
        with cut_at(here.practice.stores, number), suppress(Cut):
            retention.run(here.practice)
            break
    retention.run(here.practice)
    assert (workbench.find(here.practice, name).failure, on_the_bench(here, name)) == ("purged", 0)
    assert len(here.told("encounter:purged")) == 1 and due(here, What.PURGE, name) == []


# ── lent keys, private notes ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_lent_key_is_taken_back_in_time(here: House) -> None:
    """The worker's key to an encounter ends with its hours, and a run takes it away."""
    name = here.work()
    secret = workbench.holder(name)
    assert due(here, What.EXPIRE, secret) == [] and "worker" in here.practice.keyring.holders_of(secret)
    here.later(hours=24)
    assert due(here, What.EXPIRE, secret) == [Due(What.EXPIRE, secret, DAY + timedelta(2))]
    assert retention.run(here.practice).expired
    assert "worker" not in here.practice.keyring.holders_of(secret) and due(here, What.EXPIRE, secret) == []


def test_old_private_notes_are_asked_about_once_a_year(sqlite_stores: Stores) -> None:
    """An author with private notes older than a year has one task; done, the next comes a year after. Nothing is destroyed."""
    here = house(sqlite_stores)
    note = here.aside(here.signed())
    for days, told in ((364, 0), (1, 1), (1, 0), (400, 0)):
        here.later(days=days)
        assert sum(item.what is What.REVIEW for item in retention.due(here.practice)) == told
        retention.run(here.practice)
    with writing(here.practice.stores.record) as connection:
        connection.execute(TASKS.update().values(done=instant(here.practice.now())))
        assert connection.scalar(sa.select(TASKS.c.person).where(TASKS.c.kind == "review_private")) == here.cy.person
    here.later(days=364)
    assert not [item for item in retention.due(here.practice) if item.what is What.REVIEW]
    here.later(days=1)
    assert [item.subject for item in retention.due(here.practice) if item.what is What.REVIEW] == [here.cy.person]
    assert vault.read(here.practice, note, here.cy, Why.OWN_TREATMENT)
    here.practice.settle(here.di, private_review=0)
    assert not [item for item in retention.due(here.practice) if item.what is What.REVIEW]


# ── the end of a record ───────────────────────────────────────────────────────────────────────────────────────────────


def keep(here: House, **columns: date | None) -> None:
    with writing(here.practice.stores.record) as connection:
        connection.execute(CLIENTS.update().where(CLIENTS.c.id == here.client).values({"majority": None, **columns}))


@pytest.mark.parametrize(
    ("columns", "until"),
    [
        ({"last_service": date(2019, 11, 17)}, date(2026, 11, 17)),
        ({"last_service": date(2019, 11, 18)}, date(2026, 11, 18)),
        ({"last_service": date(2010, 1, 5), "majority": date(2023, 11, 17)}, date(2026, 11, 17)),
        ({"last_service": date(2010, 1, 5), "majority": date(2025, 3, 1)}, date(2028, 3, 1)),
        ({"last_service": date(2022, 1, 5), "majority": date(2012, 3, 1)}, date(2029, 1, 5)),
        ({"last_service": date(2016, 2, 29)}, date(2023, 2, 28)),
        ({}, None),
    ],
)
def test_a_record_is_kept_to_the_later_of_its_days(here: House, columns: dict[str, date], until: date | None) -> None:
    """Seven years after the last service or three after majority, the later of them, through its last day; with no service no day is known."""
    keep(here, **columns)
    assert ending.kept_until(here.practice, here.client) == until
    over = until is not None and until < here.today
    assert [item.since for item in due(here, What.DESTROY, here.client)] == ([until + timedelta(1)] if over else [])
    if not over:
        with pytest.raises(Held):
            ending.destroy_record(here.practice, here.client, here.di, "over")


def test_todays_work_keeps_a_record_that_was_over(here: House) -> None:
    """A client who comes back after years, whose note is not signed yet: the record is kept from today; purged, the work keeps nothing."""
    keep(here, last_service=date(2015, 1, 5))
    assert ending.kept_until(here.practice, here.client) == date(2022, 1, 5)
    name = here.work()
    assert ending.kept_until(here.practice, here.client) == date(2033, 11, 18) and due(here, What.DESTROY, here.client) == []
    with pytest.raises(Held, match="2033-11-18"):
        ending.destroy_record(here.practice, here.client, here.di, "over")
    assert on_the_bench(here, name) == 2 and people.find_client(here.practice, here.client)
    workbench.shred(here.practice, name, by="retention", reason="purged")
    assert ending.kept_until(here.practice, here.client) == date(2022, 1, 5)


@pytest.mark.parametrize("act", ["revoke", "end"])
def test_a_form_does_not_end_on_a_day_to_come(here: House, act: str) -> None:
    """Taken back, or ended, from a day that has not come: it counts from today, since nobody knows today what will be said then."""
    form = getattr(authorizations, act)(here.practice, here.form(), here.di, on=here.today + timedelta(30))
    assert (form.revoked_on or form.ended_on) == here.today
    assert here.told(f"authorization:{'revoked' if act == 'revoke' else 'ended'}")[0]["facts"]["on"] == here.today.isoformat()
    assert authorizations.authorizations(here.practice, here.client) == (form,)


def test_a_form_that_ended_keeps_a_record_from_its_end(here: House) -> None:
    """Ended by its event, a form counts from that day: one without a date of its own, and one whose date is later."""
    keep(here, last_service=date(2015, 1, 5))
    signed = {"signed_on": date(2016, 2, 1), "expiry_event": "end of treatment"}
    event = here.form(Scope.RECORD, expires=None, **signed)
    assert ending.kept_until(here.practice, here.client) == date(2022, 2, 1)
    authorizations.end(here.practice, event, here.di, on=date(2018, 5, 1))
    assert ending.kept_until(here.practice, here.client) == date(2024, 5, 1)
    dated = here.form(Scope.RECORD, expires=date(2025, 1, 1), **signed)
    assert ending.kept_until(here.practice, here.client) == date(2031, 1, 1)
    authorizations.end(here.practice, dated, here.di, on=date(2019, 5, 1))
    assert ending.kept_until(here.practice, here.client) == date(2025, 5, 1)


def test_papers_keep_a_record_too(here: House) -> None:
    """Six years from when an authorization last had effect, or something was disclosed (45 CFR 164.316(b)(2), 164.530(j))."""
    here.signed()
    keep(here, last_service=date(2015, 1, 5))
    assert ending.kept_until(here.practice, here.client) == date(2022, 1, 5)
    form = here.form(Scope.RECORD, signed_on=date(2016, 2, 1), expires=date(2019, 5, 1))
    assert ending.kept_until(here.practice, here.client) == date(2025, 5, 1)
    authorizations.revoke(here.practice, form, here.di)
    assert ending.kept_until(here.practice, here.client) == date(2032, 11, 18)
    here.later(days=30)
    filed = requests.enter(here.practice, here.client, Requester.CLIENT, Instrument.ACCESS_REQUEST, here.today, by=here.di)
    disclosing.release(here.practice, filed.id, [here.staff], recipient="Wren Alder", purpose="at_request", by=here.di)
    assert ending.kept_until(here.practice, here.client) == date(2032, 12, 18)


def test_a_destroyed_record_cannot_be_read(stores: Stores) -> None:
    """Name, notes and plan open for nobody, the kit included; the name is found no more, the workbench is empty. Ids, receipts and the trail stay."""
    here = house(stores)
    signed, left = here.signed(), here.work("Client called.")
    people.write_plan(here.practice, here.client, {"goals": ["sleep"]}, by=here.cy.person)
    note = here.aside(signed)
    assert [c.id for c in people.search_clients(here.practice, "wren")] == [here.client]
    here.later(days=7 * 366)
    receipt = ending.destroy_record(here.practice, here.client, here.di, "time_over")
    for read in (
        lambda: people.find_client(here.practice, here.client),
        lambda: notes.document(here.practice, signed),
        lambda: people.plan(here.practice, here.client),
        lambda: here.practice.keyring.open(secret_of(here.client), here.kit),
        lambda: workbench.get(here.practice, left, "review", 1, here.cy.opener),
    ):
        with pytest.raises((Shredded, NotKnown)):
            read()
    assert people.search_clients(here.practice, "wren") == ()
    with reading(here.practice.stores.record) as connection:
        assert connection.execute(sa.select(CLIENT_NAMES)).all() == []
    assert on_the_bench(here, signed) == on_the_bench(here, left) == 0
    assert [e["facts"]["receipt"] for e in here.told("record:destroyed")] == [receipt]
    assert ending.destroy_record(here.practice, here.client, here.di, "time_over") == receipt
    assert due(here, What.DESTROY, here.client) == [] and len(here.told("note:signed")) == 1
    assert vault.read(here.practice, note, here.cy, Why.OWN_TREATMENT)  # its author's, and asked about once a year
    here.practice.audit_verify()


def test_a_letter_about_a_destroyed_record_is_still_entered(here: House) -> None:
    """It has its deadline; nothing is there to leave."""
    here.signed()
    keep(here, last_service=date(2015, 1, 5))
    ending.destroy_record(here.practice, here.client, here.di, "time_over")
    filed = requests.enter(here.practice, here.client, Requester.CLIENT, Instrument.ACCESS_REQUEST, here.today, by=here.di)
    assert filed.due == here.today + timedelta(30)
    with pytest.raises(Shredded):
        disclosing.release(here.practice, filed.id, [here.staff], recipient="Wren Alder", purpose="at_request", by=here.di)


def test_an_administrator_destroys_and_nobody_else(here: House) -> None:
    """Not a clinician, not a process; under a hold or an open letter nobody; and words are no reason."""
    keep(here, last_service=date(2015, 1, 5))
    for by, error in ((here.cy.person, NotPermitted), ("retention", NotKnown)):
        with pytest.raises(error):
            ending.destroy_record(here.practice, here.client, by, "time_over")
    with pytest.raises(ValueError):
        ending.destroy_record(here.practice, here.client, here.di, "she moved away")
    filed = requests.enter(here.practice, here.client, Requester.ATTORNEY, Instrument.SUBPOENA, here.today, by=here.di)
    for _ in range(2):
        assert due(here, What.DESTROY, here.client)[0].held
        with pytest.raises(Held):
            ending.destroy_record(here.practice, here.client, here.di, "time_over")
        if holds.holds_on(here.practice, here.client) and requests.open_requests(here.practice, here.client):
            requests.close(here.practice, filed.id, here.di)
    assert people.find_client(here.practice, here.client).name == "Wren Alder"


def test_a_destruction_may_be_cut_anywhere(stores: Stores) -> None:
    """Whatever it is cut after, a run goes on with it, unless a hold has come before the key was gone."""
    here = house(stores)
    here.signed()
    here.later(days=7 * 366)
    for number in range(12):
        with cut_at(here.practice.stores, number), suppress(Cut):
            ending.destroy_record(here.practice, here.client, here.di, "time_over")
            break
        if number == 0:
            assert people.find_client(here.practice, here.client)
    retention.run(here.practice)
    with pytest.raises(Shredded):
        people.find_client(here.practice, here.client)
    assert len(here.told("record:destroyed")) == len(here.told("record:destroying")) == 1
    assert people.search_clients(here.practice, "wren") == () and ending.finish(here.practice) == 0


def test_a_hold_stops_a_destruction_that_was_cut(sqlite_stores: Stores) -> None:
    """What was begun and not done waits for the hold to be lifted, and is done then by the next run."""
    here = house(sqlite_stores)
    here.signed()
    here.later(days=7 * 366)
    with cut_at(here.practice.stores, 1), suppress(Cut):
        ending.destroy_record(here.practice, here.client, here.di, "time_over")
    placed = holds.hold(here.practice, here.client, "litigation_expected", here.di)
    retention.run(here.practice)
    assert people.find_client(here.practice, here.client).name == "Wren Alder"
    holds.lift(here.practice, placed, here.di, "settled")
    retention.run(here.practice)
    with pytest.raises(Shredded):
        people.find_client(here.practice, here.client)


# ── a chart that is kept elsewhere ────────────────────────────────────────────────────────────────────────────────────


def apart(here: House, words: str = SAID) -> tuple[str, str]:
    """An encounter whose signed note is sealed under a key of its own; both ids."""
    encounter = here.work(words)
    name, secret = f"N{encounter[1:]}", f"note/N{encounter[1:]}"
    here.practice.keyring.make(secret, [PRACTICE, RECOVERY])
    section = SignedSection("narrative", "Narrative", (SignedSentence(words),))
    header = NoteHeader(here.client, DAY, note_kind="contact", confirmed=True)
    note = SignedNote(name, encounter, 1, NoteKind.NOTE, "narrative", "0" * 12, header, (section,))
    at = instant(here.practice.now())
    row = {"id": name, "encounter": encounter, "number": 1, "client": here.client, "kind": "note", "format": "narrative", "review": 1}
    sealed = here.practice.seal(secret, canonical.note_bytes(note), "notes", name, "body")
    with writing(here.practice.stores.record) as connection:
        connection.execute(NOTES.insert().values(digest=canonical.digest(note), service_date=DAY, signed=at, body_sealed=sealed, **row))
        connection.execute(ENCOUNTERS.update().where(ENCOUNTERS.c.id == encounter).values(state="signed", note=name, signed=at))
    return encounter, name


def test_a_note_that_was_handed_over_cannot_be_read_here(stores: Stores) -> None:
    """It is locked, its words open for nobody, and digest and receipt stay; it leaves no more, and what is sealed beside it is untouched."""
    here = house(stores)
    here.practice.settle(here.di, chart="elsewhere")
    (encounter, name), (_, other) = apart(here), apart(here, "Client called.")
    receipt = ending.hand_over(here.practice, encounter, here.cy.person)
    (row,) = here.rows(NOTES, NOTES.c.id == name)
    for opener in (None, here.kit):
        with pytest.raises(Shredded):
            here.practice.keyring.open(f"note/{name}", opener)
    assert (state(here, encounter), on_the_bench(here, encounter), len(row.digest)) == (NoteState.LOCKED, 0, 64)
    assert here.told("note:handed_over")[0]["facts"]["receipt"] == receipt == workbench.receipt_of(here.practice.keyring, f"note/{name}")
    assert ending.hand_over(here.practice, encounter, here.cy.person) == receipt
    assert here.practice.keyring.open(f"note/{other}") and people.find_client(here.practice, here.client)
    assert len(here.told("note:handed_over")) == 1


def test_a_locked_note_waits_to_be_handed_over(sqlite_stores: Stores) -> None:
    """Where the chart is elsewhere, locked notes whose words are still here are due; under a hold they stay."""
    here = house(sqlite_stores)
    here.practice.settle(here.di, chart="elsewhere")
    encounter, name = apart(here)
    assert due(here, What.HAND_OVER, encounter) == []
    ending.lock(here.practice, encounter)
    assert len(due(here, What.HAND_OVER, encounter)) == 1
    placed = holds.hold(here.practice, here.client, "litigation_expected", here.di)
    with pytest.raises(Held):
        ending.hand_over(here.practice, encounter, here.cy.person)
    assert due(here, What.HAND_OVER, encounter)[0].held and here.practice.keyring.open(f"note/{name}")
    holds.lift(here.practice, placed, here.di, "settled")
    ending.hand_over(here.practice, encounter, here.cy.person)
    assert due(here, What.HAND_OVER, encounter) == []


def test_what_is_not_to_be_handed_over_stays(here: House) -> None:
    """Where the chart is here, where the note goes with its client's record, where nothing is signed, or nobody says so."""
    signed, draft = here.signed(), here.work()
    (encounter, name) = apart(here)
    with pytest.raises(NotPermitted):
        ending.hand_over(here.practice, encounter, here.cy.person)
    here.practice.settle(here.di, chart="elsewhere")
    for which, by, error in ((signed, here.cy.person, NotPermitted), (draft, here.cy.person, NotKnown), (encounter, "retention", NotKnown)):
        with pytest.raises(error):
            ending.hand_over(here.practice, which, by)
    here.practice.settle(here.di, chart="here")
    assert notes.document(here.practice, signed) and here.practice.keyring.open(f"note/{name}") and state(here, signed) is NoteState.SIGNED


def test_a_colleague_hands_nothing_over(sqlite_stores: Stores) -> None:
    """Whoever neither wrote the note, nor supervises its author, nor administers: refused, and nothing is locked or destroyed. The others may."""
    here = house(sqlite_stores)
    here.practice.settle(here.di, chart="elsewhere")
    (encounter, name), (other, _) = apart(here), apart(here, "Client called.")
    trainees = here.signed("Client came late.", who=here.bo)
    notes.cosign(here.practice, here.ada, trainees, HOW)
    for by, which in ((here.lee, encounter), (here.ada, encounter), (here.cy, trainees)):
        with pytest.raises(NotPermitted):
            ending.hand_over(here.practice, which, by.person)
    for which in (encounter, trainees):
        assert state(here, which) in (NoteState.SIGNED, NoteState.COSIGNED) and on_the_bench(here, which)
        assert notes.document(here.practice, which) if which == trainees else here.practice.keyring.open(f"note/{name}")
    assert here.told("note:handing_over") == []
    for by, which in ((here.cy.person, encounter), (here.di, other), (here.ada.person, trainees)):
        assert ending.hand_over(here.practice, which, by) and state(here, which) is NoteState.LOCKED


def test_handing_over_may_be_cut_anywhere(sqlite_stores: Stores) -> None:
    """Whatever it is cut after, it can be repeated, or a run goes on."""
    here = house(sqlite_stores)
    here.practice.settle(here.di, chart="elsewhere")
    encounter, name = apart(here)
    for number in range(10):
        with cut_at(here.practice.stores, number), suppress(Cut):
            ending.hand_over(here.practice, encounter, here.cy.person)
            break
        if number % 2:
            retention.run(here.practice)
    assert ending.hand_over(here.practice, encounter, here.cy.person) == workbench.receipt_of(here.practice.keyring, f"note/{name}")
    assert len(here.told("note:handed_over")) == 1 and ending.finish(here.practice) == 0


# ── who leaves, and what an administrator sees ────────────────────────────────────────────────────────────────────────


def test_a_clinician_leaves_with_nothing_unsigned(sqlite_stores: Stores) -> None:
    """Unsigned notes, and for a supervisor cosignatures, come first; then private notes are taken, and shredded."""
    here = house(sqlite_stores)
    name = here.work()
    note = here.aside(name)
    trainees = here.signed(who=here.bo)
    for who in (here.cy, here.ada):
        with pytest.raises(NotPermitted):
            ending.departing(here.practice, who, Departure.SHREDS)
    assert vault.read(here.practice, note, here.cy, Why.OWN_TREATMENT)
    notes.sign(here.practice, here.cy, name, 1, HOW)
    notes.cosign(here.practice, here.ada, trainees, HOW)
    assert b"teal buttons" in ending.departing(here.practice, here.cy, Departure.TAKES).taken
    assert list(ending.departing(here.practice, here.cy, Departure.SHREDS).receipts) == [note]
    assert ending.departing(here.practice, here.ada, Departure.SHREDS).receipts == {}
    with pytest.raises(Shredded):
        vault.read(here.practice, note, here.cy, Why.OWN_TREATMENT)


def test_the_report_has_all_that_waits_for_somebody(sqlite_stores: Stores) -> None:
    """What is due with what stops it, the holds, the letters by their day; as of a day to come if one asks."""
    here = house(sqlite_stores)
    assert retention.report(here.practice) == retention.Report((), (), (), ())
    name = here.signed()
    filed = requests.enter(here.practice, here.client, Requester.CLIENT, Instrument.ACCESS_REQUEST, here.today, by=here.di)
    told = retention.report(here.practice, here.practice.now() + timedelta(days=1))
    (lock, expire) = told.due
    assert (lock.what, lock.subject, lock.held) == (What.LOCK, name, "a hold stands (access_request)") and expire.what is What.EXPIRE
    assert [h.request for h in told.holds] == [f.id for f in told.requests] == [filed.id]
    assert retention.report(here.practice).due == ()
