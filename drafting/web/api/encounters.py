"""Taking in over the wire: words typed, or a recording in pieces; how far they are; the recording again for whoever made it.

In: text as JSON, sound as a stream of bytes. Out: encounters, how much is stored, progress. Knows no step of a job and no codec. What is answered
for is on disk. A stream is never held whole: its blocks go to the sealed store as they come.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Literal

import anyio
from anyio import from_thread
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import Field, StringConstraints
from starlette.requests import ClientDisconnect

from drafting.errors import Conflict, EmptyInput, RecordError
from drafting.jobs.way import NotLent
from drafting.pipeline import elements, formats
from drafting.record import workbench
from drafting.record.workbench import lending, media, visits
from drafting.record.workbench.visits import RECORDING, TYPED, Visit
from drafting.types.record import Encounter, Stage
from drafting.types.visit import Mode
from drafting.web.access import Asked, Asking, mine, stands_as, told, untold
from drafting.web.acts import Code, Day, Id
from drafting.web.api.clients import treated
from drafting.web.api.queue import WRITES
from drafting.web.schemas import EncounterId, EncounterOut, In, Out, Zone
from drafting.web.security import takes

router = APIRouter(prefix="/api/v1/encounters", tags=["encounters"])

MOST = 4 * 2**30
"""Bytes of a recording that are taken."""
TEXT = 8_000_000
"""Bytes of a body that brings typed words: a million characters, whatever JSON makes of them."""
EVERY, STREAMED = 1.0, 600.0
"""Seconds between two looks at a job's progress, and after which a browser asks for the stream anew."""

_ANY = "application/octet-stream"
_BYTES = {"requestBody": {"description": "The bytes.", "content": {_ANY: {"schema": {"type": "string", "format": "binary"}}}}}
_SOUND = {"description": "The bytes.", "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (_ANY, "audio/*", "video/*")}}
_EVENT = {"type": "object", "properties": {"event": {"const": "progress"}, "data": {"type": "string", "description": "A ProgressOut, as JSON."}}}
_STREAM = {"description": "Events, each time something has changed.", "content": {"text/event-stream": {"schema": _EVENT}}}
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_RANGE = re.compile(r"bytes=(\d{1,12})?-(\d{1,12})?")


class KeyReused(Conflict):
    """That key was used for another upload. Nothing was changed; give a new upload a key of its own."""


class OutOfStep(Conflict):
    """The recording is stored up to byte {stored}. Send it from there."""

    def __init__(self, *, stored: int) -> None:
        super().__init__(stored=stored)
        self.stored = stored


class Typed(Conflict):
    """The words of this visit were typed: no recording belongs to it. Begin another for a recording."""


class NoSuchRange(RecordError):
    """The recording has no such bytes: it is {size} long."""

    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        self.headers = {"Content-Range": f"bytes */{size}"}


class EncounterIn(In):
    """A visit to write a note of: with its words, or begun for a recording that is sent next."""

    client: Id = Field(description="Whose visit it was.")
    service_date: Day | None = Field(default=None, description="The day of the visit.")
    text: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)] | None = Field(
        default=None, repr=False, description="The words, typed or pasted; without them a recording is awaited."
    )
    suffix: Annotated[str, StringConstraints(pattern=r"^\.[a-z0-9]{1,8}$")] = Field(default=".txt", description="What kind of file the words are.")
    format: Code = Field(default="soap", description="The format's key.")
    mode: Mode | None = Field(default=None, description="A dictation or a recorded session; told from the speakers, if not given.")
    note_kind: Code = Field(default="session", description="The kind of note.")
    zone: Zone = Field(default="UTC", description="The time zone in which the hour was held, an IANA name.")
    writer: Literal["plain", "llm"] = Field(default="plain", description="Who writes the draft.")
    asr: Literal["auto", "whisper", "pocketsphinx"] = Field(default="auto", description="What hears a recording.")


class StoredOut(Out):
    """How much of a recording is safely stored."""

    size: int = Field(description="Bytes: where the next piece begins.")
    whole: bool = Field(description="Whether its end was received.")


class ProgressOut(Out):
    """How far the words are on their way to a draft."""

    encounter: str = Field(description="The encounter's id.")
    step: str | None = Field(description="What is being done: transcribe, read, write or screen.")
    share: float | None = Field(description="How much of it is done, 0 to 1, where that is known.")
    left: float | None = Field(description="Seconds that are left, where that is known.")
    failure: str | None = Field(description="Why it failed, a code.")
    done: bool = Field(description="Whether the draft stands.")


