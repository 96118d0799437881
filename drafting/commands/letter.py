"""`aside letter`: a letter arrived. What is asked and by when, what the rules say, what leaves, and the reply.

In: what a person read off the paper, as codes and dates; who approves; passphrases or the kit. Out: ids, rulings in words, files, drafts of replies.
It is not legal advice: what the rules do not know they deny, and a person decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drafting.commands import releasing, shared
from drafting.commands.reading import Opinions, approver, opinion, pause
from drafting.commands.rendering import Form
from drafting.commands.shared import As, Halves, Json, Me, PassphraseFile, opened, say
from drafting.console import emit
from drafting.record.release import Approver, Bucket, Fact, Ground, Instrument, Letter, Outcome, Pause, Requester
from drafting.record.release import say as words

if TYPE_CHECKING:
    from drafting.record.release import AmendmentDecision, Decision, Ruling
    from drafting.record.release.requests import Addressed, Filed

app = shared.group()

Request = Annotated[str, typer.Argument(metavar="REQUEST", help="An id that `aside letter list` shows.")]
Asked = Annotated[list[Bucket] | None, typer.Option("--asked", help="The record, the private notes; both, if not said.")]
Facts = Annotated[list[Fact] | None, typer.Option("--fact", help="What a person found to be so; may be given again. Nothing is assumed.")]
Forms = Annotated[list[str] | None, typer.Option("--form", metavar="ID", help="An authorization that came with it; may be given again.")]
Pauses = Annotated[list[Pause] | None, typer.Option("--pause", parser=pause, metavar="DAY..[DAY]", help="While identity was asked for (UK).")]
Answer = Annotated[date | None, typer.Option(parser=date.fromisoformat, metavar="DAY", help="A day that the paper itself sets.")]
Since = Annotated[date | None, typer.Option(parser=date.fromisoformat, metavar="DAY", help="Services from this day on.")]
Until = Annotated[date | None, typer.Option(parser=date.fromisoformat, metavar="DAY", help="Services up to this day.")]
Encounters = Annotated[list[str] | None, typer.Option("--encounter", metavar="ID", help="Of this visit alone; may be given again.")]
Notes = Annotated[list[str] | None, typer.Option("--note", metavar="ID", help="This private note alone; may be given again.")]
Sender = Annotated[str, typer.Option(help="The practice's name, over the reply.")]
To = Annotated[str, typer.Option("--to", help="Who is written to.")]
Theirs = Annotated[str | None, typer.Option(help="Their own reference, such as a docket number.")]
Complaints = Annotated[str | None, typer.Option(help="Whom in the practice to complain to, and how.")]
Pages = Annotated[int | None, typer.Option(min=1, help="Of what is enclosed.")]


@app.command()
def enter(
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="Whom it is about, by pseudonym.")],
    requester: Annotated[Requester, typer.Option("--from", help="Who asks.")],
    instrument: Annotated[Instrument, typer.Option("--with", help="With what paper; letter: asking, and nothing more.")],
    received: Annotated[date, typer.Option(parser=date.fromisoformat, metavar="DAY", help="When it came, such as 2026-03-31.")],
    asked: Asked = None,
    fact: Facts = None,
    form: Forms = None,
    opinion_file: Opinions = None,
    pauses: Pauses = None,
    answer_by: Answer = None,
    since: Since = None,
    until: Until = None,
    encounter: Encounters = None,
    note: Notes = None,
    paper: Annotated[Path | None, typer.Option(metavar="FILE", help="A scan of it: its SHA-256 is kept, the file is not.")] = None,
    as_: As = None,
    as_json: Json = False,
) -> None:
    """Enter a letter that arrived. Its deadline is set, and where the rules say so nothing of the client's may be destroyed from now on."""
    from drafting.record.release import requests
    from drafting.record.release.requests import Extent

    digest = hashlib.sha256(shared.bytes_of(paper)).hexdigest() if paper else None
    extent = Extent(since, until, tuple(encounter or ()), tuple(note or ()))
    stated = {"facts": fact or (), "forms": form or (), "pauses": pauses or (), "opinion": opinion(opinion_file), "extent": extent}
    with opened() as practice:
        by = shared.actor(practice, as_)
        more = {"asked": asked or tuple(Bucket), "answer_by": answer_by, "sha256": digest, "by": by}
        filed = requests.enter(practice, client, requester, instrument, received, **stated, **more)
    _show([filed], as_json)


@app.command()
def restate(
    request: Request,
    fact: Facts = None,
    form: Forms = None,
    opinion_file: Opinions = None,
    pauses: Pauses = None,
    answer_by: Answer = None,
    as_: As = None,
    as_json: Json = False,
) -> None:
    """What was found out since: a form that came, an extension, a clock that stopped. What is given takes the place of what stood."""
    from drafting.record.release import requests

    stated = {"facts": fact, "forms": form, "pauses": pauses, "opinion": opinion(opinion_file), "answer_by": answer_by}
    with opened() as practice:
        filed = requests.restate(practice, request, shared.actor(practice, as_), **stated)
    _show([filed], as_json)


