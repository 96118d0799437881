"""The steps of a job: the same draft as at the command line, wherever they are cut, and nothing of a visit's words left between them."""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from bench.jobs import LINES, PRIVATE, Scripted
from drafting.drafts import Options, draft
from drafting.errors import EngineFailed, KeyMissing, NotKnown, Shredded
from drafting.jobs import STEPS, InlineJobs, Tools, way
from drafting.jobs.way import NotLent
from drafting.pipeline import Engines
from drafting.pipeline.formats import load
from drafting.pipeline.source import read_source
from drafting.record import people, vault, workbench
from drafting.record.review import reviewing
from drafting.record.store import Stores, reading
from drafting.record.store.tables.record import AUDIT, ENCOUNTERS, WORK
from drafting.record.vault import Why
from drafting.record.workbench import drafted, lending, media, visits
from drafting.record.workbench.media import NotWhole
from drafting.record.workbench.visits import RECORDING, TYPED, Visit
from drafting.types import Draft, Fallback, Recording, Route, Utterance
from drafting.types.record import Stage
from tests.desks import Cut, Desk, cut_at, desk
from tests.dictated import TEXT

EXAMPLES = Path(__file__).parent.parent / "examples"
SPOKEN = "\n".join(LINES).encode()


@pytest.fixture
def here(sqlite_stores: Stores) -> Desk:
    return desk(sqlite_stores)


@dataclass
class Ears:
    """A transcriber that hears the same lines in whatever it is given, counts how often, and may do something while it hears."""

    while_hearing: Callable[[], None] = lambda: None
    heard: list[str] = field(default_factory=list)
    sound: list[np.ndarray] = field(default_factory=list)
    name: str = "scripted"
    preview: bool = False

    def transcribe(self, recording: Recording, start: float = 0.0) -> Iterator[Utterance]:
        self.heard.append(recording.sha256)
        self.sound = list(recording.blocks())
        self.while_hearing()
        return Scripted(0).transcribe(recording, start)


def scripted(ears: Ears | None = None, **instead: object) -> Tools:
    """Engines that do a line at a time, at once; some of them others."""
    plain = Scripted(0)
    engines = replace(Engines(plain, plain, plain), **instead)
    return Tools(lambda _writer, _told: engines, lambda _asr: ears or Ears())


def taken(here: Desk, body: bytes = SPOKEN, **chosen: object) -> str:
    """An encounter whose words are all here."""
    name, visit = here.encounter(), Visit(**chosen)
    visits.put(here.practice, name, visit, by=here.author.person)
    media.put(here.practice, name, visit.media, [body])
    return name


def tune(seconds: float = 1) -> bytes:
    """A recording as a WAV, of no voice."""
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.sin(np.arange(round(seconds * 16_000)) / 9) * 9_000).astype("<i2").tobytes())
    return body.getvalue()


def kinds(here: Desk, encounter: str) -> list[str]:
    with reading(here.practice.stores.record) as connection:
        return sorted(connection.scalars(sa.select(WORK.c.kind).where(WORK.c.encounter == encounter)))


def everything(here: Desk) -> list[object]:
    """Every row of the record that a step might write, and the private notes."""
    with reading(here.practice.stores.record) as connection:
        rows = [tuple(row) for table in (ENCOUNTERS, WORK, AUDIT) for row in connection.execute(sa.select(table))]
    return [*rows, *vault.listed(here.practice, here.author.person)]


def private_words(here: Desk, encounter: str) -> list[str]:
    notes = vault.listed(here.practice, here.author.person, encounter=encounter)
    return [vault.read(here.practice, note.id, here.author, Why.OWN_TREATMENT) for note in notes]


