"""Where clauses begin and end, by rule.

In: text. Out: offsets of clauses in order, covering every word. Knows no route and no role.

A sentence ends at its punctuation, at a blank line, or at a line that is an item of a list. Inside it a clause begins at a semicolon or dash and at
a joining word that a new subject follows ("but she stopped", "and I felt"), so that a reaction and a fact in one breath fall apart.
Speech recognisers write no punctuation: there the same joining words, and a subject with a finite verb after one, carry the whole work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from prompts import table

_SENTENCE = re.compile(r"[.?!…]+[\"'”’)\]]*(?=\s|$)|\n[ \t]*\n\s*|\n(?=[ \t]*(?:[-*•–]|\d{1,2}[.)])\s)|(?<=:)\n")
_MARK = re.compile(r";|\s[-–—]{1,2}\s|—|\n(?=[ \t]*\S)|\baside,|:(?=\s(?:he|she|they|we|i|client|patient|pt)\b)", re.I)
_LEADS_IN = re.compile(
    r"\b(?:that|if|when|whether|how|what|where|why|who|as|than|because|since|until|after|before|while|though|and|but|or|so|then|the"
    r"|says?|said|thinks?|thought|believes?|knows?|knew|feels?|felt|wish|hopes?|told|means)$",
    re.I,
)
_NOW_AND_THEN = re.compile(r"\bnow(?: and)?\s$", re.I)
_FEWEST_WORDS = 3  # a shorter piece is no clause of its own, unless a mark sets it off
_FEW_WORDS, _WORDS_A_MARK = 18, 40  # fewer words are judged as they stand; so many for each mark, and there is no punctuation worth the name
_LIST_LINE, _WRAPPED_LINE = 36, 60  # a line shorter than the first is an item of a list; one longer than the second is wrapped


@cache
def _rules() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    t = table("clauses.toml")
    flags = re.I
    subject, joiner, alone = t["subject"], "|".join(t["joiner"]), "|".join(t["alone"])
    return (
        re.compile(rf"(?:{'|'.join(t['abbreviation'])})$", flags),
        re.compile(rf"(?:,\s*|\s)(?=(?:{joiner})\s+(?:{'|'.join(t['adverb'])}\s+)*(?:{subject})\b)", flags),
        re.compile(rf"(?:,\s*|\s)(?=(?:{alone})\b)", flags),
        re.compile(rf"\s(?=(?:{t['restart']})\b)", flags),
    )


def clauses(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Offsets of each clause of `text[start:end]`, blanks trimmed, in order; every character that is no blank lies in exactly one."""
    end = len(text) if end is None else end
    bare = _unpunctuated(text, start, end)
    for a, b in _sentences(text, start, end):
        at = a
        for cut in _cuts(text, a, b, bare):
            if _stands(text, at, cut) and _stands(text, cut, b):
                yield _trim(text, at, cut)
                at = cut
        if text[at:b].strip():
            yield _trim(text, at, b)


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    at = start
    for m in _SENTENCE.finditer(text, start, end):
        if m[0][0] == "." and (_rules()[0].search(text, max(at, m.start() - 12), m.end()) or _runs_on(text, m.end(), end)):
            continue
        if _wordy(text, at, m.end()):
            yield at, m.end()
            at = m.end()
    if text[at:end].strip():
        yield at, end


def _runs_on(text: str, at: int, end: int) -> bool:
    """A small letter after a full stop, as in "9 a.m. then", after an abbreviation that nobody listed."""
    rest = text[at : min(at + 3, end)].lstrip(" ")
    before = text[max(0, at - 4) : at]
    return bool(rest) and rest[0].islower() and bool(re.search(r"\b\w\.$", before))


def _unpunctuated(text: str, start: int, end: int) -> bool:
    """Whether the stretch is a recogniser's: many words for each mark that ends a sentence."""
    words = len(text[start:end].split())
    return words >= _FEW_WORDS and sum(text.count(mark, start, end) for mark in ".?!,;") * _WORDS_A_MARK <= words


def _cuts(text: str, start: int, end: int, bare: bool) -> list[int]:
    """Places inside a sentence where a clause may begin, in order; `bare` text has no punctuation to go by."""
    _, joined, alone, restart = _rules()
    found = {m.start() if text[m.start()] == "\n" else m.end() for m in _MARK.finditer(text, start, end) if _breaks(text, m)}
    found |= {m.end() for m in joined.finditer(text, start, end)} | {m.end() for m in alone.finditer(text, start, end)}
    found = {c for c in found if not _NOW_AND_THEN.search(text, max(start, c - 9), c)}
    if bare:
        found |= {m.end() for m in restart.finditer(text, start, end) if not _LEADS_IN.search(text, start, m.start())}
    return sorted(c for c in found if start < c < end and not _in_quotation(text, start, c))


def _breaks(text: str, mark: re.Match[str]) -> bool:
    """A single line break ends a clause after a short line, as in a list; a wrapped paragraph's lines run on."""
    if "\n" not in mark[0]:
        return True
    length = mark.start() - text.rfind("\n", 0, mark.start()) - 1
    return length < _LIST_LINE or (length < _WRAPPED_LINE and not text[mark.end() : mark.end() + 40].lstrip()[:1].islower())


def _in_quotation(text: str, start: int, at: int) -> bool:
    before = text[max(start, at - 600) : at]
    return before.count('"') % 2 == 1 or before.count("“") > before.count("”")


def _stands(text: str, start: int, end: int) -> bool:
    """Long enough to be a clause, or set off by a mark."""
    piece = text[start:end].strip()
    return _wordy(text, start, end) and (piece[-1] in ",;:—-.?!" or len(piece.split()) >= _FEWEST_WORDS)


def _wordy(text: str, start: int, end: int) -> bool:
    return any(c.isalnum() for c in text[start:end])


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
