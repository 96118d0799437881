"""The practice's key file: the master keys, on the disk of the machine that serves and nowhere else.

In: a path. Out: `Master`. Knows no keyring. The file is closed to other users, and is written whole or not at all.
"""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path

from drafting.errors import KeyMissing, KeyWrong, StoreFailed
from drafting.record.keys import Master

_KIND = "keys/1"


def write(path: Path, master: Master) -> None:
    """Write `master` to `path`: to a file beside it first, flushed, then moved into place; so a cut leaves the old file or the new one. Raises
    StoreFailed where the disk refuses."""
    beside = path.with_name(path.name + ".new")
    words = json.dumps({"aside": _KIND, "keys": {str(v): base64.b64encode(k).decode() for v, k in sorted(master.keys.items())}})
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(words)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise StoreFailed(reason=f"the key file {path.name} cannot be written: {error.strerror}") from None


def flush_folder(folder: Path) -> None:
    at = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(at)
    finally:
        os.close(at)


def read(path: Path) -> Master:
    """The master keys of `path`. Raises KeyMissing where there is no file, KeyWrong where others may read it or it is none."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise KeyWrong(what=f"the practice ({path.name} is open to other users: chmod 600)")
        data = json.loads(path.read_text("utf-8"))
        if data["aside"] != _KIND:
            raise KeyWrong(what=f"the practice ({path.name} is no key file of this Aside)")
        keys = {int(v): base64.b64decode(k, validate=True) for v, k in data["keys"].items()}
    except FileNotFoundError:
        raise KeyMissing(what="the practice", hint=f": there is no file {path}. Put it back from where the practice keeps it") from None
    except OSError as error:
        raise KeyMissing(what="the practice", hint=f": {path} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyWrong(what=f"the practice ({path.name} is no key file)") from None
    if not keys or any(len(k) != 32 or v < 1 for v, k in keys.items()):
        raise KeyWrong(what=f"the practice ({path.name} is no key file)")
    return Master(keys)
