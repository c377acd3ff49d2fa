"""The member as a state machine without input and output.

Bytes go in with `feed` and come out of `take_output`. Time goes by with `tick`. `emit` tells what
happens.

Written from `docs/protocol.md` alone, without the code of parley.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterable, List, Optional, Set, Tuple

from notation import (
    ACCEPTED, ACK, ASK, AWAY, BACK, BEHIND, BURST, BYE, CHALLENGE, CONTEXT, DAY, H, HERE, JOIN,
    JOINED, KINDS, LEAVE, LEFT, MAX_MEMBERS, MAX_NOTICE, MAX_REPAIR_PAUSE, MAX_TEXT,
    MAX_UNDELIVERED, MIN_CREDENTIAL, MINUTE, PAIR, PING, PONG, REASONS, RECEIPT, REJOIN, RENEW,
    REPAIR_BUDGET, REPAIR_RATE, REPAIR_RETRY, RESUME, RESUMED, ROSTER, ROUTE, SEALED, TRY_AGAIN,
    UNKNOWN, WINDOW, block16, Breach, decode_text, Fault, frame, FrameBuffer, gcm_open, gcm_seal,
    Malformed, message, pad, parse_messages, Reader, u16, u32, u48, u8,
)
from invitation import ANSWERS, Invitation
from credentials import (
    BadCredential, check_credential, folded, Keys, oaep, Person, valid_room, verify,
)
from state import (
    commitment_of, greeting, InChain, Item, Line, Listing, message_key_of, next_chain_key,
    OutChain, PairKeys, Peer, Room, url_host,
)


class Core:
    """A member as a state machine: `feed`, `tick`, `take_output`, and events by `emit`."""

    def __init__(self, keys: Keys, room: str, host: str, port: int,
                 emit: Callable[[Dict[str, Any]], None],
                 clock: Callable[[], float] = time.monotonic,
                 wall: Callable[[], int] = lambda: int(time.time() * 1000),
                 invitation: Optional[Invitation] = None) -> None:
        if not valid_room(room):
            raise ValueError("not a valid name of a room")
        self.keys, self.room_name, self.host, self.port = keys, room, host, port
        self.emit_to, self.clock, self.wall = emit, clock, wall
        self.invitation, self.accepted = invitation, False
        self.state = "idle"  # idle, greeted, joining, resuming, in, leaving, ended
        self.out = bytearray()
        self.buffer = FrameBuffer(True)
        self.transcript = b""
        self.pages: Optional[Tuple[bytes, int, bytes, List[Tuple[int, bytes, bytes]]]] = None
        self.grace = 120.0
        self.room: Optional[Room] = None
        self.resumable = False
        self.peers: Dict[bytes, Peer] = {}
        self.contacts: Dict[bytes, Peer] = {}
        self.contacts_until: Optional[float] = None
        self.next_group = 1
        self.next_chain = 1
        self.serial = 0
        self.queue: Deque[Line] = deque()
        self.lines: List[Line] = []
        self.undelivered = 0
        self.repair_budget, self.repair_budget_at = float(REPAIR_BUDGET), clock()
        self.line_is_next = False  # a repair was sent after the last line to the group
        self.lose = 0
        self.heard = self.asked_ping = self.began = 0.0
        self.pings = 8.0
        self.pings_at = 0.0
        self.unknowns = 0
        self.end_reason: Optional[str] = None
        self.receipt_out = 0  # over all speakers, keys and rooms
        self.stats = {"faults": 0, "copies": 0, "resent": 0, "asks": 0, "receipts": 0, "steps": 0,
                      "chains": 0, "routes": 0}

    # -- the outside ---------------------------------------------------------------------------

    def emit(self, event: str, **fields: Any) -> None:
        self.emit_to({"event": event, **fields})

    def take_output(self) -> bytes:
        data = bytes(self.out)
        self.out.clear()
        return data

    def connected(self) -> None:
        """A connection was made: the greeting goes out."""
        self.buffer = FrameBuffer(True)
        self.out.clear()
        self.pages = None
        self.state = "greeted"
        self.heard = self.asked_ping = self.began = self.pings_at = self.clock()
        self.pings, self.unknowns = 8.0, 0
        self.out += greeting(self.room_name)

    def disconnected(self) -> None:
        """The connection was lost; what is on its way is kept."""
        self.out.clear()
        if self.state == "leaving":
            self.end("LEFT")
        elif self.state != "ended":
            if self.state == "in":
                self.emit("away_self")
            self.state = "idle"

    def end(self, reason: str) -> None:
        """The session is over."""
        if self.state != "ended":
            self.state = "ended"
            self.end_reason = reason
            self.emit("ended", reason=reason)

    def feed(self, data: bytes) -> None:
        """Takes what came over the connection."""
        self.heard = self.clock()
        self.buffer.feed(data)
        try:
            while self.state not in ("ended", "idle"):
                got = self.buffer.next()
                if got is None:
                    break
                self.frame(*got)
        except Malformed as error:
            self.end("BAD_FRAME: %s" % error)
        except Breach as error:
            self.end("breach: %s" % error)
        if self.state == "in":
            self.send_receipts()
            self.flush()

    def say(self, text: str) -> int:
        """A line for everybody who is displayed; returns its number."""
        line = self.new_line(0, self.next_group, text)
        self.next_group += 1
        for peer in self.contacts.values():
            if self.gives_keys(peer):
                self.address(peer, line)
        self.enter(line)
        return line.number

    def say_to(self, name: str, text: str) -> int:
        """A line for one member; returns its number in that member's stream."""
        peer = self.by_name(name)
        if peer is None or not self.gives_keys(peer):
            raise KeyError(name)
        line = self.new_line(1, peer.next_private, text)
        line.to = peer.name
        peer.next_private += 1
        self.address(peer, line)
        self.enter(line)
        return line.number

    def leave(self) -> None:
        """Leaves, with a statement if this member is in the room."""
        if self.state == "in":
            self.send_receipts(everyone=True)
            room = self.room
            v = room.version
            signature = self.keys.sign(CONTEXT["leave"], room.id, self.keys.hash, u32(v),
                                       room.contexts[v])
            self.plain(LEAVE, u32(v) + signature)
            self.state = "leaving"
        elif self.state in ("joining", "greeted", "resuming"):
            self.plain(LEAVE, b"")
            self.state = "leaving"
        else:
            self.end("LEFT")

    def by_name(self, name: str) -> Optional[Peer]:
        for peer in self.contacts.values():
            if folded(peer.name) == folded(name):
                return peer
        return None

    def status(self) -> Dict[str, Any]:
        room = self.room
        return {
            "state": self.state, "name": self.keys.name,
            "version": room.version if room else None,
            "number": room.me if room else None,
            "members": sorted(l.peer.name for l in room.roster.values() if l.peer) if room else [],
            "contacts": sorted(p.name for p in self.contacts.values()),
            "undelivered": len(self.lines), "queued": len(self.queue),
            "sent": room.sent if room else 0, "accepted": room.accepted if room else 0,
            "received": room.received if room else 0,
            "chain": [room.chain.number, room.chain.step] if room and room.chain else None,
            **self.stats,
        }

    # -- lines ---------------------------------------------------------------------------------

    def new_line(self, stream: int, number: int, text: str) -> Line:
        data = text.encode("utf-8")
        if not 1 <= len(data) <= MAX_TEXT:
            raise ValueError("a text has 1 to 65536 bytes")
        if self.room is None:
            raise RuntimeError("not in a room yet")
        self.serial += 1
        return Line(stream, number, self.wall(), data, self.room.version, self.room.id, self.serial)

    def address(self, peer: Peer, line: Line) -> None:
        peer.items[line.stream].append(Item(line, peer.last_addressed[line.stream]))
        peer.last_addressed[line.stream] = line.number
        line.recipients.add(peer.hash)
        line.waiting.add(peer.hash)

    def enter(self, line: Line) -> None:
        self.lines.append(line)
        self.undelivered += line.size()
        if not line.waiting:
            self.settle(line)
            return
        while self.undelivered > MAX_UNDELIVERED and len(self.lines) > 1:
            self.give_up(self.lines[0])
        self.queue.append(line)
        self.flush()

    def flush(self) -> None:
        """Sends the lines that wait, as far as the window allows."""
        while self.queue and self.state == "in" and self.room.kept_bytes < WINDOW:
            line = self.queue.popleft()
            if line.waiting:
                self.transmit(line)

    def transmit(self, line: Line) -> None:
        """Sends one line to those of its recipients that are here."""
        if line.stream == 0:
            self.line_is_next = False
        direct: List[Peer] = []
        for hash_ in line.waiting:
            peer = self.contacts.get(hash_)
            item = self.item_of(peer, line) if peer else None
            if item is None or item.sent or peer.number is None:
                continue
            if line.room != self.room.id or peer.number > line.v:
                peer.catching_up = True
            if not peer.catching_up:
                direct.append(peer)
        if line.stream == 1:
            for peer in direct:
                self.send_lines(peer, [self.item_of(peer, line)])
        elif direct:
            self.seal(line, direct)
        for hash_ in list(line.waiting):
            peer = self.contacts.get(hash_)
            if peer and peer.catching_up:
                self.pump(peer)

    def item_of(self, peer: Peer, line: Line) -> Optional[Item]:
        for item in reversed(peer.items[line.stream]):
            if item.line is line:
                return item
        return None

    def settle(self, line: Line) -> None:
        """Everybody has taken the line, or is gone."""
        if line in self.lines:
            self.lines.remove(line)
            self.undelivered -= line.size()
            self.emit("delivered", number=line.number, to=line.to, missed=list(line.missed))

    def taken(self, peer: Peer, item: Item) -> None:
        item.line.waiting.discard(peer.hash)
        if not item.line.waiting:
            self.settle(item.line)

    def drop_items(self, peer: Peer) -> None:
        """The peer has gone: what it has not taken is missed."""
        for stream in (0, 1):
            for item in peer.items[stream]:
                peer.gone[stream] = max(peer.gone[stream], item.number)
                item.line.missed.append(peer.name)
                self.taken(peer, item)
            peer.items[stream] = []

    def give_up(self, line: Line) -> None:
        """Gives up the oldest line for those that have not taken it (section 10.3)."""
        self.emit("given_up", number=line.number)
        for hash_ in list(line.waiting):
            peer = self.peers[hash_]
            item = self.item_of(peer, line)
            peer.items[line.stream].remove(item)
            line.missed.append(peer.name)
            if self.state == "in" and peer.number is not None:
                peer.told[line.stream] = max(peer.told[line.stream], line.number)
                self.send_pair(peer, [message(4, u8(line.stream) + u48(line.number))])
            else:
                peer.gone[line.stream] = max(peer.gone[line.stream], line.number)
            line.waiting.discard(hash_)
        self.settle(line)

    # -- sealing -------------------------------------------------------------------------------

    def seal(self, line: Line, direct: List[Peer]) -> None:
        """One sealed frame for the peers that are reached by it, after grants and route."""
        room = self.room
        granted = self.prepare_chain(line, direct)
        chain = room.chain
        for peer in direct:
            if peer in granted or peer.sealed_next != line.number:
                item = self.item_of(peer, line)
                self.send_pair(peer, self.goodbyes(peer) + [message(3, u32(chain.number)
                               + u16(chain.step) + chain.key + u48(line.number)
                               + u48(peer.number_before(item)))])
            if peer.need_rejoin:
                self.counted(REJOIN, u32(peer.number))
                peer.need_rejoin = False
                peer.behind = None
        route = self.route_for(line.v, {p.number for p in direct})
        self.send_sealed(line, chain, route)
        for peer in direct:
            peer.sealed_next = line.number + 1
            self.mark_sent(peer, self.item_of(peer, line), False)

    def prepare_chain(self, line: Line, direct: List[Peer]) -> List[Peer]:
        """Compares recipients and holders (section 9.1); returns who is granted the key."""
        room, chain = self.room, self.room.chain
        recipients = line.recipients & set(self.contacts)
        missing = [p for p in direct if chain is None or p.hash not in chain.holders]
        if chain is None or chain.holders - recipients or (missing and chain.step == 65535):
            room.chain = OutChain(self.next_chain, 0, os.urandom(32), {p.hash for p in direct})
            self.next_chain += 1
            self.stats["chains"] += 1
            return direct
        if missing:
            chain.key = next_chain_key(chain.key, room.id, self.keys.hash, chain.number, chain.step)
            chain.step += 1
            chain.holders |= {p.hash for p in missing}
            self.stats["steps"] += 1
        return missing

    def send_sealed(self, line: Line, chain: OutChain, route: int) -> None:
        room, me = self.room, self.keys.hash
        context = room.contexts[line.v]
        commitment = commitment_of(chain.key, room.id, me, chain.number, chain.step)
        bound = (room.id + me + u8(route) + u32(chain.number) + u16(chain.step) + u48(line.number)
                 + u32(line.v) + context + commitment)
        key = message_key_of(chain.key, room.id, me, chain.number, chain.step)
        plaintext = pad(message(1, u48(line.time) + line.text))
        ciphertext = gcm_seal(key, line.number, plaintext, CONTEXT["sealed"] + bound)
        signature = self.keys.sign(CONTEXT["sealed"], bound, ciphertext)
        self.counted(SEALED, u32(room.me) + u8(route) + u32(chain.number) + u16(chain.step)
                     + u48(line.number) + u32(line.v) + context[:4] + ciphertext + signature)

    def route_for(self, v: int, reached: Set[int]) -> int:
        """Route 0 if it reaches just these, else one that is declared for them."""
        room = self.room
        at_v = {n for n in room.roster if n <= v and n != room.me}
        behind = {p.number for p in self.contacts.values() if p.need_rejoin}
        without = at_v - reached - behind
        if not without:
            return 0
        by_form = (0, tuple(sorted(at_v - reached)))
        if len(reached) < len(at_v - reached):
            by_form = (1, tuple(sorted(reached)))
        if by_form not in room.routes:
            number = room.next_route
            room.next_route = number % 255 + 1
            room.routes = {k: n for k, n in room.routes.items() if n != number}
            room.routes[by_form] = number
            members = b"".join(u32(n) for n in by_form[1])
            self.counted(ROUTE, u8(number) + u8(by_form[0]) + members)
            self.stats["routes"] += 1
        return room.routes[by_form]

    # -- pair frames ---------------------------------------------------------------------------

    def pair_keys(self, peer: Peer) -> PairKeys:
        """The pairwise key for a peer; made and wrapped at its first use."""
        if peer.out is None:
            room, me = self.room.id, self.keys.hash
            key = os.urandom(32)
            label = CONTEXT["pairwise"] + room + me + peer.hash
            peer.wrapped = peer.person.session.encrypt(key, oaep(label))
            peer.out = PairKeys(key, room, me, peer.hash)
        return peer.out

    def send_pair(self, peer: Peer, messages: List[bytes]) -> None:
        room, me = self.room, self.keys.hash
        keys = self.pair_keys(peer)
        wrapped = b"" if peer.proven else peer.wrapped
        use, v = peer.use, room.version
        peer.use += 1
        bound = room.id + me + peer.hash + u48(use) + u32(v) + room.contexts[v]
        ciphertext = gcm_seal(keys.pair, use, pad(b"".join(messages)), CONTEXT["pair"] + bound)
        signature = self.keys.sign(CONTEXT["pair"], bound, block16(wrapped), ciphertext)
        self.counted(PAIR, u32(room.me) + u32(peer.number) + u48(use) + u32(v)
                     + room.contexts[v][:4] + block16(wrapped) + ciphertext + signature)

    def goodbyes(self, peer: Peer) -> List[bytes]:
        """`gone` for what the peer is not going to get."""
        found = [message(4, u8(s) + u48(n)) for s, n in peer.gone.items() if n]
        peer.told = {s: max(peer.told[s], n) for s, n in peer.gone.items()}
        peer.gone = {0: 0, 1: 0}
        return found

    def send_lines(self, peer: Peer, items: Iterable[Item], before: Iterable[bytes] = (),
                   after: Iterable[bytes] = ()) -> None:
        messages = [*before, *self.goodbyes(peer)]
        for item in items:
            line = item.line
            messages.append(message(2, u8(line.stream) + u48(line.number)
                                    + u48(peer.number_before(item)) + u48(line.time) + line.text))
            self.mark_sent(peer, item, True)
            if line.stream == 0:
                peer.sealed_next = None
        self.send_pair(peer, [*messages, *after])

    def mark_sent(self, peer: Peer, item: Item, by_line: bool) -> None:
        if not peer.outstanding():
            peer.quiet_since = self.clock()
            peer.idle_answers = 0
        item.sent, item.by_line = True, by_line
        peer.sent[item.line.stream] = max(peer.sent[item.line.stream], item.number)

    def pump(self, peer: Peer) -> None:
        """Sends a peer that catches up what it is owed, 64 KiB beyond its receipts."""
        if self.state != "in" or peer.number is None or not peer.catching_up or peer.awaiting:
            return
        if peer.behind is not None and any(i.number < peer.behind for i in peer.items[0]):
            return
        on_way = sum(i.line.size() for i in peer.outstanding() if i.by_line)
        chosen: List[Item] = []
        for item in peer.unsent():
            if (on_way or chosen) and on_way + item.line.size() > BURST:
                break
            chosen.append(item)
            on_way += item.line.size()
        if chosen:
            self.send_lines(peer, chosen)
        if not peer.unsent():
            peer.catching_up = False

    # -- receipts and asks ---------------------------------------------------------------------

    def interval(self) -> float:
        n = len(self.room.roster)
        return 0.0 if n <= 4 else min(n / 1000.0, 1.0)

    def changed(self, peer: Peer, wait: float = -1.0) -> None:
        """Something changed for this speaker: a receipt is due."""
        at = self.clock() + (self.interval() if wait < 0 else wait)
        peer.receipt_at = at if peer.receipt_at is None else min(peer.receipt_at, at)

    def send_receipts(self, everyone: bool = False) -> None:
        now = self.clock()
        entries = []
        due = [p for p in self.contacts.values() if p.into and p.number is not None
               and (everyone or (p.receipt_at is not None and p.receipt_at <= now))]
        for peer in due:
            peer.receipt_at = None
            peer.last_receipt_sent = now
            body = b""
            for number, stream in sorted(peer.streams.items()):
                body += u8(number) + u48(stream.through()) + u48(stream.seen)
                body += u48(stream.withheld)
            self.receipt_out += 1
            entries.append(self.entry("receipt", peer, peer.into.receipt, self.receipt_out, body,
                                      peer.hash, self.keys.hash))
        self.send_entries(RECEIPT, entries)

    def entry(self, kind: str, peer: Peer, key: bytes, sequence: int, body: bytes,
              speaker: bytes, recipient: bytes) -> bytes:
        room = self.room
        v = room.version
        additional = (CONTEXT[kind] + room.id + speaker + recipient + u48(sequence) + u32(v)
                      + room.contexts[v])
        box = gcm_seal(key, sequence, body, additional)
        return u32(peer.number) + u48(sequence) + u32(v) + room.contexts[v][:4] + block16(box)

    def send_entries(self, kind: int, entries: List[bytes]) -> None:
        for start in range(0, len(entries), 2000):
            some = entries[start:start + 2000]
            self.plain(kind, u16(len(some)) + b"".join(some))
            self.stats["receipts" if kind == RECEIPT else "asks"] += len(some)

    def ask(self, peer: Peer) -> None:
        """Asks a peer how far it has come; without a proven key, offers the key again."""
        peer.quiet_since = self.clock()
        if not peer.proven:
            self.send_pair(peer, [])
            return
        peer.asked = True
        peer.ask_out += 1
        self.send_entries(ASK, [self.entry("ask", peer, peer.out.ask, peer.ask_out, b"",
                                           self.keys.hash, peer.hash)])

    def take_entries(self, kind: int, payload: bytes) -> None:
        reader = Reader(payload)
        count = reader.u16()
        if count == 0:
            raise Malformed("no entries")
        entries = [(reader.u32(), reader.u48(), reader.u32(), reader.take(4), reader.block16())
                   for _ in range(count)]
        reader.end()
        for number, sequence, v, check, box in entries:
            try:
                listing = self.sender(number)
                context = self.context(listing, v, check)
                if kind == RECEIPT:
                    self.take_receipt(listing, sequence, v, context, box)
                else:
                    self.take_ask(listing, sequence, v, context, box)
            except Fault as fault:
                self.report(str(fault), number)

    def take_receipt(self, listing: Listing, sequence: int, v: int, context: bytes,
                     box: bytes) -> None:
        peer = listing.peer
        if peer is None or peer.out is None or sequence <= peer.receipt_in:
            return
        additional = (CONTEXT["receipt"] + self.room.id + self.keys.hash + peer.hash
                      + u48(sequence) + u32(v) + context)
        body = gcm_open(peer.out.receipt, sequence, box, additional)
        if body is None:
            raise Fault("BAD_SEAL")
        reader = Reader(body)
        try:
            states = []
            while reader.left():
                states.append((reader.u8(), reader.u48(), reader.u48()))
                if max(states[-1][1], reader.u48()) > states[-1][2]:
                    raise Malformed("more taken or withheld than seen")
        except Malformed:
            raise Fault("BAD_CONTENT")
        peer.receipt_in = sequence
        self.confirm(listing)
        peer.proven = True
        progress = self.apply_receipt(peer, states)
        self.after_receipt(peer, progress)

    def apply_receipt(self, peer: Peer, states: List[Tuple[int, int, int]]) -> bool:
        progress = False
        for stream, through, seen in states:
            if stream not in (0, 1):
                continue
            most = max(peer.sent[stream], peer.told[stream])
            through, seen = min(through, most), min(seen, most)
            peer.reported[stream] = seen
            if through > peer.through[stream]:
                progress = True
                peer.through[stream] = through
            elif through < peer.through[stream]:  # it has forgotten the stream
                peer.told[stream] = max(peer.told[stream], peer.through[stream])
            done = [i for i in peer.items[stream] if i.number <= through]
            peer.items[stream] = [i for i in peer.items[stream] if i.number > through]
            for item in done:
                self.taken(peer, item)
        return progress

    def after_receipt(self, peer: Peer, progress: bool) -> None:
        peer.quiet_since = self.clock()
        if progress and all(peer.through[s] >= peer.repaired[s] for s in (0, 1)):
            peer.repairs = 0
        if peer.asked:
            peer.asked = False
            peer.idle_answers = 0 if progress else peer.idle_answers + 1
        if peer.awaiting:
            peer.awaiting = False
        self.repair(peer)
        self.pump(peer)

    def lost_items(self, peer: Peer) -> List[Item]:
        everything = peer.idle_answers >= 2
        return [i for s in (0, 1) for i in peer.items[s]
                if i.sent and (everything or i.number <= peer.reported[s])]

    def repair(self, peer: Peer) -> None:
        """Sends again what a receipt shows as lost, within the bounds of section 10.3."""
        peer.repair_at = None
        lost = self.lost_items(peer)
        if not lost:
            return
        now = self.clock()
        due = self.repair_due(peer, now)
        if due > now:
            peer.repair_at = due
            return
        chosen, size = [], 0
        for item in sorted(lost, key=lambda i: i.line.serial):
            if chosen and size + item.line.size() > BURST:
                break
            chosen.append(item)
            size += item.line.size()
        peer.repairs += 1
        peer.last_repair = now
        peer.idle_answers = 0
        self.repair_budget -= size
        self.line_is_next = True
        for item in chosen:
            peer.repaired[item.line.stream] = max(peer.repaired[item.line.stream], item.number)
        self.stats["resent"] += len(chosen)
        told = [message(4, u8(s) + u48(n)) for s, n in peer.told.items()
                if n > 0 and n >= peer.through[s]]
        self.send_lines(peer, chosen, told, self.present_grant(peer))

    def repair_due(self, peer: Peer, now: float) -> float:
        """When the peer may be sent something again: by its own pause, and by the budget of all."""
        refilled = self.repair_budget + (now - self.repair_budget_at) * REPAIR_RATE
        self.repair_budget, self.repair_budget_at = min(REPAIR_BUDGET, refilled), now
        if self.line_is_next and any(line.stream == 0 for line in self.queue):
            return now + REPAIR_RETRY
        if self.repair_budget <= 0:
            return now + REPAIR_RETRY
        return peer.last_repair + min(2.0 ** min(max(0, peer.repairs - 1), 5), MAX_REPAIR_PAUSE)

    def present_grant(self, peer: Peer) -> List[bytes]:
        """The key of the present step for a holder, with the numbers that it may have missed."""
        chain = self.room.chain
        if chain is None or peer.hash not in chain.holders or peer.catching_up:
            return []
        last = max(peer.sent[0], peer.told[0])
        return [message(3, u32(chain.number) + u16(chain.step) + chain.key + u48(last + 1)
                        + u48(last))]

    def take_ask(self, listing: Listing, sequence: int, v: int, context: bytes, box: bytes) -> None:
        peer = listing.peer
        if peer is None or peer.into is None or sequence <= peer.ask_in:
            return
        additional = (CONTEXT["ask"] + self.room.id + peer.hash + self.keys.hash
                      + u48(sequence) + u32(v) + context)
        if gcm_open(peer.into.ask, sequence, box, additional) is None:
            raise Fault("BAD_SEAL")
        peer.ask_in = sequence
        self.confirm(listing)
        spacing = max(self.interval(), 0.25)
        wait = max(0.0, peer.last_receipt_sent + spacing - self.clock())
        self.changed(peer, wait)

    # -- frames out ----------------------------------------------------------------------------

    def plain(self, kind: int, payload: bytes) -> None:
        self.out += frame(kind, payload)

    def counted(self, kind: int, payload: bytes) -> None:
        """Sends a counted frame and keeps its bytes until it is accepted."""
        data = frame(kind, payload)
        room = self.room
        room.sent += 1
        room.kept.append(data)
        room.kept_bytes += len(data)
        self.out += data

    def accept(self, count: int) -> None:
        room = self.room
        if not room.accepted <= count <= room.sent:
            raise Breach("a count that cannot be")
        while room.accepted < count:
            room.kept_bytes -= len(room.kept.popleft())
            room.accepted += 1

    def send_ack(self) -> None:
        room = self.room
        if room.received != room.acked:
            self.plain(ACK, u48(room.received))
        room.acked = room.received
        room.bytes_since_ack = 0
        room.ack_due = None

    def send_here(self) -> None:
        room = self.room
        v = room.version
        signature = self.keys.sign(CONTEXT["here"], room.id, self.keys.hash, u32(v),
                                   room.contexts[v])
        self.counted(HERE, u32(room.me) + u32(v) + room.contexts[v][:4] + signature)

    # -- frames in -----------------------------------------------------------------------------

    def frame(self, kind: int, payload: bytes) -> None:
        if kind == BYE:
            self.on_bye(payload)
        elif kind == PING:
            self.on_ping()
        elif kind == PONG:
            pass
        elif self.state == "greeted":
            self.on_challenge(kind, payload)
        elif self.state == "joining":
            self.on_roster(kind, payload)
        elif self.state == "resuming":
            self.on_resumed(kind, payload)
        elif self.state in ("in", "leaving"):
            self.in_room(kind, payload)
        else:
            raise Breach("OUT_OF_ORDER")

    def on_bye(self, payload: bytes) -> None:
        reader = Reader(payload)
        reason = REASONS.get(reader.u8(), "UNKNOWN_REASON")
        reader.end()
        if self.state == "leaving":
            self.end("LEFT")
        elif reason in TRY_AGAIN:
            self.emit("bye", reason=reason)
            self.disconnected()
        else:
            self.end(reason)

    def on_ping(self) -> None:
        now = self.clock()
        self.pings = min(8.0, self.pings + (now - self.pings_at))
        self.pings_at = now
        if self.pings >= 1.0:
            self.pings -= 1.0
            self.plain(PONG, b"")

    def on_challenge(self, kind: int, payload: bytes) -> None:
        if kind != CHALLENGE:
            raise Breach("OUT_OF_ORDER")
        reader = Reader(payload)
        version, _, grace = reader.u8(), reader.take(32), reader.u32()
        reader.end()
        if version != 2:
            raise Breach("VERSION")
        self.grace = min(grace / 1000.0, 12 * 3600.0)
        self.transcript = greeting(self.room_name) + payload
        if self.resumable:
            self.send_resume()
        else:
            self.send_join()

    def send_resume(self) -> None:
        room = self.room
        fields = room.id + self.keys.hash + u48(room.received) + u48(room.sent)
        proof = self.keys.sign(CONTEXT["resume"], self.transcript, fields)
        self.plain(RESUME, fields + proof)
        self.state = "resuming"

    def send_join(self) -> None:
        if self.keys.expires - self.wall() < 12 * 3600 * 1000:
            self.keys.renew(self.wall())
        fields = (block16(self.keys.credential) + block16(self.keys.renewal)
                  + block16(url_host(self.host).encode()) + u16(self.port)
                  + block16(self.invitation.to_relay(self.transcript, self.keys.hash)
                            if self.invitation else b""))
        proof = self.keys.sign(CONTEXT["join"], self.transcript, fields)
        self.plain(JOIN, fields + proof)
        self.state = "joining"

    def on_resumed(self, kind: int, payload: bytes) -> None:
        if kind == UNKNOWN:
            self.unknowns += 1
            if payload or self.unknowns > 1:
                raise Breach("unknown")
            self.resumable = False
            self.send_join()
            return
        if kind != RESUMED:
            raise Breach("OUT_OF_ORDER")
        reader = Reader(payload)
        count = reader.u48()
        reader.end()
        self.accept(count)
        room = self.room
        room.acked = min(room.acked, room.received)
        for data in room.kept:
            self.out += data
        self.state = "in"
        if self.keys.renewal:
            self.plain(RENEW, self.keys.renewal)
        self.emit("reconnected", resumed=True, room=self.room_name)
        self.send_receipts(everyone=True)
        for peer in self.contacts.values():
            if peer.number is not None and not peer.away and peer.outstanding():
                self.ask(peer)
        self.flush()

    # -- the roster ----------------------------------------------------------------------------

    def on_roster(self, kind: int, payload: bytes) -> None:
        if kind != ROSTER:
            raise Breach("OUT_OF_ORDER")
        reader = Reader(payload)
        id_, v, context = reader.take(32), reader.u32(), reader.take(32)
        last, count = reader.u8(), reader.u16()
        listings = [(reader.u32(), reader.block16(), reader.block16()) for _ in range(count)]
        reader.end()
        if any(len(credential) < MIN_CREDENTIAL for _, credential, _ in listings):
            raise Malformed("shorter than a credential")
        if self.pages is None:
            self.pages = (id_, v, context, [])
        if self.pages[:3] != (id_, v, context):
            raise Breach("pages of different rosters")
        self.pages[3].extend(listings)
        numbers = [n for n, _, _ in self.pages[3]]
        if any(a >= b for a, b in zip(numbers, numbers[1:])) or (numbers and numbers[-1] > v):
            raise Breach("listings out of order")
        if len(numbers) >= MAX_MEMBERS or v >= 2**32 - 1:
            raise Breach("too many members")
        if last:
            self.enter_room(*self.pages)

    def enter_room(self, id_: bytes, v: int, context: bytes,
                   listings: List[Tuple[int, bytes, bytes]]) -> None:
        """The whole roster is here: this member is in the room."""
        again = self.room is not None
        for peer in self.peers.values():
            self.reset_peer(peer)
        self.room = room = Room(id_, v, context)
        for number, credential, renewal in listings:
            self.list_member(number, credential, renewal)
        mine = Listing(room.me, self.keys.hash, None)
        mine.confirmed = True
        room.roster[room.me] = mine
        room.change(1, self.keys.hash)
        if self.state == "ended":
            return
        self.resumable = True
        self.state = "in"
        self.contacts_until = self.clock() + self.grace
        self.send_here()
        if self.keys.renewal:
            self.plain(RENEW, self.keys.renewal)
        if again:
            self.emit("reconnected", resumed=False, room=self.room_name)
        here = [l.peer for l in room.roster.values() if l.peer]
        self.emit("in_room", name=self.keys.name, number=room.me, room=self.room_name,
                  members=[p.name for p in here])
        for peer in here:
            self.arrived(peer)
        self.flush()

    def reset_peer(self, peer: Peer) -> None:
        peer.reset()
        for stream in (0, 1):
            for item in peer.items[stream]:
                item.sent = item.by_line = False

    def list_member(self, number: int, credential: bytes, renewal: bytes) -> Listing:
        """Puts a listing into the roster and decides whether it is refused."""
        listing = Listing(number, H(credential), None)
        self.room.roster[number] = listing
        try:
            person = check_credential(credential, renewal, self.wall())
            listing.person = person
        except BadCredential as error:
            self.refuse(listing, str(error), credential)
            return listing
        holder = self.holder_of(person, listing)
        if holder is None:
            self.admit(listing)
        elif (isinstance(holder, Listing) and not holder.confirmed
              and holder.number != self.room.me and holder.hash != listing.hash):
            listing.holds_up = holder
            self.emit("refused", name=person.name, number=number, reason="NAME_TAKEN", pending=True)
        else:
            self.emit("refused", name=person.name, number=number, reason="NAME_TAKEN",
                      pending=False)
        return listing

    def refuse(self, listing: Listing, reason: str, credential: bytes) -> None:
        self.emit("refused", name=None, number=listing.number, reason=reason, pending=False)
        try:
            body = Reader(Reader(credential).block16())
            body.take(len(body.data) - 8)
            if body.u64() > self.wall() + DAY + 10 * MINUTE:
                self.emit("clock_behind")
                self.leave()
        except Malformed:
            pass

    def holder_of(self, person: Person, own: Listing) -> Optional[Listing]:
        """Who in the roster has that credential or that name."""
        if person.hash == self.keys.hash or folded(person.name) == folded(self.keys.name):
            return Listing(self.room.me, self.keys.hash, None)
        for listing in self.room.roster.values():
            if listing is not own and listing.peer and (
                    listing.hash == person.hash
                    or folded(listing.peer.name) == folded(person.name)):
                return listing
        return None

    def admit(self, listing: Listing) -> Peer:
        """Takes a listing as a member: it is displayed, and a contact from now on."""
        person = listing.person
        peer = self.peers.get(person.hash)
        if peer is None:
            peer = self.peers[person.hash] = Peer(person)
        self.reset_peer(peer)
        peer.person = person
        peer.number = listing.number
        listing.peer = peer
        for other in list(self.contacts.values()):
            if other is not peer and folded(other.name) == folded(peer.name):
                self.gone_contact(other, "REPLACED")
        self.contacts[peer.hash] = peer
        return peer

    def arrived(self, peer: Peer) -> None:
        """A contact that is owed something is first asked what it has taken (section 12.2)."""
        if peer.owed() and self.state == "in":
            peer.catching_up = True
            peer.awaiting = any(peer.items.values())
            peer.quiet_since = self.clock()
            self.send_pair(peer, [] if peer.awaiting else self.goodbyes(peer))
            self.pump(peer)

    def gone_contact(self, peer: Peer, reason: str, signed: bool = False) -> None:
        """A contact has left, one way or another."""
        self.contacts.pop(peer.hash, None)
        self.emit("left", name=peer.name, reason=reason, signed=signed)
        self.drop_items(peer)
        peer.number = None

    def confirm(self, listing: Listing) -> None:
        """A frame of this member holds."""
        if listing.peer is None and listing.holds_up is not None:
            other, listing.holds_up = listing.holds_up, None
            if other.confirmed:
                raise Fault("UNKNOWN_SENDER")
            if other.peer:
                self.gone_contact(other.peer, "REPLACED")
                other.peer = None
            self.admit(listing)
            self.emit("joined", name=listing.peer.name, number=listing.number)
            self.arrived(listing.peer)
        if not listing.confirmed:
            listing.confirmed = True
            self.emit("confirmed", name=listing.peer.name)
        listing.peer.differs_said = False

    # -- counted frames in ---------------------------------------------------------------------

    def in_room(self, kind: int, payload: bytes) -> None:
        if KINDS[kind][3]:
            self.count_in(payload)
        handlers = {
            JOINED: self.on_joined, LEFT: self.on_left, HERE: self.on_here, PAIR: self.on_pair,
            SEALED: self.on_sealed, AWAY: self.on_away, BACK: self.on_away, BEHIND: self.on_behind,
        }
        if kind == ACCEPTED:
            reader = Reader(payload)
            count = reader.u48()
            reader.end()
            self.accept(count)
        elif kind in (RECEIPT, ASK):
            self.take_entries(kind, payload)
        elif kind in (AWAY, BACK):
            self.on_away(payload, kind == AWAY)
        elif kind in handlers:
            handlers[kind](payload)
        else:
            raise Breach("OUT_OF_ORDER")

    def count_in(self, payload: bytes) -> None:
        room = self.room
        room.received += 1
        room.bytes_since_ack += len(payload) + 5
        if room.ack_due is None:
            room.ack_due = self.clock() + 0.3
        if room.received - room.acked >= 1024 or room.bytes_since_ack >= 256 * 1024:
            self.send_ack()

    def report(self, fault: str, number: int) -> None:
        """Tells of a frame that does not hold; ROSTER_DIFFERS once for each peer."""
        listing = self.room.roster.get(number)
        peer = listing.peer if listing else None
        if fault == "ROSTER_DIFFERS" and peer:
            if peer.differs_said:
                return
            peer.differs_said = True
        self.stats["faults"] += 1
        self.emit("fault", fault=fault, sender=peer.name if peer else None, number=number)

    def sender(self, number: int) -> Listing:
        listing = self.room.roster.get(number)
        if listing is None or number == self.room.me or (
                listing.peer is None and listing.holds_up is None):
            raise Fault("UNKNOWN_SENDER")
        return listing

    def context(self, listing: Listing, v: int, check: bytes) -> bytes:
        """The comparison of section 8.2, up to the check."""
        room = self.room
        context = room.contexts.get(v)
        if v > room.version or v < room.me or v < listing.number or context is None:
            raise Fault("CONTEXT")
        if context[:4] != check:
            raise Fault("ROSTER_DIFFERS")
        return context

    def on_joined(self, payload: bytes) -> None:
        reader = Reader(payload)
        v, credential, renewal = reader.u32(), reader.block16(), reader.block16()
        reader.end()
        if len(credential) < MIN_CREDENTIAL:
            raise Malformed("shorter than a credential")
        room = self.room
        if v != room.version + 1:
            raise Breach("a version is missing")
        listing = self.list_member(v, credential, renewal)
        room.change(1, listing.hash)
        if listing.peer and self.state == "in":
            self.emit("joined", name=listing.peer.name, number=v)
            if len(room.roster) <= 16:
                self.send_here()
            self.arrived(listing.peer)

    def on_left(self, payload: bytes) -> None:
        reader = Reader(payload)
        v, number, reason, statement = reader.u32(), reader.u32(), reader.u8(), reader.block16()
        reader.end()
        room = self.room
        listing = room.roster.get(number)
        if v != room.version + 1 or listing is None:
            raise Breach("a leaving that cannot be")
        if number == room.me:
            self.end(REASONS.get(reason, "LEFT"))
            return
        signed = self.signed_leave(listing, statement)
        del room.roster[number]
        room.change(2, listing.hash)
        if listing.peer:
            self.gone_contact(listing.peer, REASONS.get(reason, str(reason)), signed)

    def signed_leave(self, listing: Listing, statement: bytes) -> bool:
        if len(statement) != 68 or listing.person is None:
            return False
        v = int.from_bytes(statement[:4], "big")
        try:
            context = self.context(listing, v, self.room.contexts.get(v, b"")[:4])
        except Fault:
            return False
        return verify(listing.person.signing, statement[4:], CONTEXT["leave"], self.room.id,
                      listing.hash, u32(v), context)

    def on_here(self, payload: bytes) -> None:
        reader = Reader(payload)
        number, v, check, signature = reader.u32(), reader.u32(), reader.take(4), reader.take(64)
        reader.end()
        if v < self.room.me:
            return
        try:
            listing = self.sender(number)
            context = self.context(listing, v, check)
            if not verify(listing.person.signing, signature, CONTEXT["here"], self.room.id,
                          listing.hash, u32(v), context):
                raise Fault("BAD_SIGNATURE")
            self.confirm(listing)
        except Fault as fault:
            self.report(str(fault), number)

    def on_away(self, payload: bytes, away: bool = True) -> None:
        reader = Reader(payload)
        listing = self.room.roster.get(reader.u32())
        reader.end()
        if listing and listing.peer:
            listing.peer.away = away
            listing.peer.quiet_since = self.clock()
            self.emit("away" if away else "back", name=listing.peer.name)

    def on_behind(self, payload: bytes) -> None:
        reader = Reader(payload)
        member, number = reader.u32(), reader.u48()
        reader.end()
        listing = self.room.roster.get(member)
        peer = listing.peer if listing else None
        if peer is None or self.state != "in":
            return
        peer.catching_up = peer.need_rejoin = True
        peer.behind = number
        peer.sealed_next = None
        for item in peer.items[0]:
            if item.number >= number and not item.by_line:
                item.sent = False
        self.emit("behind", name=peer.name, number=number)
        self.pump(peer)

    def on_pair(self, payload: bytes) -> None:
        reader = Reader(payload)
        number, recipient, use = reader.u32(), reader.u32(), reader.u48()
        v, check, wrapped = reader.u32(), reader.take(4), reader.block16()
        ciphertext, signature = reader.rest(64), reader.take(64)
        if len(ciphertext) < 16:
            raise Malformed("a short ciphertext")
        try:
            listing = self.sender(number)
            if recipient != self.room.me:
                raise Fault("NOT_ADDRESSED")
            context = self.context(listing, v, check)
            bound = (self.room.id + listing.hash + self.keys.hash + u48(use) + u32(v) + context)
            if not verify(listing.person.signing, signature, CONTEXT["pair"], bound,
                          block16(wrapped), ciphertext):
                raise Fault("BAD_SIGNATURE")
            self.confirm(listing)
            plaintext = self.open_pair(listing.peer, use, wrapped, ciphertext, bound)
            self.take_pair(listing.peer, plaintext, use)
        except Fault as fault:
            self.report(str(fault), number)

    def open_pair(self, peer: Peer, use: int, wrapped: bytes, ciphertext: bytes,
                  bound: bytes) -> bytes:
        """Opens a pair frame by the key that opened last, or by the one that comes with it."""
        additional = CONTEXT["pair"] + bound
        if peer.into is not None:
            plaintext = gcm_open(peer.into.pair, use, ciphertext, additional)
            if plaintext is not None:
                return plaintext
        if not wrapped or peer.unwraps >= 8:
            raise Fault("BAD_KEY")
        peer.unwraps += 1
        label = CONTEXT["pairwise"] + self.room.id + peer.hash + self.keys.hash
        try:
            key = self.keys.session.decrypt(wrapped, oaep(label))
        except ValueError:
            raise Fault("BAD_KEY")
        if len(key) != 32:
            raise Fault("BAD_KEY")
        keys = PairKeys(key, self.room.id, peer.hash, self.keys.hash)
        plaintext = gcm_open(keys.pair, use, ciphertext, additional)
        if plaintext is None:
            raise Fault("BAD_KEY")
        peer.into = keys
        peer.ask_in = -1
        self.changed(peer, 0.0)
        return plaintext

    def take_pair(self, peer: Peer, plaintext: bytes, use: int) -> None:
        """The messages of a pair frame: all are parsed before the first has an effect."""
        actions: List[Callable[[], None]] = []
        try:
            found = parse_messages(plaintext)
            for kind, body in found:
                actions.append(self.pair_message(peer, kind, Reader(body)))
        except Malformed:
            raise Fault("BAD_CONTENT")
        for action in actions:
            action()
        notices = [(kind, body) for kind, body in found if kind in (5, 16)]
        if notices and use > peer.notice_use:
            peer.notice_use = use
            for kind, body in notices:
                if kind == 5:
                    self.take_invitation(peer, Reader(body))

    # -- an invitation -------------------------------------------------------------------------

    def gives_keys(self, peer: Peer) -> bool:
        """A guest gives keys to nobody but its inviter before that one has accepted it."""
        return (self.invitation is None or self.accepted
                or self.invitation.is_inviter(peer.person.identity))

    def prove(self, peer: Peer, now: float) -> None:
        """Shows the inviter that this member has the link."""
        proof = self.invitation.to_inviter(self.room.id, peer.hash, self.keys.hash)
        self.send_pair(peer, [message(5, u8(1) + proof)])
        peer.proofs += 1
        peer.prove_at = now + 10

    def take_invitation(self, peer: Peer, body: Reader) -> None:
        """The answer of an inviter."""
        try:
            kind, key, answer = body.u8(), body.take(32), body.u8()
            body.end()
        except Malformed:
            return
        mine = self.invitation is not None and self.invitation.public == key and peer.proofs > 0
        if kind != 2 or answer >= len(ANSWERS) or not mine:
            return
        peer.prove_at = float("inf")
        self.accepted = self.accepted or answer == 0
        self.emit("invitation", name=peer.name, answer=ANSWERS[answer])

    def pair_message(self, peer: Peer, kind: int, body: Reader) -> Callable[[], None]:
        if kind == 1:
            raise Malformed("a text in a pair frame")
        if kind == 2:
            stream, number, last, when = body.u8(), body.u48(), body.u48(), body.u48()
            text = self.parse_text(body.rest())
            if number <= last:
                raise Malformed("numbers out of order")
            if stream > 1:
                return lambda: None
            return lambda: self.take_line(peer, stream, number, last, when, text)
        if kind == 3:
            chain, step, key = body.u32(), body.u16(), body.take(32)
            next_, last = body.u48(), body.u48()
            body.end()
            if next_ <= last:
                raise Malformed("numbers out of order")
            return lambda: self.take_grant(peer, chain, step, key, next_, last)
        if kind == 4:
            stream, number = body.u8(), body.u48()
            body.end()
            if stream > 1:
                return lambda: None
            return lambda: self.take_gone(peer, stream, number)
        if kind in (5, 16) and body.left() > MAX_NOTICE:
            raise Malformed("a notice over the bound")
        return lambda: None

    @staticmethod
    def parse_text(data: bytes) -> str:
        if not 1 <= len(data) <= MAX_TEXT:
            raise Malformed("a text has 1 to 65536 bytes")
        return decode_text(data)

    def missing(self, peer: Peer, stream: int, count: int) -> None:
        if count:
            self.emit("missing", sender=peer.name, count=count, private=stream == 1)

    def take_line(self, peer: Peer, stream: int, number: int, last: int, when: int,
                  text: str) -> None:
        self.missing(peer, stream, peer.stream(stream).between(last, number))
        self.show(peer, stream, number, when, text)

    def take_grant(self, peer: Peer, chain: int, step: int, key: bytes, next_: int,
                   last: int) -> None:
        self.missing(peer, 0, peer.stream(0).between(last, next_))
        held = peer.chains.get(chain)
        if held is not None:
            held.next = max(held.next, next_)
            if step > held.step:
                held.step, held.key = step, key
        elif len(peer.chains) < 2 or chain > min(peer.chains):
            peer.chains[chain] = InChain(step, key, next_)
            if len(peer.chains) > 2:
                del peer.chains[min(peer.chains)]
        self.changed(peer)

    def take_gone(self, peer: Peer, stream: int, number: int) -> None:
        self.missing(peer, stream, peer.stream(stream).gone(number))
        self.changed(peer)

    def show(self, peer: Peer, stream: int, number: int, when: int, text: str) -> None:
        """A message whose number is known: new, late or a copy."""
        outcome, missing = peer.stream(stream).take(number)
        self.missing(peer, stream, missing)
        if outcome == "copy":
            self.stats["copies"] += 1
        else:
            self.emit("message", sender=peer.name, text=text, private=stream == 1,
                      late=outcome == "late", number=number, time=when)
        self.changed(peer)

    def on_sealed(self, payload: bytes) -> None:
        reader = Reader(payload)
        number, route, chain, step = reader.u32(), reader.u8(), reader.u32(), reader.u16()
        first, v, check = reader.u48(), reader.u32(), reader.take(4)
        ciphertext, signature = reader.rest(64), reader.take(64)
        if len(ciphertext) < 48 or first == 0:
            raise Malformed("a short ciphertext, or number 0")
        if self.lose > 0:
            self.lose -= 1
            return
        try:
            listing = self.sender(number)
            context = self.context(listing, v, check)
            self.open_sealed(listing, route, chain, step, first, v, context, ciphertext, signature)
        except Fault as fault:
            self.report(str(fault), number)

    def open_sealed(self, listing: Listing, route: int, chain: int, step: int, first: int, v: int,
                    context: bytes, ciphertext: bytes, signature: bytes) -> None:
        """The checks of section 9.2 from the chain on, and the messages."""
        room, peer = self.room, listing.peer
        held = peer.chains.get(chain) if peer else None
        if held is None:
            raise Fault("NO_KEY")
        rise = step - held.step
        if rise < 0 or rise > 1024 or rise > max(0, first - held.next + 1):
            raise Fault("BAD_STEP")
        key = held.key
        for s in range(held.step, step):
            key = next_chain_key(key, room.id, listing.hash, chain, s)
        commitment = commitment_of(key, room.id, listing.hash, chain, step)
        bound = (room.id + listing.hash + u8(route) + u32(chain) + u16(step) + u48(first)
                 + u32(v) + context + commitment)
        if not verify(listing.person.signing, signature, CONTEXT["sealed"], bound, ciphertext):
            raise Fault("BAD_SIGNATURE")
        held.step, held.key = step, key
        self.confirm(listing)
        message_key = message_key_of(key, room.id, listing.hash, chain, step)
        plaintext = gcm_open(message_key, first, ciphertext, CONTEXT["sealed"] + bound)
        if plaintext is None:
            raise Fault("BAD_SEAL")
        messages = self.parse_sealed(plaintext, first)
        held.next = max(held.next, first + len(messages))
        for number, content in messages:
            if content is None:
                arrival, missing = peer.stream(0).take(number)
                self.missing(peer, 0, missing)
                if arrival != "copy":
                    peer.stream(0).withheld = max(peer.stream(0).withheld, number)
                self.changed(peer)
            else:
                self.show(peer, 0, number, *content)

    def parse_sealed(self, plaintext: bytes,
                     first: int) -> List[Tuple[int, Optional[Tuple[int, str]]]]:
        """(number, (time, text)) for each text, (number, None) for each unknown message."""
        found: List[Tuple[int, Optional[Tuple[int, str]]]] = []
        try:
            for kind, data in parse_messages(plaintext):
                number = first + len(found)
                if kind in (2, 3, 4, 5, 16):
                    raise Malformed("a message that belongs into a pair frame")
                if kind == 1:
                    body = Reader(data)
                    found.append((number, (body.u48(), self.parse_text(body.rest()))))
                else:
                    found.append((number, None))
            if not found:
                raise Malformed("no message")
        except Malformed:
            raise Fault("BAD_CONTENT")
        return found

    # -- time ----------------------------------------------------------------------------------

    def tick(self) -> None:
        """What is due by the clock."""
        now = self.clock()
        if self.state in ("greeted", "joining", "resuming") and now - self.began > 10:
            self.disconnected()
        if self.state == "in":
            self.tick_link(now)
        if self.state == "in":
            self.tick_room(now)

    def tick_link(self, now: float) -> None:
        if now - self.heard > 45:
            self.disconnected()
            return
        if now - max(self.heard, self.asked_ping) > 15:
            self.asked_ping = now
            self.plain(PING, b"")
        if self.keys.expires - self.wall() < 12 * 3600 * 1000:
            self.plain(RENEW, self.keys.renew(self.wall()))

    def tick_room(self, now: float) -> None:
        room = self.room
        if room.ack_due is not None and now >= room.ack_due:
            self.send_ack()
        self.send_receipts()
        wait = 3 * self.interval() + 5
        for peer in list(self.contacts.values()):
            if peer.number is None:
                if self.contacts_until is not None and now >= self.contacts_until:
                    self.gone_contact(peer, "LOST")
                continue
            if (self.invitation is not None and not self.accepted and peer.proofs < 3
                    and now >= peer.prove_at and self.gives_keys(peer)):
                self.prove(peer, now)
            if peer.repair_at is not None and now >= peer.repair_at:
                self.repair(peer)
            due = peer.outstanding() or peer.awaiting
            if due and not peer.away and now - peer.quiet_since >= wait:
                if peer.awaiting or not peer.proven:
                    peer.quiet_since = now
                    self.send_pair(peer, [])
                else:
                    self.ask(peer)
        self.flush()
