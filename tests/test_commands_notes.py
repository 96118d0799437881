"""`aside notes`: who is shown what, every form of an export, previews, drafts, and the files that are written."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from collections.abc import Sequence
from pathlib import Path

import pypdf
import pytest

from drafting import wiring
from drafting.record.keys import passphrases
from drafting.types import Context, PhiFinding, Role, Severity
from tests import commanding
from tests.commanding import ASIDE, NEXT, PHRASE, SLEPT, TAUGHT, Place, copied, drafted_note, enrolled, rows, signed_note


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return copied(tmp_path)


def test_encounters_are_listed_by_ids_and_states(here: Place) -> None:
    """Of a client, of an author, in a state; no word of a note and no name."""
    with here.practice() as practice:
        draft = drafted_note(practice, here.wren, here.cy)
    listed = here.done("notes", "list", "--client", here.wren)
    assert here.visit in listed and draft in listed and "Wren" not in listed and "slept" not in listed
    (row,) = rows(here.done("notes", "list", "--person", here.ada, "--json"))
    assert (row["encounter"], row["state"], row["client"], row["author"]) == (here.visit, "signed", here.wren, here.ada)
    assert [row["encounter"] for row in rows(here.done("notes", "list", "--state", "draft", "--json"))] == [draft]
    assert len(rows(here.done("notes", "list", "--limit", "1", "--json"))) == 1
    here.refused("notes", "list", "--state", "lost", code=2)


def test_a_note_is_shown_to_those_who_treat_the_client(here: Place) -> None:
    """Its author and an administrator; the clinician who took the client on; each reading is told before."""
    for who in (here.ada, here.di):
        shown = here.done("notes", "show", here.visit, "--as", who)
        assert SLEPT in shown and "SIGNED ELECTRONICALLY BY THE AUTHOR" in shown and ASIDE not in shown
    here.refused("notes", "show", here.visit, "--as", here.cy)
    here.done("clients", "transfer", here.wren, "--to", here.cy)
    assert SLEPT in here.done("notes", "show", here.visit, "--as", here.cy)
    assert [(e["actor"], e["outcome"]) for e in here.told("note:read")] == [
        (here.ada, "ok"),
        (here.di, "ok"),
        (here.cy, "denied"),
        (here.cy, "ok"),
    ]


@pytest.mark.parametrize("who", ["cy", "sue", "bo"])
def test_nobody_else_is_shown_it_or_may_export_it(here: Place, tmp_path: Path, who: str) -> None:
    """A colleague, another's supervisor, a trainee: one line with no word of the note, and no file."""
    for more in (("show",), ("export", "--out", tmp_path / "note.txt"), ("export", "--preview")):
        line = here.refused("notes", more[0], here.visit, "--as", getattr(here, who), *more[1:])
        assert getattr(here, who) in line and "slept" not in line
    assert not (tmp_path / "note.txt").exists() and here.told("note:exported") == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("show", "E0"), 1),
        (("export", "E0"), 1),
        (("export", "VISIT", "--section", "moonlight"), 1),
        (("export", "VISIT", "--section", "plan", "--form", "pdf"), 2),
        (("export", "VISIT", "--preview", "--form", "fhir"), 2),
        (("export", "VISIT", "--preview", "--section", "plan"), 2),
        (("export", "VISIT", "--draft", "--form", "fhir"), 2),
        (("export", "VISIT", "--draft", "--profile", "payer"), 2),
        (("export", "VISIT", "--profile", "neighbour"), 2),
        (("export", "VISIT", "--form", "scroll"), 2),
        (("export", "VISIT", "--out", "/nowhere/at/all.txt"), 1),
        (("export",), 2),
    ],
)
def test_what_cannot_be_exported_is_told(here: Place, command: Sequence[str], code: int) -> None:
    """An id, a section, a form or a folder that is none; and what does not go together."""
    here.refused("notes", *(here.visit if word == "VISIT" else word for word in command), "--as", here.ada, code=code)


