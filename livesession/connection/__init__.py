"""One WebSocket connection: opened with deadlines, read by its own thread, written by any.

From the bottom: `frames` (bytes to messages, no I/O), `duplex` (the socket under two threads), `handshake` (name,
TCP, proxy, TLS, upgrade), `writer` (whole frames out), `reader` (the thread), `state` (what may happen when),
`connection` (all of it together). Importing this package imports no websocket-client; opening a connection does.
"""
