"""A review as its page shows it: what to decide first, the note with its marks, and what still blocks a signature, all in words.

In: a review, its source, its author, the client's plan. Out: frozen values that a template prints without thinking. Pure: knows no store, no request
and no template. A block or a suggestion leads to the place on the page where it is cleared (`go`, an element's id there).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drafting.pipeline import formats
from drafting.pipeline.elements import CODES
from drafting.record.review import lifecycle
from drafting.record.review.lifecycle import Block
from drafting.types import NoteFormat, Role, Route, Support
from drafting.types.record import Person
from drafting.types.review import Flag, FlagState, Origin, Review, ReviewSentence, RiskAnswer, RiskQuestion, Undecided
from drafting.web import words
from drafting.web.heads import Head, head
from drafting.web.sources import Line, Said, Source
from prompts import table

_PLACEHOLDER = "["  # "[paraphrase]" tells a person what to do, and replaces nothing


@dataclass(frozen=True, slots=True)
class FlagView:
    """A finding: `words` found, `suggestion` what would stand there, `usable` whether it can, `never` whether no signature passes it."""

    id: str
    words: str = field(repr=False)
    suggestion: str = field(repr=False)
    usable: bool
    what: str
    reason: str
    severity: str
    state: str
    stands: str
    never: bool
    why: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of a sentence, and the finding that they are of."""

    text: str = field(repr=False)
    flag: FlagView | None = None


@dataclass(frozen=True, slots=True)
class SentenceView:
    """A sentence with its marks. `mark`: what is wrong with its support, in words; `unsaid`: it blocks until confirmed or reworded."""

    id: str
    section: str
    text: str = field(repr=False)
    runs: tuple[Run, ...] = ()
    sources: tuple[Said, ...] = ()
    support: str = "supported"
    mark: str = ""
    unsaid: bool = False
    origin: str = ""
    confirmed: bool = False
    open: tuple[FlagView, ...] = ()
    settled: tuple[FlagView, ...] = ()
    goals: tuple[str, ...] = ()

    @property
    def evidence(self) -> str:
        return " ".join(s.id for s in self.sources)


@dataclass(frozen=True, slots=True)
class Ask:
    """What nobody said. `go` "" where it is added as a sentence of `section`; `needed`: it blocks; otherwise it may be dismissed."""

    element: str
    text: str
    section: str
    title: str
    needed: bool
    go: str


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section of the note, with what is asked for in it."""

    key: str
    title: str
    sentences: tuple[SentenceView, ...]
    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A held statement to decide. `must`: why it cannot be left; `decided` "" while it is open, else where it went."""

    statement: str
    said: Said
    must: str = ""
    decided: str = ""


@dataclass(frozen=True, slots=True)
class RiskView:
    """A risk item, and its four answers; `chosen` is "" until the clinician chose."""

    id: str
    topic: str
    whose: str
    polarity: str
    said: tuple[Said, ...]
    answers: tuple[tuple[str, str], ...]
    chosen: str
    own: str = field(repr=False, default="")
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """Something that was said for the record, and no sentence rests on. `taken`: the clinician has taken it in, and it is still to be written."""

    said: Said
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something that the record may need and that stands in private words alone."""

    element: str
    what: str
    times: int


@dataclass(frozen=True, slots=True)
class Item:
    """Something in the sign bar: its words, and where on the page it is cleared."""

    text: str
    go: str
    code: str


@dataclass(frozen=True, slots=True)
class Bar:
    """What stands between the note and a signature: `blocks` in the order in which one would clear them, `never` that not even urgent care passes."""

    left: int
    blocks: tuple[Item, ...]
    never: bool
    suggestions: tuple[Item, ...]

    @property
    def clear(self) -> bool:
        return not self.left


@dataclass(frozen=True, slots=True)
class ReviewView:
    """All of a review's page. `lacking`: what nobody said, in words, that the header can bear."""

    encounter: str
    version: int
    session: bool
    format: str
    title: str
    formats: tuple[tuple[str, str], ...]
    head: Head
    cards: tuple[Card, ...]
    decided: tuple[Card, ...]
    rest: int
    sections: tuple[SectionView, ...]
    risks: tuple[RiskView, ...]
    asks: tuple[Ask, ...]
    lacking: tuple[str, ...]
    left: tuple[Left, ...]
    prompts: tuple[Prompt, ...]
    rough: bool
    private: int
    bar: Bar
    lines: tuple[Line, ...] = field(repr=False)
    returned: str | None = field(repr=False, default=None)
    flags: int = 0


