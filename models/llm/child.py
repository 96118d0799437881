"""The process that a local model runs in: `python -m models.llm.child`, which `models.llm.local` starts.

In: a line of JSON with the folder, the device and the like; then a line a question. Out: lines of JSON: how many tokens there are so far, then the
answer, or the kind of a fault. Knows no note. It prints and logs nothing, since a message could quote, fetches nothing, and keeps nothing of a
question. It ends when the pipe from its parent is closed, also in the middle of an answer.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from models.llm.answers import HURRY, LONGEST

Tell = Callable[[dict[str, Any]], None]
Messages = Sequence[Mapping[str, str]]

CLOSERS = (b'"', b"]", b"}")
ROOMY = 1.3  # times the weights: what answering takes beside them


def main() -> None:
    """Load the model, then answer until the parent closes the pipe or ends. A fault is told by its kind alone, since its message could quote."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    sys.addaudithook(_no_network)
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not pass for an answer
    questions = _questions(sys.stdin.buffer)

    def tell(answer: dict[str, Any]) -> None:
        pipe.write(json.dumps(answer).encode() + b"\n")
        pipe.flush()

    try:
        talker = Talker(**next(questions))
    except Exception as fault:
        return tell({"fault": _kind(fault, "weights")})
    for question in questions:
        try:
            answer = talker.answer(question, lambda tokens: tell({"tokens": tokens}))
        except Exception as fault:
            answer = {"fault": _kind(fault, type(fault).__name__)}
        tell(answer)


def _no_network(event: str, args: tuple[object, ...]) -> None:
    """An audit hook, so it cannot be taken off again: no code of this process, of whichever package, looks up or reaches a host through Python."""
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg", "socket.bind"):
        raise PermissionError("this process has no network")


