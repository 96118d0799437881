"""Private notes: who can read them and who cannot, that each reading is told before it happens, and what becomes of them."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from drafting.errors import Held, KeyMissing, KeyWrong, NotKnown, NotPermitted, Shredded, StoreFailed
from drafting.record import people, vault, workbench
from drafting.record.keys import Keyring
from drafting.record.practice import Practice
from drafting.record.store import Stores, connected, is_sqlite, reading, writing
from drafting.record.store.tables.keyring import WRAPPED
from drafting.record.store.tables.private import PRIVATE_NOTES, SHARES
from drafting.record.vault import Departure, PrivateItem, Why, Wish
from drafting.record.workbench import media
from tests.desks import Cut, Desk, cut_at, desk

WORDS = "I felt impatient with how he tells it."


@pytest.fixture
def here(sqlite_stores: Stores) -> Desk:
    return desk(sqlite_stores)


def put(here: Desk, *ids: str, client: str | None = None, encounter: str | None = None) -> str:
    name = encounter or here.encounter()
    items = [PrivateItem(id, number, f"{WORDS} {id}", (f"s{number}",)) for number, id in enumerate(ids, 1)]
    vault.put(here.practice, name, client or here.client, here.author.person, items, by="worker")
    return name


# ── putting away and reading ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_author_reads_and_the_service_does_not(stores: Stores) -> None:
    """What is put away opens for its author; not for the practice's own key, the worker, a supervisor or a colleague."""
    here = desk(stores)
    name = put(here, "N1", "N2")
    assert vault.read(here.practice, "N1", here.author, Why.OWN_TREATMENT) == f"{WORDS} N1"
    assert here.practice.keyring.holders_of("private/N1") == (here.author.opener.holder, "recovery")
    assert not any("private/" in s for h in ("practice", "worker") for s in here.practice.keyring.held_by(h))
    for who in (here.supervisor, here.colleague, workbench.worker(here.practice)):
        for why in Why:
            with pytest.raises(NotPermitted):
                vault.read(here.practice, "N1", who, why)
    (first, second) = vault.listed(here.practice, here.author.person, encounter=name)
    assert (first.id, first.number, first.statements, second.number) == ("N1", 1, ("s1",), 2)
    assert vault.listed(here.practice, here.author.person, client="C-0") == () == vault.listed(here.practice, here.colleague.person)


@pytest.mark.parametrize("why", Why)
def test_each_reader_has_reasons_of_their_own(here: Desk, why: Why) -> None:
    """The author reads for treatment, moving, leaving and release; the kit for a release alone; neither for what only a share gives."""
    put(here, "N1")
    own = why in (Why.OWN_TREATMENT, Why.MOVED, Why.DEPARTURE, Why.RELEASE)
    for opener, allowed in ((here.author.opener, own), (here.kit, why is Why.RELEASE)):
        if allowed:
            assert vault.read(here.practice, "N1", opener, why, by="P9") == f"{WORDS} N1"
            continue
        with pytest.raises(NotPermitted, match=why.value):
            vault.read(here.practice, "N1", opener, why, by="P9")


def test_a_reason_that_is_none_reads_nothing(here: Desk) -> None:
    """A reading needs one of the reasons, and with the kit a name."""
    put(here, "N1")
    with pytest.raises(ValueError):
        vault.read(here.practice, "N1", here.author, "curious")
    with pytest.raises(ValueError, match="named"):
        vault.read(here.practice, "N1", here.kit, Why.RELEASE)
    assert here.told("private:read") == []


