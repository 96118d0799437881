"""The pages beside the review: who sees which, what stands on them, and that their forms work without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from html import unescape
from typing import Any

import pytest
from httpx import Response

from drafting.jobs import InlineJobs, Progress, Tools
from drafting.pipeline import Engines, Work
from drafting.record import notes, people, vault, workbench
from drafting.record.accounts import sessions
from drafting.record.notes import Circumstances
from drafting.record.retention import ending
from drafting.record.workbench import drafted, media
from drafting.types.record import NoteState
from drafting.types.review import Review
from tests import webbing
from tests.desks import DAY
from tests.dictated import TEXT, cleared, work
from tests.stores import made
from tests.webbing import PASSPHRASE, PASSWORD, Browser, House

START = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
HOW = Circumstances("password", "UTC")
PRIVATE = "clock-watching"
HOSTILE = "<script>alert('umbrella')</script>"
CODES = re.compile(r"\b[EFX][0-9]{2}\b(?!\.)|\bX[0-9]{1,2}\b|\b(in_review|cosign_due|entered_in_error|complete_note|client_copy)\b")


class Slow(InlineJobs):
    """Jobs that a test can hold at a step."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.held: Progress | None = None

    def submit(self, encounter: str) -> None:
        if self.held is None:
            super().submit(encounter)

    def progress(self, encounter: str) -> Progress:
        return self.held or super().progress(encounter)


def _deaf(_name: str) -> Any:
    raise AssertionError("nothing is heard in these tests")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[House]:
    """One practice for the whole file."""
    stores = made("sqlite", tmp_path_factory.mktemp("pages"), None)
    with webbing.opened(stores, engines) as house:
        house.change(jobs=Slow(house.practice, Tools(lambda *_: engines, _deaf)))
        yield house
    stores.close()


@pytest.fixture
def house(kept: House) -> House:
    """The practice, back at its first hour, with a client of Bo's who has nothing yet."""
    kept.practice.now.at = START
    kept.practice.settle("setup", payer="self_pay", chart="here")
    kept.here.client = people.add_client(kept.practice, "Wren Alder", kept.ids["bo"], by="setup").id
    kept.desk.jobs.held = None
    return kept


@pytest.fixture
def bo(house: House) -> Browser:
    return plain(house, "bo")


def plain(house: House, who: str, **more: Any) -> Browser:
    """A browser without scripts: it sends what a form holds, and no header by itself."""
    browser = house.browser(who, **more)
    browser.bare = True
    return browser


def page(browser: Browser, path: str, status: int = 200) -> str:
    """What a page says, its entities as letters. Whatever page it is, no code of the domain stands on it."""
    response = browser.get(path)
    assert response.status_code == status, (path, response.status_code, response.headers.get("location"))
    return _read(response)


def _read(response: Response) -> str:
    assert response.headers["content-type"].startswith("text/html")
    shown = unescape(re.sub(r"<(script|style|option)\b.*?</\1>|<[^>]*>", " ", response.text, flags=re.S))
    assert not CODES.search(shown), CODES.search(shown)
    return " ".join(shown.split())


def post(browser: Browser, path: str, status: int = 303, **fields: Any) -> Response:
    """A form sent as a browser without scripts would."""
    response = browser.post(path, data={"csrf": browser.csrf, **fields})
    assert response.status_code == status, (path, response.status_code, response.text[:2_000])
    return response


@cache
def read(engines: Engines, text: str) -> Work:
    """The pipeline's way over some words, walked once."""
    return work(engines, text)


def stood(house: House, text: str) -> Review:
    there = workbench.find(house.practice, house.here.encounter())
    return drafted.stand(house.practice, there, read(house.desk.engines(), text))


def draft(house: House, text: str = TEXT) -> str:
    """A draft of Bo's that stands."""
    return stood(house, text).encounter


def sign(house: House, text: str = TEXT) -> str:
    """A note that Bo signed; it waits for Ada."""
    review = cleared(house.here, stood(house, text))
    notes.sign(house.practice, house.here.author, review.encounter, review.version, HOW)
    return review.encounter


def lock(house: House, encounter: str) -> str:
    """The same, cosigned and locked."""
    notes.cosign(house.practice, house.here.supervisor, encounter, HOW)
    ending.lock(house.practice, encounter)
    return encounter


# ── the queue ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_queue_says_a_good_evening(house: House) -> None:
    """Somebody for whom nothing waits is told so, and offered nothing to do but a new note."""
    said = page(plain(house, "cy"), "/")
    assert "A good evening" in said and "New note" in said