# ── the way ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("example", "format"), [("dictation.txt", "soap"), ("session.txt", "dap")])
def test_typed_words_give_the_draft_of_the_command_line(here: Desk, engines: Engines, example: str, format: str) -> None:
    """Sentence for sentence, flag for flag, and the same words are private."""
    encounter = taken(here, (EXAMPLES / example).read_bytes(), format=format)
    way.walk(here.practice, encounter, Tools(lambda _writer, _told: engines, lambda _asr: pytest.fail("nothing was said")))
    there = workbench.find(here.practice, encounter)
    context = visits.context(here.practice, there, Visit())
    (work,) = draft(str(EXAMPLES / example), Options(context, load(format)), engines, lambda: pytest.fail("nothing was said"))
    client = people.find_client(here.practice, here.client)
    assert drafted.load(here.practice, encounter, here.author.opener) == reviewing.opened(
        work, encounter=encounter, client=here.client, allowed=client.allowed, zone="UTC"
    )
    said = [p.statement.text for p in work.routed.placed if p.route is Route.PRIVATE]
    assert sorted(private_words(here, encounter)) == sorted(said)
    assert there.stage is Stage.DRAFTED and there.version == 1


def test_what_is_for_another_is_held_and_not_written(here: Desk, engines: Engines) -> None:
    """The mother's part of a dictation stands in no sentence of the child's note, and waits for the clinician to place it."""
    words = f"{TEXT}\n\nPart for the mother: She reports drinking most evenings since March."
    encounter = taken(here, words.encode())
    way.walk(here.practice, encounter, Tools(lambda _writer, _told: engines, lambda _asr: Ears()))
    review = drafted.load(here.practice, encounter, here.author.opener)
    assert "drinking" not in " ".join(s.text for s in review.sentences)
    source = workbench.get(here.practice, encounter, drafted.SOURCE, None, here.author.opener)[1].decode()
    assert "drinking" in source and any(h.statement in source for h in review.held) and review.held


@pytest.mark.parametrize("medium", [TYPED, RECORDING])
def test_a_step_done_again_changes_nothing(here: Desk, medium: str) -> None:
    """Nothing is kept twice and nothing is told twice, of either medium."""
    encounter = taken(here, SPOKEN if medium == TYPED else tune(), media=medium)
    for step in STEPS:
        way.take(step, here.practice, encounter, scripted())
        before = everything(here)
        way.take(step, here.practice, encounter, scripted())
        assert everything(here) == before


def test_wherever_it_is_cut_it_is_finished(here: Desk) -> None:
    """After a cut before any writing the same steps, done again, leave what an uncut walk leaves, once."""
    for number in count():
        encounter = taken(here)
        with suppress(Cut), cut_at(here.practice.stores, number) as seen:
            way.walk(here.practice, encounter, scripted())
        way.walk(here.practice, encounter, scripted())
        review = drafted.load(here.practice, encounter, here.author.opener)
        assert [s.text for s in review.sentences] == [LINES[0], LINES[2]] and private_words(here, encounter) == [PRIVATE]
        assert kinds(here, encounter) == ["review", "source", "visit"]
        assert workbench.find(here.practice, encounter).stage is Stage.DRAFTED
        with pytest.raises(KeyMissing):
            workbench.own(here.practice, encounter, workbench.worker(here.practice))
        if seen[0] <= number:
            break
    assert number > 8


def test_words_that_are_not_all_here_are_not_begun(here: Desk) -> None:
    """Half a recording is refused, and the encounter waits for the rest."""
    encounter = here.encounter()
    visits.put(here.practice, encounter, Visit(media=RECORDING), by=here.author.person)
    media.put(here.practice, encounter, RECORDING, [bytes(media.CHUNK)], whole=False)
    with pytest.raises(NotWhole):
        InlineJobs(here.practice, scripted()).submit(encounter)
    assert workbench.find(here.practice, encounter).stage is Stage.RECEIVED


# ── sound ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_recording_is_heard_from_its_sealed_chunks(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording of several chunks comes to the transcriber sample for sample, and no file is made of it."""
    body, ears = tune(20), Ears()
    encounter = taken(here, body, media=RECORDING)
    assert media.received(here.practice, encounter, RECORDING).chunks > 2
    monkeypatch.setattr("tempfile._get_default_tempdir", lambda *_: pytest.fail("a file was made"))
    way.take("transcribe", here.practice, encounter, scripted(ears))
    assert ears.heard == [hashlib.sha256(body).hexdigest()]
    expected = np.frombuffer(body[44:], "<i2").astype(np.float32) / 32768
    assert np.abs(np.concatenate(ears.sound) - expected).max() < 1e-4
    with reading(here.practice.stores.record) as connection:
        assert not any(body[100_000:100_064] in row for row in connection.scalars(sa.text("SELECT chunk_sealed FROM media")))


