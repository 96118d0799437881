"""The plain writer: the clinician's own words, in order, under the right section.

In: record statements and a format. Out: a draft, each sentence with the statements that it is made of. Knows nothing else, and adds no fact.
It takes out fillers, false starts and words said to the dictation, and it sets capitals and full stops. Numbers, negations, names of drugs
and times stay as they were: an edit that would change one of them is not made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby

from drafting.pipeline.commands import spoken
from drafting.pipeline.wording import weighty
from drafting.types import Context, Draft, DraftSentence, Mode, NoteFormat, RecordStatement, Role, Section
from prompts import digest, table

_TERMINAL = re.compile(r"[.?!…][\"'”’)\]]*$")
_OPEN = re.compile(r"[,;:—–-]$")
_SESSION_ROLES = frozenset(Role) - {Role.REPORT, Role.LOGISTICS}


class PlainWriter:
    """Writes with the speaker's own words. Implements `ports.Writer`."""

    def __init__(self) -> None:
        self.name = f"plain:{digest('edits.toml')}"

    def write(self, statements: Sequence[RecordStatement], note_format: NoteFormat, context: Context) -> Draft:
        """Every statement that still says something once its fillers are gone, in the order of the source."""
        chosen = _worth_writing(statements) if context.mode is Mode.SESSION else tuple(statements)
        sentences = tuple(s for section in note_format.sections for s in _section(section, chosen, note_format))
        used = {e for s in sentences for e in s.evidence}
        return Draft(note_format, sentences, self.name, tuple(s.id for s in statements if s.id not in used))


def _section(section: Section, statements: Sequence[RecordStatement], note_format: NoteFormat) -> Iterator[DraftSentence]:
    for run in _runs(statements, note_format):
        if note_format.section_of(run[0].role) is section:
            text = _sentence(run)
            if text:
                yield DraftSentence(section.key, text, tuple(s.id for s in run))


def _runs(statements: Sequence[RecordStatement], note_format: NoteFormat) -> Iterator[list[RecordStatement]]:
    """Neighbours of one sentence that go to one section stay one sentence; a question about danger stays with its answer."""
    run: list[RecordStatement] = []
    for s in statements:
        if run and not _joins(run[-1], s, note_format):
            yield run
            run = []
        run.append(s)
    if run:
        yield run


def _joins(a: RecordStatement, b: RecordStatement, note_format: NoteFormat) -> bool:
    if a.reason in ("question", "answer") and b.reason == "answer":
        return True
    gap = b.statement.start - a.statement.end
    same_sentence = 0 <= gap <= 1 and _goes_on(a.words, b.words) and a.statement.speaker == b.statement.speaker
    one_section = note_format.section_of(a.role) is note_format.section_of(b.role)
    return same_sentence and spoken(b.words) == b.words and (one_section or bool(_hanging().match(b.words)))


def _goes_on(a: str, b: str) -> bool:
    """Whether `b` goes on with the sentence of `a`: a comma or the like stands between, or a joining word. A recogniser's text has no full stops."""
    return bool(_OPEN.search(a)) or bool(_joining().match(b))


@cache
def _joining() -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(table('clauses.toml')['joiner'])})\b", re.I)


@cache
def _hanging() -> re.Pattern[str]:
    """A clause with no subject of its own, or a reason ("because it left her foggy", "and agreed to call"): it stays with the one before."""
    return re.compile(table("edits.toml")["hanging"], re.I)


def _sentence(run: Sequence[RecordStatement]) -> str:
    if any(s.statement.speaker for s in run):
        return " ".join(_quoted(list(said)) for _, said in groupby(run, key=lambda s: (s.statement.speaker, s.reason == "question")))
    return tidy(" ".join(" ".join(s.words.split()) for s in run))


def _quoted(said: Sequence[RecordStatement]) -> str:
    """In a session the words are somebody's: they are given as said."""
    who = {"client": "Client", "clinician": "Clinician"}.get(said[0].statement.speaker or "", "Participant")
    verb = "asked" if said[0].reason == "question" else "said"
    words = _plain(" ".join(s.words for s in said)).translate({ord("“"): "‘", ord("”"): "’"})
    return f"{who} {verb}: “{words}”"


def _worth_writing(statements: Sequence[RecordStatement]) -> tuple[RecordStatement, ...]:
    """Of a whole session's talk only what bears on the note; the rest is listed as not in the note."""
    kept = ("question", "answer", "decided")
    return tuple(s for s in statements if s.risk or s.reason in kept or s.role in _SESSION_ROLES or s.statement.clause.elements)


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tidy(words: str) -> str:
    """`words` as a sentence of a record: edited, with a capital and a full stop. Empty where nothing is left."""
    text = _plain(words)
    if not any(c.isalnum() for c in text):
        return ""
    text = text[0].upper() + text[1:]
    return text if _TERMINAL.search(text) else text.rstrip(" ,;:—–-") + "."


def _plain(words: str) -> str:
    text = " ".join(words.split())
    for edit in (spoken, _unfill, _unstart, _unrepeat, _respell, _space):
        text = _kept(edit, text)
    return text


def _kept(edit, text: str) -> str:
    """`edit(text)`, unless it would change a number, a negation, a drug or a time."""
    after = edit(text)
    return after if after == text or weighty(after) == weighty(text) else text


@cache
def _fillers() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(p, re.I) for p in table("edits.toml")["fillers"])


def _unfill(text: str) -> str:
    for pattern in _fillers():
        text = pattern.sub(" ", text).strip()
    return text


def _unstart(text: str) -> str:
    return re.sub(table("edits.toml")["false_start"], "", text, flags=re.I)


def _unrepeat(text: str) -> str:
    kept = "|".join(table("edits.toml")["repeat_kept"])
    return re.sub(rf"\b(?!(?:{kept})\b)([^\W\d_]+)(?:,? \1\b)+", r"\1", text, flags=re.I)


def _respell(text: str) -> str:
    words = table("edits.toml")["words"]
    return re.sub(r"\bi(?:'(?:m|ve|ll|d))?\b(?!\.)", lambda m: words.get(m[0], m[0]), text)


def _space(text: str) -> str:
    text = re.sub(r"\s+([,.;:?!])", r"\1", " ".join(text.split()))
    return re.sub(r"^[\s,;:.—–-]+|,(?=[,.;])", "", text)
