"""The steps of a job: a visit's words, from what was taken in to a draft that stands. Each may be cut anywhere and done again.

In: an encounter's id, a practice, and how engines are made. Out: nothing; between steps the transcript and the draft lie sealed on the workbench.
Knows no queue. What is cheap and always the same (reading, routing) is done again rather than kept. Once the draft stands, what lay between the steps
is destroyed: the transcript holds every word, the private ones too, and the source that stays is blacked out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from sqlalchemy import select, update

from drafting.errors import AsideError, Conflict, EngineFailed, Held, KeyMissing, NoSpeech, NotKnown, OurFault, RecordError, StoreFailed
from drafting.jobs import keeping
from drafting.jobs.sound import Sealed
from drafting.pipeline import READING, WRITING, Engines, Work, formats, parts, run
from drafting.pipeline.source import LIMIT_BYTES, heard, mode_of, read_source
from drafting.ports import Transcriber
from drafting.record import workbench
from drafting.record.holds import refuse_held
from drafting.record.keys import WORKER, Opener
from drafting.record.keys.scrubbing import NotScrubbed
from drafting.record.practice import Practice
from drafting.record.store.tables.record import ENCOUNTERS, MEDIA, WORK
from drafting.record.workbench import drafted, visits
from drafting.record.workbench.media import NotWhole
from drafting.record.workbench.visits import RECORDING, TYPED, Visit
from drafting.types import Draft, Mode, Recording, Route, Routed, Transcript
from drafting.types.record import Encounter, Stage

TRANSCRIPT, DRAFT = "transcript", "draft"
MAY_PASS = (StoreFailed, EngineFailed, NotScrubbed, Conflict)
"""What may be otherwise when it is tried again: a store or a model's server that is down, another writer."""

_ORDER = (Stage.RECEIVED, Stage.TRANSCRIBED, Stage.ROUTED, Stage.DRAFTED)

Told = Callable[[str, float | None], None]
"""Hears how far a step is: its name, and the share of it that is done, 0 to 1, or None where that is not known. What it raises ends the step."""

Writing = Callable[[str, int], None]


class NotLent(RecordError):
    """The time in which {id} may be worked on is over. Its author unlocks their keys and hands it over again; then it can be tried once more."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the steps call. `engines` makes those that draft, for a writer's name and somebody who hears how far a generative one is; `transcriber`
    makes the one of that name; both raise where it is not there. `formats`: a folder of the practice's own; `max_hours` of a recording."""

    engines: Callable[[str, Writing | None], Engines]
    transcriber: Callable[[str], Transcriber]
    formats: Path | None = None
    max_hours: float = 6.0


def walk(practice: Practice, encounter: str, tools: Tools, told: Told | None = None) -> None:
    """Do every step that is not done yet. Raises what the first that fails raises; the encounter is not marked for it (`failed`)."""
    for step in STEPS:
        take(step, practice, encounter, tools, told)


def take(step: str, practice: Practice, encounter: str, tools: Tools, told: Told | None = None, *, last: bool = True) -> None:
    """Do one of `STEPS`, unless the draft stands already. `last` False: it will be tried again, so that a model's server that is down is not made up
    for yet. Raises InputError for words that cannot be used, KeyMissing where the worker's time is up, and engines' own errors."""
    there = workbench.find(practice, encounter)
    job = _Job(practice, there, tools, told or _nobody, last)
    if there.version:
        _ended(practice, there)
        return
    job.told(step, None)
    _STEPS[step](job)


def medium(practice: Practice, encounter: str) -> str:
    """In which medium an encounter's words are here. Raises NotKnown, and NotWhole before they all are."""
    workbench.find(practice, encounter)
    with practice.look() as connection:
        whole = set(connection.scalars(select(MEDIA.c.name).where(MEDIA.c.encounter == encounter, MEDIA.c.last == 1)))
    if not whole & {RECORDING, TYPED}:
        raise NotWhole(name=encounter, size=0)
    return RECORDING if RECORDING in whole else TYPED


def failed(practice: Practice, encounter: str, error: Exception) -> str:
    """Mark the encounter as failed, by a code, unless its draft stands or it has failed already. Returns the code."""
    code = code_of(error)
    there = workbench.find(practice, encounter)
    if not there.version and there.stage is not Stage.FAILED:
        workbench.progress(practice, encounter, Stage.FAILED, code)
    if not there.version and workbench.find(practice, encounter).version:  # it came to stand in that very moment
        workbench.progress(practice, encounter, Stage.DRAFTED)
    return code


