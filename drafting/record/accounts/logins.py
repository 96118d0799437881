"""Logins: a short name, a password, and what is asked for besides it.

In: a practice, a person's id, what they typed. Out: the person's id; recovery codes, once. Knows no session but to end it, and opens no key. A
password is kept by argon2id, the secret of an app that makes codes sealed by the practice, recovery codes by keyed digests. A refused login never
says which half was wrong, nor takes longer for one than for the other.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterable
from functools import cache
from hmac import compare_digest

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from drafting.errors import RecordError
from drafting.record.accounts import sessions, throttling
from drafting.record.accounts.throttling import LoginThrottled as LoginThrottled
from drafting.record.keys.passphrases import COST
from drafting.record.practice import NAMES, Change, Practice, known
from drafting.record.store import instant
from drafting.record.store.tables.record import LOGINS, PASSKEYS, PEOPLE, RECOVERY_CODES

HASHER = PasswordHasher(*COST)
LEAST, MOST = 12, 1024
"""The fewest and the most characters of a password."""
CODES = 10

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_MISREAD = str.maketrans("oil", "011")
_CODE = 16  # letters of a recovery code: 80 bits
_DIFFERENT = 5  # letters that a password has at least, however long
_COMMON = frozenset(
    """
    passwordpassword password1234 password12345 password123456 passw0rd1234 p@ssw0rd1234 mypassword123 1234567890ab 123456789abc
    123456789012 1234567890123 qwertyuiop12 qwertyuiop123 qwertyuiopasdf qwertyuiopasdfgh qwertyuiop[]\\ 1q2w3e4r5t6y 1qaz2wsx3edc
    zaq12wsxcde3 q1w2e3r4t5y6 asdfghjkl123 asdfghjkl;' iloveyou1234 letmeinletmein letmein12345 welcome12345 welcomehome1 administrator
    administrator1 changeme1234 changemeplease trustno1trustno1 sunshine1234 princess1234 football1234 baseball1234 superman1234
    monkeymonkey dragondragon abcdefghijkl abcdefgh1234 abc123abc123 correcthorsebatterystaple thisismypassword therapist123 therapist1234
    counselling1 counseling123 psychologist
    """.split()
)


class LoginRefused(RecordError):
    """That login and that password do not fit."""


class CodeRefused(RecordError):
    """That code is not right, or was used before. Take the next one that the app shows, or a recovery code."""


class PasswordWeak(RecordError):
    """That password will not do: {reason}. A few words that only you would put together are best."""


class LoginTaken(RecordError):
    """The login {login} is somebody's, or {person} has one already."""


class LoginMisspelt(RecordError):
    """A login is 1 to 32 small letters and digits, with dots, hyphens and underscores within."""


# ── given by an administrator ─────────────────────────────────────────────────────────────────────────────────────────


def create(practice: Practice, person: str, login: str, password: str, *, by: str) -> tuple[str, ...]:
    """A person's login, and their recovery codes, which nothing can show again. Raises NotKnown, LoginMisspelt, PasswordWeak, LoginTaken."""
    name = _name(login)
    if not _NAME.fullmatch(name):
        raise LoginMisspelt()
    kept = _kept(password, name)
    with practice.change() as change:
        known(change.connection.execute(select(PEOPLE.c.id).where(PEOPLE.c.id == person)).first(), "person", person)
        if change.connection.execute(select(LOGINS.c.person).where((LOGINS.c.person == person) | (LOGINS.c.login == name))).first():
            raise LoginTaken(login=name, person=person)
        change.connection.execute(insert(LOGINS).values(person=person, login=name, password=kept, since=instant(change.at), totp_step=0))
        codes = _renewed(practice, change.connection, person)
        change.tell(by, "login:created", subject=person)
    return codes


def reset(practice: Practice, person: str, password: str, *, by: str) -> tuple[str, ...]:
    """For somebody who has lost everything: another password, no second factor, other recovery codes, and every session ended. Whoever calls has made
    sure who asks. Raises NotKnown, PasswordWeak."""
    login = _found(practice, person).login
    kept = _kept(password, login)
    with practice.change() as change:
        values = {"password": kept, "since": instant(change.at), "totp_sealed": None, "pending_sealed": None}
        known(change.connection.execute(update(LOGINS).where(LOGINS.c.person == person).values(values)).rowcount or None, "login of", person)
        change.connection.execute(delete(PASSKEYS).where(PASSKEYS.c.person == person))
        codes = _renewed(practice, change.connection, person)
        sessions.dismiss(change, person, "reset", by=by)
        for door in (f"login:{login}", _door(person)):
            throttling.clear(practice, change.connection, door)
        change.tell(by, "login:reset", subject=person)
    return codes


