"""A note drafted again from the same statements: in another format, or one section of it anew.

In: record statements, the draft as it stands, a writer. Out: a draft in which every sentence that the clinician edited stands as they left it, in
place of what would be written from the same statements. Knows no source and hears nothing again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from drafting.errors import DraftError
from drafting.pipeline.composing import compose, omissions
from drafting.ports import Writer
from drafting.types import Context, Draft, DraftSentence, NoteFormat, RecordStatement


def redraft(
    draft: Draft, statements: Sequence[RecordStatement], note_format: NoteFormat, writer: Writer, context: Context, section: str | None = None
) -> Draft:
    """`draft` written again as `note_format`, or, where it has that format already, its `section` alone. Raises DraftError for a section that the
    format does not have, or one section of another format."""
    if section is not None and section not in {s.key for s in note_format.sections}:
        raise DraftError(reason=f"{note_format.title} has no section {section}")
    if section is not None and note_format.key != draft.format.key:
        raise DraftError(reason="a single section can be drafted again in its own format alone")
    fresh = compose(statements, note_format, writer, context)
    edited = [replace(s, section=_home(s, statements, draft.format, note_format)) for s in draft.sentences if s.edited]
    written = [s for key in (f.key for f in note_format.sections) for s in (fresh if section in (None, key) else draft).section(key) if not s.edited]
    sentences = tuple(s for f in note_format.sections for s in _placed(f.key, written, edited))
    return replace(fresh, sentences=sentences, omitted=omissions(sentences, statements))


def _placed(key: str, written: Sequence[DraftSentence], edited: Sequence[DraftSentence]) -> Iterator[DraftSentence]:
    """One section: each edited sentence where the first of its statements would be written, once; those with no such place at the end."""
    waiting = [e for e in edited if e.section == key]
    covered = {id_ for e in edited for id_ in e.evidence}
    for sentence in written:
        if sentence.section != key:
            continue
        for mine in [e for e in waiting if set(e.evidence) & set(sentence.evidence)]:
            waiting.remove(mine)
            yield mine
        if not covered & set(sentence.evidence):
            yield sentence
    yield from waiting


def _home(sentence: DraftSentence, statements: Sequence[RecordStatement], old: NoteFormat, new: NoteFormat) -> str:
    """The section of `new` that an edited sentence goes to: its own where there is one, otherwise where its first statement goes, otherwise the one
    that takes the same role as its old section."""
    if sentence.section in {s.key for s in new.sections}:
        return sentence.section
    role = next((s.role for s in statements if s.id in sentence.evidence), None)
    return new.section_of(role or next(s for s in old.sections if s.key == sentence.section).roles[0]).key
