"""Settings to adapters: the one file that imports `models`.

In: settings and what the command line asked for. Out: engines behind their ports. Knows no stage and no input.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from drafting.errors import NoPractice, SettingsError
from drafting.pipeline import Engines
from drafting.pipeline import style as styles
from drafting.pipeline.plain import PlainWriter
from drafting.ports import Editor, Encoder, PhiScanner, Transcriber, Writer
from drafting.settings import Settings
from drafting.types import Context, Style

if TYPE_CHECKING:
    from drafting.record.practice import Practice
    from drafting.record.store import Stores
    from models.encoder import ClinicalEncoder
    from models.llm.asking import Model

_WHISPER_PAUSE = 2.0  # seconds: each stretch costs Whisper a whole window of 30, so only long pauses are cut out


def mask_torch() -> None:
    """Keep torch out of this process: with it importable, Presidio's import takes 7 s and 500 MB. Call once, at the start, before threads.

    spaCy's own command line stays out too: `import spacy` would load it, a fifth of the whole start, and nothing here calls it.
    """
    for name in ("torch", "transformers"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    if "spacy" not in sys.modules:
        info = ModuleType("spacy.cli.info")
        info.info = None  # type: ignore[attr-defined]
        sys.modules |= {"spacy.cli": ModuleType("spacy.cli"), "spacy.cli.info": info}


def rules() -> Encoder:
    """The encoder by rule: what is certain."""
    from models.cues import CueEncoder

    return CueEncoder()


@cache
def encoder(folder: Path | None = None) -> ClinicalEncoder:
    """The clinical encoder of `folder` (its own by default), with the rules beside it. Raises EncoderMissing where it is not trained."""
    from models.encoder import ClinicalEncoder

    return ClinicalEncoder(rules(), folder)


@cache
def editor() -> Editor:
    """The editing tagger, on the encoder's trunk."""
    from models.encoder.tagger import EditingTagger

    return EditingTagger(encoder().engine)


def writer(settings: Settings, name: str = "plain", told: Callable[[str, int], None] | None = None) -> Writer:
    """Who writes. `told` hears how far a generative writer is. Raises SettingsError where none is set, HostRefused, ModelMissing, EngineMissing."""
    plain = PlainWriter(editor())
    if name == "plain":
        return plain
    from models.llm import LlmWriter

    return LlmWriter(_chat(settings), plain, told, settings.llm_workers if settings.llm_server else 1)


def _chat(settings: Settings) -> Model:
    if settings.llm_server:
        from models.llm.server import ServerModel

        return ServerModel(settings.llm_server, settings.llm_hosts, settings.llm_model, settings.llm_patience)
    if not settings.llm:
        raise SettingsError(reason="--writer llm needs ASIDE_LLM, a model, or ASIDE_LLM_SERVER, a server of your own")
    from models.llm.local import LocalModel

    folder, name, revision = hub().locate_chat(settings.llm, settings.models)
    return LocalModel(folder, name, revision, settings.llm_device, settings.llm_dtype, settings.llm_threads)


def close(engines: Engines) -> None:
    """End what an engine keeps running."""
    end = getattr(engines.writer, "close", None)
    if end:
        end()


def style(settings: Settings, path: Path | None, scanner: PhiScanner, context: Context) -> Style:
    """The clinician's own style from `path` or the settings, its example screened. Raises StyleError."""
    file = path or settings.style
    return styles.screened(styles.load(file), scanner, context) if file else Style()


def scanner() -> PhiScanner:
    from models.presidio import PresidioScanner

    return PresidioScanner(encoder().spans)


def engines(settings: Settings, writer_name: str = "plain", told: Callable[[str, int], None] | None = None) -> Engines:
    """The engines that draft from text."""
    return Engines(encoder(), writer(settings, writer_name, told), scanner())


def hub() -> ModuleType:
    """The store of weights: listing, pull, verify."""
    from models import hub

    return hub


def transcriber(settings: Settings, asr: str) -> Transcriber:
    """Whisper where its weights are, else, for `auto`, the preview engine. Raises ModelMissing for `whisper` without weights."""
    from drafting.errors import EngineMissing, ModelMissing

    if asr == "pocketsphinx":
        return _preview()
    try:
        from models import hub, pauses
        from models.whisper import WhisperTranscriber

        return WhisperTranscriber(settings.whisper, settings.models, hub.locate, partial(pauses.cut, pause=_WHISPER_PAUSE))
    except (ModelMissing, EngineMissing):
        if asr == "whisper":
            raise
        return _preview()


def _preview() -> Transcriber:
    from models import pauses
    from models.pocketsphinx import PocketsphinxTranscriber

    return PocketsphinxTranscriber(pauses.cut)


def stores(settings: Settings) -> Stores:
    """The three databases, by their URLs or as SQLite in the data folder; not opened yet. Raises SettingsError where only some have a URL."""
    from drafting.record.store import connected, in_folder

    urls = (settings.record, settings.private, settings.keyring)
    if not any(urls):
        return in_folder(settings.data)
    if not all(urls):
        raise SettingsError(reason="ASIDE_RECORD, ASIDE_PRIVATE and ASIDE_KEYRING are given together or not at all")
    return connected(*urls)


def key_file(settings: Settings) -> Path:
    return settings.key_file or settings.data / "practice.key"


def practice(settings: Settings, *, proven: bool = True, keyed: bool = True) -> Practice:
    """The practice that is kept here; its stores are the caller's to close. `proven` False: before its recovery kit is; `keyed` False: without the
    key file. Raises NoPractice, BackupError where a restore was cut, StoreOutdated, KeyMissing, KeyWrong, KitError."""
    from drafting.record.backup import whole
    from drafting.record.keys import Keyring, keyfile
    from drafting.record.practice import Practice, ready
    from drafting.record.store import migrating

    opened = stores(settings)
    try:
        whole(opened)
        if migrating.version(opened.record) is None:
            raise NoPractice()
        migrating.check(opened)
        made = Practice(opened, Keyring(opened.keyring, keyfile.read(key_file(settings)) if keyed else None))
        if proven:
            ready(made)
    except BaseException:
        opened.close()
        raise
    return made