@router.post("", status_code=201, dependencies=[Depends(stands_as(*WRITES))])
@takes(TEXT)
def take_in(
    asked: Asked,
    given: EncounterIn,
    response: Response,
    key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", pattern=r"^[!-~]{1,128}$", description="The same key and client again are the same encounter."),
    ] = None,
) -> EncounterOut:
    """Begin an encounter of one's own client: with its words, which are then drafted, or for a recording that is sent next."""
    treated(asked, given.client)
    formats.load(given.format, asked.desk.formats)
    elements.kind(given.note_kind)
    if given.text is not None and not given.text.strip():
        raise EmptyInput()
    name = None if key is None else _id_of(asked, key, given.client)
    there = workbench.receive(asked.practice, given.client, asked.person.id, given.service_date, id=name)
    if there.service_date != given.service_date:
        raise KeyReused()
    _visit(asked, there, given)
    if given.text is not None:
        _words(asked, there, given.text.encode())
        _submit(asked, there)
    response.headers["Location"] = f"/api/v1/encounters/{there.id}"
    return EncounterOut.model_validate(mine(asked, there.id))


@router.get("/{encounter}")
@told("encounter:read")
def read_encounter(asked: Asked, encounter: EncounterId) -> EncounterOut:
    """An encounter, and how far its note is."""
    return EncounterOut.model_validate(mine(asked, encounter, supervising=True))


# ── a recording ───────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{encounter}/recording/stored")
@untold("ids and counts alone")
def read_stored(asked: Asked, encounter: EncounterId) -> StoredOut:
    """How much of a recording is safely stored: where a cut upload goes on."""
    mine(asked, encounter)
    return StoredOut.model_validate(media.received(asked.practice, encounter, RECORDING))


@router.put("/{encounter}/recording", openapi_extra=_BYTES)
@takes(MOST)
async def put_recording(
    request: Request,
    asked: Asked,
    encounter: EncounterId,
    start: Annotated[int, Query(ge=0, le=MOST, description="The byte from which this piece goes on: what is stored so far.")],
    last: Annotated[bool, Query(description="Whether the recording ends with this piece.")] = False,
) -> StoredOut:
    """The next piece of a recording, as bare bytes. What does not fill a chunk is stored with the last piece alone, so the answer says from where to
    send. With the last, the words are drafted."""
    try:
        stored = await run_in_threadpool(_take, asked, encounter, _blocks(request), start, last)
    except ClientDisconnect:  # whole chunks are kept, and nobody hears the answer
        stored = await run_in_threadpool(media.received, asked.practice, encounter, RECORDING)
    return StoredOut.model_validate(stored)


@router.get("/{encounter}/recording", response_class=StreamingResponse, responses={200: _SOUND, 206: _SOUND})
@told("media:played")
def play(asked: Asked, encounter: EncounterId, wanted: Annotated[str | None, Header(alias="Range", description="Which bytes.")] = None) -> Response:
    """The recording, whole or some of its bytes, for whoever made it: it holds the asides too."""
    mine(asked, encounter)
    unlocked, size = asked.unlocked(), media.received(asked.practice, encounter, RECORDING).size
    start, end = _range(wanted, size)
    kind = mimetypes.guess_type(f"x{visits.get(asked.practice, encounter, unlocked.opener).suffix}")[0] or ""
    kind = kind if kind.startswith(("audio/", "video/")) else _ANY
    pieces = media.read(asked.practice, encounter, RECORDING, unlocked.opener, start, end)
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - start), "Cache-Control": "no-store"}
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(pieces, 206 if wanted else 200, headers, kind)


# ── how far it is ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{encounter}/progress")
@untold("ids and counts alone")
def read_progress(asked: Asked, encounter: EncounterId) -> ProgressOut:
    """How far the words are on their way to a draft."""
    mine(asked, encounter)
    return _progress(asked, encounter)


