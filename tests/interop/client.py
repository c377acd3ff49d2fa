"""A `Core` with a TCP connection and a thread.

Written from `docs/protocol.md` alone, without the code of parley.
"""

from __future__ import annotations

import random
import selectors
import socket
import threading
import time
from typing import Any, Dict, Optional

from credentials import Keys
from core import Core
from invitation import Invitation


class Client:
    """A member with a TCP connection and a thread of its own.

    Override `on_event`, or `on_message` and `on_delivered`; they are called in that thread, with
    the lock held, and may call `say` and `say_to`.
    """

    def __init__(self, host: str, port: int, name: str, room: str = "", bits: int = 2048,
                 invitation: Optional[Invitation] = None) -> None:
        self.lock = threading.RLock()
        self.core = Core(Keys(name, bits), room, host, port, self.on_event, invitation=invitation)
        self.address = (host, port)
        self.sock: Optional[socket.socket] = None
        self.wake_in, self.wake_out = socket.socketpair()
        self.wake_in.setblocking(False)
        self.pending = bytearray()
        self.tries = 0
        self.next_try = 0.0
        self.lost_at: Optional[float] = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    # -- events --------------------------------------------------------------------------------

    def on_event(self, event: Dict[str, Any]) -> None:
        """Every event; calls the two below."""
        if event["event"] == "message":
            self.on_message(event["sender"], event["text"], event["private"], event["late"])
        elif event["event"] == "delivered":
            self.on_delivered(event["number"])

    def on_message(self, from_name: str, text: str, private: bool, late: bool) -> None:
        """A message came."""

    def on_delivered(self, number: int) -> None:
        """A line was taken by everybody, or by everybody who has not left."""

    # -- what a person does --------------------------------------------------------------------

    def start(self) -> None:
        self.thread.start()

    def say(self, text: str) -> int:
        with self.lock:
            number = self.core.say(text)
        self._wake()
        return number

    def say_to(self, name: str, text: str) -> int:
        with self.lock:
            number = self.core.say_to(name, text)
        self._wake()
        return number

    def leave(self) -> None:
        with self.lock:
            self.core.leave()
        self._wake()

    def drop(self) -> None:
        """Cuts the connection, as a network would; the thread makes another one."""
        with self.lock:
            self._close()
        self._wake()

    def lose(self, n: int) -> None:
        with self.lock:
            self.core.lose += n

    def status(self) -> Dict[str, Any]:
        with self.lock:
            return self.core.status()

    def join_thread(self, timeout: Optional[float] = None) -> None:
        self.thread.join(timeout)

    # -- the thread ----------------------------------------------------------------------------

    def _wake(self) -> None:
        try:
            self.wake_out.send(b"x")
        except OSError:
            pass

    def _close(self) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        self.pending.clear()
        if self.core.state != "ended":
            self.core.disconnected()
            if self.lost_at is None:
                self.lost_at = time.monotonic()
                self.tries, self.next_try = 0, 0.0

    def _connect(self) -> None:
        """Makes a connection if one is due."""
        now = time.monotonic()
        if now < self.next_try:
            return
        if self.lost_at is not None and self.core.resumable and (
                now - self.lost_at > self.core.grace):
            self.core.end("LOST")
            return
        wait = min(30.0, 0.5 * 2 ** min(self.tries, 6))
        self.tries += 1
        self.next_try = now + wait * (1 - random.random() / 2)
        try:
            sock = socket.create_connection(self.address, timeout=10)
        except OSError as error:
            with self.lock:
                self.core.emit("no_connection", error=str(error))
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        with self.lock:
            self.sock = sock
            self.core.connected()

    def _run(self) -> None:
        leaving_since: Optional[float] = None
        while self.core.state != "ended":
            if self.sock is None:
                self._connect()
                if self.sock is None:
                    self._drain_wake(0.05)
                    with self.lock:
                        self.core.tick()
                    continue
            self._turn()
            with self.lock:
                if self.core.state == "leaving":
                    leaving_since = leaving_since or time.monotonic()
                    if time.monotonic() - leaving_since > 3:
                        self.core.end("LEFT")
                if self.core.state == "in":
                    self.lost_at = None
                if self.core.state == "idle" and self.sock is not None:
                    self._close()
        self._flush_last()

    def _flush_last(self) -> None:
        with self.lock:
            if self.sock is not None:
                self.sock.close()
                self.sock = None

    def _drain_wake(self, timeout: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.wake_in, selectors.EVENT_READ)
            if selector.select(timeout):
                try:
                    self.wake_in.recv(4096)
                except OSError:
                    pass

    def _turn(self) -> None:
        """One turn: write, wait, read, tick."""
        with self.lock:
            self.pending += self.core.take_output()
            sock = self.sock
        if sock is None:
            return
        readable = self._wait(sock)
        with self.lock:
            if self.sock is not sock:
                return
            try:
                if readable:
                    data = sock.recv(262144)
                    if not data:
                        self._close()
                        return
                    self.core.feed(data)
                if self.core.state == "idle":
                    return
                self.core.tick()
                self.pending += self.core.take_output()
                if self.pending:
                    sent = sock.send(self.pending)
                    del self.pending[:sent]
            except BlockingIOError:
                pass
            except OSError:
                self._close()

    def _wait(self, sock: socket.socket) -> bool:
        """Waits until there is something to read, to write or to do."""
        try:
            with selectors.DefaultSelector() as selector:
                events = selectors.EVENT_READ
                if self.pending:
                    events |= selectors.EVENT_WRITE
                selector.register(sock, events, "sock")
                selector.register(self.wake_in, selectors.EVENT_READ, "wake")
                readable = False
                for key, mask in selector.select(0.05):
                    if key.data == "wake":
                        try:
                            self.wake_in.recv(4096)
                        except OSError:
                            pass
                    elif mask & selectors.EVENT_READ:
                        readable = True
                return readable
        except (OSError, ValueError):
            return False
