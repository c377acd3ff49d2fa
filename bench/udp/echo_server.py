"""A UDP echo server as plain as Python makes it: a yardstick for `deno task bench udp`.

It answers every datagram with "Your data was N bytes long", as `parley udp server --quiet` does, and
says on its first line at which port of 127.0.0.1 it listens. A signal ends it.
"""

import socket


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1], flush=True)
        while True:
            data, client = sock.recvfrom(65535)
            sock.sendto(b"Your data was %d bytes long" % len(data), client)


if __name__ == "__main__":
    main()
