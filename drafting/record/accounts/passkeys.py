"""Passkeys: a key pair that a phone, a laptop or a security key keeps, by WebAuthn, as a second factor or to prove again who one is.

In: a practice, a session's token, what the browser's authenticator answered. Out: options for the browser; who was proven. Knows no password. A
challenge lies with the session that asked for it, for five minutes, and is answered once. `rp_id` is the host's name, `origin` the address in the
browser's bar with its scheme and port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import webauthn
from sqlalchemy import Row, delete, insert, select, update
from webauthn.helpers import generate_challenge
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from drafting.errors import NotPermitted, RecordError
from drafting.record.accounts import logins, sessions
from drafting.record.accounts.sessions import Session, SessionEnded
from drafting.record.practice import Practice, known, new_id
from drafting.record.store import at, instant, writing
from drafting.record.store.tables.record import PASSKEYS, SESSIONS

PATIENCE = timedelta(minutes=5)
"""How long a challenge waits for its answer."""

_MILLISECONDS = 60_000
_REGISTER, _PROVE = "register", "prove"

T = TypeVar("T")


class PasskeyRefused(RecordError):
    """That passkey was not taken. Try again, or use a code."""


class PasskeyCopied(PasskeyRefused):
    """That passkey may have been copied: it counts less uses than were seen of it. Use a code, then remove it from your account and make another."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey that a person has: when it was added, and last used."""

    id: str
    added: datetime
    used: datetime | None


# ── made, listed, removed ─────────────────────────────────────────────────────────────────────────────────────────────


def registration_options(practice: Practice, token: str, *, rp_id: str, rp_name: str = "Aside") -> dict[str, object]:
    """What the browser hands to `navigator.credentials.create`, as JSON. Raises SessionEnded, NotKnown for somebody without a login, and NotPermitted
    where somebody who has a second factor has not given it."""
    session = _entitled(practice, token)
    login = known(logins.login_of(practice, session.person), "login of", session.person)
    options = webauthn.generate_registration_options(
        rp_id=rp_id,
        rp_name=rp_name,
        user_name=login,
        user_id=session.person.encode(),
        challenge=_challenged(practice, session, _REGISTER),
        timeout=_MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=_descriptors(practice, session.person),
    )
    return options_to_json_dict(options)


def registered(practice: Practice, token: str, credential: Mapping[str, object], *, rp_id: str, origin: str) -> str:
    """Keep the passkey that the browser made; its id here. Raises SessionEnded, NotPermitted, PasskeyRefused."""
    session = _entitled(practice, token)
    challenge = _answered(practice, session, _REGISTER)
    made = _verified(
        lambda: webauthn.verify_registration_response(
            credential=dict(credential), expected_challenge=challenge, expected_rp_id=rp_id, expected_origin=origin
        )
    )
    name = new_id("K")
    with practice.change() as change:
        if change.connection.execute(select(PASSKEYS.c.id).where(PASSKEYS.c.credential == made.credential_id)).first():
            raise PasskeyRefused()
        row = {"id": name, "person": session.person, "credential": made.credential_id, "public": made.credential_public_key}
        change.connection.execute(insert(PASSKEYS).values(uses=made.sign_count, added=instant(change.at), **row))
        change.tell(session.person, "passkey:added", subject=name)
    return name


def listed(practice: Practice, person: str) -> tuple[Passkey, ...]:
    """A person's passkeys, the oldest first."""
    return tuple(Passkey(row.id, at(row.added), at(row.used)) for row in _rows(practice, person))


def remove(practice: Practice, person: str, passkey: str, *, by: str) -> None:
    """Raises NotKnown, also where it is another's."""
    with practice.change() as change:
        gone = change.connection.execute(delete(PASSKEYS).where(PASSKEYS.c.id == passkey, PASSKEYS.c.person == person)).rowcount
        known(gone or None, "passkey", passkey)
        change.tell(by, "passkey:removed", subject=passkey)


