"""What pages with forms share: a refusal said on the form's own page, and the proof of who one is that a signature takes.

In: what a form did, who asks. Out: a page or the way to one; how a signature is given. Knows no note.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from fastapi import Form, Response
from fastapi.responses import RedirectResponse

from drafting.errors import AsideError
from drafting.record.accounts import sessions
from drafting.record.export.blocks import zone_of
from drafting.record.notes import Circumstances
from drafting.web.access import Asking, NotProven
from drafting.web.api.sessions import prove
from drafting.web.problems import problem, safe
from prompts import table

Short = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=20_000)]
Secret = Annotated[str, Form(max_length=1_024)]

_SAID_HERE = frozenset(
    {"login_refused", "login_throttled", "passphrase_wrong", "key_missing", "illegal_move", "conflict", "stale", "held", "not_permitted"}
)
"""What is said on the form that it was typed into, so that nothing typed is lost."""


def to(path: str, done: str | None = None) -> RedirectResponse:
    """The way to one of our own pages, which says there what was `done` (a code of pages.toml)."""
    return RedirectResponse(safe(path) + (f"?done={done}" if done else ""), 303)


def tried(do: Callable[[], Response], instead: Callable[[int, str], Response], here: Collection[str] = _SAID_HERE) -> Response:
    """What `do` answers; or the page `instead`, with a status, that says why it was refused, where that is a code of `here`."""
    try:
        return do()
    except AsideError as refused:
        told = problem(refused)
        if told.code not in here:
            raise
        return instead(told.status, told.detail)


def proving(asked: Asking) -> Mapping[str, bool] | None:
    """What a form that signs asks for: None within a sitting, otherwise the password."""
    return None if sessions.stepped(asked.session, asked.practice.now()) else {"second": False}


def proven(asked: Asking, password: str) -> None:
    """Begin a sitting with a password, unless one is under way. Raises NotProven where none was given, LoginRefused, LoginThrottled, SecondNeeded."""
    if proving(asked) is None:
        return
    if not password:
        raise NotProven()
    prove(asked, password=password)


def how(asked: Asking, zone: str) -> Circumstances:
    """How a signature is given; in UTC where the browser names no zone that is known."""
    return Circumstances("password_second" if asked.session.second else "password", zone if zone_of(zone) else "UTC")


def said(group: str, code: str | None) -> Any:
    """Words of pages.toml for a code, "" for one that is none."""
    return table("pages.toml")[group].get(code or "", "")
