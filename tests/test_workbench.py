"""The workbench: who can open what lies there, that nothing is overwritten, the queue, and that it can be destroyed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from drafting.errors import Conflict, Held, IllegalMove, KeyMissing, KeyWrong, KitError, NotKnown, NotPermitted, Shredded
from drafting.record import people, workbench
from drafting.record import practice as practices
from drafting.record.keys import Keyring, Master
from drafting.record.practice import Practice
from drafting.record.store import Stores, reading, writing
from drafting.record.store.tables.keyring import WRAPPED
from drafting.record.store.tables.record import ENCOUNTERS, MEDIA, WORK
from drafting.record.workbench import lending, media
from drafting.types.record import NoteState, Person, Stage, Standing
from tests.desks import DAY, Cut, Desk, cut_at, desk

WORDS = b"Client spoke of the move to the coast."


@pytest.fixture
def here(sqlite_stores: Stores) -> Desk:
    return desk(sqlite_stores)


# ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_words_are_taken_before_the_kit_is_proven(sqlite_stores: Stores) -> None:
    """Without a proven way back nothing is begun."""
    practice = Practice(sqlite_stores, Keyring(sqlite_stores.keyring, Master.made()))
    practices.make(practice, "us-federal")
    with pytest.raises(KitError):
        workbench.receive(practice, "C-1", "P1", DAY)


def test_an_encounter_begins_with_its_author_and_supervisor(here: Desk) -> None:
    """A trainee's encounter has her supervisor; a clinician's has none."""
    made = workbench.receive(here.practice, here.client, here.author.person, DAY)
    assert workbench.find(here.practice, made.id) == made
    assert (made.supervisor, made.stage, made.state, made.version) == (here.supervisor.person, Stage.RECEIVED, NoteState.DRAFT, 0)
    assert workbench.receive(here.practice, here.client, here.colleague.person, None).supervisor is None


def test_only_clinicians_who_work_here_begin_one(here: Desk) -> None:
    """An administrator, somebody who left, and a person, client or encounter that is not there are refused."""
    clerk = people.add_person(here.practice, Person("", "Di Fenn", Standing.ADMINISTRATOR), by="setup")
    gone = people.add_person(here.practice, Person("", "Ed Moss", Standing.CLINICIAN, active=False), by="setup")
    for author, error in ((clerk.id, NotPermitted), (gone.id, NotPermitted), ("P0", NotKnown)):
        with pytest.raises(error):
            workbench.receive(here.practice, here.client, author, DAY)
    with pytest.raises(NotKnown):
        workbench.receive(here.practice, "C-00000000", here.author.person, DAY)
    with pytest.raises(NotKnown):
        workbench.find(here.practice, "E0")


def test_the_same_id_twice_is_one_encounter(here: Desk) -> None:
    """An upload that is repeated begins nothing new, and an id is not another's."""
    first = workbench.receive(here.practice, here.client, here.author.person, DAY, id="E7upload")
    workbench.put(here.practice, first.id, "transcript", 1, WORDS, by="worker")
    assert workbench.receive(here.practice, here.client, here.author.person, DAY, id="E7upload") == first
    assert workbench.get(here.practice, first.id, "transcript", None, here.author.opener) == (1, WORDS)
    with pytest.raises(Conflict):
        workbench.receive(here.practice, here.client, here.colleague.person, DAY, id="E7upload")
    for id in ("wren alder", "E7/x", "C7", "E" + "x" * 40):
        with pytest.raises(ValueError, match="codes"):
            workbench.receive(here.practice, here.client, here.author.person, DAY, id=id)


def test_beginning_can_be_cut_anywhere_and_repeated(stores: Stores) -> None:
    """Whatever a cut left behind, the same id begins afterwards and its work opens."""
    here = desk(stores)
    for number in range(20):
        name = f"E7cut{number}"
        with cut_at(stores, number) as seen:
            try:
                workbench.receive(here.practice, here.client, here.author.person, DAY, id=name)
                done = True
            except Cut:
                done = False
        workbench.receive(here.practice, here.client, here.author.person, DAY, id=name)
        workbench.put(here.practice, name, "draft", 1, WORDS, by="worker")
        for opener in (here.author.opener, here.kit, workbench.worker(here.practice)):
            assert workbench.get(here.practice, name, "draft", 1, opener) == (1, WORDS)
        if done:
            break
    assert done and seen[0] == 4