def test_the_queue_holds_what_waits_with_names_and_days(house: House, bo: Browser) -> None:
    """A draft leads to its review; one that waits longer than the practice allows is marked; a state filters."""
    encounter = draft(house)
    html = bo.get("/").text
    assert f'href="/review/{encounter}"' in html and "Wren Alder" in html and "yesterday" in html and "Overdue" not in html
    house.later(hours=73)
    bo = plain(house, "bo")
    assert "Overdue" in page(bo, "/") and house.told("queue:read")[-1]["actor"] == house.ids["bo"]
    assert "Nothing is in that state" in page(bo, "/?state=returned")


def test_names_can_be_hidden_wherever_they_stand(house: House, bo: Browser) -> None:
    """On every page each client's name is in an element that the privacy switch hides, or in a list whose entries say their pseudonym."""
    draft(house)
    signed = lock(house, sign(house))
    for path in ("/", "/notes", f"/notes/{signed}", f"/clients/{house.client}", "/clients", f"/work/{signed}", f"/new?client={house.client}"):
        html = bo.get(path).text
        bare = re.sub(r'<span class="name">[^<]*</span>|<option value="(C-\d+)" data-alias="\1"[^>]*>[^<]*</option>|value="Wren Alder"', "", html)
        assert "Wren Alder" in html and "Wren Alder" not in bare, path
        assert "Wren" not in (re.search(r"<title>(.*?)</title>", html) or [""])[0]


def test_a_supervisor_sees_what_is_to_cosign(house: House) -> None:
    """The note of a trainee stands in a queue of its own, counted on the first page, and leads to the page where it is cosigned."""
    encounter = sign(house)
    ada = plain(house, "ada")
    assert re.search(r'href="/\?supervising=true"[^>]*>To cosign <b>\d', ada.get("/").text)
    html = ada.get("/?supervising=true").text
    assert f'href="/cosign/{encounter}"' in html and "To cosign" in html
    assert f'href="/notes/{encounter}"' in plain(house, "bo").get("/?state=cosign_due").text


def test_records_staff_and_administrators_have_another_first_page(house: House) -> None:
    """Records staff are led to what is signed, an administrator to the audit trail; neither can take in."""
    sign(house)
    draft(house)
    for who, first in (("rae", "/notes"), ("di", "/audit")):
        browser = plain(house, who)
        assert browser.get("/").headers["location"] == first
        page(browser, "/new", 403)
        assert browser.post("/new", data={"csrf": browser.csrf, "client": house.client, "text": "x"}).status_code == 403
    signed = page(plain(house, "rae"), "/notes")
    assert "Wren Alder" in signed and "To review" not in signed
    page(plain(house, "di"), "/notes", 403)


# ── taking in ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_words_are_typed_and_drafted(house: House, bo: Browser) -> None:
    """The form without scripts: words go to a draft that stands in the queue; the same form again is the same encounter."""
    key = re.search(r'name="key" value="([^"]+)"', bo.get(f"/new?client={house.client}").text)[1]
    given = {"client": house.client, "format": "dap", "kind": "session", "when": DAY.isoformat(), "text": TEXT, "key": key}
    there = post(bo, "/new", **given).headers["location"]
    assert post(bo, "/new", **given).headers["location"] == there
    encounter = there.removeprefix("/work/")
    found = workbench.find(house.practice, encounter)
    assert (found.client, found.service_date, found.version) == (house.client, DAY, 1)
    assert "The draft stands" in page(bo, there) and f"/review/{encounter}" in bo.get("/").text


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"text": "  "}, "Type or paste"),
        ({"client": ""}, "Choose whose visit"),
        ({"when": "last Tuesday"}, "as a date"),
        ({"format": "sonnet"}, "Choose a format"),
        ({"kind": "séance"}, "Choose a kind"),
    ],
)
def test_what_is_wrong_in_the_form_is_said_and_nothing_typed_is_lost(house: House, bo: Browser, changed: dict[str, str], told: str) -> None:
    """The form comes back with what was typed, escaped, and no encounter was begun."""
    text = f"{TEXT} {HOSTILE}</textarea>"
    given = {"client": house.client, "text": text, "when": DAY.isoformat()} | changed
    before = len(workbench.queue(house.practice, house.ids["bo"], states=set(NoteState), limit=500))
    response = post(bo, "/new", 422, **given)
    assert told in _read(response) and HOSTILE not in response.text
    if "text" not in changed:
        assert re.search(r"<textarea[^>]*>\n(.*?)</textarea>", response.text, re.S)[1] and unescape(response.text).count(text) == 1
    assert len(workbench.queue(house.practice, house.ids["bo"], states=set(NoteState), limit=500)) == before


