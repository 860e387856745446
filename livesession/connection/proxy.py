"""TCP to the server: directly, through an HTTP proxy (CONNECT), or through a SOCKS proxy (extra `socks`)."""

from __future__ import annotations

import base64
import http.client
import socket
import urllib.request
from collections.abc import Callable
from urllib.parse import SplitResult, unquote, urlsplit

from livesession.connection.deadline import Deadline
from livesession.connection.endpoint import Endpoint
from livesession.errors import ConfigurationError, ConnectError, MissingExtraError
from livesession.secret import Secret

__all__ = ["connect_through", "proxy_for"]

Hold = Callable[[socket.socket], socket.socket]
SOCKS = ("socks4", "socks4a", "socks5", "socks5h")


def proxy_for(endpoint: Endpoint) -> Secret | None:
    """The proxy's URL: the one given, else the environment's, unless it says to go directly."""
    if isinstance(endpoint.proxy, Secret):
        return endpoint.proxy
    if endpoint.proxy is False or urllib.request.proxy_bypass(endpoint.authority):
        return None
    known = urllib.request.getproxies()
    url = known.get("https" if endpoint.is_tls else "http") or known.get("all")
    return Secret(url) if url else None


def connect_through(proxy: Secret | None, endpoint: Endpoint, deadline: Deadline, hold: Hold) -> socket.socket:
    """A TCP connection that ends at the server; `hold` is told of the socket as soon as there is one."""
    if proxy is None:
        return connect_tcp(endpoint.host, endpoint.port, deadline, hold)
    parts = read_proxy(proxy)
    if parts.scheme in SOCKS:
        return connect_socks(proxy, endpoint, deadline, hold)
    sock = connect_tcp(parts.hostname or "", parts.port or 80, deadline, hold)
    request_tunnel(sock, parts, endpoint, deadline)
    return sock


def read_proxy(proxy: Secret) -> SplitResult:
    url = proxy.reveal()
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", *SOCKS) or not parts.hostname:
        raise ConfigurationError("The proxy must be given as http://host:port or socks5h://host:port.")
    return parts


def connect_tcp(host: str, port: int, deadline: Deadline, hold: Hold) -> socket.socket:
    """Tries each address of the name in turn, within what is left of the time."""
    addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = hold(socket.socket(family, kind, protocol))
        left = deadline.left()
        sock.settimeout(left if left is None else left / (len(addresses) - position) or 0.001)
        try:
            sock.connect(address)
        except OSError:
            sock.close()
            if position == len(addresses) - 1:
                raise
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return sock
    raise ConnectError(f"The name {host!r} has no address.")


def request_tunnel(sock: socket.socket, proxy: SplitResult, endpoint: Endpoint, deadline: Deadline) -> None:
    """CONNECT through an HTTP proxy."""
    target = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    request = [f"CONNECT {target}:{endpoint.port} HTTP/1.1", f"Host: {target}:{endpoint.port}"]
    if proxy.username:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        request.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    sock.settimeout(deadline.left())
    sock.sendall("\r\n".join([*request, "", ""]).encode("latin-1"))
    answer = http.client.HTTPResponse(sock, method="CONNECT")
    try:
        answer.begin()
        if answer.status != 200:
            raise ConnectError(
                f"The proxy {proxy.hostname} refused the connection: HTTP {answer.status} {answer.reason}. "
                "Check its address and credentials, or go without it (proxy=False).",
                retryable=answer.status >= 500,
            )
    finally:
        answer.close()


def connect_socks(proxy: Secret, endpoint: Endpoint, deadline: Deadline, hold: Hold) -> socket.socket:
    """Through a SOCKS proxy, by python-socks."""
    try:
        from python_socks import ProxyError
        from python_socks.sync import Proxy
    except ImportError as error:
        raise MissingExtraError("A SOCKS proxy", "socks") from error
    parts = read_proxy(proxy)
    # python-socks knows socks5 and socks4; the forms with an h or a leave the name look-up to the proxy.
    plain = parts._replace(scheme=parts.scheme.rstrip("ah"))
    try:
        connector = Proxy.from_url(plain.geturl(), rdns=parts.scheme[-1] in "ah")
        return hold(connector.connect(endpoint.host, endpoint.port, timeout=deadline.left()))
    except ProxyError as error:
        raise ConnectError(f"The SOCKS proxy {parts.hostname} refused the connection: {error}.") from error
