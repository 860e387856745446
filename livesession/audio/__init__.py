"""Sound in and out of files: nothing here needs an extra."""

from livesession.audio.wav import WavFile, write_wav

__all__ = ["WavFile", "write_wav"]
