"""What a member remembers of streams, chains, lines, other members and a room (sections 8 to 10).

Written from `docs/protocol.md` alone, without the code of parley.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from dataclasses import dataclass, field
from typing import Deque, Dict, List, Optional, Set, Tuple

from notation import CONTEXT, H, KEPT_CONTEXTS, hkdf, u16, u32, u8
from credentials import Person


def url_host(host: str) -> str:
    """The host as the URL standard would have it, as far as a test client needs it."""
    bare = host.strip("[]").split("%")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        name = bare.lower()
        return (name[:-1] if name.endswith(".") else name).encode("idna").decode()


def greeting(room: str) -> bytes:
    name = room.encode()
    return b"parley" + u8(1) + u8(2) + u8(len(name)) + name


class Stream:
    """What a receiver knows of one stream of one sender (section 10.1)."""

    def __init__(self) -> None:
        self.seen = 0
        self.gaps: List[Tuple[int, int]] = []
        self.withheld = 0  # the highest number that was not shown to the person

    def through(self) -> int:
        return self.gaps[0][0] - 1 if self.gaps else self.seen

    def _gap(self, first: int, last: int) -> int:
        """Opens a gap and returns how many messages it has."""
        self.gaps.append((first, last))
        if len(self.gaps) > 256:
            self.withheld = max(self.withheld, self.gaps.pop(0)[1])
        return last - first + 1

    def _close(self, first: int, last: int) -> None:
        kept = []
        for a, b in self.gaps:
            if b < first or a > last:
                kept.append((a, b))
                continue
            if a < first:
                kept.append((a, first - 1))
            if b > last:
                kept.append((last + 1, b))
        for _, last_given_up in kept[:-256]:
            self.withheld = max(self.withheld, last_given_up)
        self.gaps = kept[-256:]

    def between(self, last: int, number: int) -> int:
        """`last` and the number that follows it; returns how many are told as missing."""
        missing = 0
        if last > self.seen:
            missing = self._gap(self.seen + 1, last)
            self.seen = last
        if number > last + 1:
            self._close(last + 1, number - 1)
            self.seen = max(self.seen, number - 1)
        return missing

    def take(self, number: int) -> Tuple[str, int]:
        """A message: ("new" | "late" | "copy", how many are told as missing)."""
        if number > self.seen:
            missing = self._gap(self.seen + 1, number - 1) if number > self.seen + 1 else 0
            self.seen = number
            return "new", missing
        if any(a <= number <= b for a, b in self.gaps):
            self._close(number, number)
            return "late", 0
        return "copy", 0

    def gone(self, number: int) -> int:
        """Closes everything up to the number; returns how many are told as missing now."""
        missing = max(0, number - self.seen)
        self._close(1, number)
        self.seen = max(self.seen, number)
        return missing


@dataclass
class InChain:
    """A chain of another member, as far as this one has followed it."""

    step: int
    key: bytes
    next: int


@dataclass
class OutChain:
    """The chain under which this member seals."""

    number: int
    step: int
    key: bytes
    holders: Set[bytes] = field(default_factory=set)


def chain_info(sender: bytes, chain: int, step: int) -> bytes:
    return sender + u32(chain) + u16(step)


def next_chain_key(key: bytes, room: bytes, sender: bytes, chain: int, step: int) -> bytes:
    return hkdf(key, room, CONTEXT["chainStep"] + chain_info(sender, chain, step))


def commitment_of(key: bytes, room: bytes, sender: bytes, chain: int, step: int) -> bytes:
    return hkdf(key, room, CONTEXT["chainCommitment"] + chain_info(sender, chain, step))


def message_key_of(key: bytes, room: bytes, sender: bytes, chain: int, step: int) -> bytes:
    return hkdf(key, room, CONTEXT["messageKey"] + chain_info(sender, chain, step))


class PairKeys:
    """The three keys of a pairwise key (section 9.3)."""

    def __init__(self, key: bytes, room: bytes, sender: bytes, recipient: bytes) -> None:
        self.raw = key
        both = sender + recipient
        self.pair = hkdf(key, room, CONTEXT["pair"] + both)
        self.receipt = hkdf(key, room, CONTEXT["receipt"] + both)
        self.ask = hkdf(key, room, CONTEXT["ask"] + both)


@dataclass
class Line:
    """A line that a person here has entered."""

    stream: int
    number: int
    time: int
    text: bytes
    v: int
    room: bytes
    serial: int
    to: Optional[str] = None
    recipients: Set[bytes] = field(default_factory=set)
    waiting: Set[bytes] = field(default_factory=set)
    missed: List[str] = field(default_factory=list)

    def size(self) -> int:
        return len(self.text) + 32


@dataclass
class Item:
    """A line as it is owed to one recipient."""

    line: Line
    prev: int  # the number before it that is addressed to this recipient
    sent: bool = False
    by_line: bool = False

    @property
    def number(self) -> int:
        return self.line.number


class Peer:
    """Everything about one other member, by its hash; it outlives rooms."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.hash = person.hash
        self.name = person.name
        self.items: Dict[int, List[Item]] = {0: [], 1: []}
        self.last_addressed = {0: 0, 1: 0}
        self.next_private = 1
        self.gone = {0: 0, 1: 0}  # up to here nothing will be sent, and the peer is to be told
        self.told = {0: 0, 1: 0}  # up to here the peer was told that nothing will be sent
        self.sent = {0: 0, 1: 0}  # the highest number that was sent
        self.streams: Dict[int, Stream] = {}
        self.reset()

    def reset(self) -> None:
        """Forgets what belongs to one stay in one room."""
        self.number: Optional[int] = None
        self.away = False
        # as a speaker
        self.out: Optional[PairKeys] = None
        self.wrapped = b""
        self.use = 0
        self.proven = False
        self.receipt_in = -1
        self.ask_out = 0
        self.catching_up = False
        self.awaiting = False
        self.behind: Optional[int] = None
        self.need_rejoin = False
        self.sealed_next: Optional[int] = None
        self.quiet_since = 0.0
        self.asked = False
        self.idle_answers = 0
        self.through = {0: 0, 1: 0}
        self.reported = {0: 0, 1: 0}
        self.repairs = 0  # in a row, none of which was taken whole
        self.repaired = {0: 0, 1: 0}  # the highest number that was sent again
        self.last_repair = -1e9
        self.repair_at: Optional[float] = None
        # as a recipient
        self.into: Optional[PairKeys] = None
        self.unwraps = 0
        self.chains: Dict[int, InChain] = {}
        self.ask_in = -1
        self.receipt_at: Optional[float] = None
        self.last_receipt_sent = -1e9
        self.differs_said = False
        self.notice_use = -1
        # as an inviter
        self.proofs = 0
        self.prove_at = 0.0

    def outstanding(self) -> List[Item]:
        """What was sent in this stay and has not been taken."""
        return [i for s in (0, 1) for i in self.items[s] if i.sent]

    def number_before(self, item: "Item") -> int:
        """The number before this one that is addressed to the peer, or that it was told of."""
        told = self.told[item.line.stream]
        return max(item.prev, told) if told < item.number else item.prev

    def unsent(self) -> List[Item]:
        found = [i for s in (0, 1) for i in self.items[s] if not i.sent]
        return sorted(found, key=lambda i: i.line.serial)

    def owed(self) -> bool:
        return any(self.items.values()) or any(self.gone.values())

    def stream(self, number: int) -> Stream:
        return self.streams.setdefault(number, Stream())


