"""What the page asks for."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from chat.model import pool
from livesession import LiveSessionError
from livesession.web import EVENT_STREAM_HEADERS, refusal


def visitor(request: HttpRequest) -> str:
    return request.session.setdefault("visitor", secrets.token_urlsafe())


def chat(request: HttpRequest) -> HttpResponse:
    visitor(request)
    return render(request, "chat.html")


@require_POST
def answer(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    def keep(handle: str) -> None:
        request.session["handle"] = handle
        request.session.save()  # by hand: Django saves before the body is streamed

    question, handle = request.POST.get("question", ""), request.session.get("handle")
    try:
        events = pool.answer(visitor(request), question, handle=handle, on_handle=keep, heartbeat=1)
    except LiveSessionError as error:
        body, status, headers = refusal(error)
        return HttpResponse(body, status=status, headers=headers, content_type="text/plain; charset=utf-8")
    return StreamingHttpResponse(events, headers=EVENT_STREAM_HEADERS)


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    pool.leave(visitor(request))
    return HttpResponse(status=204)
