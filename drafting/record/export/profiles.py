"""Who gets what of a signed note, and a preview that says so.

In: a `Document`, its `Parties`, a profile's key, and what screening found. Out: a `View`, which the renderers take; or a `Preview` in words and
counts. A sentence is kept, left out or has found words replaced: nothing is reworded. What is left out is chosen by section and by words, and so may
be too much or too little: a person reads it before it goes.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import prompts
from drafting.errors import NotKnown, PolicyError, ReleaseRefused
from drafting.pipeline.formats import load
from drafting.record.export.letters import replaced
from drafting.record.export.needed import known, speaks_of
from drafting.record.export.parties import Parties
from drafting.types import PhiFinding, Role
from drafting.types.record import Document, NoteKind, SignedNote, SignedSection, SignedSentence

_FILE = "exports.toml"
_KEYS = frozenset({"title", "shows", "sections", "roles", "spoken_of", "about", "dates", "screened", "fhir"})
_SHOWN = frozenset({*prompts.table(_FILE)["header"], "practice", "late", "reason", "own_words", "open", "signer", "licence", "digest", "drafting"})

Screened = Mapping[str, tuple[PhiFinding, ...]]
"""What screening found, by the id of the signed note; each finding placed in a section (its key) and a sentence (its number there)."""

Place = tuple[str, str, int]
"""Where a sentence stands: the signed note's id, the section's key, its number there from 0."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of reader gets. `about`: what a sentence of the roles `spoken_of` is kept for."""

    key: str
    title: str
    shows: frozenset[str]
    whole: bool
    roles: frozenset[Role]
    spoken_of: frozenset[Role]
    about: tuple[str, ...]
    months: bool
    screened: bool
    fhir: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A sentence that a reader does not get: where it stands, and its section's title."""

    place: Place
    title: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class View:
    """A document as one kind of reader gets it: the same nouns, with fewer sentences in them."""

    document: Document
    parties: Parties
    profile: Profile
    left_out: tuple[LeftOut, ...] = ()
    replaced: int = 0

    @property
    def whole(self) -> bool:
        """Whether every signed word is there, as signed."""
        return not self.left_out and not self.replaced


@dataclass(frozen=True, slots=True)
class Preview:
    """What a reader would get. `refused` says why nothing would go; then there is no `view`. `hidden`: parts of the frame that are not shown."""

    reader: str
    profile: str
    gets: str
    not_given: str
    kept: int
    left_out: tuple[LeftOut, ...]
    replaced: int
    hidden: tuple[str, ...]
    refused: str | None = None
    view: View | None = None


@cache
def profile(key: str) -> Profile:
    """The profile `key`. Raises NotKnown, PolicyError."""
    data = prompts.table(_FILE)["profiles"].get(key)
    if data is None:
        raise NotKnown(what="export profile", id=key)
    return _parsed(key, data)


def keys() -> tuple[str, ...]:
    """The profiles there are, in the order of the file."""
    return tuple(prompts.table(_FILE)["profiles"])


def apply(
    document: Document,
    key: str,
    parties: Parties,
    *,
    screened: Screened | None = None,
    decided: Mapping[Place, bool] | None = None,
) -> View:
    """What a reader of profile `key` gets of `document`, of everything that was signed after it too.

    `screened`: found words are replaced by their suggestions, in brackets. `decided`: where a profile chooses sentences, a person's choice, which
    goes before ours (True: it goes). Raises NotKnown; ReleaseRefused where the client paid and asked that the health plan be told nothing (45 CFR
    164.522(a)(1)(vi)), and where a profile that names nobody was not screened.
    """
    chosen = profile(key)
    if key == "payer" and parties.self_pay:
        raise ReleaseRefused(reason="the client paid and asked that the health plan be told nothing (45 CFR 164.522(a)(1)(vi))")
    if chosen.screened and screened is None:
        raise ReleaseRefused(reason=f"the words were not screened for the profile {key}")
    return _Cut(chosen, screened or {}, decided or {}).view(document, parties)


def preview(document: Document, reader: str, parties: Parties, **known: Any) -> Preview:
    """What `reader` (insurer, lawyer, client, supervisor) would get, and what not; `known` as `apply` takes it. Raises NotKnown for a reader who is
    none."""
    data = prompts.table(_FILE)["readers"].get(reader)
    if data is None:
        raise NotKnown(what="reader", id=reader)
    key = data["profile"]
    hidden = tuple(sorted(_SHOWN - profile(key).shows))
    try:
        view = apply(document, key, parties, **known)
    except ReleaseRefused as refusal:
        return Preview(reader, key, data["gets"], data["not"], 0, (), 0, hidden, str(refusal))
    kept = sum(len(section.sentences) for d in every(view.document) for section in d.note.sections)
    return Preview(reader, key, data["gets"], data["not"], kept, view.left_out, view.replaced, hidden, view=view)


def every(document: Document) -> tuple[Document, ...]:
    """The document and all that was signed after it, in order, however deep."""
    return (document, *(later for after in document.after for later in every(after)))


