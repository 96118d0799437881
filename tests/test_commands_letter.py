"""`aside letter`, `hold`, `authorization` and `accounting`: from a letter's arrival to its answer."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pypdf
import pytest

from drafting.commands import shared
from drafting.record.keys import passphrases
from drafting.record.release import disclosing
from tests.commanding import ASIDE, PHRASE, SLEPT, TAUGHT, Place, copied, rows, signed_note

TODAY = datetime.now(UTC).date()
FORM = f"""
scope = ["record"]
recipients = ["client_attorney"]
description = "Progress notes of this autumn"
discloser = "Larkspur Practice"
recipient = "Orde & Fenn"
purpose = "At my request"
expires = {TODAY + timedelta(days=90)}
signed_on = {TODAY - timedelta(days=1)}
signed_by = "the client"
says_revocable = true
says_unconditioned = true
warns_of_redisclosure = true
"""


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return copied(tmp_path)


def entered(here: Place, requester: str, instrument: str, *more: object) -> dict:
    """A letter that came today, about the client."""
    (row,) = rows(here.done("letter", "enter", here.wren, "--from", requester, "--with", instrument, "--received", TODAY, "--json", *more))
    return row


def ruled(here: Place, request: str) -> dict[str, tuple[str, str]]:
    """By bucket, what is said and by which rule."""
    (decision,) = rows(here.done("letter", "decide", request, "--json"))
    return {ruling["bucket"]: (ruling["outcome"], ruling["rule"]) for ruling in decision["rulings"]}


# ── a subpoena, answered with no ──────────────────────────────────────────────────────────────────────────────────────


def test_a_subpoena_without_a_judge_is_held_and_denied(here: Place) -> None:
    """Entered, it stops destruction and sets a task; the rules deny both; the reply is drafted; closed, its hold stands until a person lifts it."""
    letter = entered(here, "attorney", "subpoena", "--answer-by", TODAY + timedelta(days=14), "--as", here.di)
    assert letter["answer_by"] == str(TODAY + timedelta(days=14))
    (hold,) = rows(here.done("hold", "list", "--json"))
    assert (hold["client"], hold["request"], hold["reason"]) == (here.wren, letter["request"], "subpoena")
    assert [row["kind"] for row in rows(here.done("practice", "tasks", "--json"))] == ["answer_request"]
    assert {outcome for outcome, _ in ruled(here, letter["request"]).values()} <= {"deny", "escalate"}
    text = here.done("letter", "decide", letter["request"])
    assert "private: deny" in text and not re.search(r"^  [a-z_]+$", text, re.M)  # words, no bare codes
    reply = here.done("letter", "deny", letter["request"], "--sender", "Larkspur Practice", "--to", "Tamsin Orde")
    assert "DRAFT" in reply.upper() and "Tamsin Orde" in reply and "Wren" not in reply and SLEPT not in reply
    assert letter["request"] in here.refused("hold", "lift", hold["hold"], "--as", here.di, "--reason", "answered")
    done = here("letter", "close", letter["request"])
    assert done.exit_code == 0 and hold["hold"] in done.stderr
    assert here.done("letter", "list") == here.done("practice", "tasks") == ""
    assert rows(here.done("hold", "list", "--client", here.wren, "--json")) == [hold]
    here.done("hold", "lift", hold["hold"], "--as", here.di, "--reason", "answered")
    assert here.done("hold", "list") == ""
    assert "closed" in here.refused("letter", "decide", letter["request"])


# ── an authorization, and a release ───────────────────────────────────────────────────────────────────────────────────


def test_a_form_that_lacks_something_says_what(here: Place, tmp_path: Path) -> None:
    """It is kept all the same, and listed with its faults; revoked, it is good for nothing."""
    file = tmp_path / "form.toml"
    file.write_text(FORM.replace("says_revocable = true\n", ""))
    added = here("authorization", "add", here.wren, file)
    assert added.exit_code == 0 and "can be revoked" in added.stderr
    form = added.stdout.strip()
    assert [(row["authorization"], row["faults"]) for row in rows(here.done("authorization", "list", here.wren, "--json"))] == [(form, "A7")]
    here.done("authorization", "revoke", form, "--on", TODAY - timedelta(days=1), "--as", here.di)
    here.done("authorization", "end", form)
    assert rows(here.done("authorization", "list", here.wren, "--json"))[0]["faults"] == "A7 expired revoked"


@pytest.mark.parametrize(
    "text", ["purpos = 'x'", "scope = ['diary']", "scope = 'record'", "expires = 'soon'", "id = 'A1'", "client = 'C-1'", "says_revocable = 1", "= x"]
)
def test_a_slip_in_a_form_is_told(here: Place, tmp_path: Path, text: str) -> None:
    """A field that is none, a value of another kind, or no TOML: nothing is kept."""
    file = tmp_path / "form.toml"
    file.write_text(text)
    here.refused("authorization", "add", here.wren, file)
    assert here.done("authorization", "list", here.wren) == ""


def test_what_is_authorized_leaves_and_is_accounted_as_the_rules_say(here: Place, tmp_path: Path) -> None:
    """Before the form came the rules said no; after, those who must approve let the record go, into a folder closed to others, without the
    private notes. By authorization, it needs no accounting to the client (45 CFR 164.528(a)(1)(iv))."""
    file, out = tmp_path / "form.toml", tmp_path / "packet"
    file.write_text(FORM)
    letter = entered(here, "client_attorney", "authorization")["request"]
    release = ("letter", "release", letter, "--as", here.di, "--to", "Orde & Fenn", "--purpose", "at_request", "--out", out)
    both = ("--approve", f"originator={here.ada}", "--approve", f"privacy_officer={here.di}")
    here.refused(*release, *both)
    assert not out.exists()
    form = here.done("authorization", "add", here.wren, file).strip()
    here.done("letter", "restate", letter, "--form", form)
    assert ruled(here, letter)["record"][0] == "allow" and ruled(here, letter)["private"][0] != "allow"
    done = here(*release, *both, "--practice", "Larkspur Practice")
    assert done.exit_code == 0 and "the private stays" in done.stderr
    assert (stat.S_IMODE(out.stat().st_mode), [path.name for path in out.iterdir()]) == (0o700, [f"record-{here.visit}.pdf"])
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(out / f"record-{here.visit}.pdf").pages)
    assert SLEPT in text and ASIDE not in text
    assert here.done("accounting", here.wren, "--as", here.di) == ""
    assert len(here.told("release:handed_over")) == 1 and here.told("private:read") == []


def test_where_no_more_than_is_needed_may_leave_a_person_is_told(here: Place, tmp_path: Path) -> None:
    """Of an insurer's request, when it is decided and when the files are there; of a client's own access, which is whole, it is not said."""
    asked, own = (entered(here, *who, "--asked", "record")["request"] for who in (("insurer", "payer_request"), ("client", "access_request")))
    for request, told in ((asked, True), (own, False)):
        assert ("No more may leave" in here.done("letter", "decide", request)) is told
        (decision,) = rows(here.done("letter", "decide", request, "--json"))
        assert [ruling["minimum_necessary"] for ruling in decision["rulings"]] == [told]
        release = ("letter", "release", request, "--as", here.di, "--to", "whoever asked", "--purpose", "payment", "--out", tmp_path / request)
        done = here(*release, "--approve", f"staff={here.ada}")
        assert done.exit_code == 0 and ("No more may leave" in done.stderr) is told


def test_a_release_needs_those_who_may_give_it(here: Place, tmp_path: Path) -> None:
    """A colleague is no author, a clinician no privacy officer, and staff opens no private note; nothing is left of the try."""
    letter, out = entered(here, "client", "access_request")["request"], tmp_path / "packet"
    release = ("letter", "release", letter, "--as", here.di, "--to", "the client", "--purpose", "at_request", "--out", out)
    for approve in (f"originator={here.cy}", f"privacy_officer={here.ada}", "originator=P0"):
        here.refused(*release, "--approve", approve)
    for wrong in ("butler=P1", "originator"):
        here.refused(*release, "--approve", wrong, code=2)
    for there in (out.mkdir, lambda: (out.rmdir(), out.write_text("mine"))):
        there()
        assert "already" in here.refused(*release, "--approve", f"privacy_officer={here.di}")
    assert out.read_text() == "mine"
    assert here.told("release:handed_over") == []


def test_an_access_request_gets_the_record_and_not_the_private_notes(here: Place, tmp_path: Path) -> None:
    """US, HIPAA: psychotherapy notes are outside the right of access, whoever says yes and whatever key is given."""
    letter, out = entered(here, "client", "access_request")["request"], tmp_path / "packet"
    release = ("letter", "release", letter, "--as", here.ada, "--to", "the client", "--purpose", "at_request", "--out", out, "--form", "text")
    both = ("--approve", f"originator={here.ada}", "--approve", f"privacy_officer={here.di}")
    here.done(*release, *both, "--private-by", "passphrase", "--passphrase-file", here.secret())
    assert [path.name for path in out.iterdir()] == [f"record-{here.visit}.txt"]
    assert TAUGHT in (out / f"record-{here.visit}.txt").read_text()
    assert here.told("private:read") == []


def test_in_the_united_kingdom_access_reaches_private_notes_apart(here: Place, tmp_path: Path) -> None:
    """There they leave with the author's yes and key, in a file of their own, and the reading is told."""
    uk = here.done("clients", "add", "Hart Lowe", "--clinician", here.ada, "--jurisdiction", "uk-ew").strip()
    with here.practice() as practice:
        visit = signed_note(practice, uk, passphrases.unlock(practice.keyring, here.ada, PHRASE))
    (letter,) = rows(here.done("letter", "enter", uk, "--from", "client", "--with", "access_request", "--received", TODAY, "--json"))
    out, other = tmp_path / "packet", tmp_path / "other"
    release = ("letter", "release", letter["request"], "--as", here.ada, "--to", "the client", "--purpose", "at_request", "--form", "text")
    both = ("--approve", f"originator={here.ada}", "--approve", f"privacy_officer={here.di}")
    assert ruled(here, letter["request"])["private"][0] == "allow"
    here.refused(*release, *both, "--out", other, "--private-by", "kit", "--halves", *here.kit(here.halves[1], here.halves[1]))
    here.done(*release, *both, "--out", out, "--private-by", "passphrase", "--passphrase-file", here.secret())
    assert sorted(path.name for path in out.iterdir()) == ["private-notes.txt", f"record-{visit}.txt"]
    assert ASIDE in (out / "private-notes.txt").read_text() and ASIDE not in (out / f"record-{visit}.txt").read_text()
    assert SLEPT not in (out / "private-notes.txt").read_text() and not other.exists()
    assert [(event["reason"], event["outcome"]) for event in here.told("private:read")] == [("release", "ok")]


