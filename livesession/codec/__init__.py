"""Messages to JSON bytes and back: strict on the way out, tolerant on the way in.

`encode(message)` gives the bytes of one client message; `decode(data)` gives the server messages of one frame.
"""

from livesession.codec.decoder import Inbound, decode
from livesession.codec.encoder import encode

__all__ = ["Inbound", "decode", "encode"]