def _questions(pipe: BinaryIO) -> Iterator[dict[str, Any]]:
    """Questions as the parent sends them. A thread reads them, so that the end of the parent is seen while an answer is being written."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        for line in iter(pipe.readline, b""):
            waiting.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield json.loads(waiting.get())


class KnownError(Exception):
    """A fault that `local.FAULTS` has words for, under the key that this is raised with."""


def _kind(fault: Exception, other: str) -> str:
    """Which fault it is: a key of `local.FAULTS`, or `other`. torch tells a lack of memory in several ways, and on a CPU only in words."""
    if isinstance(fault, ImportError):
        return "packages"
    if isinstance(fault, KnownError):
        return str(fault)
    short = isinstance(fault, MemoryError) or type(fault).__name__ == "OutOfMemoryError" or "allocate memory" in str(fault)
    return "memory" if short else other


class Talker:
    """A model that was loaded, and its tokenizer. Each question is answered as if it were the first."""

    def __init__(self, folder: str, device: str, dtype: str, threads: int, seed: int) -> None:
        import torch
        import xgrammar
        from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
        from transformers.utils import logging

        logging.set_verbosity(logging.CRITICAL)
        logging.disable_progress_bar()
        if threads:
            torch.set_num_threads(threads)
        self._torch, self._seed = torch, seed
        there = "cuda" if torch.cuda.is_available() else "cpu"
        self._device = there if device == "auto" else device
        if self._device not in ("cpu", there):
            raise KnownError("device")
        local = {"local_files_only": True, "trust_remote_code": False}
        self._tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        if not self._tokenizer.chat_template:
            raise KnownError("template")
        kind = getattr(torch, self._dtype(Path(folder)) if dtype == "auto" else dtype)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=kind, use_safetensors=True, **local).to(self._device).eval()
        self._stops = self._ends()
        # The likeliest token each time, whatever the folder's own settings ask for: a model that is told to avoid repeats would avoid names.
        pad = self._stops[0] if self._stops else 0
        self._model.generation_config = GenerationConfig(do_sample=False, eos_token_id=self._stops or None, pad_token_id=pad)
        size = self._model.get_output_embeddings().weight.shape[0]  # the tokenizer may know fewer
        info = xgrammar.TokenizerInfo.from_huggingface(self._tokenizer, vocab_size=size, stop_token_ids=self._stops)
        self._grammars = xgrammar.GrammarCompiler(info, max_threads=max(1, threads))
        self._tokens = Tokens(info.decoded_vocab, [i for i in self._tokenizer.all_special_ids if i < size and i not in self._stops])

    def _dtype(self, folder: Path) -> str:
        """On a GPU half the bits, as the weights are stored; on a processor all of them where memory allows."""
        if self._device == "cuda":
            return "bfloat16" if self._torch.cuda.is_bf16_supported() else "float16"
        return "float32" if 4 * numbers(folder) * ROOMY < free() else "bfloat16"

    def _ends(self) -> list[int]:
        """The tokens that end an answer: the model's and the tokenizer's own."""
        of_model = (getattr(said, "eos_token_id", None) for said in (self._model.generation_config, self._model.config))
        known = (*of_model, self._tokenizer.eos_token_id)
        return sorted({int(i) for ids in known if ids is not None for i in (ids if isinstance(ids, list) else [ids])})

    def answer(self, question: dict[str, Any], so_far: Callable[[int], None]) -> dict[str, Any]:
        """A prompt's length where no `schema` is given, else the answer's text."""
        prompt = self._prompt(question["messages"])
        if "schema" not in question:
            return {"count": len(prompt)}
        so_far(0)
        self._torch.manual_seed(self._seed)
        grammar = self._grammars.compile_json_schema(question["schema"], any_whitespace=False)
        bound = _Bound(grammar, self._tokens, len(prompt), question["most"], so_far)
        ids = self._torch.tensor([prompt], device=self._device)
        with self._torch.inference_mode():
            out = self._model.generate(
                ids,
                attention_mask=self._torch.ones_like(ids),
                max_new_tokens=question["most"],
                logits_processor=[bound],
            )
        return {"text": self._tokenizer.decode(out[0, len(prompt) :], skip_special_tokens=True, clean_up_tokenization_spaces=False)}

    def _prompt(self, messages: Messages) -> list[int]:
        """The tokens of a conversation by the model's own template; where that knows no system, its words stand before the user's."""
        from jinja2 import TemplateError

        try:
            text = self._laid_out(messages)
        except TemplateError:
            text = self._laid_out([{"role": "user", "content": "\n\n".join(m["content"] for m in messages)}])
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    def _laid_out(self, messages: Messages) -> str:
        return self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)


class Tokens:
    """What the tokens of a vocabulary are written as, and those that are never to be written: a chat is built of them."""

    def __init__(self, written: Sequence[bytes], never: Sequence[int]) -> None:
        import torch

        self.written, self.never = written, list(never)
        self.before = torch.tensor([letters(token.partition(b'"')[0]) for token in written])  # characters that each adds to a string that is open
        self.closing = torch.tensor([token[:1] in CLOSERS and b"," not in token for token in written])  # each ends what is open, and begins nothing


def letters(token: bytes) -> int:
    """Characters that begin in `token`; it may end within one."""
    return sum(byte & 0xC0 != 0x80 for byte in token)


class _Bound:
    """A logits processor: what the grammar forbids becomes impossible, and so do a string of over LONGEST characters and an answer without an end:
    within HURRY of its last token it closes what is open wherever it may. Good for one answer.

    Lengths are counted here, since a grammar that counts to 400 takes xgrammar many seconds to compile for a vocabulary of usual size.
    """

    def __init__(self, grammar: Any, tokens: Tokens, at: int, most: int, so_far: Callable[[int], None]) -> None:
        import xgrammar

        self._matcher, self._tokens, self._at, self._so_far = xgrammar.GrammarMatcher(grammar), tokens, at, so_far
        self._mask = xgrammar.allocate_token_bitmask(1, grammar.tokenizer_info.vocab_size)
        self._length = 0  # characters since the last quote
        self._late = at + most - HURRY

    def __call__(self, ids: Any, scores: Any) -> Any:
        import torch

        if count := ids.shape[1] - self._at:
            self._so_far(count)
            self._take(int(ids[0, -1]))
        self._matcher.fill_next_token_bitmask(self._mask)
        allowed = (self._mask[0, :, None] >> torch.arange(32, dtype=torch.int32) & 1).flatten()[: scores.shape[1]].bool()
        allowed &= self._tokens.before <= LONGEST - self._length
        allowed[self._tokens.never] = False
        if ids.shape[1] >= self._late and (allowed & self._tokens.closing).any():
            allowed &= self._tokens.closing
        return scores.masked_fill(~allowed.to(scores.device), float("-inf"))

    def _take(self, token: int) -> None:
        if not self._matcher.accept_token(token):
            raise RuntimeError("a token that the grammar forbids")
        _, quote, after = self._tokens.written[token].rpartition(b'"')
        self._length = letters(after) + (0 if quote else self._length)


def numbers(folder: Path) -> int:
    """How many numbers the folder's weights are, by the heads of its safetensors files."""
    return sum(_numbers(path) for path in folder.glob("*.safetensors"))


def _numbers(path: Path) -> int:
    with path.open("rb") as file:
        head = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return sum(math.prod(tensor["shape"]) for name, tensor in head.items() if name != "__metadata__")


def free() -> int:
    """Bytes of memory that a process may still take: the kernel's own estimate, or half of all where it gives none."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


if __name__ == "__main__":
    main()
