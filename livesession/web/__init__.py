"""Sessions for web applications of any WSGI framework: a pool, one for each visitor; answers as server-sent events;
conversations over a browser's WebSocket.

    pool = SessionPool(lambda handle: model.connect(session_resumption=SessionResumptionConfig(handle=handle)))

    @app.get("/answer")
    def answer():
        return Response(pool.answer(visitor(), request.args["question"]), headers=EVENT_STREAM_HEADERS)

It needs no framework and no extra. `examples/flask_voice` and `examples/django_chat` are complete applications.
"""

from livesession.web.answer_stream import event_stream
from livesession.web.browser_voice import BrowserSocket, talk
from livesession.web.event_data import Describe, describe
from livesession.web.session_opener import Connect
from livesession.web.session_pool import SessionPool
from livesession.web.sse import EVENT_STREAM_HEADERS, HEARTBEAT, sse_event
from livesession.web.web_errors import PoolFullError, Refusal, SessionBusyError, refusal

__all__ = [
    "EVENT_STREAM_HEADERS",
    "HEARTBEAT",
    "BrowserSocket",
    "Connect",
    "Describe",
    "PoolFullError",
    "Refusal",
    "SessionBusyError",
    "SessionPool",
    "describe",
    "event_stream",
    "refusal",
    "sse_event",
    "talk",
]
