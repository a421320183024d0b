"""A service that tells what it was asked. Its text is what a container runs (`python3 -c`)."""

import hashlib
import json
import os
import ssl
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = os.environ.get("ONLY_HOST", "")
IDLE = float(os.environ.get("IDLE", "75"))


class Teller(BaseHTTPRequestHandler):
    """Answers every method and path."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def answer(self) -> None:
        """By the path; else with the request."""
        path = self.path.partition("?")[0]
        host = self.headers.get("Host", "").partition(":")[0]
        if HOST and host != HOST:
            return self.say(421, {"error": f"not {HOST}"})
        if os.environ.get("WANTS_HTTPS") and self.headers.get("X-Forwarded-Proto") != "https":
            self.send_response(301)
            self.send_header("Location", f"https://{host}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        if path == "/healthz":
            return self.say(200, {"data": {"version": os.environ.get("VERSION", "1")}})
        if path in ("/stream", "/until-closed"):
            return self.stream(chunked=path == "/stream")
        if path == "/big":
            return self.send(200, b"x" * 20_000_000, "application/octet-stream")
        body = self.body()
        return self.say(
            int(self.headers.get("X-Want", "200")),
            {
                "line": self.requestline,
                "headers": sorted([name.lower(), value] for name, value in self.headers.items()),
                "body": hashlib.sha256(body).hexdigest(),
                "length": len(body),
            },
        )

    def stream(self, *, chunked: bool) -> None:
        """Three pieces, a second apart."""
        self.send_response(200)
        self.send_header(
            *(("Transfer-Encoding", "chunked") if chunked else ("Connection", "close"))
        )
        self.end_headers()
        for number in range(3):
            piece = f"piece {number}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            self.wfile.flush()
            time.sleep(1)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def body(self) -> bytes:
        """All of it, by length or in chunks."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def say(self, status: int, told: object) -> None:
        """As JSON."""
        self.send(status, json.dumps(told).encode(), "application/json")

    def send(self, status: int, body: bytes, kind: str) -> None:
        """With its length."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    """Serve until the container is stopped."""
    for method in "GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND".split():
        setattr(Teller, f"do_{method}", Teller.answer)
    ThreadingHTTPServer.request_queue_size = 1024
    server = ThreadingHTTPServer(("", 3000), Teller)
    if os.environ.get("PEM"):
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(os.environ["PEM"])
            file.flush()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file.name)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
