"""Sound made for tests, and sound files of every kind encoded by PyAV. Nobody's voice is in them, and none is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np

from drafting.types import Recording

RATE = 16_000

# ending → container and codec
KINDS = {
    ".wav": ("wav", "pcm_s16le"),
    ".mp3": ("mp3", "libmp3lame"),
    ".m4a": ("mp4", "aac"),
    ".ogg": ("ogg", "libopus"),
    ".webm": ("webm", "libopus"),
    ".flac": ("flac", "flac"),
}
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


# ── samples ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def tone(seconds: float, hz: float = 440, rate: int = RATE, level: float = 0.3) -> np.ndarray:
    """One steady note."""
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def hiss(seconds: float, level: float = 0.001, seed: int = 0) -> np.ndarray:
    """White noise; `level` is its root mean square."""
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def babble(seconds: float, level: float = 0.2, pitch: float = 120) -> np.ndarray:
    """What the detector takes for speech: a buzz as of vocal cords, through resonances as of a mouth, in syllables that are loud and soft in turn."""
    times = np.arange(round(seconds * RATE)) / RATE
    resonances = np.interp(np.arange(1, 26) * pitch, [0, 500, 700, 1500, 1700, 2500, 3500], [0.3, 1, 0.2, 0.6, 0.1, 0.3, 0.02])
    buzz = sum(a * np.sin(2 * np.pi * pitch * n * times) for n, a in enumerate(resonances, start=1))
    stress = np.array([1.0, 0.5, 0.9, 0.35, 0.7, 0.4])[(times * 4).astype(int) % 6]
    syllables = stress * (0.15 + 0.85 * np.sin(np.pi * (times * 4 % 1)))
    return (level * buzz / max(np.abs(buzz).max(initial=0), 1e-9) * syllables).astype(np.float32)


def pieces(samples: np.ndarray, sizes: Iterable[int]) -> Iterator[np.ndarray]:
    """The samples in blocks of the sizes given, and what is left in one more."""
    at = 0
    for size in sizes:
        yield samples[at : at + size]
        at += size
    yield samples[at:]


def recording(samples: np.ndarray, block: int = 30 * RATE) -> Recording:
    """A recording of samples that are in memory."""

    def blocks(start: float = 0.0) -> Iterator[np.ndarray]:
        rest = samples[round(start * RATE) :]
        return (rest[i : i + block] for i in range(0, len(rest), block))

    return Recording("0" * 64, len(samples) / RATE, blocks)


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode(path: Path, samples: np.ndarray, rate: int = RATE, layout: str = "mono") -> Path:
    """Write `samples` (one row a channel, or one for all channels) to `path`, as its ending says."""
    container, codec = KINDS[path.suffix]
    to_rate = min((r for r in OPUS_RATES if r >= rate), default=48_000) if codec == "libopus" else rate
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=to_rate, layout=layout)
        file.start_encoding()  # else no sound at all would leave no file
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=to_rate, frame_size=stream.codec_context.frame_size or 0)
        for frame in [*_frames(samples, rate, layout), None]:
            for ready in resampler.resample(frame):
                file.mux(stream.encode(ready))
        file.mux(stream.encode(None))
    return path


def _frames(samples: np.ndarray, rate: int, layout: str) -> Iterator[av.AudioFrame]:
    """Frames of one second, 16-bit and interleaved."""
    channels = av.AudioLayout(layout).nb_channels
    rows = np.broadcast_to(samples, (channels, samples.shape[-1]))
    pcm = (rows.clip(-1, 1) * 32767).astype(np.int16).T
    for i in range(0, len(pcm), rate):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm[i : i + rate]).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, i
        yield frame


def film(path: Path) -> Path:
    """A moving picture of half a second without any sound."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        file.mux(stream.encode(None))
    return path
