"""Sound in: every kind of file, and everything that may be wrong with one."""

from __future__ import annotations

import hashlib
import itertools
import random
import tempfile
import weakref
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting.errors import AsideError, BadAudio, NoAudio, TooLong, Unreadable
from drafting.pipeline.audio import BLOCK_SECONDS, RATE, open_recording
from drafting.types import Recording
from tests.sounds import KINDS, babble, encode, film, hiss, silence, tone

HOUR = 3600


def whole(recording: Recording, start: float = 0.0) -> np.ndarray:
    """Every sample from `start` on."""
    return np.concatenate([np.zeros(0, np.float32), *recording.blocks(start)])


def pitch(samples: np.ndarray) -> float:
    """The strongest frequency, in Hz."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples))


def opened(folder: Path, name: str, raw: bytes) -> Recording:
    path = folder / name
    path.write_bytes(raw)
    return open_recording(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Twenty seconds of something like talk, in every kind."""
    folder = tmp_path_factory.mktemp("sounds")
    return {kind: encode(folder / f"talk{kind}", babble(20) + hiss(20, 0.003)).read_bytes() for kind in KINDS}


# ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read(tmp_path: Path, kind: str, rate: int, layout: str) -> None:
    """Whatever the container, codec, rate and layout, the note that went in comes out, as long as it was and at its pitch."""
    path = encode(tmp_path / f"a{kind}", tone(3, 440, rate), rate, layout)
    recording = open_recording(path)
    samples = whole(recording)
    assert recording.seconds == pytest.approx(3, abs=0.1) and recording.rate == RATE
    assert len(samples) / RATE == pytest.approx(3, abs=0.1)
    assert samples.dtype == np.float32 and samples.ndim == 1 and np.abs(samples).max() <= 1
    assert pitch(samples) == pytest.approx(440, abs=2)
    assert np.abs(samples[RATE : 2 * RATE]).max() == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_it_may_be_read_again_and_from_any_time(tmp_path: Path, kind: str) -> None:
    """The same samples come each time, and from a time on exactly the tail of them; nothing comes from past the end."""
    recording = open_recording(encode(tmp_path / f"a{kind}", tone(2) + tone(2, 1_000)))
    samples = whole(recording)
    assert np.array_equal(whole(recording), samples)
    for start in (0.5, 1.2345, 1.9999):
        assert np.array_equal(whole(recording, start), samples[round(start * RATE) :])
    assert len(whole(recording, 99)) == 0


def test_blocks_are_bounded_and_full(tmp_path: Path) -> None:
    """Every block but the last is as long as may be, from any start."""
    recording = open_recording(encode(tmp_path / "a.flac", hiss(70)))
    assert [len(b) / RATE for b in recording.blocks(0.0)] == [BLOCK_SECONDS, BLOCK_SECONDS, 10]
    assert [len(b) / RATE for b in recording.blocks(5.0)] == [BLOCK_SECONDS, BLOCK_SECONDS, 5]


def test_the_digest_is_the_files(tmp_path: Path) -> None:
    """The recording is known by the sha256 of its file, and shows neither its path nor its sound."""
    path = encode(tmp_path / "monday-with-mina.wav", tone(1))
    recording = open_recording(path)
    assert recording.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "mina" not in repr(recording) and "array" not in repr(recording)


def test_channels_are_mixed(tmp_path: Path) -> None:
    """Who speaks into either channel is heard, and two loud channels do not go over full scale."""
    left = whole(open_recording(encode(tmp_path / "a.wav", np.stack([tone(1), silence(1)]), layout="stereo")))
    right = whole(open_recording(encode(tmp_path / "b.wav", np.stack([silence(1), tone(1)]), layout="stereo")))
    loud = whole(open_recording(encode(tmp_path / "c.wav", np.stack([tone(1, level=1.0)] * 2), layout="stereo")))
    assert np.abs(left).max() >= 0.14 and np.abs(right).max() >= 0.14
    assert 0.9 <= np.abs(loud).max() <= 1 and pitch(loud) == pytest.approx(440, abs=2)


