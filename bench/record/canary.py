"""Canaries: words that must be nowhere but under their keys, driven the product's whole way.

In: a place and the engines that draft. Out: everything that was written on the way, in a folder; what was found of the canaries there and in the
stores; figures. Knows no table. Three canaries: a sentence that routing made private at once, a sentence of the record that was moved to private
late, and a name that screening replaced. Beside them a signed sentence, which must be found in the exports: otherwise the search finds nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.record import places, provoked
from bench.record.figure import Figure, none_of
from bench.record.life import HOW, clearing
from bench.record.overheard import overheard
from bench.record.places import Place
from bench.record.scanning import Scan, scanned
from drafting.pipeline import Engines, Work, run
from drafting.record import backup, notes, retention, vault, workbench
from drafting.record.export import fhir, pdf, profiles, text
from drafting.record.export.parties import Parties
from drafting.record.practice import Practice
from drafting.record.review import reviewing
from drafting.record.store import in_folder
from drafting.record.store.tables.record import AUDIT
from drafting.record.vault import Why
from drafting.record.workbench import drafted, media
from drafting.record.workbench.moves import Reason
from drafting.types import Route
from drafting.types.record import Document
from drafting.types.review import Review
from tests.desks import DAY
from tests.dictated import work

CANARIES = {"routed at once": "marzipan zeppelin", "moved late": "ochre gondola", "a name": "Vantongeren"}
SIGNED = {"a signed sentence": "five-step grounding"}
TEXT = (
    "Client reported waking at three in the morning on four nights this week. "
    "Her brother-in-law Leopold Vantongeren drives her to work. "
    "Off the record, I felt bored and thought of the marzipan zeppelin at home. Back on the record.\n\n"
    "Client completed the ochre gondola worksheet and brought it to session. "
    "I taught a five-step grounding exercise and she practised it twice in session. "
    "She denied thoughts of suicide and named her daughter as a reason for living. "
    "Next session Tuesday at four."
)
_ROUTES = {"marzipan zeppelin": Route.PRIVATE, "ochre gondola": Route.RECORD, "Vantongeren": Route.RECORD}


@dataclass(frozen=True, slots=True)
class Driven:
    """What was done: the encounter, when it began, the folder of all that was written beside the stores; `errors`: the codes of what went wrong."""

    encounter: str
    since: float
    written: Path
    errors: tuple[str, ...]
    private: dict[str, str] = field(repr=False)


def dictation(engines: Engines) -> Work:
    """A finished draft with the canaries in it, each routed as a clinician decided, so that no other network changes the test."""
    first = work(engines, TEXT)
    routes = {p.statement.id: route for p in first.routed.placed for words, route in _ROUTES.items() if words in p.statement.text}
    return run(Work(first.transcript, first.context, first.note_format, decisions=routes), engines)


def driven(place: Place, done: Work, written: Path) -> Driven:
    """Drive the canaries from the draft to the shredded workbench. Everything that is written or said on the way is below `written`."""
    since = time.time()
    with overheard(written / "heard"), place.practice() as practice:
        encounter = _drafted(place, practice, done)
        errors = [*provoked.before_signing(place, practice, encounter)]
        review = _reviewed(place, practice, encounter, written)
        document = _signed(place, practice, review, written)
        errors += provoked.while_signed(place, practice, encounter)
        private = _read(place, practice, encounter)
        _backed_up(place, practice, written / "first")
        retention.lock(practice, encounter)
        notes.add(practice, place.trainee, encounter, "The client rang to say that the letter came.", "late information", HOW)
        document = notes.document(practice, encounter)
        _exported(document, written / "locked")
        errors += provoked.after_shredding(place, practice, encounter, written / "first")
        _backed_up(place, practice, written / "second")
        _told(practice, written)
    return Driven(encounter, since, written, tuple(errors), private)


def leaks(place: Place, done: Driven) -> Scan:
    """What is found of the canaries in any file of the stores and in all that was written."""
    _checkpoint(place)
    return scanned((place.files, done.written), CANARIES, since=done.since - 1)


def control(done: Driven) -> Scan:
    """Where the signed sentence is found among the exports."""
    return scanned((done.written / "signed", done.written / "locked"), SIGNED)


def said(done: Driven) -> Scan:
    """Where it, or a canary, is found in what was said and logged, errors with their tracebacks among it."""
    return scanned((done.written / "heard",), SIGNED | CANARIES)


# ── the way ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _drafted(place: Place, practice: Practice, done: Work) -> str:
    """Received with a recording that says the words too, and drafted by the worker."""
    encounter = workbench.receive(practice, place.clients[0], place.trainee.person, DAY)
    media.put(practice, encounter.id, "session", [TEXT.encode() * 700])
    drafted.stand(practice, encounter, done)
    return encounter.id


def _reviewed(place: Place, practice: Practice, encounter: str, written: Path) -> Review:
    """Edited by the author, with the late sentence moved to private; what stands is exported as a draft before and after."""
    author = place.trainee
    review = drafted.load(practice, encounter, author.opener)
    while after := clearing(practice, review, author.person):
        review = drafted.save(practice, after, by=author.person)
    source = _source(practice, place, encounter)
    late = next(s["id"] for s in source["statements"] if CANARIES["moved late"] in source["text"][s["start"] : s["end"]])
    review = drafted.move_private(practice, author, review, [late], reason=Reason.THIRD_PARTY)
    first = review.sentences[0]
    review = drafted.save(practice, reviewing.edit(review, first.id, first.text.replace("this week", "last week")), by=author.person)
    folder = _made(written / "draft")
    (folder / "draft.txt").write_text(text.draft_text(review), encoding="utf-8")
    (folder / "draft.pdf").write_bytes(pdf.draft(review, DAY))
    return review


def _source(practice: Practice, place: Place, encounter: str) -> dict[str, object]:
    """The source beside a draft, as its author sees it."""
    return json.loads(workbench.get(practice, encounter, drafted.SOURCE, None, place.trainee.opener)[1])


def _signed(place: Place, practice: Practice, review: Review, written: Path) -> Document:
    """Signed, opened again and signed as an amendment, cosigned; exported."""
    author, encounter = place.trainee, review.encounter
    notes.sign(practice, author, encounter, review.version, HOW)
    notes.reopen(practice, author.person, encounter)
    review = drafted.load(practice, encounter, author.opener)
    review = drafted.save(practice, reviewing.write(review, review.sections[-1][0], "A worksheet was given."), by=author.person)
    notes.sign(practice, author, encounter, review.version, HOW)
    notes.cosign(practice, place.supervisor, encounter, HOW)
    document = notes.document(practice, encounter)
    _exported(document, written / "signed")
    return document


def _exported(document: Document, folder: Path) -> None:
    """Every export of every profile."""
    parties = Parties("Larkspur Practice", "C-0142", "Wren Alder")
    every = profiles.keys()
    for key in every:
        view, here = profiles.apply(document, key, parties, screened={}), _made(folder / key)
        (here / "note.txt").write_text(text.whole(view, DAY), encoding="utf-8")
        (here / "note.pdf").write_bytes(pdf.whole(view, DAY))
        for section in profiles.standing(view.document).note.sections:
            (here / f"{section.key}.txt").write_text(text.section(view, section.key), encoding="utf-8")
        for number, package in enumerate(fhir.packages(view, document.signatures[0].at) if view.profile.fhir else ()):
            (here / f"{number}.bundle.json").write_bytes(package.bundle)
            (here / f"{number}.reference.json").write_bytes(package.reference)


def _read(place: Place, practice: Practice, encounter: str) -> dict[str, str]:
    """The private notes, by their author; one brought to supervision and read there."""
    there = [note.id for note in vault.listed(practice, place.trainee.person, encounter=encounter)]
    words = vault.read_all(practice, there, place.trainee, Why.OWN_TREATMENT)
    vault.share(practice, place.trainee, there[0], place.supervisor.person)
    vault.read(practice, there[0], place.supervisor, Why.SUPERVISION)
    return words


def _backed_up(place: Place, practice: Practice, folder: Path) -> None:
    """An archive, the key bundle, both looked through, and restored beside."""
    manifest = backup.create(practice, _made(folder))
    backup.bundle(practice, folder / "keys.bundle")
    backup.verify(practice, folder / manifest.file)
    stores = in_folder(folder / "restored")
    try:
        backup.restore(folder / manifest.file, folder / "keys.bundle", place.halves, stores, folder / "restored.key", now=practice.now())
    finally:
        stores.close()


def _told(practice: Practice, written: Path) -> None:
    """The audit trail, as it would be handed to somebody."""
    with practice.look() as connection:
        bodies = connection.scalars(AUDIT.select().with_only_columns(AUDIT.c.body).order_by(AUDIT.c.seq)).all()
    (written / "audit.jsonl").write_bytes(b"\n".join(bodies))
    (written / "audit.head").write_text(practice.audit_head().text(), encoding="utf-8")


def _checkpoint(place: Place) -> None:
    if place.engine == "postgresql":
        with place.practice() as practice, practice.stores.record.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("CHECKPOINT")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(engine: str, engines: Engines) -> Iterator[Figure]:
    """The figures on `engine`."""
    with places.place(engine) as place, places.folder() as written:
        done = driven(place, dictation(engines), written)
        scan, seen, heard = leaks(place, done), control(done), said(done)
    n = f"{scan.files:,} files, {scan.size / 1e6:,.0f} MB, {len(done.errors)} errors provoked"
    for name in CANARIES:
        yield none_of(f"canary: files with {name}", engine, n, len({found.file for found in scan.of(name)}))
    lines = f"{heard.size / 1e6:,.1f} MB of logs"
    yield none_of("canary: words of a note in logs and errors", engine, lines, len(heard.found))
    whole = sum(word in " ".join(done.private.values()) for word in list(CANARIES.values())[:2])
    yield Figure("canary: private sentences that their author still reads", engine, "2 sentences", str(whole), "2", whole == 2)
    files = len(seen.found)
    yield replace(Figure("canary: exports in which the signed sentence is found", engine, f"{seen.files} files", str(files), "> 0"), met=files > 0)
    for found in (scan.found + heard.found)[:20]:
        print(f"    {found.name}: {found.file} ({found.form})")
