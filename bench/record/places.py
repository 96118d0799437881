"""A practice to be measured: made once, and opened anew by whoever needs it, a forked child too.

In: an engine's name. Out: a `Place`, its folder and server gone at the end. Knows no figure. Nothing in a `Place` is a connection: engines are opened
in the process that uses them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from drafting.record import people, store
from drafting.record import practice as practices
from drafting.record.keys import Keyring, Master, Opener, kit, passphrases
from drafting.record.keys.passphrases import Unlocked
from drafting.record.practice import Practice
from drafting.types.record import Person, Standing
from tests import stores as of_tests

POLICY = "us-federal"


@dataclass(frozen=True, slots=True)
class Place:
    """A practice in its databases: a trainee and her supervisor, a colleague who signs alone, some clients, the halves of the kit. `files`: the
    folder of everything that the databases write."""

    engine: str
    urls: tuple[str, str, str] = field(repr=False)
    files: Path
    master: Master
    halves: tuple[str, str] = field(repr=False)
    kit: Opener
    trainee: Unlocked
    supervisor: Unlocked
    colleague: Unlocked
    clients: tuple[str, ...]

    @contextmanager
    def practice(self) -> Iterator[Practice]:
        """The practice, on connections that are closed at the end."""
        stores = store.connected(*self.urls)
        try:
            yield Practice(stores, Keyring(stores.keyring, self.master))
        finally:
            stores.close()

    @property
    def people(self) -> dict[str, Unlocked]:
        return {one.person: one for one in (self.trainee, self.supervisor, self.colleague)}


@contextmanager
def place(engine: str, *, clients: int = 3) -> Iterator[Place]:
    """A place of its own on `engine`."""
    with folder() as top:
        if engine == "sqlite":
            yield made(engine, top, None, clients=clients)
        else:
            with of_tests.postgres(top / "server") as server:
                yield made(engine, top, server, clients=clients)


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder."""
    with tempfile.TemporaryDirectory(prefix="aside-bench-") as name:
        yield Path(name)


def made(engine: str, folder: Path, server: sa.URL | None, *, clients: int = 3) -> Place:
    """A practice in new databases: files in `folder`, or databases on `server`."""
    stores = of_tests.made(engine, folder, server)
    try:
        urls = tuple(one.url.render_as_string(hide_password=False) for _, one in stores.named())
        files = folder / "stores" if engine == "sqlite" else _data_folder(stores)
        practice = Practice(stores, Keyring(stores.keyring, Master.made()))
        halves = practices.make(practice, POLICY)
        kit.prove(practice.keyring, *halves, now=practice.now())
        supervisor = _person(practice, "Ada Quill", Standing.SUPERVISOR)
        trainee = _person(practice, "Bo Tern", Standing.TRAINEE, supervisor.person)
        colleague = _person(practice, "Cy Marsh", Standing.CLINICIAN)
        named = tuple(people.add_client(practice, f"Wren Alder {n}", trainee.person, by="setup").id for n in range(clients))
        keys = (practice.keyring.master, halves, kit.joined(practice.keyring, *halves))
        return Place(engine, urls, files, *keys, trainee, supervisor, colleague, named)
    finally:
        stores.close()


def _person(practice: Practice, name: str, standing: Standing, supervisor: str | None = None) -> Unlocked:
    person = people.add_person(practice, Person("", name, standing, supervisor=supervisor, credential="LCSW"), by="setup")
    return passphrases.enrol(practice.keyring, person.id, "quiet green lanterns", now=practice.now(), cost=of_tests.CHEAP)


def _data_folder(stores: store.Stores) -> Path:
    with store.reading(stores.record) as connection:
        return Path(connection.exec_driver_sql("SHOW data_directory").scalar())
