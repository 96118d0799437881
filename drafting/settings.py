"""What the operator sets, read once.

In: environment variables that begin with `ASIDE_`. Out: one frozen `Settings`, passed down. An unknown name is refused, so that a slip of
the pen is seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from drafting.errors import SettingsError


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "aside"


@dataclass(frozen=True, slots=True)
class Settings:
    """`data`: folder of what is kept: three SQLite databases, unless `record`, `private` and `keyring` say where else (URLs), and the practice's key
    file, unless `key_file` does. `models`: folder of weights. `whisper`: a name that `aside models list` shows, or a path. `formats`: a folder of the
    practice's own formats. `style`: the clinician's own style, a file. `llm`: the generative model, a name or a folder; `llm_device` auto, cpu or
    cuda, `llm_dtype` auto, bfloat16, float16 or float32, `llm_threads` 0 for all. `llm_server`: an OpenAI-compatible server instead, on a host of
    `llm_hosts`, asked for `llm_model`, `llm_workers` sections at once, `llm_patience` seconds for each."""

    data: Path
    models: Path
    record: str | None = field(default=None, repr=False)  # a URL may hold a password
    private: str | None = field(default=None, repr=False)
    keyring: str | None = field(default=None, repr=False)
    key_file: Path | None = None
    whisper: str = "base.en"
    formats: Path | None = None
    max_hours: float = 6.0
    style: Path | None = None
    llm: str | None = None
    llm_device: str = "auto"
    llm_dtype: str = "auto"
    llm_threads: int = 0
    llm_server: str | None = field(default=None, repr=False)
    llm_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    llm_model: str | None = None
    llm_workers: int = 2
    llm_patience: float = 180.0


_KINDS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "data": (Path, "a folder"),
    "key_file": (Path, "a file"),
    "models": (Path, "a folder"),
    "formats": (Path, "a folder"),
    "style": (Path, "a file"),
    "max_hours": (float, "a number of hours"),
    "llm_threads": (int, "a whole number"),
    "llm_workers": (int, "a whole number"),
    "llm_patience": (float, "a number of seconds"),
    "llm_hosts": (lambda v: tuple(h.strip() for h in v.split(",") if h.strip()), "names of hosts, with commas between"),
}
_CHOICES = {"llm_device": ("auto", "cpu", "cuda"), "llm_dtype": ("auto", "bfloat16", "float16", "float32")}


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environ` (the process's own by default). Raises SettingsError for an unknown name or a value that is none."""
    environ = os.environ if environ is None else environ
    given = {k[6:].lower(): v for k, v in environ.items() if k.startswith("ASIDE_")}
    unknown = sorted(set(given) - {f.name for f in fields(Settings)})
    if unknown:
        raise SettingsError(reason=f"ASIDE_{unknown[0].upper()} is not a setting")
    values = {name: _value(name, value) for name, value in given.items() if value}
    return Settings(**{"data": _data_home(), "models": _data_home() / "models", **values})


def _value(name: str, given: str) -> object:
    kind, what = _KINDS.get(name, (str, "text"))
    if given not in _CHOICES.get(name, (given,)):
        raise SettingsError(reason=f"ASIDE_{name.upper()} is one of {', '.join(_CHOICES[name])}")
    try:
        return kind(given)
    except ValueError:
        raise SettingsError(reason=f"ASIDE_{name.upper()} must be {what}") from None
