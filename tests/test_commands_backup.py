"""`aside audit`, `aside backup` and `aside work`: a broken trail, the way back into an empty place, and what falls due."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from drafting.errors import Shredded
from drafting.record import holds, retention, vault, workbench
from drafting.record.store import reading
from drafting.record.store.tables.guards import ASIDE_WORKER
from tests.commanding import ASIDE, NAME, SLEPT, Place, copied, drafted_note, printed, rows
from tests.stores import databases


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return copied(tmp_path)


# ── the audit trail ───────────────────────────────────────────────────────────────────────────────────────────────────


def rewritten(here: Place, statement: str) -> None:
    """The record's database as somebody with all rights over the file might leave it."""
    with closing(sqlite3.connect(here.folder / "record.db")) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)
        connection.commit()


def test_a_whole_trail_passes_through_a_head_that_was_kept(here: Place, tmp_path: Path) -> None:
    """Also when it has grown since."""
    head = tmp_path / "head.txt"
    head.write_text(here.done("audit", "head"))
    here.done("people", "add", "Lee Marl")
    count = int(here.done("audit", "verify").split()[0])
    assert here.done("audit", "verify", "--head", head) == f"{count} events, whole, and passing through the head that was kept.\n"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET body = replace(body, 'person', 'persom') WHERE seq = 4", "at event 4"),
        ("DELETE FROM audit WHERE seq = 6", "at event 6"),
        ("DELETE FROM audit WHERE seq > 7", "at event 8"),
        ("UPDATE audit_head SET seq = seq - 1", "broken"),
    ],
)
def test_a_broken_trail_is_told_with_its_place(here: Place, statement: str, said: str) -> None:
    """A changed event, a missing one, a missing end."""
    rewritten(here, statement)
    assert said in here.refused("audit", "verify")


def test_a_head_that_is_not_this_practices_is_refused(here: Place, tmp_path: Path) -> None:
    """No head, a head of another practice, and one that was altered."""
    other = Place(tmp_path / "other")
    other.done("keys", "init")
    mine = here.done("audit", "head")
    kept = tmp_path / "head.txt"
    for text, said in (("a head", "no head"), (other.done("audit", "head"), "not signed by this practice"), (mine[:-2] + "00", "head")):
        kept.write_text(text)
        assert said in here.refused("audit", "verify", "--head", kept)


# ── backup ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Kept:
    """An archive and the key bundle that was written after it, apart."""

    archive: Path
    bundle: Path


@pytest.fixture
def kept(here: Place, tmp_path: Path) -> Kept:
    bundle = tmp_path / "apart" / "keys.bundle"
    made = rows(here.done("backup", "create", tmp_path / "backups", "--bundle", bundle, "--json", "--as", here.di))
    return Kept(Path(made[0]["file"]), bundle)


def test_a_backup_is_closed_to_others_and_holds_no_words(here: Place, kept: Kept) -> None:
    """Archive and bundle are for their owner, and no name or sentence is in their bytes."""
    for file in (kept.archive, kept.bundle):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert not any(words.encode() in file.read_bytes() for words in (NAME, SLEPT, ASIDE, here.wren))
    assert [event["actor"] for event in here.told("backup:created")] == [here.di]


