"""A signed note as its page shows it: the note that stands, its signatures, and all that was signed after it or before it was corrected.

In: a `Document`. Out: frozen values that a template prints without thinking. Pure: knows no store, no request and no template. Letters that could
steer a page or hide are marks here already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from drafting.record.export.blocks import FRAME, HEADER, MEANINGS, line, local, note_title, open_items, rows
from drafting.record.export.letters import plain
from drafting.record.export.parties import Parties
from drafting.record.export.profiles import amended, every, profile, standing, withdrawn
from drafting.types.record import Document, NoteKind, RiskLine, Signature, SignedNote
from drafting.types.review import Origin, Review
from drafting.web import words
from drafting.web.forms import said
from drafting.web.heads import goals_of
from prompts import table

_ABOVE = frozenset({"client", "date"})  # the page says these itself


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence as signed. `origin`: whose wording it is, in words, where that is known and not the draft's."""

    text: str = field(repr=False)
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A section as signed; `text` is what is copied to another chart."""

    key: str
    title: str
    sentences: tuple[Words, ...]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seal:
    """A signature in words."""

    meaning: str
    who: str = field(repr=False)
    statement: str
    when: str
    method: str
    digest: str


@dataclass(frozen=True, slots=True)
class Paper:
    """One signed document. `banners`: what must be read first; `struck`: it was entered in error; `corrected`: a later one stands for it."""

    id: str
    title: str
    kind: str
    banners: tuple[str, ...]
    reason: str = field(repr=False)
    head: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    risks: tuple[str, ...] = field(repr=False)
    seals: tuple[Seal, ...]
    drafted: str
    struck: bool
    corrected: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The document that is to be read as the note, those added to it, and those that a correction has replaced."""

    note: Paper
    after: tuple[Paper, ...]
    before: tuple[Paper, ...]


def shown(document: Document, review: Review | None = None, plan: Mapping[str, Any] | None = None) -> Shown:
    """A whole document. `review`: the one that was signed, where it can be read; it knows whose wording each sentence is. `plan`: the client's
    treatment plan, which has words for goals."""
    errors, corrected, stands = withdrawn(document), amended(document), standing(document)
    origins = {s.text: words.word("origins", s.origin.value) for s in review.sentences if s.origin is not Origin.DRAFTED} if review else {}
    goals = {goal.id: goal.text for goal in goals_of(plan) if goal.text}
    made = {d.note.id: _paper(d, d.note.id in errors, d.note.id in corrected, origins, goals) for d in every(document)}
    others = [d for d in every(document) if d.note.id != stands.note.id]
    old = [d.note.id for d in others if d.note.kind in (NoteKind.NOTE, NoteKind.AMENDMENT)]
    later = [d.note.id for d in others if d.note.kind not in (NoteKind.NOTE, NoteKind.AMENDMENT)]
    return Shown(made[stands.note.id], tuple(made[n] for n in later), tuple(made[n] for n in old))


def _paper(one: Document, struck: bool, corrected: bool, origins: Mapping[str, str], goals: Mapping[str, str]) -> Paper:
    note = one.note
    shows = profile("chart").shows - _ABOVE
    headed = note.kind in (NoteKind.NOTE, NoteKind.AMENDMENT)
    banners = [FRAME["error"]] if struck else [FRAME["amended"]] if corrected else []
    banners += [f"{FRAME['incomplete']} {open_items(note, shows)}"] if note.open_items else []
    banners += [f"{FRAME['late']}. {line(note.header.late_reason or '')}".strip()] if note.late else []
    return Paper(
        id=note.id,
        title=note_title(note),
        kind=note.kind.value,
        banners=tuple(banners),
        reason=line(note.reason or ""),
        head=tuple(_head(note, shows, goals)) if headed else (),
        parts=tuple(_part(s.key, s.title, [t.text for t in s.sentences], origins) for s in note.sections if s.text.strip()),
        risks=tuple(_risk(risk) for risk in note.risks),
        seals=tuple(map(_seal, one.signatures)),
        drafted=_drafted(note),
        struck=struck,
        corrected=corrected,
    )


def _head(note: SignedNote, shows: frozenset[str], goals: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What stands over it, with a goal's words for its id."""
    for label, text in rows(note.header, Parties("", ""), shows, False):
        yield label, "; ".join(line(goals.get(g, g)) for g in note.header.goals) if label == HEADER["goals"] else text


def _drafted(note: SignedNote) -> str:
    """Whether software drafted it, of what, and how much a person changed."""
    if not note.writer:
        return ""
    share = "" if note.edited_share is None else f" {note.edited_share:.0%} of it was changed in review."
    return f"Drafted by software{f' from a {line(note.mode)}' if note.mode else ''}, read and signed by a person.{share}"


def _part(key: str, title: str, sentences: list[str], origins: Mapping[str, str]) -> Part:
    return Part(key, line(title), tuple(Words(plain(t), origins.get(t, "")) for t in sentences), plain(" ".join(sentences)).strip())


def _risk(risk: RiskLine) -> str:
    """A risk item with words for its topic."""
    labels = {t["key"]: t["label"] for t in table("risk.toml")["topic"]}
    topic = words.group("topics").get(risk.topic) or labels.get(risk.topic, risk.topic)
    own = f" {line(risk.own)}" if risk.own else ""
    return f"{line(topic)} ({line(risk.whose)}): {line(risk.answer)}.{own}"


def _seal(signature: Signature) -> Seal:
    who = ", ".join(line(part) for part in (signature.name, signature.credential or "", signature.licence or "") if part.strip())
    when = local(signature.at, signature.zone)
    return Seal(MEANINGS[signature.meaning], who, line(signature.statement), when, said("methods", signature.method), signature.digest)
