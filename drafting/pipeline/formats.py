"""Note formats, read from data.

In: a format's key, and a practice's own folder of TOML files, which is looked at first. Out: a `NoteFormat` in which each of the eleven
roles goes to exactly one section. Does not know what a statement says, nor how a section is written.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import prompts
from drafting.errors import FormatError
from drafting.types import NoteFormat, Role, Section

_KEY = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_FORMAT_KEYS = ("key", "title", "version", "sections")
_SECTION_KEYS = ("key", "title", "roles", "questions", "words")


def load(key: str, folder: Path | None = None) -> NoteFormat:
    """The format `key`; a file of that name in `folder` goes before ours. Raises FormatError."""
    own = _own(folder)
    if key in own:
        return _own_format(own[key])
    if key in prompts.names("formats"):
        return _parse(prompts.read(f"formats/{key}.toml"), key, f"formats/{key}.toml")
    known = ", ".join(sorted({*own, *prompts.names("formats")}))
    raise FormatError(file=f"{key}.toml", reason=f"there is no such format; known are {known}")


def available(folder: Path | None = None) -> tuple[NoteFormat, ...]:
    """Every format, by key. Raises FormatError for the first file that cannot be used."""
    return tuple(load(key, folder) for key in sorted({*_own(folder), *prompts.names("formats")}))


def _own(folder: Path | None) -> dict[str, Path]:
    """A practice's files by key. Names with a leading dot are left out: some systems put such beside each file."""
    if folder is None:
        return {}
    try:
        return {path.stem: path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith(".")}
    except OSError as error:
        raise FormatError(file=folder, reason=f"the folder cannot be read ({error.strerror})") from error


def _own_format(path: Path) -> NoteFormat:
    try:
        # utf-8-sig: an editor may put a byte order mark before the first key.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(file=path, reason=f"it is not valid UTF-8 (first bad byte at {error.start})") from error
    except OSError as error:
        raise FormatError(file=path, reason=f"it cannot be read ({error.strerror})") from error
    return _parse(text, path.stem, str(path))


def _parse(text: str, key: str, file: str) -> NoteFormat:
    """A file's text to a format that is whole; `key` is the file's name without its ending."""
    reader = _Reader(file)
    data = reader.toml(text)
    reader.keys(data, _FORMAT_KEYS, "the file")
    if reader.key(data["key"], "key") != key:
        reader.refuse(f"its key is {data['key']!r}, its name says {key!r}: make them the same")
    sections = reader.sections(data["sections"])
    version = reader.number(data["version"], "version", least=1)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return NoteFormat(key, reader.line(data["title"], "title"), version, sections, digest)


class _Reader:
    """Checks one file's values, and says of a fault where it is."""

    def __init__(self, file: str) -> None:
        self.file = file

    def refuse(self, reason: str) -> NoReturn:
        raise FormatError(file=self.file, reason=reason)

    def toml(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except ValueError as error:
            raise FormatError(file=self.file, reason=f"it is not TOML: {error}") from error
        except RecursionError as error:
            raise FormatError(file=self.file, reason="it is not TOML of a format: it is nested too deep") from error

    def keys(self, table: Mapping[str, Any], wanted: Sequence[str], where: str) -> None:
        if unknown := [key for key in table if key not in wanted]:
            self.refuse(f"{where} has the unknown key {unknown[0]!r}; known are {', '.join(wanted)}")
        if missing := [key for key in wanted if key not in table]:
            self.refuse(f"{where} lacks the key {missing[0]!r}")

    def sections(self, value: object) -> tuple[Section, ...]:
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            self.refuse("sections must be one or more [[sections]] tables")
        sections = tuple(self.section(item, f"section {number}") for number, item in enumerate(value, 1))
        if twice := _twice([section.key for section in sections]):
            self.refuse(f"the section key {twice!r} stands twice")
        self.roles_once(sections)
        return sections

    def section(self, table: dict[str, Any], where: str) -> Section:
        self.keys(table, _SECTION_KEYS, where)
        key = self.key(table["key"], f"{where}: key")
        return Section(
            key=key,
            title=self.line(table["title"], f"{key}: title"),
            roles=tuple(self.role(name, key) for name in self.items(table["roles"], f"{key}: roles")),
            questions=tuple(self.line(question, f"{key}: questions") for question in self.items(table["questions"], f"{key}: questions")),
            words=self.words(table["words"], f"{key}: words"),
        )

    def roles_once(self, sections: Sequence[Section]) -> None:
        taken = [role for section in sections for role in section.roles]
        if twice := _twice(taken):
            self.refuse(f"the role {str(twice)!r} goes to more than one section")
        if left := [role for role in Role if role not in taken]:
            self.refuse(f"no section takes the role {', '.join(left)}")

    def role(self, name: object, section: str) -> Role:
        if not isinstance(name, str) or name not in list(Role):
            self.refuse(f"{section}: unknown role {name!r}; known are {', '.join(Role)}")
        return Role(name)

    def key(self, value: object, where: str) -> str:
        if not isinstance(value, str) or not _KEY.fullmatch(value):
            self.refuse(f"{where} is {value!r}; a key is small letters, digits and _, a letter first")
        return value

    def line(self, value: object, where: str) -> str:
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            self.refuse(f"{where} must be words on one line")
        return value

    def items(self, value: object, where: str) -> list[Any]:
        if not isinstance(value, list) or not value:
            self.refuse(f"{where} must be a list with at least one entry")
        return value

    def words(self, value: object, where: str) -> tuple[int, int]:
        if not isinstance(value, list) or len(value) != 2:
            self.refuse(f"{where} must be two whole numbers, the least and the most")
        least, most = self.number(value[0], where, least=0), self.number(value[1], where, least=1)
        if least > most:
            self.refuse(f"{where}: the least, {least}, is over the most, {most}")
        return least, most

    def number(self, value: object, where: str, least: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.refuse(f"{where} must be a whole number of at least {least}")
        return value


def _twice(values: Sequence[str]) -> str | None:
    return next((value for value, count in Counter(values).items() if count > 1), None)
