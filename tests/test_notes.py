"""Signed notes: signed once, by the right person, never changed, added to; and found again."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from drafting.errors import Conflict, IllegalMove, KeyMissing, KeyWrong, NotKnown, NotPermitted, SigningBlocked, StoreFailed
from drafting.pipeline import Engines
from drafting.record import notes, people, workbench
from drafting.record.keys import passphrases
from drafting.record.notes import Circumstances
from drafting.record.review import canonical, reviewing
from drafting.record.store import Stores, reading, writing
from drafting.record.store.tables.record import CLIENTS, DISPOSITIONS, ENCOUNTERS, NOTES, SIGNATURES, TASKS
from drafting.record.workbench import drafted
from drafting.types.record import Meaning, NoteKind, NoteState, Person, Standing
from drafting.types.review import Review
from tests.desks import Cut, Desk, cut_at, desk
from tests.dictated import NAMED, TEXT, cleared, stand
from tests.stores import CHEAP

HOW = Circumstances("password_totp", "America/Chicago")


@pytest.fixture
def here(sqlite_stores: Stores) -> Desk:
    return desk(sqlite_stores)


def state(here: Desk, encounter: str) -> NoteState:
    return workbench.find(here.practice, encounter).state


def signed(here: Desk, engines: Engines) -> Review:
    """A note that its author, a trainee, signed."""
    review = cleared(here, stand(here, engines))
    notes.sign(here.practice, here.author, review.encounter, review.version, HOW)
    return review


def rows(here: Desk, table: sa.Table) -> int:
    with reading(here.practice.stores.record) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def test_a_note_from_draft_to_cosignature(stores: Stores, engines: Engines) -> None:
    """Signed by the author it waits for the supervisor; cosigned it bears two signatures, both of which fit. On either engine."""
    here = desk(stores)
    review = signed(here, engines)
    assert state(here, review.encounter) is NoteState.COSIGN_DUE
    notes.cosign(here.practice, here.supervisor, review.encounter, HOW)
    assert state(here, review.encounter) is NoteState.COSIGNED
    found = notes.document(here.practice, review.encounter)
    assert [s.meaning for s in found.signatures] == [Meaning.AUTHOR, Meaning.COSIGNER]
    assert [s.text for section in found.note.sections for s in section.sentences] == [s.text for s in review.sentences]
    assert here.told("note:signed") and here.told("note:cosigned")


def test_the_record_holds_no_word_that_screening_replaced(here: Desk, engines: Engines) -> None:
    """The name is gone from the signed note, and a code says what became of the finding."""
    review = signed(here, engines)
    told = repr(notes.document(here.practice, review.encounter).note.sections) + " ".join(
        s.text for section in notes.document(here.practice, review.encounter).note.sections for s in section.sentences
    )
    assert NAMED not in told
    with reading(here.practice.stores.record) as connection:
        answers = connection.execute(sa.select(DISPOSITIONS.c.item, DISPOSITIONS.c.kind, DISPOSITIONS.c.answer)).all()
    assert ("f1", "F02", "applied") in [tuple(a) for a in answers]


def test_nobody_signs_for_another(here: Desk, engines: Engines) -> None:
    """The colleague cannot sign, the author cannot cosign, a colleague cannot cosign; and nothing is written on the way."""
    review = cleared(here, stand(here, engines))
    with pytest.raises(Exception, match="key"):
        notes.sign(here.practice, here.colleague, review.encounter, review.version, HOW)
    notes.sign(here.practice, here.author, review.encounter, review.version, HOW)
    for person in (here.author, here.colleague):
        with pytest.raises(NotPermitted):
            notes.cosign(here.practice, person, review.encounter, HOW)
    assert rows(here, SIGNATURES) == 1


def test_nobody_signs_with_anothers_key(here: Desk, engines: Engines) -> None:
    """A cosignature, an amendment, an addendum or a withdrawal as one person with the keys of another is refused, and nothing is written."""
    review = signed(here, engines)
    as_author, as_supervisor = replace(here.colleague, person=here.author.person), replace(here.author, person=here.supervisor.person)
    with pytest.raises(KeyWrong):
        notes.cosign(here.practice, as_supervisor, review.encounter, HOW)
    assert state(here, review.encounter) is NoteState.COSIGN_DUE
    notes.reopen(here.practice, here.author.person, review.encounter)
    with pytest.raises(KeyMissing):
        notes.sign(here.practice, as_author, review.encounter, workbench.find(here.practice, review.encounter).version, HOW)
    here.state(review.encounter, "locked")
    for act in (notes.add, notes.withdraw):
        with pytest.raises(KeyWrong):
            act(here.practice, as_author, review.encounter, *["The client called back."] * (2 if act is notes.add else 1), HOW)
    assert state(here, review.encounter) is NoteState.LOCKED and rows(here, NOTES) == rows(here, SIGNATURES) == 1
    assert len(notes.document(here.practice, review.encounter).signatures) == 1


def test_a_signature_that_another_made_or_that_is_gone_is_not_shown_as_the_authors(here: Desk, engines: Engines) -> None:
    """Whoever can write the store, and seal, puts a colleague's signature under the author's name, or takes the author's away: the note is not shown."""
    review = signed(here, engines)
    notes.cosign(here.practice, here.supervisor, review.encounter, HOW)
    note, mine = notes.document(here.practice, review.encounter).note, SIGNATURES.c.meaning == Meaning.AUTHOR
    author, by = people.find_person(here.practice, here.author.person), here.colleague
    given = {"method": HOW.method, "at": here.practice.now(), "zone": HOW.zone, "key_id": by.key_id, "sign": by.sign}
    forged = canonical.signature_bytes(canonical.signature(note, author, meaning=Meaning.AUTHOR, **given))
    sealed = here.practice.seal(people.secret_of(here.client), forged, "signatures", f"{note.id}/author", "body")
    with writing(here.practice.stores.record) as connection:
        for what in ("update", "delete"):
            connection.exec_driver_sql(f"DROP TRIGGER signatures_no_{what}")
        good = connection.scalar(sa.select(SIGNATURES.c.body_sealed).where(mine))
    put = sa.update(SIGNATURES).where(mine)
    for statement in (put.values(body_sealed=sealed), put.values(body_sealed=good), sa.delete(SIGNATURES).where(mine)):
        with writing(here.practice.stores.record) as connection:
            connection.execute(statement)
        if good in statement.compile().params.values():
            assert notes.document(here.practice, review.encounter).note == note
            continue
        for read in (lambda: notes.document(here.practice, review.encounter), lambda: notes.chart(here.practice, here.client)):
            with pytest.raises(KeyWrong, match=note.id):
                read()


