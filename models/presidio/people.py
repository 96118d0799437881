"""Names of people, by what stands beside them: a relation, a title, a verb that only a person does, or a list of given names.

In: text, and what is known of the visit. Out: Presidio results that carry their kind and replacement. Knows no profile, no severity and no model:
a bare surname that nothing introduces is not found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import regex
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from drafting.types import Context
from models.presidio.rules import KIND, REPLACEMENT, sentence
from prompts import table

NAME_KEY = "name"  # in a result's metadata: where the name alone begins, from the span's start
_WORD = r"(?:\p{Lu}['’])?\p{Lu}\p{Ll}+(?:\p{Lu}\p{Ll}+)?(?:-(?:\p{Lu}['’])?\p{Lu}?\p{Ll}+)*"
_PARTICLES = ("de", "da", "del", "della", "van", "von", "bin", "ben", "al", "el", "la", "der", "den", "dos", "das", "di")
_NAME = rf"{_WORD}(?:[ ](?:(?:{'|'.join(_PARTICLES)})[ ]){{0,2}}(?:\p{{Lu}}\.|{_WORD})){{0,3}}"
_SMALL, _ENDS = r"\p{Ll}{2,}", r"(?![\p{L}\d])"
_INITIALS = r"\p{Lu}\.(?:[ ]?\p{Lu}\.)?"
_OWNER = r"(?:(?:his|her|their|my|the|a|an|another|this|client’s|client's)[ ])"
_KINDS = ("F02", "F06", "F04", "F03", "care")


def _words(section: str) -> frozenset[str]:
    return frozenset(table("phi_people.toml")[section]["words"].split())


@cache
def _lists() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Given names, everyday words that are names too, and capitalised words that name nobody."""
    given, ambiguous = _words("given"), _words("ambiguous")
    return given - ambiguous, ambiguous, _words("not_names") | (_words("wide_places") - given - ambiguous)


@cache
def _relations() -> dict[str, str]:
    """Each relation's word and its kind."""
    rows = table("phi_people.toml")["relations"]
    return {word: kind for kind in reversed(_KINDS) for word in rows[kind]["words"]}


@cache
def _patterns() -> dict[str, regex.Pattern[str]]:
    terms = sorted(_relations(), key=len, reverse=True)
    titles = "|".join(table("phi_people.toml")["title"]["words"])
    between = r"(?:,?[ ](?:named|called|who is|is|whose name is)|,)?[ ]"
    adjective = r"(?:(?!(?:and|or|but|to|of)[ ])[\p{L}-]+[ ]){0,2}?"
    named_one = rf"(?:(?i:{titles})\.?[ ])?(?P<name>{_NAME}|{_INITIALS})"
    return {
        "relation": regex.compile(rf"\b(?P<term>(?i:\L<terms>))(?P<between>{between})(?:{named_one}|(?P<small>{_SMALL})){_ENDS}", terms=terms),
        "owner": regex.compile(rf"\b(?i:{_OWNER}{adjective})$"),
        "introduced": regex.compile(rf"\b(?P<term>(?i:\L<terms>)){between}$", terms=terms),
        "after": regex.compile(rf"\b(?P<name>{_NAME})(?:,[ ]|[ ]\()(?P<head>(?i:{_OWNER}){adjective}(?P<term>(?i:\L<terms>)))\b\)?", terms=terms),
        "title": regex.compile(rf"\b(?P<title>(?i:{titles}))\.?[ ](?P<name>{_NAME})"),
        "doctor": regex.compile(rf"\b(?i:dr|doctor)\.?[ ](?P<name>{_NAME})"),
        "bare": regex.compile(rf"(?<![\p{{L}}\d'’-])(?P<name>{_NAME})(?![\p{{L}}\d])(?!['’](?!s\b)\p{{L}})"),
        "verb": regex.compile(table("phi_people.toml")["verbs"]["after"]),
        "before": regex.compile(table("phi_people.toml")["verbs"]["before"], regex.IGNORECASE),
        "care": regex.compile(table("phi_people.toml")["doctor"]["care"], regex.IGNORECASE),
    }


