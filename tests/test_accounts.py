"""Who may log in: passwords, throttling, codes, recovery codes and passkeys, each with its near miss."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa
import typer
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from typer.testing import CliRunner
from webauthn.helpers import encode_cbor

from drafting import commands
from drafting.commands import accounts as accounts_command
from drafting.errors import NotKnown, NotPermitted
from drafting.record import backup, people
from drafting.record import practice as practices
from drafting.record.accounts import logins, passkeys, sessions
from drafting.record.accounts.logins import CodeRefused, LoginMisspelt, LoginRefused, LoginTaken, LoginThrottled, PasswordWeak
from drafting.record.accounts.passkeys import PasskeyCopied, PasskeyRefused
from drafting.record.accounts.sessions import SessionEnded
from drafting.record.keys import Keyring, Master, keyfile, kit
from drafting.record.practice import Practice
from drafting.record.store import Stores, in_folder, reading
from drafting.record.store.tables.record import AUDIT, LOGINS, METADATA, RECOVERY_CODES, SESSIONS, THROTTLES
from drafting.types.record import Person, Standing
from tests import stores as of_tests
from tests.commanding import Place, copied
from tests.stores import CHEAP, Clock

NOW = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
PASSWORD = "lanterns over the weir"
OTHER = "nine slow barges, moored"
RP, ORIGIN = "desk.example", "https://desk.example:8443"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "HASHER", PasswordHasher(*CHEAP))


class House:
    """A practice with one person, `ada`, who has the login "ada" and recovery codes; `halves` are of its recovery kit."""

    def __init__(self, stores: Stores) -> None:
        self.practice = Practice(stores, Keyring(stores.keyring, Master.made()), Clock(NOW))
        self.halves = practices.make(self.practice, "us-federal")
        kit.prove(self.practice.keyring, *self.halves, now=NOW)
        self.ada = people.add_person(self.practice, Person("", "Ada Quill", Standing.CLINICIAN), by="setup").id
        self.codes = logins.create(self.practice, self.ada, "ada", PASSWORD, by="setup")

    def in_(self, stores: Stores, master: Master | None = None) -> House:
        """The same house, in stores that hold what its own do."""
        moved = copy(self)
        moved.practice = Practice(stores, Keyring(stores.keyring, master or self.practice.keyring.master), Clock(self.practice.now()))
        return moved

    def later(self, **span: float) -> None:
        self.practice.now.at += timedelta(**span)

    def told(self, action: str) -> list[dict]:
        with reading(self.practice.stores.record) as connection:
            events = [json.loads(body) for body in connection.scalars(sa.select(AUDIT.c.body).order_by(AUDIT.c.seq))]
        return [event for event in events if event["action"] == action]

    def count(self, table: sa.Table) -> int:
        with reading(self.practice.stores.record) as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(table))

    def refused(self, login: str = "ada", password: str = OTHER) -> None:
        with pytest.raises(LoginRefused):
            logins.check(self.practice, login, password)

    def app(self) -> pyotp.TOTP:
        """An app that makes codes, confirmed half a minute ago and more."""
        totp = pyotp.parse_uri(logins.begin_totp(self.practice, self.ada))
        logins.confirm_totp(self.practice, self.ada, totp.at(self.practice.now()), by=self.ada)
        self.later(minutes=2)
        return totp

    def code(self, code: str) -> str:
        return logins.check_code(self.practice, self.ada, code)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house on SQLite, made once, to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logins, "HASHER", PasswordHasher(*CHEAP))
        stores = of_tests.made("sqlite", tmp_path_factory.mktemp("template"), None)
        made = House(stores)
        stores.close()
    return made


@pytest.fixture
def small(template: House, tmp_path: Path) -> Iterator[House]:
    """A house on SQLite."""
    shutil.copytree(Path(template.practice.stores.record.url.database).parent, tmp_path / "copy")
    stores = in_folder(tmp_path / "copy")
    yield template.in_(stores)
    stores.close()


@pytest.fixture(params=of_tests.ENGINES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house on SQLite, and then on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("small")
        return
    stores = of_tests.made(request.param, tmp_path, request.getfixturevalue("postgres"))
    yield House(stores)
    stores.close()


# ── login and password ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_login_and_its_password_say_who_it_is(house: House) -> None:
    """In any case and width of letters for the login, and in any form of the same letters for the password."""
    assert logins.check(house.practice, " ADA ", PASSWORD) == house.ada
    logins.set_password(house.practice, house.ada, "caf\u00e9 by the \ufb01shpond", by=house.ada)
    assert logins.check(house.practice, "\uff41da", "cafe\u0301 by the fishpond") == house.ada
    house.refused(password=PASSWORD)


def test_a_refusal_does_not_say_which_half_was_wrong(small: House) -> None:
    """One message for a wrong password, a login that nobody has, and what no keyboard types; none of it is on the audit trail."""
    long = "a" * 90
    wrong = [
        ("ada", OTHER),
        ("ada", PASSWORD.upper()),
        ("ada", ""),
        ("bo", PASSWORD),
        ("", PASSWORD),
        (long, PASSWORD),
        ("ada\x00", PASSWORD),
        ("\udcff", "\udcff"),
    ]
    for login, password in wrong:
        with pytest.raises(LoginRefused, match=r"^That login and that password do not fit\.$"):
            logins.check(small.practice, login, password)
    told = small.told("login:checked")
    assert [event["actor"] for event in told] == [small.ada] * 3 + ["nobody"] * 5 and {event["outcome"] for event in told} == {"denied"}
    assert long not in json.dumps(told)


def test_an_unknown_login_costs_as_much_as_a_known_one(small: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password is stretched for either, by the same cost."""
    seen: list[str] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda self, kept, words: seen.append(kept.rsplit("$", 2)[0]) or verify(self, kept, words))
    small.refused("ada")
    small.refused("nobody")
    assert len(seen) == 2 and seen[0] == seen[1]