def test_the_sound_of_a_film_is_read_past_its_picture(tmp_path: Path) -> None:
    """A video call's recording has its picture left alone."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        picture, sound = file.add_stream("mpeg4", rate=10), file.add_stream("aac", rate=RATE, layout="mono")
        picture.width = picture.height = 32
        for _ in range(10):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        frame = av.AudioFrame.from_ndarray((tone(1) * 32767).astype(np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        file.mux([*sound.encode(frame), *sound.encode(None), *picture.encode(None)])
    assert pitch(whole(open_recording(path))) == pytest.approx(440, abs=2)


def test_an_hour_stays_small(tmp_path: Path) -> None:
    """Of an hour of sound no more than two blocks are alive at a time, none longer than it may be."""
    recording = open_recording(encode(tmp_path / "a.flac", silence(HOUR)))
    made: list[weakref.ref[np.ndarray]] = []
    total = 0
    for block in recording.blocks(0.0):
        made.append(weakref.ref(block))
        total += len(block)
        assert len(block) <= BLOCK_SECONDS * RATE and sum(ref() is not None for ref in made) <= 2
    assert total == HOUR * RATE


# ── what is not ───────────────────────────────────────────────────────────────────────────────────────────────────────

PLAYLIST = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\n%s\n#EXT-X-ENDLIST\n"
DASH = b"""<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" profiles=""><Period>
<AdaptationSet mimeType="audio/wav"><Representation id="1" bandwidth="1"><BaseURL>%s</BaseURL></Representation></AdaptationSet></Period></MPD>"""


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("cut.wav", b"RIFF\x24\x08\x00\x00WAVEfmt "),
        ("text.mp3", b"Client reports poor sleep this week. " * 60),
        ("text.wav", b"Client reports poor sleep this week. " * 60),
        ("zeros.m4a", bytes(5_000)),
        ("empty.ogg", b""),
        ("header.flac", b"fLaC"),
        ("picture.mp3", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200)),
        (
            "codec.wav",
            b"RIFF\x2c\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x34\x12\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\x08\x00\x00\x00"
            + bytes(8),
        ),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path: Path, name: str, raw: bytes) -> None:
    """A file that cannot be decoded is told in one line, which quotes neither its name nor its content."""
    with pytest.raises(BadAudio) as caught:
        opened(tmp_path, name, raw)
    line = str(caught.value)
    assert "\n" not in line and str(tmp_path) not in line and name not in line and "sleep" not in line
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert ("codec" in line) == (name == "codec.wav")


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp3", "list.wav"])
@pytest.mark.parametrize(
    "script",
    [
        PLAYLIST,
        b"ffconcat version 1.0\nfile '%s'\n",
        b"ffconcat version 1.0\nfile 'other.wav'\n",
        DASH,
        b"v=0\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=%s\n",
    ],
    ids=["hls", "concat", "concat, relative", "dash", "sdp"],
)
def test_a_file_that_names_another_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: bytes, name: str) -> None:
    """Playlists and scripts are refused, whatever they are called: the file itself is opened, and nothing that it points to."""
    other = encode(tmp_path / "other.wav", tone(2))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadAudio):
        opened(tmp_path, name, script % str(other).encode() if b"%s" in script else script)


def test_a_name_is_never_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may be called as libav calls a stream from elsewhere; it is read as the file that it is."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("concat:other.wav|other.wav", "data:audio", "pipe:0", "http:x", "%d.wav")):
        Path(name).write_bytes(encode(tmp_path / "a.wav", tone(1, 300 + 100 * number)).read_bytes())
        assert pitch(whole(open_recording(Path(name)))) == pytest.approx(300 + 100 * number, abs=2)


@pytest.mark.parametrize("kind", [".wav", ".mp3", ".m4a", ".flac"])
def test_no_time_at_all_is_no_audio(tmp_path: Path, kind: str) -> None:
    """A container with a stream and no sound in it is refused."""
    path = encode(tmp_path / f"a{kind}", silence(0))
    with pytest.raises((NoAudio, BadAudio)):
        open_recording(path)


def test_a_header_alone_is_no_audio(tmp_path: Path) -> None:
    """A recorder that was stopped at once leaves a good header; that is told apart from damage."""
    header = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"
    with pytest.raises(NoAudio):
        opened(tmp_path, "a.wav", header)


def test_a_film_without_sound_is_no_audio(tmp_path: Path) -> None:
    """A picture alone is told as such."""
    with pytest.raises(NoAudio):
        open_recording(film(tmp_path / "a.mp4"))


def test_what_is_too_long_is_refused(tmp_path: Path) -> None:
    """The container's own word is enough, before anything is decoded; the limit is named."""
    path = encode(tmp_path / "a.flac", silence(40))
    with pytest.raises(TooLong, match=r"0\.01 hours"):
        open_recording(path, max_hours=0.01)
    assert open_recording(path, max_hours=0.012).seconds == pytest.approx(40)


