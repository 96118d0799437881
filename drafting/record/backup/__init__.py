"""Backup: archives of the data, a bundle of the keys apart from them, and a restore that demands both and the recovery kit.

In: a practice and a folder; or two files, the kit's halves and empty stores. Out: an archive; a bundle; a practice. Knows no note and opens none.
Rooms: `box` (a sealed file), `rows` (rows as a stream), `archive` (made, looked through, expired), `keybundle` (the keyring), `restoring`.
"""

from drafting.record.backup.archive import Manifest, Report, create, expire, verify
from drafting.record.backup.keybundle import Bundle, bundle, verify_apart
from drafting.record.backup.restoring import restore, whole

__all__ = ["Bundle", "Manifest", "Report", "bundle", "create", "expire", "restore", "verify", "verify_apart", "whole"]
