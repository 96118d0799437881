"""What the operator sets, read once.

In: environment variables that begin with `ASIDE_`. Out: one frozen `Settings`, passed down. An unknown name is refused, so that a slip of
the pen is seen.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from drafting.errors import SettingsError


def _data_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "aside"


@dataclass(frozen=True, slots=True)
class Settings:
    """`models`: folder of weights. `whisper`: a name that `aside models list` shows, or a path. `formats`: a folder of the practice's own formats."""

    models: Path
    whisper: str = "base.en"
    formats: Path | None = None
    max_hours: float = 6.0


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environ` (the process's own by default). Raises SettingsError for an unknown name or a value that is none."""
    environ = os.environ if environ is None else environ
    given = {k[6:].lower(): v for k, v in environ.items() if k.startswith("ASIDE_")}
    unknown = sorted(set(given) - {f.name for f in fields(Settings)})
    if unknown:
        raise SettingsError(reason=f"ASIDE_{unknown[0].upper()} is not a setting")
    hours = given.get("max_hours", "6")
    try:
        max_hours = float(hours)
    except ValueError:
        raise SettingsError(reason="ASIDE_MAX_HOURS must be a number of hours") from None
    formats = given.get("formats")
    return Settings(
        Path(given.get("models") or _data_home() / "models"), given.get("whisper") or "base.en", Path(formats) if formats else None, max_hours
    )
