"""The recovery kit: its halves, typed by people; its proof; and a new one in place of the old."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drafting.errors import KeyMissing, KeyWrong, KitError
from drafting.record.keys import PRACTICE, RECOVERY, Keyring, kit
from drafting.record.keys.scrubbing import NotScrubbed
from drafting.record.store import reading, writing
from drafting.record.store.tables.keyring import HOLDERS, WRAPPED
from tests.keyrings import dies_at, impatient, keyring_in

NOW = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    made = keyring_in(tmp_path)
    yield made
    made.engine.dispose()


def proven_kit(keyring: Keyring) -> tuple[str, str]:
    halves = kit.make(keyring, now=NOW)
    kit.prove(keyring, *halves, now=NOW)
    return halves


# ── the halves ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_halves_open_and_neither_alone(keyring: Keyring) -> None:
    """In either order they make the key; one twice, or one of another kit, does not, and it says why."""
    one, two = halves = kit.make(keyring, now=NOW)
    secret = keyring.make("client/C1", [PRACTICE, RECOVERY])
    assert keyring.open("client/C1", kit.joined(keyring, *halves)) == keyring.open("client/C1", kit.joined(keyring, two, one)) == secret
    for pair in ((one, one), (two, two)):
        with pytest.raises(KitError, match="same one"):
            kit.joined(keyring, *pair)
    other = kit.make(keyring, now=NOW)
    with pytest.raises(KitError, match="kit 1, the other of kit 2"):
        kit.joined(keyring, one, other[1])
    with pytest.raises(KitError, match="present kit"):
        kit.joined(keyring, *halves)


def test_halves_of_another_practice_are_not_ours(keyring: Keyring, tmp_path: Path) -> None:
    """The same version, the same form, another kit."""
    elsewhere = keyring_in(tmp_path / "elsewhere")
    other = kit.make(elsewhere, now=NOW)
    ours = kit.make(keyring, now=NOW)
    for halves in (other, (ours[0], other[1])):
        with pytest.raises(KitError, match="present kit"):
            kit.prove(keyring, *halves, now=NOW)
    assert not kit.proven(keyring)
    elsewhere.engine.dispose()


@pytest.mark.parametrize(
    "typed",
    [
        str.lower,
        lambda half: f"  {half}\n",
        lambda half: half.replace("-", " "),
        lambda half: half.replace("-", "\n- "),
        lambda half: half.replace("-", "–"),
        lambda half: half[:10] + half[10:].replace("O", "0").replace("I", "1").replace("B", "8"),
    ],
)
def test_how_people_type_is_forgiven(keyring: Keyring, typed: Callable[[str], str]) -> None:
    """Small letters, spaces and line breaks, dashes from another program, and digits that look like letters."""
    halves = kit.make(keyring, now=NOW)
    kit.prove(keyring, *map(typed, halves), now=NOW)
    assert kit.proven(keyring)


@pytest.fixture
def printed(keyring: Keyring) -> tuple[str, str]:
    return kit.make(keyring, now=NOW)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_half_that_is_mistyped_is_named(keyring: Keyring, printed: tuple[str, str], data: st.DataObject) -> None:
    """One letter wrong, two exchanged, one missing or one too many, anywhere: never a key, and it says which half."""
    halves = list(printed)
    which = data.draw(st.integers(0, 1))
    half = halves[which]
    at = data.draw(st.integers(half.index("-", 8) + 1, len(half) - 2).filter(lambda i: half[i] != "-" and half[i + 1] != "-"))
    letter = data.draw(st.sampled_from(sorted(set(string.ascii_uppercase + "234567") - {half[at]})))
    ways = [half[:at] + letter + half[at + 1 :], half[:at] + half[at + 1 :], half[:at] + letter + half[at:]]
    if half[at] != half[at + 1]:
        ways.append(half[:at] + half[at + 1] + half[at] + half[at + 2 :])
    halves[which] = data.draw(st.sampled_from(ways))
    with pytest.raises(KitError, match=f"half {which + 1}"):
        kit.joined(keyring, *halves)


@pytest.mark.parametrize(
    "typed", ["", "ASIDE", "ASIDE-1-1", "ASIDE-1-3-ABCDE", "ASIDE-" + "9" * 5000 + "-1-ABCDE", "ASIDE-1-1-Ж", "ASIDE-1-1-====", "ASIDE-²-1-AB"]
)
def test_what_is_no_half_is_said_to_be_none(keyring: Keyring, typed: str) -> None:
    """Anything at all may be pasted in."""
    with pytest.raises(KitError):
        kit.joined(keyring, typed, kit.make(keyring, now=NOW)[1])


# ── the proof ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_kit_is_proven_by_opening_what_it_is_there_for(keyring: Keyring) -> None:
    """Before, it is not; a secret of its that does not open keeps it so."""
    halves = kit.make(keyring, now=NOW)
    keyring.make("practice/names", [PRACTICE, RECOVERY])
    assert not kit.proven(keyring) and kit.awaited(keyring) == 1
    with writing(keyring.engine) as connection:
        good = connection.scalar(sa.select(WRAPPED.c.body).where(WRAPPED.c.holder == RECOVERY))
        connection.execute(WRAPPED.update().where(WRAPPED.c.holder == RECOVERY).values(body=good[:-1] + bytes([good[-1] ^ 1])))
    with pytest.raises(KeyWrong, match="practice/names"):
        kit.prove(keyring, *halves, now=NOW)
    assert not kit.proven(keyring)
    with writing(keyring.engine) as connection:
        connection.execute(WRAPPED.update().where(WRAPPED.c.holder == RECOVERY).values(body=good))
    kit.prove(keyring, *halves, now=NOW)
    assert kit.proven(keyring) and kit.awaited(keyring) is None
    kit.prove(keyring, *halves, now=NOW)


def test_a_kit_that_was_never_printed_is_made_again(keyring: Keyring) -> None:
    """Not proven, it is replaced by the practice's own key, and the first halves are worth nothing; where it holds what only it opens, it is not."""
    lost = kit.make(keyring, now=NOW)
    secret = keyring.make("practice/names", [PRACTICE, RECOVERY])
    halves = proven_kit(keyring)
    assert keyring.open("practice/names", kit.joined(keyring, *halves)) == secret
    with pytest.raises(KitError):
        kit.joined(keyring, *lost)


