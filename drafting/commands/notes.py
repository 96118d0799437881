"""`aside notes`: what is signed, listed by ids, shown to those who treat the client, exported for a kind of reader.

In: an encounter's id, who asks, a form and a profile. Out: rows; a note's words, or a file that others cannot read. Knows no private note. Each
reading and each export is on the audit trail, the refused ones too, before anything is given out.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drafting.commands import queries, rendering, shared
from drafting.commands.rendering import Form
from drafting.commands.shared import Force, Json, Me, PassphraseFile, Yes, opened
from drafting.errors import NotPermitted

if TYPE_CHECKING:
    from drafting.record.practice import Practice

app = shared.group()

EncounterId = Annotated[str, typer.Argument(metavar="ENCOUNTER", help="An id that `aside notes list` shows.")]
PracticeName = Annotated[str, typer.Option("--practice", help="The practice's name, to stand over the note.")]


class Profile(StrEnum):
    chart = "chart"
    payer = "payer"
    client = "client"
    supervision = "supervision"

    @property
    def key(self) -> str:
        """What the export calls it."""
        return "client_copy" if self is Profile.client else self.value


@app.command("list")
def list_(
    client: Annotated[str | None, typer.Option(metavar="CLIENT", help="Of one client.")] = None,
    person: Annotated[str | None, typer.Option(metavar="PERSON", help="Of one author.")] = None,
    state: Annotated[list[str] | None, typer.Option(help="In this state, such as in_review or cosign_due; may be given again.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 500,
    as_json: Json = False,
) -> None:
    """Encounters by date of service, and how far their notes are: ids, dates and states, no words."""
    from drafting.types.record import NoteState

    if wrong := [s for s in state or () if s not in list(NoteState)]:
        raise typer.BadParameter(f"{wrong[0]} is not one of {', '.join(NoteState)}")
    with opened() as practice:
        shared.rows("aside.encounter/1", queries.encounters(practice, client, person, state or (), limit), as_json)


@app.command()
def show(encounter: EncounterId, as_: Me) -> None:
    """Show a signed note with all that was signed after it."""
    with opened() as practice:
        _allowed(practice, encounter, as_, "note:read")
        shared.put(Path("-"), rendering.Signed.of(practice, encounter, Profile.chart.key).body(Form.text), force=False)


@app.command()
def export(
    encounter: EncounterId,
    as_: Me,
    form: Annotated[Form, typer.Option(help="Text, PDF, or FHIR R4: one JSON resource a line.")] = Form.text,
    profile: Annotated[Profile, typer.Option(help="Who will read it. Payer, client and supervision get what they need and no more.")] = Profile.chart,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A file, closed to others; - for standard output.")] = Path("-"),
    section: Annotated[str | None, typer.Option(metavar="KEY", help="The words of one section alone, as text, to paste elsewhere.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Say who would get what, and what not. Nothing is exported.")] = False,
    unsigned: Annotated[bool, typer.Option("--draft", help="The note before it is signed, marked so; asks for the passphrase.")] = False,
    practice_name: PracticeName = "",
    force: Force = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Export a signed note for a kind of reader. Whether it may go to anybody is for `aside letter` to say, and a person."""
    if ((section is not None or preview) and form is not Form.text) or (section is not None and preview):
        raise typer.BadParameter("a section and a preview are text, and one or the other")
    from drafting.record import workbench

    if unsigned and (form is Form.fhir or preview or profile is not Profile.chart):
        raise typer.BadParameter("a draft is text or pdf, for the chart alone")
    shared.free(out, force)
    with opened() as practice:
        if unsigned:
            unlocked = shared.unlocked(practice, as_, passphrase_file)
            _allowed(practice, encounter, as_, "draft:read")
            if workbench.find(practice, encounter).state not in workbench.EDITABLE:
                raise NotPermitted(who=as_, reason="the note is signed: show or export it without --draft")
            body = rendering.draft(practice, encounter, unlocked.opener, form, practice_name, section)
        else:
            _allowed(practice, encounter, as_, "note:read", profile=profile.value)
            document = rendering.Signed.of(practice, encounter, profile.key, practice_name)
            body = document.preview() if preview else document.body(form, section)
        if not preview:
            facts = {"form": form.value, "profile": profile.value, "sha256": hashlib.sha256(body).hexdigest(), "draft": unsigned}
            _tell(practice, encounter, as_, "note:exported", **facts)
        shared.put(out, body, force)


def _allowed(practice: Practice, encounter: str, person: str, action: str, **facts: Any) -> None:
    """Written down, and then refused unless the person wrote the note, supervises it, treats the client now, or administers the practice; of what is
    signed, or keeps its records. Raises NotKnown, NotPermitted."""
    from drafting.record import people, workbench
    from drafting.types.record import Standing

    who, visit = shared.at_work(practice, person), workbench.find(practice, encounter)
    theirs = who.id in (visit.author, visit.supervisor, people.find_client(practice, visit.client).clinician)
    may = theirs or who.standing is Standing.ADMINISTRATOR or (who.standing is Standing.RECORDS and action == "note:read")
    _tell(practice, encounter, person, action, outcome="ok" if may else "denied", **facts)
    if not may:
        raise NotPermitted(who=person, reason="they did not write the note, and neither supervise, treat, administer nor keep the records here")


def _tell(practice: Practice, encounter: str, person: str, action: str, **facts: Any) -> None:
    from drafting.record import workbench

    with practice.change() as change:
        change.tell(person, action, subject=encounter, client=workbench.find(practice, encounter).client, **facts)


@app.command("hand-over")
def hand_over(encounter: EncounterId, as_: Me, yes: Yes = False) -> None:
    """For a practice whose chart is elsewhere: the note is in it, and our copy is destroyed. Digests and a receipt stay."""
    from drafting.record.retention import ending

    with opened() as practice:
        shared.sure(f"Is the note of {encounter} in the other chart? Our copy cannot be brought back.", yes)
        typer.echo(ending.hand_over(practice, encounter, shared.actor(practice, as_)))
