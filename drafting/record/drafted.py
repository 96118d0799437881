"""A draft that stands: what a finished run of the pipeline leaves, each part in the place where it belongs.

In: an encounter and the pipeline's `Work`. Out: private words in private notes, everything else on the workbench, and no key left with the worker.
Knows no page. The source that stays beside the draft is blacked out where the words were private: it is what a supervisor sees while a cosignature is
due. Private notes come first, and every step may be cut and repeated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from drafting.pipeline import Work
from drafting.record import canonical, reviewing, vault, workbench
from drafting.record.keys import WORKER
from drafting.record.people import find_client
from drafting.record.practice import Practice
from drafting.record.workbench import Item
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
        workbench.add(practice, change, encounter.id, Item(REVIEW, 1, canonical.review_bytes(review), quoted(review)), by=by)
    workbench.progress(practice, encounter.id, Stage.DRAFTED, by=by)
    return review


def private_id(encounter: str, statement: str) -> str:
    """The id of a statement's private note: the same whenever it is put away, so that putting away twice is putting away once."""
    return f"{encounter}-{statement}"


def quoted(review: Review) -> tuple[str, ...]:
    """Statements whose words a review holds: those that its sentences rest on, and those that are held."""
    said = {e for s in review.sentences for e in s.evidence} | {e for r in review.risks for e in r.evidence}
    return tuple(sorted(said | {h.statement for h in review.held} - set(review.private)))


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
    moved = [s | {"route": Route.PRIVATE.value, "role": None} if s["id"] in gone else s for s in source["statements"]]
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