def test_what_must_be_accounted_for_is_listed(here: Place, tmp_path: Path) -> None:
    """A court's order is: to whom, when and what for; the list itself is told."""
    paper = here.secret("an order, scanned", "order")
    letter = entered(here, "court", "court_order", "--fact", "signed_by_judge", "--asked", "record", "--paper", paper)["request"]
    release = (
        "letter",
        "release",
        letter,
        "--as",
        here.di,
        "--to",
        "Larkspur County Court",
        "--purpose",
        "proceedings",
        "--out",
        tmp_path / "packet",
    )
    here.done(*release, "--approve", f"originator={here.ada}", "--approve", f"privacy_officer={here.di}", "--said", "by order")
    (row,) = rows(here.done("accounting", here.wren, "--as", here.di, "--json"))
    assert (row["on"], row["to"], row["for"], row["said"], row["certain"]) == (str(TODAY), "Larkspur County Court", "proceedings", "by order", True)
    assert [event["actor"] for event in here.told("accounting:read")] == [here.di]
    assert here.done("accounting", here.wren, "--as", here.di, "--since", TODAY + timedelta(days=1)) == ""


def test_a_release_that_was_cut_is_told_and_settled(here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was accounted for and nobody knows whether it left: a person says, and then the letter may be closed."""

    class Cut(BaseException):
        pass

    def cut(*_: object) -> None:
        raise Cut

    letter = entered(here, "client", "access_request", "--asked", "record")["request"]
    release = ("letter", "release", letter, "--as", here.ada, "--to", "the client", "--purpose", "at_request", "--out", tmp_path / "packet")
    with monkeypatch.context() as patched:
        patched.setattr(disclosing, "_settled", cut)
        with pytest.raises(Cut):
            here(*release, "--approve", f"originator={here.ada}", "--approve", f"privacy_officer={here.di}")
    assert [path.name for path in (tmp_path / "packet").iterdir()] == [f"record-{here.visit}.pdf"]
    told = here("letter", "list").stderr
    disclosure = re.search(r"release (L\w+) of", told)[1]
    assert "cut" in here.refused("letter", "close", letter)
    here.done("letter", "settle", disclosure, "--as", here.ada, "--stayed")
    here.done("letter", "close", letter)
    assert disclosure in here.refused("letter", "settle", disclosure, "--as", here.ada, "--left")


def test_a_disk_that_refuses_leaves_the_release_to_be_told(here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written is not on file as handed over, and no empty folder is left."""

    def full(out: Path, *_: object, **__: object) -> None:
        raise shared.FileTrouble(path=out, done="written", reason="No space left on device")

    letter, out = entered(here, "client", "access_request", "--asked", "record")["request"], tmp_path / "packet"
    release = ("letter", "release", letter, "--as", here.ada, "--to", "the client", "--purpose", "at_request", "--out", out)
    with monkeypatch.context() as patched:
        patched.setattr(shared, "put", full)
        assert "No space" in here.refused(*release, "--approve", f"originator={here.ada}", "--approve", f"privacy_officer={here.di}")
    assert not out.exists() and here.told("release:handed_over") == []
    assert re.search(r"release L\w+ of", here("letter", "list").stderr)


# ── a change that is asked for, and other replies ─────────────────────────────────────────────────────────────────────


def test_a_change_that_is_asked_for_is_decided_as_one(here: Place) -> None:
    """Not before somebody has looked; then it is due, or refused on a ground that the rules know."""
    letter = entered(here, "client", "amendment_request")["request"]
    said = [here.done("letter", "decide", letter, *more).split()[1] for more in ((), ("--reviewed",), ("--ground", "accurate_and_complete"))]
    assert said == ["escalate", "allow", "deny"]
    (row,) = rows(here.done("letter", "decide", letter, "--reviewed", "--json"))
    assert (row["outcome"], row["letter"]) == ("allow", "amendment_accepted")


def test_other_replies_and_other_hands(here: Place) -> None:
    """An acknowledgement is drafted; a letter is handed to the privacy officer, for whom a task falls due."""
    letter = entered(here, "client", "access_request")["request"]
    text = here.done("letter", "reply", letter, "acknowledgement", "--sender", "Larkspur Practice", "--to", "Hart Lowe", "--as", here.ada)
    assert "Hart Lowe" in text and "Ada Quill" in text
    here.done("letter", "escalate", letter, "--to", here.di)
    assert "escalated_request" in {row["kind"] for row in rows(here.done("practice", "tasks", "--person", here.di, "--json"))}
    assert "not" in here.refused("letter", "reply", letter, "uk_access", "--sender", "Larkspur Practice", "--to", "Hart Lowe")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("letter", "enter", "C-00000001", "--from", "client", "--with", "letter", "--received", "2026-01-05"), 1),
        (("letter", "enter", "WREN", "--from", "client", "--with", "letter", "--received", "2999-01-05"), 1),
        (("letter", "enter", "WREN", "--from", "client", "--with", "letter", "--received", "yesterday"), 2),
        (("letter", "enter", "WREN", "--from", "neighbour", "--with", "letter", "--received", "2026-01-05"), 2),
        (("letter", "enter", "WREN", "--from", "client", "--with", "letter", "--received", "2026-01-05", "--pause", "a..b"), 2),
        (("letter", "enter", "WREN", "--from", "client", "--with", "letter", "--received", "2026-01-05", "--paper", "none.pdf"), 1),
        (("letter", "enter", "WREN", "--from", "client", "--with", "letter", "--received", "2026-01-05", "--form", "A0"), 1),
        (("letter", "enter", "WREN", "--from", "client", "--with", "letter", "--received", "2026-01-05", "--form", "the blue one"), 1),
        (("letter", "decide", "Q0"), 1),
        (("letter", "close", "Q0"), 1),
        (("hold", "set", "C-00000001", "--as", "DI", "--reason", "litigation"), 1),
        (("hold", "set", "WREN", "--as", "P0", "--reason", "litigation"), 1),
        (("hold", "set", "WREN", "--as", "DI", "--reason", "Because I say so"), 2),
        (("hold", "lift", "H0", "--as", "DI", "--reason", "ended"), 1),
        (("authorization", "revoke", "A0"), 1),
        (("authorization", "list", "C-00000001"), 1),
        (("accounting", "C-00000001", "--as", "DI"), 1),
        (("accounting", "WREN"), 2),
    ],
)
def test_what_cannot_be_entered_is_told(here: Place, command: Sequence[str], code: int) -> None:
    """Ids, codes and days that are none."""
    names = {"WREN": here.wren, "DI": here.di}
    here.refused(*(names.get(word, word) for word in command), code=code)


def test_an_opinion_is_read_from_a_file(here: Place, tmp_path: Path) -> None:
    """Its date, whose it is and what it finds; one that lacks something is refused."""
    uk = here.done("clients", "add", "Hart Lowe", "--clinician", here.ada, "--jurisdiction", "uk-ew").strip()
    file = tmp_path / "opinion.toml"
    whole = f'on = {TODAY}\nby_health_professional = true\nharm_likely = true\nabout = ["private"]\n'
    enter = ("letter", "enter", uk, "--from", "client", "--with", "access_request", "--received", TODAY, "--json", "--opinion", file)
    for text in (whole.replace("true", "1"), whole.replace("private", "diary"), whole + "because = 'x'", "about = []"):
        file.write_text(text)
        here.refused(*enter)
    file.write_text(whole)
    (row,) = rows(here.done(*enter, "--pause", f"{TODAY}.."))
    assert row["answer_by"] is None
    assert ruled(here, row["request"])["private"][0] != "allow"
    (row,) = rows(here.done("letter", "restate", row["request"], "--pause", f"{TODAY}..{TODAY}", "--json"))
    assert date.fromisoformat(row["answer_by"]) > TODAY