# ── work ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_work_opens_for_its_author_and_the_kit_and_for_nobody_else(stores: Stores) -> None:
    """Neither a colleague, nor the supervisor unasked, nor the practice's own key opens an encounter."""
    here = desk(stores)
    name = here.encounter()
    workbench.put(here.practice, name, "draft", 1, WORDS, statements=("s1", "s2"), by="worker")
    for opener in (here.author.opener, here.kit):
        assert workbench.get(here.practice, name, "draft", None, opener) == (1, WORDS)
    for opener in (here.colleague.opener, here.supervisor.opener, None):
        with pytest.raises(KeyMissing):
            workbench.get(here.practice, name, "draft", None, opener)
    with pytest.raises(NotKnown):
        workbench.get(here.practice, name, "review", None, here.author.opener)


def test_the_service_puts_without_being_able_to_read(here: Desk) -> None:
    """A process without the practice's key takes an encounter and its work in."""
    workbench.worker(here.practice)
    blind = Practice(here.practice.stores, Keyring(here.practice.stores.keyring, None), here.practice.now)
    name = workbench.receive(blind, here.client, here.author.person, DAY).id
    workbench.put(blind, name, "transcript", 1, WORDS, by="worker")
    media.put(blind, name, "audio", [WORDS])
    assert workbench.get(here.practice, name, "transcript", 1, here.author.opener) == (1, WORDS)
    assert b"".join(media.read(here.practice, name, "audio", here.author.opener)) == WORDS


def test_a_review_follows_the_one_that_stands(here: Desk) -> None:
    """Of two changes to one version the second is refused and the first stays; a version left out is refused too."""
    name = here.encounter()
    workbench.put(here.practice, name, "review", 1, b"one", by=here.author.person)
    for version in (1, 3):
        with pytest.raises(Conflict):
            workbench.put(here.practice, name, "review", version, b"late", by=here.author.person)
    workbench.put(here.practice, name, "review", 2, b"two", by=here.author.person)
    assert workbench.find(here.practice, name).version == 2
    assert [workbench.get(here.practice, name, "review", v, here.author.opener)[1] for v in (1, 2, None)] == [b"one", b"two", b"two"]
    with pytest.raises(Conflict):
        workbench.put(here.practice, name, "draft", 1, b"a", by="worker") or workbench.put(here.practice, name, "draft", 1, b"b", by="worker")
    assert workbench.get(here.practice, name, "draft", None, here.author.opener) == (1, b"a")


@pytest.mark.parametrize("state", NoteState)
def test_a_review_changes_until_it_is_signed(here: Desk, state: NoteState) -> None:
    """Draft, in review and returned may be changed, and no other state."""
    name = here.encounter()
    here.state(name, state)
    if state in (NoteState.DRAFT, NoteState.IN_REVIEW, NoteState.RETURNED):
        workbench.put(here.practice, name, "review", 1, b"one", by=here.author.person)
        assert workbench.find(here.practice, name).version == 1
        return
    with pytest.raises(IllegalMove, match=state.value.replace("_", " ")):
        workbench.put(here.practice, name, "review", 1, b"one", by=here.author.person)
    assert workbench.find(here.practice, name).version == 0


def test_words_have_no_place_where_codes_stand(here: Desk) -> None:
    """Kinds and statement ids that read like words are refused, and nothing is kept."""
    name = here.encounter()
    for kind, statements in (("my review", ()), ("../x", ()), ("review", ("s1", "she cried"))):
        with pytest.raises(ValueError, match="codes"):
            workbench.put(here.practice, name, kind, 1, WORDS, statements=statements, by="worker")
    assert workbench.find(here.practice, name).version == 0


def test_work_does_not_open_in_anothers_place(here: Desk) -> None:
    """A sealed body that is moved to another version, kind or encounter does not open."""
    name, other = here.encounter(), here.encounter()
    for target, kind, version in ((name, "review", 1), (name, "review", 2), (name, "draft", 1), (other, "review", 1)):
        workbench.put(here.practice, target, kind, version, b"%d" % version, by="worker")
    with writing(here.practice.stores.record) as connection:
        source = connection.execute(
            sa.select(WORK.c.key, WORK.c.body_sealed).where(WORK.c.encounter == name, WORK.c.kind == "review", WORK.c.version == 1)
        ).one()
        rest = ~((WORK.c.encounter == name) & (WORK.c.kind == "review") & (WORK.c.version == 1))
        connection.execute(WORK.update().where(rest).values(key=source.key, body_sealed=source.body_sealed))
    for target, kind, version in ((name, "review", 2), (name, "draft", 1), (other, "review", 1)):
        with pytest.raises((KeyWrong, KeyMissing)):
            workbench.get(here.practice, target, kind, version, here.author.opener)


