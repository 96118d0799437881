"""Letters made safe to print, whatever somebody typed.

In: any text, lone surrogates too. Out: text that steers no reader, terminal or layout. What is taken away leaves a visible mark (U+FFFD); line breaks
and spaces stay what they are. Knows no font, and no note's shape.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MARK = "\ufffd"
_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Directional embeddings, overrides and isolates turn what follows around; tags are invisible letters.
_STEERING = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")


def plain(text: str) -> str:
    """`text` over several lines, without controls, steering characters, lone surrogates and noncharacters: each becomes a mark."""
    text = _STEERING.sub(MARK, _BREAKS.sub("\n", text).replace("\t", " "))
    return "".join(c if c == "\n" or not _unprintable(c) else MARK for c in text)


def line(text: str) -> str:
    """`text` on one line, made safe, with single spaces."""
    return " ".join(plain(text).split())


def visible(text: str) -> str:
    """`text` without characters that have no form of their own (joiners, soft hyphens, variation selectors), composed (NFC): what can be drawn."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text))


def replaced(text: str, spans: Iterable[tuple[int, int, str]]) -> tuple[str, int]:
    """`text` with each span (start, end, what stands there instead) in brackets, and how many were replaced. Spans that overlap are one, under the
    first's words, so that nothing of any shows."""
    apart: list[tuple[int, int, str]] = []
    for start, end, instead in sorted(spans, key=lambda s: (s[0], -s[1])):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]), apart[-1][2])
        else:
            apart.append((start, end, instead))
    for start, end, instead in reversed(apart):
        text = f"{text[:start]}[{instead or 'left out'}]{text[end:]}"
    return text, len(apart)


def _unprintable(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