# ── the forms ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pdf_is_a_file_of_ones_own(here: Place, tmp_path: Path) -> None:
    """Closed to others, read back by another library, and on the trail with its digest; it is not written over unless one says so."""
    file = tmp_path / "note.pdf"
    export = ("notes", "export", here.visit, "--as", here.ada, "--form", "pdf", "--practice", "Larkspur Practice", "--out", file)
    assert here.done(*export) == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(file).pages)
    assert SLEPT in text and "Larkspur Practice" in text and ASIDE not in text
    (told,) = here.told("note:exported")
    assert (told["actor"], told["facts"]["sha256"]) == (here.ada, hashlib.sha256(file.read_bytes()).hexdigest())
    file.write_text("another thing")
    assert "--force" in here.refused(*export)
    assert file.read_text() == "another thing" and len(here.told("note:exported")) == 1
    here.done(*export, "--force")
    assert pypdf.PdfReader(file).pages and list(tmp_path.glob("*.part")) == []


def test_a_link_is_not_followed(here: Place, tmp_path: Path) -> None:
    """A symbolic link in the file's place is something that is there, even where it leads nowhere; with --force the link is replaced."""
    (tmp_path / "note.txt").symlink_to(tmp_path / "elsewhere.txt")
    export = ("notes", "export", here.visit, "--as", here.ada, "--out", tmp_path / "note.txt")
    here.refused(*export)
    here.done(*export, "--force")
    assert not (tmp_path / "elsewhere.txt").exists() and not (tmp_path / "note.txt").is_symlink()


def test_fhir_is_one_resource_a_line(here: Place) -> None:
    """A Bundle and the DocumentReference that has its size and hash."""
    bundle, reference = rows(here.done("notes", "export", here.visit, "--as", here.ada, "--form", "fhir"))
    assert (bundle["resourceType"], reference["resourceType"]) == ("Bundle", "DocumentReference")
    attachment = reference["content"][0]["attachment"]
    whole = json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()
    assert attachment["hash"] == base64.b64encode(hashlib.sha1(whole).digest()).decode()  # FHIR's own choice of digest
    assert attachment["size"] == len(whole)


def test_a_section_alone_is_for_pasting(here: Place) -> None:
    """The words of that section and nothing around them."""
    assert here.done("notes", "export", here.visit, "--as", here.ada, "--section", "plan") == f"{NEXT}\n"


def test_a_payer_is_told_nothing_of_a_client_who_pays(here: Place) -> None:
    """After the restriction there is no payer's packet, and the preview says why; lifted, there is."""
    export = ("notes", "export", here.visit, "--as", here.ada, "--profile", "payer")
    assert TAUGHT in here.done(*export)
    here.done("clients", "restrict", here.wren)
    assert "164.522" in here.refused(*export)
    preview = here.done(*export, "--preview")
    assert "164.522" in preview and TAUGHT not in preview
    here.done("clients", "restrict", here.wren, "--lift")
    assert TAUGHT in here.done(*export)


@pytest.mark.parametrize(("profile", "reader"), [("chart", "lawyer"), ("payer", "insurer"), ("client", "client")])
def test_a_preview_says_who_would_get_what(here: Place, profile: str, reader: str) -> None:
    """The reader, how many sentences, and what they would read; it is no export."""
    shown = here.done("notes", "export", here.visit, "--as", here.ada, "--profile", profile, "--preview")
    assert f"Reader: {reader}" in shown and "3 given, 0 left out" in shown and TAUGHT in shown and ASIDE not in shown
    assert here.told("note:exported") == [] and len(here.told("note:read")) == 1


