"""The desk's pages: what all of them share, and how one is made.

In: a request, a template's name, what it shows. Out: HTML. Knows no store. Whatever a page shows is escaped; a name that a template asks for and
nobody gave is a fault and not a blank.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def render(request: Request, name: str, status: int = 200, **shown: object) -> HTMLResponse:
    """The page of template `name`. Beside `shown` it is given `asking` (who asks, or None before they logged in), `csrf` (what its forms carry) and
    `path` (where it is)."""
    asking = getattr(request.state, "asking", None)
    given = {"asking": asking, "csrf": asking.csrf if asking else "", "path": request.url.path} | shown
    return HTMLResponse(ENVIRONMENT.get_template(name).render(given), status)