def test_a_version_is_signed_once(here: Desk, engines: Engines) -> None:
    """Of two signatures at the same moment one is a conflict or finds the note signed."""
    review = cleared(here, stand(here, engines))
    outcomes: list[str] = []

    def one() -> None:
        try:
            notes.sign(here.practice, here.author, review.encounter, review.version, HOW)
            outcomes.append("signed")
        except (Conflict, IllegalMove) as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[-1] == "signed" and len(outcomes) == 2 and rows(here, NOTES) == 1


def test_the_database_itself_refuses_a_second_signing(here: Desk, engines: Engines) -> None:
    """A row for the same version, or another document of the same number, is refused whatever the code does."""
    review = signed(here, engines)
    with reading(here.practice.stores.record) as connection:
        row = dict(connection.execute(sa.select(NOTES)).mappings().one())
    for change in ({"id": "N-other"}, {"id": "N-other", "number": 2}):
        with pytest.raises(Conflict), writing(here.practice.stores.record) as connection:
            connection.execute(sa.insert(NOTES).values({**row, **change}))
    assert notes.document(here.practice, review.encounter).note.id == row["id"]


def test_on_sqlite_no_replace_gets_round_it(here: Desk, engines: Engines) -> None:
    """A signed note and its signature, put again with another body in their place, are refused: to replace is to delete."""
    review = signed(here, engines)
    for table in (NOTES, SIGNATURES):
        with reading(here.practice.stores.record) as connection:
            row = dict(connection.execute(sa.select(table)).mappings().one())
        with pytest.raises((StoreFailed, Conflict)), writing(here.practice.stores.record) as connection:
            connection.execute(sa.insert(table).prefix_with("OR REPLACE").values({**row, "body_sealed": b"another"}))
    assert notes.document(here.practice, review.encounter).note.encounter == review.encounter


