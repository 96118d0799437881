"""The whole way of one dictation, a call a line.

In: a transcript, the context, the engines. Out: a `Work` with everything that was made on the way. Knows no file and no store.
`STAGES` is the list that `run` walks, a function for each file of this folder; a job walks the same list and may stop between any two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from drafting.pipeline.asking import ask
from drafting.pipeline.composing import compose
from drafting.pipeline.elements import check
from drafting.pipeline.grounding import ground
from drafting.pipeline.parts import OWN, Part, beside, divide, only
from drafting.pipeline.redrafting import redraft
from drafting.pipeline.routing import route
from drafting.pipeline.screening import screen
from drafting.pipeline.statements import state
from drafting.ports import Encoder, PhiScanner, Writer
from drafting.types import Context, Draft, ElementReport, NoteFormat, PhiFinding, Reading, Route, Routed, Statement, Transcript


@dataclass(frozen=True, slots=True)
class Engines:
    """The adapters that the stages call."""

    encoder: Encoder
    writer: Writer
    scanner: PhiScanner


@dataclass(frozen=True, slots=True)
class Work:
    """One dictation on its way. Each stage fills what the ones after it read. `shares`: statement ids by the person whose they are, as the clinician
    says; `part` is set where the dictation makes several notes, and this is one of them."""

    transcript: Transcript
    context: Context
    note_format: NoteFormat
    decisions: Mapping[str, Route] = field(default_factory=dict)
    shares: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    profile: str = "chart"
    part: Part | None = None
    reading: Reading | None = None
    statements: tuple[Statement, ...] = ()
    routed: Routed | None = None
    draft: Draft | None = None
    elements: ElementReport = field(default_factory=ElementReport)
    findings: tuple[PhiFinding, ...] = ()


def to_reading(work: Work, engines: Engines) -> Work:
    return replace(work, reading=engines.encoder.read(work.transcript))


def to_statements(work: Work, engines: Engines) -> Work:
    return replace(work, statements=state(work.transcript, work.reading))


def to_routed(work: Work, engines: Engines) -> Work:
    return replace(work, routed=route(work.statements, work.context, work.decisions))


def to_draft(work: Work, engines: Engines) -> Work:
    return replace(work, draft=compose(work.routed.record, work.note_format, engines.writer, work.context))


def to_grounded(work: Work, engines: Engines) -> Work:
    return replace(work, draft=ground(work.draft, work.routed.record, work.context))


def to_checked(work: Work, engines: Engines) -> Work:
    return replace(work, elements=check(work.routed.record, work.routed.risk_items, work.draft, work.context))


def to_asked(work: Work, engines: Engines) -> Work:
    return replace(work, draft=ask(work.draft, work.elements))


def to_screened(work: Work, engines: Engines) -> Work:
    return replace(work, findings=screen(work.draft, engines.scanner, work.context, work.profile))


READING: tuple[Callable[[Work, Engines], Work], ...] = (to_reading, to_statements, to_routed)
WRITING: tuple[Callable[[Work, Engines], Work], ...] = (to_draft, to_grounded, to_checked, to_asked, to_screened)
STAGES = (*READING, *WRITING)


def run(work: Work, engines: Engines, stages: Sequence[Callable[[Work, Engines], Work]] = STAGES) -> Work:
    """Walk the stages."""
    for stage in stages:
        work = stage(work, engines)
    return work


def run_parts(work: Work, engines: Engines) -> tuple[Work, ...]:
    """Walk every stage; where the dictation is for several people, a `Work` for each, and none is written from another's statements."""
    read = run(work, engines, READING)
    return tuple(run(part, engines, WRITING) for part in parted(read))


def parted(work: Work) -> tuple[Work, ...]:
    """A routed `work` as one for each person whose part it holds; itself where that is the client alone."""
    parts = divide(work.statements, work.shares)
    if [p.whose for p in parts] == [OWN]:
        return (work,)
    return tuple(replace(work, part=p, routed=only(work.routed, p), context=beside(work.context, p, parts)) for p in parts)


def rewritten(draft: Draft, routed: Routed, note_format: NoteFormat, section: str | None, context: Context, engines: Engines) -> Work:
    """A draft written again from the same statements (`redrafting`), grounded, checked and screened anew."""
    fresh = redraft(draft, routed.record, note_format, engines.writer, context, section)
    return run(Work(Transcript("", ()), context, note_format, routed=routed, draft=fresh), engines, WRITING[1:])
