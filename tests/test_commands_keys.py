"""`aside keys` and `aside practice`: begun once, proven, rotated, restored; wrong halves and passphrases; and a light install."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from drafting.record.keys import keyfile
from tests.commanding import PHRASE, Place, copied, printed, rows
from tests.stores import databases

ROOT = Path(__file__).parent.parent
OTHER = "seven slow herons"


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return copied(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def swapped(half: str) -> str:
    """A half with one letter mistyped."""
    return half[:-9] + ("A" if half[-9] != "A" else "C") + half[-8:]


# ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_practice_is_begun_once_and_opens_when_its_kit_is_proven(tmp_path: Path) -> None:
    """Folder and files are closed to others; nobody is taken in before both halves were typed back; a second beginning changes nothing."""
    place = Place(tmp_path / "new" / "data")
    place.halves = printed(place.done("keys", "init", "--jurisdiction", "us-il"))
    assert mode(place.folder) == 0o700
    assert {mode(file) for file in place.folder.iterdir()} == {0o600}
    assert "aside keys prove" in place.refused("people", "add", "Ada Quill")
    key = (place.folder / "practice.key").read_bytes()
    assert "already" in place.refused("keys", "init")
    assert (place.folder / "practice.key").read_bytes() == key
    place.done("keys", "prove", told="\n".join(place.halves) + "\n")
    assert place.done("people", "add", "Ada Quill").startswith("P")
    (shown,) = rows(place.done("practice", "show", "--json"))
    assert (shown["jurisdiction"], shown["kit_proven"], shown["people"]) == ("us-il", True, 1)
    assert [event["actor"] for event in place.told("practice:made")] == ["console"]


def test_a_kit_that_was_never_seen_is_made_again(tmp_path: Path) -> None:
    """Before it is proven another kit may be made without the first, whose halves are then worth nothing."""
    place = Place(tmp_path / "data")
    first = printed(place.done("keys", "init"))
    second = printed(place.done("keys", "kit"))
    assert "present kit" in place.refused("keys", "prove", "--halves", *place.kit(*first))
    place.done("keys", "prove", "--halves", *place.kit(*second))


def test_a_practice_is_kept_on_a_server_too(postgres: sa.URL, tmp_path: Path) -> None:
    """Where three URLs are set, databases on PostgreSQL are begun, proven and used; the key file is where ASIDE_DATA says. Before that there is none."""
    urls = zip(("ASIDE_RECORD", "ASIDE_PRIVATE", "ASIDE_KEYRING"), databases(postgres), strict=True)
    place = Place(tmp_path / "data", more=dict(urls))
    assert "keys init" in place.refused("people", "list")
    place.halves = printed(place.done("keys", "init"))
    assert [file.name for file in place.folder.iterdir()] == ["practice.key"]
    assert "already" in place.refused("keys", "init")
    place.done("keys", "prove", "--halves", *place.kit())
    ada = place.done("people", "add", "Ada Quill").strip()
    client = place.done("clients", "add", "--clinician", ada, told="Wren Alder\n").strip()
    place.done("keys", "rotate")
    assert client in place.done("clients", "find", "alder", "--as", ada)
    assert "whole" in place.done("audit", "verify")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("practice", "show"), 1),
        (("practice", "upgrade"), 1),
        (("people", "add", "Ada Quill"), 1),
        (("audit", "verify"), 1),
        (("keys", "init", "--jurisdiction", "us-zz"), 2),
        (("keys",), 2),
        (("keys", "burn"), 2),
        (("accounting", "C-00000001", "--as", "P1"), 1),
    ],
)
def test_without_a_practice_nothing_is_made(tmp_path: Path, command: Sequence[str], code: int) -> None:
    """A command that finds no practice says so, and leaves no file behind."""
    place = Place(tmp_path / "data")
    assert place(*command).exit_code == code
    assert not place.folder.exists()


def test_a_setting_that_is_none_is_wrong_usage(here: Place) -> None:
    """An unknown ASIDE_ name ends with 2."""
    from typer.testing import CliRunner

    from drafting.__main__ import app

    done = CliRunner().invoke(app, ["practice", "show"], env={"ASIDE_PERSON": here.ada})
    assert (done.exit_code, done.stdout) == (2, "") and "ASIDE_PERSON" in done.stderr


# ── the kit ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("wrong", ["twice", "mistyped", "short", "empty"])
def test_wrong_halves_prove_nothing(here: Place, wrong: str) -> None:
    """The same half twice, a letter mistyped, a piece, or nothing: one line that tells which, and no half in it."""
    one, other = here.halves
    given = {"twice": (one, one), "mistyped": (one, swapped(other)), "short": (one, other[:20]), "empty": ("", other)}[wrong]
    line = here.refused("keys", "prove", "--halves", *here.kit(*given))
    assert "recovery kit" in line and not any(half and half[12:] in line for half in given)


def test_a_new_kit_takes_over_when_it_is_proven(here: Place) -> None:
    """Until then the old one is in use; afterwards the old halves open nothing. It cannot be made without the old one."""
    assert "mistyped" in here.refused("keys", "kit", "--halves", *here.kit(here.halves[0], swapped(here.halves[1])))
    fresh = printed(here.done("keys", "kit", "--halves", *here.kit(), "--as", here.di))
    (shown,) = rows(here.done("practice", "show", "--json"))
    assert (shown["kit_proven"], shown["kit_awaited"]) == (True, 2)
    here.done("keys", "prove", "--halves", *here.kit(*fresh))
    assert "present kit" in here.refused("keys", "prove", "--halves", *here.kit())
    assert [(e["actor"], e["facts"]["version"]) for e in here.told("kit:made")] == [(here.di, 2)]


def test_where_keys_were_changed_the_bundle_is_asked_for_again(here: Place) -> None:
    """A kit that takes over, a leaked and a forgotten passphrase, another master key: the bundle has none of it. Where nothing changed, nothing is said."""
    fresh = printed(here("keys", "kit", "--halves", *here.kit()).stdout)
    new = ("--new-passphrase-file", here.secret(OTHER, "other"))
    known = ("--passphrase-file", here.secret())
    assert "aside backup bundle" in here("keys", "prove", "--halves", *here.kit(*fresh)).stderr
    assert here("keys", "prove", "--halves", *here.kit(*fresh)).stderr == ""
    assert here("keys", "passphrase", here.cy, *known, "--new-passphrase-file", here.secret()).stderr == ""
    for how in ((*known, "--leaked"), ("--forgotten", "--halves", *here.kit(*fresh))):
        assert "aside backup bundle" in here("keys", "passphrase", here.ada, *how, *new).stderr
    assert "aside backup bundle" in here("keys", "rotate").stderr


def test_halves_and_passphrases_are_not_echoed(here: Place) -> None:
    """What is typed in answer to a question is in no output."""
    done = here("keys", "prove", told="\n".join(here.halves) + "\n")
    assert done.exit_code == 0 and not any(half[10:] in done.output for half in here.halves)
    done = here("private", "list", "--as", here.ada, told=f"{PHRASE}\n")
    assert done.exit_code == 0 and PHRASE not in done.output


# ── rotation and restore ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_rotation_leaves_everything_open(here: Place) -> None:
    """Another master key is in the file alone, all that was sealed still opens, and the trail names who did it."""
    path = here.folder / "practice.key"
    before = keyfile.read(path)
    assert "secrets" in here.done("keys", "rotate", "--as", here.di)
    after = keyfile.read(path)
    assert (after.version, set(after.keys)) == (before.version + 1, {before.version + 1})
    assert "Wren Alder" in here.done("clients", "find", "alder", "--as", here.ada)
    assert [event["actor"] for event in here.told("keys:rotated")] == [here.di]


def test_a_lost_key_file_is_made_again_by_the_kit(here: Place) -> None:
    """Without the file nothing opens and the line says so; both halves make another, and one of another kit does not."""
    path = here.folder / "practice.key"
    path.unlink()
    assert "practice.key" in here.refused("people", "list")
    assert "already" in here.refused("keys", "init")
    assert not path.exists()
    assert "twice" in here.refused("keys", "restore", "--halves", *here.kit(here.halves[0], here.halves[0]))
    assert not path.exists()
    here.done("keys", "restore", told="\n".join(reversed(here.halves)) + "\n")
    assert mode(path) == 0o600
    assert "Wren Alder" in here.done("clients", "find", "wren", "--as", here.ada)


def test_a_key_file_that_others_may_read_is_refused(here: Place) -> None:
    """It is told with what to do."""
    (here.folder / "practice.key").chmod(0o644)
    assert "chmod 600" in here.refused("people", "list")


# ── passphrases ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_passphrase_is_changed_by_whoever_knows_it(here: Place) -> None:
    """A wrong one changes nothing and is on the trail; then the new one opens and the old does not."""
    files = ("--passphrase-file", here.secret("quite wrong words", "wrong"), "--new-passphrase-file", here.secret(OTHER, "other"))
    assert here.ada in here.refused("keys", "passphrase", here.ada, *files)
    assert [(e["subject"], e["outcome"]) for e in here.told("person:unlocked")] == [(here.ada, "denied")]
    here.done("keys", "passphrase", here.ada, told=f"{PHRASE}\n{OTHER}\n{OTHER}\n")
    here.refused("private", "list", "--as", here.ada, "--passphrase-file", here.secret())
    here.done("private", "list", "--as", here.ada, "--passphrase-file", here.secret(OTHER))


def test_a_forgotten_passphrase_is_replaced_by_the_kit(here: Place) -> None:
    """Both halves give new keys, which open the private notes again; what was signed stays good."""
    here.done("keys", "passphrase", here.ada, "--forgotten", "--halves", *here.kit(), "--new-passphrase-file", here.secret(OTHER))
    read = ("private", "read", here.note, "--as", here.ada, "--reason", "own_treatment", "--passphrase-file")
    assert "heliotrope" in here.done(*read, here.secret(OTHER))
    assert "Ada Quill, LCSW" in here.done("notes", "show", here.visit, "--as", here.ada)
    assert [event["reason"] for event in here.told("person:passphrase")] == ["regained"]


def test_a_leaked_passphrase_gives_other_keys(here: Place) -> None:
    """The keys are new as well, and open what the old ones did."""
    here.done("keys", "passphrase", here.ada, "--leaked", told=f"{PHRASE}\n{OTHER}\n{OTHER}\n")
    read = ("private", "read", here.note, "--as", here.ada, "--reason", "own_treatment", "--passphrase-file")
    assert "heliotrope" in here.done(*read, here.secret(OTHER))
    with here.practice() as practice:
        assert {name.rsplit("/")[0] for name in practice.keyring.held_by(f"person/{here.ada}", "private/")} == {"private"}
    assert [event["reason"] for event in here.told("person:passphrase")] == ["renewed"]


@pytest.mark.parametrize("words", ["short", "", " " * 20])
def test_a_weak_passphrase_is_refused(here: Place, words: str) -> None:
    """Too few characters, spaces not counted."""
    line = here.refused("keys", "passphrase", here.ada, "--passphrase-file", here.secret(), "--new-passphrase-file", here.secret(words, "new"))
    assert "too short" in line


def test_a_file_that_is_no_passphrase_is_told_by_name(here: Place, tmp_path: Path) -> None:
    """Not there, a folder, or no text: one line."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for file, why in (("none", "No such file"), ("", "directory"), ("bytes", "not text")):
        assert why in here.refused("private", "list", "--as", here.ada, "--passphrase-file", tmp_path / file)


