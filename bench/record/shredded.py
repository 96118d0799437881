"""What can still be read of a workbench that was shredded: with every key that is left, from everything that was ever stored.

In: an engine's name, a finished draft. Out: figures. Knows no place that a value is bound to and trusts no refusal of the product: whatever is
wrapped is unwrapped by hand, and whatever is sealed is deciphered without its tag under every key that was found, as somebody would who has stolen it
all. What is shredded is the workbench; the signed note and the private notes stay, each under its own key. An encounter that was kept is the control.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from bench.record import places
from bench.record.figure import Figure, none_of
from bench.record.life import HOW, clearing
from bench.record.places import Place
from drafting.errors import KeyTrouble
from drafting.pipeline import Work
from drafting.record import backup, notes, retention, workbench
from drafting.record.keys import PRACTICE, Keyring, Master, Opener, keyfile
from drafting.record.keys.sealing import Place as Sealed
from drafting.record.keys.sealing import opened, unboxed
from drafting.record.practice import Practice
from drafting.record.store import in_folder, reading
from drafting.record.store.tables import private, record
from drafting.record.store.tables.keyring import WRAPPED
from drafting.record.workbench import drafted, media
from tests.desks import DAY
from tests.dictated import NAMED

GONE = 5
"""How many encounters are shredded."""

_MOST = 65_536  # bytes of a sealed value that are deciphered
_WINDOW = 24


@dataclass(frozen=True, slots=True)
class Value:
    """A sealed value of an encounter's row, or of a row that is of none (`encounter` empty)."""

    table: str
    encounter: str
    sealed: bytes = field(repr=False)


def stolen(practice: Practice) -> set[Value]:
    """Every sealed value of the record and of the private notes."""
    found = set()
    for engine, metadata in ((practice.stores.record, record.METADATA), (practice.stores.private, private.METADATA)):
        with reading(engine) as connection:
            for table in metadata.sorted_tables:
                columns = [c for c in table.c if c.name.endswith("_sealed")]
                whose = table.c.encounter if "encounter" in table.c else sa.literal("")
                for name, *values in connection.execute(sa.select(whose, *columns)).all() if columns else ():
                    found |= {Value(table.name, name, value) for value in values if value}
    return found


def keys(practice: Practice, openers: Iterable[Opener]) -> set[bytes]:
    """Every secret that the keyring's rows give up to the practice's master keys and to `openers`, whatever time or rule says, and the private halves
    that open further ones."""
    with reading(practice.keyring.engine) as connection:
        rows = connection.execute(sa.select(WRAPPED)).all()
    held, found = {one.holder: {one.private} for one in openers}, {}
    while True:
        fresh = {(row.secret, secret) for row in rows for secret in _unwrapped(row, practice.keyring.master, held)} - found.keys()
        if not fresh:
            return {secret for _, secret in found}
        for name, secret in fresh:
            found[name, secret] = True
            held.setdefault(name, set()).add(secret)


def _unwrapped(row: sa.Row, master: Master, held: dict[str, set[bytes]]) -> Iterator[bytes]:
    try:
        if row.holder == PRACTICE and row.version in master.keys:
            yield opened(master.keys[row.version], row.body, Sealed("wrapped", row.secret, PRACTICE, row.version))
        for half in held.get(row.holder, ()):
            yield unboxed(row.secret, row.body, Opener(row.holder, row.version, half))
    except KeyTrouble:
        return


def read(values: Iterable[Value], secrets: Iterable[bytes], words: str) -> Counter[str]:
    """How many values of each encounter have `words` in them under any of `secrets`, deciphered without their tags."""
    found: Counter[str] = Counter()
    ciphers = [AES(secret) for secret in secrets]
    for value in values:
        nonce, body = value.sealed[:12], value.sealed[12 : 12 + _MOST]
        found[value.encounter] += any(words.encode() in _deciphered(cipher, nonce, body) for cipher in ciphers)
    return found


def _deciphered(cipher: AES, nonce: bytes, body: bytes) -> bytes:
    return Cipher(cipher, CTR(nonce + b"\0\0\0\2")).decryptor().update(body)  # as GCM enciphers from its second block on


# ── the keyring's files ───────────────────────────────────────────────────────────────────────────────────────────────