def test_what_does_not_say_its_length_is_refused_when_it_is_reached(tmp_path: Path) -> None:
    """A stream without a length, as a browser records it, is read up to the limit and no further."""
    path = encode(tmp_path / "a.webm", hiss(40))
    with av.open(str(path)) as source, (tmp_path / "b.webm").open("wb") as sink, av.open(Pipe(sink), "w", format="webm") as file:
        stream = file.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                file.mux(packet)
    recording = open_recording(tmp_path / "b.webm", max_hours=0.01)
    assert recording.seconds is None
    blocks = recording.blocks(0.0)
    assert len(next(blocks)) == BLOCK_SECONDS * RATE
    with pytest.raises(TooLong):
        next(blocks)


class Pipe:
    """Something to write to that cannot be gone back in."""

    def __init__(self, sink: object) -> None:
        self.write = sink.write


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and a folder are told without their names, also when the file goes between two readings."""
    path = encode(tmp_path / "mina.wav", tone(1))
    recording = open_recording(path)
    path.unlink()
    for read in (lambda: open_recording(path), lambda: open_recording(tmp_path), lambda: next(recording.blocks(0.0))):
        with pytest.raises(Unreadable) as caught:
            read()
        assert "mina" not in str(caught.value) and str(tmp_path) not in str(caught.value)


# ── what is damaged ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [k for k in KINDS if k != ".m4a"])  # an m4a has its index at its end, and is nothing without it
def test_what_was_there_before_a_break_is_kept(tmp_path: Path, files: dict[str, bytes], kind: str) -> None:
    """A file cut off half-way, as by a full disk, gives its first half."""
    samples = whole(opened(tmp_path, f"a{kind}", files[kind][: len(files[kind]) // 2]))
    assert 6 <= len(samples) / RATE <= 14


@pytest.mark.parametrize("kind", KINDS)
def test_damage_costs_what_it_hit_and_no_more(tmp_path: Path, files: dict[str, bytes], kind: str) -> None:
    """Bad bytes scattered over the middle lose some of the sound, never the rest of it."""
    for seed in range(6):
        chance = random.Random(seed)
        raw = bytearray(files[kind])
        for _ in range(4):
            raw[chance.randrange(len(raw) // 4, len(raw) // 2)] = chance.randrange(256)
        assert len(whole(opened(tmp_path, f"a{kind}", bytes(raw)))) / RATE >= 14


def test_a_gap_of_garbage_is_stepped_over(tmp_path: Path, files: dict[str, bytes]) -> None:
    """A burnt sector in the middle of a long file leaves both sides of it."""
    for kind, raw in files.items():
        middle = len(raw) // 2
        samples = whole(opened(tmp_path, f"a{kind}", raw[:middle] + random.Random(1).randbytes(300) + raw[middle + 300 :]))
        assert len(samples) / RATE >= 14, kind  # webm comes in clusters of five seconds


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(KINDS)), st.floats(0, 1), st.binary(max_size=60), st.booleans(), st.booleans())
def test_no_damage_raises_anything_but_our_own(short: dict[str, bytes], kind: str, where: float, noise: bytes, cut: bool, early: bool) -> None:
    """Chopped or scrawled over anywhere, a file gives samples within full scale, or one of our errors in one line."""
    raw = short[kind]
    at = int(where * (min(len(raw), 400) if early else len(raw)))
    with tempfile.TemporaryDirectory() as folder:
        try:
            recording = opened(Path(folder), f"a{kind}", raw[:at] + noise + (b"" if cut else raw[at + len(noise) :]))
            for block in itertools.islice(recording.blocks(0.0), 20):
                assert 0 < len(block) <= BLOCK_SECONDS * RATE and np.abs(block).max() <= 1
            assert recording.seconds is None or recording.seconds > 0
        except AsideError as fault:
            assert "\n" not in str(fault) and folder not in str(fault)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A second and a half of every kind."""
    folder = tmp_path_factory.mktemp("short")
    return {kind: encode(folder / f"a{kind}", babble(1.5)).read_bytes() for kind in KINDS}
