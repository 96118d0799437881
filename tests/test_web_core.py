"""The desk's way in and what stands before its rooms: sessions in a browser, forged requests, limits, headers, problems, lines on the log."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pyotp
import pytest
import typer
import uvicorn
from fastapi import APIRouter, Request
from prometheus_client import generate_latest
from typer.testing import CliRunner, Result

import drafting
from drafting.commands import Command, serve
from drafting.errors import AsideError, NotKnown
from drafting.record import people
from drafting.record.accounts import logins, sessions
from drafting.record.accounts.sessions import IDLE, SITTING, SessionEnded
from drafting.record.keys.scrubbing import NotScrubbed
from drafting.record.store import Stores
from drafting.settings import read_settings
from drafting.types.record import NoteState
from drafting.web import access
from drafting.web.access import Asked, Asking
from drafting.web.operating import Figures
from drafting.web.problems import DECLARED, STATUS, safe, status_of
from drafting.web.security import BODY, LOOPBACK, Bucket, Rate, Rates, host_of, takes
from tests.stores import made
from tests.test_accounts import Authenticator
from tests.webbing import HOST, PASSPHRASE, PASSWORD, Browser, House, NoJobs, opened

SESSION = "/api/v1/session"
NAME = "Heliotrope Umbrella"


@pytest.fixture
def house(sqlite_stores: Stores) -> Iterator[House]:
    with opened(sqlite_stores) as house:
        yield house


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for tests that leave it to the next as they found it, but for the hour."""
    stores = made("sqlite", tmp_path_factory.mktemp("shared"), None)
    with opened(stores) as house:
        yield house
    stores.close()


def totp(house: House, who: str = "bo") -> pyotp.TOTP:
    """An app that makes codes for somebody, confirmed; half a minute later."""
    person = house.ids[who]
    app = pyotp.parse_uri(logins.begin_totp(house.practice, person))
    logins.confirm_totp(house.practice, person, app.at(house.practice.now()), by=person)
    house.later(seconds=30)
    return app


def with_route(house: House, router: APIRouter) -> None:
    """The desk with another room, found before the others."""
    house.app.include_router(router)
    house.app.router.routes.insert(0, house.app.router.routes.pop())


def page(browser: Browser, path: str, status: int = 200) -> str:
    response = browser.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
    return response.text


def sent(browser: Browser, path: str, **fields: str) -> str:
    """Where a form leads, sent with the field that a page's form has and no header."""
    browser.bare = True
    response = browser.post(path, data={"csrf": browser.csrf} | fields)
    browser.bare = False
    assert response.status_code == 303, response.text
    return response.headers["location"]


# ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_logging_in_sets_a_cookie_that_no_script_reads(house: House) -> None:
    """The session's cookie is bound to this host, over TLS, to its own pages, and is not in the answer."""
    browser = house.stranger()
    answer = browser.post("/api/v1/sessions", json={"login": "bo", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 201 and cookie.startswith("__Host-aside=")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert browser.token not in answer.text and answer.json()["token"] is None
    assert browser.get(SESSION).json()["person"] == house.ids["bo"]


def test_on_the_loopback_without_tls_the_cookie_is_a_plain_one(sqlite_stores: Stores) -> None:
    """Where there is no TLS, a Secure cookie would never come back."""
    with opened(sqlite_stores, secure=False) as house:
        answer = house.stranger().post("/api/v1/sessions", json={"login": "bo", "password": PASSWORD})
        assert answer.headers["set-cookie"].startswith("aside=") and "Secure" not in answer.headers["set-cookie"]
        assert "strict-transport-security" not in answer.headers


def test_a_refused_login_says_not_which_half_was_wrong(house: House) -> None:
    """A wrong password and a login that nobody has are answered alike, and no session begins."""
    browser = house.stranger()
    answers = [browser.problem("POST", "/api/v1/sessions", 401, json={"login": who, "password": "wrong horse battery"}) for who in ("bo", "nobody")]
    assert answers[0] == answers[1] and answers[0]["code"] == "login_refused"
    assert not browser.token and not house.told("session:begun")


def test_tries_that_go_wrong_are_throttled(house: House) -> None:
    """From the fifth wrong password on one waits, and is told how long."""
    browser = house.stranger()
    for _ in range(5):
        browser.problem("POST", "/api/v1/sessions", 401, json={"login": "bo", "password": "wrong horse battery"})
    answer = browser.post("/api/v1/sessions", json={"login": "bo", "password": PASSWORD})
    assert answer.status_code == 429 and answer.headers["retry-after"] == "15"


def test_a_bearer_keeps_the_token_and_needs_no_header_against_forgery(shared: House) -> None:
    """A program is told its token, gets no cookie, and changes things by the token alone."""
    program = shared.stranger()
    answer = program.post("/api/v1/sessions", json={"login": "cy", "password": PASSWORD, "keep": "bearer"})
    token = answer.json()["token"]
    assert "set-cookie" not in answer.headers
    bearer = {"Authorization": f"Bearer {token}"}
    assert program.post(f"{SESSION}/unlock", json={"passphrase": PASSPHRASE}, headers=bearer).json()["unlocked"] is True
    assert program.problem("GET", SESSION, 401)["code"] == "session_ended"


def test_with_a_second_factor_nothing_is_open_before_it_was_given(house: House) -> None:
    """After the password alone the desk stays shut; the code opens it, under another token, and the first one is worth nothing."""
    app = totp(house)
    browser = house.stranger().log_in("bo")
    first = browser.token
    assert browser.problem("GET", "/api/v1/queue", 403)["code"] == "second_needed"
    assert browser.problem("POST", f"{SESSION}/second", 403, json={"code": "000000"})["code"] == "code_refused"
    assert browser.post(f"{SESSION}/second", json={"code": app.at(house.practice.now())}).json()["second"] is True
    assert browser.token != first and browser.get("/api/v1/queue").status_code == 200
    with pytest.raises(SessionEnded):
        sessions.find(house.practice, first)


def test_a_recovery_code_stands_in_for_the_second_factor_once(house: House) -> None:
    """A recovery code opens the desk, and not a second time."""
    totp(house)
    code = {"code": house.codes["bo"][0]}
    assert house.stranger().log_in("bo").post(f"{SESSION}/second", json=code).status_code == 200
    house.stranger().log_in("bo").problem("POST", f"{SESSION}/second", 403, json=code)


def test_a_password_alone_proves_nothing_again_for_who_has_a_second_factor(house: House) -> None:
    """Whoever has not given their second factor cannot begin a sitting, nor see or change the account."""
    totp(house)
    browser = house.stranger().log_in("bo")
    assert browser.problem("POST", f"{SESSION}/step-up", 403, json={"password": PASSWORD})["code"] == "second_needed"
    assert browser.problem("POST", "/api/v1/account/totp", 403)["code"] == "second_needed"
    assert browser.get("/account").headers["location"].startswith("/second")
    assert browser.get(SESSION).json()["proven_until"] is None


def test_where_everybody_must_have_a_second_factor_the_account_is_all_there_is_before(sqlite_stores: Stores) -> None:
    """Somebody without one sets it up, and then the desk opens, in the same session under another token."""
    with opened(sqlite_stores, second=True) as house:
        browser = house.stranger().log_in("bo")
        assert browser.problem("GET", "/api/v1/queue", 403)["code"] == "second_missing"
        assert browser.get("/unlock").headers["location"].startswith("/account")
        app = pyotp.parse_uri(browser.post("/api/v1/account/totp").json()["uri"])
        assert browser.post("/api/v1/account/totp/confirm", json={"code": app.at(house.practice.now())}).status_code == 204
        assert browser.get("/api/v1/queue").status_code == 200


def test_a_session_ends_when_idle_and_when_logged_out(shared: House) -> None:
    """An idle session is over for the API; logging out ends it in the store and takes the cookie away."""
    idle, out = shared.browser(), shared.browser()
    token = out.token
    assert out.delete(SESSION).status_code == 204 and not out.token
    with pytest.raises(SessionEnded):
        sessions.find(shared.practice, token)
    shared.practice.now.at += IDLE + timedelta(seconds=1)
    answer = idle.get(SESSION)
    assert answer.status_code == 401 and "Bearer" in answer.headers["www-authenticate"]


def test_who_is_taken_on_no_more_is_out_at_once(house: House) -> None:
    """A session of somebody who has left is worth nothing."""
    browser = house.browser("cy")
    person = people.find_person(house.practice, house.ids["cy"])
    people.change_person(house.practice, type(person)(person.id, person.name, person.standing, active=False), by="setup")
    browser.problem("GET", SESSION, 401)


def test_keys_are_opened_for_the_session_and_put_away(shared: House) -> None:
    """A passphrase opens the keys, a wrong one does not, and locking puts them away."""
    browser = shared.browser(unlocked=False)
    assert browser.problem("POST", f"{SESSION}/unlock", 403, json={"passphrase": "quiet green lantern"})["code"] == "passphrase_wrong"
    assert browser.post(f"{SESSION}/unlock", json={"passphrase": PASSPHRASE}).json()["unlocked"] is True
    assert Asking.of(shared.desk, browser.token).unlocked().person == shared.ids["bo"]
    assert browser.post(f"{SESSION}/lock").json()["unlocked"] is False


def test_a_sitting_begins_with_the_login_and_again_by_a_proof(shared: House) -> None:
    """For a quarter of an hour after logging in, and after a proof, one may sign; a wrong password proves nothing."""
    browser = shared.browser()
    assert browser.get(SESSION).json()["proven_until"] is not None
    shared.practice.now.at += SITTING
    assert browser.get(SESSION).json()["proven_until"] is None
    assert browser.problem("POST", "/api/v1/account/codes", 403)["code"] == "not_proven"
    browser.problem("POST", f"{SESSION}/step-up", 401, json={"password": "wrong horse battery"})
    browser.problem("POST", f"{SESSION}/step-up", 422, json={})
    assert browser.post(f"{SESSION}/step-up", json={"password": PASSWORD}).json()["proven_until"] is not None
    assert len(browser.post("/api/v1/account/codes").json()["codes"]) == logins.CODES


# ── several people at one browser ─────────────────────────────────────────────────────────────────────────────────────


def test_switching_hides_a_session_until_its_person_comes_back(shared: House) -> None:
    """Another person's turn ends nothing of the first one's: with their password they find their keys open still, and the other's are hidden."""
    browser = shared.browser("bo")
    sessions.open_private(shared.practice, browser.token, PASSPHRASE)
    bos = browser.token
    assert browser.post(f"{SESSION}/switch").status_code == 204 and not browser.token
    browser.problem("GET", SESSION, 401)
    browser.log_in("cy")
    cys = browser.token
    assert browser.get(SESSION).json()["person"] == shared.ids["cy"] and sessions.find(shared.practice, bos).unlocked
    assert browser.post(f"{SESSION}/switch").status_code == 204
    browser.log_in("bo")
    stands = browser.get(SESSION).json()
    assert (browser.token, stands["unlocked"], stands["private_until"]) == (bos, True, None)
    assert sessions.find(shared.practice, cys).person == shared.ids["cy"]


def test_a_hidden_session_opens_for_nobody_else(shared: House) -> None:
    """Neither another's password nor a wrong one brings a hidden session back."""
    browser = shared.browser("bo")
    hidden = browser.token
    browser.post(f"{SESSION}/switch")
    browser.problem("POST", "/api/v1/sessions", 401, json={"login": "bo", "password": "wrong horse battery"})
    assert browser.log_in("cy").token != hidden


def test_a_browser_hides_few_sessions(shared: House) -> None:
    """Of more than four, the one hidden longest ends."""
    browser, tokens = shared.stranger(), []
    for who in ("bo", "ada", "cy", "di", "rae"):
        tokens.append(browser.log_in(who).token)
        browser.post(f"{SESSION}/switch")
    with pytest.raises(SessionEnded):
        sessions.find(shared.practice, tokens[0])
    assert [sessions.find(shared.practice, token).person for token in tokens[1:]] == [shared.ids[who] for who in ("ada", "cy", "di", "rae")]


def test_logging_in_over_somebody_else_ends_their_session(shared: House) -> None:
    """Who does not switch, but logs in where another still is, takes their place."""
    browser = shared.browser("bo")
    bos = browser.token
    assert browser.log_in("cy").token != bos
    with pytest.raises(SessionEnded):
        sessions.find(shared.practice, bos)


# ── one's own account ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_password_ends_every_other_session(house: House) -> None:
    """This session goes on under another token; the old password and the other sessions are worth nothing."""
    here, there = house.browser(), house.browser()
    before = here.token
    new = {"password": PASSWORD, "new": "nine gulls over the weir"}
    here.problem("PUT", "/api/v1/account/password", 401, json=new | {"password": "wrong horse battery"})
    here.problem("PUT", "/api/v1/account/password", 422, json=new | {"new": "short"})
    assert here.put("/api/v1/account/password", json=new).status_code == 204 and here.token != before
    assert here.get(SESSION).status_code == 200
    there.problem("GET", SESSION, 401)
    house.stranger().problem("POST", "/api/v1/sessions", 401, json={"login": "bo", "password": PASSWORD})


def test_an_account_is_set_up_and_taken_apart(house: House) -> None:
    """An app's codes are confirmed, counted and dropped; a passkey that is none is refused."""
    browser = house.browser()
    app = pyotp.parse_uri(browser.post("/api/v1/account/totp").json()["uri"])
    assert browser.post("/api/v1/account/totp/confirm", json={"code": app.at(house.practice.now())}).status_code == 204
    stands = browser.get("/api/v1/account").json()
    assert (stands["login"], stands["factors"], stands["codes_left"], stands["passkeys"]) == ("bo", ["totp"], logins.CODES, [])
    assert browser.delete("/api/v1/account/totp").status_code == 204
    assert browser.get("/api/v1/account").json()["factors"] == []
    options = browser.post("/api/v1/account/passkeys/options").json()["options"]
    assert options["rp"]["id"] == HOST
    assert browser.problem("POST", "/api/v1/account/passkeys", 403, json={"credential": {"id": "AAAA"}})["code"] == "passkey_refused"
    browser.problem("DELETE", "/api/v1/account/passkeys/K1", 404)


def test_a_passkey_is_a_second_factor_and_a_proof(house: House) -> None:
    """Made in the account, asked for at the next login, and enough to sign again where its holder was made sure of; its answer counts once."""
    key, browser = Authenticator(f"https://{HOST}", HOST), house.browser()
    made_ = key.create(browser.post("/api/v1/account/passkeys/options").json()["options"])
    (kept,) = browser.post("/api/v1/account/passkeys", json={"credential": made_}).json()["passkeys"]
    browser = house.stranger().log_in("bo")
    assert browser.problem("GET", "/api/v1/queue", 403)["code"] == "second_needed"

    def answered(**more: bool) -> dict[str, object]:
        return {"credential": key.get(browser.post(f"{SESSION}/passkey/options").json()["options"], **more)}

    given = answered(verified=False)
    assert browser.post(f"{SESSION}/passkey", json=given).json()["second"] is True
    assert browser.problem("POST", f"{SESSION}/passkey", 403, json=given)["code"] == "passkey_refused"
    house.practice.now.at += SITTING
    assert browser.problem("POST", f"{SESSION}/passkey", 403, json=answered(verified=False))["code"] == "not_proven"
    assert browser.post(f"{SESSION}/passkey", json=answered()).json()["proven_until"] is not None
    assert sent(browser, f"/account/passkeys/{kept['id']}/remove") == "/account"
    assert browser.get("/api/v1/account").json()["factors"] == []


def test_every_session_of_ones_own_can_be_ended(shared: House) -> None:
    """Here and elsewhere."""
    here, there = shared.browser(), shared.browser()
    assert here.delete("/api/v1/sessions").status_code == 204
    here.problem("GET", SESSION, 401)
    there.problem("GET", SESSION, 401)


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_way_in_by_pages(house: House) -> None:
    """A page that needs a session leads to the login and back; a wrong password is said on the form, and nobody is led elsewhere."""
    app = totp(house)
    browser = house.stranger()
    away = browser.get("/unlock")
    assert (away.status_code, away.headers["location"]) == (303, "/login?next=/unlock")
    assert 'value="/unlock"' in page(browser, away.headers["location"])
    wrong = browser.post("/login", data={"login": "bo", "password": "wrong horse battery", "next": "/unlock"})
    assert wrong.status_code == 401 and 'role="alert"' in wrong.text and "wrong horse" not in wrong.text
    assert sent(browser, "/login", login="bo", password=PASSWORD, next="/unlock") == "/unlock"
    assert browser.get("/unlock").headers["location"] == "/second?next=/unlock"
    assert "Second factor" in page(browser, "/second?next=/unlock")
    assert sent(browser, "/second", code=app.at(house.practice.now()), next="https://elsewhere.test/") == "/"
    assert "Bo Tern" in page(browser, "/unlock")
    assert sent(browser, "/unlock", passphrase=PASSPHRASE, next="/account") == "/account"
    assert Asking.of(house.desk, browser.token).unlocked().person == house.ids["bo"]


def test_the_account_by_pages(house: House) -> None:
    """The QR code is a picture in the page; codes are shown once; a sitting that is over leads to the proof and back."""
    browser = house.browser()
    begun = browser.post("/account/totp", data={"csrf": browser.csrf})
    assert 'src="data:image/svg+xml' in begun.text
    secret = re.search(r"otpauth://[^<]+", begun.text)[0].replace("&amp;", "&")
    assert browser.post("/account/totp/confirm", data={"code": "12"}).status_code == 403
    assert sent(browser, "/account/totp/confirm", code=pyotp.parse_uri(secret).at(house.practice.now())) == "/account"
    shown = browser.post("/account/codes", data={"csrf": browser.csrf}).text
    assert len(re.findall(r"<code>[0-9a-z]{4}-[0-9a-z-]+</code>", shown)) == logins.CODES and "<code>" not in page(browser, "/account")
    assert browser.post("/account/password", data={"password": PASSWORD, "new": "nine gulls", "again": "ten gulls"}).status_code == 422
    assert sent(browser, "/account/password", password=PASSWORD, new="nine gulls over the weir", again="nine gulls over the weir") == "/account"
    house.practice.now.at += SITTING
    over = browser.post("/account/codes", headers={"Referer": f"https://{HOST}/account"})
    assert over.headers["location"] == "/step-up?next=/account"
    assert "Is it you?" in page(browser, over.headers["location"])
    assert sent(browser, "/step-up", password="nine gulls over the weir", next="/account") == "/account"
    assert sent(browser, "/account/totp/drop") == "/account"
    assert sent(browser, "/account/end-all") == "/login"


def test_switching_and_leaving_by_pages(shared: House) -> None:
    """The header's forms hide a session and end one; the login says that somebody is still there, and not who."""
    browser = shared.browser()
    assert sent(browser, "/lock") == "/unlock"
    assert sent(browser, "/switch") == "/login"
    shown = page(browser, "/login")
    assert "Somebody else is still logged in" in shown and "Bo" not in shown
    browser.log_in("cy")
    assert sent(browser, "/logout") == "/login" and not browser.token


def test_a_fault_is_a_page_for_a_browser_and_a_problem_for_a_script(shared: House) -> None:
    """An address that is none is told as a page, or, where a script asks for a fragment, as a problem."""
    browser = shared.browser()
    assert "There is nothing at this address." in page(browser, "/nowhere", 404)
    assert browser.problem("GET", "/nowhere", 404, headers={"X-Aside-Fragment": "1"})["code"] == "nowhere"
    assert shared.stranger().problem("GET", "/unlock", 401, headers={"X-Aside-Fragment": "1"})["code"] == "session_ended"


def test_pages_hold_nothing_that_a_strict_policy_forbids(house: House) -> None:
    """No inline script or style, no handler, no other host; one language, one main, a way past the header."""
    totp(house)
    inside, outside, half = house.browser("cy"), house.stranger(), house.stranger().log_in("bo")
    shown = [page(inside, path) for path in ("/account", "/unlock", "/step-up")] + [
        page(outside, "/login"),
        page(half, "/second"),
        page(inside, "/no", 404),
    ]
    for text in shown:
        assert '<html lang="en-GB">' in text and text.count("<main ") == 1 and 'href="#main"' in text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", text, re.IGNORECASE)
        assert set(re.findall(r'(?:src|href)="(?!data:)([^"]*)"', text)) <= {
            "/", "/new", "/notes", "/clients", "/private", "/account", "#main", "/static/desk.css", "/static/desk.js", "/static/names.js",
        }  # fmt: skip


@pytest.mark.parametrize("path", ["//elsewhere.test", "/\\elsewhere.test", "https://elsewhere.test", "/a\nb", "/?q=1", "", None, "review"])
def test_nobody_is_led_away_by_an_address(path: str | None) -> None:
    """What is not a path of this desk's own leads to the queue."""
    assert safe(path) == "/" and safe("/review/E1") == "/review/E1"


# ── what is heard ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_without_what_our_own_forms_carry_is_refused(shared: House) -> None:
    """Neither nothing, nor another session's, nor a blank; a form's field and a script's header both will do."""
    browser, other = shared.browser(), shared.browser("cy")
    for given in ("", other.csrf, "0" * 64, "é"):
        assert browser.problem("POST", f"{SESSION}/lock", 403, headers={"X-Aside-CSRF": given.encode()})["code"] == "forged"
    assert browser.post("/lock", data={"csrf": other.csrf}, headers={"X-Aside-CSRF": other.csrf}).status_code == 403
    assert sessions.find(shared.practice, browser.token).unlocked
    browser.bare = True
    assert browser.post("/lock", data={"csrf": other.csrf}).status_code == 403
    assert browser.post("/lock").status_code == 403
    assert browser.post("/lock", data={"csrf": browser.csrf}).status_code == 303


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.test"}, {"Origin": "null"}, {"Origin": f"http://{HOST}"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_what_another_sites_page_sends_is_refused(shared: House, headers: dict[str, str]) -> None:
    """Also where nobody is logged in, so that nobody is logged in by a trick."""
    login = {"login": "bo", "password": PASSWORD}
    assert shared.stranger().problem("POST", "/api/v1/sessions", 403, json=login, headers=headers)["code"] == "forged"
    own = {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}
    assert shared.stranger().post("/api/v1/sessions", json=login, headers=own).status_code == 201


@pytest.mark.parametrize("name", ["elsewhere.test", "", f"{HOST}.elsewhere.test", "[::1]"])
def test_another_hosts_name_is_not_answered(shared: House, name: str) -> None:
    """So that nobody reaches the desk through a name that they have control of."""
    assert shared.stranger().problem("GET", SESSION, 421, headers={"Host": name})["code"] == "wrong_host"


def test_a_hosts_name_is_read_without_its_port() -> None:
    """Names, addresses of both kinds, and ports."""
    assert [host_of(h) for h in ("Desk.Test:8417", "127.0.0.1", "[::1]:8417", "[::1]", " a ")] == ["desk.test", "127.0.0.1", "::1", "::1", "a"]


def test_no_body_is_taken_that_is_more_than_its_route_takes(shared: House) -> None:
    """By its told length, and by its bytes where none is told; a route of its own measure takes more."""
    router = APIRouter()

    @router.put("/much")
    @takes(3 * BODY)
    async def much(request: Request, asked: Asked) -> int:
        return len(await request.body())

    with_route(shared, router)
    browser = shared.browser()
    pieces = [b"x" * 100_000] * 40
    assert browser.put("/much", content=b"x" * (2 * BODY)).json() == 2 * BODY
    assert browser.put("/much", content=iter(pieces)).status_code == 413
    big = {"passphrase": "x" * BODY}
    assert browser.problem("POST", f"{SESSION}/unlock", 413, json=big)["detail"] == "That is more than is taken at once."
    browser.problem("POST", f"{SESSION}/unlock", 413, content=iter(pieces[:11]), headers={"Content-Type": "application/json"})
    assert browser.post("/unlock", data=big).status_code == 413


def test_changes_are_taken_at_a_measured_rate(sqlite_stores: Stores) -> None:
    """A session, an address and a stranger's address have each their measure; reading has none."""
    with opened(sqlite_stores, rates=Rates(session=Rate(3, 0.001), address=Rate(5, 0.001), stranger=Rate(2, 0.001))) as house:
        browser, other = house.browser(unlocked=False), house.browser("cy", unlocked=False)
        house.stranger().problem("POST", "/api/v1/sessions", 429, json={"login": "di", "password": PASSWORD})
        codes = [browser.post(f"{SESSION}/lock").status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        assert [other.post(f"{SESSION}/lock").status_code for _ in range(2)] == [200, 429]
        assert int(other.post(f"{SESSION}/lock").headers["retry-after"]) > 100
        assert {other.get(SESSION).status_code for _ in range(10)} == {200}


def test_a_bucket_fills_with_time_and_forgets_the_oldest() -> None:
    """What was taken comes back at its rate; there is room for so many and no more."""
    now = [0.0]
    bucket = Bucket(Rate(2, 0.5), lambda: now[0])
    assert [bucket.take("a") for _ in range(3)] == [0, 0, 2]
    now[0] = 2.0
    assert [bucket.take("a") for _ in range(2)] == [0, 2]
    for number in range(Bucket.MOST + 10):
        bucket.take(str(number))
    assert len(bucket.left) == Bucket.MOST and "a" not in bucket.left


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_answer_is_shielded(shared: House) -> None:
    """Pages, problems and static files carry the policy; nothing but static files may be kept."""
    browser = shared.browser()
    for path, keeps in (
        ("/login", "no-store"),
        (SESSION, "no-store"),
        ("/no", "no-store"),
        ("/healthz", "no-store"),
        ("/static/desk.css", "no-cache"),
    ):
        headers = browser.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"] and "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == keeps and headers["strict-transport-security"].startswith("max-age=")
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
    assert "default-src" in shared.stranger().get("/", headers={"Host": "elsewhere.test"}).headers["content-security-policy"]


def test_a_fault_says_nothing_of_what_went_wrong(shared: House, caplog: pytest.LogCaptureFixture) -> None:
    """An exception that nobody foresaw is a 500 with the request's id; its words are in no answer and in no line, its kind and place in the log."""
    router = APIRouter()

    @router.get("/api/v1/fault")
    def fault(asked: Asked) -> None:
        raise ValueError(NAME)

    with_route(shared, router)
    caplog.set_level("DEBUG")
    browser = shared.browser()
    answer = browser.get("/api/v1/fault")
    assert (answer.status_code, answer.json()["code"]) == (500, "our_fault")
    assert answer.headers["x-request-id"] in answer.json()["detail"] and "ValueError" not in answer.text
    assert "ValueError, test_web_core.py" in caplog.text and NAME not in caplog.text + answer.text


def test_what_is_wrong_with_a_request_is_told_without_what_was_given(shared: House) -> None:
    """Where it is wrong and how, and never a value, nor a name that is not ours."""
    browser = shared.browser()
    given = {"passphrase": [NAME], NAME: NAME}
    told = browser.problem("POST", f"{SESSION}/unlock", 422, json=given)
    assert {wrong["at"] for wrong in told["fields"]} == {"body.passphrase", "body"} and NAME not in json.dumps(told)
    broken = {"content": b'{"passphrase": "' + NAME.encode(), "headers": {"Content-Type": "application/json"}}
    assert NAME not in json.dumps(browser.problem("POST", f"{SESSION}/unlock", 422, **broken))


def test_a_line_a_request_names_the_route_and_no_path(shared: House, caplog: pytest.LogCaptureFixture) -> None:
    """An id, the route's template, the status, the time, the person; nothing that was asked for."""
    caplog.set_level("INFO", "aside.web")
    browser = shared.browser("cy")
    answer = browser.get(f"/api/v1/encounters/{NAME}?q={NAME}")
    line = json.loads(caplog.messages[-1])
    assert line | {"at": "", "ms": 0} == {
        "at": "",
        "event": "request",
        "id": answer.headers["x-request-id"],
        "method": "GET",
        "route": "/api/v1/encounters/{encounter}",
        "status": answer.status_code,
        "ms": 0,
        "person": shared.ids["cy"],
    }
    browser.get(f"/{NAME}")
    assert json.loads(caplog.messages[-1])["route"] == "nowhere"
    assert not any(word in caplog.text for word in (NAME, "Heliotrope", browser.token, PASSWORD, PASSPHRASE, "Cy Marsh"))


def test_figures_are_counted_by_route_for_those_who_may_watch(shared: House) -> None:
    """Prometheus reads them from an address that may; nobody else learns that they are there."""
    browser = shared.stranger()
    browser.get(f"/api/v1/encounters/{NAME}")
    assert browser.get("/metrics").status_code == 404
    shared.change(watchers=frozenset({"testclient"}))
    figures = browser.get("/metrics").text
    assert 'aside_requests_total{method="GET",route="/api/v1/encounters/{encounter}",status="401"} 1.0' in figures and NAME not in figures
    assert "aside_request_seconds_bucket" in figures


def test_methods_that_are_none_do_not_swell_the_figures(shared: House) -> None:
    """A made-up method is counted as another."""
    shared.stranger().request("BREW", "/healthz")
    assert b"BREW" not in figures_of(shared.app.state.figures)


def figures_of(figures: Figures) -> bytes:
    return generate_latest(figures.registry)


def test_up_and_ready(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ready while every database answers, from its start to its end."""
    with house.stranger() as browser:
        assert browser.get("/healthz").text == "ok\n"
        assert browser.get("/readyz").json() == {"ready": True, "parts": {"record": "ok", "private": "ok", "keyring": "ok", "process": "ok"}}
    ended = house.stranger().get("/readyz")
    assert (ended.status_code, ended.json()["parts"]["process"]) == (503, "down")


def test_a_start_finishes_what_was_cut(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process before left lent is taken back before anything is answered; keys that may still lie in the files are owed, and do not stop it."""
    encounter = house.here.encounter()
    house.here.state(encounter, NoteState.IN_REVIEW)
    calls: list[str] = []
    monkeypatch.setattr("drafting.record.workbench.moves.sweep", lambda practice: calls.append("sweep") or 1)
    monkeypatch.setattr("drafting.record.retention.finish", lambda practice: calls.append("finish") or 1)

    def scrub(*_: object) -> None:
        calls.append("scrub")
        raise NotScrubbed(reason="a reader")

    monkeypatch.setattr("drafting.record.keys.scrub", scrub)
    with house.stranger() as browser:
        assert calls == ["sweep", "finish", "scrub"] and browser.get("/readyz").status_code == 200
    assert house.practice.keyring.owed


# ── who may ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_encounter_is_its_authors_and_waits_for_its_supervisor(shared: House) -> None:
    """The supervisor has it while it waits for them, and only where that is meant; nobody else learns that it is there."""
    encounter = shared.here.encounter()
    asking = {who: Asking.of(shared.desk, sessions.begin(shared.practice, shared.ids[who], second=True)) for who in ("bo", "ada", "cy")}
    assert access.mine(asking["bo"], encounter).id == encounter
    for who, more in (("ada", {}), ("ada", {"supervising": True}), ("cy", {"supervising": True})):
        with pytest.raises(NotKnown):
            access.mine(asking[who], encounter, **more)
    shared.here.state(encounter, NoteState.COSIGN_DUE)
    assert access.mine(asking["ada"], encounter, supervising=True).id == encounter
    for who, more in (("ada", {}), ("cy", {"supervising": True})):
        with pytest.raises(NotKnown):
            access.mine(asking[who], encounter, **more)
    for odd in ("\0", "E1\n", "é", "", "E" * 99):
        with pytest.raises(NotKnown):
            access.mine(asking["bo"], odd)


def test_a_standing_is_asked_for(shared: House) -> None:
    """The audit trail is an administrator's; another is refused, and that is told."""
    assert shared.browser("di").get("/api/v1/audit").status_code == 200
    before = shared.seq()
    assert shared.browser("rae").problem("GET", "/api/v1/audit", 403)["code"] == "not_permitted"
    assert [event["actor"] for event in shared.events(before) if event["outcome"] == "denied"] == [shared.ids["rae"]]


def test_nobody_is_shown_with_their_token(shared: House) -> None:
    """A repr of whoever asks holds neither the token nor a name."""
    browser = shared.browser()
    shown = repr(Asking.of(shared.desk, browser.token))
    assert browser.token not in shown and "Bo Tern" not in shown


# ── serving ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def served(*args: str) -> Result:
    app = typer.Typer()
    app.command(cls=Command)(serve.serve)
    return CliRunner().invoke(app, list(args))


@pytest.mark.parametrize("args", [("--host", "0.0.0.0"), ("--host", "192.0.2.7"), ("--host", "desk.test"), ("--host", "::", "--proxied")])
def test_without_tls_the_desk_is_for_this_machine_alone(args: tuple[str, ...]) -> None:
    """Any address but the loopback is refused, before anything is opened; behind a proxy too."""
    refused = served(*args)
    assert refused.exit_code == 2 and "Without TLS" in refused.stderr


@pytest.mark.parametrize("args", [("--cert", "a"), ("--key", "a"), ("--cert", "a", "--key", "b", "--self-signed")])
def test_a_certificate_and_its_key_come_together(args: tuple[str, ...]) -> None:
    """Half of a pair, or two of them, is a slip."""
    assert served(*args).exit_code == 2


def test_which_addresses_are_this_machines_own() -> None:
    """And by which names a browser may reach it."""
    assert [serve.is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "127.9.9.9", "0.0.0.0", "192.0.2.7", "desk.test")] == [True] * 4 + [
        False
    ] * 3
    assert serve.hosts("127.0.0.1", ()) == LOOPBACK and serve.hosts("192.0.2.7", ["Desk.Test"]) == LOOPBACK | {"192.0.2.7", "desk.test"}
    assert any(name.endswith(".local") for name in serve.hosts("0.0.0.0", ()))


def test_a_certificate_of_our_own_is_kept_until_it_must_be_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same one while it is good for these names and a month more; its key is for nobody else's eyes, and its fingerprint is said."""
    now, names = datetime(2026, 11, 18, tzinfo=UTC), frozenset({"localhost", "127.0.0.1"})
    cert, key = serve.own_certificate(tmp_path, names, now)
    first = cert.read_bytes()
    said = capsys.readouterr().err
    assert key.stat().st_mode & 0o077 == 0 and hashlib.sha256(ssl.PEM_cert_to_DER_cert(first.decode())).hexdigest() in said
    serve.own_certificate(tmp_path, frozenset({"localhost"}), now + timedelta(days=serve.DAYS - serve.SPARE - 1))
    assert cert.read_bytes() == first
    serve.own_certificate(tmp_path, names | {"desk.test"}, now)
    second = cert.read_bytes()
    serve.own_certificate(tmp_path, names, now + timedelta(days=serve.DAYS - serve.SPARE + 1))
    third = cert.read_bytes()
    cert.write_text("no certificate")
    serve.own_certificate(tmp_path, names, now)
    assert len({first, second, third, cert.read_bytes()}) == 4


def test_engines_are_made_once_however_many_ask() -> None:
    """And not before anybody does."""
    made_: list[int] = []
    get = serve.once(lambda: made_.append(1) or object())
    assert made_ == []
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: id(get()), range(50)))) == 1 and made_ == [1]


