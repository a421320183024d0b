"""Close every TCP connection from here to a host: `python3 - HOST`; print how many there were.

Runs in a container that shares the edge's network and may administer it. Speaks sock_diag (man 7
sock_diag), since images of Python have no `ss`.
"""

import socket
import struct
import sys

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, SOCK_DESTROY = 4, 20, 21
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
ESTABLISHED_AND_CLOSING = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 8  # ESTABLISHED, FIN_WAIT1+2, CLOSE_WAIT
HEADER = struct.Struct("=IHHII")
ASKED = struct.Struct("=BBBBI48s")  # inet_diag_req_v2: family, protocol, ext, pad, states, socket
FOUND = 4  # where inet_diag_msg has the socket: after family, state, timer, retransmissions
PEER = slice(20, 24)  # in inet_diag_sockid: ports (2 + 2), own address (16), then the peer's


def request(link: socket.socket, kind: int, flags: int, states: int, sock: bytes) -> None:
    """Send one request."""
    body = ASKED.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, states, sock)
    link.send(HEADER.pack(HEADER.size + len(body), kind, REQUEST | flags, 1, 0) + body)


def answers(link: socket.socket) -> "list[tuple[int, bytes]]":
    """What comes: (type, body), until it is all."""
    found = []
    while True:
        data = link.recv(1 << 16)
        while data:
            size, kind, *_ = HEADER.unpack_from(data)
            found.append((kind, data[HEADER.size : size]))
            data = data[(size + 3) & ~3 :]
        if found[-1][0] in (NLMSG_DONE, NLMSG_ERROR):
            return found


def main() -> int:
    """Close them; 1 where the kernel refuses."""
    try:
        _, _, addresses = socket.gethostbyname_ex(sys.argv[1])
    except socket.gaierror:  # it is gone, and its connections with it
        addresses = []
    peers = {socket.inet_aton(address) for address in addresses}
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
    request(link, SOCK_DIAG_BY_FAMILY, DUMP, ESTABLISHED_AND_CLOSING, bytes(48))
    socks = [
        body[FOUND : FOUND + 48] for kind, body in answers(link) if kind == SOCK_DIAG_BY_FAMILY
    ]
    closed = 0
    for sock in socks:
        if sock[PEER] not in peers:
            continue
        request(link, SOCK_DESTROY, ACK, 0, sock)
        (error,) = struct.unpack_from("=i", answers(link)[-1][1])
        if error not in (0, -2):  # ENOENT: it ended by itself
            print(f"the kernel does not close connections (error {-error})", file=sys.stderr)
            return 1
        closed += 1
    print(closed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
