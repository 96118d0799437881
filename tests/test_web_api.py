"""The API from end to end: taken in, drafted, reviewed, signed, cosigned, found, exported; and what it says where something is in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Response

from drafting.jobs import InlineJobs, Tools
from drafting.pipeline import Engines
from drafting.record import people, vault, workbench
from drafting.record.practice import Practice
from drafting.record.retention import ending
from drafting.record.workbench import media, visits
from tests import webbing
from tests.desks import DAY
from tests.dictated import NAMED, PRIVATE, TEXT
from tests.stores import made
from tests.webbing import PASSPHRASE, Browser, House

START = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
HEADER = {
    "date_of_service": DAY.isoformat(),
    "start": "14:03",
    "stop": "14:56",
    "code": "90837",
    "diagnoses": ["F41.1"],
    "goals": ["G1"],
    "modality": "CBT",
    "confirmed": True,
}


class Watched(InlineJobs):
    """Jobs that are done at once, and that remember what they were asked for."""

    def __init__(self, practice: Practice, engines: Engines) -> None:
        super().__init__(practice, Tools(lambda *_: engines, _deaf))
        self.asked: list[str] = []

    def submit(self, encounter: str) -> None:
        self.asked.append(encounter)
        super().submit(encounter)


def _deaf(_name: str) -> Any:
    raise AssertionError("nothing is heard in these tests")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[House]:
    """One practice for the whole file."""
    stores = made("sqlite", tmp_path_factory.mktemp("desk"), None)
    with webbing.opened(stores, engines) as house:
        house.change(jobs=Watched(house.practice, engines))
        yield house
    stores.close()


@pytest.fixture
def house(kept: House) -> House:
    """The practice, back at its first hour, with a client of Bo's who has nothing yet."""
    kept.practice.now.at = START
    kept.practice.settle("setup", payer="self_pay", chart="here")
    kept.here.client = people.add_client(kept.practice, "Wren Alder", kept.ids["bo"], by="setup").id
    kept.desk.jobs.asked.clear()
    return kept


