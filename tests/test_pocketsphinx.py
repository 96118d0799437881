"""The preview engine, on a synthesised voice: what it yields, and what it keeps to itself."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import jiwer
import numpy as np
import pytest

from drafting.errors import BadAudio, EngineFailed
from drafting.pipeline.audio import open_recording
from drafting.types import Recording, Utterance
from models.pauses import cut
from models.pocketsphinx import PocketsphinxTranscriber, words
from tests.sounds import RATE, babble, hiss, recording, silence, tone

EXAMPLES = Path(__file__).parent.parent / "examples"
SECONDS = 20


@pytest.fixture(scope="module")
def engine() -> PocketsphinxTranscriber:
    return PocketsphinxTranscriber(cut)


@pytest.fixture(scope="module")
def clip() -> Recording:
    """The beginning of the spoken example."""
    return recording(next(open_recording(EXAMPLES / "spoken.ogg").blocks(0.0))[: SECONDS * RATE])


@pytest.fixture(scope="module")
def said(engine: PocketsphinxTranscriber, clip: Recording) -> list[Utterance]:
    return list(engine.transcribe(clip))


def bare(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


# ── what it hears ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_most_words_of_clear_speech_are_heard(said: list[Utterance]) -> None:
    """The words resemble the beginning of the script: no figure to be proud of, but speech and no noise."""
    heard = bare(" ".join(u.text for u in said))
    script = bare((EXAMPLES / "spoken.script.txt").read_text(encoding="utf-8"))[: len(heard)]
    assert len(heard) >= SECONDS
    assert jiwer.wer(" ".join(script), " ".join(heard)) < 0.6


def test_words_carry_times_and_confidences(said: list[Utterance]) -> None:
    """Utterances and words are in order, words inside their utterance, confidences probabilities; the text is the words, small and bare."""
    at = 0.0
    for utterance in said:
        assert utterance.speaker is None and utterance.text == " ".join(w.text for w in utterance.words)
        assert re.fullmatch(r"[a-z' .-]+", utterance.text)
        assert at <= utterance.start < utterance.end <= SECONDS + 0.01
        at = utterance.start
        for word in utterance.words:
            assert at <= word.start <= word.end <= utterance.end and 0 <= word.confidence <= 1
            at = word.end
        at = utterance.end


def test_it_goes_on_from_where_it_stopped(engine: PocketsphinxTranscriber, clip: Recording, said: list[Utterance]) -> None:
    """From the end of an utterance on, the rest is heard once more, with times from the recording's beginning."""
    again = list(engine.transcribe(clip, said[0].end))
    assert again and all(w.start >= said[0].end for u in again for w in u.words)
    before, now = (bare(" ".join(u.text for u in us))[:8] for us in (said[1:], again))
    assert now == before
    assert list(engine.transcribe(clip, 3600.0)) == []


@pytest.mark.parametrize("sound", [silence(20), hiss(20), silence(0)], ids=["silence", "hiss", "nothing"])
def test_silence_holds_no_words(engine: PocketsphinxTranscriber, sound: np.ndarray) -> None:
    """Nothing is invented where nobody speaks."""
    assert list(engine.transcribe(recording(sound))) == []


@pytest.mark.parametrize(
    "sound", [tone(3), babble(2), hiss(0.5, 0.3), np.concatenate([silence(2), tone(0.3), silence(2)])], ids=["tone", "buzz", "rush", "beep"]
)
def test_other_sounds_hold_few_words(engine: PocketsphinxTranscriber, sound: np.ndarray) -> None:
    """A tone or a buzz may be taken for a word or two, and breaks nothing; not even when the engine gets it unscreened."""
    assert sum(len(u.words) for u in engine.transcribe(recording(sound))) <= 3
    unscreened = PocketsphinxTranscriber(lambda blocks, longest: ((0.0, block) for block in blocks))
    unscreened._decoder = engine._decoder
    assert sum(len(u.words) for u in unscreened.transcribe(recording(sound))) <= 20


def test_a_stretch_does_not_depend_on_the_one_before(engine: PocketsphinxTranscriber, clip: Recording, said: list[Utterance]) -> None:
    """The same sound gives the same words whatever was heard in between, so that a resumed job gives what a whole one would."""
    list(engine.transcribe(recording(hiss(1, 0.3) + babble(1))))
    assert next(engine.transcribe(clip)) == said[0]


# ── what is a word ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("read", "read"),
        ("read(2)", "read"),
        ("monday(12)", "monday"),
        ("don't", "don't"),
        ("'bout", "'bout"),
        ("a.", "a."),
        ("<s>", None),
        ("</s>", None),
        ("<sil>", None),
        ("[NOISE]", None),
        ("[SPEECH]", None),
        ("++UH++", None),
        ("++NOISE++(2)", None),
        ("(2)", None),
        ("", None),
    ],
)
def test_fillers_go_and_variants_lose_their_mark(given: str, kept: str | None) -> None:
    """What is no word is dropped; the number of a word's pronunciation is taken off."""
    assert [w.text for w in words([segment(given)], 0, 1)] == ([kept] if kept else [])