def test_a_cut_signing_is_none(here: Desk, engines: Engines) -> None:
    """Wherever the machine stops, the note is either signed whole or not signed, and can be signed after."""
    review = cleared(here, stand(here, engines))
    version, number = review.version, 0
    while True:
        with cut_at(here.practice.stores, number) as seen, contextlib.suppress(Cut):
            notes.sign(here.practice, here.author, review.encounter, version, HOW)
        there = workbench.find(here.practice, review.encounter)
        assert (there.note is not None) == (rows(here, NOTES) == 1) == (rows(here, SIGNATURES) == 1) == (there.state is NoteState.COSIGN_DUE)
        if there.note or seen[0] <= number:
            break
        version, number = there.version, number + 1
    assert there.note and number >= 1


def test_a_change_after_the_signature_voids_it_and_loses_nothing(here: Desk, engines: Engines) -> None:
    """Reopened, edited and signed again, the note is an amendment; the first stays legible."""
    review = signed(here, engines)
    notes.reopen(here.practice, here.author.person, review.encounter)
    assert state(here, review.encounter) is NoteState.IN_REVIEW
    latest = drafted.load(here.practice, review.encounter, here.author.opener)
    edited = drafted.save(here.practice, reviewing.edit(latest, latest.sentences[0].id, "Client reported waking early."), by=here.author.person)
    notes.sign(here.practice, here.author, review.encounter, edited.version, HOW, reason="A time was wrong.")
    first = notes.document(here.practice, review.encounter)
    (second,) = first.after
    assert second.note.kind is NoteKind.AMENDMENT and second.note.parent == first.note.id and second.note.reason == "A time was wrong."
    assert first.note.sections[0].sentences[0].text != second.note.sections[0].sentences[0].text == "Client reported waking early."


def test_urgent_care_signs_what_is_open_and_says_so(here: Desk, engines: Engines) -> None:
    """Signed as incomplete, the note prints what was open, and a task falls due."""
    review = stand(here, engines)
    opened = drafted.save(here.practice, reviewing.confirm_rough(review), by=here.author.person)
    with pytest.raises(SigningBlocked):
        notes.sign(here.practice, here.author, review.encounter, opened.version, HOW)
    found = notes.sign(here.practice, here.author, review.encounter, opened.version, HOW, urgent=True)
    assert found.note.open_items
    with reading(here.practice.stores.record) as connection:
        kinds = set(connection.execute(sa.select(TASKS.c.kind).where(TASKS.c.done.is_(None))).scalars())
    assert kinds == {"complete_note", "cosign"}
    notes.reopen(here.practice, here.author.person, review.encounter)
    complete = cleared(here, drafted.load(here.practice, review.encounter, here.author.opener))
    notes.sign(here.practice, here.author, review.encounter, complete.version, HOW)
    with reading(here.practice.stores.record) as connection:
        kinds = set(connection.execute(sa.select(TASKS.c.kind).where(TASKS.c.done.is_(None))).scalars())
    assert kinds == {"cosign"}