# ── the password ──────────────────────────────────────────────────────────────────────────────────────────────────────


def set_password(practice: Practice, person: str, password: str, *, by: str) -> None:
    """Another password. Every session of the person ends, the one that asked too: begin it anew. Raises NotKnown, PasswordWeak."""
    kept = _kept(password, _found(practice, person).login)
    with practice.change() as change:
        known(change.connection.execute(_password(person, kept, change)).rowcount or None, "login of", person)
        sessions.dismiss(change, person, "password", by=by)
        change.tell(by, "login:password", subject=person)


def check(practice: Practice, login: str, password: str) -> str:
    """Whose login and password these are: a person's id. Raises LoginRefused, also for somebody who has left; LoginThrottled."""
    name = _name(login)
    door = f"login:{name}"
    throttling.count(practice, door)
    with practice.look() as connection:
        whose = select(LOGINS, PEOPLE.c.active).join(PEOPLE, PEOPLE.c.id == LOGINS.c.person).where(LOGINS.c.login == name)
        row = connection.execute(whose).first() if _NAME.fullmatch(name) else None
    fits = _fits(row.password if row else _nobody(HASHER), password) and row is not None and bool(row.active)
    with practice.change() as change:
        who = row.person if row else None
        change.tell(who or "nobody", "login:checked", subject=who, outcome="ok" if fits else "denied")
        if fits:
            throttling.clear(practice, change.connection, door)
            if HASHER.check_needs_rehash(row.password):
                change.connection.execute(_password(row.person, HASHER.hash(_bytes(password)), change, row.password))
    if not fits:
        raise LoginRefused()
    return row.person


def login_of(practice: Practice, person: str) -> str | None:
    """A person's login, if they have one."""
    with practice.look() as connection:
        return connection.scalar(select(LOGINS.c.login).where(LOGINS.c.person == person))


# ── second factors ────────────────────────────────────────────────────────────────────────────────────────────────────


def second_of(practice: Practice, person: str) -> frozenset[str]:
    """Which second factors a person has: of `totp` and `passkey`. Recovery codes are none of their own; they stand in for one."""
    with practice.look() as connection:
        code = connection.scalar(select(LOGINS.c.totp_sealed.is_not(None)).where(LOGINS.c.person == person))
        passkey = connection.execute(select(PASSKEYS.c.id).where(PASSKEYS.c.person == person).limit(1)).first()
    return frozenset([*(["totp"] if code else []), *(["passkey"] if passkey else [])])


def begin_totp(practice: Practice, person: str) -> str:
    """A secret for an app that makes codes, as an otpauth URI to be shown as a QR code, once. It counts when a code of it was given (`confirm_totp`);
    one that the person has goes on until then. Raises NotKnown."""
    login, secret = _found(practice, person).login, pyotp.random_base32()
    sealed = practice.seal(NAMES, secret, "logins", person, "totp")
    with practice.change() as change:
        change.connection.execute(update(LOGINS).where(LOGINS.c.person == person).values(pending_sealed=sealed))
        change.tell(person, "login:totp_begun", subject=person)
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name="Aside")


def confirm_totp(practice: Practice, person: str, code: str, *, by: str) -> None:
    """The app shows `code`: from now on its codes are asked for. That one is used. Raises NotKnown, CodeRefused, LoginThrottled."""
    throttling.count(practice, _door(person))
    with practice.change() as change:
        row = _row(change.connection, person)
        step = _step(practice, person, row.pending_sealed, code)
        if step is not None:
            values = {"totp_sealed": row.pending_sealed, "pending_sealed": None, "totp_step": step}
            change.connection.execute(update(LOGINS).where(LOGINS.c.person == person).values(values))
            throttling.clear(practice, change.connection, _door(person))
        change.tell(by, "login:totp_confirmed", subject=person, outcome="denied" if step is None else "ok")
    if step is None:
        raise CodeRefused()


def drop_totp(practice: Practice, person: str, *, by: str) -> None:
    """No codes of an app any more. Raises NotKnown."""
    with practice.change() as change:
        gone = update(LOGINS).where(LOGINS.c.person == person).values(totp_sealed=None, pending_sealed=None)
        known(change.connection.execute(gone).rowcount or None, "login of", person)
        change.tell(by, "login:totp_dropped", subject=person)