def test_times_stay_inside_the_stretch() -> None:
    """Frames count from the stretch's beginning, the last included; none runs past its end, and a probability past 1 is 1."""
    first, second = words([segment("we", 10, 19), segment("met", 95, 120, 1.0001)], 30.0, 31.0)
    assert (first.start, first.end, first.confidence) == (30.1, 30.2, 0.5)
    assert (second.start, second.end, second.confidence) == (30.95, 31.0, 1.0)


def segment(word: str, first: int = 0, last: int = 9, prob: float = 0.5) -> SimpleNamespace:
    return SimpleNamespace(word=word, start_frame=first, end_frame=last, prob=prob)


# ── how it behaves ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_says_what_it_is(engine: PocketsphinxTranscriber) -> None:
    """Engine, version and model; a preview."""
    assert re.fullmatch(r"pocketsphinx:[\d.]+:en-us", engine.name) and engine.preview


def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither the library's log nor a word reaches the terminal, also from a decoder of its own."""
    list(PocketsphinxTranscriber(cut).transcribe(recording(babble(2))))
    assert capfd.readouterr() == ("", "")


def test_a_typed_dictation_pays_nothing_for_it() -> None:
    """Neither numpy nor the engine is loaded until something is to be heard."""
    code = "import sys, models.pocketsphinx as m; m.PocketsphinxTranscriber(None); print([n for n in ('numpy', 'pocketsphinx', 'av') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=EXAMPLES.parent, check=True)
    assert done.stdout.strip() == "[]"


class FakeDecoder:
    """Hears two words in anything, and counts how often it was made; breaks in the step that `breaks` names."""

    made = 0
    breaks: str | None = None

    def __init__(self, **options: object) -> None:
        self._step("__init__")
        type(self).made += 1

    def _step(self, name: str) -> None:
        if self.breaks == name:
            raise RuntimeError("suicide sertraline /home/mina")

    def reinit_feat(self) -> None:
        self._step("reinit_feat")

    def start_utt(self) -> None:
        self._step("start_utt")

    def process_raw(self, pcm: bytes, full_utt: bool) -> None:
        self._step("process_raw")

    def end_utt(self) -> None:
        self._step("end_utt")

    def seg(self) -> Iterator[SimpleNamespace] | None:
        self._step("seg")
        return iter([segment("<sil>"), segment("we", 10, 20), segment("met(2)", 21, 30)])


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeDecoder]:
    monkeypatch.setattr("pocketsphinx.Decoder", FakeDecoder)
    monkeypatch.setattr(FakeDecoder, "made", 0)
    monkeypatch.setattr(FakeDecoder, "breaks", None)
    return FakeDecoder


def halves(blocks: Iterator[np.ndarray], longest: float) -> Iterator[tuple[float, np.ndarray]]:
    """Two stretches, a second each."""
    yield from ((float(i), silence(1)) for i in range(2))


def test_the_decoder_is_made_once_and_late(fake: type[FakeDecoder]) -> None:
    """Making the transcriber costs nothing; one decoder serves every stretch and every recording."""
    engine = PocketsphinxTranscriber(halves)
    assert fake.made == 0
    assert [(u.start, u.text) for u in engine.transcribe(recording(silence(0)), 30.0)] == [(30.0, "we met"), (31.0, "we met")]
    assert len(list(engine.transcribe(recording(silence(0)), -1.0))) == 2
    assert fake.made == 1


@pytest.mark.parametrize("step", ["__init__", "reinit_feat", "start_utt", "process_raw", "end_utt", "seg"])
def test_a_fault_of_the_library_is_told_without_its_words(fake: type[FakeDecoder], step: str) -> None:
    """Any step may break: the error names the engine and quotes nothing, and the next recording gets a fresh decoder."""
    engine = PocketsphinxTranscriber(halves)
    fake.breaks = step
    with pytest.raises(EngineFailed) as caught:
        list(engine.transcribe(recording(silence(0))))
    assert "pocketsphinx" in str(caught.value) and "suicide" not in str(caught.value) and "/home" not in str(caught.value)
    assert caught.value.__suppress_context__
    fake.breaks = None
    assert len(list(engine.transcribe(recording(silence(0))))) == 2


def test_a_fault_of_the_recording_stays_its_own(fake: type[FakeDecoder]) -> None:
    """A file that breaks off while it is heard is told as such, not as the engine's fault."""

    def blocks(start: float) -> Iterator[np.ndarray]:
        yield silence(1)
        raise BadAudio(reason="it is damaged")

    with pytest.raises(BadAudio):
        list(PocketsphinxTranscriber(cut).transcribe(Recording("0" * 64, None, blocks)))
