"""What can go wrong, in the words that a person reads.

    AsideError
    ├── InputError            this input cannot be drafted; the others of the same call are
    │   ├── EmptyInput  NotText  TooLarge  Unreadable  NotFound  IsDirectory  UnknownKind  BadTranscript  WrongEncoding  OtherLanguage
    │   └── NoAudio  NoSpeech  BadAudio  TooLong
    ├── ModelMissing  ModelCorrupt  UnknownModel  ModelRefused  PullFailed  EncoderMissing
    ├── EngineMissing  EngineFailed
    ├── SettingsError  FormatError  StyleError  PolicyError  DecisionError  DraftError  HostRefused
    ├── RecordError           what is kept cannot be used so
    │   ├── NoPractice  NotKnown  NotPermitted  IllegalMove  SigningBlocked  Conflict  Held
    │   ├── StoreFailed  StoreOutdated
    │   └── BackupError  AuditBroken  ReleaseRefused  LetterError
    ├── KeyTrouble            KeyMissing  KeyWrong  Shredded  PassphraseWrong  PassphraseWeak  KitError
    └── OurFault              anything that no class above foresaw

A class's docstring is its message; `{}` fields are filled by keyword. No message holds words of a source.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import ClassVar


class AsideError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __init_subclass__(cls) -> None:
        if "code" not in vars(cls):
            cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, **fields: object) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").split()).format(**fields))


class InputError(AsideError):
    """This input cannot be used."""


class EmptyInput(InputError):
    """The input is empty: there is nothing to draft from. Check that the dictation was saved."""

    code = "empty"


class NotText(InputError):
    """The input is not text, though its name says so. Give audio its own ending (.wav, .mp3, .m4a …) or export the text again."""


class WrongEncoding(InputError):
    """The text is not valid UTF-8 (first bad byte at {position}). Save it as UTF-8 and try again."""


class TooLarge(InputError):
    """The text is over {limit}: that is no dictation. Split it by session."""


class TooLong(InputError):
    """The recording is over {limit}. Split it by session."""


class Unreadable(InputError):
    """The file cannot be read ({reason}). Check its permissions."""


class NotFound(InputError):
    """There is no such file. Check the path."""


class IsDirectory(InputError):
    """That is a folder. Name the files in it."""


class UnknownKind(InputError):
    """The ending {ending} is not known. Use .txt, .md, .vtt, .srt, .json or audio."""


class BadTranscript(InputError):
    """The transcript cannot be read: {reason}."""


class OtherLanguage(InputError):
    """The text does not look English, and Aside drafts from English only. Give it a translation, or write this note by hand."""


class NoAudio(InputError):
    """The file has no audio in it. Check that the right file was given."""


class NoSpeech(InputError):
    """No speech was heard in the recording, so there is nothing to draft from. Check the microphone and the file."""


class BadAudio(InputError):
    """The audio cannot be decoded ({reason}). Export it again, as wav or m4a."""


class ModelMissing(AsideError):
    """The weights of {name} are not here. Run `aside models pull {name}`, or put the file at {path}."""


class EncoderMissing(AsideError):
    """The clinical encoder is not trained here. Run `make train`, or put its weights at {path}."""


class ModelCorrupt(AsideError):
    """The weights at {path} are not those of {name}: their sha256 differs, or a file is missing or too many. Remove them and run
    `aside models pull {name}`, or import them again."""


class UnknownModel(AsideError):
    """No weights are called {name}, and no file or folder is there. Known are {known}; or give a path."""


class ModelRefused(AsideError):
    """The model {name} is not taken: {reason}."""


class PullFailed(AsideError):
    """The weights of {name} could not be fetched: {reason}. Run the command again, or get {url} by other means and put it at {path}."""


class EngineMissing(AsideError):
    """The engine {name} is not installed. Run `pip install 'aside-notes[{extra}]'`."""


class EngineFailed(AsideError):
    """The engine {name} stopped: {reason}."""


class SettingsError(AsideError):
    """The settings cannot be used: {reason}."""


class FormatError(AsideError):
    """The format file {file} cannot be used: {reason}."""


class StyleError(AsideError):
    """The style file {file} cannot be used: {reason}."""


class DraftError(AsideError):
    """That is no draft that can be drafted again: {reason}."""


class HostRefused(AsideError):
    """The server {host} is not on the list of hosts that may be asked. If it is yours, add it to ASIDE_LLM_HOSTS."""


class PolicyError(AsideError):
    """The rules file {file} cannot be used: {reason}."""


class DecisionError(AsideError):
    """The decisions file cannot be used: {reason}."""


class RecordError(AsideError):
    """That cannot be done to what is kept."""


class NoPractice(RecordError):
    """There is no practice here yet. Run `aside keys init`, or say with ASIDE_DATA where it is."""


class NotKnown(RecordError):
    """There is no {what} {id} here."""


class NotPermitted(RecordError):
    """{who} may not do that: {reason}."""


class IllegalMove(RecordError):
    """A note that is {state} cannot be {move}."""


class SigningBlocked(RecordError):
    """The note cannot be signed yet: {count} left ({codes})."""


class Conflict(RecordError):
    """The note was changed meanwhile, in another window or by another person. Load it again; nothing that was saved is lost."""


class Held(RecordError):
    """Nothing of {id} may be destroyed: {reason}."""


class StoreFailed(RecordError):
    """The store did not take that ({reason}). Nothing was changed."""


class StoreOutdated(RecordError):
    """The store {store} is of version {found}, and this Aside needs {wanted}. Run `aside practice upgrade`, after a backup."""


class BackupError(RecordError):
    """The backup cannot be used: {reason}."""


class AuditBroken(RecordError):
    """The audit trail is broken at event {seq}: {reason}."""


class ReleaseRefused(RecordError):
    """Nothing leaves: {reason}."""


class LetterError(RecordError):
    """That cannot be done with the letter: {reason}."""


class KeyTrouble(AsideError):
    """A key cannot be used."""


class KeyMissing(KeyTrouble):
    """The key of {what} is not here{hint}."""


class KeyWrong(KeyTrouble):
    """The key given is not the key of {what}, or what it locks was altered. Nothing was changed."""


class Shredded(KeyTrouble):
    """{what} was shredded on {on}; the receipt is {receipt}. It cannot be brought back."""


class PassphraseWrong(KeyTrouble):
    """That passphrase does not open the keys of {who}."""


class PassphraseWeak(KeyTrouble):
    """That passphrase is too short: give {least} characters at least. A few words that only you would put together are best."""


class KitError(KeyTrouble):
    """The recovery kit cannot be used: {reason}."""


class OurFault(AsideError):
    """Aside failed in a way that it should not ({where}). Nothing was kept. Please report that line; it holds no words of yours."""

    @classmethod
    def of(cls, fault: BaseException) -> OurFault:
        """What to say of an exception that nobody foresaw: its kind and the line, never its message, which may quote the source."""
        place = traceback.extract_tb(fault.__traceback__)
        where = f", {Path(place[-1].filename).name}:{place[-1].lineno}" if place else ""
        return cls(where=f"{type(fault).__name__}{where}")