def test_somebody_who_has_left_does_not_get_in(house: House) -> None:
    """Nor does a session that they had go on."""
    token = sessions.begin(house.practice, house.ada, second=False)
    people.change_person(house.practice, replace(people.find_person(house.practice, house.ada), active=False), by="setup")
    house.refused(password=PASSWORD)
    with pytest.raises(SessionEnded):
        sessions.find(house.practice, token)
    with pytest.raises(NotPermitted):
        sessions.begin(house.practice, house.ada, second=False)
    assert house.count(SESSIONS) == 0


WEAK = {
    "eleven char": "12",
    "ada.lovelace": "login",
    "ADA.Lovelace": "login",
    "Password1234": "first",
    "abababababababab": "first",
    "x1" * 600: "1024",
}


def test_a_password_is_not_one_that_is_tried_first(small: House) -> None:
    """Too short, too long, the login, a common one, or a few letters over and over: refused, with the reason and without the password. Twelve
    characters will do, be two of them one letter on paper."""
    bo = people.add_person(small.practice, Person("", "Bo Tern", Standing.CLINICIAN), by="setup").id
    for password, why in WEAK.items():
        with pytest.raises(PasswordWeak, match=why) as told:
            logins.create(small.practice, bo, "ada.lovelace", password, by="setup")
        assert password not in str(told.value)
    assert logins.login_of(small.practice, bo) is None
    logins.create(small.practice, bo, "ada.lovelace", "\ufb01ve or more", by="setup")
    assert logins.check(small.practice, "ada.lovelace", "five or more") == bo


def test_a_login_is_one_persons_and_a_person_has_one(house: House) -> None:
    """In any spelling; and it is a short plain name of somebody who is there."""
    bo = people.add_person(house.practice, Person("", "Bo Tern", Standing.RECORDS), by="setup").id
    for person, login, error in ((bo, "ADA", LoginTaken), (house.ada, "quill", LoginTaken), (bo, "bo tern", LoginMisspelt), ("P0", "bo", NotKnown)):
        with pytest.raises(error):
            logins.create(house.practice, person, login, PASSWORD, by="setup")
    logins.create(house.practice, bo, "bo", PASSWORD, by="setup")
    assert logins.check(house.practice, "bo", PASSWORD) == bo


def test_a_new_password_ends_every_session(small: House) -> None:
    """The old one is refused from then on."""
    tokens = [sessions.begin(small.practice, small.ada, second=True) for _ in range(2)]
    logins.set_password(small.practice, small.ada, OTHER, by=small.ada)
    for token in tokens:
        with pytest.raises(SessionEnded):
            sessions.find(small.practice, token)
    small.refused(password=PASSWORD)
    assert logins.check(small.practice, "ada", OTHER) == small.ada


