"""The review page of a long session in a browser: when it answers, and how soon a click on a sentence shows what it rests on.

In: engines, how many times. Out: figures in milliseconds. Knows of the page's markup that sentences are marked `data-sentence` and what is shown has
the class `lit`. The session is put together from those of the corpus, which are invented, and has a recording, so that every line can be played.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from datetime import timedelta

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.record import places
from bench.record.places import Place
from bench.service.measure import Measure
from bench.service.served import HERE, Served, admit, served
from drafting.pipeline import Engines, Work, run
from drafting.pipeline.formats import load
from drafting.pipeline.source import read_source
from drafting.record import workbench
from drafting.record.workbench import drafted, media, visits
from drafting.record.workbench.visits import RECORDING, Visit
from drafting.types import Context, Mode
from models.encoder import pieces
from tests.desks import DAY

WORDS, MINUTES = 7_500, 50
LOADS, CLICKS = 10, 60
INTERACTIVE, LIT = 1_000.0, 50.0
_WIDE = {"width": 1280, "height": 900}

_PAINTED = """new Promise(done => requestAnimationFrame(() => setTimeout(() => {
    const drawn = performance.now();
    done([drawn, performance.getEntriesByType("navigation")[0].responseEnd]);
})))"""
_WATCH = """() => {
    window.took = [];
    let pressed = 0;
    addEventListener("mousedown", (event) => { pressed = event.timeStamp; }, true);
    new MutationObserver(() => {
        const at = pressed;
        if (at && document.querySelector(".lit")) {
            pressed = 0;
            requestAnimationFrame(() => setTimeout(() => window.took.push(performance.now() - at)));
        }
    }).observe(document.querySelector("main"), {subtree: true, attributeFilter: ["class"]});
}"""


# ── a long session ────────────────────────────────────────────────────────────────────────────────────────────────────


def captions(words: int = WORDS, minutes: float = MINUTES) -> str:
    """Captions of a session of so many words, spread evenly over the time."""
    laid_out = (piece.laid_out for piece in pieces.read() if piece.kind == "session")
    turns = ((turn.speaker, text[turn.body : turn.end]) for text, _, turns in laid_out for turn in turns)
    made, said, pace = ["WEBVTT"], 0, minutes * 60 / words
    for speaker, text in turns:
        if said >= words:
            break
        end = said + len(text.split())
        voice = "Therapist" if speaker == "clinician" else "Client"
        made.append(f"{_clock(said * pace)} --> {_clock(end * pace)}\n<v {voice}>{' '.join(text.split())}")
        said = end
    return "\n\n".join(made) + "\n"


def _clock(seconds: float) -> str:
    whole = f"{timedelta(milliseconds=round(seconds * 1000))}"
    whole, _, part = whole.partition(".")
    return f"0{whole}.{(part or '0')[:3]:0<3}"


def _drafted(place: Place, engines: Engines, words: int, minutes: float) -> tuple[str, int]:
    """An encounter of the colleague's whose draft waits to be reviewed, with its recording; and how many words were said."""
    transcript = read_source(captions(words, minutes).encode(), ".vtt")
    done = run(Work(transcript, Context(mode=Mode.SESSION, date_of_service=DAY, payer="self_pay"), load("soap")), engines)
    with place.practice() as practice:
        encounter = workbench.receive(practice, place.clients[0], place.colleague.person, DAY)
        visits.put(practice, encounter.id, Visit(mode="session", media=RECORDING, suffix=".wav"), by=place.colleague.person)
        media.put(practice, encounter.id, RECORDING, [bytes(1_000)], by=place.colleague.person)
        drafted.stand(practice, encounter, done)
    return encounter.id, len(transcript.text.split())


# ── in the browser ────────────────────────────────────────────────────────────────────────────────────────────────────


def _context(browser: Browser, here: Served) -> BrowserContext:
    """A browser that has seen nothing yet, with the session's cookie."""
    context = browser.new_context(viewport=_WIDE)
    context.add_cookies([{"name": "aside", "value": here.token, "url": f"http://{HERE}:{here.port}"}])
    return context


def _opened(browser: Browser, here: Served, encounter: str) -> tuple[Page, float, float]:
    """The page, and milliseconds from its being asked for until its scripts have run and it is drawn, and until it had come."""
    page = _context(browser, here).new_page()
    page.goto(f"http://{HERE}:{here.port}/review/{encounter}", wait_until="domcontentloaded")
    drawn, come = page.evaluate(_PAINTED)
    if not page.locator("[data-sentence]").count():
        raise SystemExit("the page shows no sentence")
    return page, drawn, come


def _clicked(page: Page, count: int) -> list[float]:
    """Milliseconds from a click on a sentence until what it rests on is drawn, for `count` clicks, each on another sentence than the one before."""
    page.evaluate(_WATCH)
    sentences = page.locator("[data-sentence][data-evidence] .reads")
    there = sentences.count()
    for number in range(count):
        sentences.nth(number * 7 % there if there % 7 else number % there).click(position={"x": 4, "y": 6})
        page.wait_for_function("(n) => window.took.length > n", arg=number)
    return page.evaluate("window.took")


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(engines: Engines, *, words: int = WORDS, loads: int = LOADS, clicks: int = CLICKS) -> Iterator[Measure]:
    """The figures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with places.place("sqlite") as place:
        admit(place)
        encounter, said = _drafted(place, engines, words, MINUTES * words / WORDS)
        with served(place) as here, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium)
            _opened(browser, here, encounter)
            opened = [_opened(browser, here, encounter) for _ in range(loads)]
            lit = _clicked(opened[-1][0], clicks)
            sentences = opened[-1][0].locator("[data-sentence]").count()
            browser.close()
    drawn, come = [ms for _, ms, _ in opened], [ms for _, _, ms in opened]
    n = f"{said:,} words, {sentences} sentences, {loads} loads in a fresh browser"
    yield Measure("review page of a 50-minute session, interactive, median", statistics.median(drawn), "ms", INTERACTIVE, n)
    yield Measure("review page of a 50-minute session, interactive, worst", max(drawn), "ms", INTERACTIVE)
    yield Measure("until its last byte had come, median", statistics.median(come), "ms")
    yield Measure("from a click on a sentence to its evidence lit, p95", statistics.quantiles(lit, n=20)[-1], "ms", LIT, f"{len(lit)} clicks")
    yield Measure("from a click on a sentence to its evidence lit, worst", max(lit), "ms", LIT)
