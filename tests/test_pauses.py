"""Stretches of speech: what is found, where it is cut, and what every cut keeps to."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.pauses import cut
from tests.sounds import RATE, babble, hiss, pieces, silence, tone

Span = tuple[float, float]


def spans(sound: np.ndarray, longest: float = 15.0, pause: float = 0.6) -> list[Span]:
    """From when to when each stretch lasts."""
    return [(start, start + len(samples) / RATE) for start, samples in cut([sound], longest, pause)]


def lined_up(parts: list[np.ndarray]) -> tuple[np.ndarray, list[Span]]:
    """The parts one after another, silence first and then in turn, and when each of the others lasts."""
    ends = np.cumsum([len(p) for p in parts]) / RATE
    return np.concatenate(parts), [(ends[i] - len(parts[i]) / RATE, ends[i]) for i in range(1, len(parts), 2)]


# ── what is found ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("level", "noise"), [(0.05, 0), (0.05, 0.0003), (0.05, 0.003), (0.15, 0), (0.15, 0.01), (0.5, 0), (0.5, 0.03)])
def test_bursts_of_speech_are_each_found(level: float, noise: float) -> None:
    """Each burst between pauses is one stretch, its edges within 0.3 s, be it loud or soft, in noise 20 dB under its loudest or less."""
    parts = [silence(1), babble(2, level), silence(1.5), babble(0.5, level), silence(5), babble(4, level), silence(0.8), babble(1, level), silence(2)]
    sound, bursts = lined_up(parts)
    found = spans(sound + hiss(len(sound) / RATE, noise))
    assert len(found) == len(bursts)
    for (start, end), (first, last) in zip(found, bursts, strict=True):
        assert start == pytest.approx(first, abs=0.3) and end == pytest.approx(last, abs=0.3)


def test_a_breath_ends_no_stretch() -> None:
    """A pause shorter than asked for stays inside; the same pause ends a stretch where shorter ones do."""
    sound, _ = lined_up([silence(1), babble(2), silence(0.9), babble(2), silence(1)])
    assert len(spans(sound)) == 2
    assert len(spans(sound, pause=2.0)) == 1


@pytest.mark.parametrize(
    "sound",
    [
        silence(60),
        hiss(60, 0.0003),
        hiss(60, 0.01),
        hiss(60, 0.1),
        np.concatenate([silence(20), hiss(40, 0.001)]),
        tone(60, 100, level=0.03),
        tone(60),
        np.full(RATE * 20, 0.25, np.float32),
        np.concatenate([silence(5), hiss(0.02, 0.5), silence(5), hiss(0.02, 0.5), silence(5)]),
        silence(0),
    ],
    ids=["digital silence", "faint hiss", "hiss", "loud hiss", "hiss that begins", "mains hum", "a tone", "direct current", "clicks", "nothing"],
)
def test_what_is_no_speech_yields_nothing(sound: np.ndarray) -> None:
    """Silence and steady sounds hold no stretch."""
    assert spans(sound) == []


def test_speech_under_a_hum_is_kept() -> None:
    """A steady sound is only left out where nobody speaks over it."""
    sound = np.concatenate([silence(10), babble(5), silence(10)]) + tone(25, 100, level=0.05)
    found = spans(sound)
    assert found and found[0][0] <= 10 and found[-1][1] >= 15


@pytest.mark.parametrize("sound", [silence(30), hiss(30, 0.0005)], ids=["silence", "faint hiss"])
def test_an_hour_of_nothing_takes_no_room(sound: np.ndarray) -> None:
    """Nothing comes of an hour of it, and no more than two of its blocks are alive at a time."""
    alive: list[int] = []
    assert list(cut(watched(sound, 120, alive), 28)) == []
    assert max(alive) <= 2


def test_half_an_hour_of_talk_takes_no_room() -> None:
    """Somebody who never pauses is cut, and what was given is let go of."""
    alive: list[int] = []
    longest = max(len(samples) for _, samples in cut(watched(babble(30), 60, alive), 28))
    assert longest <= 28 * RATE and max(alive) <= 3


def watched(sound: np.ndarray, count: int, alive: list[int]) -> Iterator[np.ndarray]:
    """The sound `count` times over, a block each time; `alive` is told how many of the blocks are still held whenever one more is asked for."""
    made: list[weakref.ref[np.ndarray]] = []
    for _ in range(count):
        block = sound.copy()
        made.append(weakref.ref(block))
        yield block
        del block
        alive.append(sum(ref() is not None for ref in made))


# ── where it is cut ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_long_talk_is_cut_at_its_pauses() -> None:
    """With short pauses in the window, each cut lies in one of them, at the last that is long enough."""
    parts = [silence(1), *[part for _ in range(8) for part in (babble(4), silence(0.4))]]
    sound, bursts = lined_up(parts[:-1])
    found = spans(sound, longest=10)
    assert len(found) <= 5
    assert all(not any(first + 0.1 < edge < last - 0.1 for first, last in bursts) for span in found for edge in span)


def test_a_long_pause_is_better_than_a_late_one() -> None:
    """Between a pause for breath and a pause between sentences the cut takes the longer."""
    sound, _ = lined_up([silence(0), babble(6), silence(0.55), babble(3), silence(0.2), babble(6)])
    (_, end), *_ = spans(sound, longest=10)
    assert 5.9 <= end <= 6.6


def test_the_only_pause_is_taken_though_it_is_early() -> None:
    """A pause in the window's first half is better than a cut through talk."""
    sound, _ = lined_up([silence(0), babble(3), silence(0.4), babble(9)])
    (_, end), *_ = spans(sound, longest=10)
    assert 2.9 <= end <= 3.5


