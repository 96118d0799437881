"""What lies between two steps of a job, as bytes: a transcript, and a draft as its writer left it.

In: the nouns. Out: JSON, and the nouns again. Knows no store and no key; whoever keeps the bytes seals them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from drafting.types import Draft, DraftSentence, Fallback, NoteFormat, Provenance, Routed, Support, Transcript, Turn, Utterance, Word


def transcript_bytes(transcript: Transcript) -> bytes:
    """The whole of a transcript."""
    return _bytes(asdict(transcript))


def transcript_of(data: bytes) -> Transcript:
    """The transcript whose `transcript_bytes` are `data`."""
    found = _read(data)
    found["turns"] = tuple(Turn(**turn | {"audio": _pair(turn["audio"])}) for turn in found["turns"])
    if found["utterances"] is not None:
        found["utterances"] = tuple(Utterance(**u | {"words": tuple(Word(**word) for word in u["words"])}) for u in found["utterances"])
    return Transcript(**found)


def draft_bytes(draft: Draft, basis: str) -> bytes:
    """A draft before it is grounded, without its format; `basis` says what it was written from."""
    whole = {"sentences": draft.sentences, "fallbacks": draft.fallbacks}
    plain = {name: [asdict(one) for one in many] for name, many in whole.items()}
    rest = {"writer": draft.writer, "omitted": draft.omitted, "provenance": asdict(draft.provenance) if draft.provenance else None}
    return _bytes(plain | rest | {"basis": basis})


def draft_of(data: bytes, note_format: NoteFormat, basis: str) -> Draft | None:
    """The draft whose `draft_bytes` are `data`; None where it was written from another basis, as when statements are cut otherwise by now."""
    found = _read(data)
    if found["basis"] != basis:
        return None
    sentences = tuple(DraftSentence(**s | {"evidence": tuple(s["evidence"]), "support": Support(s["support"])}) for s in found["sentences"])
    provenance = Provenance(**found["provenance"]) if found["provenance"] else None
    fallbacks = tuple(Fallback(**f) for f in found["fallbacks"])
    return Draft(note_format, sentences, found["writer"], tuple(found["omitted"]), provenance, fallbacks)


def basis(routed: Routed, note_format: NoteFormat) -> str:
    """A digest of what a draft is written from: which statements, cut where, in which roles, for which format."""
    cut = [(s.id, s.statement.start, s.statement.end, s.role.value) for s in routed.record]
    return hashlib.sha256(json.dumps([note_format.digest, cut]).encode()).hexdigest()


def _bytes(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _read(data: bytes) -> dict[str, Any]:
    return json.loads(data.decode("utf-8", "surrogatepass"))


def _pair(audio: list[float] | None) -> tuple[float, float] | None:
    return None if audio is None else (audio[0], audio[1])
