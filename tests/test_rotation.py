"""Other master keys: a rotation and a restore, cut anywhere, and the process that knew nothing of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from drafting.errors import KeyMissing, KeyWrong
from drafting.record import people
from drafting.record import practice as practices
from drafting.record.keys import PRACTICE, RECOVERY, Keyring, Master, Opener, keyfile, kit, rotation
from drafting.record.keys.scrubbing import NotScrubbed
from drafting.record.practice import Practice
from drafting.record.store import Stores, reading
from drafting.record.store.tables.keyring import WRAPPED
from drafting.record.store.tables.record import AUDIT, AUDIT_HEAD, METADATA
from drafting.types.record import Person, Standing
from tests.keyrings import Died, dies_at, impatient
from tests.stores import Clock

NAMES = ("Maud Ferrier", "Iris O'Dell", "Tam Lyall")


class House:
    """A practice with clients, its key file and its kit."""

    def __init__(self, stores: Stores, folder: Path, now: Clock) -> None:
        self.stores, self.file, self.now = stores, folder / "practice.key", now
        keyfile.write(self.file, Master.made())
        practice = self.opened()
        self.halves = practices.make(practice, "us-federal")
        kit.prove(practice.keyring, *self.halves, now=now())
        people.add_person(practice, Person("P1", "Ann Pell", Standing.CLINICIAN), by="setup")
        self.clients = {people.add_client(practice, name, "P1", by="P1").id: name for name in NAMES}

    def opened(self) -> Practice:
        """The practice as a process that starts now has it."""
        return Practice(self.stores, Keyring(self.stores.keyring, keyfile.read(self.file)), self.now)

    def kit(self) -> Opener:
        return kit.joined(self.opened().keyring, *self.halves)

    def whole(self) -> bool:
        """Whether everything opens, for a process that starts now."""
        practice = self.opened()
        return {c: people.find_client(practice, c).name for c in self.clients} == self.clients and practice.audit_verify(practice.audit_head()) > 0

    def data(self) -> dict[str, list[object]]:
        """Every row of the record but the trail's."""
        with reading(self.stores.record) as connection:
            return {t.name: sorted(map(repr, connection.execute(sa.select(t)))) for t in METADATA.sorted_tables if t not in (AUDIT, AUDIT_HEAD)}

    def versions(self) -> set[int]:
        with reading(self.stores.keyring) as connection:
            return set(connection.execute(sa.select(WRAPPED.c.version).where(WRAPPED.c.holder == PRACTICE)).scalars())


@pytest.fixture
def house(sqlite_stores: Stores, tmp_path: Path) -> House:
    return House(sqlite_stores, tmp_path, Clock(datetime(2026, 11, 18, 15, 0, tzinfo=UTC)))


@pytest.fixture
def houses(stores: Stores, tmp_path: Path) -> House:
    """On SQLite and then on PostgreSQL."""
    return House(stores, tmp_path, Clock(datetime(2026, 11, 18, 15, 0, tzinfo=UTC)))


def test_a_rotation_wraps_keys_and_rewrites_no_row(houses: House) -> None:
    """Everything opens under the new key and nothing under the old; the record's rows are as they were; the trail tells of it; the file has one key."""
    practice, old, before = houses.opened(), keyfile.read(houses.file), houses.data()
    assert rotation.rotate(practice, houses.file, by="P1") == 6
    assert houses.data() == before and houses.whole() and houses.versions() == {2}
    assert list(keyfile.read(houses.file).keys) == [2] and not set(keyfile.read(houses.file).keys.values()) & set(old.keys.values())
    with pytest.raises(KeyMissing, match="Start it again"):
        people.find_client(Practice(houses.stores, Keyring(houses.stores.keyring, old), houses.now), next(iter(houses.clients)))
    assert people.find_client(practice, next(iter(houses.clients)))
    with practice.look() as connection:
        assert connection.scalar(sa.select(AUDIT.c.body).order_by(AUDIT.c.seq.desc()).limit(1)).count(b"keys:rotated") == 1


def test_the_bytes_of_the_record_are_the_same(house: House) -> None:
    """Up to the trail's own word of it, a rotation leaves the record's database byte for byte."""
    practice = house.opened()
    path = Path(house.stores.record.url.database)
    house.stores.record.dispose()
    before = path.read_bytes()
    with dies_at(1, house.stores.record):
        rotation.rotate(practice, house.file)
    assert house.versions() == {2} and path.read_bytes() == before and not list(path.parent.glob("record.db-*"))


def test_a_process_from_before_cannot_lose_anything(house: House) -> None:
    """It still has the old key alone: it wraps nothing under it, and says that it must be started again."""
    stale = house.opened()
    rotation.rotate(house.opened(), house.file)
    with pytest.raises(KeyMissing, match="Start it again"):
        people.add_client(stale, "Nell Orme", "P1", by="P1")
    with pytest.raises(KeyMissing, match="Start it again"):
        stale.keyring.make("client/C1", [PRACTICE])
    assert house.whole() and people.add_client(house.opened(), "Nell Orme", "P1", by="P1")


def test_a_second_rotation_goes_on_from_the_first(house: House) -> None:
    """Each has a number of its own."""
    for version in (2, 3):
        rotation.rotate(house.opened(), house.file)
        assert house.versions() == {version} and house.whole()