def named(name: str, at_head: bool = False) -> str:
    """`name` cut at the first word that names nobody; empty where the first does. `at_head`: a sentence's first word may be any word."""
    given, _, nobody = _lists()
    kept: list[str] = []
    for word in name.split():
        bare = word.lower().rstrip(".").removesuffix("'s").removesuffix("’s")
        if kept and word in _PARTICLES:
            kept.append(word)
            continue
        if bare in nobody and not (kept and len(bare) == 1) and bare not in given:
            break
        if at_head and not kept and bare not in given:
            break
        kept.append(word)
    while kept and kept[-1] in _PARTICLES:
        kept.pop()
    return " ".join(kept)


class People(EntityRecognizer):
    """Names with a relation ("her sister Maria"), a title ("Mrs. Halloran") or a person's verb ("and Colin said")."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["PERSON"], name="people")

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:
        found = [*_related(text), *_apposed(text), *_titled(text), *_doctors(text)]
        taken = [(r.start, r.end) for r in found] + [m.span() for m in _patterns()["doctor"].finditer(text)]
        found += _bare(text, sorted(taken))
        return [r for r in found if r.recognition_metadata[KIND] != "care"]


def result(start: int, end: int, kind: str, replacement: str | None, name_at: int = 0, entity: str = "PERSON") -> RecognizerResult:
    """A finding of a person; `name_at` is where the name begins, from `start`."""
    data = {KIND: kind, REPLACEMENT: replacement, NAME_KEY: name_at, RecognizerResult.RECOGNIZER_NAME_KEY: "people"}
    return RecognizerResult(entity, start, end, 0.9, recognition_metadata=data)


def introduced(text: str, start: int, end: int) -> RecognizerResult | None:
    """The name `start:end` with the relation before it ("her sister maria", "a friend called Osei"), or None where none stands there."""
    m = _patterns()["introduced"].search(text, max(0, start - 40), start)
    if not m:
        return None
    owner = _patterns()["owner"].search(text, max(0, m.start() - 40), m.start())
    first = owner.start() if owner else m.start()
    return result(first, end, _relations()[m["term"].lower()], text[first : m.end("term")], start - first)


def treats(text: str, start: int, end: int) -> bool:
    """Whether `start:end` is a doctor's name where the sentence coordinates care: there the reader needs it."""
    own = text[max(0, start - 8) : end]
    titled = regex.search(r"\b(?i:dr|doctor)\.?[ ]", own) is not None
    return titled and bool(_patterns()["care"].search(sentence(text, start, end).replace(text[start:end], " ")))


def _related(text: str) -> Iterator[RecognizerResult]:
    """ "Her sister Maria"; in a recogniser's small letters, "her sister maria", where the name is a known one."""
    for m in _patterns()["relation"].finditer(text):
        name = named(m["name"]) if m["name"] else m["small"] if m["small"] in _lists()[0] else ""
        if not name or (m["between"].strip(" ,") == "is" and name.split()[0].lower() not in _lists()[0]):
            continue
        owner = _patterns()["owner"].search(text, max(0, m.start() - 40), m.start())
        start = owner.start() if owner else m.start()
        name_at = m.start("name") if m["name"] else m.start("small")
        end = name_at + len(name)
        if m["between"].startswith(",") and text[end : end + 1] == ",":  # "her brother, Tomasz, called"
            end += 1
        yield result(start, end, _relations()[m["term"].lower()], text[start : m.end("term")], name_at - start)


def _apposed(text: str) -> Iterator[RecognizerResult]:
    """ "Maria, her sister" """
    for m in _patterns()["after"].finditer(text):
        if m["term"].lower() != "patient" and named(m["name"], at_head=_at_head(text, m.start())) == m["name"]:
            yield result(m.start(), m.end() if m[0].endswith(")") else m.end("head"), _relations()[m["term"].lower()], m["head"])


def _titled(text: str) -> Iterator[RecognizerResult]:
    rules = table("phi_people.toml")["title"]
    for m in _patterns()["title"].finditer(text):
        title = m["title"].lower()
        known = title in rules["kind_of"] or title in rules["replacement"]
        if (m["title"][0].isupper() or known) and (name := named(m["name"])):
            replacement = rules["replacement"].get(title) or (f"an {title}" if title[0] in "aeiou" else f"a {title}" if known else None)
            yield result(m.start(), m.start("name") + len(name), rules["kind_of"].get(title, rules["kind"]), replacement, m.start("name") - m.start())


