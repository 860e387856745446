"""Video: what `LiveSession.send_video_stream()` takes and gives.

Images that are encoded already need nothing else; pixels, as numpy arrays or PIL images, need the extra `video`.
"""

from livesession.video.images import Pixels, VideoFrame
from livesession.video.video_stream import VideoStatistics

__all__ = ["Pixels", "VideoFrame", "VideoStatistics"]