def test_a_password_kept_by_an_older_cost_is_kept_anew(small: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next good login, and it is the same password still; a wrong one changes nothing."""
    monkeypatch.setattr(logins, "HASHER", PasswordHasher(2, 16, 1))
    for right in (False, True):
        _ = logins.check(small.practice, "ada", PASSWORD) if right else small.refused()
        with reading(small.practice.stores.record) as connection:
            assert ("m=16,t=2" in connection.scalar(sa.select(LOGINS.c.password))) is right
    assert logins.check(small.practice, "ada", PASSWORD) == small.ada


# ── throttling ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_from_the_fifth_failure_on_one_waits_twice_as_long_each_time(house: House) -> None:
    """Up to a quarter of an hour, the same for a login that nobody has; while one waits even the right password is not looked at."""
    assert waits(house, "ada") == waits(house, "nobody") == [15, 30, 60, 120, 240, 480, 900, 900, 900]
    assert len(house.told("login:checked")) == 26  # what was not looked at is not told


def waits(house: House, login: str) -> list[int]:
    """How long each failure after the fourth makes one wait, in seconds."""
    for _ in range(4):
        house.refused(login)
    seconds = []
    for _ in range(9):
        house.refused(login)
        with pytest.raises(LoginThrottled, match=r"Wait \d+ seconds") as told:
            logins.check(house.practice, login, PASSWORD)
        seconds.append(told.value.seconds)
        house.later(seconds=told.value.seconds)
    return seconds


def test_a_good_login_clears_the_count(small: House) -> None:
    """Four failures, a good one, and four more are free again; the fifth is not."""
    for _ in range(2):
        for _ in range(4):
            small.refused()
        assert logins.check(small.practice, "ada", PASSWORD) == small.ada
    for _ in range(5):
        small.refused()
    with pytest.raises(LoginThrottled):
        logins.check(small.practice, "Ada", PASSWORD)
    assert logins.check.__doc__ and small.count(THROTTLES) == 1


def test_a_second_before_the_wait_is_over_is_too_soon(small: House) -> None:
    """And when it is over the right password is good at once."""
    for _ in range(5):
        small.refused()
    small.later(seconds=14)
    with pytest.raises(LoginThrottled) as told:
        logins.check(small.practice, "ada", PASSWORD)
    assert told.value.seconds == 1
    small.later(seconds=1)
    assert logins.check(small.practice, "ada", PASSWORD) == small.ada


def test_one_door_does_not_shut_another(small: House) -> None:
    """Somebody else's failures are not mine, nor are codes passwords."""
    for _ in range(5):
        small.refused("nobody")
        with pytest.raises(CodeRefused):
            small.code("000000")
    assert logins.check(small.practice, "ada", PASSWORD) == small.ada


def test_many_tries_at_once_are_heard_as_often_as_many_in_a_row(house: House) -> None:
    """Of twelve at the same time five are looked at."""

    def attempt(_: int) -> type[Exception]:
        try:
            logins.check(house.practice, "ada", OTHER)
        except (LoginRefused, LoginThrottled) as told:
            return type(told)
        raise AssertionError

    with ThreadPoolExecutor(6) as pool:
        seen = list(pool.map(attempt, range(12)))
    assert seen.count(LoginRefused) == 5 and seen.count(LoginThrottled) == 7


def test_the_count_of_a_day_ago_is_forgotten(small: House) -> None:
    """Its row is gone with the next try at any door, so that names which nobody has do not fill the table."""
    for number in range(6):
        small.refused(f"nobody{number}")
    small.later(hours=24)
    small.refused("somebody")
    assert small.count(THROTTLES) == 1


# ── codes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_app_counts_when_a_code_of_it_was_given(small: House) -> None:
    """Not before; a wrong code does not confirm it, and the code that did is used."""
    assert logins.second_of(small.practice, small.ada) == frozenset()
    uri = logins.begin_totp(small.practice, small.ada)
    totp, now = pyotp.parse_uri(uri), small.practice.now()
    assert uri.startswith("otpauth://totp/Aside:ada?") and "Quill" not in uri
    with pytest.raises(CodeRefused):
        logins.confirm_totp(small.practice, small.ada, pyotp.TOTP(pyotp.random_base32()).at(now), by=small.ada)
    with pytest.raises(CodeRefused):
        small.code(totp.at(now))
    assert logins.second_of(small.practice, small.ada) == frozenset()
    logins.confirm_totp(small.practice, small.ada, totp.at(now), by=small.ada)
    assert logins.second_of(small.practice, small.ada) == {"totp"}
    with pytest.raises(CodeRefused):
        small.code(totp.at(now))
    logins.drop_totp(small.practice, small.ada, by=small.ada)
    assert logins.second_of(small.practice, small.ada) == frozenset()


def test_a_code_is_good_half_a_minute_early_or_late(small: House) -> None:
    """And no more than that; spaces within are no fault."""
    totp = small.app()
    for steps in (-2, 2):
        with pytest.raises(CodeRefused):
            small.code(totp.at(small.practice.now(), counter_offset=steps))
    for steps in (-1, 0, 1):
        code = totp.at(small.practice.now(), counter_offset=steps)
        assert small.code(f" {code[:3]} {code[3:]} ") == "totp"


def test_a_code_is_taken_once_and_none_from_before_it(small: House) -> None:
    """The same again, and the one of the half minute before, which would have been good: refused. The next is good."""
    totp, now = small.app(), small.practice.now()
    assert small.code(totp.at(now)) == "totp"
    for code in (totp.at(now), totp.at(now, counter_offset=-1)):
        with pytest.raises(CodeRefused):
            small.code(code)
    assert small.code(totp.at(now, counter_offset=1)) == "totp"
    assert [event["outcome"] for event in small.told("login:code")] == ["ok", "denied", "denied", "ok"]


def test_a_code_used_twice_at_once_is_taken_once(house: House) -> None:
    """Two browsers at the same moment: one of them gets in."""
    code = house.app().at(house.practice.now())

    def attempt(_: int) -> bool:
        try:
            return house.code(code) == "totp"
        except CodeRefused:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1


def test_codes_are_throttled_as_passwords_are(small: House) -> None:
    """The fifth wrong code shuts the door for the right one too."""
    totp = small.app()
    for _ in range(5):
        with pytest.raises(CodeRefused):
            small.code("12345")
    with pytest.raises(LoginThrottled):
        small.code(totp.at(small.practice.now()))
    small.later(seconds=15)
    assert small.code(totp.at(small.practice.now())) == "totp"


def test_a_recovery_code_is_taken_once_by_its_owner(house: House) -> None:
    """There are ten, all different; typed in capitals, without hyphens, with O for nought; another person's does not fit."""
    bo = people.add_person(house.practice, Person("", "Bo Tern", Standing.CLINICIAN), by="setup").id
    theirs = logins.create(house.practice, bo, "bo", PASSWORD, by="setup")
    assert len({*house.codes, *theirs}) == 20
    with pytest.raises(CodeRefused):
        house.code(theirs[0])
    assert house.code(house.codes[3].upper().replace("-", "").replace("0", "O").replace("1", "l")) == "recovery"
    with pytest.raises(CodeRefused):
        house.code(house.codes[3])
    assert logins.codes_left(house.practice, house.ada) == 9 and logins.codes_left(house.practice, bo) == 10


def test_new_recovery_codes_void_the_old(small: House) -> None:
    """All of them, and the new ones are good."""
    fresh = logins.renew_codes(small.practice, small.ada, by=small.ada)
    with pytest.raises(CodeRefused):
        small.code(small.codes[0])
    assert small.code(fresh[0]) == "recovery"


def test_the_store_holds_no_password_no_code_and_no_secret(small: House) -> None:
    """Nothing that was typed or shown can be read in any row of the record."""
    totp = small.app()
    small.refused("somebody.else")
    with reading(small.practice.stores.record) as connection:
        rows = repr([connection.execute(sa.select(table)).all() for table in METADATA.sorted_tables])
    for words in (PASSWORD, OTHER, totp.secret, "somebody.else", *small.codes, *(code.replace("-", "") for code in small.codes)):
        assert words not in rows
    assert small.count(RECOVERY_CODES) == 10


def test_a_reset_leaves_nothing_of_what_was_lost(house: House) -> None:
    """Password, app, passkeys, recovery codes and sessions from before are gone; the login stays, and is not shut out."""
    house.app()
    token = sessions.begin(house.practice, house.ada, second=True)
    added(house, Authenticator(), token)
    for _ in range(5):
        house.refused()
    codes = logins.reset(house.practice, house.ada, OTHER, by="console")
    assert logins.second_of(house.practice, house.ada) == frozenset() and passkeys.listed(house.practice, house.ada) == ()
    with pytest.raises(SessionEnded):
        sessions.find(house.practice, token)
    assert logins.check(house.practice, "ada", OTHER) == house.ada
    with pytest.raises(CodeRefused):
        house.code(house.codes[0])
    assert house.code(codes[0]) == "recovery"


# ── passkeys ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """A security key with one P-256 pair, which counts its uses; as a browser at `origin` would speak for it."""

    def __init__(self, origin: str = ORIGIN, rp: str = RP) -> None:
        self.origin, self.rp = origin, rp
        self.id, self.count = secrets.token_bytes(24), 0
        self.pair = ec.generate_private_key(ec.SECP256R1())

    def _data(self, flags: int) -> bytes:
        return sha256(self.rp.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def create(self, options: dict) -> dict:
        point = self.pair.public_key().public_numbers()
        cose = encode_cbor({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        data = self._data(0x45) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        response = {
            "clientDataJSON": b64(self._client("create", options["challenge"])),
            "attestationObject": b64(encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response}

    def get(self, options: dict, *, verified: bool = True, counts: bool = True) -> dict:
        self.count += counts
        data, client = self._data(0x05 if verified else 0x01), self._client("get", options["challenge"])
        signature = self.pair.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response}


def added(house: House, key: Authenticator, token: str) -> str:
    return passkeys.registered(house.practice, token, key.create(asked(house, token)), rp_id=RP, origin=ORIGIN)


def asked(house: House, token: str) -> dict:
    return passkeys.registration_options(house.practice, token, rp_id=RP)


def wanted(house: House, token: str) -> dict:
    return passkeys.authentication_options(house.practice, token, rp_id=RP)


def proven(house: House, token: str, answer: dict) -> bool:
    return passkeys.authenticated(house.practice, token, answer, rp_id=RP, origin=ORIGIN)


@pytest.fixture
def keyed(small: House) -> tuple[House, Authenticator, str]:
    """Somebody with a passkey, and a session in which it was not used yet."""
    key = Authenticator()
    added(small, key, sessions.begin(small.practice, small.ada, second=False))
    return small, key, sessions.begin(small.practice, small.ada, second=False)


def test_a_passkey_is_made_and_proves_who_one_is(small: House) -> None:
    """Options name the login and no person; the passkey is a second factor from then on, is asked for, and is good again and again."""
    key, token = Authenticator(), sessions.begin(small.practice, small.ada, second=False)
    options = asked(small, token)
    assert options["user"]["name"] == "ada" and "Quill" not in json.dumps(options) and options["rp"]["id"] == RP
    name = passkeys.registered(small.practice, token, key.create(options), rp_id=RP, origin=ORIGIN)
    assert logins.second_of(small.practice, small.ada) == {"passkey"}
    options = wanted(small, token)
    assert [raw(one["id"]) for one in options["allowCredentials"]] == [key.id]
    assert proven(small, token, key.get(options)) is True
    small.later(minutes=1)
    assert proven(small, token, key.get(wanted(small, token), verified=False)) is False
    (kept,) = passkeys.listed(small.practice, small.ada)
    assert (kept.id, kept.used) == (name, small.practice.now())
    passkeys.remove(small.practice, small.ada, name, by=small.ada)
    with pytest.raises(PasskeyRefused):
        proven(small, token, key.get(wanted(small, token)))


def test_a_copied_passkey_is_found_by_its_count(house: House) -> None:
    """Two devices with the same pair: whichever counts no further than was seen is refused, though its signature is good; that is on the trail."""
    key, token = Authenticator(), sessions.begin(house.practice, house.ada, second=False)
    added(house, key, token)
    twin = Authenticator()
    twin.id, twin.pair, twin.count = key.id, key.pair, key.count
    assert proven(house, token, key.get(wanted(house, token)))
    with pytest.raises(PasskeyCopied):
        proven(house, token, twin.get(wanted(house, token)))
    assert house.told("passkey:used")[-1]["reason"] == "count"
    assert proven(house, token, twin.get(wanted(house, token)))  # the next count is one that was not seen: only then the other is
    with pytest.raises(PasskeyCopied):
        proven(house, token, key.get(wanted(house, token)))


def test_a_passkey_that_does_not_count_stays_good(keyed: tuple[House, Authenticator, str]) -> None:
    """Nought each time, as phones say, is no copy."""
    house, key, token = keyed
    for _ in range(2):
        assert proven(house, token, key.get(wanted(house, token), counts=False))


def _flip(answer: dict) -> None:
    data = bytearray(raw(answer["response"]["signature"]))
    data[-1] ^= 1
    answer["response"]["signature"] = b64(bytes(data))


ALTERED: dict[str, Callable[[dict], object]] = {
    "signature": _flip,
    "no signature": lambda answer: answer["response"].pop("signature"),
    "data": lambda answer: answer["response"].update(authenticatorData="AAAA"),
    "id": lambda answer: answer.update(id=None),
    "raw id": lambda answer: answer.update(rawId=b64(b"another")),
    "nothing": lambda answer: answer.clear(),
}


def test_an_answer_that_was_altered_is_refused(keyed: tuple[House, Authenticator, str]) -> None:
    """However it was, it is a refusal and told as one; the untouched answer to the next challenge is good."""
    house, key, token = keyed
    for alter in ALTERED.values():
        answer = key.get(wanted(house, token))
        alter(answer)
        with pytest.raises(PasskeyRefused):
            proven(house, token, answer)
    assert [event["outcome"] for event in house.told("passkey:used")] == ["denied"] * len(ALTERED)
    assert proven(house, token, key.get(wanted(house, token)))


def test_a_challenge_is_answered_once(keyed: tuple[House, Authenticator, str]) -> None:
    """Also where the first answer was refused, and by an authenticator that does not count; and one that was replaced is answered no more."""
    house, key, token = keyed
    options = wanted(house, token)
    assert proven(house, token, key.get(options, counts=False))
    with pytest.raises(PasskeyRefused):
        proven(house, token, key.get(options, counts=False))
    options = wanted(house, token)
    for answer in ({}, key.get(options)):
        with pytest.raises(PasskeyRefused):
            proven(house, token, answer)
    options, later = wanted(house, token), wanted(house, token)
    with pytest.raises(PasskeyRefused):
        proven(house, token, key.get(options))
    assert later["challenge"] != options["challenge"]


def test_a_challenge_waits_for_five_minutes(keyed: tuple[House, Authenticator, str]) -> None:
    """A second less is good, five minutes are not."""
    house, key, token = keyed
    for seconds, good in ((299, True), (300, False)):
        options = wanted(house, token)
        house.later(seconds=seconds)
        if good:
            assert proven(house, token, key.get(options))
        else:
            with pytest.raises(PasskeyRefused):
                proven(house, token, key.get(options))


def test_a_challenge_is_of_one_session_and_one_purpose(small: House) -> None:
    """One that asks for a new passkey is not answered by an old one, nor the other way round; nor is one of another session of the same person."""
    key, token, other = Authenticator(), *(sessions.begin(small.practice, small.ada, second=True) for _ in range(2))
    with pytest.raises(PasskeyRefused):
        passkeys.registered(small.practice, token, key.create(wanted(small, token)), rp_id=RP, origin=ORIGIN)
    added(small, key, token)
    with pytest.raises(PasskeyRefused):
        proven(small, token, key.get(asked(small, token)))
    wanted(small, token)
    with pytest.raises(PasskeyRefused):
        proven(small, token, key.get(wanted(small, other)))


def test_a_passkey_used_at_another_address_is_refused(small: House) -> None:
    """Made or used: a page that looks like ours gets nothing from it."""
    token, key = sessions.begin(small.practice, small.ada, second=True), Authenticator()
    added(small, key, token)
    for where in ({"origin": "https://desk.example.evil.example"}, {"origin": "http://desk.example:8443"}, {"rp": "evil.example"}):
        with pytest.raises(PasskeyRefused):
            added(small, Authenticator(**where), token)
        key.origin, key.rp = where.get("origin", ORIGIN), where.get("rp", RP)
        with pytest.raises(PasskeyRefused):
            proven(small, token, key.get(wanted(small, token)))
    key.origin, key.rp = ORIGIN, RP
    assert proven(small, token, key.get(wanted(small, token)))


def test_a_passkey_is_its_owners_alone(keyed: tuple[House, Authenticator, str]) -> None:
    """It does not log a colleague in, is not registered by another, and not removed by another."""
    house, key, _ = keyed
    bo = people.add_person(house.practice, Person("", "Bo Tern", Standing.CLINICIAN), by="setup").id
    logins.create(house.practice, bo, "bo", PASSWORD, by="setup")
    token = sessions.begin(house.practice, bo, second=False)
    with pytest.raises(PasskeyRefused):
        added(house, key, token)
    with pytest.raises(PasskeyRefused):
        proven(house, token, key.get(wanted(house, token)))
    (mine,) = passkeys.listed(house.practice, house.ada)
    with pytest.raises(NotKnown):
        passkeys.remove(house.practice, bo, mine.id, by=bo)


def test_a_password_alone_adds_no_passkey_beside_a_second_factor(small: House) -> None:
    """Else whoever has the password makes a second factor of their own; with the first one given it may be added."""
    small.app()
    token = sessions.begin(small.practice, small.ada, second=False)
    with pytest.raises(NotPermitted):
        asked(small, token)
    with pytest.raises(NotPermitted):
        passkeys.registered(small.practice, token, {}, rp_id=RP, origin=ORIGIN)
    added(small, Authenticator(), sessions.begin(small.practice, small.ada, second=True, old=token))
    assert logins.second_of(small.practice, small.ada) == {"totp", "passkey"}


# ── a backup ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_restored_practice_can_be_entered_and_nobody_is_in_it(small: House, tmp_path: Path) -> None:
    """Logins with password, app and recovery codes come back; sessions and counts of tries do not."""
    totp, token = small.app(), sessions.begin(small.practice, small.ada, second=True)
    for _ in range(5):
        small.refused()
    archive = tmp_path / backup.create(small.practice, tmp_path).file
    backup.bundle(small.practice, tmp_path / "keys.bundle")
    into = in_folder(tmp_path / "new")
    backup.restore(archive, tmp_path / "keys.bundle", small.halves, into, tmp_path / "new.key", now=NOW)
    restored = small.in_(into, keyfile.read(tmp_path / "new.key"))
    with pytest.raises(SessionEnded):
        sessions.find(restored.practice, token)
    assert restored.count(SESSIONS) == restored.count(THROTTLES) == 0
    assert logins.check(restored.practice, "ada", PASSWORD) == small.ada
    assert restored.code(totp.at(restored.practice.now())) == "totp" and restored.code(small.codes[0]) == "recovery"
    into.close()


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────────────


def aside_login(place: Place, *args: str, told: str = "") -> typer.testing.Result:
    app = typer.Typer()
    app.command(cls=commands.Command)(accounts_command.login)
    return CliRunner().invoke(app, list(args), input=told, env=place.env)


def test_an_administrator_gives_a_login(tmp_path: Path) -> None:
    """Ten recovery codes are printed, one a line; the password is asked for twice; then it is good."""
    place = copied(tmp_path)
    done = aside_login(place, place.ada, "--login", "ada", "--as", place.di, told=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    codes = re.findall(r"^(?:[0-9a-z]{4}-){3}[0-9a-z]{4}$", done.stdout, re.M)
    assert len(codes) == 10 and PASSWORD not in done.output
    with place.practice() as practice:
        assert logins.check(practice, "ada", PASSWORD) == place.ada
        assert logins.check_code(practice, place.ada, codes[0]) == "recovery"
    assert [event["actor"] for event in place.told("login:created")] == [place.di]


def test_nobody_else_does(tmp_path: Path) -> None:
    """Not a clinician, not a supervisor; not a second login; not to somebody who is not there; and a reset is asked for by name."""
    place = copied(tmp_path)
    words = str(place.secret(PASSWORD, "password"))
    given = ("--login", "ada", "--password-file", words)
    for who in (place.cy, place.sue, place.bo):
        refused = aside_login(place, place.ada, *given, "--as", who)
        assert refused.exit_code == 1 and refused.stdout == "" and who in refused.stderr
    assert aside_login(place, "P0", *given).exit_code == 1
    assert "--login" in aside_login(place, place.ada, "--password-file", words).stderr
    assert aside_login(place, place.ada, *given).exit_code == 0
    assert "--reset" in aside_login(place, place.ada, *given).stderr
    assert aside_login(place, place.ada, "--reset", "--login", "quill", "--password-file", words).exit_code == 2
    again = aside_login(place, place.ada, "--reset", "--password-file", str(place.secret(OTHER, "other")))
    assert again.exit_code == 0 and len(again.stdout.split()) == 10
    with place.practice() as practice:
        assert logins.check(practice, "ada", OTHER) == place.ada