def followed(document: Document) -> dict[str, str]:
    """What each later document follows, by ids: the one that it names as its parent, or else the one that it stands under."""
    links = {document.note.id: document.note.parent} if document.note.parent else {}
    for one in every(document):
        links |= {after.note.id: after.note.parent or one.note.id for after in one.after}
    return links


def withdrawn(document: Document) -> frozenset[str]:
    """The ids of what was entered in error: of a correction, with all that it corrected, which does not stand again."""
    links, kinds = followed(document), {one.note.id: one.note.kind for one in every(document)}
    named = {links[note] for note, kind in kinds.items() if kind is NoteKind.ERROR and note in links}
    errors = set(named)
    for note in named:
        while kinds.get(note) is NoteKind.AMENDMENT and (note := links.get(note, note)) not in errors:
            errors.add(note)
    return frozenset(errors)


def amended(document: Document) -> frozenset[str]:
    """The ids of what a correction that stands has replaced."""
    links, errors = followed(document), withdrawn(document)
    amendments = (one.note.id for one in every(document) if one.note.kind is NoteKind.AMENDMENT and one.note.id not in errors)
    return frozenset(links[note] for note in amendments if note in links)


def standing(document: Document) -> Document:
    """What is to be read as the note: the last correction that was not withdrawn, or else the note itself."""
    errors = withdrawn(document)
    corrections = [one for one in every(document) if one.note.kind is NoteKind.AMENDMENT and one.note.id not in errors]
    return corrections[-1] if corrections else document


# ── cutting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Cut:
    """One document on its way through a profile, and what fell off."""

    profile: Profile
    screened: Screened
    decided: Mapping[Place, bool]
    left_out: list[LeftOut] = field(default_factory=list)
    replaced: int = 0

    def view(self, document: Document, parties: Parties) -> View:
        cut = self._document(document)
        return View(cut, parties, self.profile, tuple(self.left_out), self.replaced)

    def _document(self, document: Document) -> Document:
        note = replace(document.note, sections=tuple(self._section(document.note, section) for section in document.note.sections))
        return replace(document, note=note, after=tuple(self._document(after) for after in document.after))

    def _section(self, note: SignedNote, section: SignedSection) -> SignedSection:
        roles = _section_roles(note.format, section.key)
        found = [f for f in self.screened.get(note.id, ()) if f.section == section.key]
        sentences = []
        for number, sentence in enumerate(section.sentences):
            place = (note.id, section.key, number)
            if self.profile.whole or self.decided.get(place, self._needed(sentence, roles)):
                sentences.append(self._without(sentence, [f for f in found if f.sentence == number]))
            else:
                self.left_out.append(LeftOut(place, section.title, sentence.text))
        return replace(section, sentences=tuple(sentences))

    def _needed(self, sentence: SignedSentence, roles: frozenset[Role]) -> bool:
        """`roles`: those of its section."""
        if roles and roles <= self.profile.roles:
            return True
        return bool(not roles or roles & (self.profile.roles | self.profile.spoken_of)) and speaks_of(sentence.text, self.profile.about)

    def _without(self, sentence: SignedSentence, found: Iterable[PhiFinding]) -> SignedSentence:
        text, count = replaced(sentence.text, [(f.start, f.end, f.suggestion) for f in found])
        self.replaced += count
        return replace(sentence, text=text) if count else sentence


@cache
def _section_roles(format_key: str, section: str) -> frozenset[Role]:
    """The roles that a section takes; none are known of a format that is not ours, or no longer."""
    if format_key not in prompts.names("formats"):
        return frozenset()
    return frozenset(role for s in load(format_key).sections if s.key == section for role in s.roles)


def _parsed(key: str, data: Mapping[str, Any]) -> Profile:
    where = f"profile {key}"
    if unknown := sorted(set(data) - _KEYS):
        raise PolicyError(file=_FILE, reason=f"{where}: the unknown key {unknown[0]!r}")
    shows = frozenset(_of(data, "shows", _SHOWN, where))
    if data["sections"] not in ("whole", "needed") or data["dates"] not in ("day", "month"):
        raise PolicyError(file=_FILE, reason=f"{where}: sections are whole or needed, dates day or month")
    sets = (frozenset(map(Role, _of(data, name, tuple(Role), where))) for name in ("roles", "spoken_of"))
    about = _of(data, "about", known(), where)
    return Profile(key, data["title"], shows, data["sections"] == "whole", *sets, about, data["dates"] == "month", data["screened"], data["fhir"])


def _of(data: Mapping[str, Any], name: str, there_are: Container[str], where: str) -> tuple[str, ...]:
    """A list of names, each of which there is."""
    if unknown := [value for value in data.get(name, ()) if value not in there_are]:
        raise PolicyError(file=_FILE, reason=f"{where}, {name}: nothing is called {unknown[0]!r}")
    return tuple(data.get(name, ()))