def test_a_preview_names_the_section_of_what_is_left_out(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that a payer does not need is shown to the clinician under its section's own title, and not in the packet."""
    said = "Wren's sister paints boats."
    monkeypatch.setattr(commanding, "_SAID", (*commanding._SAID, (said, "subjective", Role.REPORT)))
    with here.practice() as practice:
        visit = signed_note(practice, here.wren, passphrases.unlock(practice.keyring, here.ada, PHRASE))
    export = ("notes", "export", visit, "--as", here.ada, "--profile", "payer")
    assert f"Left out, Subjective: {said}" in here.done(*export, "--preview").splitlines()
    assert said not in here.done(*export)


class _Finds:
    """A scanner that finds the client's first name."""

    def scan(self, text: str, context: Context, profile: str) -> tuple[PhiFinding, ...]:
        assert profile == "supervision" and context.client_names == ("Wren Alder",)
        at = text.find("Wren")
        found = PhiFinding(at, at + 4, "Wren", "PERSON", "F01", Severity.LOW, "a name", "the client", section=None, sentence=None)
        return (found,) if at >= 0 else ()


def test_for_supervision_the_words_are_screened(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scanner finds is replaced in brackets, and names, times and licence are not shown."""
    monkeypatch.setattr(wiring, "scanner", _Finds)
    text = here.done("notes", "export", here.visit, "--as", here.ada, "--profile", "supervision")
    assert "[the client] slept three hours a night." in text
    assert "Wren" not in text and "Ada" not in text and "14:03" not in text


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_is_its_authors_and_says_so(here: Place, tmp_path: Path) -> None:
    """With the author's passphrase, marked; to whoever may read the record and has no key to the draft it stays shut."""
    with here.practice() as practice:
        draft = drafted_note(practice, here.wren, here.ada)
    assert "signed note" in here.refused("notes", "export", draft, "--as", here.ada)
    export = ("notes", "export", draft, "--draft", "--as")
    text = here.done(*export, here.ada, told=f"{PHRASE}\n")
    assert text.startswith("DRAFT — NOT SIGNED") and TAUGHT in text and ASIDE not in text
    here.refused(*export, here.ada, "--passphrase-file", here.secret("quite wrong words", "wrong"))
    for other in (here.cy, here.di):
        assert "slept" not in here.refused(*export, other, "--passphrase-file", here.secret())
    here.done(*export, here.ada, "--form", "pdf", "--out", tmp_path / "draft.pdf", "--passphrase-file", here.secret())
    assert "NOT SIGNED" in pypdf.PdfReader(tmp_path / "draft.pdf").pages[0].extract_text()


def test_a_signed_note_is_no_draft_any_more(here: Place, tmp_path: Path) -> None:
    """Its author is told that it is signed, and no file that says otherwise is written."""
    export = ("notes", "export", here.visit, "--draft", "--as", here.ada, "--passphrase-file", here.secret())
    for more in ((), ("--form", "pdf", "--out", tmp_path / "draft.pdf")):
        line = here.refused(*export, *more)
        assert "is signed" in line and "slept" not in line
    assert not (tmp_path / "draft.pdf").exists() and here.told("note:exported") == []


def test_records_staff_have_what_is_signed_and_no_draft(here: Place) -> None:
    """They show and export a signed note of anybody's; a draft is refused them, and both are on the trail."""
    rae = here.done("people", "add", "Rae Holt", "--standing", "records").strip()
    with here.practice() as practice:
        draft = drafted_note(practice, here.wren, here.ada)
        enrolled(practice, rae)
    assert SLEPT in here.done("notes", "show", here.visit, "--as", rae) and TAUGHT in here.done("notes", "export", here.visit, "--as", rae)
    line = here.refused("notes", "export", draft, "--draft", "--as", rae, "--passphrase-file", here.secret())
    assert "did not write the note" in line and "slept" not in line
    assert [(e["actor"], e["outcome"]) for e in here.told("note:read")] == [(rae, "ok")] * 2
    assert [(e["actor"], e["outcome"]) for e in here.told("draft:read")] == [(rae, "denied")]


def test_a_chart_that_is_kept_here_is_not_handed_over(here: Place) -> None:
    """Our copy is the only one."""
    assert "kept here" in here.refused("notes", "hand-over", here.visit, "--as", here.ada, "--yes")
    assert SLEPT in here.done("notes", "show", here.visit, "--as", here.ada)
