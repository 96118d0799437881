"""Sound files to samples.

In: a path to whatever libav decodes. Out: a `Recording`: its sha256, and blocks of mono 16 kHz float32, at most `BLOCK_SECONDS` long.
Knows no speech, no word and no engine. Whatever the length, no more than a block and a packet are in memory.

`av` and `numpy` are imported inside functions: together they cost a third of a second, which a typed dictation should not pay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from drafting.errors import BadAudio, NoAudio, TooLong, Unreadable
from drafting.types import Recording

if TYPE_CHECKING:
    import numpy as np
    from av import AudioFrame
    from av.container import InputContainer

RATE = 16_000
BLOCK_SECONDS = 30

# Containers that hold sound themselves. libav also reads playlists and scripts (hls, concat, dash …), which name other files and hosts to open.
CONTAINERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,flac,flv,matroska,webm,mov,mp3,mp4,mpeg,mpegts,ogg,tta,voc,w64,wav,wv"


def open_recording(path: Path, max_hours: float = 6.0) -> Recording:
    """The recording at `path`. Decodes its first moment, so that a file which holds no sound is refused here.

    Raises NoAudio, BadAudio, TooLong (also from `blocks`, where the container does not say its length) and Unreadable.
    """
    digest = _sha256(path)
    with _opened(path) as container:
        seconds = _claimed(container)
        if seconds and seconds > max_hours * 3600:
            raise _too_long(max_hours)
        next(_frames(container))
    return Recording(digest, seconds, partial(_blocks, path, max_hours), RATE)


def _blocks(path: Path, max_hours: float, start: float = 0.0) -> Iterator[np.ndarray]:
    """Samples from `start` seconds on. What comes before is decoded and dropped: a seek is inexact in mp3 and would shift every time."""
    with _opened(path) as container:
        chunks = _bounded(_chunks(_frames(container)), max_hours)
        yield from _regrouped(_after(chunks, max(0, round(start * RATE))), BLOCK_SECONDS * RATE)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise Unreadable(reason=fault.strerror or "no reason given") from None


# ── the container ─────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """The container, with libav's faults told as BadAudio and the disk's as Unreadable. It is handed the open file, never a path: a path could be a
    protocol."""
    import av

    av.logging.set_level(None)  # libav's own lines quote the file
    try:
        with path.open("rb") as file, av.open(file, options={"format_whitelist": CONTAINERS}, metadata_errors="replace") as container:
            yield container
    except av.error.FFmpegError as fault:
        raise BadAudio(reason=_reason(fault)) from None
    except OSError as fault:
        raise Unreadable(reason=fault.strerror or "no reason given") from None


def _reason(fault: Exception) -> str:
    """libav's kind of error in words; its message may quote the file's name."""
    known = {
        "DecoderNotFoundError": "its codec is not known here",
        "PatchWelcomeError": "its codec is not known here",
        "EOFError": "it ends before any sound",
    }
    return known.get(type(fault).__name__, "it is damaged, or not a sound file")


def _claimed(container: InputContainer) -> float | None:
    """Seconds, as the container says; None where it does not."""
    import av

    stream = next(iter(container.streams.audio), None)
    if stream is not None and stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _frames(container: InputContainer) -> Iterator[AudioFrame]:
    """Decoded frames of the first audio stream. A broken packet is stepped over, since one must not cost the rest of the hour; libav has many names
    for one (aac's decoder says that it is not permitted). Where the container itself breaks, `packets` ends.

    Raises NoAudio where there is no audio stream or it is empty, BadAudio where nothing of it decodes.
    """
    import av

    if not container.streams.audio:
        raise NoAudio()
    heard = broken = False
    packets = container.demux(container.streams.audio[0])
    while True:
        try:
            frames = next(packets).decode()
        except StopIteration:
            break
        except av.error.DecoderNotFoundError:
            raise
        except av.error.FFmpegError:
            broken = True
            continue
        for frame in frames:
            heard = True
            yield frame
    if not heard:
        raise BadAudio(reason="it breaks off or is damaged before any sound") if broken else NoAudio()


# ── samples ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _chunks(frames: Iterable[AudioFrame]) -> Iterator[np.ndarray]:
    """Frames of any rate and layout as mono 16 kHz float32. 16-bit on the way: libav then keeps a mix of channels within full scale."""
    import av
    import numpy as np

    for _, run in groupby(frames, lambda f: (f.sample_rate, f.layout.name, f.format.name)):
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in _without_times(run):
            for out in resampler.resample(frame):
                yield out.to_ndarray()[0].astype(np.float32) / 32768


def _without_times(frames: Iterable[AudioFrame]) -> Iterator[AudioFrame | None]:
    """Frames with their time stamps off, which jump in damaged files; None at the end, to flush the resampler."""
    for frame in frames:
        frame.pts = None
        yield frame
    yield None


def _bounded(chunks: Iterable[np.ndarray], max_hours: float) -> Iterator[np.ndarray]:
    """The same chunks; raises TooLong once they are over the limit."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_hours * 3600 * RATE:
            raise _too_long(max_hours)
        yield chunk


def _after(chunks: Iterable[np.ndarray], skip: int) -> Iterator[np.ndarray]:
    """The chunks without their first `skip` samples."""
    for chunk in chunks:
        if skip < len(chunk):
            yield chunk[skip:]
        skip = max(0, skip - len(chunk))


def _regrouped(chunks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in arrays of `size`, the last one shorter."""
    import numpy as np

    held: list[np.ndarray] = []
    length = 0
    for chunk in chunks:
        held.append(chunk)
        length += len(chunk)
        while length >= size:
            joined = np.concatenate(held)
            yield joined[:size]
            held, length = [joined[size:]], length - size
    if length:
        yield np.concatenate(held)


def _too_long(max_hours: float) -> TooLong:
    return TooLong(limit=f"{max_hours:g} hour{'' if max_hours == 1 else 's'}")