# ── the queue ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _many(here: Desk, count: int) -> None:
    states = ("draft", "in_review", "signed")
    rows = [
        {
            "id": f"E7{number:06d}",
            "client": here.client,
            "author": (here.author, here.colleague)[number % 5 == 0].person,
            "supervisor": here.supervisor.person,
            "service_date": None if number % 11 == 0 else DAY - timedelta(days=number % 7),
            "stage": "drafted",
            "state": states[number % 3],
            "created": "2026-11-18T15:00:00+00:00",
        }
        for number in range(count)
    ]
    with writing(here.practice.stores.record) as connection:
        connection.execute(ENCOUNTERS.insert(), rows)


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_pages_give_every_encounter_once_in_order(stores: Stores, limit: int) -> None:
    """Walked page by page, the queue is what a plain sort says: those without a date first, then the oldest; nothing twice, nothing left out."""
    here = desk(stores)
    _many(here, 120)
    states, after, walked = (NoteState.DRAFT, NoteState.IN_REVIEW), None, []
    while page := workbench.queue(here.practice, here.author.person, states=states, after=after, limit=limit):
        assert len(page) <= limit
        walked += page
        after = workbench.cursor(page[-1])
    with reading(stores.record) as connection:
        mine = sa.select(ENCOUNTERS.c.id, ENCOUNTERS.c.service_date).where(ENCOUNTERS.c.author == here.author.person, ENCOUNTERS.c.state.in_(states))
        rows = sorted(connection.execute(mine), key=lambda r: (r.service_date is not None, r.service_date or date.min, r.id))
    assert [e.id for e in walked] == [r.id for r in rows] and len(rows) > 50


def test_a_supervisor_has_a_queue_too(here: Desk) -> None:
    """What a supervisor must see is found by supervisor and state, whoever wrote it."""
    _many(here, 30)
    page = workbench.queue(here.practice, here.supervisor.person, states=[NoteState.SIGNED], supervising=True)
    assert len(page) == 10 and {e.author for e in page} == {here.author.person, here.colleague.person}
    assert workbench.queue(here.practice, here.supervisor.person, states=[NoteState.SIGNED]) == ()


def test_a_page_is_read_from_an_index(here: Desk) -> None:
    """No page of the queue sorts or scans the table."""
    plans: list[str] = []

    def explain(connection, cursor, statement, parameters, context, many) -> None:
        if statement.startswith("SELECT encounters"):
            rows = connection.connection.driver_connection.execute("EXPLAIN QUERY PLAN " + statement, parameters).fetchall()
            plans.append(" ".join(row[-1] for row in rows))

    sa.event.listen(here.practice.stores.record, "before_cursor_execute", explain)
    for supervising in (False, True):
        for after in (None, (None, "E7"), (DAY, "E7")):
            workbench.queue(here.practice, here.author.person, states=NoteState, after=after, supervising=supervising)
    sa.event.remove(here.practice.stores.record, "before_cursor_execute", explain)
    assert len(plans) > 20
    for plan in plans:
        assert "USING INDEX ix_encounters_" in plan and "TEMP B-TREE" not in plan and "SCAN" not in plan


# ── who may open, and how long ────────────────────────────────────────────────────────────────────────────────────────


def test_the_worker_opens_until_the_draft_stands(stores: Stores) -> None:
    """The worker reads while a job runs; when the draft stands its key is gone, and the author's is not."""
    here = desk(stores)
    name = here.encounter()
    workbench.put(here.practice, name, "transcript", 1, WORDS, by="worker")
    for stage in (Stage.TRANSCRIBED, Stage.ROUTED):
        workbench.progress(here.practice, name, stage)
        assert workbench.get(here.practice, name, "transcript", 1, workbench.worker(here.practice)) == (1, WORDS)
    workbench.progress(here.practice, name, Stage.DRAFTED)
    with pytest.raises(KeyMissing):
        workbench.get(here.practice, name, "transcript", 1, workbench.worker(here.practice))
    assert workbench.get(here.practice, name, "transcript", 1, here.author.opener) == (1, WORDS)