def test_what_was_said_becomes_a_draft_with_its_times(here: Desk) -> None:
    """Each statement that stands has the time at which it was said."""
    encounter = taken(here, tune(), media=RECORDING)
    InlineJobs(here.practice, scripted()).submit(encounter)
    source = workbench.get(here.practice, encounter, drafted.SOURCE, None, here.author.opener)[1].decode()
    assert '"engine":"scripted"' in source and '"start":0.1' in source and PRIVATE not in source


# ── what lies between ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_lay_between_the_steps_is_destroyed(here: Desk) -> None:
    """Once the draft stands neither the transcript nor the writer's draft can be opened by anybody, the recovery kit included."""
    encounter = taken(here)
    for step in STEPS[:3]:
        way.take(step, here.practice, encounter, scripted())
    with reading(here.practice.stores.record) as connection:
        keys = connection.scalars(sa.select(WORK.c.key).where(WORK.c.encounter == encounter, WORK.c.kind.in_(("transcript", "draft")))).all()
    assert len(keys) == 2
    way.take(STEPS[3], here.practice, encounter, scripted())
    own = workbench.own(here.practice, encounter, here.kit)
    for key in keys:
        with pytest.raises(Shredded):
            here.practice.keyring.open(key, own)
    assert kinds(here, encounter) == ["review", "source", "visit"]


def test_under_a_hold_it_stays_until_the_hold_is_lifted(here: Desk) -> None:
    """What lies between goes with the hold, but not under a worker that is busy with it."""
    encounter = taken(here)
    here.hold()
    way.walk(here.practice, encounter, scripted())
    assert "transcript" in kinds(here, encounter) and way.finish(here.practice) == 0
    here.lift()
    assert way.finish(here.practice, lambda one: one == encounter) == 0 and "transcript" in kinds(here, encounter)
    assert way.finish(here.practice) == 1 and kinds(here, encounter) == ["review", "source", "visit"]


def test_a_late_move_to_private_finds_the_words_in_the_transcript(here: Desk) -> None:
    """The transcript is marked with the statements whose words it holds, so that where one of them is destroyed it goes too."""
    encounter = taken(here)
    for step in STEPS[:2]:
        way.take(step, here.practice, encounter, scripted())
    workbench.destroy_words(here.practice, encounter, ["s1"])
    with pytest.raises(Shredded):
        workbench.get(here.practice, encounter, "transcript", None, here.author.opener)


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


class _Raises(Scripted):
    def write(self, *_: object) -> Draft:
        raise ValueError(LINES[0])


@pytest.mark.parametrize(
    ("body", "chosen", "code"),
    [
        (SPOKEN, {"writer": "llm"}, "our_fault"),
        (b"", {}, "empty"),
        (b"RIFF" + bytes(4_000), {"media": RECORDING}, "bad_audio"),
        (SPOKEN, {"format": "none_such"}, "format_error"),
    ],
)
def test_a_fault_is_marked_by_its_code_and_by_no_words(here: Desk, body: bytes, chosen: dict, code: str) -> None:
    """Whatever failed, the encounter says what, and neither it nor the trail quotes what was said."""
    jobs = InlineJobs(here.practice, scripted(writer=_Raises(0)))
    encounter = taken(here, body, **chosen)
    jobs.submit(encounter)
    assert jobs.progress(encounter).failure == code and not jobs.progress(encounter).done
    with reading(here.practice.stores.record) as connection:
        told = b"".join(connection.scalars(sa.select(AUDIT.c.body)))
        failure = connection.scalar(sa.select(ENCOUNTERS.c.failure).where(ENCOUNTERS.c.id == encounter))
    assert failure == code and LINES[0].encode() not in told and b"slept" not in told


def test_silence_makes_no_note(here: Desk) -> None:
    """A recording in which nothing was heard fails as such."""
    ears = Ears()
    ears.transcribe = lambda *_: iter([Utterance("  ", 0.0, 1.0)])
    jobs = InlineJobs(here.practice, scripted(ears))
    jobs.submit(encounter := taken(here, tune(), media=RECORDING))
    assert jobs.progress(encounter).failure == "no_speech"


