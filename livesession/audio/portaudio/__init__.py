"""The microphone and the loudspeaker of this machine, through PortAudio and its package sounddevice (extra `audio`)."""

from livesession.audio.portaudio.device_list import AudioDevice, list_devices
from livesession.audio.portaudio.microphone import Microphone
from livesession.audio.portaudio.speaker import Speaker

__all__ = ["AudioDevice", "Microphone", "Speaker", "list_devices"]
