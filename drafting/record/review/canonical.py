"""One canonical JSON of a signed note, of a signature and of a review: what is stored, digested and signed.

In: the nouns. Out: bytes, the nouns again, digests, signatures and their verdict. Knows no store, no key's place and no rule of signing.
Canonical means: sorted keys, no spaces, UTF-8, a tag with a version, instants in UTC, shares as text with four digits. A note and a signature are
composed (NFC); a review is kept to the letter, since offsets count in it. A field that stands at its default is left out, so that a field added
later changes no digest of before.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

import prompts
from drafting.errors import KeyWrong, RecordError
from drafting.types.record import Meaning, Person, Signature, SignedNote
from drafting.types.review import Review

T = TypeVar("T")
_NOTE, _REVIEW, _SIGNATURE = "aside.note/1", "aside.review/1", "aside.signature/1"
_TAG = "aside"
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotCanonical(RecordError):
    """These bytes are not a {what} as this Aside writes it: they were altered, or are of another version."""


def clean(text: str) -> str:
    """`text` composed (NFC), with � for half of a surrogate pair, which UTF-8 cannot hold."""
    return unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text))


def note_bytes(note: SignedNote) -> bytes:
    """The canonical JSON of `note`."""
    return _bytes(_NOTE, note, clean)


def digest(note: SignedNote) -> str:
    """SHA-256 over `note_bytes`, 64 hex digits."""
    return hashlib.sha256(note_bytes(note)).hexdigest()


def note_of(data: bytes) -> SignedNote:
    """The note whose `note_bytes` are `data`, to the byte. Raises NotCanonical."""
    return _of(_NOTE, SignedNote, data, note_bytes)


def review_bytes(review: Review) -> bytes:
    """The JSON of `review`, every character kept."""
    return _bytes(_REVIEW, review, str)


def review_of(data: bytes) -> Review:
    """The review whose `review_bytes` are `data`, to the byte. Raises NotCanonical."""
    return _of(_REVIEW, Review, data, review_bytes)


def signature_bytes(signature: Signature) -> bytes:
    """The canonical JSON of `signature`, its value in hex."""
    return _bytes(_SIGNATURE, signature, clean)


def signature_of(data: bytes) -> Signature:
    """The signature whose `signature_bytes` are `data`, to the byte. Raises NotCanonical."""
    return _of(_SIGNATURE, Signature, data, signature_bytes)


# ── signing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def statement(meaning: Meaning) -> str:
    """What a signature of that meaning says, in words."""
    return prompts.table("signing.toml")["statements"][meaning]


def signature(
    note: SignedNote, person: Person, *, meaning: Meaning, method: str, at: datetime, zone: str, key_id: str, sign: Callable[[bytes], bytes]
) -> Signature:
    """`person`'s signature over `note`. `sign` gives the 64 bytes of Ed25519 over what it is handed: everything that the signature says, the note's
    digest in it, so that no part can be changed alone. `method`: a code of how the signer was known; `zone`: an IANA name. Raises ValueError for a
    naive `at`."""
    bare = Signature(
        note=note.id,
        signer=person.id,
        name=person.name,
        credential=person.credential,
        licence=person.licence,
        meaning=meaning,
        statement=statement(meaning),
        method=method,
        at=at,
        zone=zone,
        digest=digest(note),
        key=key_id,
        value=b"",
    )
    settled = signature_of(signature_bytes(bare))
    return replace(settled, value=sign(_signed(settled)))


def verified(note: SignedNote, signature: Signature, verify_key: bytes) -> None:
    """Raises KeyWrong unless `signature` is over this very note, says what was signed, and was made by the key of `verify_key` (32 bytes)."""
    wrong = KeyWrong(what=f"the signature of note {note.id}")
    if signature.note != note.id or signature.digest != digest(note):
        raise wrong
    try:
        VerifyKey(verify_key).verify(_signed(signature), signature.value)
    except (BadSignatureError, ValueError, TypeError):
        raise wrong from None


def _signed(signature: Signature) -> bytes:
    """What Ed25519 signs: the signature without its value."""
    return signature_bytes(replace(signature, value=b""))


# ── nouns to JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _bytes(tag: str, value: object, words: Callable[[str], str]) -> bytes:
    text = json.dumps({_TAG: tag} | _plain(value, words), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def _plain(value: Any, words: Callable[[str], str]) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(v, words) for f in fields(value) if (v := getattr(value, f.name)) != f.default}
    if isinstance(value, tuple):
        return [_plain(v, words) for v in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, str):
        return words(value)
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:.4f}" if isinstance(value, float) else value


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


# ── JSON to nouns ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _of(tag: str, kind: type[T], data: bytes, again: Callable[[T], bytes]) -> T:
    """A noun of JSON; whatever is not exactly what `again` writes is refused."""
    try:
        found = json.loads(data.decode("utf-8", "surrogatepass"))
        if found.pop(_TAG) != tag:
            raise ValueError
        value = _built(kind, found)
        same = again(value) == data
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        same = False
    if not same:
        raise NotCanonical(what=tag.partition("/")[0].removeprefix("aside."))
    return value


_READ = {datetime: datetime.fromisoformat, date: date.fromisoformat, bytes: bytes.fromhex, float: float}


def _built(kind: Any, found: Any) -> Any:
    """`found` as a value of the annotation `kind`."""
    if is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _built(hints[name], value) for name, value in found.items()})
    if found is None:
        return None
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), found)
    if args := get_args(kind):  # X | None
        return _built(next(a for a in args if a is not type(None)), found)
    if read := _READ.get(kind):
        return read(found)
    if issubclass(kind, StrEnum):
        return kind(found)
    if type(found) is not kind:
        raise TypeError
    return found


def _tuple(kinds: tuple[Any, ...], found: list[Any]) -> tuple[Any, ...]:
    if kinds[-1] is Ellipsis:
        return tuple(_built(kinds[0], value) for value in found)
    return tuple(_built(kind, value) for kind, value in zip(kinds, found, strict=True))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
