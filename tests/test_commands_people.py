"""`aside people`, `aside clients` and `aside private`: who is taken in, found, handed on; who leaves, with their private notes; who reads those."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from drafting.record import holds
from drafting.record.people import secret_of
from tests.commanding import ASIDE, NAME, PHRASE, Place, copied, drafted_note, rows


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return copied(tmp_path)


def words(here: Place) -> tuple[object, ...]:
    """The passphrase that everybody has, from a file."""
    return ("--passphrase-file", here.secret())


# ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_new_chooses_a_passphrase_once(here: Place) -> None:
    """They are listed without keys, then with; a passphrase typed differently the second time is asked for again; a second enrolment is refused."""
    lee = here.done("people", "add", "Lee Marl", "--licence", "77").strip()
    assert {row["person"]: row["enrolled"] for row in rows(here.done("people", "list", "--json"))}[lee] is False
    here.done("people", "enrol", lee, told=f"{PHRASE}\nanother thing\n{PHRASE}\n{PHRASE}\n")
    assert {row["person"]: row["enrolled"] for row in rows(here.done("people", "list", "--json"))}[lee] is True
    assert "has keys already" in here.refused("people", "enrol", lee, *words(here))
    assert [event["subject"] for event in here.told("person:enrolled")] == [lee]
    here.done("private", "list", "--as", lee, *words(here))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("people", "add", "Tea Lorne", "--standing", "trainee"), 1),
        (("people", "add", "Tea Lorne", "--standing", "trainee", "--supervisor", "P0"), 1),
        (("people", "add", "Tea Lorne", "--standing", "queen"), 2),
        (("people", "add"), 2),
        (("people", "enrol", "P0"), 1),
        (("people", "leave", "P0"), 1),
        (("clients", "add", "--clinician", "P0"), 1),
        (("clients", "transfer", "--to", "P0", "C-00000001"), 1),
        (("clients", "transfer", "--to", "P0"), 2),
        (("clients", "restrict", "C-00000001"), 1),
        (("clients", "find"), 2),
    ],
)
def test_what_is_not_there_is_told_in_a_line(here: Place, command: Sequence[str], code: int) -> None:
    """Unknown ids and wrong usage change nothing."""
    here.refused(*command, told=f"{NAME}\n", code=code)
    with here.practice() as practice:
        before = practice.audit_verify()
    here.refused(*command, told=f"{NAME}\n", code=code)
    with here.practice() as practice:
        assert practice.audit_verify() == before


def test_a_name_cannot_steer_the_terminal(here: Place) -> None:
    """An escape sequence in a name is shown as a mark."""
    here.done("people", "add", "Lee \x1b[31mMarl")
    assert "\x1b" not in here.done("people", "list")


# ── clients ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_clients_are_found_by_those_whose_they_are(here: Place) -> None:
    """By any words of the name; a colleague finds none, an administrator all; the search is on the trail without the name."""
    (found,) = rows(here.done("clients", "find", "ALDER", "--as", here.ada, "--json"))
    assert (found["client"], found["name"], found["jurisdiction"]) == (here.wren, NAME, "us-federal")
    assert here.done("clients", "find", "alder", "--as", here.cy) == ""
    assert NAME in here.done("clients", "find", "--as", here.di, told="wren\n")
    assert [(e["actor"], e["facts"]["found"]) for e in here.told("client:searched")] == [(here.ada, 1), (here.cy, 0), (here.di, 1)]


def test_a_client_has_a_name(here: Place) -> None:
    """An empty answer is wrong usage."""
    here.refused("clients", "add", "--clinician", here.ada, told="\n", code=2)


def test_a_caseload_is_handed_on_whole(here: Place) -> None:
    """All of one clinician's clients, by name; with an unknown one among them, none. To an administrator, none."""
    fern = here.done("clients", "add", "Fern Hale", "--clinician", here.ada).strip()
    assert "C-00000009" in here.refused("clients", "transfer", fern, "C-00000009", "--to", here.cy)
    assert "clinician" in here.refused("clients", "transfer", fern, "--to", here.di)
    assert {row["clinician"] for row in rows(here.done("clients", "find", "fern", "--as", here.di, "--json"))} == {here.ada}
    assert set(here.done("clients", "transfer", "--from", here.ada, "--to", here.cy, "--as", here.di).split()) == {fern, here.wren}
    assert NAME in here.done("clients", "find", "wren", "--as", here.cy)
    assert here.done("clients", "find", "wren", "--as", here.ada) == ""
    assert {event["actor"] for event in here.told("client:transferred")} == {here.di}
    assert rows(here.done("private", "list", "--as", here.ada, "--json", *words(here)))[0]["note"] == here.note