def test_the_workers_key_expires_with_a_failed_job(here: Desk) -> None:
    """A job that failed may be tried again for the hours that the practice settled, and then not."""
    name = here.encounter()
    workbench.put(here.practice, name, "transcript", 1, WORDS, by="worker")
    workbench.progress(here.practice, name, Stage.FAILED, "engine_failed")
    assert workbench.find(here.practice, name).failure == "engine_failed"
    here.practice.now.at += timedelta(hours=23)
    assert here.practice.keyring.expire(here.practice.now()) == 0
    workbench.progress(here.practice, name, Stage.TRANSCRIBED)
    here.practice.now.at += timedelta(hours=1)
    assert here.practice.keyring.expire(here.practice.now()) == 1
    with pytest.raises(KeyMissing):
        workbench.get(here.practice, name, "transcript", 1, workbench.worker(here.practice))
    lending.lend(here.practice, name, here.author.opener)
    assert workbench.get(here.practice, name, "transcript", 1, workbench.worker(here.practice)) == (1, WORDS)


def test_words_come_further_and_not_back(here: Desk) -> None:
    """Stages go one way, but for a failure, which has a code and may be tried again."""
    name = here.encounter()
    workbench.progress(here.practice, name, Stage.ROUTED)
    with pytest.raises(IllegalMove):
        workbench.progress(here.practice, name, Stage.TRANSCRIBED)
    for stage, failure in ((Stage.FAILED, None), (Stage.DRAFTED, "engine_failed")):
        with pytest.raises(ValueError, match="code"):
            workbench.progress(here.practice, name, stage, failure)
    assert workbench.find(here.practice, name).stage is Stage.ROUTED


def test_a_supervisor_opens_what_is_lent_until_it_is_taken_back(here: Desk) -> None:
    """The author lends to the encounter's supervisor and to no colleague; nobody takes the author's own key."""
    name = here.encounter()
    workbench.put(here.practice, name, "draft", 1, WORDS, by="worker")
    lending.lend_supervisor(here.practice, name, here.author.opener, ["draft", "review"])
    assert workbench.get(here.practice, name, "draft", 1, here.supervisor.opener) == (1, WORDS)
    lending.take_back(here.practice, name, here.supervisor.opener.holder, by=here.author.person)
    with pytest.raises(KeyMissing):
        workbench.get(here.practice, name, "draft", 1, here.supervisor.opener)
    with pytest.raises(KeyMissing):
        lending.lend(here.practice, name, here.colleague.opener)
    for holder in (here.author.opener.holder, "recovery"):
        with pytest.raises(NotPermitted):
            lending.take_back(here.practice, name, holder, by=here.colleague.person)
    alone = workbench.receive(here.practice, here.client, here.colleague.person, DAY).id
    with pytest.raises(NotPermitted):
        lending.lend_supervisor(here.practice, alone, here.colleague.opener, ["draft"])


# ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def purge(here: Desk, name: str, statements: list[str]) -> int:
    """The two steps of taking words away; how many versions."""
    keys = workbench.destroy_words(here.practice, name, statements)
    with here.practice.change() as change:
        workbench.forget(change, name, keys, by=here.author.person)
    return len(keys)


def test_purging_destroys_every_version_that_holds_the_words(stores: Stores) -> None:
    """Versions of any kind that name the statement are gone, with their keys; one that names s70 does not name s7."""
    here = desk(stores)
    name = here.encounter()
    for kind, version, statements in (("draft", 1, ("s7", "s8")), ("review", 1, ("s7",)), ("review", 2, ("s70", "s8")), ("review", 3, ("s6", "s7"))):
        workbench.put(here.practice, name, kind, version, WORDS, statements=statements, by="worker")
    with reading(stores.record) as connection:
        keys = {(r.kind, r.version): r.key for r in connection.execute(sa.select(WORK))}
    assert purge(here, name, ["s7"]) == 3
    assert workbench.get(here.practice, name, "review", None, here.author.opener) == (2, WORDS)
    for (kind, version), key in keys.items():
        if (kind, version) != ("review", 2):
            with pytest.raises(NotKnown):
                workbench.get(here.practice, name, kind, version, here.author.opener)
            with pytest.raises(Shredded):
                here.practice.keyring.open(key, here.author.opener)
    assert purge(here, name, ["s7"]) == 0


@pytest.mark.parametrize("stop", ["hold", "request"])
def test_what_is_held_is_not_destroyed(here: Desk, stop: str) -> None:
    """A hold, or an open request, keeps the workbench as it is."""
    name = here.encounter()
    workbench.put(here.practice, name, "draft", 1, WORDS, statements=("s1",), by="worker")
    getattr(here, stop)()
    with pytest.raises(Held):
        workbench.shred(here.practice, name, by="retention", reason="locked")
    with pytest.raises(Held):
        purge(here, name, ["s1"])
    assert here.intents() == [] and workbench.get(here.practice, name, "draft", 1, here.author.opener) == (1, WORDS)