@app.command("list")
def list_(client: Annotated[str | None, typer.Option(metavar="CLIENT", help="About one client.")] = None, as_json: Json = False) -> None:
    """Letters that wait for an answer, the most urgent first; and releases of which nobody has said yet whether the words left."""
    from drafting.record.release import disclosing, requests

    with opened() as practice:
        _show(requests.open_requests(practice, client), as_json)
        for cut in disclosing.unsettled(practice):
            say(f"aside: release {cut.disclosure} of {cut.request} was cut. Did the words leave? `aside letter settle {cut.disclosure}`.")


@app.command()
def decide(
    request: Request,
    bucket: Annotated[Bucket, typer.Option(help="Of a change that is asked for: to which.")] = Bucket.RECORD,
    reviewed: Annotated[bool, typer.Option("--reviewed", help="Of a change: a person has looked for grounds of refusal.")] = False,
    ground: Annotated[list[Ground] | None, typer.Option(help="Of a change: a ground of refusal that was found; may be given again.")] = None,
    as_: As = None,
    as_json: Json = False,
) -> None:
    """What the rules say today, which is written down. Nothing leaves by this."""
    from drafting.record.release import requests

    with opened() as practice:
        by = shared.actor(practice, as_)
        if requests.find(practice, request).request.instrument is Instrument.AMENDMENT_REQUEST:
            _show_change(requests.decide_change(practice, request, bucket, by, grounds=ground or (), reviewed=reviewed), bucket, as_json)
        else:
            _show_decision(requests.decide(practice, request, by), as_json)


@app.command()
def release(
    request: Request,
    as_: Me,
    recipient: Annotated[str, typer.Option("--to", help="Who receives it, and where: for the accounting of disclosures.")],
    purpose: Annotated[str, typer.Option(help="What for: at_request, treatment, payment, proceedings, …")],
    approve: Annotated[list[Approver], typer.Option(parser=approver, metavar="ROLE=PERSON", help="Says yes as originator, privacy_officer, staff.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new folder, closed to others.")],
    bucket: Annotated[list[Bucket] | None, typer.Option(help="What of it goes now; all that may, if not said.")] = None,
    form: Annotated[Form, typer.Option(help="Of the record: text or pdf.")] = Form.pdf,
    opened_by: Annotated[releasing.Key, typer.Option("--private-by", help="What opens private notes: nothing, the author's passphrase, the kit.")] = (
        releasing.Key.nothing
    ),
    said: Annotated[str, typer.Option(help="A brief description, for the accounting.")] = "",
    practice_name: Annotated[str, typer.Option("--practice", help="The practice's name, to stand over the notes.")] = "",
    passphrase_file: PassphraseFile = None,
    halves: Halves = None,
) -> None:
    """Let go what the rules allow today and these people approve. It is accounted for before anything is opened. Private notes lie apart."""
    if form is Form.fhir:
        raise typer.BadParameter("what is released is text or pdf")
    with opened() as practice:
        shared.at_work(practice, as_)
        keys = releasing.keys(practice, opened_by, as_, passphrase_file, halves)
        given = {"recipient": recipient, "purpose": releasing.purpose(purpose), "buckets": bucket or tuple(Bucket), "said": said}
        releasing.prepare(out, form)
        package, written = releasing.release(practice, request, approve, out, form, practice_name, by=as_, **given, **keys)
    for file in written:
        typer.echo(file)
    for line in releasing.remarks(package):
        say(f"aside: {line}")


@app.command()
def settle(
    disclosure: Annotated[str, typer.Argument(metavar="RELEASE", help="An id that `aside letter list` tells of.")],
    as_: Me,
    left: Annotated[bool, typer.Option("--left/--stayed", help="Whether the words left.")],
) -> None:
    """Say of a release that was cut whether the words left: then its account stands, or else it is void."""
    from drafting.record.release import disclosing

    with opened() as practice:
        disclosing.settle(practice, disclosure, left=left, by=shared.actor(practice, as_))
    typer.echo(f"{disclosure}: {'left' if left else 'nothing left'}.")


@app.command()
def deny(
    request: Request,
    sender: Sender,
    to: To,
    reference: Theirs = None,
    complaints: Complaints = None,
    pages: Pages = None,
    as_: As = None,
) -> None:
    """Draft the reply to what the rules do not allow, and why. A person reads, changes and signs it."""
    from drafting.record.release import requests

    with opened() as practice:
        drafts = requests.deny(practice, request, _addressed(sender, to, reference, complaints), shared.actor(practice, as_), pages=pages)
    typer.echo("\n\f\n".join(drafts), nl=False)
    if not drafts:
        say("aside: the rules name no letter for this: write it yourself. `aside letter decide` says why it stays.")


