"""Law 2, over the whole way: a private sentence, one that was moved late and a name that screening replaced are in no byte that is written."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.record import places
from bench.record.canary import CANARIES, SIGNED, Driven, control, dictation, driven, leaks, said
from bench.record.places import Place
from bench.record.scanning import scanned
from drafting.pipeline import Engines
from drafting.record.export import profiles

WORDS = "the tangerine lighthouse"


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def way(request: pytest.FixtureRequest, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Driven]:
    """A practice in which the canaries went the whole way, on SQLite, then on PostgreSQL."""
    folder = tmp_path_factory.mktemp("canary")
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    place = places.made(request.param, folder, server)
    return place, driven(place, dictation(engines), folder / "written")


def test_apart_means_apart_on_the_whole_way(way: tuple[Place, Driven]) -> None:
    """Drafted, edited, moved, signed, amended, cosigned, read, shared, exported, backed up, restored, locked, and clumsily handled throughout: the
    canaries are found in no file of any store, backup, export or log, in no form, while the author reads both sentences word for word."""
    place, done = way
    assert not leaks(place, done).found
    assert not said(done).found
    told = " ".join(done.private.values())
    assert CANARIES["routed at once"] in told and CANARIES["moved late"] in told
    assert len(done.errors) > 30 and len(set(done.errors)) > 12


def test_the_exports_were_written(way: tuple[Place, Driven]) -> None:
    """The sentence that was signed is in the text, the PDF and the JSON of the exports: a search that finds nothing would prove nothing."""
    _, done = way
    found = control(done).of(next(iter(SIGNED)))
    for form in ("txt", "pdf", "json"):
        assert any(one.file.endswith(form) for one in found)
    assert len(list((done.written / "locked").iterdir())) == len(profiles.keys())


@pytest.mark.parametrize(
    "written",
    [
        str.encode,
        lambda words: words.encode("utf-16"),
        lambda words: words.encode("utf-16-be"),
        lambda words: base64.b64encode(b"a" + words.encode() + b"bc"),
        lambda words: base64.urlsafe_b64encode(b"ab" + words.encode()),
        lambda words: base64.b64encode(words.encode("utf-16-le")),
        lambda words: words.encode().hex().encode(),
        lambda words: words.encode().hex().upper().encode(),
        lambda words: b"\0\0" + zlib.compress(words.encode() * 3),
        lambda words: gzip.compress(b"a page: " + words.encode()),
        lambda words: zlib.compress(base64.b64encode(words.encode())),
    ],
)
def test_words_are_found_however_they_were_written(tmp_path: Path, written: Callable[[str], bytes]) -> None:
    """Plain, in UTF-16, base64 at any offset, hexadecimal, packed: each form is seen in the middle of other bytes, and other words are not."""
    (tmp_path / "one").write_bytes(b"\x00\xffbefore" + written(WORDS) + b"after")
    (tmp_path / "other").write_bytes(b"\x00\xffbefore" + written("the tangerine lightship") + b"after")
    assert {found.file for found in scanned([tmp_path], {"words": WORDS}).found} == {"one"}