class Note:
    """A note that somebody has typed, in their browser; `tag` is of the review as they last saw it."""

    def __init__(self, browser: Browser, text: str = TEXT, **more: object) -> None:
        self.browser = browser
        given = {"client": browser.house.client, "service_date": DAY.isoformat(), "text": text, **more}
        self.id = browser.post("/api/v1/encounters", json=given).json()["id"]
        self.url = f"/api/v1/encounters/{self.id}"
        self.tag = '"1"'

    @property
    def review(self) -> dict[str, Any]:
        return self._seen(self.browser.get(f"{self.url}/review"))

    def act(self, verb: str, **fields: object) -> dict[str, Any]:
        return self._seen(self.browser.post(f"{self.url}/review/acts", json={"verb": verb, **fields}, headers={"If-Match": self.tag}))

    def clear(self) -> None:
        """Everything answered that stops a signature."""
        for flag in self.act("set_header", **HEADER)["flags"]:
            if flag["state"] == "open":
                self.act("accept", flag=flag["id"])

    def sign(self) -> dict[str, Any]:
        self.clear()
        response = self.browser.post(f"{self.url}/sign", json={}, headers={"If-Match": self.tag})
        assert response.status_code == 200, response.text
        return response.json()

    def _seen(self, response: Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        self.tag = response.headers["ETag"]
        return response.json()


def cosigned(note: Note) -> dict[str, Any]:
    """The supervisor's signature, under what she has just read."""
    ada = note.browser.house.browser("ada")
    response = ada.post(f"{note.url}/cosign", json={}, headers={"If-Match": ada.get(f"{note.url}/review").headers["ETag"]})
    assert response.status_code == 200, response.text
    return response.json()


def waiting(browser: Browser, note: Note, where: str = "supervising=true&limit=200") -> dict[str, Any]:
    """The note as it stands in a queue."""
    items = browser.get(f"/api/v1/queue?{where}").json()["items"]
    return next(item for item in items if item["encounter"]["id"] == note.id)


# ── the way of a note ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_note_from_words_to_a_cosigned_document(house: House) -> None:
    """Typed by the trainee, reviewed, signed; it waits for her supervisor, who reads the blacked-out source, cosigns, and it is a document."""
    note = Note(house.browser("bo"))
    assert note.browser.get(f"{note.url}/progress").json()["done"]
    blocks = {b["code"] for b in note.review["blocks"]}
    assert "header" in blocks
    document = note.sign()
    assert [s["meaning"] for s in document["signatures"]] == ["author"] and NAMED not in json.dumps(document["note"]["sections"])
    ada = house.browser("ada")
    assert waiting(ada, note)["tasks"] == ["cosign"]
    source = ada.get(f"{note.url}/source").json()
    listed = [n.id for n in vault.listed(house.practice, house.ids["bo"], encounter=note.id)]
    words = vault.read_all(house.practice, listed, house.here.author, vault.Why.OWN_TREATMENT).values()
    assert words and all(w not in source["text"] for w in words) and "waking at three" in source["text"]
    assert cosigned(note)["meaning"] == "cosigner"
    read = house.browser("rae").get(f"/api/v1/notes/{note.id}").json()
    assert [s["meaning"] for s in read["signatures"]] == ["author", "cosigner"]
    assert house.told("note:read")[-1]["actor"] == house.ids["rae"]


def test_a_note_is_returned_changed_and_signed_again(house: House) -> None:
    """The supervisor's words stand in the review; the author changes it and signs again, as an amendment; a reopened note is in review."""
    note = Note(house.browser("bo"))
    note.sign()
    ada = house.browser("ada")
    back = ada.post(
        f"{note.url}/return", json={"reason": "Say what was practised."}, headers={"If-Match": ada.get(f"{note.url}/review").headers["ETag"]}
    )
    assert back.status_code == 200 and note.review["returned"] == back.json()["returned"] == "Say what was practised."
    ada.problem("GET", f"{note.url}/review", 403)  # the loan has ended; that it waits they know
    note.act("write", section="plan", text="Practise grounding daily.")
    response = note.browser.post(f"{note.url}/sign", json={"reason": "As returned."}, headers={"If-Match": note.tag})
    assert response.json()["note"]["kind"] == "amendment"
    assert note.browser.post(f"{note.url}/reopen").json()["state"] == "in_review"


def test_nothing_is_cosigned_that_was_not_read(house: House) -> None:
    """Taken back and signed again between the supervisor's reading and her signature, it waits for another reading."""
    note = Note(house.browser("bo"))
    note.sign()
    ada = house.browser("ada")
    read = ada.get(f"{note.url}/review").headers["ETag"]
    note.browser.post(f"{note.url}/reopen")
    assert note.review["sentences"]
    note.act("write", section="plan", text="Practise grounding daily.")
    assert note.browser.post(f"{note.url}/sign", json={}, headers={"If-Match": note.tag}).status_code == 200
    assert ada.problem("POST", f"{note.url}/cosign", 412, json={}, headers={"If-Match": read})["code"] == "stale"
    assert cosigned(note)["meaning"] == "cosigner"


def test_what_was_locked_is_added_to_and_withdrawn(house: House) -> None:
    """An addendum and a withdrawal are signed as they are made, by the author in a sitting; the chart has all of it."""
    note = Note(house.browser("bo"))
    note.sign()
    cosigned(note)
    given = {"text": "Mother rang.\nShe will come along.", "reason": "It came later."}
    note.browser.problem("POST", f"{note.url}/addenda", 409, json=given)
    ending.lock(house.practice, note.id)
    assert note.browser.post(f"{note.url}/addenda", json=given).json()["note"]["kind"] == "addendum"
    assert note.browser.post(f"{note.url}/withdraw", json={"reason": "Wrong client."}).json()["note"]["kind"] == "entered_in_error"
    (document,) = note.browser.get(f"/api/v1/clients/{house.client}/notes").json()["items"]
    assert [d["note"]["kind"] for d in document["after"]] == ["addendum", "entered_in_error"]


def test_nothing_is_signed_outside_a_sitting(house: House) -> None:
    """A quarter of an hour after the last proof the signature waits for another."""
    note = Note(house.browser("bo"))
    note.clear()
    house.later(minutes=16)
    assert note.browser.problem("POST", f"{note.url}/sign", 403, json={}, headers={"If-Match": note.tag})["code"] == "not_proven"
    note.browser.post("/api/v1/session/step-up", json={"password": webbing.PASSWORD})
    assert note.browser.post(f"{note.url}/sign", json={"zone": "America/Chicago"}, headers={"If-Match": note.tag}).status_code == 200


def test_what_blocks_a_signature_is_a_problem_and_a_bad_zone_too(house: House) -> None:
    """Before it is cleared nothing is signed; a zone that is none is refused before anything is done."""
    note = Note(house.browser("bo"))
    told = note.browser.problem("POST", f"{note.url}/sign", 409, json={}, headers={"If-Match": note.tag})
    assert told["code"] == "signing_blocked" and workbench.find(house.practice, note.id).note is None
    note.browser.problem("POST", f"{note.url}/sign", 422, json={"zone": "Mars/Olympus"}, headers={"If-Match": note.tag})


def test_lost_edits_are_refused_with_the_version_that_stands(house: House) -> None:
    """An old entity tag is 412, told with the present one; so is an old signature; none at all, or one of another shape, is 422."""
    note = Note(house.browser("bo"))
    old = note.tag
    note.act("edit", sentence="n1", text="Client slept.")
    act = {"json": {"verb": "strike", "sentence": "n1"}, "headers": {"If-Match": old}}
    assert note.browser.problem("POST", f"{note.url}/review/acts", 412, **act)["code"] == "stale"
    assert note.browser.post(f"{note.url}/review/acts", **act).headers["ETag"] == note.tag == '"2"'
    note.browser.problem("POST", f"{note.url}/sign", 412, json={}, headers={"If-Match": old})
    for headers in ({}, {"If-Match": "*"}, {"If-Match": "2"}):
        note.browser.problem("POST", f"{note.url}/review/acts", 422, json=act["json"], headers=headers)
    assert note.review["sentences"][0]["text"] == "Client slept."


def test_an_act_that_cannot_be_is_a_problem_without_words(house: House) -> None:
    """Unknown verbs, fields and ids are refused, and nothing of what was given is said back."""
    note = Note(house.browser("bo"))
    for body, status in (
        ({"verb": "sing", "sentence": "marmalade"}, 422),
        ({"verb": "strike", "sentence": "n1", "marmalade": "x"}, 422),
        ({"verb": "strike", "sentence": "n99"}, 404),
        ({"verb": "undo"}, 409),
        ({"verb": "change_format", "format": "sonnet"}, 422),
    ):
        told = note.browser.problem("POST", f"{note.url}/review/acts", status, json=body, headers={"If-Match": note.tag})
        assert "marmalade" not in json.dumps(told)


# ── taking in ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_upload_that_is_repeated_is_one_encounter(house: House) -> None:
    """The same key, client and words are the same encounter, drafted once; other words or another header under the key are a conflict."""
    bo = house.browser("bo")
    given = {"client": house.client, "service_date": DAY.isoformat(), "text": TEXT}
    key = {"Idempotency-Key": "3f2c-0001"}
    first, again = (bo.post("/api/v1/encounters", json=given, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    assert house.desk.jobs.asked == [first.json()["id"]]
    for other in ({"text": TEXT[:-1] + "!"}, {"format": "dap"}, {"service_date": None}):
        assert bo.problem("POST", "/api/v1/encounters", 409, json=given | other, headers=key)["code"] == "key_reused"
    assert bo.post("/api/v1/encounters", json=given, headers={"Idempotency-Key": "3f2c-0002"}).json()["id"] != first.json()["id"]
    assert bo.post("/api/v1/encounters", json=given).json()["id"] != first.json()["id"]


def test_what_could_never_be_drafted_is_refused_at_once(house: House) -> None:
    """A format, a kind of note, a zone or a day that is none begins no encounter."""
    bo = house.browser("bo")
    before = bo.get("/api/v1/queue").json()["counts"]
    for wrong in ({"format": "sonnet"}, {"note_kind": "séance"}, {"note_kind": "seance"}, {"zone": "Mars/Olympus"}, {"service_date": "0001-01-01"}):
        bo.problem("POST", "/api/v1/encounters", 422, json={"client": house.client, "text": TEXT} | wrong)
    assert bo.get("/api/v1/queue").json()["counts"] == before


def test_a_visit_is_typed_or_recorded(house: House) -> None:
    """Typed words take no recording; whatever ending a recording was given, it is sound or bare bytes to a browser."""
    note = Note(house.browser("bo"))
    assert note.browser.problem("PUT", f"{note.url}/recording?start=0&last=true", 409, content=b"x")["code"] == "typed"
    made = note.browser.post("/api/v1/encounters", json={"client": house.client, "suffix": ".html"}).json()
    url = f"/api/v1/encounters/{made['id']}/recording"
    note.browser.put(f"{url}?start=0&last=true", content=b"<script>")
    assert note.browser.get(url).headers["content-type"] == "application/octet-stream"
    assert note.browser.problem("GET", url, 416, headers={"Range": "bytes=99-"})["code"] == "no_such_range"


def test_an_upload_that_was_cut_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after the encounter was begun and before its words were stored, the same request again brings it to a draft."""
    bo = house.browser("bo")
    given = {"json": {"client": house.client, "text": TEXT}, "headers": {"Idempotency-Key": "k"}}
    with monkeypatch.context() as patch:
        patch.setattr(media, "put", lambda *_, **__: 1 / 0)
        bo.problem("POST", "/api/v1/encounters", 500, **given)
    begun = bo.get("/api/v1/queue").json()["counts"]
    assert bo.post("/api/v1/encounters", **given).json()["stage"] == "drafted"
    assert bo.get("/api/v1/queue").json()["counts"] == begun


def test_no_words_are_no_encounter(house: House) -> None:
    """Blank text is refused before anything is begun; words that cannot be drafted are a failure that says why, and can be tried again."""
    bo = house.browser("bo")
    before = bo.get("/api/v1/queue").json()["counts"]
    bo.problem("POST", "/api/v1/encounters", 422, json={"client": house.client, "text": " \n"})
    assert bo.get("/api/v1/queue").json()["counts"] == before
    note = Note(bo, "Der Klient berichtete von schlechtem Schlaf und sprach lange über seine Arbeit und seine Mutter in der letzten Woche.")
    assert bo.get(f"{note.url}/progress").json()["failure"] == "other_language"
    assert bo.post(f"{note.url}/retry").json()["failure"] == "other_language"
    house.later(hours=25)  # the worker's time is over: the author lends it again
    bo = house.browser("bo")
    assert bo.post(f"{note.url}/retry").json()["failure"] == "other_language"
    assert [e["subject"] for e in house.told("encounter:lent")][-1] == note.id


def test_a_recording_comes_in_pieces_and_goes_on_where_it_was_cut(house: House) -> None:
    """What fills no chunk is sent again; a piece from elsewhere is refused with the byte that is wanted; the last starts the job; it plays from any
    byte; whoever is not its author hears nothing."""
    bo, sound = house.browser("bo"), bytes(range(256)) * 4_000
    made = bo.post("/api/v1/encounters", json={"client": house.client, "suffix": ".wav"}).json()
    url = f"/api/v1/encounters/{made['id']}/recording"
    first = bo.put(f"{url}?start=0", content=sound[:600_000]).json()
    assert first == {"size": 2 * media.CHUNK, "whole": False} == bo.get(f"{url}/stored").json()
    for start in (0, 600_000):
        told = bo.problem("PUT", f"{url}?start={start}", 409, content=b"x")
        assert told["code"] == "out_of_step" and str(first["size"]) in told["detail"]
    assert not house.desk.jobs.asked
    last = bo.put(f"{url}?start={first['size']}&last=true", content=sound[first["size"] :]).json()
    assert last == {"size": len(sound), "whole": True} and house.desk.jobs.asked == [made["id"]]
    part = bo.get(url, headers={"Range": "bytes=262140-262150"})
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, sound[262140:262151], f"bytes 262140-262150/{len(sound)}")
    assert bo.get(url).content == sound and bo.get(url, headers={"Range": "bytes=-5"}).content == sound[-5:]
    bo.problem("GET", url, 416, headers={"Range": f"bytes={len(sound)}-"})
    for who in ("ada", "cy", "di", "rae"):
        house.browser(who).problem("GET", url, 404)


def test_a_recording_in_one_piece_of_many_blocks(house: House) -> None:
    """A body that comes block by block is stored as it comes."""
    bo = house.browser("bo")
    made = bo.post("/api/v1/encounters", json={"client": house.client}).json()
    blocks = (bytes([n]) * 70_001 for n in range(50))
    stored = bo.put(f"/api/v1/encounters/{made['id']}/recording?start=0&last=1", content=blocks).json()
    assert stored == {"size": 50 * 70_001, "whole": True}
    kept = b"".join(media.read(house.practice, made["id"], visits.RECORDING, house.here.author.opener))
    assert kept == b"".join(bytes([n]) * 70_001 for n in range(50))


def test_progress_comes_as_events_until_the_draft_stands(house: House) -> None:
    """One event where it is done already, and the stream ends."""
    note = Note(house.browser("bo"))
    response = note.browser.get(f"{note.url}/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    (event,) = response.text.strip().split("\n\n")
    assert event.startswith("event: progress\ndata: ") and json.loads(event.split("data: ")[1])["done"]


# ── what waits ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_queue_is_walked_page_by_page(house: House) -> None:
    """Every encounter once, the oldest first, those without a date before; counts are of all of them; names are told or hidden."""
    cy, client = house.browser("cy"), people.add_client(house.practice, "Tove Ash", house.ids["cy"], by="setup").id
    made = []
    for n in range(7):
        day = DAY + timedelta(days=n % 3) if n else None
        made.append(workbench.receive(house.practice, client, house.ids["cy"], day).id)
    seen, cursor = [], ""
    while True:
        page = cy.get(f"/api/v1/queue?limit=3&names=false{cursor}").json()
        seen += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    days = [item["encounter"]["service_date"] or "" for item in seen]
    assert days == sorted(days) and sorted(item["encounter"]["id"] for item in seen) == sorted(made)
    assert page["counts"] == {"draft": 7} and all(item["name"] is None for item in seen)
    assert {item["name"] for item in cy.get("/api/v1/queue").json()["items"]} == {"Tove Ash"}
    for bad in ("x", "!!", "////", "w6k="):
        cy.problem("GET", f"/api/v1/queue?cursor={bad}", 422)


def test_a_queue_outlives_a_clients_record(house: House) -> None:
    """An encounter whose client's record was destroyed is listed without a name, and stops nobody's queue."""
    gone = people.add_client(house.practice, "Tove Ash", house.ids["cy"], by="setup").id
    encounter = workbench.receive(house.practice, gone, house.ids["cy"], DAY).id
    house.practice.keyring.shred([people.secret_of(gone)], reason="purged", now=house.practice.now())
    items = house.browser("cy").get("/api/v1/queue?limit=200").json()["items"]
    assert [item["name"] for item in items if item["encounter"]["id"] == encounter] == [None]


def test_what_is_late_is_marked(house: House) -> None:
    """Past the practice's hours an unsigned note is overdue; so is a cosignature past its days."""
    note = Note(house.browser("bo"))
    assert not waiting(note.browser, note, "limit=200")["overdue"]
    house.later(hours=73)
    note.browser = house.browser("bo")
    assert waiting(note.browser, note, "limit=200")["overdue"]
    note.sign()
    assert not waiting(house.browser("ada"), note)["overdue"]
    house.later(days=8)
    assert waiting(house.browser("ada"), note)["overdue"]


# ── clients and charts ────────────────────────────────────────────────────────────────────────────────────────────────


def test_clients_are_taken_in_found_and_changed(house: House) -> None:
    """One's own are listed and found by name; another's are not; a name is in no address and in no event."""
    cy = house.browser("cy")
    made = cy.post("/api/v1/clients", json={"name": "Ottilie Brand", "majority": "2030-01-02"}).json()
    assert made["id"] in [c["id"] for c in cy.get("/api/v1/clients?limit=200").json()["items"]]
    assert cy.post("/api/v1/clients/search", json={"words": "brand"}).json()["items"][0]["name"] == "Ottilie Brand"
    assert cy.post("/api/v1/clients/search", json={"words": "Wren"}).json()["items"] == []
    assert {made["id"], house.client} <= {c["id"] for c in house.browser("rae").get("/api/v1/clients?limit=200").json()["items"]}
    changed = cy.patch(f"/api/v1/clients/{made['id']}", json={"name": "Ottilie Fern", "self_pay": True}).json()
    assert (changed["name"], changed["self_pay"], changed["jurisdiction"]) == ("Ottilie Fern", True, "us-federal")
    assert "Ottilie" not in json.dumps(house.events())
    for blank in ("", "  ", "\x1f", "\u200b", "--"):
        cy.problem("POST", "/api/v1/clients", 422, json={"name": blank})
        cy.problem("PATCH", f"/api/v1/clients/{made['id']}", 422, json={"name": blank})
    house.browser("di").problem("POST", "/api/v1/clients", 403, json={"name": "X Y"})


def test_clients_come_in_pages(house: House) -> None:
    """Each once, however small the page."""
    cy = house.browser("cy")
    made = sorted(cy.post("/api/v1/clients", json={"name": f"Client {n}"}).json()["id"] for n in range(5))
    seen, after = [], ""
    while after is not None:
        page = cy.get(f"/api/v1/clients?limit=2{after}").json()
        seen += [c["id"] for c in page["items"]]
        after = f"&after={page['next']}" if page["next"] else None
    assert seen == sorted(set(seen)) and set(made) <= set(seen)


def test_a_plan_is_written_over_the_version_that_was_read(house: House) -> None:
    """The first is version 1; a second window with the old tag loses nothing and is told."""
    bo, url = house.browser("bo"), f"/api/v1/clients/{house.client}/plan"
    assert bo.get(url).headers["ETag"] == '"0"'
    plan = {"diagnoses": [{"code": "F41.1"}], "goals": [{"id": "G1", "text": "Sleep", "objectives": [{"id": "O1", "text": "Six hours"}]}]}
    assert bo.put(url, json=plan, headers={"If-Match": '"0"'}).json()["version"] == 1
    bo.problem("PUT", url, 412, json=plan, headers={"If-Match": '"0"'})
    read = bo.get(url)
    assert read.headers["ETag"] == '"1"' and read.json()["goals"][0]["objectives"][0]["text"] == "Six hours"
    house.browser("di").problem("GET", url, 403)


def test_a_chart_is_searched_within_a_client(house: House) -> None:
    """Words that were signed are found, for whoever treats the client and for records staff, and for nobody else; private words never."""
    note = Note(house.browser("bo"))
    note.sign()
    url = f"/api/v1/clients/{house.client}/notes/search"
    for who in ("bo", "rae"):
        browser = house.browser(who)
        assert len(browser.post(url, json={"words": "grounding PRACTISED"}).json()["items"]) == 1
        assert browser.post(url, json={"words": "clock-watching"}).json()["items"] == []
    for who in ("ada", "cy"):
        house.browser(who).problem("POST", url, 404, json={"words": "grounding"})
    house.browser("di").problem("POST", url, 403, json={"words": "grounding"})


# ── exports ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_signed_note_leaves_as_text_pdf_and_fhir(house: House) -> None:
    """Each form is what it says, for each reader; every export is told of with its digest; an unsigned note is not there."""
    note = Note(house.browser("bo"))
    url = f"/api/v1/notes/{note.id}"
    note.browser.problem("GET", f"{url}/export", 404)
    note.sign()
    text = note.browser.get(f"{url}/export")
    assert "waking at three" in text.text and PRIVATE not in text.text and text.headers["content-type"].startswith("text/plain")
    assert note.browser.get(f"{url}/export?form=pdf").content.startswith(b"%PDF-")
    lines = note.browser.get(f"{url}/export?form=fhir&profile=payer").text.splitlines()
    assert [json.loads(line)["resourceType"] for line in lines] == ["Bundle", "DocumentReference"]
    plan = note.browser.get(f"{url}/export?section=plan").text
    assert plan.startswith("Next session") and "waking" not in plan
    assert "Wren" not in note.browser.get(f"{url}/export?profile=supervision").text
    assert [e["facts"]["form"] for e in house.told("note:exported") if e["subject"] == note.id] == ["text", "pdf", "fhir", "text", "text"]
    preview = note.browser.get(f"{url}/preview?profile=payer").json()
    assert preview["gets"] and preview["not_given"] and preview["refused"] is None


def test_a_restricted_client_has_no_packet_for_the_payer(house: House) -> None:
    """Who pays and asks so has nothing sent to the health plan: it is refused, and previewed as refused."""
    note = Note(house.browser("bo"))
    note.sign()
    note.browser.patch(f"/api/v1/clients/{house.client}", json={"self_pay": True})
    assert note.browser.problem("GET", f"/api/v1/notes/{note.id}/export?profile=payer", 409)["code"] == "release_refused"
    assert note.browser.get(f"/api/v1/notes/{note.id}/preview?profile=payer").json()["refused"]


def test_a_note_is_handed_over_to_the_chart_elsewhere(house: House) -> None:
    """Where the chart is kept elsewhere, our copy goes and a receipt stays; where it is kept here, it is refused."""
    note = Note(house.browser("bo"))
    note.sign()
    cosigned(note)
    note.browser.problem("POST", f"/api/v1/notes/{note.id}/hand-over", 403)
    house.practice.settle("setup", chart="elsewhere")
    other = Note(note.browser)
    other.sign()
    cosigned(other)
    assert len(other.browser.post(f"/api/v1/notes/{other.id}/hand-over").json()["receipt"]) == 64
    other.browser.problem("GET", f"/api/v1/notes/{other.id}", 410)


# ── private notes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_private_notes_are_open_for_five_idle_minutes(house: House) -> None:
    """Closed they are not even listed; opened with the passphrase they are read, and each reading is told of; left alone they close."""
    note = Note(house.browser("bo"))
    bo = note.browser
    assert bo.problem("GET", "/api/v1/private", 423)["code"] == "private_closed"
    bo.problem("POST", "/api/v1/private/open", 403, json={"passphrase": "a wrong one, sadly"})
    assert bo.post("/api/v1/private/open", json={"passphrase": PASSPHRASE}).json() == {"open": True}
    own = bo.get(f"/api/v1/private?encounter={note.id}").json()["own"]
    words = " ".join(bo.get(f"/api/v1/private/{n['id']}").json()["text"] for n in own)
    assert "heliotrope umbrella" in words and {n["id"] for n in own} <= {e["subject"] for e in house.told("private:read")}
    house.later(minutes=6)
    bo.problem("GET", f"/api/v1/private/{own[0]['id']}", 423)
    bo.post("/api/v1/private/open", json={"passphrase": PASSPHRASE})
    bo.post("/api/v1/private/close")
    bo.problem("GET", f"/api/v1/private/{own[0]['id']}", 423)


def test_one_private_note_is_brought_to_supervision(house: House) -> None:
    """The supervisor reads that one and no other, until it is taken back; nobody else learns that there is one."""
    note = Note(house.browser("bo"), TEXT + " I suppose the father matters in some way.")
    browsers = {who: house.browser(who) for who in ("bo", "ada", "cy")}
    for browser in browsers.values():
        browser.post("/api/v1/private/open", json={"passphrase": PASSPHRASE})
    one, other, *_ = [n["id"] for n in browsers["bo"].get(f"/api/v1/private?encounter={note.id}").json()["own"]]
    for until in ("2026-12-01T00:00:00", "9999-12-31T23:59:59-14:00"):
        browsers["bo"].problem("POST", f"/api/v1/private/{one}/shares", 422, json={"reader": house.ids["ada"], "until": until})
    assert browsers["bo"].post(f"/api/v1/private/{one}/shares", json={"reader": house.ids["ada"]}).status_code == 201
    assert [n["id"] for n in browsers["ada"].get("/api/v1/private").json()["shared"]] == [one]
    assert browsers["ada"].get(f"/api/v1/private/{one}").json()["text"]
    browsers["ada"].problem("GET", f"/api/v1/private/{other}", 404)
    browsers["cy"].problem("GET", f"/api/v1/private/{one}", 404)
    browsers["ada"].problem("POST", f"/api/v1/private/{one}/shares", 404, json={"reader": house.ids["ada"]})
    assert browsers["bo"].delete(f"/api/v1/private/{one}/shares/{house.ids['ada']}").status_code == 200
    browsers["ada"].problem("GET", f"/api/v1/private/{one}", 404)


# ── the audit trail, and the API's description ────────────────────────────────────────────────────────────────────────


def test_the_trail_is_read_by_an_administrator_alone(house: House) -> None:
    """In pages, of one person or client, with its signed end, and walked whole; to look at it is told of too."""
    Note(house.browser("bo"))
    di = house.browser("di")
    page = di.get(f"/api/v1/audit?limit=5&client={house.client}").json()
    assert len(page["items"]) == 5 and {e["client"] for e in page["items"]} == {house.client} and page["next"] == page["items"][-1]["seq"]
    later = di.get(f"/api/v1/audit?after={page['next']}&client={house.client}").json()
    assert min(e["seq"] for e in later["items"]) > page["next"]
    assert {e["actor"] for e in di.get(f"/api/v1/audit?actor={house.ids['bo']}").json()["items"]} == {house.ids["bo"]}
    assert di.get("/api/v1/audit/head").json()["head"].startswith("aside-audit-head/1 ")
    assert di.get("/api/v1/audit/verdict").json()["events"] <= house.seq() and house.told("audit:read")
    for who in ("bo", "ada", "cy", "rae"):
        house.browser(who).problem("GET", "/api/v1/audit", 403)


def test_every_word_of_the_api_says_what_it_is(house: House) -> None:
    """No field, parameter or operation of the API is without words."""
    schema = house.app.openapi()
    for name, model in schema["components"]["schemas"].items():
        assert all("description" in field for field in model.get("properties", {}).values()), name
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/"):
                assert operation.get("description"), f"{method} {path}"
                assert all("description" in p or "description" in p["schema"] for p in operation.get("parameters", ())), path