@router.get("/{encounter}/events", response_class=StreamingResponse, responses={200: _STREAM})
@told("job:followed")
def stream_progress(asked: Asked, encounter: EncounterId) -> Response:
    """The same as server-sent events, each time it changes, until the draft stands or the job failed."""
    mine(asked, encounter)
    return StreamingResponse(_events(asked, encounter), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.post("/{encounter}/cancel")
@told("job:cancelled")
def cancel(asked: Asked, encounter: EncounterId) -> ProgressOut:
    """Stop drafting. What was taken in stays."""
    mine(asked, encounter)
    asked.desk.jobs.cancel(encounter)
    return _progress(asked, encounter)


@router.post("/{encounter}/retry")
@told("job:retried")
def retry(asked: Asked, encounter: EncounterId) -> ProgressOut:
    """Draft again what failed or was stopped. Where the worker's time with it is over, it is lent again, which takes one's keys."""
    mine(asked, encounter)
    try:
        asked.desk.jobs.retry(encounter)
    except NotLent:
        lending.lend(asked.practice, encounter, asked.unlocked().opener)
        asked.desk.jobs.retry(encounter)
    return _progress(asked, encounter)


def _progress(asking: Asking, encounter: str) -> ProgressOut:
    return ProgressOut.model_validate(asking.desk.jobs.progress(encounter))


async def _events(asking: Asking, encounter: str) -> AsyncIterator[str]:
    before, end = None, anyio.current_time() + STREAMED
    while True:
        now = await run_in_threadpool(_progress, asking, encounter)
        if now != before:
            yield f"event: progress\ndata: {now.model_dump_json()}\n\n"
        if now.done or now.failure or anyio.current_time() + EVERY > end:
            return
        before = now
        await anyio.sleep(EVERY)


# ── taking in ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _id_of(asking: Asking, key: str, client: str) -> str:
    """An encounter's id that the same person, key and client always give, and that nobody can work out."""
    asked_for = hashlib.sha256("\n".join((asking.person.id, client, key)).encode()).hexdigest()
    number = int.from_bytes(asking.practice.token(asked_for), "big")
    return "E" + "".join(_LETTERS[number >> 5 * place & 31] for place in range(15))


def _visit(asking: Asking, there: Encounter, given: EncounterIn) -> None:
    """Keep what the words come with, once. Raises KeyReused where it came with something else before; Locked where nobody can look."""
    named = ("format", "mode", "note_kind", "suffix", "zone", "writer", "asr")
    visit = Visit(media=RECORDING if given.text is None else TYPED, **{name: getattr(given, name) for name in named})
    with asking.practice.look() as connection:
        kept, _ = workbench.latest(connection, there.id, visits.VISIT)
    if not kept:
        visits.put(asking.practice, there.id, visit, by=asking.person.id)
    elif visits.get(asking.practice, there.id, asking.unlocked().opener) != visit:
        raise KeyReused()


def _words(asking: Asking, there: Encounter, words: bytes) -> None:
    """Keep typed words, once. Raises KeyReused where others are there; Locked where nobody can look."""
    stored = media.received(asking.practice, there.id, TYPED)
    if not stored.whole:
        media.put(asking.practice, there.id, TYPED, [words[stored.size :]], start=stored.size, by=asking.person.id)
    elif b"".join(media.read(asking.practice, there.id, TYPED, asking.unlocked().opener)) != words:
        raise KeyReused()


def _take(asking: Asking, encounter: str, blocks: Iterator[bytes], start: int, last: bool) -> media.Stored:
    """Raises OutOfStep where the piece does not begin where the stored ones end; Typed where no recording is awaited."""
    there, stored = mine(asking, encounter), media.received(asking.practice, encounter, RECORDING)
    if media.received(asking.practice, encounter, TYPED).chunks:
        raise Typed()
    if start != stored.size:
        raise OutOfStep(stored=stored.size)
    if not stored.whole:
        stored = media.put(asking.practice, encounter, RECORDING, blocks, start=start, whole=last, by=asking.person.id)
    if stored.whole:
        _submit(asking, there)
    return stored


def _submit(asking: Asking, there: Encounter) -> None:
    if workbench.find(asking.practice, there.id).stage is Stage.RECEIVED:
        asking.desk.jobs.submit(there.id)


def _blocks(request: Request) -> Iterator[bytes]:
    """A request's body, block by block, for a thread that waits for each. Raises ClientDisconnect."""
    stream = request.stream()

    async def following() -> bytes | None:
        return await anext(stream, None)

    while (block := from_thread.run(following)) is not None:
        yield block


def _range(wanted: str | None, size: int) -> tuple[int, int]:
    """The bytes that a header asks for. Raises NoSuchRange."""
    if wanted is None:
        return 0, size
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or not any(found.groups()):
        raise NoSuchRange(size=size)
    first, final = (None if part is None else int(part) for part in found.groups())
    start, end = (max(size - final, 0), size) if first is None else (first, size if final is None else min(final + 1, size))
    if start >= end:
        raise NoSuchRange(size=size)
    return start, end
