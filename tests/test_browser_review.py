"""The review page in a real browser: how many actions a note takes, that no typed word is lost, what a highlight takes, and that everybody can use it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, TimeoutError, expect, sync_playwright

from drafting.pipeline import Engines, Work, run
from drafting.pipeline.formats import load
from drafting.record import people, workbench
from drafting.record.workbench import drafted
from drafting.types import Context, Transcript, Turn
from drafting.types.record import NoteState
from tests import webbing
from tests.browsing import CHROMIUM, DESKTOP, PHONE, served
from tests.desks import DAY
from tests.stores import made
from tests.webbing import PASSPHRASE, PASSWORD, House

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

MOST = 25
"""Actions that a typical note may take, from opened to signed."""
TYPICAL = (
    "We met from 2:03 pm to 2:56 pm in the office. "
    "Client reported that he has not driven since the near miss in September. His brother-in-law Colin Maddox takes him to work. "
    "I noticed I was clock-watching and felt oddly relieved at the heliotrope umbrella. "
    "His sister Maria Lopes called him on Sunday. "
    "He was alert and tearful when he spoke of the crash. "
    "I taught a five-step grounding exercise and he practised it twice in session. He said it helped a little. "
    "Panic attacks are down from four a week to two. "
    "His colleague Petra Holm drove him home. "
    "He will keep a sleep diary and ride as a passenger twice. His neighbour Tom Barrow will go with him. "
    "Next session Tuesday at four. Part of me wanted to end early, and he mentioned his cat."
)
CLEAN = (
    "We met from 2:03 pm to 2:56 pm. Client reported sleeping well. I taught a five-step grounding exercise and she practised it twice in session. "
    "She denied thoughts of suicide. Next session Tuesday at four."
)


@dataclass
class Room:
    """The desk in a browser. `faults`: what its console said was wrong."""

    house: House
    base: str
    browser: Browser
    engines: Engines
    faults: list[str] = field(default_factory=list)

    def draft(self, text: str = TYPICAL) -> str:
        """A draft of a new client's, to be reviewed."""
        self.house.here.client = people.add_client(self.house.practice, "Wren Alder", self.house.ids["bo"], by="setup").id
        there = workbench.find(self.house.practice, self.house.here.encounter())
        transcript = Transcript(text, (Turn(0, len(text), 0),))
        work = run(Work(transcript, Context(date_of_service=DAY, payer="uk"), load("soap")), self.engines)
        return drafted.stand(self.house.practice, there, work).encounter

    @contextmanager
    def seat(self, size: dict[str, int] = DESKTOP, scheme: str = "light", **more: Any) -> Iterator[BrowserContext]:
        """A browser in which Bo sits, logged in and unlocked."""
        self.faults.clear()
        context = self.browser.new_context(viewport=size, color_scheme=scheme, **more)
        context.set_default_timeout(60_000)
        page = context.new_page()
        self.come_in(page)
        page.close()
        try:
            yield context
        finally:
            context.close()
        assert self.faults == []

    def come_in(self, page: Page) -> None:
        page.goto(f"{self.base}/login?next=/unlock")
        page.fill("[name=login]", "bo")
        page.fill("[name=password]", PASSWORD)
        page.click("button.main")
        page.fill("[name=passphrase]", PASSPHRASE)
        page.click("button.main")
        page.wait_for_url(f"{self.base}/")

    def open(self, context: BrowserContext, encounter: str) -> Page:
        page = context.new_page()
        page.on(
            "console", lambda said: self.faults.append(said.text) if said.type == "error" and "Failed to load resource" not in said.text else None
        )
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(f"{self.base}/review/{encounter}")
        return page


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Room]:
    stores = made("sqlite", tmp_path_factory.mktemp("browser"), None)
    with webbing.opened(stores, engines, secure=False, hosts=frozenset({"localhost"})) as house, served(house) as base, sync_playwright() as play:
        house.practice.settle("setup", payer="uk")
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Room(house, base, browser, engines)
        browser.close()
    stores.close()


def version(page: Page) -> int:
    return int(page.locator(".desk").get_attribute("data-version"))


def acted(page: Page, do: Callable[[], object]) -> None:
    """Do something that makes the next version, and wait for it."""
    before = str(version(page))
    do()
    expect(page.locator(".desk")).not_to_have_attribute("data-version", before, timeout=60_000)


