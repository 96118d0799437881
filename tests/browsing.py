"""What tests in a real browser begin with: the desk served at a port of this machine, and Chromium with somebody's session in it."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from drafting.record.accounts import sessions
from drafting.web.security import cookie
from tests.webbing import PASSPHRASE, House

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Room:
    """The desk in a browser. `faults`: what its console said was wrong."""

    house: House
    base: str
    browser: Browser
    faults: list[str] = field(default_factory=list)

    @contextmanager
    def seat(self, who: str = "bo", size: dict[str, int] = DESKTOP, *, private: bool = False, **more: Any) -> Iterator[Page]:
        """A page of a browser in which somebody sits, logged in and unlocked where they have keys; `private`: with their private notes open. Whatever
        its console finds wrong fails the test."""
        self.faults.clear()
        context = self.browser.new_context(viewport=size, base_url=self.base, **more)
        context.add_cookies([{"name": cookie(False), "value": self._token(who, private), "url": self.base}])
        try:
            yield self.page(context)
        finally:
            context.close()
        assert self.faults == []

    def page(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.on(
            "console", lambda said: self.faults.append(said.text) if said.type == "error" and "Failed to load resource" not in said.text else None
        )
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        return page

    def _token(self, who: str, private: bool) -> str:
        practice = self.house.practice
        token = sessions.begin(practice, self.house.ids[who], second=False)
        sessions.step_up(practice, token)
        if who in ("bo", "ada", "cy"):
            open_ = sessions.open_private if private else sessions.unlock
            open_(practice, token, PASSPHRASE)
        return token


@contextmanager
def served(house: House) -> Iterator[str]:
    """The desk at a port of this machine: its address."""
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(house.app, log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [own]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://localhost:{own.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def ails(page: Page) -> list[str]:
    """What the rules of accessibility find on a page, each with the elements."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {[node['html'][:200] for node in one['nodes']]}" for one in found]