def test_a_caseload_with_a_destroyed_record_is_handed_on(here: Place) -> None:
    """What is left of a client whose record is gone has no name to read, and stops nobody's going."""
    fern = here.done("clients", "add", "Fern Hale", "--clinician", here.ada).strip()
    with here.practice() as practice:
        practice.keyring.shred([secret_of(here.wren)], reason="retention", now=practice.now())
    assert fern in here.done("clients", "transfer", "--from", here.ada, "--to", here.cy).split()
    assert "Fern Hale" in here.done("clients", "find", "fern", "--as", here.cy)
    assert "shredded" in here.refused("clients", "transfer", here.wren, "--to", here.ada)
    here.done("people", "leave", here.ada, "--keep")


def test_a_record_is_not_destroyed_before_its_time(here: Place) -> None:
    """Nor by somebody who is not the privacy officer."""
    assert "kept until" in here.refused("clients", "destroy", here.wren, "--as", here.di, "--yes")
    assert "privacy officer" in here.refused("clients", "destroy", here.wren, "--as", here.ada, "--yes")
    assert here("clients", "destroy", here.wren, "--as", here.di, told="no\n").exit_code == 1
    assert NAME in here.done("clients", "find", "wren", "--as", here.ada)


# ── leaving ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_leaves_while_something_is_theirs_to_do(here: Place) -> None:
    """Unsigned notes, clients and trainees are told with their number."""
    with here.practice() as practice:
        drafted_note(practice, here.wren, here.ada)
    line = here.refused("people", "leave", here.ada, "--shred", "--yes", *words(here))
    assert "notes to sign: 1" in line and "clients: 1" in line
    assert "trainees: 1" in here.refused("people", "leave", here.sue)
    assert all(row["active"] for row in rows(here.done("people", "list", "--all", "--json")))


def test_whoever_leaves_says_what_becomes_of_their_private_notes(here: Place, tmp_path: Path) -> None:
    """Neither taken nor shredded: refused. A wrong passphrase, or a file that is there: nothing is taken and nothing lost."""
    here.done("clients", "transfer", "--from", here.ada, "--to", here.cy)
    assert "--take FILE" in here.refused("people", "leave", here.ada)
    there = here.secret("what stood here", "mine")
    assert "--force" in here.refused("people", "leave", here.ada, "--take", there, *words(here))
    assert there.read_text() == "what stood here\n"
    assert here.told("private:read") == []  # nothing was opened for it
    wrong = here.secret("quite wrong words", "wrong")
    here.refused("people", "leave", here.ada, "--take", tmp_path / "new.json", "--shred", "--yes", "--passphrase-file", wrong)
    assert not (tmp_path / "new.json").exists()
    assert here("people", "leave", here.ada, "--shred", *words(here), told="n\n").exit_code == 1
    assert ASIDE in here.done("private", "read", here.note, "--as", here.ada, "--reason", "own_treatment", *words(here))


def test_a_clinician_takes_their_private_notes_and_leaves_none(here: Place, tmp_path: Path) -> None:
    """The file is theirs alone to read; what is left here opens nothing; afterwards they act no more, and what they signed stands."""
    here.done("clients", "transfer", "--from", here.ada, "--to", here.cy)
    file = tmp_path / "mine.json"
    here.done("people", "leave", here.ada, "--take", file, "--shred", "--yes", "--as", here.di, *words(here))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [note["text"] for note in json.loads(file.read_text())["notes"]] == [ASIDE]
    assert "works here" in here.refused("private", "list", "--as", here.ada, *words(here))
    with here.practice() as practice:
        assert practice.keyring.holders_of(f"private/{here.note}") == ()
    assert here.ada not in here.done("people", "list") and here.ada in here.done("people", "list", "--all")
    assert "Ada Quill" in here.done("notes", "show", here.visit, "--as", here.cy)