def _doctors(text: str) -> Iterator[RecognizerResult]:
    """A doctor's name, unless the sentence coordinates care: there the reader needs it."""
    for m in _patterns()["doctor"].finditer(text):
        if not _patterns()["care"].search(sentence(text, m.start(), m.end()).replace(m[0], " ")):
            yield result(m.start(), m.end(), "F03", "a doctor", m.start("name") - m.start())


def _bare(text: str, taken: Sequence[tuple[int, int]]) -> Iterator[RecognizerResult]:
    """Names that nothing introduces: a known given name, or a capitalised word that does what only a person does."""
    at = 0
    for m in _patterns()["bare"].finditer(text):
        while at < len(taken) and taken[at][1] <= m.start():
            at += 1
        if at < len(taken) and taken[at][0] < m.end():
            continue
        for start, name in _candidates(text, m.start(), m["name"]):
            if _is_person(text, start, name):
                yield result(start, start + len(name), "F03", None)
                break


def _candidates(text: str, start: int, run: str) -> Iterator[tuple[int, str]]:
    """A run of capitalised words, and the same without its first ones: "Reviewed Maria" gives "Maria"."""
    words = run.split(" ")
    for n in range(len(words)):
        rest = " ".join(words[n:])
        name = named(rest, at_head=n == 0 and _at_head(text, start))
        if name:
            yield start + len(run) - len(rest), name


def _is_person(text: str, start: int, name: str) -> bool:
    given, ambiguous, _ = _lists()
    first = name.split()[0].lower().removesuffix("'s").removesuffix("’s")
    if first in given:
        return True
    does = bool(_patterns()["verb"].match(text, start + len(name)))
    met = bool(_patterns()["before"].search(text, max(0, start - 40), start))
    if first in ambiguous:
        surname = len(name.split()) > 1 and not all(w.lower() in ambiguous for w in name.split())
        return met or (does and not _at_head(text, start)) or (surname and (met or does))
    return (met or does) and not _at_head(text, start)


def _at_head(text: str, start: int) -> bool:
    """Whether `start` is where a sentence or a quotation begins, so that the capital says nothing."""
    before = text[max(0, start - 3) : start].rstrip(" ")
    return not before or before[-1] in '.?!…:\n“"(-–—•*'


# ── people whom the visit knows ───────────────────────────────────────────────────────────────────────────────────────


class Client(EntityRecognizer):
    """The client's own names: whole, and each part. A part that is an everyday word counts with its capital alone."""

    def __init__(self, context: Context) -> None:
        super().__init__(supported_entities=["CLIENT"], name="client")
        parts = {p for name in context.client_names for p in (name, *name.split()) if len(p) > 1}
        everyday = _lists()[1] | _lists()[2]
        exact = [regex.escape(p) for p in parts if p.lower() in everyday]
        free = [f"(?i:{regex.escape(p)})" for p in parts if p.lower() not in everyday]
        longest = sorted(free + exact, key=len, reverse=True)
        self.pattern = regex.compile(rf"(?<![\p{{L}}\d])(?:{'|'.join(longest)})(?![\p{{L}}\d])") if longest else None

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:
        if self.pattern is None:
            return []
        return [result(m.start(), m.end(), "F01", None, entity="CLIENT") for m in self.pattern.finditer(text)]


class OtherClients(EntityRecognizer):
    """Names of the practice's other clients, by keyed digest: up to four words in a row, in either case."""

    def __init__(self, context: Context) -> None:
        super().__init__(supported_entities=["OTHER_CLIENT"], name="other clients")
        self.roster = context.roster

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None) -> list[RecognizerResult]:
        if not self.roster.digests:
            return []
        words = list(regex.finditer(r"[\p{L}\p{M}]+(?:['’.-][\p{L}\p{M}]+)*\.?", text))
        return list(self._runs(text, words))

    def _runs(self, text: str, words: Sequence[regex.Match[str]]) -> Iterator[RecognizerResult]:
        for i, first in enumerate(words):
            for last in reversed(words[i : i + 4]):
                for run in {text[first.start() : last.end()], text[first.start() : last.end()].removesuffix("'s").removesuffix("’s").rstrip(".")}:
                    if run in self.roster:
                        yield result(first.start(), first.start() + len(run), "F04", None, entity="OTHER_CLIENT")