def wrappings(practice: Practice, encounters: Iterable[str]) -> list[bytes]:
    """Stretches of every wrapping by which the workbench of `encounters` could be opened: the beginning, the middle and the end of each."""
    names = [workbench.holder(name) for name in encounters]
    with reading(practice.keyring.engine) as connection:
        bodies = connection.scalars(sa.select(WRAPPED.c.body).where(WRAPPED.c.secret.in_(names) | WRAPPED.c.holder.in_(names))).all()
    return [body[at : at + _WINDOW] for body in bodies for at in (0, len(body) // 2 - _WINDOW // 2, len(body) - _WINDOW)]


def lying(files: Iterable[Path], pieces: Iterable[bytes]) -> int:
    """How many of `pieces` lie in `files`."""
    data = [path.read_bytes() for path in files if path.is_file()]
    return sum(any(piece in one for one in data) for piece in pieces)


def keyring_files(place: Place, practice: Practice) -> tuple[list[Path], list[Path]]:
    """The files of the keyring's database; and on PostgreSQL those of its write-ahead log, which no database can be made to forget at once."""
    if place.engine == "sqlite":
        return list(place.files.glob("keyring.db*")), []
    with practice.keyring.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")
        number = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar()
    return list((place.files / "base" / str(number)).iterdir()), list((place.files / "pg_wal").iterdir())


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(engine: str, work: Work) -> Iterator[Figure]:
    """The figures on `engine`."""
    with places.place(engine) as place, places.folder() as folder, place.practice() as practice:
        kept, *gone = (_stood(place, practice, work) for _ in range(GONE + 1))
        openers = [one.opener for one in place.people.values()] + [place.kit]
        before, pieces = stolen(practice), wrappings(practice, gone)
        could, there = read(before, keys(practice, openers), NAMED), lying(keyring_files(place, practice)[0], pieces)
        archive = folder / backup.create(practice, folder).file
        for encounter in gone:
            _finished(place, practice, encounter)
        backup.bundle(practice, folder / "keys.bundle")
        secrets, values = keys(practice, openers), before | stolen(practice)
        now, restored = read(values, secrets, NAMED), _restored(place, practice, archive, openers, values)
        files, log = (lying(files, pieces) for files in keyring_files(place, practice))
        n = f"{len(values)} sealed values, {len(secrets)} keys left"
        yield none_of("shredded: values that can be read, old copies included", engine, n, sum(now[one] for one in gone))
        yield none_of("shredded: from the old backup with the present key bundle", engine, n, sum(restored[one] for one in gone))
        yield none_of("shredded: wrapped keys in the keyring's files", engine, f"{len(pieces)} stretches", files)
        if engine == "postgresql":
            yield Figure(
                "shredded: wrapped keys in the server's write-ahead log", engine, f"{len(pieces)} stretches", str(log), "until it is used again"
            )
        control = could[kept] > 0 and now[kept] >= could[kept] and restored[kept] >= could[kept] and all(could[one] for one in gone)
        result = f"{sum(could[one] for one in gone)} before, {now[kept]} of the kept one after, {there} stretches before"
        yield replace(Figure("shredded: what the same search finds where it should", engine, n, result, "> 0"), met=control and there > 0)


def _stood(place: Place, practice: Practice, work: Work) -> str:
    """An encounter with a recording and a draft, cleared for its signature."""
    encounter = workbench.receive(practice, place.clients[0], place.trainee.person, DAY)
    media.put(practice, encounter.id, "session", [f"{NAMED} drives her to work. ".encode() * 12_000])
    review = drafted.stand(practice, encounter, work)
    while after := clearing(practice, review, place.trainee.person):
        review = drafted.save(practice, after, by=place.trainee.person)
    return encounter.id


def _finished(place: Place, practice: Practice, encounter: str) -> None:
    """Signed, cosigned, locked: and with the lock its workbench is shredded."""
    version = workbench.find(practice, encounter).version
    notes.sign(practice, place.trainee, encounter, version, HOW)
    notes.cosign(practice, place.supervisor, encounter, HOW)
    retention.lock(practice, encounter)


def _restored(place: Place, practice: Practice, archive: Path, openers: Iterable[Opener], values: set[Value]) -> Counter[str]:
    """What can be read once the archive from before is restored with the key bundle from after."""
    stores, key = in_folder(archive.parent / "restored"), archive.parent / "restored.key"
    try:
        backup.restore(archive, archive.parent / "keys.bundle", place.halves, stores, key, now=practice.now())
        again = Practice(stores, Keyring(stores.keyring, keyfile.read(key)))
        return read(values | stolen(again), keys(again, openers), NAMED)
    finally:
        stores.close()
