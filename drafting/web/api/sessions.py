"""Sessions over the wire: logging in, the second factor, opening one's keys, proving again who one is, and handing the browser to somebody else.

In: what a person typed, or their passkey answered. Out: how the session stands, and its cookie. Knows no note. Several people may share a browser:
the sessions of those who are not at it just now are hidden in a cookie of their own, and whoever gives their password again finds theirs as it was.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from drafting.record.accounts import logins, passkeys, sessions
from drafting.record.accounts.sessions import ABSOLUTE, IDLE, SITTING, SessionEnded
from drafting.types.record import Standing
from drafting.web.access import SLOW, Arriving, Asked, Asking, Desk, NotProven, SecondNeeded, party, untold
from drafting.web.schemas import In, Out
from drafting.web.security import cookie

router = APIRouter(prefix="/api/v1", tags=["sessions"])

Secret = Annotated[str, StringConstraints(min_length=1, max_length=1_024)]
TypedCode = Annotated[str, StringConstraints(min_length=1, max_length=64)]

HIDDEN = 4
"""How many sessions of others a browser keeps; of more, the one hidden longest ends."""

_OTHERS = "aside-others"
_OPEN: dict[str, Any] = {"security": []}


class LoginIn(In):
    """A login and its password."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(description="The short name, such as ada.")
    password: Secret = Field(repr=False, description="The password.")
    keep: Literal["cookie", "bearer"] = Field(default="cookie", description="Where the session is kept: in the browser's cookie, or by the caller.")


class CodeIn(In):
    """A code."""

    code: TypedCode = Field(repr=False, description="A code that the app shows, or a recovery code.")


class PasswordIn(In):
    """A password."""

    password: Secret = Field(repr=False, description="The login's password.")


class UnlockIn(In):
    """A passphrase."""

    passphrase: Secret = Field(repr=False, description="The person's passphrase.")


class PasskeyIn(In):
    """What a passkey answered."""

    credential: dict[str, Any] = Field(repr=False, description="The browser's PublicKeyCredential, as its toJSON() gives it.")


class OptionsOut(Out):
    """What the browser hands to its authenticator."""

    options: dict[str, Any] = Field(description="Options as PublicKeyCredential.parse…OptionsFromJSON() takes them.")


class SessionOut(Out):
    """How a session stands."""

    person: str = Field(description="Whose it is.")
    name: str = Field(repr=False, description="Their name.")
    standing: Standing = Field(description="What they may do here.")
    begun: datetime = Field(description="When it was begun.")
    idle_until: datetime = Field(description="When it ends if nothing is asked.")
    until: datetime = Field(description="When it ends whatever is asked.")
    second: bool = Field(description="Whether the second factor was given.")
    factors: tuple[str, ...] = Field(description="Which second factors the person has: totp, passkey.")
    proven_until: datetime | None = Field(description="Until when they may sign without proving again who they are.")
    unlocked: bool = Field(description="Whether their keys are open.")
    private_until: datetime | None = Field(description="Until when their private notes stay open, if nothing is asked of them.")
    csrf: str = Field(repr=False, description="What the header X-Aside-CSRF must carry where the session is in a cookie.")
    token: str | None = Field(default=None, repr=False, description="The session's token, where the caller keeps it.")


# ── begun and ended ───────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/sessions", status_code=201, openapi_extra=_OPEN)
def log_in(request: Request, response: Response, given: LoginIn) -> SessionOut:
    """Log in. Where the person has a second factor, the session can do nothing before it was given."""
    bearer = given.keep == "bearer"
    desk: Desk = request.app.state.desk
    token = enter(desk, given.login, given.password) if bearer else enter_here(request, response, given.login, given.password)
    return _out(desk, token, bearer)


@router.get("/session")
def read_session(asked: Arriving) -> SessionOut:
    """How one's session stands."""
    return _out(asked.desk, asked.token)


@router.delete("/session", status_code=204)
def log_out(asked: Arriving, response: Response) -> None:
    """Log out here. Sessions of others in the same browser stay hidden."""
    leave(asked, response)


