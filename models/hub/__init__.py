"""The store of weights: which are known, which are here, and how they get here.

In: a name of prompts/weights.toml or of models/catalog.toml, or a path, and the folder of weights. Out: a checked path, rows for a person, a model
that was fetched or imported. Knows no engine and no recording. `pull` alone uses the network, and only because a person typed it.

    speech.py   speech weights, a file each          chat.py       chat models, a folder each
    fetching.py one file over HTTP                   arrivals.py   how chat models get here
    files.py    digests, locks, progress
"""

from __future__ import annotations

from pathlib import Path

from drafting.errors import AsideError, ModelMissing, UnknownModel
from models.hub import arrivals, chat, speech
from models.hub.arrivals import HUB, import_folder
from models.hub.chat import ModelRefused, locate_chat
from models.hub.speech import known, locate

__all__ = ["HUB", "ModelRefused", "import_folder", "known", "listing", "locate", "locate_chat", "pull", "verify"]


def listing(folder: Path) -> list[str]:
    """Rows for a person: the folder, then each name with its size, what it is, and whether it is here. Hashes nothing."""
    return [str(folder), *speech.rows(folder), *chat.rows(folder)]


def verify(folder: Path) -> tuple[list[str], bool]:
    """A row for each of the known weights and the imported models that are here, and whether all of them are good."""
    rows, good = [], True
    checks = [(w.name, "", speech.locate) for w in known()] + [(name, f" ({told})", locate_chat) for name, told in chat.stored(folder)]
    for name, told, check in checks:
        try:
            check(name, folder)
        except ModelMissing:
            continue  # not here, so there is nothing to verify
        except AsideError as error:
            rows.append(f"{name}: {error}")
            good = False
        else:
            rows.append(f"{name}: good{told}")
    return rows or [f"No weights are in {folder}."], good


def pull(name: str, folder: Path, hub: str = HUB) -> str:
    """Fetch weights or a chat model into `folder`, going on where an earlier call was cut; a row for a person.

    Raises UnknownModel, PullFailed, ModelRefused for a chat model that is not pinned, and SettingsError where a file is here and may not be read.
    """
    if weights := speech.named(name):
        return speech.pull(weights, folder)
    if model := chat.named(name):
        return arrivals.pull(model, folder, hub)
    raise UnknownModel(name=name, known=", ".join([w.name for w in known()] + [m.name for m in chat.catalogue()]))
