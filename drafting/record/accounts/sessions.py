"""Sessions: what a browser's cookie stands for, how long, and what it opens.

In: a practice, a person's id, the token from a cookie. Out: `Session`, and `Unlocked` once the passphrase was given. Knows no password and no page.
The browser has 32 random bytes; the store has their SHA-256, and the person's opened keys sealed under a key that only those bytes give. So any
process of the service opens them with the cookie, and a stolen store opens nothing. That somebody was here is a clock and no part of the record: it
is written at most once a minute, without an event.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from drafting.errors import KeyTrouble, NotPermitted, PassphraseWrong, RecordError
from drafting.record.accounts import throttling
from drafting.record.keys import Opener, Place, opened, passphrases, seal
from drafting.record.keys.passphrases import Unlocked
from drafting.record.practice import Change, Practice, known, new_id
from drafting.record.store import at, instant, reading, writing
from drafting.record.store.tables.keyring import HOLDERS
from drafting.record.store.tables.record import PEOPLE, SESSIONS

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
SITTING = timedelta(minutes=15)
"""How long a step-up holds: a sitting of signing."""
PRIVATE_IDLE = timedelta(minutes=5)

_SEEN_EVERY = timedelta(minutes=1)
_SLIDES_EVERY = timedelta(seconds=10)
_TOKEN, _HALF = 32, 32
_SERVICE = "service"


class SessionEnded(RecordError):
    """The session has ended. Log in again; nothing that was saved is lost."""


class Locked(KeyTrouble):
    """Your keys are locked. Give your passphrase to open them."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that stands. `second`: a second factor was given. `stepped`: when they last proved again who they are. `private_until`: until when
    private notes are open, if they are. `unlocked`: the passphrase was given."""

    id: str
    person: str
    begun: datetime
    seen: datetime
    second: bool
    stepped: datetime | None
    private_until: datetime | None
    unlocked: bool


# ── begun, found, ended ───────────────────────────────────────────────────────────────────────────────────────────────


def begin(practice: Practice, person: str, *, second: bool, old: str | None = None) -> str:
    """A new session, and its token for the browser; the session of the token `old` ends, and nothing that it had opened goes over. Sessions whose
    time is up are swept away. Raises NotKnown, and NotPermitted for somebody who has left."""
    token, name, now = secrets.token_urlsafe(_TOKEN), new_id("S"), practice.now()
    with practice.change() as change:
        active = select(PEOPLE.c.active).where(PEOPLE.c.id == person)
        if not known(change.connection.execute(active).first(), "person", person).active:
            raise NotPermitted(who=person, reason="a session is for somebody who works here")
        _delete(change, "timeout", (SESSIONS.c.seen <= instant(now - IDLE)) | (SESSIONS.c.begun <= instant(now - ABSOLUTE)), _SERVICE)
        if old is not None:
            _delete(change, "replaced", SESSIONS.c.token == _digest(old), person)
        row = {"id": name, "token": _digest(token), "person": person, "begun": instant(now), "seen": instant(now), "second": int(second)}
        change.connection.execute(insert(SESSIONS).values(row))
        change.tell(person, "session:begun", subject=name, second=second)
    return token


def find(practice: Practice, token: str) -> Session:
    """The session of `token`, seen now. Raises SessionEnded where there is none, its time is up or its person has left."""
    row, now = _row(practice, token), practice.now()
    if row.seen <= instant(now - _SEEN_EVERY):
        _note(practice, row.id, seen=instant(now))
    closes = at(row.private_until)
    return Session(
        row.id,
        row.person,
        at(row.begun),
        now,
        bool(row.second),
        at(row.stepped),
        closes if closes and closes > now else None,
        row.keys_sealed is not None,
    )


def end(practice: Practice, token: str) -> None:
    """Log out. A session that has ended already stays so."""
    _end(practice, "logged_out", SESSIONS.c.token == _digest(token))


def end_all(practice: Practice, person: str, *, by: str | None = None) -> int:
    """End every session of a person, on every machine. Returns how many there were."""
    return _end(practice, "all_ended", SESSIONS.c.person == person, by)


def dismiss(change: Change, person: str, reason: str, *, by: str) -> None:
    """End every session of a person, inside a transaction that does more; `reason` is a code."""
    _delete(change, reason, SESSIONS.c.person == person, by)


# ── the person's keys ─────────────────────────────────────────────────────────────────────────────────────────────────


def unlock(practice: Practice, token: str, passphrase: str) -> Unlocked:
    """Open the person's keys for the rest of the session. Raises SessionEnded, PassphraseWrong, LoginThrottled, KeyMissing for somebody who has none,
    KeyWrong."""
    return _passed(practice, token, passphrase, "person:unlocked")


def unlocked(practice: Practice, token: str) -> Unlocked:
    """The person's keys. Raises SessionEnded, and Locked before the passphrase was given, or where the person has other keys by now."""
    row = _row(practice, token)
    if row.keys_sealed is None:
        raise Locked()
    held = opened(_key(token), row.keys_sealed, _place(row.id))
    version, private, signing = int.from_bytes(held[: -2 * _HALF], "big"), held[-2 * _HALF : -_HALF], held[-_HALF:]
    opener = Opener(passphrases.holder(row.person), version, private)
    present = (HOLDERS.c.id == opener.holder) & (HOLDERS.c.version == version) & HOLDERS.c.private_sealed.is_not(None)
    with reading(practice.stores.keyring) as connection:
        if connection.execute(select(HOLDERS.c.id).where(present)).first() is None:
            raise Locked()
    return Unlocked(row.person, opener, signing)