def test_a_backup_is_looked_through_with_the_practice_and_without(here: Place, kept: Kept, tmp_path: Path) -> None:
    """Both say how much is in it; one altered byte is found by both; the wrong half opens nothing."""
    away = Place(tmp_path / "away", here.halves)
    apart = ("backup", "verify", kept.archive, "--bundle", kept.bundle, "--halves", *here.kit())
    assert here.done("backup", "verify", kept.archive).split()[1] == away.done(*apart).split()[1]
    assert "twice" in away.refused(*apart[:-2], *here.kit(here.halves[0], here.halves[0]))
    here.kit()
    raw = bytearray(kept.archive.read_bytes())
    raw[len(raw) // 2] ^= 1
    kept.archive.write_bytes(raw)
    for refused in (here.refused("backup", "verify", kept.archive), away.refused(*apart)):
        assert "altered" in refused
    assert not away.folder.exists()


def test_a_restore_brings_everything_back_into_an_empty_place(here: Place, kept: Kept, tmp_path: Path) -> None:
    """Names, notes and private notes, under another key file; the trail goes on and passes through the head that was kept."""
    head = tmp_path / "head.txt"
    head.write_text(here.done("audit", "head"))
    again = Place(tmp_path / "again", here.halves, here.ids)
    restore = ("backup", "restore", kept.archive, "--bundle", kept.bundle, "--halves", *here.kit(), "--head", head)
    assert "event" in again.refused(*restore)  # the trail of an archive from before the head does not reach it
    kept.archive = Path(here.done("backup", "create", tmp_path / "later", "--bundle", kept.bundle).strip())
    restore = ("backup", "restore", kept.archive, "--bundle", kept.bundle, "--halves", *here.kit(), "--head", head)
    assert "rows" in again.done(*restore)
    assert "passing through" in again.done("audit", "verify", "--head", head)
    assert (again.folder / "practice.key").read_bytes() != (here.folder / "practice.key").read_bytes()
    assert NAME in again.done("clients", "find", "alder", "--as", again.ada)
    assert SLEPT in again.done("notes", "show", again.visit, "--as", again.ada)
    read = ("private", "read", again.note, "--as", again.ada, "--reason", "own_treatment", "--passphrase-file", here.secret())
    assert ASIDE in again.done(*read)
    assert "already" in again.refused(*restore)


def test_a_restore_onto_a_server_lets_its_worker_put_and_nothing_else(here: Place, kept: Kept, postgres: sa.URL, tmp_path: Path) -> None:
    """The worker's role may there what it may where a practice is begun."""
    urls = databases(postgres)
    again = Place(tmp_path / "again", here.halves, here.ids, dict(zip(("ASIDE_RECORD", "ASIDE_PRIVATE", "ASIDE_KEYRING"), urls, strict=True)))
    again.done("backup", "restore", kept.archive, "--bundle", kept.bundle, "--halves", *here.kit())
    may = [sa.func.has_table_privilege(ASIDE_WORKER, "private_notes", verb) for verb in ("INSERT", "SELECT", "UPDATE", "DELETE")]
    with again.practice() as practice, reading(practice.stores.private) as connection:
        assert connection.execute(sa.select(*may)).one() == (True, False, False, False)


def test_what_was_shredded_since_stays_so(here: Place, kept: Kept, tmp_path: Path) -> None:
    """With the bundle of after the shredding, an archive from before it restores no private note that was shredded."""
    with here.practice() as practice:
        vault.shred(practice, [here.note], by=here.ada, reason="wish")
    here.done("backup", "bundle", kept.bundle)
    again = Place(tmp_path / "again", here.halves, here.ids)
    again.done("backup", "restore", kept.archive, "--bundle", kept.bundle, "--halves", *here.kit())
    read = ("private", "read", again.note, "--as", again.ada, "--reason", "own_treatment", "--passphrase-file", here.secret())
    assert "shredded" in again.refused(*read)


def test_a_restore_is_refused_where_it_would_harm(here: Place, kept: Kept, tmp_path: Path) -> None:
    """Into the place where the practice is; by a bundle older than the archive; by another practice's kit."""
    restore = ("backup", "restore", kept.archive, "--bundle", kept.bundle)
    key = (here.folder / "practice.key").read_bytes()
    assert "practice.key" in here.refused(*restore, "--halves", *here.kit())
    assert (here.folder / "practice.key").read_bytes() == key
    old = tmp_path / "old.bundle"
    old.write_bytes(kept.bundle.read_bytes())
    later = Path(here.done("backup", "create", tmp_path / "backups").strip())
    again = Place(tmp_path / "again")
    assert "older" in again.refused("backup", "restore", later, "--bundle", old, "--halves", *here.kit())
    foreign = printed(Place(tmp_path / "foreign").done("keys", "init"))
    assert "kit" in again.refused(*restore, "--halves", *here.kit(*foreign))
    assert not (again.folder / "practice.key").exists()


def test_old_archives_are_ended_wherever_they_are(here: Place, kept: Kept, tmp_path: Path) -> None:
    """Their keys are destroyed, so that a copy elsewhere opens no more; younger ones stay."""
    copy = tmp_path / "copy.backup"
    copy.write_bytes(kept.archive.read_bytes())
    assert here.done("backup", "expire", kept.archive.parent) == ""
    assert here.done("backup", "expire", kept.archive.parent, "--days", "0", "--bundle", kept.bundle).strip() in kept.archive.name
    assert not kept.archive.exists()
    assert "shredded" in here.refused("backup", "verify", copy)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("create",), 2),
        (("verify", "none.backup"), 1),
        (("verify", "none.backup", "--bundle", "none.bundle", "--halves", "HALF", "HALF"), 1),
        (("restore", "none.backup"), 2),
        (("expire", "none", "--days", "-1"), 2),
    ],
)
def test_what_is_no_backup_is_told(here: Place, command: Sequence[str], code: int) -> None:
    """Files that are not there, and wrong usage."""
    here.refused("backup", *(here.kit()[0] if word == "HALF" else word for word in command), code=code)