def review_view(review: Review, source: Mapping[str, Any], *, author: Person | None = None, plan: Mapping[str, Any] | None = None) -> ReviewView:
    """The whole page. `source`: the source as it lies on the workbench, `{}` where there is none; `plan`: the client's treatment plan."""
    undecided = {h.statement for h in review.held if h.decision is None}
    heard = Source(source, review.private, undecided)
    known = {f.key: f for f in formats.available()}
    asks = tuple(_asks(review, known.get(review.format), author))
    lacking = tuple(words.group("elements")[code]["name"] for code in _lacking(review, author) if _of_head(code))
    return ReviewView(
        encounter=review.encounter,
        version=review.version,
        session=review.mode.value == "session",
        format=review.format,
        title=known[review.format].title if review.format in known else review.format,
        formats=tuple((f.key, f.title) for f in known.values()),
        head=head(review, plan),
        cards=tuple(_card(h, heard) for h in review.held if h.decision is None),
        decided=tuple(_card(h, heard) for h in review.held if h.decision not in (None, Route.PRIVATE)),
        rest=sum(not (h.risk or h.elements) for h in review.held if h.decision is None),
        sections=tuple(_section(review, key, title, heard, asks) for key, title in review.sections),
        risks=tuple(_risk(r, heard) for r in review.risks),
        asks=tuple(a for a in asks if not a.section),
        lacking=lacking,
        left=tuple(_left(review, heard)),
        prompts=tuple(Prompt(e, words.word("excluded", e), len(rests)) for e, rests in review.prompts if e not in review.dismissed),
        rough=review.rough and not review.rough_confirmed,
        private=len(review.private),
        bar=bar(review, author),
        lines=heard.lines(),
        returned=review.returned,
        flags=sum(f.state is FlagState.OPEN for f in review.flags),
    )


# ── the note ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _section(review: Review, key: str, title: str, heard: Source, asks: Sequence[Ask]) -> SectionView:
    sentences = tuple(_sentence(review, s, heard) for s in review.sentences if s.section == key)
    return SectionView(key, title, sentences, tuple(a for a in asks if a.section == key))


def _sentence(review: Review, s: ReviewSentence, heard: Source) -> SentenceView:
    flags = sorted((f for f in review.flags if f.sentence == s.id), key=lambda f: f.start)
    seen = {f.id: _flag(f) for f in flags}
    doubtful = s.origin is Origin.DRAFTED and not s.confirmed and s.support is not Support.SUPPORTED
    support = s.support.value if doubtful else Support.SUPPORTED.value
    return SentenceView(
        id=s.id,
        section=s.section,
        text=s.text,
        runs=tuple(_runs(s.text, flags, seen)),
        sources=tuple(said for e in s.evidence if (said := heard.said(e)) is not None),
        support=support,
        mark=words.word("support", support),
        unsaid=lifecycle.unsaid(s),
        origin=words.word("origins", s.origin.value),
        confirmed=s.confirmed,
        open=tuple(seen[f.id] for f in flags if f.state is FlagState.OPEN or _never(f)),
        settled=tuple(seen[f.id] for f in flags if f.state is not FlagState.OPEN and not _never(f)),
        goals=s.goals,
    )


def _runs(text: str, flags: Sequence[Flag], seen: Mapping[str, FlagView]) -> Iterator[Run]:
    """The sentence cut at its findings; of two that overlap, the first is marked."""
    at = 0
    for f in flags:
        if f.start < at or f.end <= f.start:
            continue
        if f.start > at:
            yield Run(text[at : f.start])
        yield Run(text[f.start : f.end], seen[f.id])
        at = f.end
    if at < len(text):
        yield Run(text[at:])


def _never(f: Flag) -> bool:
    return f.kind in lifecycle.never() and f.state is not FlagState.APPLIED


def _flag(f: Flag) -> FlagView:
    usable = not f.suggestion.startswith(_PLACEHOLDER)
    state = words.word("finding_states", f.state.value)
    what = words.word("findings", f.kind)
    return FlagView(f.id, f.words, f.suggestion, usable, what, f.reason, f.severity.value, f.state.value, state, f.kind in lifecycle.never(), f.why)


# ── what the clinician is asked ───────────────────────────────────────────────────────────────────────────────────────


def _card(h: Undecided, heard: Source) -> Card:
    said = heard.said(h.statement) or Said(h.statement, h.text)
    decided = {None: "", Route.RECORD: "record", Route.SET_ASIDE: "aside"}.get(h.decision, "")
    reasons = ["it speaks of danger"] if h.risk else []
    reasons += [f"it names {words.word('excluded', e)}" for e in h.elements]
    return Card(h.statement, said, " and ".join(reasons), decided)


