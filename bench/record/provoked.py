"""Errors on the canaries' way: everything that a clumsy or a curious person might do wrong with those very words.

In: a practice and an encounter, at three points of its way. Out: the codes of what went wrong; each error is logged whole, with its traceback, and so
are the nouns that hold words. Knows no file. What is done wrong without an error is a fault of this room.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench.record.life import HOW
from bench.record.places import Place
from drafting.errors import OurFault
from drafting.record import backup, notes, vault, workbench
from drafting.record.keys import passphrases
from drafting.record.keys.sealing import Place as Sealed
from drafting.record.keys.sealing import opened, seal
from drafting.record.practice import Practice
from drafting.record.review import canonical, reviewing
from drafting.record.vault import PrivateItem, Why
from drafting.record.workbench import Item, drafted, media, moves
from drafting.record.workbench.moves import Reason
from drafting.types import Route

WORDS = "the marzipan zeppelin, the ochre gondola, Leopold Vantongeren"
_LOG = logging.getLogger(__name__)


def before_signing(place: Place, practice: Practice, encounter: str) -> Iterator[str]:
    """While the draft is fresh: unsigned, uncleared, its canaries on the workbench."""
    author, colleague = place.trainee, place.colleague
    review = drafted.load(practice, encounter, author.opener)
    body = canonical.review_bytes(review)
    _show(review, Item("review", 1, body), PrivateItem("N1", 1, WORDS), author, place)
    yield _wrong(lambda: notes.sign(practice, author, encounter, 1, HOW))
    yield _wrong(lambda: drafted.load(practice, encounter, colleague.opener))
    yield _wrong(lambda: drafted.save(practice, replace(review, version=9), by=author.person))
    yield _wrong(lambda: drafted.save(practice, review, by=author.person))
    yield _wrong(lambda: canonical.review_of(body[:-9]))
    yield _wrong(lambda: canonical.note_of(body))
    yield _wrong(lambda: workbench.put(practice, encounter, "review", 2, body, statements=[WORDS], by=author.person))
    yield _wrong(lambda: workbench.put(practice, encounter, WORDS, 1, body, by=author.person))
    yield _wrong(lambda: reviewing.set_header(review, replace(review.header, zone=WORDS)))
    yield _wrong(lambda: reviewing.write(review, review.sections[0][0], " "))
    yield _wrong(lambda: reviewing.edit(review, "n99", WORDS))
    yield _wrong(lambda: _tell(practice, author.person))
    yield _wrong(lambda: practice.settle(author.person, payer=WORDS))
    yield _wrong(lambda: passphrases.unlock(practice.keyring, author.person, WORDS))
    yield _wrong(lambda: passphrases.change(practice.keyring, author, WORDS[:4]))
    yield _wrong(lambda: moves.to_private(practice, author, encounter, [PrivateItem("N1", 1, WORDS, ("s1",))], reason=Reason.REFLECTION))
    yield _wrong(lambda: media.put(practice, encounter, "session", [WORDS.encode()], start=3))
    yield _wrong(lambda: vault.put(practice, encounter, place.clients[0], author.person, [PrivateItem(WORDS, 1, WORDS)], by="worker"))


def while_signed(place: Place, practice: Practice, encounter: str) -> Iterator[str]:
    """Once it is signed: changed too late, read by the wrong person, altered on the disk."""
    author, colleague = place.trainee, place.colleague
    review = drafted.load(practice, encounter, author.opener)
    private = vault.listed(practice, author.person, encounter=encounter)[0].id
    document = notes.document(practice, encounter)
    _show(document, *document.after, notes.chart(practice, place.clients[0]))
    yield _wrong(lambda: drafted.save(practice, reviewing.write(review, review.sections[0][0], WORDS), by=author.person))
    yield _wrong(lambda: drafted.move_private(practice, author, review, ["s1"], reason=Reason.REFLECTION))
    yield _wrong(lambda: moves.to_record(practice, author, encounter, [private], reason=Reason.UNDONE))
    yield _wrong(lambda: vault.read(practice, private, colleague, Why.OWN_TREATMENT))
    yield _wrong(lambda: vault.read(practice, private, place.kit, Why.OWN_TREATMENT, by=colleague.person))
    yield _wrong(lambda: notes.sign(practice, author, encounter, review.version, HOW))
    yield _wrong(lambda: notes.cosign(practice, author, encounter, HOW))
    yield _wrong(lambda: reviewing.decide(review, "s99", Route.RECORD))
    yield _wrong(lambda: opened(bytes(32), seal(bytes(range(32)), WORDS.encode(), Sealed("work", "E1", "body")), Sealed("work", "E1", "body")))
    yield _wrong(lambda: _fail(OurFault.of(RuntimeError(WORDS))))


def after_shredding(place: Place, practice: Practice, encounter: str, backups: Path) -> Iterator[str]:
    """Once the workbench is gone: asked for all the same; and a backup that was cut."""
    archive = next(backups.glob("*.backup"))
    half = archive.with_name("half.backup")
    half.write_bytes(archive.read_bytes()[:-200])
    yield _wrong(lambda: drafted.load(practice, encounter, place.trainee.opener))
    yield _wrong(lambda: list(media.read(practice, encounter, "session", place.trainee.opener)))
    yield _wrong(lambda: workbench.put(practice, encounter, "draft", 1, WORDS.encode(), by="worker"))
    yield _wrong(lambda: backup.verify(practice, half))
    yield _wrong(lambda: backup.restore(archive, backups / "keys.bundle", place.halves, practice.stores, backups / "other.key", now=practice.now()))


def _wrong(done: Callable[[], object]) -> str:
    """Do what fails, and log the error as a program would that logs too much. Returns the error's code or kind."""
    try:
        done()
    except Exception as error:
        _LOG.exception("refused: %s %r %r", error, error, error.args)
        return getattr(error, "code", type(error).__name__)
    raise AssertionError("what was to be refused was done")


def _show(*nouns: object) -> None:
    for noun in nouns:
        _LOG.info("%r %s", noun, noun)


def _tell(practice: Practice, by: str) -> None:
    with practice.change() as change:
        change.tell(by, "note:read", reason=WORDS)


def _fail(error: Exception) -> None:
    raise error
