"""TCP to the server: directly, through an HTTP proxy (CONNECT), or through a SOCKS proxy (extra `socks`)."""

from __future__ import annotations

import base64
import http.client
import socket
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from attrs import frozen

from livesession.connection.secret import Secret
from livesession.errors import ConfigurationError, ConnectError, MissingExtraError

if TYPE_CHECKING:
    from python_socks.sync import Proxy as SocksProxy

    from livesession.connection.endpoint import Endpoint
    from livesession.sync.deadline import Deadline

__all__ = ["connect_through", "proxy_for", "way_to"]

Hold = Callable[[socket.socket], socket.socket]
LONGEST_WORDS = 200  # characters
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


@frozen
class Proxy:
    """A proxy's address; `login` is `user:password`."""

    scheme: str
    host: str
    port: int
    login: Secret | None


def read_proxy(url: Secret) -> Proxy:
    """The parts of a proxy's URL; what fails on the way has seen the password, so nothing of it is told."""
    proxy = parse_proxy(url)
    if proxy is None or proxy.scheme not in ("http", *SOCKS) or not proxy.host:
        raise ConfigurationError("The proxy must be given as http://host:port or socks5h://host:port.")
    return proxy


def parse_proxy(url: Secret) -> Proxy | None:
    try:
        parts = urlsplit(with_scheme(url))
        login = Secret(f"{unquote(parts.username)}:{unquote(parts.password or '')}") if parts.username else None
        return Proxy(parts.scheme, parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 1080), login)
    except ValueError:
        return None


def with_scheme(url: Secret) -> str:
    return url.reveal() if "://" in url.reveal() else f"http://{url.reveal()}"


def connect_through(url: Secret | None, endpoint: Endpoint, deadline: Deadline, hold: Hold) -> socket.socket:
    """A TCP connection that ends at the server; `hold` is told of the socket as soon as there is one."""
    if url is None:
        return connect_tcp(endpoint.host, endpoint.port, deadline, hold)
    proxy = read_proxy(url)
    if proxy.scheme in SOCKS:
        return connect_socks(proxy, endpoint, deadline, hold)
    return connect_http(proxy, endpoint, deadline, hold)


def way_to(endpoint: Endpoint) -> str:
    """Describes the way to the server, with its proxy; for messages, so without the password."""
    url = proxy_for(endpoint)
    proxy = parse_proxy(url) if url else None
    through = f" through the proxy {proxy.host}:{proxy.port}" if proxy else ""
    return f"{endpoint.host}:{endpoint.port}{through}"


def connect_http(proxy: Proxy, endpoint: Endpoint, deadline: Deadline, hold: Hold) -> socket.socket:
    """Through an HTTP proxy. What fails is the way to the proxy, not to the server, and is told as such."""
    try:
        sock = connect_tcp(proxy.host, proxy.port, deadline, hold)
        request_tunnel(sock, proxy, endpoint, deadline)
    except (OSError, http.client.HTTPException) as error:
        if deadline.expired():
            raise
        raise ConnectError(
            f"The proxy {proxy.host}:{proxy.port} did not connect: {words_of(error)}. "
            "Check its address (HTTPS_PROXY, or proxy=...) and the network, or go without it (proxy=False).",
            retryable=True,
        ) from error
    return sock


def words_of(error: Exception) -> str:
    """Describes an error in one line; of an answer that is no HTTP, it would hold all that came."""
    return " ".join(str(error).split())[:LONGEST_WORDS] or type(error).__name__


def connect_tcp(host: str, port: int, deadline: Deadline, hold: Hold) -> socket.socket:
    """Tries each address of the name in turn, within what is left of the time."""
    addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        left = deadline.remaining()
        try:
            sock = hold(socket.socket(family, kind, protocol))
            sock.settimeout(left if left is None else left / (len(addresses) - position) or 0.001)
            return connected(sock, address)
        except OSError:  # also where the system does not have the address's family
            if position == len(addresses) - 1:
                raise
    raise ConnectError(f"The name {host!r} has no address.")


def connected(sock: socket.socket, address: tuple[object, ...]) -> socket.socket:
    """The socket, connected; closed where that fails."""
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def request_tunnel(sock: socket.socket, proxy: Proxy, endpoint: Endpoint, deadline: Deadline) -> None:
    """CONNECT through an HTTP proxy."""
    sock.settimeout(deadline.remaining())
    sock.sendall(tunnel_request(proxy, endpoint))
    answer = http.client.HTTPResponse(sock, method="CONNECT")
    try:
        answer.begin()
        if answer.status != 200:
            raise ConnectError(
                f"The proxy {proxy.host} refused the connection: HTTP {answer.status} {answer.reason}. "
                "Check its address and credentials, or go without it (proxy=False).",
                retryable=answer.status >= 500,
            )
    finally:
        answer.close()


def tunnel_request(proxy: Proxy, endpoint: Endpoint) -> bytes:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [f"CONNECT {host}:{endpoint.port} HTTP/1.1", f"Host: {host}:{endpoint.port}"]
    if proxy.login is not None:
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(proxy.login.reveal().encode()).decode()}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def connect_socks(proxy: Proxy, endpoint: Endpoint, deadline: Deadline, hold: Hold) -> socket.socket:
    """Through a SOCKS proxy, by python-socks; its frames and those of its causes held the password: only words stay."""
    try:
        import python_socks.sync
    except ImportError as error:
        raise MissingExtraError("A SOCKS proxy", "socks") from error
    try:
        return hold(socks_connector(proxy).connect(endpoint.host, endpoint.port, timeout=deadline.remaining()))
    except (python_socks.ProxyError, OSError) as error:
        raise ConnectError(
            f"The SOCKS proxy {proxy.host}:{proxy.port} could not connect: {error}.", retryable=True
        ) from ConnectionError(f"{type(error).__name__}: {error}")


def socks_connector(proxy: Proxy) -> SocksProxy:
    """The forms with an h or a at the end leave the name look-up to the proxy."""
    import python_socks.sync

    user, _, password = (proxy.login.reveal() if proxy.login else "").partition(":")
    return python_socks.sync.Proxy(
        proxy_type=python_socks.ProxyType[proxy.scheme.rstrip("ah").upper()],
        host=proxy.host,
        port=proxy.port,
        username=user or None,
        password=password or None,
        rdns=proxy.scheme[-1] in "ah",
    )