@router.post("/session/switch", status_code=204)
def switch(request: Request, asked: Arriving, response: Response) -> None:
    """Hand the browser to somebody else: the session is hidden until its person gives their password again. Private notes close."""
    hide(request, asked, response)


@router.delete("/sessions", status_code=204)
@untold("each session that ends is told of")
def end_all(asked: Asked, response: Response) -> None:
    """End every session of one's own, on every machine."""
    sessions.end_all(asked.practice, asked.person.id)
    _drop(asked.desk, response)


# ── who it is ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/session/second")
def give_code(request: Request, asked: Arriving, response: Response, given: CodeIn) -> SessionOut:
    """Give the second factor as a code. The session goes on under another token."""
    logins.check_code(asked.practice, asked.person.id, given.code)
    return _rotated(request, asked, response)


@router.post("/session/passkey/options")
def ask_passkey(request: Request, asked: Arriving) -> OptionsOut:
    """A question for a passkey of one's own, as the second factor or to prove again who one is. It waits for five minutes."""
    return OptionsOut(options=passkeys.authentication_options(asked.practice, asked.token, rp_id=party(request)[0]))


@router.post("/session/passkey")
def give_passkey(request: Request, asked: Arriving, response: Response, given: PasskeyIn) -> SessionOut:
    """The passkey's answer. As a second factor, the session goes on under another token; to prove again who one is, the authenticator must have made
    sure of it by a PIN, a finger or a face."""
    name, origin = party(request)
    verified = passkeys.authenticated(asked.practice, asked.token, given.credential, rp_id=name, origin=origin)
    if not asked.session.second:
        return _rotated(request, asked, response)
    if not verified:
        raise NotProven()
    sessions.step_up(asked.practice, asked.token)
    return _out(asked.desk, asked.token)


@router.post("/session/step-up")
def step_up(asked: Arriving, given: PasswordIn | CodeIn) -> SessionOut:
    """Prove again who one is, with one's password or a code: notes can be signed for a quarter of an hour."""
    prove(asked, **given.model_dump())
    return _out(asked.desk, asked.token)


# ── the person's keys ─────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/session/unlock")
@untold("opening one's keys is told of, and that they stayed locked too")
def unlock(asked: Asked, given: UnlockIn) -> SessionOut:
    """Open one's keys for the session, with one's passphrase."""
    with SLOW:
        sessions.unlock(asked.practice, asked.token, given.passphrase)
    return _out(asked.desk, asked.token)


@router.post("/session/lock")
@untold("putting keys away is told of")
def lock(asked: Asked) -> SessionOut:
    """Put one's keys away; private notes close with them."""
    sessions.lock(asked.practice, asked.token)
    return _out(asked.desk, asked.token)


# ── what pages and API share ──────────────────────────────────────────────────────────────────────────────────────────


def enter(desk: Desk, login: str, password: str, *, old: str | None = None, others: tuple[str, ...] = ()) -> str:
    """The token of a session of whoever's login and password these are: one of `others` where one is theirs and stands, else a new one in place of
    `old`. Who needs no second factor has proven who they are by this. Raises LoginRefused, LoginThrottled."""
    practice = desk.practice
    with SLOW:
        person = logins.check(practice, login, password)
    for token in others:
        with suppress(SessionEnded):
            if sessions.find(practice, token).person == person:
                if old is not None:
                    sessions.end(practice, old)
                sessions.step_up(practice, token)
                return token
    token = sessions.begin(practice, person, second=False, old=old)
    if not logins.second_of(practice, person):
        sessions.step_up(practice, token)
    return token


def enter_here(request: Request, response: Response, login: str, password: str) -> str:
    """The same in a browser, whose cookie is set: the session that was open in it ends, those that are hidden stay. Raises as `enter`."""
    desk, others = request.app.state.desk, hidden(request)
    token = enter(desk, login, password, old=request.cookies.get(cookie(desk.secure)), others=others)
    keep(desk, response, token)
    if token in others:
        _keep_others(desk, response, [other for other in others if other != token])
    return token


