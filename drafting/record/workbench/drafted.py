"""A draft that stands: what a finished run of the pipeline leaves, each part in the place where it belongs.

In: an encounter and the pipeline's `Work`; later a review. Out: private words in private notes, everything else on the workbench, and no key left
with the worker; what a signature is put under. Knows no page. The source that stays beside the draft is blacked out where the words were private: it
is what a supervisor sees while a cosignature is due. Private notes come first, and every step may be cut and repeated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drafting.errors import Conflict, NotKnown, SigningBlocked
from drafting.pipeline import Work
from drafting.record import vault, workbench
from drafting.record.keys import WORKER, Opener
from drafting.record.keys.passphrases import Unlocked
from drafting.record.people import find_client, find_person, secret_of
from drafting.record.practice import NAMES, Practice, new_id
from drafting.record.review import canonical, lifecycle, reviewing
from drafting.record.workbench import Item, moves
from drafting.record.workbench.moves import Reason
from drafting.types import Placed, Route
from drafting.types.record import Encounter, Stage
from drafting.types.review import Review

SOURCE, REVIEW = "source", "review"
BLACK = "█"


def stand(practice: Practice, encounter: Encounter, work: Work, *, zone: str = "UTC", by: str = WORKER) -> Review:
    """Put a finished `work` where it belongs, and return the review that a clinician opens. A call that was cut may be repeated with the same words.
    Raises Conflict where a review stands already."""
    client = find_client(practice, encounter.client)
    private = [p for p in work.routed.placed if p.route is Route.PRIVATE]
    items = [
        vault.PrivateItem(private_id(encounter.id, p.statement.id), number, p.statement.text, (p.statement.id,), client.part2)
        for number, p in enumerate(private, 1)
    ]
    if items:
        vault.put(practice, encounter.id, encounter.client, encounter.author, items, by=by)
    review = reviewing.opened(work, encounter=encounter.id, client=encounter.client, allowed=client.allowed, zone=zone)
    open_ = [p.statement.id for p in work.routed.placed if p.route is not Route.PRIVATE]
    with practice.change() as change:
        workbench.add(practice, change, encounter.id, Item(SOURCE, 1, _bytes(source(work)), tuple(open_)), by=by)
        workbench.add(practice, change, encounter.id, kept(review), by=by)
    workbench.progress(practice, encounter.id, Stage.DRAFTED, by=by)
    return review


@dataclass(frozen=True, slots=True)
class ToSign:
    """What a signature is put under: the review as it stands, the draft as it first stood (None once that was purged), and what each sentence rests
    on."""

    review: Review
    first: Review | None
    evidence: Mapping[str, Any]


def load(practice: Practice, encounter: str, opener: Opener, version: int | None = None) -> Review:
    """A review, the latest if none is named. Raises NotKnown, Shredded, KeyMissing."""
    return canonical.review_of(workbench.get(practice, encounter, REVIEW, version, opener)[1])


def save(practice: Practice, review: Review, *, by: str) -> Review:
    """Keep the next version of a review. Raises Conflict where another was first, IllegalMove once signed."""
    workbench.put(practice, review.encounter, REVIEW, review.version, canonical.review_bytes(review), statements=quoted(review), by=by)
    return review


def move_private(practice: Practice, unlocked: Unlocked, review: Review, statements: Sequence[str], *, reason: Reason) -> Review:
    """The next version of a review, with `statements` moved to private notes in their own words: every sentence that rests on them is gone, the
    source is blacked out, and what quoted them is destroyed."""
    encounter = review.encounter
    number, body = workbench.get(practice, encounter, SOURCE, None, unlocked.opener)
    there = json.loads(body.decode("utf-8", "surrogatepass"))
    words = _open_words(there) | {s: a.text for a in moves.admitted(practice, encounter, unlocked.opener) for s in a.statements}
    if gone := [s for s in statements if s not in words]:
        raise NotKnown(what="open statement", id=gone[0])
    client = find_client(practice, workbench.find(practice, encounter).client)
    items = [vault.PrivateItem(new_id("N"), len(review.private) + n, words[s], (s,), client.part2) for n, s in enumerate(statements, 1)]
    after, black = reviewing.purged(review, statements), without(there, statements)
    open_ = tuple(s["id"] for s in black["statements"] if s["route"] != Route.PRIVATE)
    instead = (Item(SOURCE, number + 1, _bytes(black), open_), kept(after))
    moves.to_private(practice, unlocked, encounter, items, reason=reason, instead=instead)
    return after


def to_sign(practice: Practice, unlocked: Unlocked, encounter: str, version: int, *, urgent: bool = False) -> ToSign:
    """The review of `version`, once nothing stops its signature and all that was left private is put away. Raises SigningBlocked, Conflict."""
    there = workbench.find(practice, encounter)
    if there.version != version:
        raise Conflict()
    wanted = ((REVIEW, version), (SOURCE, None), (REVIEW, 1))
    body, source_, first = workbench.get_all(practice, encounter, wanted, unlocked.opener)
    review = canonical.review_of(body) if body else load(practice, encounter, unlocked.opener, version)  # which says why not
    practice.keyring.open_all((NAMES, secret_of(there.client)))  # what is asked for one by one from here on
    author = find_person(practice, unlocked.person)
    if stopping := [b for b in lifecycle.blocks(review, author=author) if b.never or not urgent]:
        raise SigningBlocked(count=len(stopping), codes=", ".join(dict.fromkeys(b.code for b in stopping)))
    source_ = json.loads(source_.decode("utf-8", "surrogatepass"))
    review = leave_rest_private(practice, unlocked, review, _open_words(source_))
    rests_on = evidence(source_, review)
    return ToSign(review, canonical.review_of(first) if first else None, rests_on)


def leave_rest_private(practice: Practice, unlocked: Unlocked, review: Review, standing: Collection[str] = ()) -> Review:
    """Every held statement that is not decided, and need not be, moved to private notes. One with danger or X1–X4 that was passed over in urgent care
    stays on the workbench until the note is completed. `standing`: statements whose words still stand in the source."""
    left = [h.statement for h in review.held if h.decision is None and not h.risk and not h.elements]
    left += [s for s in review.private if s in standing]  # decided in the review alone
    return move_private(practice, unlocked, review, left, reason=Reason.REFLECTION) if left else review


def private_id(encounter: str, statement: str) -> str:
    """The id of a statement's private note: the same whenever it is put away, so that putting away twice is putting away once."""
    return f"{encounter}-{statement}"


