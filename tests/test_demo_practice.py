"""The invented practice: made once, it has a note in every state, its people log in, and what was said aside is in no note."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from drafting import wiring
from drafting.__main__ import app
from drafting.commands import demo
from drafting.jobs import Tools
from drafting.record import notes, people, vault, workbench
from drafting.record.accounts import logins
from drafting.record.keys import passphrases
from drafting.record.practice import Practice
from drafting.record.store.tables.record import ENCOUNTERS, NOTES
from drafting.record.vault import Why
from drafting.record.workbench import drafted, media, visits
from drafting.settings import Settings, read_settings
from drafting.types.record import Document, Encounter, NoteKind, NoteState, Stage, Standing
from drafting.types.review import Review
from prompts import table
from tests.stores import CHEAP

DATA = table(demo.DATA)
ASIDE = ("teal", "trumpet", "paper crown", "heliotrope", "marzipan", "porcelain", "gramophone")
"""An odd word of each aside."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return demo.apart(read_settings({"ASIDE_DATA": str(tmp_path_factory.mktemp("invented") / "data")}))


@pytest.fixture(scope="module", autouse=True)
def told(settings: Settings, engines: object) -> Iterator[list[str]]:
    """What was said while it was made; passwords cost nothing meanwhile."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logins, "HASHER", PasswordHasher(*CHEAP))
        patch.setattr(passphrases, "COST", CHEAP)
        said.append(demo.practice(settings, lambda _: Tools(lambda *_: engines, wiring.transcriber), said.append))
        yield said


@pytest.fixture
def invented(settings: Settings) -> Iterator[Practice]:
    practice = wiring.practice(settings)
    yield practice
    practice.stores.close()


def none(_: Settings) -> Tools:
    raise AssertionError("nothing is to be made")


def digests(home: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in home.iterdir() if not file.name.endswith(("-wal", "-shm"))}


def encounters(practice: Practice) -> list[Encounter]:
    with practice.look() as connection:
        ids = connection.scalars(ENCOUNTERS.select().with_only_columns(ENCOUNTERS.c.id)).all()
    return [workbench.find(practice, one) for one in ids]


def documents(practice: Practice) -> list[Document]:
    with practice.look() as connection:
        ids = connection.scalars(NOTES.select().with_only_columns(NOTES.c.encounter).distinct()).all()
    return [notes.document(practice, one) for one in ids]


def words(one: Document) -> str:
    return " ".join([s.text for s in one.note.sections] + [words(after) for after in one.after])


def unlocked(practice: Practice, person: str) -> passphrases.Unlocked:
    return passphrases.unlock(practice.keyring, person, DATA["passphrase"])


def reviews(practice: Practice, state: NoteState) -> list[Review]:
    """The reviews of notes that stand so, as their authors open them."""
    there = [e for e in encounters(practice) if e.state is state and e.stage is Stage.DRAFTED]
    return [drafted.load(practice, e.id, unlocked(practice, e.author).opener) for e in there]


def test_there_is_a_note_in_every_state(invented: Practice) -> None:
    """To decide, drafted, signed, waiting for a cosignature, returned, locked, added to; one that failed, and one on its way."""
    there = encounters(invented)
    states = {e.state for e in there}
    assert {NoteState.SIGNED, NoteState.COSIGN_DUE, NoteState.RETURNED, NoteState.LOCKED, NoteState.ADDENDED} <= states
    drafts = reviews(invented, NoteState.DRAFT)
    assert any(r.held for r in drafts) and any(not r.held for r in drafts)
    assert [e.failure for e in there if e.stage is Stage.FAILED] == ["bad_audio"]
    assert len(there) == len(DATA["visits"])


def test_a_cosigned_note_has_both_signatures_and_an_addendum_its_reason(invented: Practice) -> None:
    """Signed by the trainee and by the supervisor; what was added later is a document of its own."""
    signed = documents(invented)
    assert any(len(one.signatures) == 2 for one in signed)
    (added,) = [after for one in signed for after in one.after]
    assert added.note.kind is NoteKind.ADDENDUM and added.note.reason


def test_the_spoken_visit_waits_for_the_worker_with_its_recording_whole(invented: Practice) -> None:
    """It is on its way and not drafted, and the worker may open it."""
    (spoken,) = [e for e in encounters(invented) if e.stage is Stage.RECEIVED]
    assert media.received(invented, spoken.id, visits.RECORDING).whole
    assert visits.get(invented, spoken.id, workbench.worker(invented)).asr == "pocketsphinx"


def test_who_the_card_names_logs_in_and_unlocks(invented: Practice, told: list[str]) -> None:
    """Each login with the password that is printed; each clinician's passphrase opens their keys."""
    for login, given in DATA["people"].items():
        person = people.find_person(invented, logins.check(invented, login, DATA["password"]))
        assert (person.name, person.standing.value) == (given["name"], given["standing"])
        assert f"  {login} " in told[-1] and given["name"] in told[-1]
        if given.get("keys"):
            assert unlocked(invented, person.id).person == person.id
    assert {Standing(p["standing"]) for p in DATA["people"].values()} == set(Standing)