def test_an_unproven_kit_that_alone_opens_something_is_kept(keyring: Keyring) -> None:
    """To replace it would lose that; without the practice's key nothing is replaced at all."""
    halves = kit.make(keyring, now=NOW)
    keyring.make("practice/names", [PRACTICE, RECOVERY])
    with pytest.raises(KeyMissing):
        kit.make(Keyring(keyring.engine, None), now=NOW)
    secret = keyring.make("private/N1", [RECOVERY])
    with pytest.raises(KitError, match="nobody else"):
        kit.make(keyring, now=NOW)
    assert keyring.open("private/N1", kit.joined(keyring, *halves)) == secret


# ── a new kit ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_kit_takes_over_when_it_is_proven(keyring: Keyring) -> None:
    """Until then the old one opens everything, old secrets and new; then the new one does, and the old one nothing."""
    old = proven_kit(keyring)
    secrets = {"private/N1": keyring.make("private/N1", [RECOVERY])}
    opener = kit.joined(keyring, *old)
    new = kit.make(keyring, now=NOW, renewing=opener)
    secrets["private/N2"] = keyring.make("private/N2", [RECOVERY])
    assert kit.proven(keyring) and kit.awaited(keyring) == 2
    assert {name: keyring.open(name, kit.joined(keyring, *old)) for name in secrets} == secrets
    with pytest.raises(KitError):
        kit.joined(keyring, *new)
    kit.prove(keyring, *new, now=NOW)
    secrets["private/N3"] = keyring.make("private/N3", [RECOVERY])
    assert kit.awaited(keyring) is None
    assert {name: keyring.open(name, kit.joined(keyring, *new)) for name in secrets} == secrets
    for name in secrets:
        with pytest.raises(KeyWrong):
            keyring.open(name, opener)
    for halves in (old, (old[0], new[1])):
        with pytest.raises(KitError):
            kit.joined(keyring, *halves)