def kept(review: Review) -> Item:
    """A review as the workbench keeps it, with the statements whose words it holds."""
    return Item(REVIEW, review.version, canonical.review_bytes(review), quoted(review))


def _open_words(source: Mapping[str, Any]) -> dict[str, str]:
    """The words of each statement that is not private, by id."""
    return {s["id"]: source["text"][s["start"] : s["end"]] for s in source["statements"] if s["route"] != Route.PRIVATE}


def quoted(review: Review) -> tuple[str, ...]:
    """Statements whose words a review holds: those that its sentences rest on, and those that are held."""
    said = {e for s in review.sentences for e in s.evidence} | {e for r in review.risks for e in r.evidence}
    return tuple(sorted((said | {h.statement for h in review.held}) - set(review.private)))


def source(work: Work) -> dict[str, Any]:
    """The canonical text with private words blacked out, letter for letter, so that every offset still holds; and each statement's place."""
    shut = [(p.statement.start, p.statement.end) for p in work.routed.placed if p.route is Route.PRIVATE]
    utterances = [{"start": t.audio[0], "end": t.audio[1], "from": t.start, "to": t.end} for t in work.transcript.turns if t.audio]
    return {
        "text": blacked(work.transcript.text, shut),
        "engine": work.transcript.engine,
        "utterances": utterances,
        "statements": [_placed(p) for p in work.routed.placed],
    }


def blacked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """`text` with every character of `spans` but spaces and newlines replaced."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = [c if c.isspace() else BLACK for c in letters[start:end]]
    return "".join(letters)


def without(source: Mapping[str, Any], statements: Iterable[str]) -> dict[str, Any]:
    """A source with further statements blacked out, as when they are moved to private late."""
    gone = set(statements)
    spans = [(s["start"], s["end"]) for s in source["statements"] if s["id"] in gone]
    moved = [s | {"route": Route.PRIVATE.value, "role": None, "sha256": None} if s["id"] in gone else s for s in source["statements"]]
    return {**source, "text": blacked(source["text"], spans), "statements": moved}


def evidence(source: Mapping[str, Any], review: Review) -> dict[str, Any]:
    """What each sentence rests on, for the record: ids, offsets, audio times and digests, and no words."""
    places = {s["id"]: {k: s[k] for k in ("start", "end", "audio", "sha256")} for s in source["statements"]}
    rests = [[e for e in s.evidence if e in places] for s in review.sentences]
    return {"sentences": rests, "statements": {e: places[e] for evidence in rests for e in evidence}}


def _placed(p: Placed) -> dict[str, Any]:
    s = p.statement
    place = {"id": s.id, "start": s.start, "end": s.end, "audio": list(s.audio) if s.audio else None, "speaker": s.speaker}
    role = p.role.value if p.route is Route.RECORD and p.role else None
    digest = None if p.route is Route.PRIVATE else hashlib.sha256(s.text.encode()).hexdigest()  # short private words could be guessed from one
    return {**place, "route": p.route.value, "role": role, "risk": p.risk, "sha256": digest}


def _bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
