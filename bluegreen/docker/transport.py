"""httpx through the edge: each request is one curl in the edge container.

The gate so asks the service from where the users' requests will come: it proves name, network
and port, needs no port opened on the host, and works the same when Docker is far away.
"""

import re
import shlex

import httpx

from bluegreen.docker.shell import Done, Shell

# curl's exit codes (man curl, EXIT CODES), as the httpx errors that mean the same.
_ERRORS: dict[int, type[httpx.TransportError]] = {
    6: httpx.ConnectError,
    7: httpx.ConnectError,
    28: httpx.ReadTimeout,
    1: httpx.RemoteProtocolError,  # HTTP/0.9: no answer of HTTP at all
    35: httpx.ConnectError,
    52: httpx.RemoteProtocolError,
    56: httpx.ReadError,
    60: httpx.ConnectError,
}
_MAX_ANSWER = 1 << 20


class EdgeTransport(httpx.BaseTransport):
    """Carries httpx requests (GET, without body) through a shell in the edge."""

    def __init__(self, shell: Shell, socket: str = "", *, proxied: bool = False) -> None:
        """Use this open shell, which stays the caller's to close.

        Args:
            shell: in the edge.
            socket: a Unix socket to ask by.
            proxied: say by the PROXY protocol who asks.
        """
        self._shell, self._socket, self._proxied = shell, socket, proxied

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; raises the httpx error that fits what curl reports."""
        timeouts = request.extensions.get("timeout", {})
        seconds = float(timeouts.get("read") or 5)
        words = ["curl", "-sS", "-i", "--http1.1", "--globoff", "--noproxy", "*"]
        words += ["--max-time", f"{seconds:.3f}", "--max-filesize", str(_MAX_ANSWER)]
        words += ["--unix-socket", self._socket] if self._socket else []
        words += ["--haproxy-protocol"] if self._proxied else []
        for name, value in request.headers.items():
            if name not in ("host", "connection", "accept-encoding"):
                words += ["-H", f"{name}: {value}"]
        words += [] if request.extensions.get("verify") else ["--insecure"]
        url = request.url
        host = request.headers["host"]
        if host != url.netloc.decode():
            words += ["-H", f"Host: {host}"]
            if url.scheme == "https":  # its certificate is for that name, too
                words += ["--connect-to", f"::{url.host}:{url.port or 443}"]
                url = url.copy_with(host=host.partition(":")[0])
        done = self._shell.run(shlex.join([*words, str(url)]), timeout=seconds + 20)
        if done.code:
            raise _error(done, request)
        return _parse(done.output, request)


def _error(done: Done, request: httpx.Request) -> httpx.TransportError:
    if done.code == 127:
        return httpx.UnsupportedProtocol("the edge's image has no curl", request=request)
    kind = _ERRORS.get(done.code, httpx.TransportError)
    said = re.sub(r"^curl: \(\d+\) ", "", (done.text.splitlines() or [""])[-1])
    return kind(said or f"curl exited with {done.code}", request=request)


def _parse(answer: bytes, request: httpx.Request) -> httpx.Response:
    head, _, body = answer.partition(b"\r\n\r\n")
    while re.match(rb"HTTP/\S+ 1\d\d", head):  # 100 Continue and the like come first
        head, _, body = body.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")  # bytes, as headers need not be ASCII
    headers = [
        (name.strip(), value.strip()) for name, _, value in (h.partition(b":") for h in lines)
    ]
    # curl has taken the chunks apart already.
    headers = [
        (n, v) for n, v in headers if n.lower() not in (b"transfer-encoding", b"content-length")
    ]
    return httpx.Response(int(status.split()[1]), headers=headers, content=body, request=request)
