"""Messages to JSON bytes and back: strict on the way out, tolerant on the way in.

`encode(message)` gives the bytes of one client message; `decode(data)` gives the server messages of one frame.
"""

from livesession.wire.incoming import Inbound, decode
from livesession.wire.outgoing import encode

__all__ = ["Inbound", "decode", "encode"]