# ── used ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def authentication_options(practice: Practice, token: str, *, rp_id: str) -> dict[str, object]:
    """What the browser hands to `navigator.credentials.get`, as JSON. Raises SessionEnded."""
    session = sessions.find(practice, token)
    options = webauthn.generate_authentication_options(
        rp_id=rp_id,
        challenge=_challenged(practice, session, _PROVE),
        timeout=_MILLISECONDS,
        allow_credentials=_descriptors(practice, session.person),
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return options_to_json_dict(options)


def authenticated(practice: Practice, token: str, credential: Mapping[str, object], *, rp_id: str, origin: str) -> bool:
    """The session's person has proven that they have one of their passkeys. True where the authenticator has made sure besides that it is they, by a
    PIN, a finger or a face. Raises SessionEnded, PasskeyRefused, and PasskeyCopied where its count has gone back."""
    session = sessions.find(practice, token)
    challenge = _answered(practice, session, _PROVE)
    try:
        passkey, counted, verified = _proven(practice, session, credential, challenge, rp_id, origin)
    except PasskeyRefused:
        with practice.change() as change:
            change.tell(session.person, "passkey:used", subject=session.person, outcome="denied")
        raise
    with practice.change() as change:
        mine = select(PASSKEYS.c.uses).where(PASSKEYS.c.id == passkey)
        before = change.connection.scalar(mine)
        good = before is not None and (counted > before or counted == before == 0)
        if good:
            change.connection.execute(update(PASSKEYS).where(PASSKEYS.c.id == passkey).values(uses=counted, used=instant(change.at)))
        change.tell(session.person, "passkey:used", subject=passkey, outcome="ok" if good else "denied", reason=None if good else "count")
    if not good:
        raise PasskeyCopied()
    return verified


# ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _proven(
    practice: Practice, session: Session, credential: Mapping[str, object], challenge: bytes, rp_id: str, origin: str
) -> tuple[str, int, bool]:
    """The passkey's id, how many uses it counts, and whether its holder was verified. Its count is compared where it is kept. Raises
    PasskeyRefused."""
    named = _verified(lambda: webauthn.base64url_to_bytes(credential["id"]))
    row = next((row for row in _rows(practice, session.person) if row.credential == named), None)
    if row is None:
        raise PasskeyRefused()
    done = _verified(
        lambda: webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=row.public,
            credential_current_sign_count=0,
        )
    )
    return row.id, done.new_sign_count, done.user_verified


def _verified(look: Callable[[], T]) -> T:
    """What `look` finds. Bytes from outside break a parser in ways of their own, and all of them are a refusal."""
    try:
        return look()
    except Exception:
        raise PasskeyRefused() from None


def _entitled(practice: Practice, token: str) -> Session:
    """A session that may add a passkey: with a password alone only where nothing else is asked for. Raises SessionEnded, NotPermitted."""
    session = sessions.find(practice, token)
    if not session.second and logins.second_of(practice, session.person):
        raise NotPermitted(who=session.person, reason="a passkey is added by somebody who has given their second factor")
    return session


def _challenged(practice: Practice, session: Session, purpose: str) -> bytes:
    challenge = generate_challenge()
    values = {"challenge": challenge, "challenge_for": purpose, "challenge_until": instant(practice.now() + PATIENCE)}
    with writing(practice.stores.record) as connection:
        if not connection.execute(update(SESSIONS).where(SESSIONS.c.id == session.id).values(values)).rowcount:
            raise SessionEnded()
    return challenge


def _answered(practice: Practice, session: Session, purpose: str) -> bytes:
    """The session's challenge, which is gone with this. Raises PasskeyRefused where there is none of that purpose, or its time is up."""
    with writing(practice.stores.record) as connection:
        row = connection.execute(select(SESSIONS).where(SESSIONS.c.id == session.id).with_for_update()).first()
        connection.execute(update(SESSIONS).where(SESSIONS.c.id == session.id).values(challenge=None, challenge_for=None, challenge_until=None))
    if row is None or row.challenge is None or row.challenge_for != purpose or row.challenge_until <= instant(practice.now()):
        raise PasskeyRefused()
    return row.challenge


def _descriptors(practice: Practice, person: str) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=row.credential) for row in _rows(practice, person)]


def _rows(practice: Practice, person: str) -> list[Row]:
    with practice.look() as connection:
        return list(connection.execute(select(PASSKEYS).where(PASSKEYS.c.person == person).order_by(PASSKEYS.c.added, PASSKEYS.c.id)))