@app.command()
def reply(
    request: Request,
    letter: Annotated[Letter, typer.Argument(metavar="LETTER", help="Such as acknowledgement.")],
    sender: Sender,
    to: To,
    reference: Theirs = None,
    complaints: Complaints = None,
    pages: Pages = None,
    why: Annotated[list[str] | None, typer.Option("--because", metavar="CODE", help="A reason that the letter says; may be given again.")] = None,
    as_: As = None,
) -> None:
    """Draft any other reply. A person reads, changes and signs it."""
    from drafting.record.release import requests

    with opened() as practice:
        who = _addressed(sender, to, reference, complaints)
        typer.echo(requests.draft(practice, request, letter, who, shared.actor(practice, as_), pages=pages, codes=why or ()), nl=False)


@app.command()
def escalate(request: Request, to: Annotated[str, typer.Option("--to", metavar="PERSON", help="Who sees to it.")], as_: As = None) -> None:
    """Hand it to the privacy officer, or whoever speaks with counsel. A task falls due for them at once."""
    from drafting.record.release import requests

    with opened() as practice:
        requests.escalate(practice, request, to, shared.actor(practice, as_))
    typer.echo(f"{request} is with {to}.")


@app.command()
def close(request: Request, as_: As = None) -> None:
    """It is answered. What it holds stays held until a person lifts it."""
    from drafting.record.release import requests

    with opened() as practice:
        standing = requests.close(practice, request, shared.actor(practice, as_))
    typer.echo(f"{request} is closed.")
    for hold in standing:
        say(f"aside: hold {hold} stands. If nothing else needs it: `aside hold lift {hold}`.")


# ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _addressed(sender: str, to: str, reference: str | None, complaints: str | None) -> Addressed:
    from drafting.record.release.requests import Addressed

    return Addressed(sender, to, reference, complaints)


def _show(found: Sequence[Filed], as_json: bool) -> None:
    shared.rows("aside.letter/1", [_row(f) for f in found], as_json)


def _row(f: Filed) -> dict[str, object]:
    head = {"request": f.id, "client": f.client, "from": f.request.requester.value, "with": f.request.instrument.value}
    return head | {"received": f.request.received.isoformat(), "answer_by": f.due.isoformat() if f.due else None}


def _show_decision(decision: Decision, as_json: bool) -> None:
    if as_json:
        rulings = [_plain(r) for r in decision.rulings]
        facts = {"request": decision.request, "pack": decision.pack, "version": decision.version, "due": decision.due and decision.due.isoformat()}
        emit({"schema": "aside.decision/1", **facts, "banners": list(decision.banners), "rulings": rulings})
        return
    for code in decision.banners:
        typer.echo(words(code))
    for ruling in decision.rulings:
        typer.echo(f"{ruling.bucket}: {ruling.outcome} ({ruling.rule}, {decision.pack or 'no rules'})")
        for code in (*ruling.reasons, *ruling.notices, *ruling.steps):
            typer.echo(f"  {words(code)}")
        if ruling.outcome is Outcome.ALLOW:
            if ruling.minimum_necessary:
                typer.echo(f"  {releasing.NO_MORE}")
            typer.echo(f"  Approval by: {ruling.approval.replace('_', ' ')}")
        for letter in ruling.letters:
            typer.echo(f"  A reply can be drafted: {letter}")
    typer.echo(f"Answer by: {decision.due or 'no day is set'}")


def _plain(ruling: Ruling) -> dict[str, object]:
    names = ("reasons", "notices", "steps", "evidence", "letters", "withheld")
    head = {"bucket": ruling.bucket.value, "outcome": ruling.outcome.value, "rule": ruling.rule, "approval": ruling.approval.value}
    return head | {"minimum_necessary": ruling.minimum_necessary} | {name: list(map(str, getattr(ruling, name))) for name in names}


def _show_change(decision: AmendmentDecision, bucket: Bucket, as_json: bool) -> None:
    codes = (*decision.reasons, *decision.rights, *decision.steps)
    if as_json:
        facts = {"request": decision.request, "pack": decision.pack, "due": decision.due and decision.due.isoformat(), "codes": list(codes)}
        emit({"schema": "aside.change/1", **facts, "bucket": bucket.value, "outcome": decision.outcome.value, "letter": decision.letter})
        return
    typer.echo(f"{bucket}: {decision.outcome} ({decision.pack or 'no rules'})")
    for code in codes:
        typer.echo(f"  {words(code)}")
    if decision.letter:
        typer.echo(f"  A reply can be drafted: {decision.letter}")
    typer.echo(f"Answer by: {decision.due or 'no day is set'}")