def test_what_is_held_stays_when_its_author_leaves(here: Place) -> None:
    """Under a hold a private note is not shredded, and that is told by its id."""
    with here.practice() as practice:
        holds.hold(practice, here.wren, "litigation", here.di)
    here.done("clients", "transfer", "--from", here.ada, "--to", here.cy)
    done = here("people", "leave", here.ada, "--shred", "--yes", *words(here))
    assert done.exit_code == 0 and here.note in done.stderr and "0 private notes were shredded" in done.stdout


def test_the_private_notes_of_somebody_who_died_stay_sealed(here: Place) -> None:
    """Kept, they need no passphrase, and are opened as before by nobody else; to keep and to shred at once is wrong usage."""
    here.done("clients", "transfer", "--from", here.ada, "--to", here.cy)
    here.refused("people", "leave", here.ada, "--keep", "--shred", code=2)
    here.done("people", "leave", here.ada, "--keep", "--as", here.di)
    with here.practice() as practice:
        assert practice.keyring.holders_of(f"private/{here.note}") == (f"person/{here.ada}", "recovery")
    here.refused("private", "read", here.note, "--as", here.cy, "--reason", "own_treatment", *words(here))


# ── private notes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_author_reads_their_private_notes_and_it_is_told(here: Place) -> None:
    """Listing shows ids and no words; reading shows the words, with the reason on the trail."""
    listed = here.done("private", "list", "--as", here.ada, "--client", here.wren, *words(here))
    assert here.note in listed and "heliotrope" not in listed
    here.refused("private", "list", "--as", here.ada, "--passphrase-file", here.secret("quite wrong words", "wrong"))
    assert ASIDE in here.done("private", "read", here.note, "--as", here.ada, "--reason", "own_treatment", *words(here))
    assert [(e["actor"], e["reason"], e["outcome"]) for e in here.told("private:read")] == [(here.ada, "own_treatment", "ok")]


@pytest.mark.parametrize(("who", "reason"), [("cy", "own_treatment"), ("di", "own_treatment"), ("sue", "supervision"), ("cy", "executor")])
def test_nobody_else_reads_them(here: Place, who: str, reason: str) -> None:
    """Not a colleague, not the administrator, not a supervisor with whom nothing was shared; and the try is told."""
    line = here.refused("private", "read", here.note, "--as", getattr(here, who), "--reason", reason, *words(here))
    assert "heliotrope" not in line
    assert [(e["actor"], e["outcome"]) for e in here.told("private:read")] == [(getattr(here, who), "denied")]
    assert here.note not in here.done("private", "list", "--as", getattr(here, who), *words(here))


def test_private_notes_are_read_for_a_reason_that_there_is(here: Place) -> None:
    """Without a reason, with one that is none, or for a release, which has a way of its own: wrong usage."""
    for more in ((), ("--reason", "curiosity"), ("--reason", "release")):
        here.refused("private", "read", here.note, "--as", here.ada, *more, *words(here), code=2)
    assert "E0-s1" in here.refused("private", "read", "E0-s1", "--as", here.ada, "--reason", "own_treatment", *words(here))


def test_an_executor_reads_what_the_author_instructed(here: Place) -> None:
    """By the author's own instruction and both halves of the kit, and not before."""
    read = ("private", "read", here.note, "--as", here.cy, "--reason", "executor", *words(here))
    assert "instruction" in here.refused("private", "hand-over", here.ada, "--as", here.di, "--yes", "--halves", *here.kit())
    here.done("private", "instruct", "--as", here.ada, "--executor", here.cy, "--wish", "hand_over", *words(here))
    here.refused(*read)
    here.refused("private", "hand-over", here.ada, "--as", here.di, "--yes", "--halves", *here.kit(here.halves[0], here.halves[0]))
    assert "1 given" in here.done("private", "hand-over", here.ada, "--as", here.di, "--yes", "--halves", *here.kit())
    assert ASIDE in here.done(*read)
    assert here.note in here.done("private", "list", "--as", here.cy, *words(here))
