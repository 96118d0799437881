"""What a process said it had done, kept by the one that put an end to it.

In: the lines of `life`. Out: for each encounter what must be there, and what was under way when the process ended. Knows no store.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field

PURGING = frozenset({"aside", "sign"})
"""What may destroy earlier versions of a review on its way."""


@dataclass(slots=True)
class Known:
    """What was acknowledged of one encounter. `private`: statements that are private notes; `pending`: what was begun
    and not done, where the process ended in the middle of it or it failed."""

    version: int = 0
    digest: str | None = None
    private: set[str] = field(default_factory=set)
    notes: dict[str, str] = field(default_factory=dict)
    cosigned: dict[str, str] = field(default_factory=dict)
    size: int = 0
    receipt: str | None = None
    read: Counter[str] = field(default_factory=Counter)
    signed: int = 0
    pending: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Ledger:
    """All that was acknowledged, through every process so far. `cut`: what each was in the middle of; `refused`: what
    failed, by the error's code; `late`: what was done though it was begun after a disk had failed for good."""

    known: dict[str, Known] = field(default_factory=dict)
    acknowledged: int = 0
    cut: Counter[str] = field(default_factory=Counter)
    refused: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    late: list[str] = field(default_factory=list)

    def enter(self, told: bytes) -> set[str]:
        """Take in what a process said before it ended; the encounters that it touched. A last line without its end was never said."""
        lines = [json.loads(line) for line in told.split(b"\n")[:-1]]
        touched, begun = set(), None
        for line in lines:
            if "begin" in line:
                begun = line
                touched.add(line["encounter"])
                self.known.setdefault(line["encounter"], Known())
            elif "done" in line:
                self._done(line)
                if begun and begun["after"]:
                    self.late.append(line["done"])
                begun = None
            elif "failed" in line:
                self._failed(line)
                begun = None
        if begun:
            self.known[begun["encounter"]].pending.add(begun["begin"])
        self.cut[begun["begin"] if begun else "between"] += 1
        return touched

    def _failed(self, line: dict[str, str]) -> None:
        self.refused[line["error"]].append(f"{line['failed']} {line['encounter']}: {line['says']}")
        if line["encounter"] in self.known:
            self.known[line["encounter"]].pending.add(line["failed"])

    def _done(self, line: dict[str, object]) -> None:
        known = self.known[str(line["encounter"])]
        self.acknowledged += 1
        known.version, known.digest = line.get("version", known.version), line.get("digest" if "version" in line else "", known.digest)
        known.private |= set(line.get("private", ()))
        known.private -= set(line.get("back", ()))
        if "cosigned" in line:
            known.cosigned[line["note"]] = line["cosigned"]
        elif "note" in line:
            known.notes[line["note"]] = line["digest"]
            known.signed += line["done"] == "sign"
        known.size = line.get("size", known.size)
        known.receipt = line.get("receipt", known.receipt)
        known.read.update(line.get("read", ()))
