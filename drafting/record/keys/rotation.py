"""Other master keys for the same practice: a rotation, and a restore when the key file was lost.

In: a practice, the path of its key file, the joined recovery kit. Out: how many secrets were wrapped anew. Knows no note, and touches no row of the
record but the audit trail's: only the wrapping changes. The key file is always written before what relies on it, and a key leaves it only when
nothing is wrapped under it; both happen with no other writer in the keyring. So a cut anywhere leaves a file that opens everything, and a repeat ends
it. A process that was started before cannot wrap under the old key any more, and is told to start again.
"""

from __future__ import annotations

from pathlib import Path

from drafting.record.keys import PRACTICE, Keyring, Master, Opener, keyfile
from drafting.record.practice import Practice


def rotate(practice: Practice, path: Path, *, by: str = "setup") -> int:
    """Give the practice a new master key, and wrap all that it holds under it; or finish a rotation that was cut. Raises KeyMissing, KeyWrong
    (nothing was changed, but that the file may hold a further key), StoreFailed, NotScrubbed."""
    keyring = practice.keyring
    with keyring.changing() as connection:
        found = keyfile.read(path)
        _write(keyring, path, found if len(found.keys) > 1 else found.next())
        count = keyring.hand(connection, None, PRACTICE)
    _settle(practice, path, count, by, "keys:rotated")
    return count


def restore(practice: Practice, path: Path, kit: Opener, *, by: str = "setup") -> int:
    """Give the practice a master key when its key file was lost: all that it held and the recovery kit opens is wrapped to the new one. Where there
    is a file at `path`, as after a cut, its newest key is taken. Raises KeyWrong, also for a file that is no key file (move it away first);
    StoreFailed, NotScrubbed."""
    keyring = practice.keyring
    with keyring.changing() as connection:
        found = keyfile.read(path) if path.exists() else Master.made()
        _write(keyring, path, keyring.renumbered(connection, found))
        count = keyring.hand(connection, kit, PRACTICE)
    _settle(practice, path, count, by, "keys:restored")
    return count


def _settle(practice: Practice, path: Path, count: int, by: str, action: str) -> None:
    """The old wrappings gone from the keyring's files; the newest key alone in its own, once nothing is under another; and the trail told."""
    keyring = practice.keyring
    keyring.scrub()
    with keyring.changing() as connection:
        found = keyfile.read(path)
        if keyring.settled(connection, found):
            _write(keyring, path, found.newest())
    with practice.change() as change:
        change.tell(by, action, version=found.version, secrets=count)


def _write(keyring: Keyring, path: Path, master: Master) -> None:
    """To the disk first, and only then in use."""
    keyfile.write(path, master)
    keyring.master = master
