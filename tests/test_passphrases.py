"""A person's keys under a passphrase: what opens them, what does not, and what a machine that dies half-way leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from nacl.signing import VerifyKey

from drafting.errors import Conflict, KeyMissing, KeyWrong, PassphraseWeak, PassphraseWrong
from drafting.record.keys import PRACTICE, RECOVERY, Keyring, Opener, kit
from drafting.record.keys.passphrases import Unlocked, change, enrol, regain, renew, unlock, verify_key
from drafting.record.store import reading, writing
from drafting.record.store.tables.keyring import HOLDERS
from tests.keyrings import dies_at, keyring_in
from tests.stores import CHEAP

NOW = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
OLD, NEW = "four quiet herons", "an umbrella for Tuesday"


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    made = keyring_in(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def her(keyring: Keyring) -> Unlocked:
    return enrol(keyring, "P1", OLD, now=NOW, cost=CHEAP)


def altered(keyring: Keyring, person: str = "P1", **values: object) -> None:
    with writing(keyring.engine) as connection:
        connection.execute(HOLDERS.update().where(HOLDERS.c.id == f"person/{person}").values(**values))


def row(keyring: Keyring, person: str = "P1") -> sa.Row:
    with reading(keyring.engine) as connection:
        return connection.execute(sa.select(HOLDERS).where(HOLDERS.c.id == f"person/{person}", HOLDERS.c.private_sealed.is_not(None))).one()


def test_the_passphrase_opens_the_same_keys_again(keyring: Keyring, her: Unlocked) -> None:
    """What was wrapped to her opens, and what she signs is checked by her public key; nothing of a key is in a repr."""
    secret = keyring.make("private/N1", ["person/P1"])
    again = unlock(keyring, "P1", OLD)
    assert again == her and keyring.open("private/N1", again.opener) == secret
    VerifyKey(verify_key(keyring, again.key_id)).verify(b"note", again.sign(b"note"))
    assert str(again.opener.private) not in repr(again) and str(again.signing) not in repr(again)


@pytest.mark.parametrize(
    ("typed", "opens"),
    [
        ("Zoë's blue café 7", True),
        ("Zoe\u0308's blue cafe\u0301 7", True),
        ("  Zoë's   blue café\u00a07\n", True),
        ("Zoë's blue ｃａｆé 7", True),
        ("zoë's blue café 7", False),
        ("Zoe's blue café 7", False),
        ("Zoë'sbluecafé7", False),
        ("Zoë's blue café 77", False),
        ("", False),
        ("\udcff broken keyboard", False),
    ],
)
def test_one_passphrase_from_any_keyboard(keyring: Keyring, typed: str, opens: bool) -> None:
    """Composed or not, full width or not, with spare spaces: the same. Another case, accent or letter, or none: wrong, and it says whose."""
    enrol(keyring, "P1", "Zoë's blue café 7", now=NOW, cost=CHEAP)
    if opens:
        assert unlock(keyring, "P1", typed)
    else:
        with pytest.raises(PassphraseWrong, match="P1") as told:
            unlock(keyring, "P1", typed)
        assert "blue" not in str(told.value)


@pytest.mark.parametrize("passphrase", ["", " " * 40, "short", "nine char", "a        b", "\u00a0\u2003" * 9])
def test_a_weak_passphrase_is_refused_and_changes_nothing(keyring: Keyring, her: Unlocked, passphrase: str) -> None:
    """Ten characters at least, and spaces do not make them up: at the first keys, at a change and at new keys."""
    for attempt in (
        lambda: enrol(keyring, "P2", passphrase, now=NOW, cost=CHEAP),
        lambda: change(keyring, her, passphrase, cost=CHEAP),
        lambda: renew(keyring, her, passphrase, now=NOW, cost=CHEAP),
    ):
        with pytest.raises(PassphraseWeak, match="10"):
            attempt()
    assert unlock(keyring, "P1", OLD) == her
    with pytest.raises(KeyMissing):
        unlock(keyring, "P2", passphrase)


def test_nobody_is_enrolled_twice(keyring: Keyring, her: Unlocked) -> None:
    """A second enrolment would cut her off from everything, and is refused."""
    with pytest.raises(Conflict):
        enrol(keyring, "P1", NEW, now=NOW, cost=CHEAP)
    assert unlock(keyring, "P1", OLD) == her


def test_keys_that_were_altered_are_told_from_a_wrong_passphrase(keyring: Keyring, her: Unlocked) -> None:
    """Bytes cut short, a cost that is none or would eat the machine, or another's public half put in her row: the key is wrong, whatever she types."""
    good = row(keyring)
    cases = [
        {"private_sealed": good.private_sealed[:-1]},
        {"private_sealed": b""},
        {"salt": good.salt[:8]},
        *({"cost": cost} for cost in ("", "1,8", "1,8,1,1", "0,8,1", "99,8,1", "1,9999999,1", "1,8,9", "one,8,1")),
        {"public": bytes(32)},
        {"verify": bytes(32)},
    ]
    for case in cases:
        altered(keyring, **case)
        with pytest.raises(KeyWrong):
            unlock(keyring, "P1", OLD)
        altered(keyring, **{name: getattr(good, name) for name in case})
    assert unlock(keyring, "P1", OLD) == her


