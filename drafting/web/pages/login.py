"""The way in, and one's own account, as pages: login, second factor, unlocking, proving again who one is, password, codes, passkeys.

In: forms. Out: pages, and the way back to where one was. Knows no note. What a form says wrong is said on its own page, in the words of the error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request, Response

from drafting.record.accounts import logins, passkeys, sessions
from drafting.web import pages
from drafting.web.access import SLOW, Arriving, Asked, Asking, Sitting, untold
from drafting.web.api import account
from drafting.web.api import sessions as api
from drafting.web.forms import to, tried
from drafting.web.problems import safe

router = APIRouter(include_in_schema=False)

Field = Annotated[str, Form(max_length=1_024)]
Next = Annotated[str, Form(max_length=300)]

_SAID_HERE = frozenset({"login_refused", "login_throttled", "code_refused", "passphrase_wrong", "key_missing", "password_weak", "not_known"})
"""What is said on the form that it was typed into."""

_tried = partial(tried, here=_SAID_HERE)


# ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/login")
def show_login(request: Request, next: str = "/") -> Response:
    return pages.render(request, "login.html", next=safe(next), wrong=None, others=len(api.hidden(request)))


@router.post("/login")
def log_in(request: Request, login: Field = "", password: Field = "", next: Next = "/") -> Response:
    def enter() -> Response:
        there = to(next)
        api.enter_here(request, there, login, password)
        return there

    return _tried(enter, _form(request, "login.html", next=safe(next), others=len(api.hidden(request))))


@router.get("/second")
def show_second(request: Request, asked: Arriving, next: str = "/") -> Response:
    if asked.session.second or not (has := logins.second_of(asked.practice, asked.person.id)):
        return to(next)
    return pages.render(request, "second.html", **_second(next, has))


@router.post("/second")
def give_second(request: Request, asked: Arriving, code: Field = "", next: Next = "/") -> Response:
    def give() -> Response:
        logins.check_code(asked.practice, asked.person.id, code)
        there = to(next)
        api.keep(asked.desk, there, api.rotated(asked))
        return there

    return _tried(give, _form(request, "second.html", **_second(next, logins.second_of(asked.practice, asked.person.id))))


@router.get("/step-up")
def show_step_up(request: Request, asked: Arriving, next: str = "/") -> Response:
    api.entitled(asked)
    return pages.render(request, "second.html", **_again(next, logins.second_of(asked.practice, asked.person.id)))


@router.post("/step-up")
def step_up(request: Request, asked: Arriving, password: Field = "", code: Field = "", next: Next = "/") -> Response:
    def prove() -> Response:
        api.prove(asked, code=code) if code and not password else api.prove(asked, password=password)
        return to(next)

    return _tried(prove, _form(request, "second.html", **_again(next, logins.second_of(asked.practice, asked.person.id))))


@router.get("/unlock")
@untold("a form for a passphrase")
def show_unlock(request: Request, asked: Asked, next: str = "/") -> Response:
    return pages.render(request, "unlock.html", next=safe(next), wrong=None)


@router.post("/unlock")
@untold("opening one's keys is told of, and that they stayed locked too")
def unlock(request: Request, asked: Asked, passphrase: Field = "", next: Next = "/") -> Response:
    def open_() -> Response:
        with SLOW:
            sessions.unlock(asked.practice, asked.token, passphrase)
        return to(next)

    return _tried(open_, _form(request, "unlock.html", next=safe(next)))


@router.post("/lock")
@untold("putting keys away is told of")
def lock(asked: Asked) -> Response:
    sessions.lock(asked.practice, asked.token)
    return to("/unlock")


@router.post("/switch")
def switch(request: Request, asked: Arriving) -> Response:
    there = to("/login")
    api.hide(request, asked, there)
    return there


@router.post("/logout")
def log_out(asked: Arriving) -> Response:
    there = to("/login")
    api.leave(asked, there)
    return there


# ── one's own account ─────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/account")
def show_account(request: Request, asked: Arriving) -> Response:
    api.entitled(asked)
    return _account(request, asked)


@router.post("/account/password")
@untold("another password is told of")
def set_password(request: Request, asked: Asked, password: Field = "", new: Field = "", again: Field = "") -> Response:
    def change() -> Response:
        there = to("/account")
        account.change_password(request, asked, there, password, new)
        return there

    if new != again:
        return _account(request, asked, wrong="The new password was typed in two ways. Type it again.", status=422)
    return _tried(change, lambda status, wrong: _account(request, asked, status, wrong=wrong))


@router.post("/account/totp")
def begin_totp(request: Request, asked: Arriving) -> Response:
    account.sure(asked)
    return _account(request, asked, uri=logins.begin_totp(asked.practice, asked.person.id))


@router.post("/account/totp/confirm")
def confirm_totp(request: Request, asked: Arriving, code: Field = "") -> Response:
    def confirm() -> Response:
        account.sure(asked)
        logins.confirm_totp(asked.practice, asked.person.id, code, by=asked.person.id)
        there = to("/account")
        account.go_on(request, asked, there)
        return there

    return _tried(confirm, lambda status, wrong: _account(request, asked, status, wrong=wrong))


@router.post("/account/totp/drop")
@untold("that there are no codes of an app any more is told of")
def drop_totp(asked: Sitting) -> Response:
    logins.drop_totp(asked.practice, asked.person.id, by=asked.person.id)
    return to("/account")


@router.post("/account/codes")
@untold("other recovery codes are told of")
def renew_codes(request: Request, asked: Sitting) -> Response:
    return _account(request, asked, codes=logins.renew_codes(asked.practice, asked.person.id, by=asked.person.id))


@router.post("/account/passkeys/{passkey}/remove")
@untold("a passkey's end is told of")
def remove_passkey(asked: Sitting, passkey: str) -> Response:
    passkeys.remove(asked.practice, asked.person.id, passkey, by=asked.person.id)
    return to("/account")


@router.post("/account/end-all")
@untold("each session that ends is told of")
def end_all(asked: Asked) -> Response:
    there = to("/login")
    sessions.end_all(asked.practice, asked.person.id)
    api.leave(asked, there)
    return there


# ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _form(request: Request, page: str, **shown: object) -> Callable[[int, str], Response]:
    """That page again, with what was wrong."""
    return lambda status, wrong: pages.render(request, page, status, **shown | {"wrong": wrong})


def _second(next: str, has: frozenset[str]) -> dict[str, object]:
    """The second factor's page."""
    return {"action": "/second", "next": safe(next), "has": has, "again": False, "wrong": None}


def _again(next: str, has: frozenset[str]) -> dict[str, object]:
    """The same page for somebody who proves again who they are."""
    return _second(next, has) | {"action": "/step-up", "again": True}


def _account(request: Request, asked: Asking, status: int = 200, **shown: object) -> Response:
    """The account's page. `codes`: recovery codes made just now; `uri`: an app's secret made just now; `wrong`: what could not be done."""
    uri = shown.get("uri")
    code = segno.make(str(uri), micro=False).svg_data_uri(scale=5, border=4, light="#fff") if uri else None
    given = {"account": account.account(asked), "must": asked.desk.second, "codes": (), "uri": None, "wrong": None, "qr": code}
    return pages.render(request, "account.html", status, **given | shown)
