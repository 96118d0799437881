"""Digits as the words that a person says, so that a recogniser's words can be compared with a script. Numbers below a thousand, and times."""

from __future__ import annotations

import re

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


def spelled(text: str) -> str:
    """`text` with its numbers and times spelled out."""
    text = re.sub(r"\b(\d{1,2}):(\d{2})\b", lambda m: f"{say(int(m[1]))} {_minutes(int(m[2]))}", text)
    return re.sub(r"\d{1,3}", lambda m: f" {say(int(m[0]))} ", text)


def say(n: int) -> str:
    """0 to 999 in words."""
    if n < 20:
        return _ONES[n]
    if n < 100:
        return _TENS[n // 10] + (f" {_ONES[n % 10]}" if n % 10 else "")
    return f"{_ONES[n // 100]} hundred" + (f" {say(n % 100)}" if n % 100 else "")


def _minutes(n: int) -> str:
    return "" if n == 0 else f"oh {_ONES[n]}" if n < 10 else say(n)
