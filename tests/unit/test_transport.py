"""httpx through curl in the edge: what curl says, as httpx knows it."""

import shlex
from collections.abc import Iterator
from typing import cast

import httpx
import pytest

from bluegreen.docker.shell import Done, Shell
from bluegreen.docker.transport import EdgeTransport

URL = "http://shop-blue:3000/api/health"


class FakeShell:
    """Answers each script with the same finished command."""

    def __init__(self) -> None:
        self.done, self.scripts, self.timeouts = Done(0, b""), list[str](), list[float]()

    def run(self, script: str, timeout: float = 20) -> Done:
        """Note the script."""
        self.scripts.append(script)
        self.timeouts.append(timeout)
        return self.done


@pytest.fixture
def shell() -> FakeShell:
    """A shell that runs nothing."""
    return FakeShell()


@pytest.fixture
def client(shell: FakeShell) -> Iterator[httpx.Client]:
    """A client through that shell."""
    with httpx.Client(transport=EdgeTransport(cast("Shell", shell))) as made:
        yield made


@pytest.mark.parametrize(
    ("output", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok\n", 200, b"ok\n"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 503 \r\nA: b\r\n\r\nno", 503, b"no"),
        (b"HTTP/1.1 200\r\n\r\nno phrase", 200, b"no phrase"),
        (b"HTTP/1.0 200 OK\r\n\r\nlines\r\n\r\nlines", 200, b"lines\r\n\r\nlines"),
        (b"HTTP/1.1 200 OK\r\n\r\n\x00\xff\xfe", 200, b"\x00\xff\xfe"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok", 200, b"ok"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
            b"HTTP/1.1 404 Not Found\r\nB: c\r\n\r\nHTTP/1.1 200 OK\r\n\r\nin the body",
            404,
            b"HTTP/1.1 200 OK\r\n\r\nin the body",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 999\r\n\r\nwhole",
            200,
            b"whole",
        ),
    ],
)
def test_what_curl_prints_becomes_a_response(
    client: httpx.Client, shell: FakeShell, output: bytes, status: int, body: bytes
) -> None:
    """Interim answers are skipped, bytes stay bytes, chunks were taken apart by curl."""
    shell.done = Done(0, output)
    response = client.get(URL)
    assert (response.status_code, response.content) == (status, body)


def test_headers_are_read_with_all_their_values(client: httpx.Client, shell: FakeShell) -> None:
    """Also those that come twice, have colons in them, or bytes that are no ASCII."""
    shell.done = Done(
        0,
        b"HTTP/1.1 302 Found\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"
        b"Location: http://x:1/\r\nX-Name: caf\xe9\r\nX-Empty:\r\n\r\n",
    )
    response = client.get(URL)
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers["location"] == "http://x:1/"
    assert response.headers["x-name"] == "café"
    assert response.headers["x-empty"] == ""
    assert len(shell.scripts) == 1, "a redirect is an answer, not followed"


@pytest.mark.parametrize(
    ("code", "said", "error"),
    [
        (6, "curl: (6) Could not resolve host: shop-blue", httpx.ConnectError),
        (7, "curl: (7) Failed to connect to shop-blue port 3000", httpx.ConnectError),
        (28, "curl: (28) Operation timed out after 5000 ms", httpx.ReadTimeout),
        (52, "curl: (52) Empty reply from server", httpx.RemoteProtocolError),
        (56, "curl: (56) Recv failure: Connection reset by peer", httpx.ReadError),
        (63, "curl: (63) Maximum file size exceeded", httpx.TransportError),
        (1, "curl: (1) Received HTTP/0.9 when not allowed", httpx.RemoteProtocolError),
    ],
)
def test_curls_exit_codes_become_the_errors_that_mean_the_same(
    client: httpx.Client, shell: FakeShell, code: int, said: str, error: type[Exception]
) -> None:
    """With curl's own words, without its number; part of an answer before them is left out."""
    shell.done = Done(code, f"HTTP/1.1 200 OK\r\n\r\nhalf\n{said}\n".encode())
    with pytest.raises(httpx.TransportError) as raised:
        client.get(URL)
    assert type(raised.value) is error
    assert str(raised.value) == said.partition(") ")[2]
    assert raised.value.request.url == URL


def test_a_curl_that_says_nothing_is_told_by_its_code(
    client: httpx.Client, shell: FakeShell
) -> None:
    """No error has an empty message."""
    shell.done = Done(35, b"")
    with pytest.raises(httpx.TransportError, match=r"^curl exited with 35$"):
        client.get(URL)


def test_an_edge_without_curl_is_told_as_such(client: httpx.Client, shell: FakeShell) -> None:
    """An image of one's own may lack it."""
    shell.done = Done(127, b"sh: curl: not found\n")
    with pytest.raises(httpx.UnsupportedProtocol, match="the edge's image has no curl"):
        client.get(URL)


def test_the_request_is_one_curl_on_a_connection_of_its_own(
    client: httpx.Client, shell: FakeShell
) -> None:
    """With the caller's headers and time, no proxy, and nothing that asks for compression."""
    shell.done = Done(0, b"HTTP/1.1 200 OK\r\n\r\n")
    client.get(f"{URL}?a='b c'", headers={"X-Words": "it's $HOME"}, timeout=1.5)
    (script,) = shell.scripts
    words = shlex.split(script)
    assert words[0] == "curl"
    assert words[words.index("--max-time") + 1] == "1.500"
    assert words[words.index("--noproxy") + 1] == "*"
    headers = [words[at + 1] for at, word in enumerate(words) if word == "-H"]
    assert any(header.lower() == "x-words: it's $home" for header in headers)
    assert not [h for h in headers if h.lower().startswith(("host:", "accept-encoding:"))]
    assert words[-1] == f"{URL}?a='b%20c'"
    assert shell.timeouts[0] > 1.5, "the shell outlasts curl"


def test_what_listens_on_a_socket_is_asked_there(shell: FakeShell) -> None:
    """The scripts' own servers have no port; what is asked for stays the host."""
    shell.done = Done(0, b"HTTP/1.1 204 No Content\r\n\r\n")
    with httpx.Client(transport=EdgeTransport(cast("Shell", shell), socket="/run/x.sock")) as made:
        assert made.get("http://blue.shop/-/in-flight").status_code == 204
    words = shlex.split(shell.scripts[0])
    assert words[words.index("--unix-socket") + 1] == "/run/x.sock"
    assert words[-1] == "http://blue.shop/-/in-flight"