def lent(practice: Practice, encounter: str) -> None:
    """Raise NotLent unless the worker may open an encounter; Shredded, NotKnown."""
    workbench.find(practice, encounter)
    try:
        workbench.own(practice, encounter, workbench.worker(practice))
    except KeyMissing:
        raise NotLent(id=encounter) from None


def reopened(practice: Practice, encounter: str) -> None:
    """An encounter that failed is on its way again."""
    if workbench.find(practice, encounter).stage is Stage.FAILED:
        workbench.progress(practice, encounter, Stage.RECEIVED)


def finish(practice: Practice, busy: Callable[[str], bool] | None = None) -> int:
    """Destroy what lies between steps though the draft stands: a hold that kept it was lifted, or it could not be destroyed then. Encounters with
    which a worker is `busy` are left to it. Returns how many it was."""
    between = select(WORK.c.encounter).where(WORK.c.kind.in_((TRANSCRIPT, DRAFT)))
    standing = select(ENCOUNTERS.c.id).where(ENCOUNTERS.c.id.in_(between), ENCOUNTERS.c.stage == Stage.DRAFTED.value)
    with practice.look() as connection:
        ids = connection.scalars(standing).all()
    return sum(_ended(practice, workbench.find(practice, one)) for one in ids if busy is None or not busy(one))


def code_of(error: BaseException) -> str:
    """What to call an error where no words may be kept."""
    return in_our_words(error).code


def in_our_words(error: BaseException) -> AsideError:
    """The same error, with a message that may be logged."""
    return error if isinstance(error, AsideError) else OurFault.of(error)


@dataclass(frozen=True)
class _Job:
    """One encounter on its way."""

    practice: Practice
    encounter: Encounter
    tools: Tools
    told: Told
    last: bool

    @property
    def id(self) -> str:
        return self.encounter.id

    @cached_property
    def opener(self) -> Opener:
        return workbench.worker(self.practice)

    @cached_property
    def visit(self) -> Visit:
        return visits.get(self.practice, self.id, self.opener)

    def kept(self, kind: str) -> bytes | None:
        """The latest work of a kind, if there is any. Raises Shredded, KeyMissing."""
        try:
            return workbench.get(self.practice, self.id, kind, None, self.opener)[1]
        except NotKnown:
            return None

    def keep(self, kind: str, body: bytes, statements: tuple[str, ...] = ()) -> None:
        """Keep what a step has made. Raises Conflict where another worker was first."""
        workbench.put(self.practice, self.id, kind, 1, body, statements=statements, by=WORKER)

    def reached(self, stage: Stage) -> None:
        now = workbench.find(self.practice, self.id).stage
        if now in _ORDER and _ORDER.index(now) < _ORDER.index(stage):
            workbench.progress(self.practice, self.id, stage)


# ── transcribe ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _transcribe(job: _Job) -> None:
    if job.kept(TRANSCRIPT) is None:
        sealed = Sealed(job.practice, job.id, job.visit.media, job.opener)
        with job.practice.keyring.remembering():
            made = _heard(job, sealed) if job.visit.media == RECORDING else read_source(sealed.head(LIMIT_BYTES + 1), job.visit.suffix)
        job.keep(TRANSCRIPT, keeping.transcript_bytes(made))
    job.reached(Stage.TRANSCRIBED)


def _heard(job: _Job, sealed: Sealed) -> Transcript:
    from drafting.pipeline.audio import open_recording

    recording: Recording = open_recording(sealed, job.tools.max_hours)
    transcriber = job.tools.transcriber(job.visit.asr)
    utterances = []
    for utterance in transcriber.transcribe(recording):
        utterances.append(utterance)
        if utterance.end is not None:
            job.told("transcribe", min(1.0, utterance.end / recording.seconds) if recording.seconds else None)
    if not any(u.text.strip() for u in utterances):
        raise NoSpeech()
    return heard(utterances, transcriber.name, transcriber.preview)


# ── read ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read(job: _Job) -> None:
    """The statements become known: the transcript is marked with those whose words it holds, so that it goes where one of them goes."""
    work = _routed(job, _engines(job, None))
    ids = workbench.joined_ids(p.statement.id for p in work.routed.placed)
    with job.practice.look() as connection:
        marked = workbench.latest(connection, job.id, TRANSCRIPT)[1]
    if marked != frozenset(ids.split()):
        with job.practice.change() as change:
            row = workbench.row_of(change.connection, job.id)
            mine = (WORK.c.encounter == job.id) & (WORK.c.kind == TRANSCRIPT)
            change.connection.execute(update(WORK).where(mine).values(statements=ids))
            change.tell(WORKER, "work:read", subject=job.id, client=row.client, statements=len(work.routed.placed))
    job.reached(Stage.ROUTED)


