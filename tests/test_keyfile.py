"""The practice's key file: whole or not at all, closed to others, and clear about what is wrong with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from drafting.errors import KeyMissing, KeyWrong, StoreFailed
from drafting.record.keys import Master, keyfile


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Every version of the key, the newest in use; over an older file; in a folder that is made; for its owner alone whatever the habit of the
    machine; nothing beside it, and no key in a repr."""
    path, before = tmp_path / "made" / "practice.key", os.umask(0)
    try:
        keyfile.write(path, Master.made())
        master = Master.made().next().next()
        keyfile.write(path, master)
    finally:
        os.umask(before)
    assert keyfile.read(path) == master and keyfile.read(path).version == 3
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert repr(master) == "Master()"


@pytest.mark.parametrize("cut", ["fsync", "replace"])
def test_a_write_that_is_cut_leaves_the_file_that_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str) -> None:
    """Before it is moved into place the old file stands whole; what lies beside it stands in nobody's way."""
    path, master = tmp_path / "practice.key", Master.made()
    keyfile.write(path, master)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(*(os, "fsync", die) if cut == "fsync" else (Path, "replace", die))
        with pytest.raises(KeyboardInterrupt):
            keyfile.write(path, master.next())
    assert keyfile.read(path) == master
    keyfile.write(path, master.next())
    assert keyfile.read(path).version == 2 and list(tmp_path.iterdir()) == [path]


def test_a_disk_that_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file stands, and the message has the file's name, the system's reason and no key."""
    path, master = tmp_path / "practice.key", Master.made()
    keyfile.write(path, master)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFailed, match=r"practice\.key.*No space left"):
        keyfile.write(path, master.next())
    assert keyfile.read(path) == master


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    """With what to do."""
    path = tmp_path / "practice.key"
    keyfile.write(path, Master.made())
    path.chmod(mode)
    with pytest.raises(KeyWrong, match="chmod 600"):
        keyfile.read(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    """No file, and a folder in its place: nothing is made up instead."""
    with pytest.raises(KeyMissing, match="there is no file"):
        keyfile.read(tmp_path / "practice.key")
    with pytest.raises(KeyMissing):
        (tmp_path / "folder").mkdir(mode=0o700)
        keyfile.read(tmp_path / "folder")
    assert not (tmp_path / "practice.key").exists()


GOOD = {"aside": "keys/1", "keys": {"1": "A" * 43 + "="}}


@pytest.mark.parametrize(
    "words",
    [
        "",
        "null",
        "[]",
        "{",
        "\udcff",
        json.dumps(GOOD)[:40],
        json.dumps({**GOOD, "aside": "keys/2"}),
        json.dumps({"keys": GOOD["keys"]}),
        *(
            json.dumps({**GOOD, "keys": keys})
            for keys in ({}, [], "x", {"1": "AAAA"}, {"0": "A" * 43 + "="}, {"x": "A" * 43 + "="}, {"1": 7}, {"1": "é" * 44})
        ),
    ],
)
def test_what_is_no_key_file_is_a_wrong_key(tmp_path: Path, words: str) -> None:
    """Cut short, of another kind, empty, or with keys that are none."""
    path = tmp_path / "practice.key"
    path.write_text(words, "utf-8", errors="surrogateescape")
    path.chmod(0o600)
    with pytest.raises(KeyWrong, match=r"practice\.key"):
        keyfile.read(path)
    path.write_text(json.dumps(GOOD))
    assert keyfile.read(path) == Master({1: bytes(32)})
