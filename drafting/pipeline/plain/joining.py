"""Which statements make one sentence.

In: record statements in order, a format. Out: runs of them, each a sentence. Knows no style and writes no word.
Neighbours of one sentence that go to one section stay one sentence; a clause that hangs on another, and a correction, stay with what they belong
to; a question stays with its answer. What stood around a private clause is never joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from drafting.pipeline.commands import spoken
from drafting.pipeline.plain.repairs import may_take_back, opens_with_no, takes_back
from drafting.pipeline.wording import role_of
from drafting.types import NoteFormat, RecordStatement, Role
from prompts import table

_OPEN = re.compile(r"[,;:—–-]$")
_MARKED = re.compile(r"[.?!…,;:—–-][\"'”’)\]]*$")
_FRAGMENT = 3  # words without a verb that may be a false start, and no more
_ENDED = re.compile(r"[.?!…][\"'”’)\]]*$")


def runs(statements: Sequence[RecordStatement], note_format: NoteFormat) -> Iterator[list[RecordStatement]]:
    """`statements`, cut where a sentence ends."""
    marked = sum(bool(_MARKED.search(s.words)) for s in statements) * 2 >= len(statements)
    run: list[RecordStatement] = []
    for s in statements:
        if run and not _joins(run, s, note_format, marked):
            yield run
            run = []
        run.append(s)
    if run:
        yield run


def role(run: Sequence[RecordStatement]) -> Role:
    """The role of a sentence: danger's where it is a question and its answer, otherwise its first clause's that says something. A fragment that is
    taken back says nothing."""
    if len(run) > 1 and _answers(run[0].words, run[1].words) and any(s.role is Role.RISK for s in run):
        return Role.RISK
    said = run[1:] if len(run) > 1 and not has_verb(run[0].words) and may_take_back(run[0].words, run[1].words) else run
    first = next((s for s in run if has_verb(s.words)), said[0])
    return role_of(first.role, first.words)


def _joins(run: Sequence[RecordStatement], b: RecordStatement, note_format: NoteFormat, marked: bool) -> bool:
    a = run[-1]
    if a.reason in ("question", "answer") and b.reason == "answer":
        return True
    gap = b.statement.start - a.statement.end
    if not 0 <= gap <= 1 or a.statement.speaker != b.statement.speaker:
        return False
    if a.statement.speaker is None and (_answers(a.words, b.words) or takes_back(words(run), b.words)):
        return True
    if spoken(b.words) != b.words:
        return False
    one_section = note_format.section_of(role(run)) is note_format.section_of(role([b]))
    if _unclear(a, b, one_section, marked):
        return True
    if goes_on(a.words, b.words):
        return one_section or bool(_hanging().match(b.words))
    unended = marked and a.statement.speaker is None and not _MARKED.search(a.words) and b.words[:1].islower()
    return unended and (one_section or not has_verb(a.words))


def _unclear(a: RecordStatement, b: RecordStatement, one_section: bool, marked: bool) -> bool:
    """Whether `b` may take back what `a` ends with, though it is not certain: then both stay whole in one sentence, and no "no" begins one that does
    not deny. Danger keeps its section."""
    if a.statement.speaker is not None or _ENDED.search(a.words) or not (one_section or Role.RISK not in (a.role, b.role)):
        return False
    if may_take_back(a.words, b.words):
        return opens_with_no(b.words) or not has_verb(b.words)
    fragment = len(a.words.split()) <= _FRAGMENT and not has_verb(a.words)
    return fragment and not marked and one_section and opens_with_no(b.words)


def _answers(a: str, b: str) -> bool:
    """Whether `b` is the client's answer to what the clinician asks in `a`; after a full stop only a plain yes or no is."""
    rules = table("recast.toml")["answer"]
    pattern = rules["plain"] if _ENDED.search(a) else rules["says"]
    return bool(re.search(rules["asks"], a, re.I) and re.match(pattern, b, re.I))


def words(run: Sequence[RecordStatement]) -> str:
    """The words of a run, one blank between."""
    return " ".join(" ".join(s.words.split()) for s in run)


def goes_on(a: str, b: str) -> bool:
    """Whether `b` goes on with the sentence of `a`: a comma or the like stands between, or a joining word."""
    return bool(_OPEN.search(a)) or bool(_joining().match(b))


@cache
def _joining() -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(table('clauses.toml')['joiner'])})\b", re.I)


@cache
def _hanging() -> re.Pattern[str]:
    """A clause with no subject of its own, or a reason ("because it left her foggy", "and agreed to call"): it stays with the one before."""
    return re.compile(table("edits.toml")["hanging"], re.I)


def has_verb(text: str) -> bool:
    """Whether `text` holds a verb that makes it a sentence, as far as words alone tell."""
    if re.search(r"\w['’](?:s|re|m|ve|ll|d)\b", text):
        return True
    return any(w in _verbs() or (w.endswith("ed") and len(w) > 4) for w in re.findall(r"[a-z]+(?:['’]t)?", text.lower()))


@cache
def _verbs() -> frozenset[str]:
    rules = table("recast.toml")
    present = {w + "s" for w in rules["base_verbs"].split()} | set(rules["past"])
    return frozenset({"is", "are", "was", "were", "has", "have", "does", "do", *rules["same_verbs"].split(), *present})