def _routed(job: _Job, engines: Engines) -> Work:
    """The words read and routed."""
    body = job.kept(TRANSCRIPT)
    if body is None:
        raise NotKnown(what=TRANSCRIPT, id=job.id)
    transcript = keeping.transcript_of(body)
    context = visits.context(job.practice, job.encounter, job.visit)
    context = replace(context, mode=Mode(job.visit.mode) if job.visit.mode else mode_of(transcript))
    work = Work(transcript, context, formats.load(job.visit.format, job.tools.formats))
    return _own(run(work, engines, READING))


def _own(work: Work) -> Work:
    """What was said for somebody else's note is held, for the clinician to place: nothing of it is written into this client's."""
    own = next((p.statements for p in parts.divide(work.statements) if p.whose == parts.OWN), frozenset())
    placed = tuple(p if p.route is not Route.RECORD or p.statement.id in own else replace(p, route=Route.HELD) for p in work.routed.placed)
    record = tuple(s for s in work.routed.record if s.id in own)
    return replace(work, routed=Routed(placed, record, work.routed.risk_items, work.routed.prompts))


# ── write ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write(job: _Job) -> None:
    if job.kept(DRAFT) is not None:
        return
    engines = _engines(job, _Sections(job))
    try:
        work = _routed(job, engines)
        draft = _written(job, work, engines)
    finally:
        _close(engines)
    job.keep(DRAFT, keeping.draft_bytes(draft, keeping.basis(work.routed, work.note_format)), tuple(s.id for s in work.routed.record))


def _written(job: _Job, work: Work, engines: Engines) -> Draft:
    """The draft as its writer left it. A section that a generative writer's engine failed at is the plain writer's, but only at the last try."""
    draft = run(work, engines, WRITING[:1]).draft
    if not job.last and any(f.reason == "failed" for f in draft.fallbacks):
        raise EngineFailed(name=job.visit.writer, reason="it answered nothing")
    return draft


class _Sections:
    """Tells how many sections a generative writer has begun and left behind."""

    def __init__(self, job: _Job) -> None:
        self._job, self._begun = job, dict[str, None]()

    def __call__(self, section: str, _tokens: int) -> None:
        self._begun[section] = None
        count = len(formats.load(self._job.visit.format, self._job.tools.formats).sections)
        self._job.told("write", (len(self._begun) - 1) / count)


def _engines(job: _Job, writing: Writing | None) -> Engines:
    return job.tools.engines(job.visit.writer if writing else "plain", writing)


def _close(engines: Engines) -> None:
    """End what a generative writer keeps running."""
    if end := getattr(engines.writer, "close", None):
        end()


# ── screen ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _screen(job: _Job) -> None:
    engines = _engines(job, None)
    work = _routed(job, engines)
    body = job.kept(DRAFT)
    draft = keeping.draft_of(body, work.note_format, keeping.basis(work.routed, work.note_format)) if body else None
    if draft is None:  # read on another machine, or by newer rules, the words were cut otherwise
        writers = _engines(job, _Sections(job))
        try:
            draft = _written(job, work, writers)
        finally:
            _close(writers)
    drafted.stand(job.practice, job.encounter, run(replace(work, draft=draft), engines, WRITING[1:]), zone=job.visit.zone)
    _ended(job.practice, job.encounter)


def _ended(practice: Practice, encounter: Encounter) -> bool:
    """The draft stands: no key of it is left with the worker, and what lay between the steps is destroyed; under a hold it stays, as all does. False
    where nothing was destroyed."""
    if workbench.find(practice, encounter.id).stage is not Stage.DRAFTED:
        workbench.progress(practice, encounter.id, Stage.DRAFTED)
    with practice.look() as connection:
        mine = (WORK.c.encounter == encounter.id) & WORK.c.kind.in_((TRANSCRIPT, DRAFT))
        keys = connection.scalars(select(WORK.c.key).where(mine)).all()
        try:
            refuse_held(connection, encounter.client)
        except Held:
            return False
    if keys:
        practice.keyring.shred(keys, reason="drafted", now=practice.now())
        with practice.change() as change:
            workbench.forget(change, encounter.id, keys, by=WORKER)
    return bool(keys)


def _nobody(_step: str, _share: float | None) -> None:
    """Nobody hears how far it is."""


_STEPS: Mapping[str, Callable[[_Job], None]] = {"transcribe": _transcribe, "read": _read, "write": _write, "screen": _screen}
STEPS = tuple(_STEPS)
