"""The pages beside the review in a real browser: taking in by keys and by voice, waiting, and that everybody can use each page, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from drafting.jobs import InlineJobs, Progress, Tools
from drafting.pipeline import Engines
from drafting.record import notes, people, workbench
from drafting.record.notes import Circumstances
from drafting.record.retention import ending
from drafting.record.workbench import drafted, media
from drafting.types import Recording, Utterance
from drafting.types.record import NoteState, Stage
from tests import webbing
from tests.browsing import CHROMIUM, DESKTOP, PHONE, Room, ails, served
from tests.desks import DAY
from tests.dictated import TEXT, cleared, stand, work
from tests.stores import made
from tests.webbing import PASSPHRASE, House

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

HOW = Circumstances("password", "UTC")
MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
PLAN = {
    "diagnoses": [{"code": "F41.1", "text": "Generalized anxiety"}],
    "goals": [{"id": "G1", "text": "Sleeps through four nights of seven", "objectives": [{"id": "G1.1", "text": "Lights out at eleven"}]}],
    "modality": "CBT",
    "frequency": "weekly",
}


class Ear:
    """A transcriber that hears the same words in whatever sound there is; `seconds` is how long that was."""

    name, preview = "ear/1", False

    def __init__(self) -> None:
        self.seconds = 0.0

    def transcribe(self, recording: Recording, start: float = 0.0) -> Iterator[Utterance]:
        self.seconds = sum(len(block) for block in recording.blocks()) / 16_000
        yield Utterance(TEXT, 0.0, self.seconds, "clinician")


class Held(InlineJobs):
    """Jobs done at once, but for those of which a test says how far they are."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.far: dict[str, Progress] = {}

    def progress(self, encounter: str) -> Progress:
        return self.far.get(encounter) or super().progress(encounter)


EAR = Ear()


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Room]:
    """The desk in a browser with a microphone that hums."""
    stores = made("sqlite", tmp_path_factory.mktemp("browser"), None)
    with webbing.opened(stores, engines, secure=False, hosts=frozenset({"localhost"})) as house:
        house.practice.settle("setup", payer="self_pay")
        house.change(jobs=Held(house.practice, Tools(lambda *_: engines, lambda _name: EAR)))
        people.write_plan(house.practice, house.client, PLAN, by="setup")
        expect.set_options(timeout=60_000)
        with served(house) as base, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *MICROPHONE])
            yield Room(house, base, browser)
            browser.close()
    stores.close()


@pytest.fixture(scope="module")
def places(room: Room) -> dict[str, str]:
    """Encounters in every state that a page draws, by what they are."""
    here, engines, practice = room.house.here, room.house.desk.engines(), room.house.practice
    once = work(engines)

    def stood() -> Any:
        return drafted.stand(practice, workbench.find(practice, here.encounter()), once)

    def signed() -> str:
        review = cleared(here, stood())
        notes.sign(practice, here.author, review.encounter, review.version, HOW)
        return review.encounter

    found = {"draft": stood().encounter, "cosign": signed(), "waits": signed(), "returned": signed(), "locked": signed(), "failed": here.encounter()}
    found |= {"waiting": here.encounter(), "writing": here.encounter()}
    notes.give_back(practice, here.supervisor, drafted.load(practice, found["returned"], here.supervisor.opener), "Say what was practised.")
    notes.cosign(practice, here.supervisor, found["locked"], HOW)
    ending.lock(practice, found["locked"])
    notes.add(practice, here.author, found["locked"], "Mother rang.\nShe will come along.", "It came later.", HOW)
    media.put(practice, found["waiting"], "typed", [TEXT.encode()], by=room.house.ids["bo"])
    workbench.progress(practice, found["failed"], Stage.FAILED, "no_speech")
    for name, far in (("waiting", (None, None, None)), ("writing", ("write", 0.4, 130.0))):
        room.house.desk.jobs.far[found[name]] = Progress(found[name], *far)
    return found


def newest(house: House) -> str:
    """The encounter that was begun last."""
    mine = workbench.queue(house.practice, house.ids["bo"], states=set(NoteState), limit=500)
    return max(mine, key=lambda e: (e.version > 0, e.created, e.id)).id


