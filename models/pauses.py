"""Sound to stretches of speech, cut at pauses.

In: blocks of mono 16 kHz float32, of any size. Out: (start in seconds from the first block's beginning, samples), in order, apart from one another,
none longer than asked. Knows no word, no speaker and no engine; however long the sound, it holds the open stretch, six seconds more and a block.

Each frame of 30 ms is voiced or not, as WebRTC's detector says that comes with pocketsphinx. A stretch runs until a pause, or until it is as long as
may be: then it is cut at the longest pause in it, a late one rather than an early one, and where the speaker did not pause at the quietest place.

What it does not know: music, a television or a dog from speech; one speaker from another; a pause for thought from the end of a sentence. Sound of
one loudness (a hum, a fan, a hiss) is no speech, and words that are 10 dB under such a sound are lost with it; so are words below -65 dBFS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000
FRAME = 480  # samples: 30 ms, the longest that the detector takes
MODE = 2  # of the detector's 0 (lets much through) to 3: of read speech in faint noise, 2 finds 94% of the frames and 3 finds 88%

BEFORE = 8  # frames kept before speech: a quarter of a second, since the detector misses soft first consonants
AFTER = 5  # frames kept after it: the detector itself lags by another four
RUN = 3  # voiced frames in a row that are more than a click
SPOKEN = 6  # voiced frames that are more than a cough; the detector takes the first 0.15 s of any hiss for speech
GAP = 5  # unvoiced frames in a row that are a pause; the closure in a plosive is shorter
SMOOTH = 5  # frames over which loudness is averaged where a cut or a steady sound is looked for
STEADY = 2.0  # dB, of the spread of loudness: speech 5 dB under a noise spreads it by 2.8 at least, noise alone by 1.6 at most
HISTORY = 100  # frames, looked back on to tell whether a short stretch is the rest of a steady sound


class Frame(NamedTuple):
    """30 ms; the last one of all may be shorter. `power` is the mean square."""

    samples: np.ndarray
    power: float
    voiced: bool


def cut(blocks: Iterable[np.ndarray], longest: float, pause: float = 0.6) -> Iterator[tuple[float, np.ndarray]]:
    """Stretches of speech of at most `longest` seconds, which is 1 at least. A silence of `pause` seconds ends one, 0.4 at least."""
    import numpy as np

    cutter = _Cutter(limit=int(longest * RATE) // FRAME, quiet=max(BEFORE + AFTER, round(pause * RATE / FRAME)))
    for frame in _frames(blocks):
        for at, frames in cutter.push(frame):
            yield at * FRAME / RATE, np.concatenate([f.samples for f in frames])
    for at, frames in cutter.finish():
        yield at * FRAME / RATE, np.concatenate([f.samples for f in frames])


# ── frames ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _frames(blocks: Iterable[np.ndarray]) -> Iterator[Frame]:
    """The sound in frames, whatever the blocks. The detector hears the end of the last one as silence."""
    import numpy as np
    from pocketsphinx import Vad

    detector = Vad(mode=MODE, sample_rate=RATE, frame_length=FRAME / RATE)
    for rows, size in _rows(blocks):
        heard = (rows.clip(-1, 1) * 32767).astype("<i2")
        power = np.square(rows).mean(axis=1)
        for row, pcm, loud in zip(rows, heard, power, strict=True):
            yield Frame(row[:size], float(loud), detector.is_speech(pcm.tobytes()))


def _rows(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, int]]:
    """Arrays of whole frames, a frame a row, and how much of each row is sound: all of it, but in the last array, which is one row."""
    import numpy as np

    rest = np.zeros(0, np.float32)
    for block in blocks:
        joined = np.concatenate([rest, block])
        whole = len(joined) // FRAME * FRAME
        rest = joined[whole:]
        yield joined[:whole].reshape(-1, FRAME), FRAME
    if len(rest):
        yield np.pad(rest, (0, FRAME - len(rest))).reshape(1, FRAME), len(rest)


# ── stretches ─────────────────────────────────────────────────────────────────────────────────────────────────────────

Stretch = tuple[int, list[Frame]]


class _Cutter:
    """Frames in, stretches out as (number of the first frame, frames). Positions are numbers of frames, from the beginning of the sound."""

    def __init__(self, limit: int, quiet: int) -> None:
        self.limit = limit
        self.quiet = quiet
        self.frames: list[Frame] = []  # those from `base` up to `now`
        self.base = self.now = 0
        self.floor = 0  # the end of the last stretch: no sound is given twice
        self.start: int | None = None  # where the speech of the open stretch begins
        self.end = 0  # where the last run of voiced frames ended
        self.run = self.spoken = 0  # voiced frames in a row; voiced frames since the last pause
        self.gaps: list[tuple[int, int]] = []  # in the open stretch

    def push(self, frame: Frame) -> Iterator[Stretch]:
        """Take one frame; give the stretch that it ends, if it ends one."""
        self.frames.append(frame)
        self.now += 1
        self.run = self.run + 1 if frame.voiced else 0
        if self.run >= RUN:
            self._speech(RUN if self.run == RUN else 1)
        elif self.now - self.end >= self.quiet:
            yield from self.finish()
        if self.start is not None and self.now - self._from(self.start) >= self.limit:
            yield from self._split(self.start)
        self._forget()

    def finish(self) -> Iterator[Stretch]:
        """Give the open stretch, if there is one: a pause has come, or the end of the sound."""
        if self.start is not None:
            yield from self._given(self.start, self.end, AFTER)
        self.start, self.spoken, self.gaps = None, 0, []

    def _speech(self, frames: int) -> None:
        """The last `frames` frames are speech."""
        begun = self.now - frames
        if self.start is None:
            self.start = max(begun, self.floor)
        elif begun - self.end >= GAP:
            self.gaps.append((self.end, begun))
        self.end = self.now
        self.spoken += frames

    def _split(self, start: int) -> Iterator[Stretch]:
        """The open stretch is as long as it may be: give it up to where it is best cut, and keep the rest open."""
        gaps = [*self.gaps, (self.end, self.now)] if self.now - self.end >= GAP else self.gaps
        first = self._from(start)
        before, after = max(gaps, key=lambda g: (g[1] - g[0]) * (g[0] - first), default=self._quietest(first))
        yield from self._given(start, before, min(AFTER, (after - before) // 2))
        self.start = after if after < self.end else None
        self.gaps = [g for g in self.gaps if g[0] > after]

    def _quietest(self, first: int) -> tuple[int, int]:
        """The quietest place in the later half of the open stretch, as a gap of no length."""
        import numpy as np

        middle = first + self.limit // 2
        power = [f.power for f in self._held(middle, self.now)]
        place = middle + int(np.convolve(power, np.ones(SMOOTH), "valid").argmin()) + SMOOTH // 2
        return place, place

    def _given(self, start: int, end: int, padding: int) -> Iterator[Stretch]:
        """The stretch with its padding, unless it is no speech."""
        first, last = self._from(start), min(end + padding, self.now)
        if self.spoken >= SPOKEN and not _steady(self._held(min(first, end - HISTORY), end)):
            yield first, self._held(first, last)
        self.floor = last

    def _from(self, start: int) -> int:
        """`start` less its padding."""
        return max(start - BEFORE, self.floor)

    def _held(self, first: int, last: int) -> list[Frame]:
        return self.frames[max(0, first - self.base) : last - self.base]

    def _forget(self) -> None:
        """Let go of frames that no stretch can need, a few at a time."""
        needed = (self.now if self.start is None else self.start) - HISTORY - RUN
        if needed - self.base >= HISTORY:
            del self.frames[: needed - self.base]
            self.base = needed


def _steady(frames: list[Frame]) -> bool:
    """Whether this is one sound of one loudness, as nobody speaks. Half a second is too little to say so."""
    import numpy as np

    if len(frames) < 2 * BEFORE:
        return False
    power = np.convolve([f.power for f in frames], np.ones(SMOOTH) / SMOOTH, "valid")
    low, high = np.percentile(10 * np.log10(power + 1e-12), (1, 99))
    return bool(high - low < STEADY)
