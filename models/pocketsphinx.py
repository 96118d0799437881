"""CMU PocketSphinx with the small English model of its wheel: speech to a rough transcript, with no weights to fetch.

In: a recording, and the function that cuts at pauses. Out: an utterance for each stretch of speech in which words were heard, with word times and
confidences; small letters and no punctuation. Knows no note, no speaker and no language but English, and cannot tell that it hears another.

A preview, for trying the way from speech to a note. Measured on two cores, with the settings below: 8 to 15% of the words wrong on synthetic voices
that read clearly, 27% on a person who reads aloud, and 3.4 to 6.3 times as fast as the speech. Without the bound on hypotheses a frame it hears the
same and is a fifth slower. Talk that nobody planned is far worse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from drafting.errors import EngineFailed
from drafting.types import Recording, Utterance, Word

if TYPE_CHECKING:
    import numpy as np
    from pocketsphinx import Decoder

Cut = Callable[["Iterator[np.ndarray]", float], "Iterator[tuple[float, np.ndarray]]"]

LONGEST = 15.0  # seconds: a stretch is decoded whole, and its lattice grows with it
FRAMES_A_SECOND = 100
OPTIONS = {"maxhmmpf": 5_000, "loglevel": "FATAL"}  # what it would log can hold paths and words

_FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")  # <sil>, [NOISE], ++UH++: sounds that are no words
_VARIANT = re.compile(r"\(\d+\)$")  # read(2): the second way that the dictionary says it


class Segment(Protocol):
    """A word as PocketSphinx gives it: frames within the stretch, the last one included, and the posterior probability."""

    word: str
    start_frame: int
    end_frame: int
    prob: float


class PocketsphinxTranscriber:
    """Speech to words by PocketSphinx. The decoder is made at the first stretch and kept; one thread at a time may use it."""

    preview = True

    def __init__(self, cut: Cut) -> None:
        self.name = f"pocketsphinx:{version('pocketsphinx')}:en-us"
        self._cut = cut

    def transcribe(self, recording: Recording, start: float = 0.0) -> Iterator[Utterance]:
        """Yield utterances in order, with times from the recording's beginning. No stretch depends on the ones before it. Raises EngineFailed."""
        start = max(0.0, start)
        for offset, samples in self._cut(recording.blocks(start), LONGEST):
            at, seconds = start + offset, len(samples) / recording.rate
            heard = words(self._decoded(samples), at, at + seconds)
            if heard:
                yield Utterance(" ".join(w.text for w in heard), round(at, 3), round(at + seconds, 3), None, heard)

    @cached_property
    def _decoder(self) -> Decoder:
        from pocketsphinx import Decoder

        return Decoder(**OPTIONS)

    def _decoded(self, samples: np.ndarray) -> list[Segment]:
        """What the engine hears in one stretch. It starts afresh and is given the whole, so that the noise and the mean of the sound, by which it
        fits a sound to its model, are this stretch's own."""
        try:
            self._decoder.reinit_feat()
            self._decoder.start_utt()
            self._decoder.process_raw((samples.clip(-1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
            self._decoder.end_utt()
            return list(self._decoder.seg() or ())
        except (RuntimeError, ValueError, TypeError) as fault:
            self.__dict__.pop("_decoder", None)  # it may be left in the middle of an utterance
            raise EngineFailed(name="pocketsphinx", reason=f"a fault of its own ({type(fault).__name__})") from None


def words(segments: list[Segment], start: float, end: float) -> tuple[Word, ...]:
    """The words of a stretch that lasts from `start` to `end` seconds, without the sounds that are none."""
    found = []
    for segment in segments:
        text = _VARIANT.sub("", segment.word)
        if not text or _FILLER.fullmatch(text):
            continue
        begun = min(start + segment.start_frame / FRAMES_A_SECOND, end)
        ended = min(start + (segment.end_frame + 1) / FRAMES_A_SECOND, end)
        found.append(Word(text, round(begun, 3), round(max(begun, ended), 3), min(1.0, max(0.0, segment.prob))))
    return tuple(found)