# ── what falls due ────────────────────────────────────────────────────────────────────────────────────────────────────


def workbench_of(here: Place) -> bool:
    """Whether what lay on the workbench for the signed note can still be opened by anybody."""
    with here.practice() as practice:
        return workbench.receipt_of(practice.keyring, workbench.holder(here.visit)) is None


def test_a_note_is_locked_when_its_time_is_up(here: Place) -> None:
    """Not before; then its workbench is shredded, and the receipt is printed."""
    assert here.done("work", "lock") == "" and workbench_of(here)
    here.done("practice", "settle", "lock_after=0")
    assert [row["of"] for row in rows(here.done("work", "due", "--json")) if row["what"] == "lock"] == [here.visit]
    assert here.done("work", "lock").startswith(f"{here.visit} locked, receipt ")
    assert not workbench_of(here)
    assert rows(here.done("notes", "list", "--json"))[0]["state"] == "locked"


def test_a_hold_keeps_the_workbench(here: Place) -> None:
    """The lock waits, and says for what; lifted, it is done with the rest that falls due."""
    here.done("practice", "settle", "lock_after=0")
    with here.practice() as practice:
        hold = holds.hold(practice, here.wren, "litigation", here.di)
    assert "waits" in here.done("work", "purge") and "litigation" in here.done("work", "due") and workbench_of(here)
    here.done("hold", "lift", hold, "--as", here.di, "--reason", "ended")
    assert "locked, receipt" in here.done("work", "purge") and not workbench_of(here)


def test_what_was_cut_is_finished(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shredding that was written down and not done is done by the next sweep."""
    with monkeypatch.context() as cut, here.practice() as practice:
        cut.setattr(vault, "finish", lambda *_: {})
        vault.shred(practice, [here.note], by=here.ada, reason="wish")
    assert here.done("work", "sweep") == "Finished: 1.\n"
    with here.practice() as practice, pytest.raises(Shredded):
        practice.keyring.open(vault.secret_of(here.note))


def test_notes_that_should_be_signed_are_among_the_tasks(here: Place) -> None:
    """When the policy's hours have passed; of one person, if asked."""
    with here.practice() as practice:
        draft = drafted_note(practice, here.wren, here.cy)
    assert here.done("practice", "tasks") == ""
    here.done("practice", "settle", "sign_due_hours=0")
    (task,) = rows(here.done("practice", "tasks", "--json"))
    assert (task["kind"], task["encounter"], task["person"]) == ("sign_note", draft, here.cy)
    assert here.done("practice", "tasks", "--person", here.ada) == ""


def test_old_unsigned_work_is_told_of_first(here: Place) -> None:
    """A run opens a task and destroys nothing."""
    with here.practice() as practice:
        draft = drafted_note(practice, here.wren, here.cy)
    rewritten(here, f"UPDATE encounters SET created = '2025-01-01T00:00:00.000000+00:00' WHERE id = '{draft}'")
    assert [row["what"] for row in rows(here.done("work", "due", "--json"))] == ["remind"]
    assert "purged" not in here.done("work", "purge")
    (task,) = [row for row in rows(here.done("practice", "tasks", "--json")) if row["kind"] == "unsigned_work"]
    with here.practice() as practice:
        assert task["due"] >= (practice.now() + retention.NOTICE).isoformat()[:10]