def test_a_retry_goes_on_from_the_last_step(here: Desk) -> None:
    """What was heard is not heard again; submitting again is no retry."""
    ears, down = Ears(), [True]

    class Flaky(Scripted):
        def write(self, *given: object) -> Draft:
            if down[0]:
                raise EngineFailed(name="llm", reason="it is down")
            return super().write(*given)

    jobs = InlineJobs(here.practice, scripted(ears, writer=Flaky(0)))
    jobs.submit(encounter := taken(here, tune(), media=RECORDING))
    assert jobs.progress(encounter).failure == "engine_failed"
    down[0] = False
    jobs.submit(encounter)
    assert jobs.progress(encounter).failure == "engine_failed"
    jobs.retry(encounter)
    assert jobs.progress(encounter).done and len(ears.heard) == 1


def test_a_writers_engine_that_is_down_is_made_up_for_at_the_last_try_alone(here: Desk) -> None:
    """Before, the step fails and may be tried again; then the sections are the plain writer's, and the draft stands."""

    class Down(Scripted):
        def write(self, *given: object) -> Draft:
            return replace(super().write(*given), fallbacks=(Fallback("plan", "failed"),))

    encounter = taken(here, writer="llm")
    for step in STEPS[:2]:
        way.take(step, here.practice, encounter, scripted())
    with pytest.raises(EngineFailed):
        way.take("write", here.practice, encounter, scripted(writer=Down(0)), last=False)
    assert "draft" not in kinds(here, encounter)
    way.take("write", here.practice, encounter, scripted(writer=Down(0)))
    way.take("screen", here.practice, encounter, scripted())
    assert workbench.find(here.practice, encounter).version == 1


def test_a_job_that_is_cancelled_ends_at_the_next_step(here: Desk) -> None:
    """It is marked as stopped and no draft stands; it can be tried again; and a draft that stands is not touched."""
    ears = Ears()
    jobs = InlineJobs(here.practice, scripted(ears))
    encounter = taken(here, tune(), media=RECORDING)
    ears.while_hearing = lambda: jobs.cancel(encounter)
    jobs.submit(encounter)
    assert jobs.progress(encounter).failure == "cancelled" and not workbench.find(here.practice, encounter).version
    ears.while_hearing = lambda: None
    jobs.retry(encounter)
    assert jobs.progress(encounter).done
    before = everything(here)
    jobs.cancel(encounter)
    jobs.retry(encounter)
    assert jobs.progress(encounter).done and everything(here) == before


def test_when_the_time_is_over_the_author_lends_it_again(here: Desk) -> None:
    """The worker's key to the encounter ends by itself; a retry says so, and after the author has lent it the job goes on."""
    jobs = InlineJobs(here.practice, scripted())
    encounter = taken(here)
    here.practice.now.at += timedelta(hours=here.practice.policy().worker_hours, minutes=1)
    jobs.submit(encounter)
    assert jobs.progress(encounter).failure == "key_missing"
    with pytest.raises(NotLent):
        jobs.retry(encounter)
    assert jobs.progress(encounter).failure == "key_missing"
    lending.lend(here.practice, encounter, here.author.opener)
    jobs.retry(encounter)
    assert jobs.progress(encounter).done


def test_what_was_destroyed_is_not_tried_again(here: Desk) -> None:
    """A retry of an encounter whose work was shredded says that it is gone; one that never was is not known."""
    jobs = InlineJobs(here.practice, scripted())
    encounter = taken(here)
    workbench.shred(here.practice, encounter, by=here.author.person, reason="by_request")
    with pytest.raises(Shredded):
        jobs.retry(encounter)
    with pytest.raises(NotKnown):
        jobs.submit("E0none")


def test_a_transcript_is_the_same_after_it_was_kept() -> None:
    """Every turn, time, speaker and confidence of a typed session comes out of the bytes again; so do letters that no encoding has."""
    from drafting.jobs import keeping

    read = read_source((EXAMPLES / "session.txt").read_bytes(), ".txt")
    odd = replace(read, text=read.text + "\ud83d")
    assert keeping.transcript_of(keeping.transcript_bytes(odd)) == odd
