"""How a clinician's notes are worded, read from a small file of theirs.

In: the path of a TOML file. Out: a `Style`; its example note only once a scanner has taken out whom it names. Knows no writer and no note.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from drafting.errors import StyleError
from drafting.ports import PhiScanner
from drafting.types import Context, Layout, Length, Style, Voice

CHOICES: Mapping[str, type[StrEnum]] = {"voice": Voice, "layout": Layout, "length": Length}
WORDS = ("client", "clinician")
KEYS = (*CHOICES, *WORDS, "phrases", "example")
LONGEST_NAME, LONGEST_EXAMPLE = 30, 20_000  # characters


def load(path: Path) -> Style:
    """The style of a file; a key that is left out keeps its default. Raises StyleError."""
    data = _table(path)
    if unknown := [key for key in data if key not in KEYS]:
        raise StyleError(file=path, reason=f"it has the unknown key {unknown[0]!r}; known are {', '.join(KEYS)}")
    chosen: dict[str, Any] = {key: _choice(path, key, data[key]) for key in CHOICES if key in data}
    chosen |= {key: _name(path, key, data[key]) for key in WORDS if key in data}
    if "phrases" in data:
        chosen["phrases"] = _phrases(path, data["phrases"])
    if "example" in data:
        chosen["example"] = _text(path, path.parent / _name(path, "example", data["example"], longest=200))
    return Style(**chosen)


def screened(style: Style, scanner: PhiScanner, context: Context) -> Style:
    """`style` with every finding in its example replaced: what a generative writer is shown of another note names nobody."""
    if style.example is None:
        return style
    text = style.example
    for f in sorted(scanner.scan(text, context, "payer"), key=lambda f: -f.start):
        text = text[: f.start] + f.suggestion + text[f.end :]
    return replace(style, example=text)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path, path))
    except (ValueError, RecursionError):
        raise StyleError(file=path, reason="it is not TOML") from None


def _text(style: Path, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise StyleError(file=style, reason=f"{path.name} is not valid UTF-8") from None
    except (OSError, ValueError) as fault:
        raise StyleError(file=style, reason=f"{path.name} cannot be read ({getattr(fault, 'strerror', None) or 'no such name'})") from None
    if len(text) > LONGEST_EXAMPLE:
        raise StyleError(file=style, reason=f"{path.name} is over {LONGEST_EXAMPLE} characters")
    return text


def _choice(path: Path, key: str, value: object) -> StrEnum:
    kind = CHOICES[key]
    if value not in list(kind):
        raise StyleError(file=path, reason=f"{key} is one of {', '.join(kind)}")
    return kind(value)


def _name(path: Path, key: str, value: object, longest: int = LONGEST_NAME) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > longest:
        raise StyleError(file=path, reason=f"{key} must be words on one line, {longest} characters at most")
    return value.strip()


def _phrases(path: Path, value: object) -> tuple[tuple[str, str], ...]:
    """Pairs of what stands in a note and what the house says for it; an empty replacement would drop words, and is refused."""
    if not isinstance(value, dict):
        raise StyleError(file=path, reason='phrases must be a table such as "panic attack" = "panic episode"')
    return tuple((_name(path, "a phrase", old, 80), _name(path, f"the phrase for {old!r}", new, 80)) for old, new in value.items())