def lock(practice: Practice, token: str) -> None:
    """Put the keys away; private notes close with them. Raises SessionEnded."""
    _change(practice, token, "person:locked", keys_sealed=None, private_until=None)


# ── proving again who one is ──────────────────────────────────────────────────────────────────────────────────────────


def step_up(practice: Practice, token: str) -> None:
    """Whoever calls has just checked a password, a code or a passkey again: a sitting begins. Raises SessionEnded."""
    _change(practice, token, "session:stepped_up", stepped=instant(practice.now()))


def stepped(session: Session, now: datetime) -> bool:
    """Whether a sitting is under way. It ends a quarter of an hour after the step-up, whatever is done meanwhile."""
    return session.stepped is not None and now - session.stepped < SITTING


# ── private notes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def open_private(practice: Practice, token: str, passphrase: str) -> Unlocked:
    """Open private notes, which asks for the passphrase though the keys be open; they close when not used for five minutes. Raises as `unlock`."""
    return _passed(practice, token, passphrase, "private:opened", private_until=instant(practice.now() + PRIVATE_IDLE))


def use_private(practice: Practice, token: str) -> bool:
    """Whether private notes are open; being asked counts as a use. Raises SessionEnded."""
    row, now = _row(practice, token), practice.now()
    closes = at(row.private_until)
    if closes is None or closes <= now:
        return False
    if now + PRIVATE_IDLE - closes >= _SLIDES_EVERY:
        _note(practice, row.id, private_until=instant(now + PRIVATE_IDLE), after=row.private_until)
    return True


def close_private(practice: Practice, token: str) -> None:
    """Raises SessionEnded."""
    _change(practice, token, "private:closed", private_until=None)


# ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _row(practice: Practice, token: str) -> Row:
    """The row of a session that stands; one that does not is ended. Raises SessionEnded."""
    query = select(SESSIONS, PEOPLE.c.active).join(PEOPLE, PEOPLE.c.id == SESSIONS.c.person).where(SESSIONS.c.token == _digest(token))
    with practice.look() as connection:
        row = connection.execute(query).first()
    now = practice.now()
    if row is None:
        raise SessionEnded()
    if not row.active or row.seen <= instant(now - IDLE) or row.begun <= instant(now - ABSOLUTE):
        _end(practice, "timeout" if row.active else "left", SESSIONS.c.id == row.id, _SERVICE)
        raise SessionEnded()
    return row


def _passed(practice: Practice, token: str, passphrase: str, action: str, **values: object) -> Unlocked:
    """Check the passphrase, keep the keys for the session, and whatever else `values` says."""
    row = _row(practice, token)
    door = f"passphrase:{row.person}"
    throttling.count(practice, door)
    try:
        keys = passphrases.unlock(practice.keyring, row.person, passphrase)
    except PassphraseWrong:
        with practice.change() as change:
            change.tell(row.person, action, subject=row.person, outcome="denied", session=row.id)
        raise
    held = keys.opener.version.to_bytes(4, "big") + keys.opener.private + keys.signing
    sealed = seal(_key(token), held, _place(row.id))
    with practice.change() as change:
        _set(change, row.id, keys_sealed=sealed, **values)
        throttling.clear(practice, change.connection, door)
        change.tell(row.person, action, subject=row.person, session=row.id)
    return keys


def _change(practice: Practice, token: str, action: str, **values: object) -> None:
    row = _row(practice, token)
    with practice.change() as change:
        _set(change, row.id, **values)
        change.tell(row.person, action, subject=row.person, session=row.id)


def _set(change: Change, name: str, **values: object) -> None:
    """Raises SessionEnded where it was ended meanwhile."""
    if not change.connection.execute(update(SESSIONS).where(SESSIONS.c.id == name).values(values)).rowcount:
        raise SessionEnded()


def _note(practice: Practice, name: str, *, after: str | None = None, **clock: str) -> None:
    """A session's clock. `after`: only where private notes have not been closed or opened anew since then."""
    where = (SESSIONS.c.id == name) if after is None else (SESSIONS.c.id == name) & (SESSIONS.c.private_until == after)
    with writing(practice.stores.record) as connection:
        connection.execute(update(SESSIONS).where(where).values(clock))


class _NoneThere(Exception):
    """There was no session to end, and so there is nothing to tell."""


def _end(practice: Practice, reason: str, which: ColumnElement[bool], by: str | None = None) -> int:
    count = 0
    with suppress(_NoneThere), practice.change() as change:
        count = _delete(change, reason, which, by)
        if not count:
            raise _NoneThere
    return count


def _delete(change: Change, reason: str, which: ColumnElement[bool], by: str | None = None) -> int:
    gone = change.connection.execute(delete(SESSIONS).where(which).returning(SESSIONS.c.id, SESSIONS.c.person)).all()
    for row in gone:
        change.tell(by or row.person, "session:ended", subject=row.id, reason=reason)
    return len(gone)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _key(token: str) -> bytes:
    """What seals a session's keys: 32 bytes that the store cannot work out."""
    return HKDF(SHA256(), 32, None, b"aside session keys").derive(token.encode("utf-8", "surrogatepass"))


def _place(session: str) -> Place:
    return Place("sessions", session, "keys")
