"""Who asks, and what they may: the session behind a request, whose an encounter is, and that whatever was shown is on the audit trail.

In: a request with its cookie or bearer token. Out: an `Asking`, or a refusal. Knows no page. Nothing here must be remembered by whoever writes a
route: a route that depends on `Asked` is told of on the audit trail, unless what it did told of itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select

from drafting.errors import AsideError, NotKnown, NotPermitted, RecordError
from drafting.pipeline import Engines
from drafting.record import people, workbench
from drafting.record.accounts import logins, sessions
from drafting.record.accounts.sessions import Session, SessionEnded
from drafting.record.keys.passphrases import Unlocked
from drafting.record.practice import Change, Practice
from drafting.record.store.tables.record import NOTES
from drafting.types.record import Encounter, NoteState, Person, Standing
from drafting.web.problems import status_of
from drafting.web.security import LOOPBACK, SAFE, Forged, Rates, cookie, host_of

if TYPE_CHECKING:
    from drafting.jobs import Jobs

SLOW = threading.BoundedSemaphore(4)
"""Held while a password or a passphrase is stretched: each takes 64 MiB."""
WAITING = (NoteState.COSIGN_DUE, NoteState.RETURNED)
"""States in which a supervisor reads a trainee's unsigned work."""

_ID = re.compile(r"[A-Z][0-9a-hjkmnp-tv-z]{12,15}(-[a-z][0-9]{1,5})?|C-[0-9]{8}")  # no word that somebody typed looks so
_CODE = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

E = TypeVar("E", bound=Callable[..., object])


class NotProven(RecordError):
    """Prove again that it is you: with your password, a code or your passkey."""


class SecondNeeded(RecordError):
    """Give your second factor first: a code, a recovery code or your passkey."""


class SecondMissing(RecordError):
    """Whoever reaches this desk from another machine has a second factor. Set up yours in your account first."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What every room of the web works on. `engines`: made when first called. `secure`: the browser reaches it over TLS. `formats`: a folder of the
    practice's own. `second`: everybody must have a second factor. `hosts`: the names by which it is reached. `watchers`: addresses that may read its
    figures."""

    practice: Practice
    engines: Callable[[], Engines]
    jobs: Jobs
    secure: bool = True
    formats: Path | None = None
    second: bool = False
    hosts: frozenset[str] = LOOPBACK
    watchers: frozenset[str] = LOOPBACK
    rates: Rates = field(default_factory=Rates)


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody who asks, in a session that stands."""

    desk: Desk = field(repr=False)
    session: Session
    person: Person
    token: str = field(repr=False)

    @classmethod
    def of(cls, desk: Desk, token: str) -> Asking:
        """Whoever's session has that token. Raises SessionEnded."""
        session = sessions.find(desk.practice, token)
        return cls(desk, session, people.find_person(desk.practice, session.person), token)

    @property
    def practice(self) -> Practice:
        return self.desk.practice

    @property
    def csrf(self) -> str:
        """What their forms carry, so that they are known to be ours."""
        return csrf_of(self.token)

    def unlocked(self) -> Unlocked:
        """Their keys. Raises Locked before the passphrase was given."""
        return sessions.unlocked(self.practice, self.token)


def csrf_of(token: str) -> str:
    """What a form carries that belongs to the session of `token`: 64 characters, from which the token cannot be worked out."""
    return hmac.new(token.encode("utf-8", "surrogatepass"), b"aside csrf", hashlib.sha256).hexdigest()


# ── telling ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Telling:
    """How a route is told of: the event's action; or None, and why there is no event."""

    action: str | None
    why: str | None = None


def told(action: str) -> Callable[[E], E]:
    """A decorator beneath the route's own: the event that tells of this route is called `action`, such as "review:read". Without it, it has the
    function's name."""
    return _marked(Telling(action))


def untold(why: str) -> Callable[[E], E]:
    """A decorator beneath the route's own: no event tells of this route, for it serves nothing about a client but ids and codes, or another event
    does. The guard's test lists all that are marked so."""
    return _marked(Telling(None, why))


def telling_of(endpoint: Callable[..., object]) -> Telling:
    """How a route's function is told of."""
    return getattr(endpoint, "telling", None) or Telling(f"desk:{endpoint.__name__}"[:128])


def _marked(telling: Telling) -> Callable[[E], E]:
    def mark(endpoint: E) -> E:
        endpoint.telling = telling
        return endpoint

    return mark


class Listening(Practice):
    """The practice as one request is handed it: it notices whether anything was told while the request was answered."""

    def __init__(self, practice: Practice) -> None:
        self.stores, self.keyring, self.now = practice.stores, practice.keyring, practice.now
        self.heard = False

    @contextmanager
    def change(self) -> Iterator[Change]:
        with super().change() as change:
            yield change
        self.heard = True


# ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def arriving(request: Request) -> Asking:
    """Whoever's session it is, though their second factor may be wanting. Raises SessionEnded, Forged."""
    desk: Desk = request.app.state.desk
    token, bearer = _token(request, desk)
    found = await run_in_threadpool(_found, desk, token)
    if not bearer and request.method not in SAFE and not await _ours(request, token):
        raise Forged()
    request.state.asking = found
    return found


def asking(request: Request, found: Annotated[Asking, Depends(arriving)]) -> Iterator[Asking]:
    """Whoever asks. When the route is done, and before anything is sent, the audit trail is told of it, unless it was already. Raises SessionEnded,
    Forged, SecondNeeded, SecondMissing."""
    _seconded(found)
    telling, subject = telling_of(request.scope["endpoint"]), str(next(iter(request.path_params.values()), ""))
    try:
        yield found
    except AsideError as refused:
        if status_of(refused) in (403, 404) and not found.practice.heard:
            _tell(found, telling.action or "desk:refused", subject if _ID.fullmatch(subject) else None, "denied", refused.code)
        raise
    if telling.action and not found.practice.heard:
        _tell(found, telling.action, subject if _CODE.fullmatch(subject) else None)


Arriving = Annotated[Asking, Depends(arriving)]
Asked = Annotated[Asking, Depends(asking, scope="function")]


def sitting(asked: Asked) -> Asking:
    """Whoever asks, in a sitting: they proved a short while ago that it is they. Raises NotProven, and as `asking`."""
    if not sessions.stepped(asked.session, asked.practice.now()):
        raise NotProven()
    return asked


Sitting = Annotated[Asking, Depends(sitting)]


def stands_as(*standings: Standing) -> Callable[..., Asking]:
    """A dependency: somebody of one of these standings. Raises NotPermitted, and as `asking`."""

    def standing(asked: Asked) -> Asking:
        if asked.person.standing not in standings:
            raise NotPermitted(who=asked.person.id, reason="it takes another standing in the practice")
        return asked

    return standing


def mine(asking: Asking, encounter: str, *, supervising: bool = False) -> Encounter:
    """An encounter of one's own; with `supervising` also one whose supervisor one is, while it waits for them. Raises NotKnown, for another's as for
    one that is not there."""
    if not _CODE.fullmatch(encounter):
        raise NotKnown(what="encounter", id="of that name")
    there = workbench.find(asking.practice, encounter)
    own = there.author == asking.person.id
    if own or (supervising and there.supervisor == asking.person.id and there.state in WAITING):
        return there
    raise NotKnown(what="encounter", id=encounter)


def party(request: Request) -> tuple[str, str]:
    """The desk as a passkey knows it: the host's name, and its address with scheme and port."""
    host = request.headers["host"].strip().lower()
    return host_of(host), f"{'https' if request.app.state.desk.secure else 'http'}://{host}"


# ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _token(request: Request, desk: Desk) -> tuple[str, bool]:
    """The session's token, and whether it is a bearer's. Raises SessionEnded where there is none."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given:
        return given.strip(), True
    token = request.cookies.get(cookie(desk.secure))
    if not token:
        raise SessionEnded()
    return token, False


def _found(desk: Desk, token: str) -> Asking:
    return Asking.of(replace(desk, practice=Listening(desk.practice)), token)


async def _ours(request: Request, token: str) -> bool:
    """Whether a header or a field of the form carries what belongs to this session."""
    given = request.headers.get("x-aside-csrf")
    if given is None and request.headers.get("content-type", "").partition(";")[0].strip().lower() in _FORMS:
        given = (await request.form()).get("csrf")
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), csrf_of(token).encode())


def _seconded(found: Asking) -> None:
    """Raises SecondNeeded, SecondMissing."""
    if found.session.second:
        return
    if logins.second_of(found.practice, found.person.id):
        raise SecondNeeded()
    if found.desk.second:
        raise SecondMissing()


def _tell(found: Asking, action: str, subject: str | None, outcome: str = "ok", reason: str | None = None) -> None:
    with found.practice.change() as change:
        change.tell(found.person.id, action, subject=subject, client=_client_of(change, subject), outcome=outcome, reason=reason)


def _client_of(change: Change, subject: str | None) -> str | None:
    """Whose record an id belongs to, where it is one of a client, an encounter, a note or a private note."""
    if subject is None or subject.startswith("C-"):
        return subject
    with suppress(NotKnown):
        return workbench.row_of(change.connection, subject.split("-")[0]).client
    return change.connection.scalar(select(NOTES.c.client).where(NOTES.c.id == subject))
