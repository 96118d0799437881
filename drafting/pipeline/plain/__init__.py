"""The plain writer: the clinician's own words, worded as a record is, under the right section.

In: record statements, a format, the context's style. Out: a draft, each sentence with the statements that it is made of. Adds no fact.
In the voice of the record a dictation is told in the third person, what was said twice is said once, and each section is put in the order in which
it is read; in the clinician's own voice words are mended and no more. An `Editor` may say besides what can go: only where it is sure, and never a
number, a negation, a drug, a time or a person. Where this writer is not certain, the words stay as they were said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from drafting.pipeline.plain.joining import role, runs, words
from drafting.pipeline.plain.ordering import APART, Line, merged, once, ordered
from drafting.pipeline.plain.quoted import spans, unended
from drafting.pipeline.plain.recast import Record, recast, replaced
from drafting.pipeline.plain.referents import HEAD, others
from drafting.pipeline.plain.repairs import begun, corrected, finished, guarded, mended, spare, tidy
from drafting.pipeline.plain.talk import told
from drafting.ports import Editor
from drafting.types import Context, Draft, DraftSentence, Edit, Mode, NoteFormat, RecordStatement, Section, Voice
from prompts import digest, table

SURE_EDIT = 0.9  # an editor's score from which its edit is made

__all__ = ["PlainWriter", "tidy"]


class PlainWriter:
    """Writes with the speaker's own words. Implements `ports.Writer`."""

    def __init__(self, editor: Editor | None = None) -> None:
        self.name = "plain:" + "".join(digest(f)[:6] for f in ("edits.toml", "recast.toml", "talk.toml")) + (f"+{editor.name}" if editor else "")
        self._editor = editor

    def write(self, statements: Sequence[RecordStatement], note_format: NoteFormat, context: Context) -> Draft:
        """Every statement that still says something once its fillers are gone."""
        if context.mode is Mode.SESSION:
            sentences = told(statements, note_format, context)
        else:
            sentences = dictated(statements, note_format, context, self._editor)
        used = {e for s in sentences for e in s.evidence}
        return Draft(note_format, sentences, self.name, tuple(s.id for s in statements if s.id not in used))


# ── a dictation ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Source:
    """What a line is checked against: the record's words as said, line by line in the order of the source, and where the lines stand."""

    said: tuple[str, ...]
    lines: tuple[Line, ...]


def dictated(
    statements: Sequence[RecordStatement], note_format: NoteFormat, context: Context, editor: Editor | None = None
) -> tuple[DraftSentence, ...]:
    """A dictation's sentences, section by section."""
    found = list(runs(statements, note_format))
    resolved = [corrected(text) for text in _said(found)]
    texts = edited([text for text, _ in resolved], editor, context.style.voice)
    record = Record.of(texts, context)
    written = [_written(text, record, context, within) for text, within in zip(texts, _within(found, texts), strict=True)]
    every = [
        (Line(w, tuple(s.id for s in run), role(run), run[0].statement.start, run[-1].statement.end, lost), text)
        for run, w, text, (_, lost) in zip(found, written, texts, resolved, strict=True)
        if w
    ]
    source = _Source(tuple(text for _, text in every), tuple(line for line, _ in every))
    lines = once(source.lines) if context.style.voice is Voice.RECORD else source.lines
    return tuple(s for section in note_format.sections for s in _section(section, lines, source, note_format, record, context))


def _said(found: Sequence[Sequence[RecordStatement]]) -> Iterator[str]:
    """The words of each run. A repair at the head of one goes where what stood before it is not in the record."""
    end = 0
    for run in found:
        yield begun(words(run)) if run[0].statement.start - end > APART else words(run)
        end = run[-1].statement.end


def _written(text: str, record: Record, context: Context, within: bool) -> str:
    text = mended(text)
    if context.style.voice is Voice.RECORD:
        text = recast(text if within else guarded(_freed, text), record, within)
    for pair in context.style.phrases:
        text = guarded(lambda t, pair=pair: replaced(t, pair, within), text)
    return finished(text)


def _within(found: Sequence[Sequence[RecordStatement]], texts: Sequence[str]) -> Iterator[bool]:
    """For each run, whether it begins inside a quotation that the run before it left open."""
    inside = False
    for before, run, text in zip((None, *found), found, texts, strict=False):
        inside = inside and before is not None and run[0].statement.start - before[-1].statement.end <= APART
        yield inside
        inside = unended(text, inside)


def _freed(text: str) -> str:
    """A clause that hung on one which is not in the record stands by itself: "though he says it is empty"."""
    return text if "," in text else re.sub(table("recast.toml")["place"]["freed"], "", text, count=1, flags=re.I)


def _section(
    section: Section, lines: Sequence[Line], source: _Source, note_format: NoteFormat, record: Record, context: Context
) -> Iterator[DraftSentence]:
    own = [line for line in lines if note_format.section_of(line.role) is section]
    if context.style.voice is Voice.RECORD:
        own = list(_spelled_out(ordered(merged(own)), source, record))
    for line in own:
        yield DraftSentence(section.key, line.text, line.evidence, said=line.said)


# ── who "she" is, where a section has not said it ─────────────────────────────────────────────────────────────────────


def _spelled_out(lines: Sequence[Line], source: _Source, record: Record) -> Iterator[Line]:
    """`lines` of a section with "Client" for a pronoun at a sentence's head that would be left without its noun or taken for somebody else."""
    starts = [line.start for line in source.lines]
    for before, line in pairwise((None, *lines)):
        m = HEAD.match(line.text)
        at = starts.index(line.start)
        parted = before is None or (at and before.start != starts[at - 1] and others(before.text, record.pronoun or "he", record.client_names))
        if m and parted and _certain(m["word"], at, source, record):
            yield replace(line, text=record.client_for(m["word"], line.text))
        else:
            yield line


def _certain(word: str, at: int, source: _Source, record: Record) -> bool:
    """Whether the pronoun at the head of line `at` is the client: it is the client's pronoun, and nobody else who is called so is near."""
    who = {"His": "he", "Her": "she"}.get(word, word.lower())
    if who != record.pronoun or (word in ("He", "She") and others(source.said[at], who, record.client_names)):
        return False
    while at:
        if source.lines[at].start - source.lines[at - 1].end > APART:
            return not any(others(text, who, record.client_names) for text in source.said)
        at -= 1
        if others(source.said[at], who, record.client_names):
            return False
        if not HEAD.match(source.lines[at].text):
            return True
    return True


# ── an editor's advice ────────────────────────────────────────────────────────────────────────────────────────────────


def edited(texts: Sequence[str], editor: Editor | None, voice: Voice = Voice.RECORD) -> list[str]:
    """`texts` with an editor's edits, each made only where it is sure, changes nothing that carries weight and touches no quotation. In the
    clinician's own voice words may go and none is swapped."""
    if editor is None or not texts:
        return list(texts)
    return [_edited(text, edits, voice) for text, edits in zip(texts, editor.edits(texts), strict=True)]


def _edited(text: str, edits: Sequence[Edit], voice: Voice) -> str:
    quoted = spans(text)
    for e in sorted(spare(text, [e for e in edits if e.score >= SURE_EDIT]), key=lambda e: e.start, reverse=True):
        if (e.text and voice is Voice.OWN) or any(a < e.end and e.start < b for a, b in quoted):
            continue
        text = guarded(lambda t, e=e: t[: e.start] + e.text + t[e.end :], text)
    return " ".join(text.split())