def test_a_file_of_text_is_read_and_a_recording_is_sealed(house: House, bo: Browser) -> None:
    """A text file becomes a draft; a recording's bytes are stored whole under its own medium; another ending is refused."""
    given = {"csrf": bo.csrf, "client": house.client}
    there = bo.post("/new", data=given, files={"file": ("dictation.TXT", TEXT.encode(), "text/plain")}).headers["location"]
    assert workbench.find(house.practice, there.removeprefix("/work/")).version == 1
    house.desk.jobs.held = Progress("", "transcribe", 0.25, 300.0)
    body = bytes(range(256)) * 4_000
    there = bo.post("/new", data=given, files={"file": ("memo.m4a", body, "audio/mp4")}).headers["location"]
    encounter = there.removeprefix("/work/")
    assert b"".join(media.read(house.practice, encounter, "recording", house.here.author.opener)) == body
    for name, content, told in (("memo.exe", b"x", "ending"), ("note.txt", b"\xff\xfe\x00", "not text"), ("note.txt", b" ", "Type or paste")):
        response = bo.post("/new", data=given, files={"file": (name, content)})
        assert response.status_code == 422 and told in _read(response)
    response = bo.post("/new", data=given | {"text": "Words."}, files={"file": ("note.txt", b"Words.")})
    assert response.status_code == 422 and "not both" in _read(response)


def test_an_upload_without_scripts_is_never_on_disk_in_the_clear() -> None:
    """What a form's file holds stays in memory as long as a form may be."""
    from starlette.formparsers import MultiPartParser

    from drafting.web.pages import take_in

    assert MultiPartParser.spool_max_size >= take_in.take_in.takes == take_in.UPLOAD


def test_beside_the_form_stand_the_questions_and_the_last_plan(house: House, bo: Browser) -> None:
    """The chosen format's questions, what was planned the last time, the goals; words never stand in an address to look at them."""
    plan = {"goals": [{"id": "G1", "text": f"Sleeps through {HOSTILE}"}]}
    people.write_plan(house.practice, house.client, plan, by="setup")
    assert "Nothing is signed" not in page(bo, f"/new?client={house.client}")
    lock(house, sign(house))
    shown = _read(post(bo, "/new", 200, client=house.client, format="birp", text="Half a thought", look="1"))
    assert "Planned the last time" in shown and "Next session Tuesday at four" in shown and "Sleeps through <script>" in shown
    assert "Half a thought" in shown and "Behavio" in shown and "Intervention" in shown
    assert "Next session" not in page(plain(house, "cy"), f"/new?client={house.client}")


def test_somebody_elses_client_is_not_taken_for(house: House) -> None:
    """A colleague can neither choose the client nor begin an encounter of them."""
    cy = plain(house, "cy")
    assert house.client not in cy.get("/new").text
    assert post(cy, "/new", 404, client=house.client, text=TEXT).status_code == 404


# ── on its way ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_progress_is_told_in_words_and_the_page_asks_again_by_itself(house: House, bo: Browser) -> None:
    """The step under way with the time left; without scripts the page is loaded again; stopped, it offers to go on."""
    house.desk.jobs.held = Progress("", "write", 0.5, 130.0)
    there = post(bo, "/new", client=house.client, text=TEXT).headers["location"]
    html = bo.get(there).text
    assert re.search(r'class="now" aria-current="step">Writing the draft<span[^>]*>about 2 minutes left', html)
    assert '<noscript><meta http-equiv="refresh"' in html and html.count('class="past"') == 2
    house.desk.jobs.held = None
    post(bo, f"{there}/cancel")
    said = page(bo, there)
    assert "You stopped this" in said and "Try again" in said and "refresh" not in bo.get(there).text
    assert "Stopped" in page(bo, "/")
    post(bo, f"{there}/retry")
    assert "The draft stands" in page(bo, there)


def test_words_that_cannot_be_drafted_say_why(house: House, bo: Browser) -> None:
    """The reason in words, and no retry where the same would fail again."""
    french = "Le client dit qu'il dort mal depuis trois semaines et qu'il ne travaille plus. " * 6
    said = page(bo, post(bo, "/new", client=house.client, text=french).headers["location"])
    assert "does not look English" in said and "Try again" not in said


