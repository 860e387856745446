"""Sound: conversations by microphone and loudspeaker, and the devices for them; WAV files in and out.

WAV files need nothing else; the default microphone and loudspeaker, and other sample rates than the model's, need the
extra `audio`, and the echo canceller the extra `echo`.
"""

from livesession.audio.call_handler import FunctionCallingHandler
from livesession.audio.controller import AudioConversationController
from livesession.audio.device_protocols import AudioInput, AudioOutput, Render
from livesession.audio.echo import WebRtcEchoCanceller
from livesession.audio.files import WavInput, WavOutput
from livesession.audio.portaudio import AudioDevice, Microphone, Speaker, list_devices
from livesession.audio.sources import CallbackOutput, PcmInput
from livesession.audio.start import start_audio_conversation
from livesession.audio.statistics import ConversationStatistics
from livesession.audio.transcripts import SpokenText
from livesession.audio.uplink import EchoCanceller
from livesession.audio.wav import WavFile, write_wav

__all__ = [
    "AudioConversationController",
    "AudioDevice",
    "AudioInput",
    "AudioOutput",
    "CallbackOutput",
    "ConversationStatistics",
    "EchoCanceller",
    "FunctionCallingHandler",
    "Microphone",
    "PcmInput",
    "Render",
    "Speaker",
    "SpokenText",
    "WavFile",
    "WavInput",
    "WavOutput",
    "WebRtcEchoCanceller",
    "list_devices",
    "start_audio_conversation",
    "write_wav",
]
