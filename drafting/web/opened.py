"""A review, opened to be worked on, and what lies beside it: its source, what was taken in from the private notes, the client, the visit.

In: who asks, an encounter of theirs. Out: a `Desktop`; of it statements as routing takes them back, a person's own words as the encoder reads them,
and the review as a draft. Knows no act.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from drafting.errors import FormatError, NotKnown
from drafting.pipeline import formats
from drafting.pipeline.routing import SURE_RISK
from drafting.pipeline.statements import state
from drafting.record import people, workbench
from drafting.record.keys.passphrases import Unlocked
from drafting.record.workbench import drafted, moves, visits
from drafting.record.workbench.moves import Admitted
from drafting.types import Context, Draft, DraftSentence, NoteFormat, Route, Section, Statement, Transcript, Turn
from drafting.types.record import Client, Encounter
from drafting.types.review import Origin, Review, ReviewSentence
from drafting.web.access import Asking

Row = Mapping[str, Any]
LIKELY_HERE = 0.05
"""How likely a clause does in a note what its section is for, so that it counts for that: who typed it there had a reason."""


@dataclass(frozen=True, slots=True)
class Desktop:
    """A review, opened to be worked on, and what lies beside it. `admitted`: words that were private and were taken into the record."""

    asking: Asking = field(repr=False)
    unlocked: Unlocked = field(repr=False)
    review: Review
    source: Mapping[str, Any] = field(repr=False)
    admitted: tuple[Admitted, ...]
    client: Client
    context: Context

    def wide(self) -> Context:
        """The visit with the practice's other clients, as whatever screens or writes must know it."""
        there = workbench.find(self.asking.practice, self.review.encounter)
        visit = visits.Visit(mode=self.review.mode, note_kind=self.context.note_kind)
        return replace(self.context, roster=visits.context(self.asking.practice, there, visit).roster)

    @property
    def format(self) -> NoteFormat:
        """The review's format; one that is not here any more has its sections still."""
        with suppress(FormatError):
            return formats.load(self.review.format, self.asking.desk.formats)
        sections = (Section(key, title, (), (), (0, 0)) for key, title in self.review.sections)
        return NoteFormat(self.review.format, "", 1, tuple(sections), self.review.format_digest)

    # ── statements ──

    @property
    def said(self) -> dict[str, str]:
        """The words of each statement that is not private, by id."""
        text, placed = self.source["text"], self.source["statements"]
        open_ = {s["id"]: text[s["start"] : s["end"]] for s in placed if s["route"] != Route.PRIVATE}
        return open_ | {a.statements[0]: a.text for a in self.admitted}

    def rows(self, statements: Iterable[str]) -> list[Row]:
        """Statements as routing takes them back into the record, as they were said one after another. One that was not the record's is read again,
        for what it does in a note. Raises NotKnown for one whose words are not here."""
        said, wanted = self.said, set(statements)
        if missing := sorted(wanted - said.keys()):
            raise NotKnown(what="statement", id=missing[0])
        rows = []
        for place in (s for s in self.source["statements"] if s["id"] in wanted):
            words = said[place["id"]]
            role = place["role"] or next((clause["role"] for clause in self._read(words)), None)
            rows.append({**place, "role": role, "route": Route.RECORD, "text": words, "reason": "decided"})
        return rows

    def own_words(self, sentences: Iterable[ReviewSentence]) -> Iterator[Row]:
        """What a person wrote, clause by clause: for what it does, and for what it may be doing in the section where they put it."""
        homes = {s.key: s.roles for s in self.format.sections}
        for sentence in sentences:
            for clause in self._read(sentence.text):
                here = [role for role in homes.get(sentence.section, ()) if clause["roles"].get(role, 0.0) >= LIKELY_HERE]
                yield from (clause | {"id": sentence.id, "role": role} for role in dict.fromkeys((clause["role"], *here)))

    def draft(self, review: Review) -> Draft:
        """The review as a draft, in which all that a person wrote is kept."""
        sentences = (DraftSentence(s.section, s.text, s.evidence, s.support, edited=s.origin is not Origin.DRAFTED) for s in review.sentences)
        return Draft(self.format, tuple(sentences), review.provenance.writer if review.provenance else "")

    def _read(self, text: str) -> list[dict[str, Any]]:
        """The clauses of a text as rows, as the encoder reads them; none where there are no words."""
        transcript = Transcript(text, (Turn(0, len(text), 0),))
        return [_clause(s) for s in state(transcript, self.asking.desk.engines().encoder.read(transcript))]


# ── opening ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def opened(asking: Asking, there: Encounter) -> Desktop:
    """A review and what lies beside it. Raises Locked, NotKnown before there is one, Shredded, KeyMissing."""
    practice, unlocked, client = asking.practice, asking.unlocked(), people.find_client(asking.practice, there.client)
    review = drafted.load(practice, there.id, unlocked.opener, there.version)
    beside = source_of(asking, there.id, unlocked), moves.admitted(practice, there.id, unlocked.opener)
    return Desktop(asking, unlocked, review, *beside, client, _context(asking, client, review))


def source_of(asking: Asking, encounter: str, unlocked: Unlocked) -> dict[str, Any]:
    """What a review rests on, as it is kept. Raises NotKnown, Shredded, KeyMissing."""
    return json.loads(workbench.get(asking.practice, encounter, drafted.SOURCE, None, unlocked.opener)[1].decode("utf-8", "surrogatepass"))


def _context(asking: Asking, client: Client, review: Review) -> Context:
    """The visit as the pipeline may know it."""
    author, header = asking.person, review.header
    return Context(
        mode=review.mode,
        client_names=(client.name,),
        clinician=", ".join(part for part in (author.name, author.credential) if part),
        date_of_service=header.date_of_service,
        note_kind=header.note_kind,
        jurisdiction=client.jurisdiction,
        payer=asking.practice.policy().payer,
    )


def _clause(s: Statement) -> dict[str, Any]:
    roles = s.clause.roles
    role = max(roles, key=lambda r: roles[r])
    row = {"text": s.text, "start": s.start, "end": s.end, "route": Route.RECORD, "speaker": None, "reason": "typed"}
    return row | {"role": role, "roles": roles, "risk": s.clause.risk >= SURE_RISK}