def test_another_clients_hold_stops_nothing(here: Desk) -> None:
    """A hold is one client's, and once lifted stops nothing."""
    here.hold()
    other = people.add_client(here.practice, "Ivo Sedge", here.author.person, by="setup").id
    name = workbench.receive(here.practice, other, here.author.person, DAY).id
    assert len(workbench.shred(here.practice, name, by="retention", reason="locked")) == 64
    here.lift()
    assert len(workbench.shred(here.practice, here.encounter(), by="retention", reason="locked")) == 64


def test_shredding_can_be_cut_anywhere_and_nothing_opens_after_it(stores: Stores) -> None:
    """Wherever it is cut, a sweep or a second call ends it: no row, no key, one receipt; an encounter beside it stays whole."""
    here = desk(stores)
    beside = here.encounter()
    workbench.put(here.practice, beside, "draft", 1, WORDS, by="worker")
    for number in range(12):
        name = here.encounter()
        workbench.put(here.practice, name, "draft", 1, WORDS, by="worker")
        media.put(here.practice, name, "audio", [WORDS])
        with cut_at(stores, number):
            try:
                workbench.shred(here.practice, name, by="retention", reason="locked")
                done = True
            except Cut:
                done = False
        workbench.finish(here.practice)
        receipt = workbench.shred(here.practice, name, by="retention", reason="locked")
        assert workbench.shred(here.practice, name, by="retention", reason="locked") == receipt and here.intents() == []
        with reading(stores.record) as connection:
            assert not any(connection.scalar(sa.select(sa.func.count()).select_from(t).where(t.c.encounter == name)) for t in (WORK, MEDIA))
        with reading(stores.keyring) as connection:
            assert not [n for n in connection.scalars(sa.select(WRAPPED.c.secret)) if name in n]
        for opener in (here.author.opener, here.kit):
            with pytest.raises(Shredded, match=receipt):
                workbench.get(here.practice, name, "draft", 1, opener)
        with pytest.raises(Shredded):
            workbench.put(here.practice, name, "draft", 2, WORDS, by="worker")
        if done:
            break
    assert done and number == 3
    assert workbench.get(here.practice, beside, "draft", 1, here.author.opener) == (1, WORDS)


def test_a_hold_that_comes_between_stops_a_shredding_that_was_cut(here: Desk) -> None:
    """Before the key is gone a hold still keeps it, and the shredding waits until it is lifted."""
    name = here.encounter()
    workbench.put(here.practice, name, "draft", 1, WORDS, by="worker")
    with cut_at(here.practice.stores, 1), pytest.raises(Cut):
        workbench.shred(here.practice, name, by="retention", reason="locked")
    here.hold()
    assert workbench.finish(here.practice) == 0
    assert workbench.get(here.practice, name, "draft", 1, here.author.opener) == (1, WORDS)
    here.lift()
    assert workbench.finish(here.practice) == 1
    with pytest.raises(Shredded):
        workbench.get(here.practice, name, "draft", 1, here.author.opener)


def test_the_trail_tells_what_was_done(here: Desk) -> None:
    """Beginning, putting, lending, purging and shredding are each an event of the client's, and the chain holds."""
    name = here.encounter()
    workbench.put(here.practice, name, "review", 1, WORDS, statements=("s1",), by=here.author.person)
    lending.lend_supervisor(here.practice, name, here.author.opener, ["draft", "review"])
    purge(here, name, ["s1"])
    workbench.shred(here.practice, name, by="retention", reason="locked")
    actions = ("encounter:received", "work:put", "encounter:lent", "work:purged", "work:shredding", "work:shredded")
    assert all(len(here.told(a)) == 1 and here.client.encode() in here.told(a)[0] for a in actions)
    assert here.practice.audit_verify() >= len(actions)


def test_the_pages_of_a_queue_do_not_depend_on_the_order_of_states(here: Desk) -> None:
    """States are a set: named twice or the other way round they give the same page."""
    _many(here, 40)
    orders = ([NoteState.DRAFT, NoteState.SIGNED], [NoteState.SIGNED, NoteState.DRAFT, NoteState.DRAFT])
    one, other = (workbench.queue(here.practice, here.author.person, states=states) for states in orders)
    assert one == other and len(one) > 10