# ── taking in ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("scripts", "size"), [(True, DESKTOP), (False, DESKTOP), (True, PHONE)])
def test_a_dictation_is_typed_and_its_draft_lands_in_the_queue(room: Room, scripts: bool, size: dict[str, int]) -> None:
    """From an empty form to the draft and the queue; with scripts and without, on a desk and on a phone."""
    with room.seat(size=size, java_script_enabled=scripts) as page:
        page.goto("/")
        page.get_by_role("link", name="New note").last.click()
        page.select_option("#client", room.house.client)
        page.fill("#when", DAY.isoformat())
        page.fill("#text", TEXT)
        page.click("#make")
        expect(page.get_by_text("The draft stands.")).to_be_visible()
        encounter = page.url.rpartition("/")[2]
        page.get_by_role("link", name="To the queue").click()
        expect(page.locator(f'a[href="/review/{encounter}"]')).to_contain_text("Wren Alder")
    assert workbench.find(room.house.practice, encounter).service_date == DAY


def test_what_is_missing_is_said_and_the_words_stay(room: Room) -> None:
    """With scripts too: nothing to draft from; words and a file at once; an ending that nobody knows."""
    with room.seat() as page:
        page.goto(f"/new?client={room.house.client}")
        page.click("#make")
        expect(page.locator("#sending")).to_contain_text("Type or paste")
        page.fill("#text", "Half a thought.")
        page.set_input_files("#file", {"name": "memo.exe", "mimeType": "audio/x", "buffer": b"x"})
        page.click("#make")
        expect(page.locator("#sending")).to_contain_text("not both")
        page.fill("#text", "")
        page.click("#make")
        expect(page.locator("#sending")).to_contain_text("Files of that ending")
        expect(page.locator("#make")).to_be_enabled()


def test_typed_words_outlive_the_session(room: Room) -> None:
    """Logged out meanwhile, the page says so and keeps the words; logged in again in another window, they are sent."""
    with room.seat() as page:
        page.goto(f"/new?client={room.house.client}")
        page.fill("#text", TEXT)
        old = page.context.cookies()
        page.context.clear_cookies()
        page.click("#make")
        expect(page.locator("#sending")).to_contain_text("Your session has ended")
        assert page.input_value("#text") == TEXT and old
        page.context.add_cookies([{"name": "aside", "value": room._token("bo", False), "url": room.base}])
        page.click("#make")
        expect(page.get_by_text("The draft stands.")).to_be_visible()