def test_what_was_held_and_not_decided_is_said_to_be_open(here: Desk, engines: Engines) -> None:
    """Signed in urgent care, a held statement with danger in it that nobody decided on is open in the dispositions, and not private."""
    review = drafted.save(here.practice, reviewing.confirm_rough(stand(here, engines)), by=here.author.person)
    risky = replace(review, version=review.version + 1, held=(*review.held, replace(review.held[0], statement="s99", decision=None, risk=True)))
    notes.sign(here.practice, here.author, review.encounter, drafted.save(here.practice, risky, by=here.author.person).version, HOW, urgent=True)
    with reading(here.practice.stores.record) as connection:
        held = dict(connection.execute(sa.select(DISPOSITIONS.c.item, DISPOSITIONS.c.answer).where(DISPOSITIONS.c.what == "held")).all())
    assert held.pop("s99") == "open" and set(held.values()) == {"private"}


def test_what_follows_a_locked_note(here: Desk, engines: Engines) -> None:
    """An addendum and a withdrawal stand after the note, each signed, and the note says the same as before."""
    review = signed(here, engines)
    before = notes.document(here.practice, review.encounter).note
    with pytest.raises(IllegalMove):
        notes.add(here.practice, here.author, review.encounter, "The client called back.", "late news", HOW)
    here.state(review.encounter, "locked")
    notes.add(here.practice, here.author, review.encounter, "The client called back.", "late news", HOW)
    notes.withdraw(here.practice, here.author, review.encounter, "Written to the wrong chart.", HOW)
    found = notes.document(here.practice, review.encounter)
    assert found.note == before and [d.note.kind for d in found.after] == [NoteKind.ADDENDUM, NoteKind.ERROR]
    assert all(len(d.signatures) == 1 for d in found.after) and state(here, review.encounter) is NoteState.ENTERED_IN_ERROR
    with pytest.raises(IllegalMove):
        notes.add(here.practice, here.author, review.encounter, "More.", "more", HOW)


def test_a_supervisor_gives_a_note_back(here: Desk, engines: Engines) -> None:
    """Returned with words, the note is its author's to change and sign again."""
    review = signed(here, engines)
    latest = drafted.load(here.practice, review.encounter, here.author.opener)
    returned = notes.give_back(here.practice, here.supervisor, latest, "Say what the plan is.")
    assert state(here, review.encounter) is NoteState.RETURNED and returned.returned == "Say what the plan is."
    with pytest.raises(IllegalMove):
        notes.sign(here.practice, here.author, review.encounter, returned.version, HOW)
    edited = drafted.save(here.practice, reviewing.write(returned, "plan", "Weekly CBT goes on."), by=here.author.person)
    notes.sign(here.practice, here.author, review.encounter, edited.version, HOW)
    assert state(here, review.encounter) is NoteState.COSIGN_DUE


def test_the_supervisor_whom_a_note_was_begun_under_cosigns_it(here: Desk, engines: Engines) -> None:
    """With another supervisor since, the note still waits for the first, who can read it; reopened, it waits for the new one."""
    review = signed(here, engines)
    new = people.add_person(here.practice, Person("", "Eve Hart", Standing.SUPERVISOR, credential="LCSW"), by="setup").id
    eve = passphrases.enrol(here.practice.keyring, new, "quiet green lanterns", now=here.practice.now(), cost=CHEAP)
    author = people.find_person(here.practice, here.author.person)
    people.change_person(here.practice, replace(author, supervisor=new), by="setup")
    with pytest.raises(NotPermitted):
        notes.cosign(here.practice, eve, review.encounter, HOW)
    latest = drafted.load(here.practice, review.encounter, here.supervisor.opener)
    returned = notes.give_back(here.practice, here.supervisor, latest, "Say what the plan is.")
    edited = drafted.save(here.practice, reviewing.write(returned, "plan", "Weekly CBT goes on."), by=here.author.person)
    notes.sign(here.practice, here.author, review.encounter, edited.version, HOW)
    notes.reopen(here.practice, here.author.person, review.encounter)
    edited = drafted.save(here.practice, reviewing.write(edited, "plan", "Homework was set."), by=here.author.person)
    notes.sign(here.practice, here.author, review.encounter, edited.version, HOW)
    with pytest.raises(NotPermitted):
        notes.cosign(here.practice, here.supervisor, review.encounter, HOW)
    notes.cosign(here.practice, eve, review.encounter, HOW)
    assert state(here, review.encounter) is NoteState.COSIGNED


