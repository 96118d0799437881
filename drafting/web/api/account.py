"""One's own account over the wire: password, second factors, recovery codes.

In: what is changed. Out: how the account stands; secrets, once. Knows no other person's account: an administrator gives logins at the command line.
Whoever changes anything has proven a short while ago who they are; to set up a first second factor, having just logged in is enough.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from drafting.record.accounts import logins, passkeys, sessions
from drafting.web.access import SLOW, Arriving, Asked, Asking, NotProven, Sitting, party, untold
from drafting.web.acts import Id
from drafting.web.api.sessions import CodeIn, OptionsOut, PasskeyIn, Secret, entitled, keep, rotated
from drafting.web.schemas import In, Out

router = APIRouter(prefix="/api/v1/account", tags=["account"])

PasskeyId = Annotated[Id, Path(description="The passkey's id.")]


class NewPasswordIn(In):
    """Another password."""

    password: Secret = Field(repr=False, description="The one in use.")
    new: Secret = Field(repr=False, description="The new one.")


class PasskeyOut(Out):
    """A passkey of one's own."""

    id: str = Field(description="The passkey's id.")
    added: datetime = Field(description="When it was added.")
    used: datetime | None = Field(description="When it was last used.")


class AccountOut(Out):
    """How an account stands."""

    login: str | None = Field(description="The login.")
    factors: tuple[str, ...] = Field(description="Which second factors there are: totp, passkey.")
    codes_left: int = Field(description="How many recovery codes were not used.")
    passkeys: tuple[PasskeyOut, ...] = Field(description="The passkeys, the oldest first.")


class TotpOut(Out):
    """The secret of an app that makes codes; it counts when a code of it was given."""

    uri: str = Field(repr=False, description="The otpauth address, to be shown as a QR code.")


class CodesOut(Out):
    """Recovery codes, which are not shown again."""

    codes: tuple[str, ...] = Field(repr=False, description="Each stands in once for the second factor.")


@router.get("")
def read_account(asked: Arriving) -> AccountOut:
    """How one's account stands."""
    return account(asked)


@router.put("/password", status_code=204)
@untold("another password is told of")
def set_password(request: Request, asked: Asked, response: Response, given: NewPasswordIn) -> None:
    """Another password. Every session of one's own ends but this, which goes on under another token; where the caller keeps it, log in again."""
    change_password(request, asked, response, given.password, given.new)


@router.post("/totp")
def begin_totp(asked: Arriving) -> TotpOut:
    """A secret for an app that makes codes, shown once."""
    sure(asked)
    return TotpOut(uri=logins.begin_totp(asked.practice, asked.person.id))


@router.post("/totp/confirm", status_code=204)
def confirm_totp(request: Request, asked: Arriving, response: Response, given: CodeIn) -> None:
    """The app shows that code: from now on its codes are asked for. The session goes on as one whose second factor was given."""
    sure(asked)
    logins.confirm_totp(asked.practice, asked.person.id, given.code, by=asked.person.id)
    go_on(request, asked, response)


@router.delete("/totp", status_code=204)
@untold("that there are no codes of an app any more is told of")
def drop_totp(asked: Sitting) -> None:
    """No codes of an app any more."""
    logins.drop_totp(asked.practice, asked.person.id, by=asked.person.id)


@router.post("/codes")
@untold("other recovery codes are told of")
def renew_codes(asked: Sitting) -> CodesOut:
    """Other recovery codes, shown once; those from before are worth nothing."""
    return CodesOut(codes=logins.renew_codes(asked.practice, asked.person.id, by=asked.person.id))


@router.post("/passkeys/options")
def ask_registration(request: Request, asked: Arriving) -> OptionsOut:
    """What the browser's authenticator needs to make a passkey. It waits for five minutes."""
    sure(asked)
    return OptionsOut(options=passkeys.registration_options(asked.practice, asked.token, rp_id=party(request)[0]))


@router.post("/passkeys", status_code=201)
def add_passkey(request: Request, asked: Arriving, response: Response, given: PasskeyIn) -> AccountOut:
    """Keep the passkey that was made. The session goes on as one whose second factor was given."""
    sure(asked)
    name, origin = party(request)
    passkeys.registered(asked.practice, asked.token, given.credential, rp_id=name, origin=origin)
    go_on(request, asked, response)
    return account(asked)


@router.delete("/passkeys/{passkey}", status_code=204)
@untold("a passkey's end is told of")
def remove_passkey(asked: Sitting, passkey: PasskeyId) -> None:
    """Remove a passkey of one's own."""
    passkeys.remove(asked.practice, asked.person.id, passkey, by=asked.person.id)


# ── what pages and API share ──────────────────────────────────────────────────────────────────────────────────────────


def account(asking: Asking) -> AccountOut:
    """How somebody's account stands."""
    practice, person = asking.practice, asking.person.id
    return AccountOut(
        login=logins.login_of(practice, person),
        factors=tuple(sorted(logins.second_of(practice, person))),
        codes_left=logins.codes_left(practice, person),
        passkeys=tuple(map(PasskeyOut.model_validate, passkeys.listed(practice, person))),
    )


def sure(asking: Asking) -> None:
    """Raise NotProven outside a sitting, and SecondNeeded for somebody who has a second factor and has not given it."""
    entitled(asking)
    if not sessions.stepped(asking.session, asking.practice.now()):
        raise NotProven()


def change_password(request: Request, asking: Asking, response: Response, old: str, new: str) -> None:
    """Another password; the session goes on. Raises LoginRefused, LoginThrottled, PasswordWeak."""
    with SLOW:
        logins.check(asking.practice, logins.login_of(asking.practice, asking.person.id) or "", old)
    with SLOW:
        logins.set_password(asking.practice, asking.person.id, new, by=asking.person.id)
    go_on(request, asking, response, second=asking.session.second)


def go_on(request: Request, asking: Asking, response: Response, *, second: bool = True) -> None:
    """The session under another token, in its cookie. One that its caller keeps stands as it is, for its token is not told here."""
    if "authorization" not in request.headers:
        keep(asking.desk, response, rotated(asking, second=second))