# ── how much work it is ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_typical_note_is_signed_by_keyboard_alone(room: Room) -> None:
    """Two to decide, four suggestions, a blank risk line: from opened to signed in at most 25 keys, no pointer, and the focus is never lost."""
    encounter = room.draft()
    with room.seat() as context:
        page, pressed = room.open(context, encounter), 0
        expect(page.locator("#decide-title")).to_have_text("You decide: 2 held")
        assert page.locator(".fix").count() == 4

        def press(key: str, *, acts: bool = False) -> None:
            nonlocal pressed
            pressed += 1
            if acts:
                acted(page, lambda: page.keyboard.press(key))
            else:
                page.keyboard.press(key)
            assert page.evaluate("document.activeElement !== document.body"), f"the focus is lost after {key}"

        press("p", acts=True)
        press("x", acts=True)
        while page.locator(".fix").count():
            before = page.evaluate("Boolean(document.querySelector('.here [data-key=a]'))")
            press("a", acts=before)
        press("n")
        press("2", acts=True)
        press("n")
        press("Enter", acts=True)
        expect(page.locator("#bar")).to_contain_text("Nothing is left to clear.")
        pressed += 1
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/notes/**")
        assert pressed <= MOST
    assert workbench.find(room.house.practice, encounter).state is NoteState.COSIGN_DUE


def test_a_typical_note_is_signed_by_touch(room: Room) -> None:
    """On a phone: at most 25 taps, each on something that is in sight or scrolled to."""
    encounter = room.draft()
    with room.seat(PHONE, has_touch=True, is_mobile=True) as context:
        page, taps = room.open(context, encounter), 0

        def tap(what: str) -> None:
            nonlocal taps
            taps += 1
            acted(page, lambda: page.locator(what).first.tap())

        tap("[data-first] button[data-key=x]")
        tap("[data-first] button[data-key=p]")
        while page.locator(".fix").count():
            tap(".fix button[data-key=a]")
        tap("[data-risk] button[data-key='1']")
        tap("#confirm")
        page.locator("#sign").tap()
        page.wait_for_url("**/notes/**")
        assert taps + 1 <= MOST


def test_what_a_sentence_rests_on_is_lit_at_once(room: Room) -> None:
    """In a long transcript: before the key's own handling ends, in sight, and gone from the sentence before."""
    filler = " ".join(f"Client spoke of the {n}th morning, of the long drive and of the bread that he bakes on it." for n in range(150))
    encounter = room.draft(f"{filler} {TYPICAL}")
    with room.seat() as context:
        page = room.open(context, encounter)
        page.locator("[data-sentence]").nth(3).focus()
        page.evaluate(
            """() => {
              const list = [...document.querySelectorAll("[data-sentence]")];
              for (const one of list.slice(4, 24)) {
                document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true, cancelable: true }));
                const lit = [...document.querySelectorAll(".lit")].map((s) => s.id.slice(2)).join(" ");
                if (lit !== one.dataset.evidence) throw new Error(`${lit} is lit for ${one.dataset.evidence}`);
              }
            }"""
        )
        expect(page.locator(".lit").first).to_be_in_viewport()


# ── no typed word is lost ─────────────────────────────────────────────────────────────────────────────────────────────


def test_leaving_a_sentence_saves_it_and_escape_does_not(room: Room) -> None:
    """Saved when the box is left, wherever to; with Esc it reads as before, and the words can be had back."""
    with room.seat() as context:
        page = room.open(context, room.draft())
        page.locator("#n1").focus()
        page.keyboard.press("Enter")
        page.keyboard.type(" He walks.")
        acted(page, lambda: page.locator("#n3 .reads").click())
        expect(page.locator("#n1 .reads")).to_contain_text("He walks.")
        assert page.evaluate("document.activeElement.id") == "n3"
        page.keyboard.press("Enter")
        page.keyboard.type(" Not this.")
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "n3" and page.locator("#text-n3").is_hidden()
        page.get_by_role("button", name="Take my words back").click()
        expect(page.locator("#text-n3")).to_have_value(re.compile("Not this[.]$"))
        acted(page, lambda: page.keyboard.press("Control+Enter"))
        expect(page.locator("#n3 .reads")).to_contain_text("Not this.")


def test_a_conflict_keeps_the_words_and_what_else_was_typed(room: Room) -> None:
    """Another window was first: the words are in a box of their own, a half-typed addition stays where it is, and one button saves."""
    encounter = room.draft()
    with room.seat() as context:
        page, other = room.open(context, encounter), room.open(context, encounter)
        sent: list[int] = []
        page.on("response", lambda answer: sent.append(answer.status) if answer.request.method == "POST" else None)
        acted(other, lambda: other.keyboard.press("x"))
        page.locator("#section-plan ~ .mine > summary").click()
        page.fill("#add-plan", "Half a thought")
        page.locator("#n2").focus()
        page.keyboard.press("Enter")
        page.keyboard.type(" Mine.")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#problem")).to_contain_text("changed meanwhile")
        assert page.evaluate("document.activeElement.id") == "again-words"
        assert page.input_value("#again-words").endswith(" Mine.") and page.input_value("#add-plan") == "Half a thought"
        assert sent == [412]
        acted(page, lambda: page.keyboard.press("Control+Enter"))
        expect(page.locator("#n2 .reads")).to_contain_text("Mine.")
        assert sent == [412, 200]
        assert page.input_value("#add-plan") == "Half a thought" and page.locator("#add-plan").is_visible()


def test_a_conflict_is_not_saved_over_by_itself(room: Room) -> None:
    """The box that a refusal takes away was left by nobody: what another window did stands until somebody says to save all the same."""
    encounter = room.draft()
    with room.seat() as context:
        page, other = room.open(context, encounter), room.open(context, encounter)
        acted(other, lambda: other.keyboard.press("x"))
        page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
        page.locator("#n2").focus()
        page.keyboard.press("Enter")
        page.keyboard.type(" Mine.")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#again-words")).to_be_visible()
        with pytest.raises(TimeoutError):
            page.wait_for_event("request", lambda asked: asked.method == "POST", timeout=1_000)
        other.reload()
        assert other.locator("#n2").is_visible() and "Mine." not in other.locator("#n2").inner_text()


def test_a_lost_network_loses_nothing(room: Room) -> None:
    """What was done and typed without a network is said to be kept, and is saved in order when it is back."""
    with room.seat() as context:
        page = room.open(context, room.draft())
        context.set_offline(True)
        page.keyboard.press("x")
        expect(page.locator("#toast")).to_contain_text("cannot be reached")
        page.locator("#n2").focus()
        page.keyboard.press("Enter")
        page.keyboard.type(" Offline words.")
        page.locator("#n4").focus()
        context.set_offline(False)
        expect(page.locator(".desk")).to_have_attribute("data-version", "3")
        expect(page.locator("#n2 .reads")).to_contain_text("Offline words.")
        expect(page.locator("#decided")).to_contain_text("You decided: 1")


def test_a_session_that_ended_loses_nothing(room: Room) -> None:
    """The words stay in their box; after a login in another window they are saved from where they are."""
    with room.seat() as context:
        page = room.open(context, room.draft())
        page.locator("#n2").focus()
        page.keyboard.press("Enter")
        page.keyboard.type(" Late words.")
        context.clear_cookies()
        page.keyboard.press("Control+Enter")
        expect(page.locator("#toast")).to_contain_text("What you typed is still here.")
        assert page.input_value("#text-n2").endswith("Late words.")
        other = context.new_page()
        room.come_in(other)
        acted(page, lambda: page.get_by_role("button", name="Go on").click())
        expect(page.locator("#n2 .reads")).to_contain_text("Late words.")


def test_signing_waits_for_words_that_are_not_saved(room: Room) -> None:
    """An addition that was typed and not added stops the signature, and is shown."""
    with room.seat() as context:
        page = room.open(context, room.draft(CLEAN))
        acted(page, lambda: page.locator("#confirm").click())
        page.locator("#section-plan ~ .mine > summary").click()
        page.fill("#add-plan", "Half a thought")
        page.locator("#sign").click()
        expect(page.locator("#toast")).to_contain_text("did not save")
        assert page.evaluate("document.activeElement.id") == "add-plan" and "/review/" in page.url


# ── for everybody ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_stands_in_anybodys_way(room: Room, size: dict[str, int], scheme: str) -> None:
    """No violation that axe knows: as opened, with a sentence open, the keys shown, after a conflict, ready to sign."""
    encounter = room.draft()
    with room.seat(size, scheme, reduced_motion="reduce") as context:
        page = room.open(context, encounter)
        clean(page, "opened")
        page.locator("#n1").focus()
        page.keyboard.press("Enter")
        page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
        clean(page, "everything open")
        page.keyboard.press("Escape")
        page.locator("#n2").focus()
        page.keyboard.press("?")
        clean(page, "keys")
        page.keyboard.press("Escape")
        other = room.open(context, encounter)
        acted(other, lambda: other.keyboard.press("x"))
        page.locator("#n2").focus()
        page.keyboard.press("Enter")
        page.keyboard.type(" Mine.")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#again")).to_be_visible()
        clean(page, "conflict")
        acted(other, lambda: other.locator("[data-first] button[data-key=p]").click())
        for do in ("[data-risk] button[data-key='1']", "#confirm"):
            acted(other, lambda do=do: other.locator(do).first.click())
        expect(other.locator("#sign")).to_be_visible()
        clean(other, "ready")


def clean(page: Page, state: str) -> None:
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, f"{state}: {found.generate_report()}"


def test_it_reflows_on_a_narrow_screen(room: Room) -> None:
    """At 320 pixels, which is 400 % zoom, nothing scrolls sideways."""
    with room.seat({"width": 320, "height": 640}) as context:
        page = room.open(context, room.draft())
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_names_can_be_hidden(room: Room) -> None:
    """One switch hides them everywhere at once, and it holds on the next page."""
    with room.seat() as context:
        page = room.open(context, room.draft())
        expect(page.get_by_role("heading", level=1)).to_contain_text("Wren Alder")
        page.get_by_role("button", name="Hide names").click()
        assert "Wren Alder" not in page.locator("body").inner_text()
        page.reload()
        assert "Wren Alder" not in page.locator("body").inner_text()
        assert page.get_by_role("button", name="Hide names").get_attribute("aria-pressed") == "true"


def test_single_keys_can_be_switched_off(room: Room) -> None:
    """Then a letter does nothing, and buttons and ⌘ Enter do as before."""
    with room.seat() as context:
        page = room.open(context, room.draft())
        page.locator("[data-keys]").click()
        page.locator("#singles").uncheck()
        page.get_by_role("button", name="Close").click()
        before = version(page)
        for key in "pxaun":
            page.keyboard.press(key)
        page.wait_for_timeout(200)
        assert version(page) == before
        acted(page, lambda: page.locator("[data-first] button[data-key=x]").click())


def test_a_key_decides_only_on_what_is_in_sight(room: Room) -> None:
    """Scrolled away, the card is shown first, and decided on with the next press."""
    with room.seat() as context:
        page = room.open(context, room.draft())
        page.locator("[data-sentence]").last.focus()
        before = version(page)
        page.keyboard.press("p")
        page.wait_for_timeout(150)
        assert version(page) == before
        expect(page.locator("[data-first]")).to_be_focused()
        acted(page, lambda: page.keyboard.press("p"))


def test_a_passkey_is_made_and_used(room: Room) -> None:
    """Added in the account, it is asked for after the password, and lets its person in."""
    with room.seat() as context:
        page = context.new_page()
        tools = context.new_cdp_session(page)
        tools.send("WebAuthn.enable")
        kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
        tools.send("WebAuthn.addVirtualAuthenticator", {"options": kind | {"automaticPresenceSimulation": True}})
        page.goto(f"{room.base}/account")
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_role("button", name="Remove the passkey 1").wait_for()
        page.get_by_role("button", name="Log out", exact=True).click()
        page.fill("[name=login]", "bo")
        page.fill("[name=password]", PASSWORD)
        page.click("button.main")
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url(f"{room.base}/")
        page.goto(f"{room.base}/account")
        page.get_by_role("button", name="Remove the passkey 1").click()
        expect(page.get_by_text("You have no passkey.")).to_be_visible()


def test_the_page_can_be_seen(room: Room, tmp_path: Path) -> None:
    """A screenshot of each size is more than a blank sheet."""
    with room.seat() as context:
        page = room.open(context, room.draft())
        assert len(page.screenshot(path=tmp_path / "review.png")) > 20_000