def test_a_reading_is_told_before_anything_opens(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trail has who, which note and why even where the opening fails, and the refusals too; where it cannot be told, nothing opens."""
    put(here, "N1")
    monkeypatch.setattr(vault, "opened", lambda *a: pytest.fail("opened"))
    with cut_at(here.practice.stores, 0), pytest.raises(Cut):
        vault.read(here.practice, "N1", here.author, Why.OWN_TREATMENT)
    with pytest.raises(NotPermitted):
        vault.read(here.practice, "N1", here.colleague, Why.OWN_TREATMENT)
    with pytest.raises(pytest.fail.Exception):
        vault.read(here.practice, "N1", here.author, Why.OWN_TREATMENT)
    refused, read = map(json.loads, here.told("private:read"))
    assert (refused["actor"], refused["outcome"]) == (here.colleague.person, "denied")
    assert (read["actor"], read["subject"], read["reason"], read["client"]) == (here.author.person, "N1", "own_treatment", here.client)


def test_where_one_is_refused_none_is_said_to_be_read(here: Desk) -> None:
    """Of several notes asked for together, one of which is not the reader's: nothing opens, and the trail has that one refusal and no reading."""
    put(here, "N1", "N2")
    vault.share(here.practice, here.author, "N1", here.supervisor.person)
    with pytest.raises(NotPermitted, match="N2"):
        vault.read_all(here.practice, ["N1", "N2"], here.supervisor, Why.SUPERVISION)
    assert [(e["subject"], e["outcome"]) for e in map(json.loads, here.told("private:read"))] == [("N2", "denied")]


def test_putting_away_can_be_cut_anywhere_and_repeated(stores: Stores) -> None:
    """Repeated after any cut, every item is there once and opens; a further repetition, even with other words, changes nothing."""
    here = desk(stores)
    name = here.encounter()
    for number in range(10):
        ids = (f"N{number}a", f"N{number}b")
        with cut_at(stores, number):
            try:
                put(here, *ids, encounter=name)
                done = True
            except Cut:
                done = False
        put(here, *ids, encounter=name)
        vault.put(here.practice, name, here.client, here.author.person, [PrivateItem(ids[0], 9, "other words")], by="worker")
        assert vault.read_all(here.practice, ids, here.author, Why.OWN_TREATMENT) == {id: f"{WORDS} {id}" for id in ids}
        if done:
            break
    assert done and number == 5  # a secret and a row for each item, and the event
    with reading(stores.private) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(PRIVATE_NOTES)) == 2 * (number + 1)


def test_a_note_does_not_open_in_anothers_place(here: Desk) -> None:
    """A body that is moved to another note's row does not open there."""
    put(here, "N1", "N2")
    with writing(here.practice.stores.private) as connection:
        row = connection.execute(sa.select(PRIVATE_NOTES).where(PRIVATE_NOTES.c.id == "N1")).one()
        connection.execute(PRIVATE_NOTES.update().where(PRIVATE_NOTES.c.id == "N2").values(key=row.key, body_sealed=row.body_sealed))
    with pytest.raises(KeyWrong):
        vault.read(here.practice, "N2", here.author, Why.OWN_TREATMENT)


def test_words_have_no_place_where_ids_stand(here: Desk) -> None:
    """An id or a statement's id that reads like words is refused, and nothing is kept."""
    for item in (PrivateItem("my note", 1, WORDS), PrivateItem("N1", 1, WORDS, ("I felt",))):
        with pytest.raises(ValueError, match="codes"):
            vault.put(here.practice, "E1", here.client, here.author.person, [item], by="worker")
    assert vault.listed(here.practice, here.author.person) == ()
    assert WORDS not in repr(PrivateItem("N1", 1, WORDS))


def test_nothing_is_put_away_for_somebody_without_keys(here: Desk) -> None:
    """Words that nobody could read again are not taken."""
    with pytest.raises(KeyMissing):
        vault.put(here.practice, "E1", here.client, "P0", [PrivateItem("N1", 1, WORDS)], by="worker")


