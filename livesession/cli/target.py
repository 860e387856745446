"""The target of a command's session: back end, model, voice and modality, and the options that set them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click
from attrs import frozen

from livesession.cli.back_end_choice import open_backend
from livesession.cli.console import note
from livesession.cli.file_arguments import OutputFile
from livesession.messages.config import LiveGenerationConfig
from livesession.messages.voice import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    RealtimeInputConfig,
    SpeechConfig,
)
from livesession.model import LiveGenerativeModel
from livesession.recording import Recorder
from livesession.session.live_session import LiveSession

__all__ = ["DEFAULT_MODEL", "Target", "model_option", "recorded_session_options", "session_options"]

DEFAULT_MODEL = "gemini-3.8-live"
MANUAL = RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))

Command = Callable[..., None]


@frozen(kw_only=True)
class Target:
    """A model, its back end, and how it is to answer.

    Attributes:
        model: The model's name.
        back_end: `"google"`, `"vertex"`, `"firebase"`, `"emulator"`, or None for the choice of the environment.
        system: The system instruction.
        voice: One of the service's voices.
        modality: `"audio"` or `"text"`.
        realtime_text: Whether text goes out as realtime input, for models that refuse client content.
        pace: Seconds of audio that the emulator sends in a second; 0 is all at once.
        recorder: Records the session; None for no recording.
    """

    model: str
    back_end: str | None = None
    system: str | None = None
    voice: str | None = None
    modality: str = "audio"
    realtime_text: bool = False
    pace: float = 0
    recorder: Recorder | None = None

    @contextmanager
    def connect(self, *, manual: bool = False) -> Iterator[LiveSession]:
        """Opens a session that lasts as long as the block; so does the emulator, where it is the back end.

        `manual` turns the server's end-pointing off: the command sends the beginning and the end of the user's speech.
        """
        with open_backend(self.back_end, self.pace) as backend:
            model = LiveGenerativeModel(
                self.model,
                backend=backend,
                generation_config=self.config(manual),
                system_instruction=self.system,
            )
            with model.connect(record=self.recorder) as session:
                try:
                    yield session
                finally:
                    if self.recorder is not None:
                        note(f"{self.recorder.path}: the recording; livesession replay plays it.")

    def config(self, manual: bool) -> LiveGenerationConfig:
        """The session's configuration; all speech has transcripts, which the commands print as the answer."""
        return LiveGenerationConfig(
            response_modalities=self.modality.upper(),
            speech_config=SpeechConfig.from_voice(self.voice) if self.voice else None,
            input_audio_transcription=AudioTranscriptionConfig(),
            output_audio_transcription=AudioTranscriptionConfig() if self.modality == "audio" else None,
            realtime_input_config=MANUAL if manual else None,
        )


model_option = click.option(
    "--model", envvar="LIVESESSION_MODEL", default=DEFAULT_MODEL, show_default=True, show_envvar=True, metavar="NAME",
    help="The model.",
)  # fmt: skip

OPTIONS = [
    model_option,
    click.option(
        "--back-end", type=click.Choice(["google", "vertex", "firebase", "emulator"]),
        help="Where it runs; default what the environment says.",
    ),
    click.option("--system", metavar="TEXT", help="What the model is told beforehand."),
    click.option("--voice", metavar="NAME", help="One of the service's voices, such as Puck."),
    click.option(
        "--modality", type=click.Choice(["audio", "text"], case_sensitive=False), default="audio", show_default=True,
        help="What the model answers in; most models only speak, and are read by their transcript "
        "(gemini-live-2.5-flash writes).",
    ),
    click.option("--realtime-text", is_flag=True, help="For models that refuse client content."),
]  # fmt: skip

RECORDING = [
    click.option("--record", type=OutputFile(), metavar="FILE", help="Record the session (JSON lines); replaces FILE."),
    click.option("--record-wav", is_flag=True, help="With --record: the sound into WAV files beside it."),
]  # fmt: skip


def recorder_of(path: str | None, *, wav: bool) -> Recorder | None:
    """The recorder for `--record` and `--record-wav`. Raises `UsageError` for the second without the first."""
    if path is None and wav:
        raise click.UsageError("--record-wav needs --record FILE.")
    return Recorder(path, audio="wav" if wav else "inline") if path is not None else None


def session_options(command: Command) -> Command:
    """Adds the options of the target and of recording; the command gets them as one argument, `target`."""
    return target_options(command, [*OPTIONS, *RECORDING])


def recorded_session_options(command: Command) -> Command:
    """Adds the options of the target, for a command that has `record` and `record_wav` as its own parameters."""
    return target_options(command, OPTIONS)


def target_options(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    """Adds options to a command that takes a `Target` made of their values."""

    @functools.wraps(command)
    def with_target(
        *, model: str, back_end: str | None, system: str | None, voice: str | None, modality: str, realtime_text: bool,
        record: str | None, record_wav: bool, **others: object,
    ) -> None:  # fmt: skip
        target = Target(
            model=model, back_end=back_end, system=system, voice=voice, modality=modality, realtime_text=realtime_text,
            recorder=recorder_of(record, wav=record_wav),
        )  # fmt: skip
        command(target=target, **others)

    for option in reversed(options):
        option(with_target)
    return with_target