def test_without_a_pause_the_cut_is_at_the_quietest_place() -> None:
    """Where somebody talks on, the dip is found, and no sample is lost or given twice."""
    dip = np.ones(20 * RATE, np.float32)
    dip[round(7.9 * RATE) : round(8.05 * RATE)] = 0.05
    found = spans((babble(20) + np.roll(babble(20, pitch=180), RATE // 8)) * dip, longest=10)
    assert 7.85 <= found[0][1] <= 8.1
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(found)) and found[-1][1] == pytest.approx(20)


# ── what every cut keeps to ───────────────────────────────────────────────────────────────────────────────────────────

PARTS = st.one_of(
    st.builds(babble, st.floats(0.05, 5), st.floats(0.001, 0.9)),
    st.builds(silence, st.floats(0, 3)),
    st.builds(hiss, st.floats(0, 2), st.floats(0, 1.5)),
    st.builds(tone, st.floats(0, 2), st.floats(50, 7_000)),
)
SOUNDS = st.lists(PARTS, max_size=8).map(lambda parts: np.concatenate([silence(0), *parts]))


@settings(max_examples=60, deadline=None)
@given(SOUNDS, st.floats(1, 12), st.floats(0, 3))
def test_stretches_are_pieces_of_the_sound_in_order(sound: np.ndarray, longest: float, pause: float) -> None:
    """Whatever the sound: in order, apart, inside it, none too long, and each the very samples that are at its time."""
    at = 0
    for start, samples in cut([sound], longest, pause):
        first = round(start * RATE)
        assert at <= first and 0 < len(samples) <= longest * RATE
        assert samples.dtype == np.float32 and np.array_equal(samples, sound[first : first + len(samples)])
        at = first + len(samples)


@settings(max_examples=40, deadline=None)
@given(SOUNDS, st.lists(st.integers(0, 50_000), max_size=12))
def test_the_blocks_do_not_matter(sound: np.ndarray, sizes: list[int]) -> None:
    """The same sound gives the same stretches, however the stream was cut into blocks."""
    whole, parted = list(cut([sound], 6)), list(cut(pieces(sound, sizes), 6))
    assert [start for start, _ in whole] == [start for start, _ in parted]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(whole, parted, strict=True))


def test_a_stretch_comes_as_soon_as_it_is_over() -> None:
    """The stream is not read to its end first: a window is given before the next block is asked for."""
    read: list[int] = []

    def blocks() -> Iterator[np.ndarray]:
        for number in range(10):
            read.append(number)
            yield np.concatenate([babble(3), silence(2)])

    next(cut(blocks(), 15))
    assert read == [0]