def test_asides_are_in_private_notes_and_in_nobodys_note(invented: Practice) -> None:
    """No signed document, sentence under review or addendum has a word of them; their authors find them apart."""
    texts = [words(one) for one in documents(invented)]
    for state in (NoteState.DRAFT, NoteState.RETURNED, NoteState.SIGNED, NoteState.COSIGN_DUE):
        texts += [s.text for review in reviews(invented, state) for s in review.sentences]
    assert texts and not [word for word in ASIDE for text in texts if word in text]
    kept = ""
    for author in {e.author for e in encounters(invented)}:
        own = unlocked(invented, author)
        listed = [one.id for one in vault.listed(invented, author)]
        kept += " ".join(vault.read_all(invented, listed, own, Why.OWN_TREATMENT).values())
    assert [word for word in ASIDE if word not in kept] == []


def test_what_each_note_is_of_was_said_or_entered(invented: Practice) -> None:
    """A signed note has the header of its visit and the diagnoses of the client's plan."""
    for one in documents(invented):
        plan = people.plan(invented, one.note.header.client)
        assert one.note.header.diagnoses == tuple(d["code"] for d in plan["diagnoses"])
        assert one.note.header.confirmed and one.note.header.minutes


def test_the_trail_is_whole_and_the_past_in_order(invented: Practice) -> None:
    """The audit trail can be verified; no signature is older than its visit."""
    assert invented.audit_verify() > 100
    assert all(e.created <= e.signed for e in encounters(invented) if e.signed)


def test_once_made_it_is_left_as_it_is(settings: Settings) -> None:
    """A second call makes nothing, says the same card, and no byte of the databases changes."""
    before = digests(settings.data)
    assert demo.practice(settings, none, lambda _: pytest.fail("nothing is said")) == demo.card(settings.data)
    assert digests(settings.data) == before


def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path, settings: Settings) -> None:
    """Another practice, even one that carries the mark of this one, and any other file are refused and stay."""
    for name in ("record.db", "letter.txt"):
        home = tmp_path / name.partition(".")[0]
        home.mkdir()
        (home / name).write_bytes(b"not ours")
        with pytest.raises(demo.NotInvented):
            demo.practice(Settings(home, home), none, lambda _: None)
        assert (home / name).read_bytes() == b"not ours"
    borrowed = tmp_path / "borrowed"
    borrowed.mkdir()
    for name in ("record.db", "private.db", "keyring.db"):
        (borrowed / name).write_bytes((settings.data / name).read_bytes())
    (borrowed / "invented").write_text("P000000000000\n", encoding="utf-8")
    with pytest.raises(demo.NotInvented):
        demo.practice(Settings(borrowed, borrowed), none, lambda _: None)


def test_a_making_that_is_cut_leaves_nothing(tmp_path: Path) -> None:
    """Neither the folder nor what was begun beside it."""
    home = tmp_path / "demo"

    def cut(_: Settings) -> Tools:
        return Tools(lambda *_: (_ for _ in ()).throw(KeyboardInterrupt), wiring.transcriber)

    with pytest.raises(KeyboardInterrupt):
        demo.practice(Settings(home, home), cut, lambda _: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("open_to_others", [["--proxied"], ["--host", "0.0.0.0", "--self-signed"]], ids=" ".join)
def test_its_desk_is_for_this_machine_alone(tmp_path: Path, open_to_others: list[str]) -> None:
    """Neither behind a proxy nor for the network: everybody knows its passwords. Nothing is made before it is refused."""
    result = CliRunner().invoke(app, ["serve", "--demo", *open_to_others], env={"ASIDE_DATA": str(tmp_path)})
    assert result.exit_code == 2 and "this machine alone" in " ".join(result.output.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


def test_it_lies_beside_what_is_real(tmp_path: Path) -> None:
    """In a folder of its own, on SQLite, whatever databases and key file the settings name."""
    real = read_settings(
        {"ASIDE_DATA": str(tmp_path), "ASIDE_KEY_FILE": "k", **{f"ASIDE_{n}": "postgresql://db/x" for n in ("RECORD", "PRIVATE", "KEYRING")}}
    )
    apart = demo.apart(real)
    assert apart.data == tmp_path / "demo" and (apart.record, apart.private, apart.keyring, apart.key_file) == (None,) * 4


def test_one_command_serves_it_with_its_worker(settings: Settings, tmp_path: Path) -> None:
    """It says who may log in and where; the worker beside it is at work, and goes with it when it is stopped."""
    shutil.copytree(settings.data, tmp_path / "demo")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "drafting", "serve", "--demo", "--port", str(port))
    desk = subprocess.Popen(command, env=os.environ | {"ASIDE_DATA": str(tmp_path)}, stderr=subprocess.PIPE, text=True)
    try:
        said = ""
        while not ("at work" in said and '"started"' in said):  # each says so when it is ready
            line = desk.stderr.readline()
            assert line, said
            said += line
        assert "  ada " in said and f"http://127.0.0.1:{port}/" in said
        (worker,) = Path(f"/proc/{desk.pid}/task/{desk.pid}/children").read_text(encoding="ascii").split()
        desk.send_signal(signal.SIGTERM)
        assert desk.wait(60) == 0 and not Path(f"/proc/{worker}").exists()
    finally:
        desk.kill()
        desk.communicate()
