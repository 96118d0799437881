"""A `PhiScanner`: Presidio's recognisers and ours, and the policy's word on what they find.

In: text, what is known of the visit, a profile of phi_policy.toml. Out: findings in order, none overlapping another, each with its reason
and what may stand in its place. Knows no draft and no section. Long texts are read in pieces that end where a line or a sentence does, so that
the time grows with the length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import version

import regex
from presidio_analyzer import AnalyzerEngine, RecognizerResult

from drafting.errors import PolicyError
from drafting.types import Context, PhiFinding, Severity
from models.presidio.engine import analyzer
from models.presidio.people import NAME_KEY, Client, OtherClients, People, named, result
from models.presidio.quotes import Quotations
from models.presidio.rules import KIND, REPLACEMENT, rules, sentence
from models.presidio.tagged import Tagged, Tagger
from prompts import digest, table

_PIECE = 6000  # characters that Presidio reads at once
_FILES = ("phi_policy.toml", "phi_rules.toml", "phi_people.toml")
_ORDER = list(Severity)
_PERSONS = ("F02", "F03", "F04", "F06")


class PresidioScanner:
    """Implements `ports.PhiScanner`."""

    def __init__(self, tagger: Tagger | None = None) -> None:
        """`tagger` is the clinical encoder's: with it, names that no rule knows are found too."""
        self.name = f"presidio:{version('presidio-analyzer')}:" + "".join(digest(f)[:4] for f in _FILES) + ("+tagger" if tagger else "")
        self._analyzer = analyzer([*rules(), People(), Quotations(), *([Tagged(tagger)] if tagger else [])])
        self._policy = table("phi_policy.toml")
        self._needed = regex.compile(self._policy["needed"]["patterns"], regex.IGNORECASE)

    def scan(self, text: str, context: Context, profile: str = "chart") -> tuple[PhiFinding, ...]:
        """Findings in `text`. Raises PolicyError for a profile that the policy does not have."""
        if profile not in self._policy["profiles"]:
            raise PolicyError(file="phi_policy.toml", reason=f"there is no profile {profile}; known are {', '.join(self._policy['profiles'])}")
        results = [r for start, piece in _pieces(text) for r in self._read(piece, start, context)]
        results = _once(results, _echoes(text, results))
        found = [f for r in results if (f := self._finding(r, text, context, profile))]
        return _apart(found, text)

    def _read(self, piece: str, start: int, context: Context) -> Iterator[RecognizerResult]:
        known = [Client(context), OtherClients(context)]
        for r in self._analyzer.analyze(piece, language="en", ad_hoc_recognizers=known):
            r.start, r.end = r.start + start, r.end + start
            yield r

    def _finding(self, r: RecognizerResult, text: str, context: Context, profile: str) -> PhiFinding | None:
        """The policy's word on one result: its kind, its weight for this reader, what a person reads. None where it is not raised."""
        own = self._policy["entities"].get(r.entity_type, {})
        kind = r.recognition_metadata.get(KIND) or own.get("kind")
        if kind is None or r.score < own.get("least", 0.0) or (kind in _PERSONS and _is_clinician(text[r.start : r.end], context)):
            return None
        if kind == "F03" and context.note_kind == "group":
            kind = "F04"  # in a group's note a name that nothing else explains is another member's
        if kind in self._policy["profiles"][profile]["drop"]:
            return None
        words = self._policy["kinds"][kind]
        replacement = next(w for w in (r.recognition_metadata.get(REPLACEMENT), own.get("replacement"), words["replacement"]) if w is not None)
        return PhiFinding(
            r.start,
            r.end,
            text[r.start : r.end],
            r.entity_type,
            kind,
            self._severity(kind, r, text, profile),
            r.recognition_metadata.get("reason") or words["reason"],
            _fitted(replacement, text, r.start),
            r.score,
        )

    def _severity(self, kind: str, r: RecognizerResult, text: str, profile: str) -> Severity:
        """How much the kind weighs for this reader; little where the sentence shows that the reader needs it."""
        may_be_needed = kind in _PERSONS or r.entity_type == "CASE_NUMBER"
        if may_be_needed and self._needed.search(sentence(text, r.start, r.end)):
            return Severity.LOW
        return Severity(self._policy["profiles"][profile].get("severity", {}).get(kind, self._policy["kinds"][kind]["severity"]))


def patterns_alone(text: str) -> list[tuple[int, int]]:
    """What Presidio's own patterns find, with no rule and no tagger of ours: what figures are compared with."""
    return [(r.start, r.end) for r in _bare_presidio().analyze(text, language="en") if r.score >= 0.4]


