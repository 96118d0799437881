"""A chat model in a folder of this machine, run in a child process.

In: the folder, and questions. Out: answers. Knows no note, and fetches nothing.

torch must stay out of the process that drafts, so the child (`models.llm.child`) holds the model: it starts with the first question, stays for the
next ones, and may be killed at any moment, which also frees its memory. Of a question it keeps nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from drafting.errors import EngineFailed, EngineMissing
from models.llm.asking import Messages, Stopped

ROOM = 4096  # tokens, where a model does not say how many it can read

# torch's threads sleep while they wait for one another: where something else is running too, spinning is many times slower.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
}

FAULTS = {
    "memory": "memory ran out; a smaller model needs less",
    "packages": "its packages cannot be loaded; install them again with `pip install --force-reinstall 'aside-notes[llm]'`",
    "weights": "its folder is damaged, or holds no chat model that transformers can read",
    "device": "torch finds no GPU here; set ASIDE_LLM_DEVICE to auto or cpu",
    "template": "the model has no chat template; take one that was made for instructions",
}


class LocalModel:
    """A `Model` from `folder`: transformers' own format, weights as safetensors. Raises EngineMissing without its packages, and EngineFailed where
    the folder holds no model; nothing heavy is loaded for that. `threads`: 0 for all."""

    def __init__(
        self, folder: Path, name: str, revision: str | None = None, device: str = "auto", dtype: str = "auto", threads: int = 0, seed: int = 0
    ) -> None:
        _installed()
        self.name, self.revision, self.seed = name, revision, seed
        self.room = _room(folder)
        self._setting = {"folder": str(folder.resolve()), "device": device, "dtype": dtype, "threads": threads, "seed": seed}
        self._child: subprocess.Popen[bytes] | None = None
        self._asking, self._starting = threading.RLock(), threading.Lock()

    def count(self, messages: Messages) -> int:
        """How many tokens the prompt takes by the model's own tokenizer and template."""
        return self._asked({"messages": messages})["count"]

    def ask(self, messages: Messages, schema: Mapping[str, object], most: int, told: Callable[[int], None] | None = None) -> str:
        """The answer, bound to `schema` by its grammar."""
        return self._asked({"messages": messages, "schema": schema, "most": most}, told)["text"]

    def close(self) -> None:
        """End the child. Whoever waits for its answer is told Stopped, and closes the pipes."""
        with self._starting:
            child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        if self._asking.acquire(blocking=False):
            _let_go(child)
            self._asking.release()

    def _asked(self, question: Mapping[str, Any], told: Callable[[int], None] | None = None) -> dict[str, Any]:
        """What the child says to `question`, one at a time. Raises EngineFailed, with nothing in it of the question."""
        with self._asking:
            child = self._running()
            try:
                return _answer(child, question, told)
            except BaseException as fault:
                stopped = self._child is not child and isinstance(fault, Exception)
                self.close()  # what it still has to say would pass for the answer to the next question
                if stopped:
                    raise Stopped from None
                raise
            finally:
                if self._child is not child:
                    _let_go(child)

    def _running(self) -> subprocess.Popen[bytes]:
        with self._starting:
            if self._child is None or self._child.poll() is not None:
                self._child = _started(self._setting)
            return self._child


def _installed() -> None:
    """The packages' metadata is asked, not the packages: they are masked here, and would take seconds."""
    try:
        for package in ("torch", "transformers", "xgrammar"):
            version(package)
    except PackageNotFoundError:
        raise EngineMissing(name="llm", extra="llm") from None


def _room(folder: Path) -> int:
    """How many tokens the model in `folder` reads at most, by its config."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        own = {**config, **config.get("text_config", {})}
        return int(own.get("max_position_embeddings") or ROOM)
    except (OSError, ValueError, TypeError, AttributeError):
        raise EngineFailed(name="llm", reason=FAULTS["weights"]) from None


def _started(setting: Mapping[str, object]) -> subprocess.Popen[bytes]:
    """A running child that was told what to load. `-P` keeps the current folder out of its path, where a file might shadow a package of ours. Its
    standard error goes nowhere: a library's message might quote, and what matters comes in the answer."""
    command = [sys.executable, "-P", "-W", "ignore", "-m", "models.llm.child"]
    try:
        child = subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError as fault:
        raise EngineFailed(name="llm", reason=f"no process could be started for it ({fault.strerror})") from None
    _send(child, setting)
    return child


def _send(child: subprocess.Popen[bytes], line: Mapping[str, object]) -> None:
    with suppress(BrokenPipeError):  # it ended early: its last line, or its exit code, says why
        child.stdin.write(json.dumps(line).encode() + b"\n")
        child.stdin.flush()


def _answer(child: subprocess.Popen[bytes], question: Mapping[str, Any], told: Callable[[int], None] | None) -> dict[str, Any]:
    """The last line of what the child says to `question`; those before it count tokens."""
    _send(child, question)
    while (line := child.stdout.readline()).endswith(b"\n"):
        answer = json.loads(line)
        if "fault" in answer:
            raise EngineFailed(name="llm", reason=FAULTS.get(answer["fault"], f"a fault of its own ({answer['fault']})"))
        if "tokens" not in answer:
            return answer
        if told:
            told(answer["tokens"])
    raise EngineFailed(name="llm", reason=_ending(child.wait()))


def _let_go(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    child.stdout.close()
    with suppress(BrokenPipeError):  # a question that it did not read to the end has nowhere to go
        child.stdin.close()


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "it was killed, most often because memory ran out; a smaller model needs less"
    return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with code {code}"