def check_code(practice: Practice, person: str, code: str) -> str:
    """Use a code of the app (of the half minute before, this one or the next) or a recovery code, and return which it was: `totp` or `recovery`. Each
    is taken once, and none of the app from before one that was. Raises NotKnown, CodeRefused, LoginThrottled."""
    throttling.count(practice, _door(person))
    with practice.change() as change:
        row = _row(change.connection, person)
        how = _used(practice, change.connection, row, code)
        if how is not None:
            throttling.clear(practice, change.connection, _door(person))
        change.tell(person, "login:code", subject=person, outcome="ok" if how else "denied", how=how)
    if how is None:
        raise CodeRefused()
    return how


def renew_codes(practice: Practice, person: str, *, by: str) -> tuple[str, ...]:
    """Other recovery codes; those from before are worth nothing. Raises NotKnown."""
    with practice.change() as change:
        _row(change.connection, person)
        codes = _renewed(practice, change.connection, person)
        change.tell(by, "login:codes_renewed", subject=person)
    return codes


def codes_left(practice: Practice, person: str) -> int:
    """How many recovery codes a person has not used."""
    with practice.look() as connection:
        return connection.scalar(select(func.count()).select_from(RECOVERY_CODES).where(RECOVERY_CODES.c.person == person))


# ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _used(practice: Practice, connection: Connection, row: Row, code: str) -> str | None:
    step = _step(practice, row.person, row.totp_sealed, code)
    if step is not None and step > row.totp_step:
        connection.execute(update(LOGINS).where(LOGINS.c.person == row.person).values(totp_step=step))
        return "totp"
    mine = (RECOVERY_CODES.c.person == row.person) & (RECOVERY_CODES.c.digest == _code_digest(practice, row.person, code))
    return "recovery" if connection.execute(delete(RECOVERY_CODES).where(mine)).rowcount else None


def _step(practice: Practice, person: str, sealed: bytes | None, code: str) -> int | None:
    """The step of half a minute that `code` is of, among the last, this one and the next."""
    typed = code.strip().replace(" ", "")
    if sealed is None or not re.fullmatch(r"[0-9]{6}", typed):
        return None
    totp = pyotp.TOTP(practice.open(NAMES, sealed, "logins", person, "totp").decode())
    now = totp.timecode(practice.now())
    fitting = [step for step in (now - 1, now, now + 1) if compare_digest(totp.generate_otp(step), typed)]
    return max(fitting, default=None)


def _renewed(practice: Practice, connection: Connection, person: str) -> tuple[str, ...]:
    connection.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.person == person))
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_CODE)) for _ in range(CODES)]
    connection.execute(insert(RECOVERY_CODES), [{"person": person, "digest": _code_digest(practice, person, code)} for code in codes])
    return tuple("-".join(_fours(code)) for code in codes)


def _fours(code: str) -> Iterable[str]:
    return (code[n : n + 4] for n in range(0, len(code), 4))


def _code_digest(practice: Practice, person: str, code: str) -> bytes:
    letters = re.sub(r"[^0-9a-z]", "", code.casefold()).translate(_MISREAD)
    return practice.token(f"code:{person}:{letters}")


def _found(practice: Practice, person: str) -> Row:
    with practice.look() as connection:
        return _row(connection, person)


def _row(connection: Connection, person: str) -> Row:
    return known(connection.execute(select(LOGINS).where(LOGINS.c.person == person)).first(), "login of", person)


def _door(person: str) -> str:
    return f"code:{person}"


def _name(login: str) -> str:
    return unicodedata.normalize("NFKC", login).strip().casefold()


def _password(person: str, kept: str, change: Change, before: str | None = None) -> object:
    """The statement that keeps another password, or the same anew where it still is the one that was checked."""
    mine = LOGINS.c.person == person if before is None else (LOGINS.c.person == person) & (LOGINS.c.password == before)
    return update(LOGINS).where(mine).values(password=kept, since=instant(change.at))


def _kept(password: str, login: str) -> str:
    """argon2id's text for `password`. Raises PasswordWeak."""
    words = _form(password)
    if not LEAST <= len(words) <= MOST:
        raise PasswordWeak(reason=f"give {LEAST} characters at least" if len(words) < LEAST else f"it is over {MOST} characters")
    plain = words.casefold()
    if plain == login:
        raise PasswordWeak(reason="it is the login")
    if plain in _COMMON or len(set(plain)) < _DIFFERENT:
        raise PasswordWeak(reason="it is one of those that are tried first")
    return HASHER.hash(_bytes(password))


def _fits(kept: str, password: str) -> bool:
    try:
        return HASHER.verify(kept, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody(hasher: PasswordHasher) -> str:
    """What the password of a login that nobody has is checked against, so that it takes as long."""
    return hasher.hash(secrets.token_bytes(32))


def _form(password: str) -> str:
    """A password in one form, so that it fits from any keyboard."""
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    return _form(password).encode("utf-8", "surrogatepass")
