"""The tables of the three databases: the record with the workbench, the private notes, the keyring.

In: nothing. Out: SQLAlchemy `MetaData`, one for each database. Knows no query. Columns that end in `_sealed` hold ciphertext and nothing else; other
columns hold ids, codes, dates, counts and digests.
"""

from drafting.record.store.tables import keyring, private, record

__all__ = ["keyring", "private", "record"]