def test_a_role_that_may_only_insert_puts_away(stores: Stores) -> None:
    """On PostgreSQL a role that may insert and do nothing else is enough to put away, also twice, and cannot list."""
    if is_sqlite(stores.private):
        pytest.skip("SQLite has no roles")
    here = desk(stores)
    role = f"w_{secrets.token_hex(4)}"
    with writing(stores.private) as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        connection.exec_driver_sql(f"GRANT INSERT ON private_notes TO {role}")
    urls = [engine.url.set(username=role) if name == "private" else engine.url for name, engine in stores.named()]
    narrow = connected(*(url.render_as_string(hide_password=False) for url in urls))
    blind = Practice(narrow, Keyring(narrow.keyring, None), here.practice.now)
    for _ in range(2):
        vault.put(blind, "E1", here.client, here.author.person, [PrivateItem("N1", 1, WORDS)], by="worker")
    with pytest.raises(StoreFailed):
        vault.listed(blind, here.author.person)
    narrow.close()
    assert vault.read(here.practice, "N1", here.author, Why.OWN_TREATMENT) == WORDS


# ── sharing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_supervisor_reads_the_items_that_are_shared_and_no_other(stores: Stores) -> None:
    """One item is brought to supervision and read there; the next one is not; taken back, it opens no more."""
    here = desk(stores)
    put(here, "N1", "N2")
    vault.share(here.practice, here.author, "N1", here.supervisor.person)
    assert vault.read(here.practice, "N1", here.supervisor, Why.SUPERVISION) == f"{WORDS} N1"
    assert [n.id for n in vault.shared_with(here.practice, here.supervisor.person)] == ["N1"]
    for why, ids in ((Why.SUPERVISION, ["N1"]), (Why.EXECUTOR, [])):
        assert [n.id for n in vault.shared_with(here.practice, here.supervisor.person, why)] == ids
    for note, why in (("N2", Why.SUPERVISION), ("N1", Why.OWN_TREATMENT), ("N1", Why.EXECUTOR), ("N1", Why.RELEASE)):
        with pytest.raises(NotPermitted):
            vault.read(here.practice, note, here.supervisor, why)
    vault.unshare(here.practice, here.author, "N1", here.supervisor.person)
    with pytest.raises(NotPermitted):
        vault.read(here.practice, "N1", here.supervisor, Why.SUPERVISION)
    with pytest.raises(KeyMissing):
        here.practice.keyring.open("private/N1", here.supervisor.opener)
    assert vault.shared_with(here.practice, here.supervisor.person) == ()


def test_a_share_ends_when_it_was_said_to(here: Desk) -> None:
    """After its last moment a share reads nothing, and its key is taken away."""
    put(here, "N1")
    vault.share(here.practice, here.author, "N1", here.supervisor.person, until=here.practice.now() + timedelta(days=7))
    vault.share(here.practice, here.author, "N1", here.supervisor.person, until=here.practice.now() + timedelta(days=8))
    here.practice.now.at += timedelta(days=8)
    with pytest.raises(NotPermitted):
        vault.read(here.practice, "N1", here.supervisor, Why.SUPERVISION)
    here.practice.keyring.expire(here.practice.now())
    assert here.practice.keyring.holders_of("private/N1") == (here.author.opener.holder, "recovery")
    assert vault.shared_with(here.practice, here.supervisor.person) == ()


def test_only_the_author_shares_and_only_with_a_supervisor(here: Desk) -> None:
    """Another's note is not shared, nor one's own with a colleague, nor what is not there."""
    put(here, "N1")
    with pytest.raises(NotPermitted):
        vault.share(here.practice, here.colleague, "N1", here.supervisor.person)
    with pytest.raises(NotPermitted):
        vault.share(here.practice, here.author, "N1", here.colleague.person)
    with pytest.raises(NotKnown):
        vault.share(here.practice, here.author, "N0", here.supervisor.person)
    with pytest.raises(NotPermitted):
        vault.unshare(here.practice, here.supervisor, "N1", here.author.person)


