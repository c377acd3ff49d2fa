"""Plays what the second client does by a clock, or with a relay, that a test cannot make.

python3 steps.py prints as JSON:

- `pauses`: the seconds between the repairs for a peer that says for ever that it lacks a line;
- `after`: the seconds between two repairs for that peer once it has taken all of one;
- `together`: how many of 80 peers that lack 64 KiB are sent it at once, and after a second;
- `between`: what leaves when a line to the group waits while two peers lack something;
- `granted`: the kinds of the messages of a repair for a holder of the chain;
- `forgotten`: the same, for one whose receipts name less than before;
- `own`: what a `joined` with the receiver's own credential does to version, events and members.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, Dict, List

from core import Core
from credentials import Keys
from notation import CONTEXT, H, JOINED, WINDOW, block16, frame, parse_messages, u32, u8
from state import Line, Listing, Peer

ALL = 2**40
LINE = 2


class Played(Core):
    """A member in a room, whose clock and peers are given. What leaves is kept: lines by pair frames, and to the group."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events: List[Dict[str, Any]] = []
        self.left: List[str] = []
        self.times: List[float] = []
        self.kinds: List[int] = []
        super().__init__(Keys("py"), "", "127.0.0.1", 1, self.events.append, lambda: self.now)
        self.connected()
        self.enter_room(os.urandom(32), 0, bytes(32), [])
        self.bo = Keys("bo")

    def join(self, keys: Keys) -> None:
        """The relay tells that somebody has joined."""
        joined = u32(self.room.version + 1) + block16(keys.credential) + block16(b"")
        self.feed(frame(JOINED, joined))

    def meet(self, name: str) -> Peer:
        """A peer that has the pairwise key."""
        if not self.peers:
            self.join(self.bo)
        first = self.peers[self.bo.hash]
        if name != "bo":
            person = dataclasses.replace(first.person, name=name, hash=H(name.encode()))
            peer = self.peers[person.hash] = self.contacts[person.hash] = Peer(person)
            peer.number = self.room.version = self.room.version + 1
            self.room.contexts[peer.number] = bytes(32)
            listing = self.room.roster[peer.number] = Listing(peer.number, person.hash, person)
            listing.peer = peer
        self.peers[H(name.encode()) if name != "bo" else self.bo.hash].proven = True
        return self.by_name(name)

    def send_pair(self, peer: Peer, messages: List[bytes]) -> None:
        self.kinds = [kind for kind, _ in parse_messages(b"".join(messages))]
        if LINE in self.kinds:
            self.left.append(peer.name)
            self.times.append(self.now)

    def send_sealed(self, line: Line, chain: Any, route: int) -> None:
        self.left.append("group")

    def forget(self) -> None:
        self.left.clear()
        self.times.clear()

    def hear(self, peer: Peer, stream: int, through: int) -> None:
        """A receipt: the peer has taken so much of a stream, and knows of all."""
        self.heard = self.now
        self.after_receipt(peer, self.apply_receipt(peer, [(stream, through, ALL)]))

    def repairs(self, peer: Peer, through: int, count: int) -> List[float]:
        """The pauses between repairs for a peer that says again and again that it has taken so much."""
        self.forget()
        while len(self.times) <= count:
            self.hear(peer, 1, through)
            self.now += 0.25
            self.tick()
        return [round(b - a, 2) for a, b in zip(self.times, self.times[1:])]


def pauses() -> Dict[str, Any]:
    core = Played()
    bo = core.meet("bo")
    core.say_to("bo", "lost")
    row = core.repairs(bo, 0, 8)
    core.hear(bo, 1, 1)
    core.say_to("bo", "lost, too")
    core.now += 60
    return {"pauses": row, "after": core.repairs(bo, 1, 1)[0]}


def together() -> List[int]:
    core = Played()
    peers = [core.meet("bo"), *(core.meet("p%d" % i) for i in range(79))]
    for peer in peers:
        core.say_to(peer.name, "x" * 65536)
    core.forget()
    counts = []
    for _ in range(2):
        for peer in peers:
            if peer.repairs == 0:
                core.hear(peer, 1, 0)
        counts.append(len(core.left))
        core.now += 1
    return counts


def between() -> List[str]:
    core = Played()
    peers = [core.meet("bo"), core.meet("cy")]
    for peer in peers:
        core.say_to(peer.name, "lost")
    core.room.kept_bytes = WINDOW
    core.say("waits")
    core.forget()
    for peer in peers:
        core.hear(peer, 1, 0)
    core.room.kept_bytes = 0
    core.flush()
    core.now += 0.5
    core.tick()
    return core.left


def granted() -> List[int]:
    core = Played()
    bo = core.meet("bo")
    core.say("lost")
    core.hear(bo, 0, 0)
    return core.kinds


def forgotten() -> List[int]:
    core = Played()
    bo = core.meet("bo")
    for text in ("taken", "lost"):
        core.say(text)
        core.now += 60
        core.hear(bo, 0, 1 if text == "taken" else 0)
    return core.kinds


def own() -> Dict[str, Any]:
    core = Played()
    room, before = core.room, core.room.contexts[1]
    core.events.clear()
    core.join(core.keys)
    members = H(core.keys.hash, core.keys.hash)
    context = H(CONTEXT["history"], room.id, before, u32(2), u8(1), core.keys.hash, members)
    return {
        "version": room.version,
        "isInHistory": room.contexts[2] == context,
        "events": [(e["event"], e.get("reason")) for e in core.events],
        "members": core.status()["members"],
    }


if __name__ == "__main__":
    print(json.dumps({**pauses(), "together": together(), "between": between(),
                      "granted": granted(), "forgotten": forgotten(), "own": own()}))
