"""Sessions: how long they last, what they open, and that a stolen store opens nothing of it."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from drafting.errors import KeyMissing, KeyWrong, NotKnown, PassphraseWrong
from drafting.record import people
from drafting.record.accounts import sessions
from drafting.record.accounts.sessions import ABSOLUTE, IDLE, PRIVATE_IDLE, SITTING, Locked, SessionEnded
from drafting.record.accounts.throttling import LoginThrottled
from drafting.record.keys import Place, opened, passphrases
from drafting.record.practice import Practice
from drafting.record.store import Stores, reading, writing
from drafting.record.store.tables.record import AUDIT, SESSIONS
from drafting.types.record import Person, Standing
from tests import stores as of_tests
from tests.stores import CHEAP

PASSPHRASE = "quiet green lanterns"
SECOND = timedelta(seconds=1)


class Room:
    """A practice with two people who have keys, and a session of the first."""

    def __init__(self, stores: Stores) -> None:
        self.practice = of_tests.opened(stores)
        self.ada, self.bo = (self._person(name) for name in ("Ada Quill", "Bo Tern"))
        self.keys = {who: passphrases.enrol(self.practice.keyring, who, PASSPHRASE, now=self.now, cost=CHEAP) for who in (self.ada, self.bo)}
        self.token = self.begun()

    def _person(self, name: str) -> str:
        return people.add_person(self.practice, Person("", name, Standing.CLINICIAN), by="setup").id

    def begun(self, person: str | None = None, **more: object) -> str:
        return sessions.begin(self.practice, person or self.ada, second=more.pop("second", True), **more)

    @property
    def now(self):
        return self.practice.now()

    def later(self, span: timedelta) -> None:
        self.practice.now.at += span

    def ended(self, token: str | None = None) -> bool:
        try:
            sessions.find(self.practice, self.token if token is None else token)
        except SessionEnded:
            return True
        return False

    def told(self, action: str) -> list[dict]:
        with reading(self.practice.stores.record) as connection:
            events = [json.loads(body) for body in connection.scalars(sa.select(AUDIT.c.body).order_by(AUDIT.c.seq))]
        return [event for event in events if event["action"] == action]

    def rows(self) -> list[sa.Row]:
        with reading(self.practice.stores.record) as connection:
            return list(connection.execute(sa.select(SESSIONS).order_by(SESSIONS.c.begun, SESSIONS.c.id)))


@pytest.fixture
def room(stores: Stores) -> Room:
    return Room(stores)


@pytest.fixture
def small(sqlite_stores: Stores) -> Room:
    return Room(sqlite_stores)


# ── how long ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_is_found_by_its_token_alone(room: Room) -> None:
    """Whose it is and how it began; another token, none, a digest from the store or the session's id finds nothing."""
    found = sessions.find(room.practice, room.token)
    assert (found.person, found.begun, found.seen, found.second) == (room.ada, room.now, room.now, True)
    assert (found.stepped, found.private_until, found.unlocked) == (None, None, False)
    (row,) = room.rows()
    for wrong in ("", room.token[:-1], room.token.swapcase(), row.id, row.token.hex(), "\udcff\x00"):
        assert room.ended(wrong)
    assert not room.ended()


def test_what_is_idle_for_half_an_hour_ends(room: Room) -> None:
    """A second before it does not, and each use counts anew; the end is told with its reason, once."""
    for _ in range(3):
        room.later(IDLE - SECOND)
        assert not room.ended()
    room.later(IDLE)
    assert room.ended() and room.ended()
    assert [(e["actor"], e["reason"]) for e in room.told("session:ended")] == [("service", "timeout")]
    assert room.rows() == []


def test_twelve_hours_are_the_end_however_busy_it_is(room: Room) -> None:
    """Used every few minutes, it ends at twelve hours all the same."""
    for _ in range(12 * 6 - 1):
        room.later(timedelta(minutes=10))
        assert not room.ended()
    room.later(timedelta(minutes=10) - SECOND)
    assert not room.ended()
    room.later(SECOND)
    assert room.ended()


def test_that_somebody_was_here_is_written_once_a_minute(small: Room) -> None:
    """Not at every request, and without an event; the trail is as long as before."""
    seen, told = set(), small.practice.audit_verify()
    for _ in range(60):
        small.later(timedelta(seconds=5))
        assert sessions.find(small.practice, small.token).seen == small.now
        seen.add(small.rows()[0].seen)
    assert len(seen) == 6 and small.practice.audit_verify() == told