def test_a_new_kit_whose_halves_were_lost_costs_nothing(keyring: Keyring) -> None:
    """The old one still makes another; the one that was lost is never taken; and without the old one there is none."""
    old = proven_kit(keyring)
    secret = keyring.make("private/N1", [RECOVERY])
    lost = kit.make(keyring, now=NOW, renewing=kit.joined(keyring, *old))
    with pytest.raises(KitError, match="both its halves"):
        kit.make(keyring, now=NOW)
    found = kit.make(keyring, now=NOW, renewing=kit.joined(keyring, *old))
    with pytest.raises(KitError):
        kit.prove(keyring, *lost, now=NOW)
    kit.prove(keyring, *found, now=NOW)
    assert keyring.open("private/N1", kit.joined(keyring, *found)) == secret


@pytest.mark.parametrize("step", range(1, 14))
def test_cut_while_it_takes_over_one_of_the_two_opens_everything(keyring: Keyring, step: int) -> None:
    """Whichever statement it dies at, either the old halves open every secret or the new ones do; proving again ends it."""
    old = proven_kit(keyring)
    secrets = {name: keyring.make(name, [RECOVERY]) for name in ("private/N1", "private/N2")}
    new = kit.make(keyring, now=NOW, renewing=kit.joined(keyring, *old))
    with dies_at(step, keyring.engine):
        kit.prove(keyring, *new, now=NOW)
    for halves in (old, new):
        try:
            opener = kit.joined(keyring, *halves)
        except KitError:
            continue
        assert {name: keyring.open(name, opener) for name in secrets} == secrets
    kit.prove(keyring, *new, now=NOW)
    assert {name: keyring.open(name, kit.joined(keyring, *new)) for name in secrets} == secrets


def test_a_take_over_that_was_not_scrubbed_is_scrubbed_when_proven_again(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader in the way: the new kit is in use, and what the old one opens may be in the files; proven again, by another process, it is gone."""
    old = proven_kit(keyring)
    keyring.make("private/N1", [RECOVERY])
    new = kit.make(keyring, now=NOW, renewing=kit.joined(keyring, *old))
    file = Path(keyring.engine.url.database)
    with reading(keyring.engine) as reader:
        before = reader.scalar(sa.select(WRAPPED.c.body))
    impatient(keyring.engine, monkeypatch)
    with reading(keyring.engine) as reader:
        reader.execute(sa.select(WRAPPED)).all()
        with pytest.raises(NotScrubbed):
            kit.prove(keyring, *new, now=NOW)
    left = lambda: any(before in p.read_bytes() for p in file.parent.glob(f"{file.name}*"))  # noqa: E731
    assert left() and kit.joined(keyring, *new)
    kit.prove(Keyring(keyring.engine, keyring.master), *new, now=NOW)
    assert not left()


def test_a_kit_that_somebody_slipped_in_is_not_taken(keyring: Keyring) -> None:
    """A row that the practice did not make holds nothing of the old kit, and cannot be proven."""
    old = proven_kit(keyring)
    forged = kit.make(keyring, now=NOW, renewing=kit.joined(keyring, *old))
    with writing(keyring.engine) as connection:
        connection.execute(HOLDERS.update().where(HOLDERS.c.id == RECOVERY, HOLDERS.c.version == 1).values(private_sealed=None))
    with pytest.raises(KeyWrong):
        kit.prove(keyring, *forged, now=NOW)
    assert kit.joined(keyring, *old)