def _risk(r: RiskQuestion, heard: Source) -> RiskView:
    said = tuple(s for e in r.evidence if (s := heard.said(e)) is not None)
    answers = tuple((a.value, words.word("answers", a.value)) for a in RiskAnswer)
    known = words.group("topics")
    labels = {t["key"]: t["label"] for t in table("risk.toml")["topic"]}
    topic = known.get(r.topic) or labels.get(r.topic, r.topic)
    chosen = r.answer.value if r.answer else ""
    polarity = words.word("polarity", r.polarity.value) if r.evidence else "not spoken of"
    return RiskView(r.id, topic, r.whose, polarity, said, answers, chosen, r.own or "", lifecycle.answered(r))


def _asks(review: Review, note_format: NoteFormat | None, author: Person | None) -> Iterator[Ask]:
    """What the note lacks, what blocks first; what the header bears is asked for there."""
    blocking = {b.code for b in lifecycle.blocks(review, author=author)}
    for element in _lacking(review, author):
        if _of_head(element):
            continue
        rule = words.group("elements")[element]
        go = rule.get("go", "")
        section = "" if go else _home(element, note_format, review)
        yield Ask(element, rule["ask"], section, dict(review.sections).get(section, ""), element in blocking, go)


def _lacking(review: Review, author: Person | None) -> tuple[str, ...]:
    """Elements that nobody said, those that block first."""
    found = (*lifecycle.blocks(review, author=author), *_offered(review, author))
    return tuple(dict.fromkeys(b.code for b in found if b.code in CODES))


def _of_head(element: str) -> bool:
    """Whether the header bears an element."""
    return words.group("elements")[element].get("go") == "head"


def _home(element: str, note_format: NoteFormat | None, review: Review) -> str:
    """The section in which an element would be told."""
    role = table("questions.toml").get(element, {}).get("role")
    if note_format is None or role is None:
        return review.sections[-1][0]
    return note_format.section_of(Role(role)).key


def _left(review: Review, heard: Source) -> Iterator[Left]:
    """What was said for the record and stands in no sentence, in the order in which it was said."""
    written = {e for s in review.sentences for e in s.evidence} | set(review.private)
    taken = {h.statement for h in review.held if h.decision is Route.RECORD}
    for s in heard.statements:
        if (s["route"] == Route.RECORD or s["id"] in taken) and s["id"] not in written:
            yield Left(heard.said(s["id"]), s["id"] in taken)


# ── the sign bar ──────────────────────────────────────────────────────────────────────────────────────────────────────


def bar(review: Review, author: Person | None = None) -> Bar:
    """What blocks and what is suggested, counted by what it is, each with the place where the first of it stands."""
    standing = lifecycle.blocks(review, author=author)
    known = review.header.confirmed  # before that the header is asked for anyway
    offered = [b for b in _offered(review, author) if known or b.code not in CODES or not _of_head(b.code)]
    return Bar(len(standing), _items("blocks", standing), any(b.never for b in standing), _items("suggestions", offered))


def _offered(review: Review, author: Person | None) -> list[Block]:
    """What may be left: without the author's credential, where there is one."""
    credential = {"E08"} if author and author.credential else set()
    return [b for b in lifecycle.suggestions(review) if b.code not in credential]


def _items(group: str, blocks: Sequence[Block]) -> tuple[Item, ...]:
    made: dict[tuple[str, str], list[Block]] = {}
    for b in blocks:
        made.setdefault(_kind(b, group), []).append(b)
    return tuple(_item(group, kind, what, found) for (kind, what), found in made.items())


def _kind(b: Block, group: str) -> tuple[str, str]:
    """How a block is counted, and what it is about."""
    if b.code in CODES:
        return "element", words.group("elements")[b.code]["name"] if group == "blocks" else ""
    if b.code in words.group("findings"):
        return "finding", words.word("findings", b.code) if group == "blocks" else ""
    if b.code in words.group("excluded"):
        return "prompt", ""
    return b.code, ""


def _item(group: str, kind: str, what: str, found: Sequence[Block]) -> Item:
    go, first = words.group(group)[kind]["go"], found[0].subject
    if kind == "element":
        go = "head" if _of_head(first) else f"ask-{first}"
    places = {"decide": f"card-{first}", "risk": f"risk-{first}", "finding": f"flag-{first}", "sentence": first, "left": f"left-{first}"}
    return Item(words.counted(group, kind, len(found), what), places.get(go, go), kind)
