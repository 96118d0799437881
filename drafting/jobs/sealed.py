"""What DBOS writes of a job's inputs, outcomes and errors: ids and codes, sealed.

In: text, numbers and what holds them; an error. Out: base64 of AES-256-GCM over JSON. Anything else is refused, so that no noun with a visit's words
can come by this way; of an error its code is kept, never its message. The key is a secret that the practice holds.
"""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

from dbos import Serializer

from drafting.errors import Conflict, RecordError
from drafting.jobs.way import code_of
from drafting.record.keys import PRACTICE, RECOVERY, Place, opened, seal
from drafting.record.practice import Practice

SECRET = "practice/jobs"
_PLACE = Place("jobs", "any", "value")
_ERROR = "error"


class JobFailed(RecordError):
    """The job ended with {reason}."""


class Sealing(Serializer):
    """Reads and writes what DBOS keeps."""

    def __init__(self, practice: Practice) -> None:
        if not practice.keyring.holders_of(SECRET):
            with suppress(Conflict):  # another process was first
                practice.keyring.make(SECRET, [PRACTICE, RECOVERY])
        self._key = practice.keyring.open(SECRET)

    def serialize(self, data: Any) -> str:
        """Raises TypeError for what is neither text, a number, nor made of those."""
        plain = {_ERROR: code_of(data)} if isinstance(data, BaseException) else data
        return base64.b64encode(seal(self._key, json.dumps(plain).encode(), _PLACE)).decode()

    def deserialize(self, serialized_data: str) -> Any:
        """Raises KeyWrong for what was altered or sealed under another key."""
        value = json.loads(opened(self._key, base64.b64decode(serialized_data), _PLACE))
        return JobFailed(reason=value[_ERROR]) if isinstance(value, dict) and value.keys() == {_ERROR} else value

    def name(self) -> str:
        return "aside_sealed"
