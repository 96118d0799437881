"""The whole way of one dictation, a call a line.

In: a transcript, the context, the engines. Out: a `Work` with everything that was made on the way. Knows no file and no store.
`STAGES` is the list that `run` walks, a function for each file of this folder; a job walks the same list and may stop between any two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from drafting.pipeline.composing import compose
from drafting.pipeline.elements import check
from drafting.pipeline.grounding import ground
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
    """One dictation on its way. Each stage fills what the ones after it read."""

    transcript: Transcript
    context: Context
    note_format: NoteFormat
    decisions: Mapping[str, Route] = field(default_factory=dict)
    profile: str = "chart"
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
    return replace(work, draft=ground(work.draft, work.routed.record))


def to_checked(work: Work, engines: Engines) -> Work:
    return replace(work, elements=check(work.routed.record, work.routed.risk_items, work.draft, work.context))


def to_screened(work: Work, engines: Engines) -> Work:
    return replace(work, findings=screen(work.draft, engines.scanner, work.context, work.profile))


STAGES: tuple[Callable[[Work, Engines], Work], ...] = (
    to_reading,
    to_statements,
    to_routed,
    to_draft,
    to_grounded,
    to_checked,
    to_screened,
)


def run(work: Work, engines: Engines) -> Work:
    """Walk every stage."""
    for stage in STAGES:
        work = stage(work, engines)
    return work
