"""OpenAI's Whisper, run in a child process.

In: a recording, and the functions that find weights and cut at pauses. Out: utterances with word times and confidences.
Knows no note and no store, and fetches nothing.

torch must stay out of the process that drafts (drafting.wiring masks it), so two processes read this file. The parent has `WhisperTranscriber`.
The child, `python -m models.whisper WEIGHTS LABEL`, has `main`: it is sent one stretch of speech at a time (the number of samples, then the samples
as float32) and answers each with one line of JSON. Of what was said it keeps nothing from one stretch to the next, so it may be killed at any moment;
that also frees its memory.
"""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from drafting.errors import EngineFailed, EngineMissing, OtherLanguage
from drafting.types import Recording, Utterance, Word

if TYPE_CHECKING:
    import numpy as np

Locate = Callable[[str, Path], tuple[Path, str]]
Cut = Callable[["Iterator[np.ndarray]", float], "Iterator[tuple[float, np.ndarray]]"]
Segment = dict[str, Any]

KEYS = ("text", "start", "end", "words", "avg_logprob", "no_speech_prob")  # of a segment as Whisper gives it
RATE = 16_000
LONGEST = 30.0  # seconds: Whisper's window; what is longer it would cut itself, and not at a pause
COUNT = struct.Struct("<I")

# Whisper's own defaults, but for the first four. Each window stands alone, since the next one would carry on a loop in it. Words are timed. Odd words
# beside silence are taken for invented; two seconds, since a pause for breath is shorter. The language is not guessed: a wrong guess would translate.
OPTIONS: dict[str, Any] = {
    "condition_on_previous_text": False,
    "word_timestamps": True,
    "hallucination_silence_threshold": 2.0,
    "language": "en",
    "temperature": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),  # tried in turn, until the two thresholds below are kept
    "compression_ratio_threshold": 2.4,
    "logprob_threshold": -1.0,
    "no_speech_threshold": 0.6,
}

WINDOWS = 8  # that one stretch may take; it fits into one, and most take one or two
ROUNDS = 4  # a phrase said so often, and nothing else, is a loop

JUDGED_SECONDS = 30.0  # of speech are listened to for their language
ENOUGH_SECONDS = 10.0  # of them are enough to turn a recording away before its end
FOREIGN, ENGLISH = 0.8, 0.1  # mean probability: of another language at least, of English at most

FAULTS = {
    "memory": "memory ran out; smaller weights need less",
    "packages": "its packages cannot be loaded; install them again with `pip install --force-reinstall 'aside-notes[whisper]'`",
    "weights": "the file of weights is damaged, or is not one of OpenAI's Whisper",
}


class WhisperTranscriber:
    """Speech to words by Whisper. Raises EngineMissing, and what `locate` raises, when it is made; neither torch nor Whisper is loaded for that."""

    preview = False

    def __init__(self, weights: str, folder: Path, locate: Locate, cut: Cut) -> None:
        engine = _installed()
        path, label = locate(weights, folder)
        self.name = f"whisper {engine}, {label}"
        self._child = partial(_child, path, label)
        self._cut = cut

    def transcribe(self, recording: Recording, start: float = 0.0) -> Iterator[Utterance]:
        """Yield utterances in order, a stretch at a time, with times from the recording's beginning. A child lives from the first stretch to the end
        of this generator. Raises EngineFailed, and OtherLanguage where the speech is surely not English."""
        start = max(0.0, start)
        heard: list[tuple[float, float, float]] = []
        with ExitStack() as until_the_end:
            ask: Callable[[np.ndarray], dict[str, Any]] | None = None
            for offset, samples in self._cut(recording.blocks(start), LONGEST):
                ask = ask or until_the_end.enter_context(self._child())
                answer = ask(samples)
                seconds = len(samples) / RATE
                if answer["language"]:
                    heard.append((seconds, *answer["language"]))
                    if sum(s for s, _, _ in heard) >= ENOUGH_SECONDS and foreign(heard):
                        raise OtherLanguage()
                yield from utterances(answer["segments"], start + offset, seconds)
        if foreign(heard):
            raise OtherLanguage()


def _installed() -> str:
    """The engine's version. The packages' metadata is asked, not the packages: torch is masked here, and would take seconds."""
    try:
        version("torch")
        return version("openai-whisper")
    except PackageNotFoundError:
        raise EngineMissing(name="whisper", extra="whisper") from None