def test_a_recording_that_was_cut_says_what_is_here(house: House, bo: Browser) -> None:
    """Begun and not whole: how much is here, and where to go on."""
    encounter = bo.house.browser("bo").post("/api/v1/encounters", json={"client": house.client, "suffix": ".webm"}).json()["id"]
    assert "nothing of it is here yet" in page(bo, f"/work/{encounter}")
    media.put(house.practice, encounter, "recording", [b"x" * 1_000_000], whole=False, by=house.ids["bo"])
    assert "0.8 MB of it are here" in page(bo, f"/work/{encounter}")


def test_anothers_work_is_not_there(house: House) -> None:
    """Neither its progress is told nor can it be stopped, by a supervisor either; the record is as it was."""
    encounter = draft(house)
    for who in ("ada", "cy", "di", "rae"):
        browser = plain(house, who)
        page(browser, f"/work/{encounter}", 404)
        for what in ("cancel", "retry"):
            post(browser, f"/work/{encounter}/{what}", 404)
    assert workbench.find(house.practice, encounter).failure is None


# ── signed notes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_signed_note_is_read_only_with_its_signatures(house: House, bo: Browser) -> None:
    """What was signed, who signed it and when; no private word; each reading is on the trail."""
    encounter = sign(house)
    said = page(bo, f"/notes/{encounter}")
    assert "waking at three" in said and "Bo Tern, LCSW" in said and "known by password" in said and PRIVATE not in said
    assert "Add to this note" not in said and "Take it back into review" in said
    assert house.told("note:read")[-1]["subject"] == encounter
    assert "Wren Alder" in page(bo, "/notes")


def test_who_may_read_a_signed_note_and_what_they_may_do(house: House) -> None:
    """Its author, the supervisor and records staff; the last can do nothing to it. An administrator and a colleague do not learn that it exists."""
    encounter = sign(house)
    page(plain(house, "ada"), f"/notes/{encounter}")
    staff = plain(house, "rae")
    assert "Add to this note" not in page(staff, f"/notes/{encounter}")
    for who in ("di", "cy"):
        page(plain(house, who), f"/notes/{encounter}", 404)
        page(plain(house, who), f"/notes/{encounter}/export", 404)
    for what in ("addenda", "withdraw", "reopen", "hand-over"):
        post(staff, f"/notes/{encounter}/{what}", 404, text="More.", reason="So.", password=PASSWORD)
    unsigned = draft(house)
    for who in ("ada", "rae", "bo"):
        page(plain(house, who), f"/notes/{unsigned}", 404)


def test_an_addendum_is_signed_below_the_note(house: House, bo: Browser) -> None:
    """Within a sitting no password is asked for; outside of it the form asks for it, keeps what was typed while it is wrong, and signs when right."""
    encounter = lock(house, sign(house))
    there = post(bo, f"/notes/{encounter}/addenda", text=f"Mother rang. {HOSTILE}", reason="It came later.", zone="America/Chicago").headers[
        "location"
    ]
    response = bo.get(there)
    assert "Added and signed." in _read(response) and "Mother rang." in response.text and HOSTILE not in response.text
    assert "America/Chicago" in response.text and "UTC" not in notes.document(house.practice, encounter).after[0].signatures[0].zone
    house.later(minutes=16)
    assert 'type="password"' in bo.get(f"/notes/{encounter}").text
    typed = {"text": "She will come along.", "reason": "Later still."}
    wrong = post(bo, f"/notes/{encounter}/addenda", 401, **typed, password="not this one")
    assert "She will come along." in wrong.text and len(notes.document(house.practice, encounter).after) == 1
    post(bo, f"/notes/{encounter}/addenda", 422, text="She will come along.", reason=" ", password=PASSWORD)
    post(bo, f"/notes/{encounter}/addenda", **typed, password=PASSWORD)
    assert len(notes.document(house.practice, encounter).after) == 2


def test_without_a_proof_of_who_it_is_nothing_is_signed(house: House, bo: Browser) -> None:
    """No password outside a sitting: the way to the page where one proves who one is."""
    encounter = lock(house, sign(house))
    house.later(minutes=16)
    response = post(bo, f"/notes/{encounter}/withdraw", reason="Wrong client.")
    assert response.headers["location"].startswith("/step-up")
    assert workbench.find(house.practice, encounter).state is NoteState.LOCKED


def test_a_note_entered_in_error_stays_struck(house: House, bo: Browser) -> None:
    """Struck, with the reason, in the list too; nothing can be added after that."""
    encounter = lock(house, sign(house))
    post(bo, f"/notes/{encounter}/withdraw", 422, reason=" ")
    post(bo, f"/notes/{encounter}/withdraw", reason="Wrong client.")
    html = bo.get(f"/notes/{encounter}").text
    assert 'class="paper signed struck"' in html and "ENTERED IN ERROR" in html and "Wrong client." in html and "Add to this note" not in html
    assert "Entered in error" in page(bo, "/notes")


