"""The review page: all of a draft on it and nothing private, a whole review by forms to a signature, and no typed word lost where something is in the way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from httpx import Response

from drafting.pipeline import Engines
from drafting.record import people, vault, workbench
from drafting.record.vault import Why
from drafting.record.workbench import media, visits
from drafting.record.workbench.visits import RECORDING
from drafting.types.record import NoteState
from drafting.types.review import Review
from drafting.web import pages
from drafting.web.app import STATIC
from tests import webbing
from tests.dictated import NAMED, TEXT, stand
from tests.stores import made
from tests.webbing import PASSPHRASE, PASSWORD, Browser, House

HELD = "I noticed I was clock-watching"
HEAD = {"date_of_service": "2026-11-17", "start": "14:03", "stop": "14:56", "zone": "UTC", "note_kind": "session", "confirmed": "true"}
CODES = re.compile(r"\b(?:[FEX](?:0[1-9]|[1-9]\d?)|[snrf]\d+(?:-\d+)?)\b")
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "path", "rect", "source"}
HEARD = {"aria-label", "placeholder", "title", "alt"}


class Page(HTMLParser):
    """A page as it was sent: what is read and heard on it, its forms, its links and ids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.words, self.ids, self.links = html, [], [], []
        self.forms: list[dict[str, Any]] = []
        self.buttons: list[str] = []
        self.inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {name: value or "" for name, value in attrs}
        assert not any(name.startswith("on") or name == "style" for name in a), "nothing inline"
        if tag not in VOID:
            self.inside.append(tag)
        if "id" in a:
            self.ids.append(a["id"])
        if "href" in a:
            self.links.append(a["href"])
        self.words += [a[name] for name in HEARD if name in a]
        if tag == "form":
            self.forms.append({"id": a.get("id", ""), "action": a.get("action", ""), "fields": []})
        if tag == "button" and a.get("name") == "do":
            self.buttons.append(a["value"])
        if tag == "input" and "form" in self.inside and "name" in a and (a.get("type") != "checkbox" or "checked" in a):
            self.forms[-1]["fields"].append((a["name"], a.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.inside):
            self.words.append(data)

    @property
    def read(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def version(self) -> str:
        return next(value for form in self.forms for name, value in form["fields"] if name == "version")

    def field(self, name: str) -> str:
        """The text of a box, as it would be sent."""
        found = re.search(rf'<textarea[^>]* name="{name}"[^>]*>\n?(.*?)</textarea>', self.html, re.DOTALL)
        assert found, name
        return found[1]


class Desk:
    """A browser without scripts on the review page of one draft."""

    def __init__(self, browser: Browser, review: Review) -> None:
        self.browser, self.review = browser, review
        browser.bare = True
        self.url = f"/review/{review.encounter}"
        self.page = self.open()

    def open(self, where: str = "") -> Page:
        response = self.browser.get(self.url + where)
        assert response.status_code == 200, response.text
        self.page = Page(response.text)
        return self.page

    def send(self, path: str = "act", *, version: str | None = None, headers: dict[str, str] | None = None, **fields: str) -> Response:
        data = {"csrf": self.browser.csrf, "version": version or self.page.version, **fields}
        return self.browser.post(f"{self.url}/{path}", data=data, headers=headers)

    def act(self, **fields: str) -> Page:
        """One act by a form; then the page that the browser is led to."""
        response = self.send(**fields)
        assert response.status_code == 303, response.text
        assert response.headers["location"].startswith(self.url)
        return self.open(response.headers["location"].removeprefix(self.url).split("#")[0])

    def press(self, start: str) -> Page:
        """The button on the page whose act begins so."""
        return self.act(do=next(do for do in self.page.buttons if do.startswith(start)))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[House]:
    stores = made("sqlite", tmp_path_factory.mktemp("pages"), None)
    with webbing.opened(stores, engines) as house:
        house.practice.settle("setup", payer="self_pay")
        yield house
    stores.close()


@pytest.fixture
def house(kept: House) -> House:
    """The practice, with a client of Bo's who has nothing yet."""
    kept.here.client = people.add_client(kept.practice, "Wren Alder", kept.ids["bo"], by="setup").id
    return kept


@pytest.fixture
def desk(house: House, engines: Engines) -> Desk:
    return Desk(house.browser(), stand(house.here, engines))


def private_words(house: House, encounter: str) -> list[str]:
    listed = [n.id for n in vault.listed(house.practice, house.ids["bo"], encounter=encounter)]
    return list(vault.read_all(house.practice, listed, house.here.author, Why.OWN_TREATMENT).values())


# ── what stands on it ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_of_a_draft_stands_on_its_page(desk: Desk) -> None:
    """Each sentence with what it rests on, the card to decide, the finding with its replacement, what nobody said, and what blocks, in words."""
    read = desk.page.read
    for sentence in desk.review.sentences:
        assert sentence.id in desk.page.ids
        assert all(f"s-{e}" in desk.page.ids for e in sentence.evidence)
    for words in ("Client reported waking at three", "You decide: 1 held", HELD, "Leave the rest private", NAMED, "Her brother-in-law"):
        assert words in read
    for words in (
        "3 left before you can sign:",
        "the start time",
        "the header: confirm it",
        "You didn't mention homework.",
        "Private notes 1",
        "Wren Alder",
    ):
        assert words in read
    assert f"/private/{desk.review.encounter}" in desk.page.links


def test_what_a_page_is_made_of_does_not_print_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No value that the template is handed says a word of the draft, or the client's name, when it is printed, as in a log."""
    printed: list[str] = []
    render = pages.render

    def watched(request: object, name: str, status: int = 200, **shown: object) -> object:
        printed.extend(repr(value) for value in shown.values() if not isinstance(value, str | Mapping))
        return render(request, name, status, **shown)

    monkeypatch.setattr(pages, "render", watched)
    desk.open()
    said = "".join(printed)
    assert len(printed) >= 3 and not [word for word in ("clock-watching", "Maddox", "brother", "grounding", "Wren", "Tuesday") if word in said]


def test_whatever_the_bar_names_is_on_the_page(desk: Desk) -> None:
    """Each thing that blocks, and each that may be looked at, leads to a place that is there."""
    bar = desk.page.html[desk.page.html.index('id="bar"') :]
    targets = re.findall(r'href="#([^"]+)" data-go', bar)
    assert len(targets) >= 5 and set(targets) <= set(desk.page.ids)
    assert len(desk.page.ids) == len(set(desk.page.ids))


def test_nothing_private_is_on_the_page(desk: Desk, house: House) -> None:
    """Not a word of what is kept private, in the note, the source or anywhere in the HTML; of its length, black bars."""
    (words,) = private_words(house, desk.review.encounter)
    assert "heliotrope" in words
    for word in ("heliotrope", "umbrella", "relieved"):
        assert word not in desk.page.html
    assert "█" in desk.page.html and "(kept private)" in desk.page.read


def test_held_words_that_are_left_private_are_gone_from_the_page(desk: Desk) -> None:
    """And the way to where they are is shown, with no undoing that would fail."""
    page = desk.press("leave_rest")
    assert HELD not in page.html and "The rest is in your private notes." in page.read
    assert not any(do.startswith("undo") for do in page.buttons) and "You decide" not in page.read


def test_no_code_of_ours_is_read_on_the_page(desk: Desk) -> None:
    """A clinician reads words: no code of a finding, an element, a statement or a sentence, before and after acts, and in refusals."""
    pages = [desk.page, desk.press("accept"), desk.act(verb="strike", sentence=desk.review.sentences[-1].id)]
    desk.page = pages[-1]
    pages.append(Page(desk.send(do="accept:flag=f99").text))
    pages.append(Page(desk.send("sign", password=PASSWORD).text))
    for page in pages:
        assert CODES.findall(page.read) == []
    assert "It cannot be signed yet." in pages[-1].read and "not in the draft any more" in pages[-2].read


def test_hostile_words_are_words(house: House, engines: Engines) -> None:
    """What a person types or dictates is never markup, whether it was kept or refused."""
    desk = Desk(house.browser(), stand(house.here, engines, TEXT + " She said <script>alert(1)</script> and <b>left</b>."))
    typed = '"><img src=x onerror=alert(1)></textarea><script>alert(2)</script>{{ 7*7 }}'
    page = desk.act(verb="write", section="plan", text=typed)
    stale = Page(desk.send(version="1", verb="edit", sentence="n1", text=typed).text)
    for one in (page, stale):
        assert "<script>alert" not in one.html and "<img src=x" not in one.html and "<b>left" not in one.html
        assert "{{ 7*7 }}" in one.html


def test_a_name_is_in_no_address(desk: Desk) -> None:
    """Neither the client's nor anybody's stands in a link, an id or where a form leads."""
    for words in ("Wren", "Alder", "Colin"):
        assert not any(words in place for place in (*desk.page.links, *desk.page.ids, *(form["action"] for form in desk.page.forms)))


# ── a whole review ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_review_by_forms_ends_signed(desk: Desk, house: House) -> None:
    """Without scripts: decided, replaced, answered, edited, added, confirmed, signed; the note is what was seen, and then it is read elsewhere."""
    desk.press("decide:statement=s3;route=set_aside")
    assert "Left out." in desk.page.read and "You decided: 1" in desk.page.read
    desk.press("accept")
    assert "accept:flag=f1" not in desk.page.buttons and "revert:flag=f1" in desk.page.buttons
    desk.act(verb="edit", sentence="n1", text="Client woke at three on four nights.")
    desk.act(verb="write", section="plan", text="Keep a sleep diary.")
    page = desk.act(verb="set_header", **HEAD)
    assert "Nothing is left to clear." in page.read and "I am responsible for its content." in page.read
    signed = desk.send("sign", zone="Europe/Zurich")
    assert (signed.status_code, signed.headers["location"]) == (303, f"/notes/{desk.review.encounter}?done=signed")
    note = desk.browser.get(f"/notes/{desk.review.encounter}").text
    for words in ("Client woke at three on four nights.", "Keep a sleep diary.", "14:03"):
        assert words in note
    assert NAMED not in note and HELD not in note
    assert desk.browser.get(desk.url).headers["location"] == f"/notes/{desk.review.encounter}"
    assert workbench.find(house.practice, desk.review.encounter).state is NoteState.COSIGN_DUE


def test_what_blocks_is_not_signed_and_the_page_says_so(desk: Desk) -> None:
    """The draft stays as it was."""
    response = desk.send("sign")
    assert response.status_code == 409 and "It cannot be signed yet." in Page(response.text).read
    assert desk.open().version == "1"


def test_outside_a_sitting_the_form_asks_who_one_is(desk: Desk, house: House) -> None:
    """The password is asked for once; a wrong one is said on the page; without any the browser is led to where one proves it."""
    desk.act(verb="set_header", **HEAD)
    house.later(minutes=20)
    page = desk.open()
    assert "Nothing is left to clear." in page.read and "Your password, once for this sitting" in page.read
    assert desk.send("sign").headers["location"].startswith("/step-up?next=")
    wrong = desk.send("sign", password="not that one at all")
    assert wrong.status_code == 401 and "That is not your password." in Page(wrong.text).read
    assert desk.send("sign", password=PASSWORD).headers["location"].startswith("/notes/")


def test_urgent_care_signs_what_is_open_and_prints_it(desk: Desk) -> None:
    """As incomplete, with what was open on the note."""
    assert "Sign as incomplete, urgent care." in desk.page.read
    assert desk.send("sign", urgent="true").status_code == 303
    assert "start time not given" in desk.browser.get(f"/notes/{desk.review.encounter}").text


def test_words_come_back_from_the_private_notes(desk: Desk, house: House) -> None:
    """Closed, the page says so; open, they are a sentence of the note."""
    note = next(n.id for n in vault.listed(house.practice, house.ids["bo"], encounter=desk.review.encounter))
    closed = desk.send(verb="admit_private", note=note)
    assert closed.status_code == 423 and "closed" in Page(closed.text).read
    desk.browser.post("/private/open", data={"csrf": desk.browser.csrf, "passphrase": PASSPHRASE, "next": "/private"})
    page = desk.act(verb="admit_private", note=note)
    assert "heliotrope" in page.read and "Moved from your private notes into the note." in page.read


def test_danger_that_nobody_spoke_of_is_the_clinicians_to_answer(desk: Desk) -> None:
    """A blank with no answer chosen beforehand; own words need words, and stand as the answer."""
    page = desk.act(verb="strike", sentence=next(s.id for s in desk.review.sentences if "suicide" in s.text))
    assert "risk: your answer" in page.read and "Nobody spoke of it." in page.read and 'aria-pressed="true"' not in page.html
    (risk,) = [i.removeprefix("risk-") for i in page.ids if i.startswith("risk-")]
    assert desk.send(verb="answer", risk=risk, answer="own_words", own=" ").status_code == 422
    page = desk.act(verb="answer", risk=risk, answer="own_words", own="Asked, and nothing named.")
    assert "risk: your answer" not in page.read and "Asked, and nothing named." in page.html
    assert 'aria-pressed="true"' in desk.press(f"answer:risk={risk};answer=denied").html


def test_another_format_keeps_what_was_edited(desk: Desk) -> None:
    """What a person wrote stands in the other format's sections."""
    desk.act(verb="edit", sentence="n1", text="Client woke at three.")
    page = desk.act(verb="change_format", format="dap")
    assert "Client woke at three." in page.read and "section-data" in page.ids


def test_undo_goes_back_step_by_step(desk: Desk) -> None:
    """Twice undone is two steps back, and not there and back again."""
    desk.act(verb="edit", sentence="n1", text="First words.")
    desk.act(verb="edit", sentence="n1", text="Second words.")
    assert "First words." in desk.press("undo").read
    page = desk.press("undo")
    assert "Client reported waking" in page.field("text") and "First words." not in page.read
    assert not any(do.startswith("undo") for do in page.buttons)


# ── what is in the way ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fields", [{"verb": "edit", "sentence": "n1"}, {"verb": "write", "section": "plan"}], ids=["edited", "added"])
def test_a_conflict_keeps_the_words(desk: Desk, fields: dict[str, str]) -> None:
    """Changed in another window: nothing is saved, the page stands as it is now, and what was typed is a form that saves it all the same."""
    desk.act(verb="edit", sentence="n2", text="From the other window.")
    response = desk.send(version="1", **fields, text="Mine & <mine>.")
    page = Page(response.text)
    assert response.status_code == 412 and "changed meanwhile" in page.read and "From the other window." in page.read
    again = next(form for form in page.forms if form["id"] == "again")
    assert again["action"] == f"{desk.url}/act" and dict(again["fields"])["version"] == "2"
    assert page.field("text") == "Mine &amp; &lt;mine&gt;."
    desk.browser.post(again["action"], data={**dict(again["fields"]), "text": "Mine & <mine>."})
    assert "Mine & <mine>." in desk.open().read and desk.page.version == "3"


def test_a_header_that_cannot_be_kept_comes_back_as_it_was_typed(desk: Desk) -> None:
    """Another window was first: the fields hold what was typed, and the form is open."""
    desk.act(verb="edit", sentence="n1", text="From the other window.")
    page = Page(desk.send(version="1", verb="set_header", **HEAD, place="The long corridor").text)
    assert 'value="14:56"' in page.html and 'value="The long corridor"' in page.html and "Confirm what stands over the note." in page.read


def test_a_form_that_nobody_made_changes_nothing(desk: Desk) -> None:
    """An unknown verb, a missing field, an id that is not there, a version that is no number."""
    for fields in ({"verb": "sing"}, {"verb": "edit"}, {}, {"do": "accept"}, {"do": ":;=;"}):
        assert desk.send(**fields).status_code == 422
    assert desk.send(do="strike:sentence=n99").status_code == 404
    assert desk.send(version="one", verb="strike", sentence="n1").status_code == 412
    assert desk.open().version == "1"


def test_words_typed_into_a_note_that_was_signed_meanwhile_are_shown(desk: Desk) -> None:
    """They are not saved, and not lost; the page leads to the note."""
    seen = desk.page.version
    assert desk.send("sign", urgent="true").status_code == 303
    response = desk.send(version=seen, verb="edit", sentence="n1", text="Too late <b>by a minute</b>.")
    page = Page(response.text)
    assert response.status_code == 409 and "Too late &lt;b&gt;" in response.text and f"/notes/{desk.review.encounter}" in page.links


def test_nobody_else_sees_it_or_acts_on_it(desk: Desk, house: House) -> None:
    """A colleague, the supervisor before it waits for her, records staff: there is no such page. Who is locked is led to where one unlocks."""
    for who in ("cy", "ada", "rae", "di"):
        browser = house.browser(who)
        assert browser.get(desk.url).status_code == 404
        assert browser.post(f"{desk.url}/act", data={"verb": "strike", "sentence": "n1", "version": "1"}).status_code == 404
        assert browser.post(f"{desk.url}/sign", data={"version": "1"}).status_code == 404
    assert house.browser(unlocked=False).get(desk.url).headers["location"].startswith("/unlock?next=/review/")
    assert house.stranger().get(desk.url).headers["location"].startswith("/login?next=/review/")


def test_a_form_of_another_site_does_nothing(desk: Desk) -> None:
    """Without what belongs to the session, nothing is done."""
    response = desk.browser.post(f"{desk.url}/act", data={"verb": "strike", "sentence": "n1", "version": "1"})
    assert response.status_code == 403 and desk.open().version == "1"


# ── for the scripts ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_script_is_answered_with_what_stands_in_main(desk: Desk, house: House) -> None:
    """The same page without its frame, at the new version; refused, the same with the status; and a problem where no page can be shown."""
    fragment = {"X-Aside-Fragment": "1"}
    response = desk.send(headers=fragment, verb="edit", sentence="n1", text="Client slept.")
    page = Page(response.text)
    assert response.status_code == 200 and "<html" not in response.text and page.version == "2" and "Client slept." in page.read
    stale = desk.send(headers=fragment, version="1", verb="edit", sentence="n1", text="Mine.")
    assert stale.status_code == 412 and "<html" not in stale.text and Page(stale.text).field("text").strip() == "Mine."
    desk.browser.post("/lock", data={"csrf": desk.browser.csrf})
    locked = desk.send(headers=fragment, version="2", verb="edit", sentence="n1", text="Mine.")
    assert (locked.status_code, locked.json()["code"]) == (423, "locked")


def test_the_trail_is_told_of_reading_and_of_each_act(desk: Desk, house: House) -> None:
    """Reading the page is one event, and an act is one; neither holds a word."""
    before = house.seq()
    desk.open()
    desk.act(verb="edit", sentence="n1", text="Client slept among umbrellas.")
    events = house.events(before)
    assert [event["action"] for event in events] == ["review:read", "work:put", "review:read"]
    assert "umbrellas" not in str(events)


def test_a_recording_can_be_heard_by_its_author_alone(desk: Desk, house: House) -> None:
    """Where one is kept, the page has a player; a part of it is answered as such and told of; nobody else hears it."""
    sound = f"/api/v1/encounters/{desk.review.encounter}/recording"
    assert 'id="sound"' not in desk.page.html
    media.put(house.practice, desk.review.encounter, RECORDING, [b"RIFF" + bytes(1000)], by=house.ids["bo"])
    visits.put(house.practice, desk.review.encounter, visits.Visit(media=RECORDING, suffix=".wav"), by=house.ids["bo"])
    assert f'src="{sound}"' in desk.open().html
    before = house.seq()
    part = desk.browser.get(sound, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"RIFF", "bytes 0-3/1004")
    assert [event["action"] for event in house.events(before)] == ["media:played"]
    assert house.browser("cy").get(sound).status_code == 404


def test_the_scripts_and_styles_are_small() -> None:
    """All that a browser is sent beside pages: at most 60 KB of scripts and 40 KB of styles."""
    sizes = {kind: sum(path.stat().st_size for path in STATIC.glob(f"*.{kind}")) for kind in ("js", "css")}
    assert sizes["js"] <= 60_000 and sizes["css"] <= 40_000