# ── destroying ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_shredding_can_be_cut_anywhere(stores: Stores) -> None:
    """Wherever it is cut, `finish` ends it: no row, no share, no key, a receipt; the note beside it stays."""
    here = desk(stores)
    put(here, "N0")
    for number in range(10):
        note = f"N7{number}"
        put(here, note)
        vault.share(here.practice, here.author, note, here.supervisor.person)
        with cut_at(stores, number):
            try:
                vault.shred(here.practice, [note], by=here.author.person, reason="useless")
                done = True
            except Cut:
                done = False
        vault.finish(here.practice)
        if number == 0:
            assert vault.read(here.practice, note, here.author, Why.OWN_TREATMENT)
            continue
        assert here.intents() == []
        for who, why in ((here.author, Why.OWN_TREATMENT), (here.supervisor, Why.SUPERVISION)):
            with pytest.raises(Shredded):
                vault.read(here.practice, note, who, why)
        with pytest.raises(Shredded):
            put(here, note)
        with reading(stores.private) as connection:
            assert note not in set(connection.scalars(sa.select(PRIVATE_NOTES.c.id))) | set(connection.scalars(sa.select(SHARES.c.note)))
        with reading(stores.keyring) as connection:
            assert not [n for n in connection.scalars(sa.select(WRAPPED.c.secret)) if note in n]
        if done:
            break
    assert done and vault.read(here.practice, "N0", here.author, Why.OWN_TREATMENT) == f"{WORDS} N0"


@pytest.mark.parametrize("stop", ["hold", "request"])
def test_what_is_held_is_not_destroyed(here: Desk, stop: str) -> None:
    """A hold or an open request on one of the clients keeps all that was named."""
    other = people.add_client(here.practice, "Ivo Sedge", here.author.person, by="setup").id
    put(here, "N1")
    put(here, "N2", client=other)
    getattr(here, stop)()
    with pytest.raises(Held):
        vault.shred(here.practice, ["N2", "N1"], by=here.author.person, reason="useless")
    assert here.intents() == [] and len(vault.read_all(here.practice, ["N1", "N2"], here.author, Why.OWN_TREATMENT)) == 2
    receipts = vault.shred(here.practice, ["N2"], by=here.author.person, reason="useless")
    assert list(receipts) == ["N2"] and len(receipts["N2"]) == 64


# ── when the author goes ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_executor_reads_by_the_authors_instruction_and_the_kit(stores: Stores) -> None:
    """Nothing before the kit is used; then every note of that author, for that reason, and no other author's."""
    here = desk(stores)
    put(here, "N1", "N2")
    vault.put(here.practice, "E1", here.client, here.supervisor.person, [PrivateItem("N3", 1, WORDS)], by="worker")
    vault.instruct(here.practice, here.author, here.supervisor.person, Wish.HAND_OVER)
    vault.instruct(here.practice, here.author, here.colleague.person, Wish.HAND_OVER)
    with pytest.raises(NotPermitted):
        vault.read(here.practice, "N1", here.colleague, Why.EXECUTOR)
    with pytest.raises(NotPermitted):
        vault.hand_over(here.practice, here.author.person, here.colleague.opener, by=here.colleague.person)
    for _ in range(2):
        assert vault.hand_over(here.practice, here.author.person, here.kit, by="P9").given == ("N1", "N2")
    assert vault.read(here.practice, "N2", here.colleague, Why.EXECUTOR) == f"{WORDS} N2"
    with pytest.raises(NotPermitted):
        vault.read(here.practice, "N3", here.colleague, Why.EXECUTOR)
    told = json.loads(here.told("private:handed_over")[-1])
    assert (told["actor"], told["facts"]["to"], told["facts"]["wish"]) == ("P9", here.colleague.person, "hand_over")


