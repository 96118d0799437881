"""A clinician's own style: read, refused, and its example screened before a writer sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from drafting.errors import StyleError
from drafting.pipeline.style import load, screened
from drafting.types import Context, Layout, Length, Style, Voice


def written(folder: Path, text: str) -> Path:
    path = folder / "style.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_style_is_read_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    """What the file names is taken, with house phrases in order."""
    style = load(written(tmp_path, 'client = "Patient"\nlayout = "bullets"\nlength = "short"\n[phrases]\n"panic attack" = "panic episode"\n'))
    assert style == Style(client="Patient", layout=Layout.BULLETS, length=Length.SHORT, phrases=(("panic attack", "panic episode"),))
    assert load(written(tmp_path, 'voice = "own"')).voice is Voice.OWN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('tone = "warm"', "unknown key 'tone'"),
        ('voice = "royal"', "record, own"),
        ('client = ""', "client must be words"),
        ("client = 3", "client must be words"),
        ("phrases = []", "must be a table"),
        ('[phrases]\n"a" = ""', "the phrase for 'a'"),
        ("client = ", "not TOML"),
        ('example = "nowhere.txt"', "nowhere.txt cannot be read"),
    ],
)
def test_a_style_that_cannot_be_used_is_told(tmp_path: Path, text: str, told: str) -> None:
    """The message names the file and the fault."""
    with pytest.raises(StyleError, match=r"style\.toml") as raised:
        load(written(tmp_path, text))
    assert told in str(raised.value)


def test_an_example_note_names_nobody_once_screened(tmp_path: Path, engines) -> None:
    """Names, employers and numbers of the example are gone before a model may read it; its wording stays."""
    (tmp_path / "note.txt").write_text(
        "Client's sister Maribel drove her home from Northgate Logistics; call 312-555-0146. Sleep improved.", encoding="utf-8"
    )
    style = screened(load(written(tmp_path, 'example = "note.txt"')), engines.scanner, Context())
    assert "Sleep improved." in style.example
    assert not any(w in style.example for w in ("Maribel", "Northgate", "0146"))
    assert "Maribel" not in repr(style)