# ── what it has settled ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_practice_settles_what_it_may(here: Place) -> None:
    """Days and codes are kept and told; a name that is none, and a value of another kind, change nothing."""
    assert here.done("practice", "settle", "lock_after=3", "payer=self_pay", "--as", here.di).split() == ["lock_after", "3", "payer", "self_pay"]
    assert "looks" in here.refused("practice", "settle", "looks=3")
    assert "lock_after" in here.refused("practice", "settle", "lock_after=soon")
    here.refused("practice", "settle", "lock_after", code=2)
    assert "trainee" in here.refused("practice", "settle", "lock_after=9", "--as", here.bo)
    assert here.refused("practice", "settle", "lock_after=9", "--as", "P0") == "aside: There is no person P0 here."
    (shown,) = rows(here.done("practice", "show", "--json"))
    assert (shown["policy"]["lock_after"], shown["policy"]["payer"]) == (3, "self_pay")
    assert [event["actor"] for event in here.told("policy:changed")] == [here.di]


def test_stores_that_are_up_to_date_stay_so(here: Place) -> None:
    """An upgrade of what is up to date changes nothing and tells nothing."""
    versions = here.done("practice", "upgrade")
    assert [line.split()[0] for line in versions.splitlines()] == ["record", "private", "keyring"]
    assert here.told("practice:upgraded") == []


# ── a light install ───────────────────────────────────────────────────────────────────────────────────────────────────


def python(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ASIDE_")}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=clean | env, timeout=120, check=False)


@pytest.mark.parametrize("command", [("keys", "init"), ("people", "list"), ("letter", "list"), ("accounting", "C-1", "--as", "P1")])
def test_without_the_extra_a_line_says_what_to_install(here: Place, command: Sequence[str]) -> None:
    """Where the stores' library is not installed no command falls over: it names the extra, and ends with 1."""
    code = f"import sys; sys.modules['sqlalchemy'] = None; sys.argv = ['aside', *{command!r}]; from drafting.__main__ import main; main()"
    done = python(code, ASIDE_DATA=str(here.folder))
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'aside-notes[serve]'" in done.stderr and done.stderr.count("\n") == 1


def test_a_draft_starts_without_what_keeps_the_record() -> None:
    """The command line is up before any library of the stores, or any group's file, is read."""
    told = python("import sys, drafting.__main__, typer; typer.main.get_command(drafting.__main__.app); print(*sys.modules)").stdout.split()
    assert "drafting.commands" in told
    assert not {"sqlalchemy", "nacl", "argon2", "alembic", "reportlab", "drafting.record", "drafting.commands.keys"} & set(told)
