"""Record statements to a draft, by a writer.

In: `RecordStatement`s, which only routing makes, a format and a writer. Out: a draft whose sentences name sections of the format and
statements that were handed in. Knows no route and no private word: there is no way to give it one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from drafting.ports import Writer
from drafting.types import Context, Draft, DraftSentence, NoteFormat, RecordStatement, Role


def compose(statements: Sequence[RecordStatement], note_format: NoteFormat, writer: Writer, context: Context) -> Draft:
    """The writer's draft, with evidence that was never handed in struck out, so that grounding sees a sentence without a source.

    Raises TypeError for anything but RecordStatement, ValueError for a section that the format does not have.
    """
    for statement in statements:
        if type(statement) is not RecordStatement:
            raise TypeError(f"a writer is handed record statements alone, not {type(statement).__name__}")
    draft = writer.write(tuple(statements), note_format, context)
    known, sections = {s.id for s in statements}, {s.key for s in note_format.sections}
    stray = {s.section for s in draft.sentences} - sections
    if stray:
        raise ValueError(f"{writer.name} wrote a section that {note_format.key} does not have: {sorted(stray)}")
    sentences = tuple(replace(s, evidence=tuple(e for e in s.evidence if e in known)) for s in draft.sentences)
    return replace(draft, sentences=sentences, omitted=omissions(sentences, statements))


def omissions(sentences: Sequence[DraftSentence], statements: Sequence[RecordStatement]) -> tuple[str, ...]:
    """Ids of the statements that no sentence rests on: danger first, then medication, then plans, then the rest as they were said."""
    used = {e for s in sentences for e in s.evidence}
    left = [s for s in statements if s.id not in used]
    return tuple(
        s.id for s in sorted(left, key=lambda s: (not (s.risk or s.role is Role.RISK), s.role is not Role.MEDICATION, s.role is not Role.PLAN))
    )