# ── what was heard ────────────────────────────────────────────────────────────────────────────────────────────────────


def utterances(segments: Iterable[Segment], at: float, seconds: float) -> Iterator[Utterance]:
    """The segments of one stretch, `seconds` long, that begins `at` seconds into the recording. Whisper's times may run past the stretch, or
    backwards: here they are held inside it, and in order."""
    floor = 0.0
    for segment in without_loops(segments):
        text = " ".join(segment["text"].split())
        if not text:
            continue
        start, end = _held(segment["start"], segment["end"], floor, seconds)
        words, last = [], start
        for word in segment["words"]:
            last, until = _held(word["start"], word["end"], last, end)
            confidence = min(1.0, max(0.0, word["probability"]))  # in this order, no number at all counts as 0
            words.append(Word(word["word"].strip(), round(at + last, 3), round(at + until, 3), confidence))
        yield Utterance(text, round(at + start, 3), round(at + end, 3), None, tuple(words))
        floor = start


def _held(start: float, end: float, low: float, high: float) -> tuple[float, float]:
    """The two times moved into `low` to `high`, the second not before the first."""
    start = min(max(start, low), high)
    return start, min(max(end, start), high)


def without_loops(segments: Iterable[Segment]) -> Iterator[Segment]:
    """The segments without Whisper's loops.

    A loop is one phrase said four times or more and nothing else, within a segment or as segments in a row. Where the decoder doubts it, by either of
    Whisper's own thresholds, it is dropped. Else it is kept, said once: a person may have said "I want to die" four times, and no danger may be lost.
    """
    for words, run in groupby(segments, key=lambda s: tuple(w.strip(".,;:!?…-\"'").casefold() for w in s["text"].split())):
        first, *more = run
        period = _period(words)
        if period == len(words) and len(more) + 1 < ROUNDS:
            yield from (first, *more)
        elif first["no_speech_prob"] <= OPTIONS["no_speech_threshold"] and first["avg_logprob"] >= OPTIONS["logprob_threshold"]:
            timed = first["words"][:period] if len(first["words"]) == len(words) else []
            yield first | {"text": " ".join(first["text"].split()[:period]), "words": timed, "end": [first, *more][-1]["end"]}