def asked(port: int, path: str, cert: Path | None) -> tuple[int, dict[str, str], bytes]:
    """What a server on the loopback answers, over TLS where a certificate is trusted."""
    raw = socket.socket()
    raw.settimeout(10)
    raw.connect(("127.0.0.1", port))
    connection = http.client.HTTPConnection("localhost", port)
    connection.sock = ssl.create_default_context(cafile=cert).wrap_socket(raw, server_hostname="localhost") if cert else raw
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_it_serves_over_tls_and_ends_in_order(house: House, tmp_path: Path) -> None:
    """A browser that trusts the certificate is answered, a plain request is not, and when it ends its start and end were written."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = frozenset({"localhost", "127.0.0.1"})
    cert, key = serve.own_certificate(tmp_path, names, datetime.now(UTC))
    desk = serve.made(house.practice, read_settings({}), NoJobs(), secure=True, second=True, names=names, watchers=())
    server = uvicorn.Server(serve.configured(desk, "127.0.0.1", port, cert, key))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        status, headers, body = asked(port, "/healthz", cert)
        assert (status, body) == (200, b"ok\n") and "server" not in headers and "strict-transport-security" in headers
        assert asked(port, "/login", cert)[0] == 200 and asked(port, "/readyz", cert)[0] == 200
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            asked(port, "/healthz", None)
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


# ── the table, and the description ────────────────────────────────────────────────────────────────────────────────────


def errors() -> set[type[AsideError]]:
    """Every class of error that there is."""
    for package in ("errors", "record", "pipeline", "web", "jobs"):
        there = import_module(f"drafting.{package}")
        for found in walk_packages(getattr(there, "__path__", []), f"{there.__name__}."):
            if ".migrations." not in found.name:
                import_module(found.name)
    found, new = {AsideError}, {AsideError}
    while new:
        new = {below for kind in new for below in kind.__subclasses__()} - found
        found |= new
    return {kind for kind in found if kind.__module__.startswith(f"{drafting.__name__}.")}


def test_every_error_has_a_status_and_every_status_an_error() -> None:
    """No class falls to the top of the table by oversight, and the table names none that is not there. Each status is declared."""
    kinds = errors()
    names = [kind.code for kind in kinds]
    assert len(names) == len(set(names)), "two errors of one code"
    assert set(STATUS) <= set(names)
    for kind in kinds - {AsideError}:
        status = status_of(kind.__new__(kind))
        assert status in DECLARED
        assert status < 500 or any(code in STATUS for code in (kind.code, kind.__mro__[1].code))


def test_the_description_names_every_problem(house: House) -> None:
    """Each operation declares every problem, none has the framework's own shape, and what is open to all says so."""
    schema = house.stranger().get("/api/v1/openapi.json").json()
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert operations and all(path.startswith("/api/v1/") for path in schema["paths"])
    for operation in operations:
        assert {str(status) for status in DECLARED} <= set(operation["responses"])
        assert "application/problem+json" in operation["responses"]["422"]["content"] and operation["summary"]
    assert "HTTPValidationError" not in json.dumps(schema)
    assert [path for path, ways in schema["paths"].items() for way in ways.values() if way["security"] == []] == ["/api/v1/sessions"]


def test_the_rooms_before_the_desk_are_in_order(shared: House) -> None:
    """A refusal at the gate is counted, shielded and written like any other answer."""
    answer = shared.stranger().get("/healthz", headers={"Host": "elsewhere.test"})
    assert answer.status_code == 421 and answer.headers["x-request-id"] and answer.headers["content-security-policy"]
    assert b'status="421"' in figures_of(shared.app.state.figures)