def test_without_an_instruction_the_kit_hands_nothing_over(here: Desk) -> None:
    """Nobody decides in the author's place, and nobody is their own executor or one without keys."""
    put(here, "N1")
    with pytest.raises(NotKnown):
        vault.hand_over(here.practice, here.author.person, here.kit, by="P9")
    with pytest.raises(NotPermitted):
        vault.instruct(here.practice, here.author, here.author.person, Wish.HAND_OVER)
    with pytest.raises(KeyMissing):
        vault.instruct(here.practice, here.author, "P0", Wish.SHRED)


def test_an_instruction_to_shred_spares_what_is_held(here: Desk) -> None:
    """What no hold keeps is destroyed with receipts; the rest is named and stays."""
    other = people.add_client(here.practice, "Ivo Sedge", here.author.person, by="setup").id
    put(here, "N1")
    put(here, "N2", client=other)
    here.hold()
    vault.instruct(here.practice, here.author, here.colleague.person, Wish.SHRED)
    done = vault.hand_over(here.practice, here.author.person, here.kit, by="P9")
    assert (list(done.receipts), done.held, done.given) == (["N2"], ("N1",), ())
    assert vault.read(here.practice, "N1", here.kit, Why.RELEASE, by="P9") == f"{WORDS} N1"


def test_who_leaves_takes_a_copy_and_then_shreds(here: Desk) -> None:
    """The copy has every note's words and ids, is told with its digest, and prints none of them; taking destroys nothing, shredding does."""
    put(here, "N1", "N2")
    taken = vault.depart(here.practice, here.author, Departure.TAKES)
    assert [(n["id"], n["text"]) for n in json.loads(taken.taken)["notes"]] == [("N1", f"{WORDS} N1"), ("N2", f"{WORDS} N2")]
    assert WORDS not in repr(taken)
    assert [json.loads(b)["reason"] for b in here.told("private:read")] == ["departure", "departure"]
    assert len(vault.listed(here.practice, here.author.person)) == 2
    assert set(vault.depart(here.practice, here.author, Departure.SHREDS).receipts) == {"N1", "N2"}
    assert vault.listed(here.practice, here.author.person) == ()
    assert json.loads(vault.depart(here.practice, here.author, Departure.TAKES).taken)["notes"] == []


# ── no words on any disk ──────────────────────────────────────────────────────────────────────────────────────────────


def shapes(words: bytes) -> list[bytes]:
    """`words` plain, in hex, and in base64 wherever they may begin."""
    return [words, words.hex().encode(), *(base64.b64encode(bytes(n) + words)[4 if n else 0 : -4] for n in range(3))]


def settled(stores: Stores) -> Path:
    """The folder of the databases' files, with all that was committed in them."""
    if is_sqlite(stores.private):
        return Path(stores.private.url.database).parent
    with stores.private.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")
        return Path(connection.exec_driver_sql("SHOW data_directory").scalar())


def bodies(folder: Path, since: float) -> Iterator[bytes]:
    """Every file that was written to since then."""
    return (p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.stat().st_mtime >= since)


def test_words_are_in_no_file_of_any_store(stores: Stores) -> None:
    """Words on the workbench, in a recording and in private notes stand in no file of the databases or their logs, plain or encoded; ids do."""
    here = desk(stores)
    settled(stores)
    since, canary = time.time() - 0.1, f"canary{secrets.token_hex(8)}sings"
    name = here.encounter()
    workbench.put(here.practice, name, "review", 1, f"He said {canary}.".encode(), statements=("s1",), by=here.author.person)
    media.put(here.practice, name, "audio", [canary.encode() * 50])
    vault.put(here.practice, name, here.client, here.author.person, [PrivateItem("N1canaryid", 1, f"I thought {canary}.")], by="worker")
    vault.share(here.practice, here.author, "N1canaryid", here.supervisor.person)
    assert canary in vault.read(here.practice, "N1canaryid", here.supervisor, Why.SUPERVISION)
    found = list(bodies(settled(stores), since))
    assert any(b"N1canaryid" in body for body in found)
    for shape in shapes(canary.encode()):
        assert len(shape) >= 20 and not any(shape in body for body in found)