@cache
def _bare_presidio() -> AnalyzerEngine:
    return analyzer(())


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Stretches of at most `_PIECE` characters, cut after a blank line, a line, a sentence or a word, whichever comes first of these."""
    at = 0
    while at < len(text):
        end = min(at + _PIECE, len(text))
        if end < len(text):
            cuts = (text.rfind(mark, at + _PIECE // 2, end) + len(mark) for mark in ("\n\n", "\n", ". ", " "))
            end = next((c for c in cuts if c > at + _PIECE // 2), end)
        yield at, text[at:end]
        at = end


def _once(results: Sequence[RecognizerResult], echoes: Sequence[RecognizerResult]) -> list[RecognizerResult]:
    """The results, without names that something surer explains: the visit knows them, or they were introduced elsewhere."""
    surer = {(r.start, r.end) for r in echoes} | {(r.start, r.end) for r in results if r.entity_type in ("CLIENT", "OTHER_CLIENT")}
    return [r for r in results if r.entity_type != "PERSON" or (r.start, r.end) not in surer] + list(echoes)


def _echoes(text: str, results: Sequence[RecognizerResult]) -> list[RecognizerResult]:
    """A name that was introduced once ("her sister Maria") is the same person wherever it stands again."""
    known: dict[str, RecognizerResult] = {}
    for r in sorted(results, key=lambda r: (_PERSONS.index(k) if (k := r.recognition_metadata.get(KIND)) in _PERSONS else 9, r.start)):
        name_at = r.recognition_metadata.get(NAME_KEY)
        if name_at is not None and r.recognition_metadata[KIND] in _PERSONS:
            for word in regex.findall(r"\p{Lu}[\p{L}'’-]{2,}", text[r.start + name_at : r.end]):
                known.setdefault(word.removesuffix("'s").removesuffix("’s"), r)
    names = [w for w in known if named(w) == w]
    if not names:
        return []
    pattern = regex.compile(r"(?<![\p{L}\d])\L<names>(?![\p{L}\d])", names=names)
    spans = sorted((r.start, r.end) for r in results if r.entity_type == "PERSON")
    return list(_again(pattern, text, spans, known))


def _again(
    pattern: regex.Pattern[str], text: str, spans: Sequence[tuple[int, int]], known: dict[str, RecognizerResult]
) -> Iterator[RecognizerResult]:
    at = 0
    for m in pattern.finditer(text):
        while at < len(spans) and spans[at][1] <= m.start():
            at += 1
        first = known[m[0]].recognition_metadata
        bare = at < len(spans) and spans[at] == m.span() and first[REPLACEMENT]
        if bare or at == len(spans) or spans[at][0] >= m.end():
            yield result(m.start(), m.end(), first[KIND], first[REPLACEMENT])


def _is_clinician(words: str, context: Context) -> bool:
    """The author's own name is on the note by right."""
    own = set(regex.findall(r"\p{L}{2,}", (context.clinician or "").lower()))
    name = regex.findall(r"\p{L}{2,}", words.lower())
    return bool(own) and all(w in own or w in ("dr", "doctor", "mr", "mrs", "ms") for w in name)


def _fitted(replacement: str, text: str, start: int) -> str:
    """A capital where the words begin a sentence, small letters where they do not; a name in it stays as it is."""
    head = text[max(0, start - 2) : start].rstrip(" ")
    begins = not head or head[-1] in '.?!…\n“"'
    if not replacement or not begins:
        return replacement if replacement == "Client" or not replacement[:1].isupper() else replacement[0].lower() + replacement[1:]
    return replacement[0].upper() + replacement[1:]


def _apart(found: Iterable[PhiFinding], text: str) -> tuple[PhiFinding, ...]:
    """Findings that do not overlap: the graver stays, then the longer. A quotation yields what another finding needs and keeps its longer rest."""
    kept: list[PhiFinding] = []
    for f in sorted(found, key=lambda f: (f.entity == "QUOTE", -_ORDER.index(f.severity), f.start - f.end, f.start)):
        clash = [k for k in kept if k.start < f.end and f.start < k.end]
        if clash and f.entity == "QUOTE":
            edges = [f.start, *(e for k in sorted(clash, key=lambda k: k.start) for e in (k.start, k.end)), f.end]
            start, end = max(zip(edges[::2], edges[1::2], strict=True), key=lambda p: p[1] - p[0])
            start, end = start + len(text[start:end]) - len(text[start:end].lstrip()), end - len(text[start:end]) + len(text[start:end].rstrip())
            if end - start > 0:
                kept.append(PhiFinding(start, end, text[start:end], f.entity, f.kind, f.severity, f.reason, f.suggestion, f.score))
        elif not clash:
            kept.append(f)
    return tuple(sorted(kept, key=lambda f: f.start))