def test_a_voice_memo_is_sent_in_pieces(room: Room, engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording of several chunks arrives byte for byte, and is heard."""
    import wave
    from io import BytesIO

    sound = BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\x10\x00\x00\x10" * 1_280_000)
    pieces: list[str] = []
    with room.seat() as page:
        page.on("request", lambda asked: pieces.append(asked.url) if asked.method == "PUT" else None)
        page.goto(f"/new?client={room.house.client}")
        page.set_input_files("#file", {"name": "Memo.WAV", "mimeType": "audio/wav", "buffer": sound.getvalue()})
        page.click("#make")
        expect(page.get_by_text("The draft stands.")).to_be_visible()
    assert len(pieces) == 2 and "last=true" in pieces[1] and round(EAR.seconds) == 160


def record(page: Page, room: Room) -> None:
    """Begin a dictation, and wait until something was heard."""
    page.goto(f"/new?client={room.house.client}")
    page.get_by_role("button", name="Start dictating").click()
    expect(page.locator("#recording")).to_have_text("Listening.")
    page.wait_for_function("() => document.getElementById('level').value > 0.01")
    page.wait_for_function("() => document.getElementById('timer').textContent >= '00:02'")


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_dictation_is_recorded_paused_and_drafted(room: Room, size: dict[str, int]) -> None:
    """A level and a timer while it runs, none that moves while it is paused; ended, its draft stands; nothing stays on the device."""
    with room.seat(size=size, permissions=["microphone"]) as page:
        record(page, room)
        page.click("#pause")
        expect(page.locator("#recording")).to_contain_text("Paused")
        stood = page.locator("#timer").text_content()
        page.wait_for_timeout(1_200)
        assert page.locator("#timer").text_content() == stood and page.eval_on_selector("#level", "e => e.value") == 0
        page.click("#pause")
        page.get_by_role("button", name="End and make the draft").click()
        expect(page.get_by_text("The draft stands.")).to_be_visible()
        assert 1.5 < EAR.seconds < 15
        page.goto("/new")
        expect(page.locator("#recorder")).to_be_visible()
        expect(page.locator("#unsent")).to_be_hidden()


def test_a_dictation_outlives_the_network_and_the_window(room: Room) -> None:
    """The network gone and the window closed in the middle: what was said is on the device, unreadable there, and is sent later."""
    with room.seat(permissions=["microphone"]) as page:
        record(page, room)
        page.context.set_offline(True)
        expect(page.locator("#recording")).to_contain_text("wait on this device")
        page.close(run_before_unload=False)
        again = room.page(page.context)
        again.context.set_offline(False)
        again.goto("/new")
        expect(again.locator("#unsent")).to_contain_text("was not sent to its end")
        rows = again.evaluate(
            """async () => { const open = indexedDB.open('aside-unsent', 1); await new Promise((done) => (open.onsuccess = done));
            const all = (name) => new Promise((done) => { const asked = open.result.transaction(name).objectStore(name).getAll();
              asked.onsuccess = () => done(asked.result); });
            const [visit] = await all('visits'), pieces = await all('pieces');
            const exported = await crypto.subtle.exportKey('raw', visit.secret).then(() => true, () => false);
            const begins = pieces.map((piece) => [...new Uint8Array(piece.body).slice(0, 4)].join());
            return { exported, begins }; }"""
        )
        assert not rows["exported"] and len(rows["begins"]) >= 2 and "26,69,223,163" not in rows["begins"]  # as WebM begins
        again.get_by_role("button", name="Send now").click()
        expect(again.get_by_text("The draft stands.")).to_be_visible()
        assert EAR.seconds > 1.5


def test_what_was_not_sent_can_be_destroyed(room: Room) -> None:
    """Only when it was asked for twice; then nothing of it is left."""
    with room.seat(permissions=["microphone"]) as page:
        record(page, room)
        page.close(run_before_unload=False)
        again = room.page(page.context)
        again.goto("/new")
        again.get_by_role("button", name="Destroy").click()
        again.get_by_role("button", name="Keep it").click()
        again.get_by_role("button", name="Destroy").click()
        again.get_by_role("button", name="Yes, destroy what I said").click()
        expect(again.locator("#unsent")).to_be_hidden()
        again.reload()
        expect(again.locator("#recorder")).to_be_visible()
        expect(again.locator("#unsent")).to_be_hidden()


def test_beside_the_form_changes_with_the_choice(room: Room, places: dict[str, str]) -> None:
    """Another client or format shows its own plan and questions, and what was typed stays."""
    with room.seat() as page:
        page.goto("/new")
        page.fill("#text", "Half a thought.")
        expect(page.locator("#beside")).not_to_contain_text("Planned the last time")
        page.select_option("#client", room.house.client)
        expect(page.locator("#beside")).to_contain_text("Next session Tuesday at four")
        page.select_option("#format", "dap")
        expect(page.locator("#beside h3").filter(has_text="Data")).to_be_visible()
        assert page.input_value("#text") == "Half a thought." and "Half" not in page.url


# ── waiting, and small things ─────────────────────────────────────────────────────────────────────────────────────────


def test_progress_moves_by_itself_until_the_draft_stands(room: Room, engines: Engines) -> None:
    """Steps and the time left change on the open page, without a load; then it says that the draft stands."""
    far, encounter = room.house.desk.jobs.far, stand(room.house.here, engines).encounter
    far[encounter] = Progress(encounter, "transcribe", 0.1, 400.0)
    with room.seat() as page:
        page.goto(f"/work/{encounter}")
        page.evaluate("window.same = true")
        expect(page.locator(".steps .now")).to_contain_text("Listening to the recording")
        far[encounter] = Progress(encounter, "transcribe", 0.8, 100.0)
        expect(page.locator("[data-left]")).to_have_text("about 2 minutes left")
        far[encounter] = Progress(encounter, "screen", None, None)
        expect(page.locator(".steps .now")).to_contain_text("Looking for what the chart does not need")
        del far[encounter]
        expect(page.get_by_text("The draft stands.")).to_be_visible()
        assert page.evaluate("window.same")


def test_names_are_hidden_on_every_page_after_one_press(room: Room, places: dict[str, str]) -> None:
    """The switch holds on the next page, in the list to choose from too; pressed again, names are back."""
    with room.seat() as page:
        page.goto("/")
        expect(page.locator(".name").first).to_be_visible()
        page.get_by_role("button", name="Hide names").click()
        for path in ("/", "/notes", "/clients", f"/notes/{places['locked']}"):
            page.goto(path)
            expect(page.locator(".name").first).to_be_hidden()
            assert "Wren" not in page.inner_text("body")
        page.goto("/new")
        assert "Wren" not in page.locator("#client").inner_text() and room.house.client in page.locator("#client").inner_text()
        page.get_by_role("button", name="Hide names").click()
        assert "Wren" in page.locator("#client").inner_text()


def test_a_section_is_copied(room: Room, places: dict[str, str]) -> None:
    """One press, and the section's words are in the clipboard."""
    with room.seat(permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(f"/notes/{places['locked']}")
        page.get_by_role("button", name="Copy").first.click()
        expect(page.get_by_text("Copied")).to_be_visible()
        assert "waking at three" in page.evaluate("navigator.clipboard.readText()")


def test_the_private_room_closes_by_itself(room: Room, places: dict[str, str]) -> None:
    """Opened with the passphrase; after five minutes in which nothing was done its words are gone from the page."""
    with room.seat() as page:
        page.clock.install()
        page.goto(f"/private/{places['locked']}")
        page.fill("#passphrase", PASSPHRASE)
        page.get_by_role("button", name="Open").click()
        expect(page.locator(".own").first).to_be_visible()
        room.house.later(minutes=5, seconds=1)
        page.clock.fast_forward(301_000)
        expect(page.locator("#passphrase")).to_be_visible()
        assert page.locator(".own").count() == 0


def test_a_note_is_cosigned_in_the_browser(room: Room, places: dict[str, str]) -> None:
    """From the supervisor's queue to the cosignature, which bears the browser's own time zone."""
    with room.seat("ada", timezone_id="America/Chicago") as page:
        page.goto("/?supervising=true")
        page.locator(f'a[href="/cosign/{places["cosign"]}"]').click()
        page.get_by_role("button", name="Cosign").click()
        page.wait_for_url(f"{room.base}/**")
        expect(page.locator("h1")).to_have_text("To cosign")
    signatures = notes.document(room.house.practice, places["cosign"]).signatures
    assert [s.meaning.value for s in signatures] == ["author", "cosigner"] and signatures[1].zone == "America/Chicago"


# ── that everybody can use it ─────────────────────────────────────────────────────────────────────────────────────────

PAGES = (
    ("bo", "/", "queue"),
    ("bo", "/?state=returned", "returned"),
    ("cy", "/", "evening"),
    ("ada", "/?supervising=true", "to_cosign"),
    ("ada", "/cosign/{waits}", "cosign"),
    ("bo", "/new?client={client}", "new"),
    ("bo", "/work/{writing}", "writing"),
    ("bo", "/work/{waiting}", "waiting"),
    ("bo", "/work/{failed}", "failed"),
    ("bo", "/work/{draft}", "stands"),
    ("bo", "/notes", "notes"),
    ("bo", "/notes/{locked}", "note"),
    ("rae", "/notes", "records"),
    ("bo", "/clients", "clients"),
    ("bo", "/clients/{client}", "client"),
    ("di", "/audit", "audit"),
    ("bo", "/private", "door"),
    ("bo*", "/private", "private_list"),
    ("bo*", "/private/{locked}", "private"),
)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_used_by_everybody(room: Room, places: dict[str, str], scheme: str, size: dict[str, int]) -> None:
    """No rule of accessibility is broken on any page, with all that opens open; nothing is wider than the window."""
    faults = []
    for who in dict.fromkeys(who for who, _, _ in PAGES):
        with room.seat(who.rstrip("*"), size, private=who.endswith("*"), color_scheme=scheme, permissions=["microphone"]) as page:
            for path, name in ((path, name) for one, path, name in PAGES if one == who):
                assert page.goto(path.format(client=room.house.client, **places)).status in (200, 423), name
                page.eval_on_selector_all("main details", "all => all.forEach((one) => (one.open = true))")
                faults += [f"{name}: {ail}" for ail in ails(page)]
                wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                faults += [f"{name}: {wide} px too wide"] if wide > 0 else []
    assert faults == []