def rotated(asking: Asking, *, second: bool = True) -> str:
    """The token under which a session goes on that its person has just proven theirs; what it had opened is closed."""
    token = sessions.begin(asking.practice, asking.person.id, second=second, old=asking.token)
    sessions.step_up(asking.practice, token)
    return token


def prove(asking: Asking, *, password: str | None = None, code: str | None = None) -> None:
    """Begin a sitting, with a password or a code. Raises SecondNeeded, LoginRefused, CodeRefused, LoginThrottled."""
    practice, person = asking.practice, asking.person.id
    entitled(asking)
    if password is not None:
        with SLOW:
            logins.check(practice, logins.login_of(practice, person) or "", password)
    else:
        logins.check_code(practice, person, code or "")
    sessions.step_up(practice, asking.token)


def entitled(asking: Asking) -> None:
    """Raise SecondNeeded for somebody who has a second factor and has not given it."""
    if not asking.session.second and logins.second_of(asking.practice, asking.person.id):
        raise SecondNeeded()


def leave(asking: Asking, response: Response) -> None:
    """End the session, and take its cookie away."""
    sessions.end(asking.practice, asking.token)
    _drop(asking.desk, response)


def hide(request: Request, asking: Asking, response: Response) -> None:
    """Put the session away for its person to come back to. Raises SessionEnded."""
    if asking.session.private_until is not None:
        sessions.close_private(asking.practice, asking.token)
    tokens = [asking.token, *(token for token in hidden(request) if token != asking.token)]
    for token in tokens[HIDDEN:]:
        sessions.end(asking.practice, token)
    _keep_others(asking.desk, response, tokens[:HIDDEN])
    _drop(asking.desk, response)


def hidden(request: Request) -> tuple[str, ...]:
    """The tokens of sessions that are hidden in this browser."""
    kept = request.cookies.get(cookie(request.app.state.desk.secure, _OTHERS), "")
    return tuple(token for token in kept.split(".") if token)[: 2 * HIDDEN]


def keep(desk: Desk, response: Response, token: str) -> None:
    """Give the browser the session's cookie."""
    _set(desk, response, cookie(desk.secure), token)


# ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rotated(request: Request, asking: Asking, response: Response) -> SessionOut:
    """The session under another token, which whoever kept the old one keeps."""
    token, bearer = rotated(asking), "authorization" in request.headers
    if not bearer:
        keep(asking.desk, response, token)
    return _out(asking.desk, token, bearer)


def _out(desk: Desk, token: str, bearer: bool = False) -> SessionOut:
    """Raises SessionEnded."""
    asking = Asking.of(desk, token)
    session, person = asking.session, asking.person
    stepped = session.stepped is not None and sessions.stepped(session, desk.practice.now())
    return SessionOut(
        person=person.id,
        name=person.name,
        standing=person.standing,
        begun=session.begun,
        idle_until=session.seen + IDLE,
        until=session.begun + ABSOLUTE,
        second=session.second,
        factors=tuple(sorted(logins.second_of(desk.practice, person.id))),
        proven_until=session.stepped + SITTING if stepped else None,
        unlocked=session.unlocked,
        private_until=session.private_until,
        csrf=asking.csrf,
        token=token if bearer else None,
    )


def _set(desk: Desk, response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, path="/", secure=desk.secure, httponly=True, samesite="strict")


def _drop(desk: Desk, response: Response) -> None:
    response.delete_cookie(cookie(desk.secure), path="/", secure=desk.secure, httponly=True, samesite="strict")


def _keep_others(desk: Desk, response: Response, tokens: list[str]) -> None:
    name = cookie(desk.secure, _OTHERS)
    if tokens:
        _set(desk, response, name, ".".join(tokens))
    else:
        response.delete_cookie(name, path="/", secure=desk.secure, httponly=True, samesite="strict")