class Listing:
    """One member as the relay lists it; `peer` is None if it was refused."""

    def __init__(self, number: int, hash_: bytes, person: Optional[Person]) -> None:
        self.number = number
        self.hash = hash_
        self.person = person
        self.peer: Optional[Peer] = None
        self.confirmed = False
        self.holds_up: Optional["Listing"] = None  # the unconfirmed one that has its name
        self.candidate: Optional[Peer] = None


class Room:
    """A stay in a room."""

    def __init__(self, id_: bytes, v: int, context: bytes) -> None:
        self.id = id_
        self.version = v
        self.contexts = {v: context}
        self.roster: Dict[int, Listing] = {}
        self.me = v + 1
        self.sent = 0
        self.accepted = 0
        self.kept: Deque[bytes] = deque()
        self.kept_bytes = 0
        self.received = 0
        self.acked = 0
        self.bytes_since_ack = 0
        self.ack_due: Optional[float] = None
        self.chain: Optional[OutChain] = None
        self.routes: Dict[Tuple[int, Tuple[int, ...]], int] = {}
        self.next_route = 1

    def change(self, event: int, hash_: bytes) -> None:
        """Computes the context of the next version; the roster is already the new one."""
        before = self.contexts[self.version]
        self.version += 1
        members = H(*sorted(l.hash for l in self.roster.values()))
        self.contexts[self.version] = H(CONTEXT["history"], self.id, before, u32(self.version),
                                        u8(event), hash_, members)
        self.contexts.pop(self.version - KEPT_CONTEXTS, None)