def _period(words: Sequence[str]) -> int:
    """How many words the phrase has that these words say over and over, at least ROUNDS times; all of them where there is none."""
    loops = (p for p in range(1, len(words) // ROUNDS + 1) if all(words[i] == words[i - p] for i in range(p, len(words))))
    return next(loops, len(words))


def foreign(heard: Sequence[tuple[float, float, float]]) -> bool:
    """Whether the speech is surely not English, from stretches as (seconds, probability of English, probability of the likeliest other language)."""
    total = sum(seconds for seconds, _, _ in heard)
    if not total:
        return False
    english = sum(seconds * p for seconds, p, _ in heard) / total
    return english <= ENGLISH and sum(seconds * p for seconds, _, p in heard) / total >= FOREIGN


# ── the parent's end of the pipe ──────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _child(path: Path, label: str) -> Iterator[Callable[[np.ndarray], dict[str, Any]]]:
    """A running child, as a function that asks it; killed on the way out. `-P` keeps the current folder out of its path, where a file might shadow a
    package of ours. Its standard error goes nowhere: torch's complaints are no help to a clinician, and what matters comes in the answer.

    torch's threads spin while they wait for one another. Where something else is running too, spinning made base.en six times slower than sleeping.
    """
    command = [sys.executable, "-P", "-W", "ignore", "-m", "models.whisper", str(path), label]
    environment = {"OMP_WAIT_POLICY": "PASSIVE"} | os.environ
    try:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError as fault:
        raise EngineFailed(name="whisper", reason=f"no process could be started for it ({fault.strerror})") from None
    try:
        yield partial(_ask, process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with suppress(BrokenPipeError):  # a stretch that it did not read to the end has nowhere to go
            process.stdin.close()


def _ask(process: subprocess.Popen[bytes], samples: np.ndarray) -> dict[str, Any]:
    """Send one stretch; the answer. Raises EngineFailed, with nothing in it of what was said."""
    with suppress(BrokenPipeError):  # it ended early: its last line, or its exit code, says why
        process.stdin.write(COUNT.pack(len(samples)) + samples.astype("<f4").tobytes())
        process.stdin.flush()
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EngineFailed(name="whisper", reason=_ending(process.wait()))
    answer = json.loads(line)
    if "fault" in answer:
        raise EngineFailed(name="whisper", reason=FAULTS.get(answer["fault"], f"a fault of its own ({answer['fault']})"))
    return answer


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "it was killed, most often because memory ran out; smaller weights need less"
    return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with code {code}"


# ── the child ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Load the weights, then answer stretches until the parent closes the pipe. A fault is told by its kind alone, since its message could quote."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    sys.addaudithook(_no_network)
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not pass for an answer
    try:
        hear = _loaded(*sys.argv[1:])
    except Exception as fault:
        return _tell(pipe, {"fault": _kind(fault, "weights")})
    for samples in _stretches(sys.stdin.buffer):
        try:
            answer = hear(samples)
        except Exception as fault:
            answer = {"fault": _kind(fault, type(fault).__name__)}
        _tell(pipe, answer)


def _no_network(event: str, args: tuple[object, ...]) -> None:
    """An audit hook, so it cannot be taken off again: no code of this process, of whichever package, looks up or reaches a host through Python."""
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg", "socket.bind"):
        raise PermissionError("this process has no network")


def _tell(pipe: BinaryIO, answer: dict[str, Any]) -> None:
    pipe.write(json.dumps(answer).encode() + b"\n")
    pipe.flush()


def _kind(fault: Exception, other: str) -> str:
    """Which fault it is: a key of FAULTS, or `other`. torch tells a lack of memory in several ways, and on a CPU only in words."""
    if isinstance(fault, ImportError):
        return "packages"
    short = isinstance(fault, MemoryError) or type(fault).__name__ == "OutOfMemoryError" or "allocate memory" in str(fault)
    return "memory" if short else other


def _stretches(pipe: BinaryIO) -> Iterator[np.ndarray]:
    """Stretches as the parent sends them, until it closes the pipe or ends."""
    import numpy as np

    while len(head := pipe.read(COUNT.size)) == COUNT.size:
        size = 4 * COUNT.unpack(head)[0]
        if len(data := pipe.read(size)) < size:
            return
        yield np.frombuffer(data, "<f4").astype(np.float32)


def _loaded(path: str, label: str) -> Callable[[np.ndarray], dict[str, Any]]:
    """The model, as a function from samples to an answer. From a path Whisper cannot tell which weights they are; by the name in `label` it is told
    which attention heads to time words by."""
    import torch
    import whisper

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = whisper.load_model(path, device=device)
    heads = getattr(whisper, "_ALIGNMENT_HEADS", {}).get(label.split()[0])
    if heads:
        model.set_alignment_heads(heads)
    judged, begin = 0.0, _bounded(model)

    def hear(samples: np.ndarray) -> dict[str, Any]:
        nonlocal judged
        language = None
        if model.is_multilingual and judged < JUDGED_SECONDS:
            language = _language(model, samples)
            judged += len(samples) / RATE
        begin()
        torch.manual_seed(0)  # temperatures above 0 draw lots; the same sound should give the same words, also in a job that was resumed
        segments = model.transcribe(samples, fp16=device == "cuda", **OPTIONS)["segments"]
        return {"segments": [{k: s[k] for k in KEYS} for s in segments], "language": language}

    return hear


def _bounded(model: Any) -> Callable[[], None]:
    """Let a stretch take WINDOWS windows and no more; to be called as each begins. Where Whisper places words at the very start of a window it moves
    on by as little as 0.02 s, and would creep along noise for an hour. What lies after the last window then counts as silence."""
    from whisper import DecodingResult

    decode, windows = model.decode, 0

    def within(mel: Any, options: Any) -> Any:
        nonlocal windows
        windows += options.temperature == 0
        return decode(mel, options) if windows <= WINDOWS else DecodingResult(mel, "en", avg_logprob=-math.inf, no_speech_prob=1.0)

    def begin() -> None:
        nonlocal windows
        windows = 0

    model.decode = within
    return begin


def _language(model: Any, samples: np.ndarray) -> tuple[float, float]:
    """The probability of English, and of the likeliest other language."""
    from whisper.audio import N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim

    mel = pad_or_trim(log_mel_spectrogram(samples, model.dims.n_mels, padding=N_SAMPLES), N_FRAMES).to(model.device)
    _, chances = model.detect_language(mel)
    return chances["en"], max(p for code, p in chances.items() if code != "en")


if __name__ == "__main__":
    main()