def test_who_has_left_adds_nothing(here: Desk, engines: Engines) -> None:
    """Neither an addendum nor a withdrawal is signed by somebody who does not work here any more."""
    review = signed(here, engines)
    here.state(review.encounter, "locked")
    people.change_person(here.practice, replace(people.find_person(here.practice, here.author.person), active=False), by="setup")
    with pytest.raises(NotPermitted):
        notes.add(here.practice, here.author, review.encounter, "The client called back.", "late news", HOW)
    with pytest.raises(NotPermitted):
        notes.withdraw(here.practice, here.author, review.encounter, "Written to the wrong chart.", HOW)
    assert rows(here, NOTES) == rows(here, SIGNATURES) == 1 and state(here, review.encounter) is NoteState.LOCKED


def test_what_each_sentence_rests_on_is_read_back(here: Desk, engines: Engines) -> None:
    """For every sentence its statements, with offsets and digests of what was said; for an addendum nothing; for no note, that there is none."""
    review = signed(here, engines)
    note = notes.document(here.practice, review.encounter).note
    found = notes.evidence(here.practice, note.id)
    assert len(found["sentences"]) == len([s for section in note.sections for s in section.sentences]) and any(found["sentences"])
    assert {e for rests in found["sentences"] for e in rests} == set(found["statements"])
    for place in found["statements"].values():
        assert place["sha256"] == hashlib.sha256(TEXT[place["start"] : place["end"]].encode()).hexdigest()
    here.state(review.encounter, "locked")
    assert notes.evidence(here.practice, notes.add(here.practice, here.author, review.encounter, "More.", "more", HOW).note.id) == {}
    with pytest.raises(NotKnown):
        notes.evidence(here.practice, "N0")


def test_a_note_that_was_altered_is_told_apart(here: Desk, engines: Engines) -> None:
    """Sealed bytes of one note in another's row do not open, and a signature over other words does not fit."""
    one, two = signed(here, engines), signed(here, engines)
    with writing(here.practice.stores.record) as connection:
        connection.exec_driver_sql("DROP TRIGGER notes_no_update")
        body = connection.scalar(sa.select(NOTES.c.body_sealed).where(NOTES.c.encounter == one.encounter))
        connection.execute(sa.update(NOTES).where(NOTES.c.encounter == two.encounter).values(body_sealed=body))
    with pytest.raises(KeyWrong):
        notes.document(here.practice, two.encounter)
    assert notes.document(here.practice, one.encounter)


def test_a_chart_is_read_in_order_and_searched_when_opened(here: Desk, engines: Engines) -> None:
    """Words are sought in one client's opened chart, in any case; no index holds them."""
    review = signed(here, engines)
    assert [d.note.encounter for d in notes.chart(here.practice, here.client)] == [review.encounter]
    assert notes.chart(here.practice, here.client, "GROUNDING exercise") and not notes.chart(here.practice, here.client, "grounding zebra")
    with pytest.raises(NotKnown):
        notes.document(here.practice, here.encounter())


def test_the_last_service_is_remembered_for_retention(here: Desk, engines: Engines) -> None:
    """Signing moves the client's last date of service forward."""
    review = signed(here, engines)
    with reading(here.practice.stores.record) as connection:
        encounter = connection.execute(sa.select(ENCOUNTERS).where(ENCOUNTERS.c.id == review.encounter)).one()
        assert connection.scalar(sa.select(CLIENTS.c.last_service).where(CLIENTS.c.id == here.client)) == review.header.date_of_service
    assert encounter.signed