def test_a_note_is_taken_back_into_review_once(house: House, bo: Browser) -> None:
    """By its author while it is not locked; a page that shows an older state takes nothing back."""
    encounter = sign(house)
    stale = post(bo, f"/notes/{encounter}/reopen", 412, state="signed")
    assert "changed in another window" in _read(stale)
    assert post(bo, f"/notes/{encounter}/reopen", state="cosign_due").headers["location"] == f"/review/{encounter}"
    assert workbench.find(house.practice, encounter).state is NoteState.IN_REVIEW


@pytest.mark.parametrize(("form", "kind"), [("text", "text/plain"), ("pdf", "application/pdf"), ("fhir", "application/fhir+ndjson")])
def test_a_note_is_exported_from_its_page(house: House, bo: Browser, form: str, kind: str) -> None:
    """Each form comes as a file without a name in its name; the trail has what went out."""
    encounter = lock(house, sign(house))
    response = bo.get(f"/notes/{encounter}/export?form={form}&profile=chart")
    assert response.headers["content-type"].startswith(kind) and response.headers["content-disposition"].startswith('attachment; filename="E')
    assert house.told("note:exported")[-1]["facts"]["form"] == form


def test_a_client_who_pays_themselves_has_no_export_for_a_payer(house: House, bo: Browser) -> None:
    """The page offers none, and who asks for it all the same is refused on a page."""
    encounter = lock(house, sign(house))
    assert "PDF for a payer" in bo.get(f"/notes/{encounter}").text
    people.restrict(house.practice, house.client, self_pay=True, by="setup")
    assert "PDF for a payer" not in bo.get(f"/notes/{encounter}").text
    assert bo.get(f"/notes/{encounter}/export?form=pdf&profile=payer").status_code == 409


def test_a_note_is_copied_by_section_and_handed_over(house: House, bo: Browser) -> None:
    """Where the chart is kept elsewhere: each section to copy, then ours is destroyed and a receipt shown; where it is kept here it is not offered."""
    assert "handed over" not in page(bo, f"/notes/{lock(house, sign(house))}")
    house.practice.settle("setup", payer="self_pay", chart="elsewhere")
    encounter = sign(house)
    notes.cosign(house.practice, house.here.supervisor, encounter, HOW)
    html = bo.get(f"/notes/{encounter}").text
    copied = re.findall(r"<textarea[^>]*readonly>\n(.*?)</textarea>", html, re.S)
    assert any("waking at three" in part for part in copied) and "Mark as handed over" in html
    response = post(bo, f"/notes/{encounter}/hand-over", 200)
    assert "The receipt" in _read(response) and house.told("note:handed_over")
    assert "waking at three" not in bo.get(f"/notes/{encounter}").text