def test_a_token_is_replaced_at_each_change_of_standing(room: Room) -> None:
    """The one from before the second factor opens nothing; somebody else's session goes on; who comes after on a shared tablet finds nothing open."""
    first, other = room.begun(second=False), room.begun(room.bo)
    sessions.unlock(room.practice, first, PASSPHRASE)
    second = room.begun(second=True, old=first)
    assert second != first and room.ended(first) and sessions.find(room.practice, second).second
    with pytest.raises(Locked):
        sessions.unlocked(room.practice, second)
    sessions.unlock(room.practice, second, PASSPHRASE)
    switched = room.begun(room.bo, old=second)
    assert room.ended(second) and sessions.find(room.practice, switched).person == room.bo
    with pytest.raises(Locked):
        sessions.unlocked(room.practice, switched)
    assert not room.ended(other) and not room.ended()


def test_logging_out_ends_one_session_or_all(room: Room) -> None:
    """On every machine of that person and no other's; to log out twice is no fault."""
    again, other = room.begun(), room.begun(room.bo)
    sessions.end(room.practice, room.token)
    sessions.end(room.practice, room.token)
    assert room.ended() and not room.ended(again)
    room.begun()
    assert sessions.end_all(room.practice, room.ada) == 2
    assert sessions.end_all(room.practice, room.ada) == 0
    assert room.ended(again) and not room.ended(other)
    assert len(room.told("session:ended")) == 3


def test_what_nobody_came_back_to_is_swept_away(small: Room) -> None:
    """By the next that begins, and it is told; one that stands is not touched."""
    small.later(IDLE - SECOND)
    stands = small.begun(small.bo)
    small.later(SECOND)
    small.begun(small.bo)
    assert [row.person for row in small.rows()] == [small.bo, small.bo] and not small.ended(stands)
    assert [event["reason"] for event in small.told("session:ended")] == ["timeout"]


def test_nobody_unknown_begins_one(small: Room) -> None:
    """A session is somebody's who is there."""
    with pytest.raises(NotKnown):
        small.begun("P0")


# ── the keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_passphrase_opens_the_keys_for_the_session(room: Room) -> None:
    """For any process that has the token, and for no other session of the same person; locked again they are gone, and private notes close."""
    with pytest.raises(Locked):
        sessions.unlocked(room.practice, room.token)
    given = sessions.unlock(room.practice, room.token, PASSPHRASE)
    elsewhere = Practice(room.practice.stores, room.practice.keyring, room.practice.now)
    found = sessions.unlocked(elsewhere, room.token)
    assert (
        (found.opener, found.signing, found.person)
        == (given.opener, given.signing, room.ada)
        == (room.keys[room.ada].opener, given.signing, room.ada)
    )
    assert sessions.find(room.practice, room.token).unlocked
    with pytest.raises(Locked):
        sessions.unlocked(room.practice, room.begun())
    sessions.open_private(room.practice, room.token, PASSPHRASE)
    sessions.lock(room.practice, room.token)
    assert not sessions.use_private(room.practice, room.token)
    with pytest.raises(Locked):
        sessions.unlocked(room.practice, room.token)


def test_a_wrong_passphrase_is_told_and_throttled(room: Room) -> None:
    """It opens nothing; after five even the right one waits; then it is good, and a person without keys is told so."""
    for _ in range(5):
        with pytest.raises(PassphraseWrong):
            sessions.unlock(room.practice, room.token, "quiet green lantern")
    with pytest.raises(LoginThrottled):
        sessions.open_private(room.practice, room.token, PASSPHRASE)
    assert [event["outcome"] for event in room.told("person:unlocked")] == ["denied"] * 5
    room.later(timedelta(seconds=15))
    sessions.unlock(room.practice, room.token, PASSPHRASE)
    sessions.unlock(room.practice, room.begun(room.bo), PASSPHRASE)
    cy = people.add_person(room.practice, Person("", "Cy Marsh", Standing.RECORDS), by="setup").id
    with pytest.raises(KeyMissing):
        sessions.unlock(room.practice, room.begun(cy), PASSPHRASE)


def test_a_right_passphrase_clears_the_count(small: Room) -> None:
    """Four wrong ones, a right one, and four more do not shut it."""
    for _ in range(2):
        for _ in range(4):
            with pytest.raises(PassphraseWrong):
                sessions.unlock(small.practice, small.token, "quiet green lantern")
        sessions.unlock(small.practice, small.token, PASSPHRASE)


def test_a_stolen_store_opens_nothing(small: Room) -> None:
    """Neither the token nor a key is in it, and what it has of the token is not what seals; keys moved to another row do not open."""
    keys = sessions.unlock(small.practice, small.token, PASSPHRASE)
    (row,) = small.rows()
    assert row.token == hashlib.sha256(small.token.encode()).digest()
    held = b"".join(bytes(str(value), "utf-8") if not isinstance(value, bytes) else value for value in row)
    for secret in (small.token.encode(), keys.signing, keys.opener.private):
        assert secret not in held
    for known, opens in ((small.token.encode(), True), (row.token, False), (row.token.hex().encode(), False), (row.id.encode(), False)):
        key = HKDF(SHA256(), 32, None, b"aside session keys").derive(known)
        try:
            assert keys.signing in opened(key, row.keys_sealed, Place("sessions", row.id, "keys")) and opens
        except KeyWrong:
            assert not opens
    thief = small.begun(small.ada)
    with writing(small.practice.stores.record) as connection:
        connection.execute(SESSIONS.update().where(SESSIONS.c.id != row.id).values(keys_sealed=row.keys_sealed))
    with pytest.raises(KeyWrong):
        sessions.unlocked(small.practice, thief)
    for shown in (repr(keys), repr(sessions.find(small.practice, small.token))):
        assert small.token not in shown and repr(keys.signing)[2:-1] not in shown


