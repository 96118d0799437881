"""What the format asks and nobody said, put as questions.

In: a draft and what it lacks. Out: the draft with its questions, each at the section where the answer would stand. Fills nothing in.
Knows no words of the source: a question is the same whoever is asked.
"""

from __future__ import annotations

from dataclasses import replace

from drafting.types import Draft, ElementReport, Question, Role
from prompts import table


def ask(draft: Draft, elements: ElementReport) -> Draft:
    """`draft` with a question for each element that it lacks, and the format's own for a section in which nothing stands."""
    lacking = table("questions.toml")
    asked = [
        Question(draft.format.section_of(Role(lacking[code]["role"])).key, lacking[code]["text"], code)
        for code in (*elements.missing, *elements.warnings)
        if code in lacking
    ]
    answered_there = {q.section for q in asked}
    empty = [s for s in draft.format.sections if not draft.section(s.key) and s.key not in answered_there]
    return replace(draft, questions=(*asked, *(Question(s.key, s.questions[0]) for s in empty)))
