"""What a caller is told when something goes wrong: a problem (RFC 9457) over the API, a page or the way to the right one in a browser.

In: an exception. Out: a response, by one table from errors to statuses; and the API's description of them. No exception but our own says anything in
words of its own. Knows no room: an error class is known by its code, and one that is not in the table by that of the class above it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import Scope

from drafting.errors import AsideError, OurFault
from drafting.web import pages

API = "/api/"
MEDIA = "application/problem+json"
FRAGMENT = "x-aside-fragment"

STATUS: Mapping[str, int] = {
    "error": 500,
    "our_fault": 500,
    "export_fault": 500,
    # what was given
    "input_error": 422,
    "bad_header": 422,
    "nothing_written": 422,
    "too_large": 413,
    "format_error": 422,
    "policy_error": 422,
    "decision_error": 422,
    "draft_error": 422,
    "password_weak": 422,
    "passphrase_weak": 422,
    "login_misspelt": 422,
    "unknown_zone": 422,
    "no_such_range": 416,
    # who asks
    "session_ended": 401,
    "login_refused": 401,
    "login_throttled": 429,
    "too_fast": 429,
    "code_refused": 403,
    "passkey_refused": 403,
    "passphrase_wrong": 403,
    "not_proven": 403,
    "second_needed": 403,
    "second_missing": 403,
    "forged": 403,
    "wrong_host": 421,
    "locked": 423,
    "private_closed": 423,
    # what is kept
    "record_error": 409,
    "not_known": 404,
    "not_permitted": 403,
    "key_trouble": 409,
    "key_missing": 403,
    "shredded": 410,
    "stale": 412,
    # what is wanting here
    "no_practice": 503,
    "store_failed": 503,
    "store_outdated": 503,
    "not_scrubbed": 503,
    "kit_error": 503,
    "audit_broken": 503,
    "model_missing": 503,
    "model_corrupt": 503,
    "model_refused": 503,
    "unknown_model": 503,
    "pull_failed": 503,
    "encoder_missing": 503,
    "engine_missing": 503,
    "engine_failed": 503,
    "host_refused": 503,
    "settings_error": 503,
    "style_error": 503,
}
"""Each error class by its code, and its status."""

ELSEWHERE: Mapping[str, str] = {
    "session_ended": "/login",
    "second_needed": "/second",
    "second_missing": "/account",
    "not_proven": "/step-up",
    "locked": "/unlock",
}
"""Where a browser is sent for what it lacks."""

DECLARED = (400, 401, 403, 404, 405, 409, 410, 412, 413, 416, 421, 422, 423, 429, 500, 503)
"""Every status of a problem: each is declared for each operation of the API."""

_PLAIN: Mapping[int, tuple[str, str]] = {
    400: ("unreadable_request", "The request cannot be read."),
    404: ("nowhere", "There is nothing at this address."),
    405: ("no_such_method", "That cannot be done at this address."),
    413: ("too_much", "That is more than is taken at once."),
    422: ("invalid", "The request is not of the form that was asked for."),
}
_PART = re.compile(r"[a-z][a-z0-9_-]{0,40}|[0-9]{1,9}", re.IGNORECASE)
_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~-]{0,200}")


class Wrong(BaseModel):
    """A part of a request that is not as it should be."""

    at: str = Field(description="Where: body, query, path or header, and the names down to it.")
    kind: str = Field(description="What is wrong there, a code.")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="What kind of problem it is, as an address.")
    title: str = Field(description="The kind in a word or two.")
    status: int = Field(description="The status of the answer.")
    detail: str = Field(description="What is so, and what to do.")
    code: str = Field(description="The kind as a code.")
    fields: tuple[Wrong, ...] | None = Field(default=None, description="Which parts of the request are wrong, where that is the matter.")


def status_of(error: AsideError) -> int:
    """The status of an error: its class's, or that of the nearest class above which has one."""
    return next(STATUS[kind.code] for kind in type(error).__mro__ if issubclass(kind, AsideError) and kind.code in STATUS)


def problem(error: Exception) -> Problem:
    """What is told of an exception; of one that nobody foresaw, its kind and place alone."""
    if isinstance(error, AsideError):
        return _problem(status_of(error), error.code, str(error))
    if isinstance(error, RequestValidationError):
        return _problem(422, *_PLAIN[422], tuple(_wrong(found) for found in error.errors()))
    if isinstance(error, HTTPException):
        return _problem(error.status_code, *_PLAIN.get(error.status_code, ("refused", f"{HTTPStatus(error.status_code).phrase}.")))
    return problem(OurFault.of(error))


def answer(scope: Scope, error: Exception) -> Response:
    """The response to a request that ended in `error`: to the API's callers and to our scripts a problem, to a browser a page, or the way to the one
    where it can be mended."""
    request, told = Request(scope), problem(error)
    headers = dict(getattr(error, "headers", None) or {})
    if told.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="aside"'
    if (seconds := getattr(error, "seconds", None)) is not None:
        headers["Retry-After"] = str(seconds)
    if scope["path"].startswith(API) or FRAGMENT in request.headers:
        body = told.model_dump(exclude_none=True)
        return JSONResponse(body, told.status, headers, MEDIA)
    if told.code in ELSEWHERE:
        return RedirectResponse(f"{ELSEWHERE[told.code]}?next={quote(_back(request))}", 303)
    page = pages.render(request, "error.html", told.status, problem=told)
    page.headers.update(headers)
    return page


def safe(path: str | None) -> str:
    """`path` where it is one of this desk's own, and the queue otherwise: nobody is led away by an address."""
    return path if path and _PATH.fullmatch(path) else "/"


def install(app: FastAPI) -> None:
    """Answer every exception so."""

    def handle(request: Request, error: Exception) -> Response:
        return answer(request.scope, error)

    for kind in (AsideError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)


def _problem(status: int, code: str, detail: str, fields: tuple[Wrong, ...] | None = None) -> Problem:
    return Problem(type=f"/problems/{code}", title=code.replace("_", " ").capitalize(), status=status, detail=detail, code=code, fields=fields)


def _wrong(found: Mapping[str, Any]) -> Wrong:
    """Where a request is wrong, and how; nothing of what was given, not even a name that we do not know."""
    parts = found["loc"][:-1] if found["type"] == "extra_forbidden" else found["loc"]
    return Wrong(at=".".join(str(part) for part in parts if _PART.fullmatch(str(part))), kind=found["type"])


def _back(request: Request) -> str:
    """The page that a browser should come back to: the one it asked for, or the one whose form it sent."""
    if request.method in ("GET", "HEAD"):
        return safe(request.url.path)
    return safe(urlsplit(request.headers.get("referer", "")).path)


# ── the API's description ─────────────────────────────────────────────────────────────────────────────────────────────


def describe(app: FastAPI, *, cookie: str) -> None:
    """Have the API's description name every problem, and how one shows who one is. `cookie`: the session's."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes), cookie)
        return app.openapi_schema

    app.openapi = described


def _described(schema: dict[str, Any], cookie: str) -> dict[str, Any]:
    parts = schema.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= own.pop("$defs") | {"Problem": own}
    parts["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": cookie, "description": "Set by logging in; changes need X-Aside-CSRF besides."},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    told = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"] |= {str(s): {"description": HTTPStatus(s).phrase, "content": told} for s in DECLARED}
            operation.setdefault("security", [{"session": []}, {"bearer": []}])
    return schema