def test_keys_that_were_replaced_are_not_held_on_to(small: Room) -> None:
    """After somebody else knew the passphrase and other keys were made, a session from before is locked; the same keys under another passphrase
    stay open."""
    keys = sessions.unlock(small.practice, small.token, PASSPHRASE)
    passphrases.change(small.practice.keyring, keys, "slow brown herons", cost=CHEAP)
    assert sessions.unlocked(small.practice, small.token).opener == keys.opener
    fresh = passphrases.renew(small.practice.keyring, keys, "seven white geese", now=small.now, cost=CHEAP)
    with pytest.raises(Locked):
        sessions.unlocked(small.practice, small.token)
    sessions.unlock(small.practice, small.token, "seven white geese")
    assert sessions.unlocked(small.practice, small.token).opener == fresh.opener


def test_what_ends_while_a_passphrase_is_looked_at_is_not_opened(small: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that was ended meanwhile is not there again with keys in it."""
    unlock = passphrases.unlock

    def ending(*args: object) -> object:
        sessions.end(small.practice, small.token)
        return unlock(*args)

    monkeypatch.setattr(passphrases, "unlock", ending)
    with pytest.raises(SessionEnded):
        sessions.unlock(small.practice, small.token, PASSPHRASE)
    assert small.rows() == [] and small.told("person:unlocked") == []


# ── a sitting, and private notes ──────────────────────────────────────────────────────────────────────────────────────


def test_a_step_up_holds_for_a_quarter_of_an_hour(room: Room) -> None:
    """Not before it, not a moment longer though notes be signed meanwhile, and not in another session."""
    assert not sessions.stepped(sessions.find(room.practice, room.token), room.now)
    sessions.step_up(room.practice, room.token)
    other = room.begun()
    for span in (SITTING / 2, SITTING / 2 - SECOND):
        assert sessions.stepped(sessions.find(room.practice, room.token), room.now)
        assert not sessions.stepped(sessions.find(room.practice, other), room.now)
        room.later(span)
    assert sessions.stepped(sessions.find(room.practice, room.token), room.now)
    room.later(SECOND)
    assert not sessions.stepped(sessions.find(room.practice, room.token), room.now)
    assert [event["actor"] for event in room.told("session:stepped_up")] == [room.ada]


def test_private_notes_close_after_five_minutes_without_use(room: Room) -> None:
    """Each use slides it on; the session itself does not; the keys that were opened with them stay open."""
    assert not sessions.use_private(room.practice, room.token)
    sessions.open_private(room.practice, room.token, PASSPHRASE)
    for _ in range(4):
        room.later(PRIVATE_IDLE - SECOND)
        assert sessions.use_private(room.practice, room.token)
    room.later(PRIVATE_IDLE - SECOND)
    assert sessions.find(room.practice, room.token).private_until == room.now + SECOND
    room.later(SECOND)
    assert sessions.find(room.practice, room.token).private_until is None
    assert not sessions.use_private(room.practice, room.token)
    assert sessions.unlocked(room.practice, room.token).person == room.ada


def test_the_keys_alone_do_not_open_private_notes(small: Room) -> None:
    """They ask for the passphrase again, and a wrong one leaves them closed; closed by hand they are closed at once."""
    sessions.unlock(small.practice, small.token, PASSPHRASE)
    assert not sessions.use_private(small.practice, small.token)
    with pytest.raises(PassphraseWrong):
        sessions.open_private(small.practice, small.token, "quiet green lantern")
    assert not sessions.use_private(small.practice, small.token)
    sessions.open_private(small.practice, small.token, PASSPHRASE)
    assert sessions.use_private(small.practice, small.token)
    sessions.close_private(small.practice, small.token)
    assert not sessions.use_private(small.practice, small.token)
    assert [event["outcome"] for event in small.told("private:opened")] == ["denied", "ok"] and len(small.told("private:closed")) == 1


def test_twelve_hours_end_what_was_opened_too(small: Room) -> None:
    """Nothing that needs a session goes on without one."""
    sessions.open_private(small.practice, small.token, PASSPHRASE)
    small.later(ABSOLUTE)
    for use in (sessions.unlocked, sessions.use_private, sessions.step_up, sessions.close_private, sessions.lock):
        with pytest.raises(SessionEnded):
            use(small.practice, small.token)