def test_one_persons_keys_do_not_open_in_anothers_row(keyring: Keyring, her: Unlocked) -> None:
    """Even under the same passphrase, salt and cost: the place is bound."""
    enrol(keyring, "P2", OLD, now=NOW, cost=CHEAP)
    mine = row(keyring)
    altered(keyring, "P2", **{name: getattr(mine, name) for name in ("public", "verify", "salt", "cost", "private_sealed")})
    with pytest.raises(PassphraseWrong):
        unlock(keyring, "P2", OLD)


def test_another_passphrase_for_the_same_keys(keyring: Keyring, her: Unlocked) -> None:
    """After a change the new one opens the very same keys and the old one opens nothing, in no byte of the files either."""
    before = row(keyring).private_sealed
    change(keyring, her, NEW, cost=CHEAP)
    assert unlock(keyring, "P1", NEW) == her
    with pytest.raises(PassphraseWrong):
        unlock(keyring, "P1", OLD)
    folder = keyring.engine.url.database.rpartition("/")[0]
    assert before not in b"".join(p.read_bytes() for p in Path(folder).iterdir())


def test_new_keys_open_all_that_the_old_ones_did(keyring: Keyring, her: Unlocked) -> None:
    """Everything is wrapped to the new ones, new secrets too; the old private half is gone; an old signature is still checked; and whoever still has
    the old keys in hand changes nothing with them."""
    secrets = {name: keyring.make(name, ["person/P1"]) for name in ("private/N1", "private/N2")}
    signed = her.sign(b"note")
    fresh = renew(keyring, her, NEW, now=NOW, cost=CHEAP)
    secrets["private/N3"] = keyring.make("private/N3", ["person/P1"])
    assert unlock(keyring, "P1", NEW) == fresh and fresh.key_id == "person/P1/2"
    assert {name: keyring.open(name, fresh.opener) for name in secrets} == secrets
    for name in secrets:
        with pytest.raises(KeyWrong):
            keyring.open(name, her.opener)
    with pytest.raises(PassphraseWrong):
        unlock(keyring, "P1", OLD)
    VerifyKey(verify_key(keyring, her.key_id)).verify(b"note", signed)
    for stale in (lambda: change(keyring, her, OLD, cost=CHEAP), lambda: renew(keyring, her, OLD, now=NOW, cost=CHEAP)):
        with pytest.raises(Conflict):
            stale()
    assert unlock(keyring, "P1", NEW) == fresh


@pytest.mark.parametrize("step", range(1, 9))
@pytest.mark.parametrize("act", ["change", "renew"])
def test_cut_anywhere_one_of_the_two_opens_everything(keyring: Keyring, her: Unlocked, act: str, step: int) -> None:
    """Whichever statement it dies at, one of the two passphrases opens the keys, and those open every secret."""
    secrets = {name: keyring.make(name, ["person/P1"]) for name in ("private/N1", "private/N2")}
    with dies_at(step, keyring.engine):
        if act == "change":
            change(keyring, her, NEW, cost=CHEAP)
        else:
            renew(keyring, her, NEW, now=NOW, cost=CHEAP)
    found = []
    for passphrase in (OLD, NEW):
        try:
            found.append(unlock(keyring, "P1", passphrase))
        except PassphraseWrong:
            continue
    assert len(found) == 1
    assert {name: keyring.open(name, found[0].opener) for name in secrets} == secrets


def test_a_forgotten_passphrase_is_made_good_by_the_kit(keyring: Keyring, her: Unlocked) -> None:
    """New keys open what the kit opens too; what the kit does not hold is lost to her and stands in nobody's way, now or when she renews."""
    halves = kit.make(keyring, now=NOW)
    kit.prove(keyring, *halves, now=NOW)
    secret = keyring.make("private/N1", ["person/P1", RECOVERY])
    keyring.make("supervision/S1", ["person/P1", PRACTICE])
    fresh, count = regain(keyring, "P1", kit.joined(keyring, *halves), NEW, now=NOW, cost=CHEAP)
    assert count == 1 and unlock(keyring, "P1", NEW) == fresh
    again = renew(keyring, fresh, OLD, now=NOW, cost=CHEAP)
    assert keyring.open("private/N1", again.opener) == secret
    with pytest.raises(KeyMissing):
        keyring.open("supervision/S1", again.opener)
    with pytest.raises(KeyWrong):
        regain(keyring, "P1", Opener(RECOVERY, 1, bytes(32)), NEW, now=NOW, cost=CHEAP)
    assert unlock(keyring, "P1", OLD) == again


@pytest.mark.parametrize("key", ["person/P1/2", "person/P2/1", "person/P1", "", "/", "person/P1/x", "person/P1/9" * 9, "person/P1/-1", "recovery/1"])
def test_an_unknown_signing_key_is_missing(keyring: Keyring, her: Unlocked, key: str) -> None:
    """A key id that is none of ours, or none at all, is said to be missing."""
    with pytest.raises(KeyMissing):
        verify_key(keyring, key)