def test_signed_notes_are_listed_a_page_at_a_time(house: House, bo: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest first, none twice and none left out."""
    from drafting.web import queues

    monkeypatch.setattr(queues, "PAGE", 2)
    mine = {lock(house, sign(house)) for _ in range(3)}
    seen, path = [], "/notes"
    while path:
        html = bo.get(path).text
        seen += re.findall(r'class="whole" href="/notes/(\w+)"', html)
        path = (re.search(r'href="(/notes\?before=\w+)"', html) or (None, None))[1]
    assert mine <= set(seen) and len(seen) == len(set(seen))


# ── cosigning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_supervisor_reads_beside_the_source_and_cosigns(house: House) -> None:
    """The note, whose words were changed, what was said with private words black; then the cosignature, in a sitting."""
    encounter = sign(house)
    ada = plain(house, "ada")
    html = ada.get(f"/cosign/{encounter}").text
    assert "waking at three" in html and "█" in html and "heliotrope" not in html
    house.later(minutes=16)
    post(ada, f"/cosign/{encounter}", 401, password="no")
    assert post(ada, f"/cosign/{encounter}", password=PASSWORD).headers["location"] == "/?supervising=true"
    assert workbench.find(house.practice, encounter).state is NoteState.COSIGNED
    page(ada, f"/cosign/{encounter}", 404)


def test_a_note_is_given_back_with_words(house: House) -> None:
    """Words are needed; they stand in the author's draft, and the note in the author's queue as given back."""
    encounter = sign(house)
    ada = plain(house, "ada")
    assert "Say what is to be changed" in _read(post(ada, f"/cosign/{encounter}/return", 422, reason=" "))
    post(ada, f"/cosign/{encounter}/return", reason="Say what was practised.")
    assert workbench.find(house.practice, encounter).state is NoteState.RETURNED
    assert "Given back to you" in page(plain(house, "bo"), "/")


def test_nobody_else_cosigns(house: House) -> None:
    """Not the author, not a colleague, not records staff: for them there is no such page."""
    encounter = sign(house)
    for who in ("bo", "cy", "rae", "di"):
        browser = plain(house, who)
        page(browser, f"/cosign/{encounter}", 404)
        post(browser, f"/cosign/{encounter}", 404, password=PASSWORD)
        post(browser, f"/cosign/{encounter}/return", 404, reason="No.")
    assert workbench.find(house.practice, encounter).state is NoteState.COSIGN_DUE


def test_without_keys_a_page_that_needs_them_asks_for_the_passphrase(house: House) -> None:
    """The supervisor's reading takes their keys: the way to unlocking and back."""
    encounter = sign(house)
    assert plain(house, "ada", unlocked=False).get(f"/cosign/{encounter}").headers["location"] == f"/unlock?next=/cosign/{encounter}"


# ── private notes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def opened(house: House, who: str = "bo") -> Browser:
    """Somebody's browser with their private notes open."""
    browser = plain(house, who)
    post(browser, "/private/open", passphrase=PASSPHRASE, next="/private")
    return browser


def test_the_private_room_is_closed_though_the_keys_are_open(house: House, bo: Browser) -> None:
    """It asks for the passphrase, says what it is, and shows not even how many notes there are; a wrong one opens nothing."""
    encounter = sign(house)
    said = page(bo, f"/private/{encounter}", 423)
    assert "Private notes. Not part of the record." in said and "heliotrope" not in said
    assert post(bo, "/private/open", 403, passphrase="wrong lanterns", next="/private").status_code == 403
    page(bo, "/private", 423)
    assert post(bo, "/private/open", passphrase=PASSPHRASE, next=f"/private/{encounter}").headers["location"] == f"/private/{encounter}"
    said = page(bo, f"/private/{encounter}")
    assert (
        PRIVATE in said and "Private notes. Not part of the record." in said and "At the desk you can read it; the recovery kit opens it too." in said
    )
    assert house.told("private:read")[-1]["reason"] == "own_treatment"
    assert "Wren Alder" in page(bo, "/private")


def test_it_closes_after_five_idle_minutes_and_at_will(house: House) -> None:
    """Use keeps it open; without scripts the page goes by itself; closed, its words are gone."""
    encounter = sign(house)
    bo = opened(house)
    for _ in range(3):
        house.later(minutes=4)
        page(bo, f"/private/{encounter}")
    assert '<noscript><meta http-equiv="refresh" content="302">' in bo.get(f"/private/{encounter}").text
    house.later(minutes=5, seconds=1)
    assert PRIVATE not in page(bo, f"/private/{encounter}", 423)
    bo = opened(house)
    assert post(bo, "/private/close", next="/").headers["location"] == "/"
    page(bo, "/private", 423)


def test_the_door_leads_nowhere_else(house: House, bo: Browser) -> None:
    """Where to go after opening is a page of this desk, whatever the form says."""
    assert post(bo, "/private/open", passphrase=PASSPHRASE, next="//elsewhere.test/x").headers["location"] == "/"


def test_anothers_private_notes_are_not_there(house: House) -> None:
    """Whether their own stand open or not, nobody reaches another's: not the supervisor, not the administrator."""
    encounter = sign(house)
    note, *_ = vault.listed(house.practice, house.ids["bo"], encounter=encounter)
    for who in ("ada", "cy"):
        browser = opened(house, who)
        page(browser, f"/private/{encounter}", 404)
        page(browser, f"/private/note/{note.id}", 404)
        post(browser, f"/private/note/{note.id}/share", 404, reader=house.ids["ada"])
    page(plain(house, "di"), f"/private/{encounter}", 404)


def test_one_is_brought_to_supervision_and_taken_back(house: House) -> None:
    """The supervisor finds it, reads it with its reason on the trail, and no longer after it was taken back; nobody else is offered."""
    encounter = sign(house)
    note, *_ = vault.listed(house.practice, house.ids["bo"], encounter=encounter)
    bo = opened(house)
    html = bo.get(f"/private/{encounter}").text
    assert f'<option value="{house.ids["ada"]}">' in html and f'<option value="{house.ids["cy"]}">' not in html
    assert post(bo, f"/private/note/{note.id}/share", 403, reader=house.ids["cy"]).status_code == 403
    assert post(bo, f"/private/note/{note.id}/share", reader=house.ids["ada"]).headers["location"] == f"/private/{encounter}?done=shared"
    ada = opened(house, "ada")
    assert f"/private/note/{note.id}" in ada.get("/private").text
    said = page(ada, f"/private/note/{note.id}")
    assert "Bo Tern brought it to you" in said and house.told("private:read")[-1]["reason"] == "supervision"
    assert vault.read(house.practice, note.id, house.here.author, vault.Why.OWN_TREATMENT) in said
    assert "Take it back from Ada Quill" in page(bo, f"/private/{encounter}")
    post(bo, f"/private/note/{note.id}/unshare", reader=house.ids["ada"])
    page(ada, f"/private/note/{note.id}", 404)


def test_hostile_private_words_are_words(house: House) -> None:
    """Markup that somebody said stays letters."""
    item = vault.PrivateItem("E0hostile-s1", 1, HOSTILE)
    encounter = draft(house)
    vault.put(house.practice, encounter, house.client, house.ids["bo"], [item], by="setup")
    html = opened(house).get(f"/private/{encounter}").text
    assert HOSTILE not in html and "alert(" in unescape(html)


def test_a_visit_without_private_notes_says_so(house: House) -> None:
    """The empty room."""
    encounter = draft(house, text="Client reported better sleep this week. She denied thoughts of suicide. Next session Tuesday.")
    assert "There are no private notes of this visit" in page(opened(house), f"/private/{encounter}")


# ── clients ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_client_is_taken_in_found_and_renamed(house: House, bo: Browser) -> None:
    """By name, in a form and never in an address; hostile names are words."""
    there = post(bo, "/clients", name=f"Nyala {HOSTILE}").headers["location"]
    assert re.fullmatch(r"/clients/C-\d{8}\?done=added", there)
    html = bo.get(there).text
    assert HOSTILE not in html and "Nyala" in html
    client = there[len("/clients/") :].partition("?")[0]
    assert client in post(bo, "/clients/search", 200, words="nyala").text
    assert client not in post(plain(house, "cy"), "/clients/search", 200, words="nyala").text
    post(bo, f"/clients/{client}", name="Nyala Crane", self_pay="true")
    found = people.find_client(house.practice, client)
    assert (found.name, found.self_pay) == ("Nyala Crane", True)
    assert "Give the client's name" in _read(post(bo, f"/clients/{client}", 422, name=" "))
    assert "Give the client's name" in _read(post(bo, "/clients", 422, name=" "))
    assert "Nobody here is called that" in _read(post(bo, "/clients/search", 200, words="zzz"))


def test_a_plan_is_written_and_lost_edits_are_refused(house: House, bo: Browser) -> None:
    """Diagnoses, goals and steps; ids that notes link to stay when words change; a form that saw an older version changes nothing."""
    there = f"/clients/{house.client}/plan"
    given = {"code": ["F41.1", ""], "diagnosis": ["Generalized anxiety", ""], "goal": ["Sleep", "Work", ""], "goal_id": ["", "", ""]}
    given |= {
        "steps": ["Lights out at eleven\nNo phone in bed", "", ""],
        "step_ids": ["", "", ""],
        "modality": "CBT",
        "frequency": "",
        "version": "0",
    }
    post(bo, there, **given)
    plan = people.plan(house.practice, house.client)
    assert [g["id"] for g in plan["goals"]] == ["G1", "G2"] and plan["diagnoses"] == [{"code": "F41.1", "text": "Generalized anxiety"}]
    assert [o["id"] for o in plan["goals"][0]["objectives"]] == ["G1.1", "G1.2"]
    said = page(bo, f"/clients/{house.client}")
    assert "Generalized anxiety" in said and "Lights out at eleven" in said and "CBT" in said
    second = given | {"goal": ["", "Work again", "Walk"], "goal_id": ["G1", "G2", ""], "version": "1"}
    post(bo, there, **second)
    assert [(g["id"], g["text"]) for g in people.plan(house.practice, house.client)["goals"]] == [("G2", "Work again"), ("G1", "Walk")] or [
        (g["id"], g["text"]) for g in people.plan(house.practice, house.client)["goals"]
    ] == [("G2", "Work again"), ("G3", "Walk")]
    assert "changed in another window" in _read(post(bo, there, 412, **second))
    assert "codes such as" in _read(post(bo, there, 422, **second | {"code": ["F41 and more", ""], "version": "2"}))


def test_who_sees_what_of_a_client(house: House) -> None:
    """A colleague nothing; records staff plan and chart; an administrator whose client it is; a supervisor whom a note waits for, no chart."""
    lock(house, sign(house))
    there = f"/clients/{house.client}"
    page(plain(house, "cy"), there, 404)
    rae, di = page(plain(house, "rae"), there), page(plain(house, "di"), there)
    assert "Signed notes" in rae and "Treatment plan" in rae and "Write a plan" not in rae
    assert "Treated by Bo Tern" in di and "Signed notes" not in di and "Treatment plan" not in di
    page(plain(house, "ada"), there, 404)
    sign(house)
    ada = page(plain(house, "ada"), there)
    assert "Treatment plan" in ada and "Find" not in ada
    for who in ("cy", "ada", "rae", "di"):
        browser = plain(house, who)
        post(browser, there, 404, name="Somebody Else")
        post(browser, f"{there}/plan", 404)
    assert people.find_client(house.practice, house.client).name == "Wren Alder"


def test_a_chart_is_searched_within_a_client(house: House, bo: Browser) -> None:
    """Words that are there find the note; others say that nothing has them; another's chart is not searched."""
    encounter = lock(house, sign(house))
    there = f"/clients/{house.client}/search"
    assert f"/notes/{encounter}" in post(bo, there, 200, words="grounding daughter").text
    assert "No signed note has all of these words" in _read(post(bo, there, 200, words="submarine"))
    post(plain(house, "cy"), there, 404, words="grounding")
    post(plain(house, "di"), there, 200, words="grounding")
    assert f"/notes/{encounter}" not in post(plain(house, "di"), there, 200, words="grounding").text


# ── the audit trail ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_administrator_reads_who_did_what(house: House, bo: Browser) -> None:
    """In words, the newest first, by person and by client; a refusal is marked; looking is told too."""
    encounter = sign(house)
    page(plain(house, "cy"), f"/notes/{encounter}", 404)
    di = plain(house, "di")
    said = page(di, "/audit")
    assert said.index("Refused") < said.index("signed a note") and "Cy Marsh" in said and encounter in said
    assert house.told("audit:read")[-1]["actor"] == house.ids["di"]
    only = page(di, f"/audit?client={house.client}&actor={house.ids['bo']}")
    assert "signed a note" in only and "Refused" not in only
    assert "Nothing of that kind" in page(di, "/audit?client=C-00000000")
    assert di.get("/audit?client=Wren%20Alder").status_code == 422


def test_the_trail_is_walked_back_without_a_gap(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page, every event once, down to the first; of one person, only theirs."""
    from drafting.web.pages import audit

    monkeypatch.setattr(audit, "SHOWN", 40)
    monkeypatch.setattr(audit, "STRIDE", 30)
    monkeypatch.setattr(audit, "STRIDES", 3)
    sign(house)
    asked = type("Asked", (), {"practice": house.practice})()
    for actor in (None, house.ids["ada"]):
        end, before, seen = house.seq(), None, []
        while True:
            found, before = audit._events(asked, before, actor, None)
            seen += [seq for seq, _ in found]
            if before is None:
                break
        wanted = [n for n, event in enumerate(house.events(), 1) if actor in (None, event["actor"]) and n <= end]
        assert seen == wanted[::-1]


def test_the_whole_trail_is_checked_from_the_page(house: House) -> None:
    """It says how many events fit, and gives the signed end to be kept elsewhere."""
    assert re.search(r"All \d+ events fit", _read(post(plain(house, "di"), "/audit", 200)))


def test_nobody_else_sees_the_trail(house: House) -> None:
    """Not a supervisor, not records staff."""
    for who in ("bo", "ada", "rae"):
        page(plain(house, who), "/audit", 403)
        post(plain(house, who), "/audit", 403)


# ── every page ────────────────────────────────────────────────────────────────────────────────────────────────────────

PATHS = ("/", "/new", "/notes", "/clients", "/private", "/audit")


@pytest.mark.parametrize("path", PATHS)
def test_whoever_is_not_logged_in_is_sent_to_the_login(house: House, path: str) -> None:
    """And comes back to where they wanted to go."""
    assert house.stranger().get(path).headers["location"] == f"/login?next={path}"


def test_no_form_of_these_pages_is_taken_from_elsewhere(house: House) -> None:
    """Without what belongs to the session, nothing is done by any of them."""
    encounter, bo = sign(house), opened(house)
    before = house.seq()
    for path in ("/new", f"/work/{encounter}/cancel", f"/notes/{encounter}/reopen", "/private/close", "/clients", f"/clients/{house.client}/plan"):
        assert bo.post(path, data={"name": "X", "state": "cosign_due"}).status_code == 403
    assert house.seq() == before and sessions.find(house.practice, bo.token).private_until