@pytest.mark.parametrize("act", ["rotate", "restore"])
def test_cut_anywhere_everything_opens_and_a_repeat_ends_it(house: House, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    """Whichever statement or file it dies at: with the file that is there everything opens, and repeating it leaves one key, in use everywhere. Where
    the file was lost, everything opens once the repeat is done."""
    opener, write = house.kit(), keyfile.write

    def once() -> None:
        if act == "rotate":
            rotation.rotate(house.opened(), house.file)
        else:
            rotation.restore(Practice(house.stores, Keyring(house.stores.keyring, None), house.now), house.file, opener)

    for step in range(1, 22, 2):
        if act == "restore":
            house.file.unlink()
        with dies_at(step, house.stores.keyring, house.stores.record):
            once()
        assert act == "restore" or house.whole()
        once()
        assert house.whole() and house.versions() == set(keyfile.read(house.file).keys)
    for step, before in ((1, True), (1, False), (2, True), (2, False)):
        if act == "restore":
            house.file.unlink()
        calls = []

        def dying(path: Path, master: Master, calls: list = calls, step: int = step, before: bool = before) -> None:
            calls.append(path)
            if not (before and len(calls) == step):
                write(path, master)
            if len(calls) == step:
                raise Died

        with monkeypatch.context() as patched, pytest.raises(Died):
            patched.setattr(keyfile, "write", dying)
            once()
        assert act == "restore" or house.whole()
        once()
        assert house.whole() and house.versions() == set(keyfile.read(house.file).keys)


def test_a_key_leaves_the_file_only_when_nothing_is_under_it(house: House) -> None:
    """Somebody began another rotation meanwhile, and died: the first one, finishing, takes no key away that is still needed."""
    practice, whole = house.opened(), Keyring.scrub

    def meanwhile(self: Keyring) -> None:
        whole(self)
        found = keyfile.read(house.file)
        keyfile.write(house.file, found.newest().next())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Keyring, "scrub", meanwhile)
        rotation.rotate(practice, house.file)
    assert set(keyfile.read(house.file).keys) == {2, 3} and house.whole()
    rotation.rotate(house.opened(), house.file)
    assert set(keyfile.read(house.file).keys) == {3} and house.whole()


def test_a_rotation_with_a_reader_in_the_way_is_not_done(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old wrappings may still be in the files: it says so, everything opens, and the repeat ends it."""
    impatient(house.stores.keyring, monkeypatch)
    with reading(house.stores.keyring) as reader:
        reader.execute(sa.select(WRAPPED)).all()
        with pytest.raises(NotScrubbed):
            rotation.rotate(house.opened(), house.file)
    assert house.whole() and len(keyfile.read(house.file).keys) == 2
    rotation.rotate(house.opened(), house.file)
    assert house.whole() and len(keyfile.read(house.file).keys) == 1


def test_a_lost_key_file_is_made_good_by_the_kit(houses: House) -> None:
    """After rotations too: all that the practice held opens under a new key with a number of its own; what was sealed is not rewritten."""
    rotation.rotate(houses.opened(), houses.file)
    opener, before = houses.kit(), houses.data()
    houses.file.unlink()
    practice = Practice(houses.stores, Keyring(houses.stores.keyring, None), houses.now)
    with pytest.raises(KeyMissing):
        people.find_client(practice, next(iter(houses.clients)))
    assert rotation.restore(practice, houses.file, opener, by="P1") == 6
    assert houses.whole() and houses.data() == before and houses.versions() == {3}
    assert people.add_client(practice, "Nell Orme", "P1", by="P1")


def test_a_wrong_kit_restores_nothing(house: House) -> None:
    """Another kit's key changes no row, and the right one still restores."""
    opener = house.kit()
    house.file.unlink()
    practice = Practice(house.stores, Keyring(house.stores.keyring, None), house.now)
    with pytest.raises(KeyWrong):
        rotation.restore(practice, house.file, Opener(RECOVERY, 1, bytes(32)))
    assert house.versions() == {1}
    rotation.restore(practice, house.file, opener)
    assert house.whole()


def test_another_practices_key_file_is_told(house: House) -> None:
    """With it nothing is rotated; the practice's own still opens everything."""
    own = keyfile.read(house.file)
    keyfile.write(house.file, Master.made())
    with pytest.raises(KeyWrong):
        rotation.rotate(house.opened(), house.file)
    keyfile.write(house.file, own)
    assert house.whole()


def test_one_that_is_altered_stops_a_rotation_whole(house: House) -> None:
    """It is named, and everything else opens as before."""
    client = next(iter(house.clients))
    with house.stores.keyring.begin() as connection:
        connection.execute(WRAPPED.update().where(WRAPPED.c.secret == f"client/{client}", WRAPPED.c.holder == PRACTICE).values(body=bytes(60)))
    with pytest.raises(KeyWrong, match=client):
        rotation.rotate(house.opened(), house.file)
    assert house.versions() == {1}
    with pytest.raises(KeyWrong):
        people.find_client(house.opened(), client)
    assert [people.find_client(house.opened(), c).name for c in list(house.clients)[1:]] == list(NAMES[1:])
