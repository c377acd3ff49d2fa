"""Notation: numbers, blocks, contexts, HKDF, GCM, padding, frames (sections 2, 3, 4 and 9.4).

Written from `docs/protocol.md` alone, without the code of parley.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Dict, List, Optional, Tuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAX_SAFE = 2**53 - 1
DAY = 24 * 3600 * 1000
MINUTE = 60 * 1000
MAX_TEXT = 65536
MAX_NOTICE = 256
MAX_MESSAGES = 8192
MIN_CREDENTIAL = 960
BURST = 65536  # what is sent again for one receipt (section 10.3)
MAX_REPAIR_PAUSE = 30.0  # seconds between two repairs of one peer (section 10.3)
REPAIR_BUDGET = 4 * 1024 * 1024  # bytes that are sent again to all peers together
REPAIR_RATE = 512 * 1024  # what is added to that each second
REPAIR_RETRY = 0.05  # seconds until a repair is tried again that waits for more than its pause
KEPT_CONTEXTS = 16384
MAX_UNDELIVERED = 16 * 1024 * 1024
WINDOW = 1024 * 1024  # bytes of counted frames that wait to be accepted; the page names no number
MAX_MEMBERS = 10000

CONTEXT = {
    name: b"parley/2 " + words + b"\0"
    for name, words in {
        "credentialIdentity": b"credential identity",
        "credentialPossession": b"credential possession",
        "renewal": b"renewal",
        "join": b"join",
        "resume": b"resume",
        "history": b"history",
        "here": b"here",
        "leave": b"leave",
        "pairwise": b"pairwise",
        "pair": b"pair",
        "receipt": b"receipt",
        "ask": b"ask",
        "sealed": b"sealed",
        "chainStep": b"chain step",
        "chainCommitment": b"chain commitment",
        "messageKey": b"message key",
        "safetyNumber": b"safety number",
        "invitationKey": b"invitation key",
        "invitation": b"invitation",
        "invitationJoin": b"invitation join",
        "wordsCommitment": b"words commitment",
        "words": b"words",
    }.items()
}

CHALLENGE, JOIN, ROSTER, JOINED, LEFT, ROUTE, ACK, ACCEPTED = 1, 2, 3, 4, 5, 6, 7, 8
HERE, PING, PONG, LEAVE, BYE, RESUME, RESUMED, PAIR = 9, 10, 11, 12, 13, 14, 15, 16
SEALED, RECEIPT, AWAY, BACK, UNKNOWN, RENEW, ASK, BEHIND = 17, 18, 19, 20, 21, 22, 23, 24
REJOIN = 25

# kind: (bound of the payload, sent by a relay, sent by a member, counted)
KINDS: Dict[int, Tuple[int, bool, bool, bool]] = {
    CHALLENGE: (128, True, False, False),
    JOIN: (4096, False, True, False),
    ROSTER: (65536, True, False, False),
    JOINED: (4096, True, False, True),
    LEFT: (128, True, False, True),
    ROUTE: (65536, False, True, True),
    ACK: (64, False, True, False),
    ACCEPTED: (64, True, False, False),
    HERE: (128, True, True, True),
    PING: (0, True, True, False),
    PONG: (0, True, True, False),
    LEAVE: (128, False, True, False),
    BYE: (64, True, False, False),
    RESUME: (256, False, True, False),
    RESUMED: (64, True, False, False),
    PAIR: (1048576, True, True, True),
    SEALED: (1048576, True, True, True),
    RECEIPT: (262144, True, True, False),
    AWAY: (64, True, False, True),
    BACK: (64, True, False, True),
    UNKNOWN: (0, True, False, False),
    RENEW: (522, False, True, False),
    ASK: (262144, True, True, False),
    BEHIND: (64, True, False, True),
    REJOIN: (64, False, True, True),
}

REASONS = {
    0: "LEFT", 1: "NOT_PARLEY", 2: "VERSION", 3: "JOIN_TIMEOUT", 4: "BAD_FRAME", 5: "TOO_LARGE",
    6: "OUT_OF_ORDER", 7: "BAD_CREDENTIAL", 8: "CREDENTIAL_EXPIRED", 9: "BAD_PROOF",
    10: "NAME_TAKEN", 12: "ROOM_FULL", 14: "SILENT", 15: "LOST", 16: "SHUTDOWN", 17: "NOT_YOURS",
    18: "TOO_MANY_ROUTES", 19: "NOT_ALLOWED", 20: "REMOVED", 22: "REPLACED", 23: "BAD_ROOM",
    24: "TOO_MANY_ROOMS", 26: "TOO_MANY_PENDING", 27: "TOO_MANY_JOINS",
    28: "TOO_MANY_FROM_ADDRESS", 29: "NAME_AWAY", 30: "INVITATION_USED",
}
# After these a member tries again (section 12.1).
TRY_AGAIN = {"LOST", "SILENT", "SHUTDOWN", "JOIN_TIMEOUT", "TOO_MANY_PENDING", "TOO_MANY_JOINS",
             "TOO_MANY_FROM_ADDRESS"}


class Malformed(Exception):
    """A structure does not have its form."""


class Breach(Exception):
    """The relay broke the protocol: the session ends."""


class Fault(Exception):
    """A frame of another member does not hold; its argument is the name of the fault."""


def u8(n: int) -> bytes:
    return struct.pack(">B", n)


def u16(n: int) -> bytes:
    return struct.pack(">H", n)


def u24(n: int) -> bytes:
    return n.to_bytes(3, "big")


def u32(n: int) -> bytes:
    return struct.pack(">I", n)


def u48(n: int) -> bytes:
    return n.to_bytes(6, "big")


def u64(n: int) -> bytes:
    return struct.pack(">Q", n)


def block16(data: bytes) -> bytes:
    return u16(len(data)) + data


def H(*parts: bytes) -> bytes:
    """SHA-256 of the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


class Reader:
    """Reads a structure; whatever is missing or left over makes it malformed."""

    def __init__(self, data: bytes) -> None:
        self.data = bytes(data)
        self.at = 0

    def take(self, n: int) -> bytes:
        if n < 0 or self.at + n > len(self.data):
            raise Malformed("too short")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def u8(self) -> int:
        return self.number(1)

    def u16(self) -> int:
        return self.number(2)

    def u32(self) -> int:
        return self.number(4)

    def u48(self) -> int:
        return self.number(6)

    def u64(self) -> int:
        n = self.number(8)
        if n > MAX_SAFE:
            raise Malformed("u64 above 2^53 - 1")
        return n

    def block16(self) -> bytes:
        return self.take(self.u16())

    def left(self) -> int:
        return len(self.data) - self.at

    def rest(self, keep: int = 0) -> bytes:
        """Everything but the last `keep` bytes."""
        return self.take(self.left() - keep)

    def end(self) -> None:
        if self.left():
            raise Malformed("bytes left over")


def decode_text(data: bytes) -> str:
    """Well-formed UTF-8, or the structure is malformed."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error


def hkdf(key: bytes, room: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 with the room as salt and 32 bytes of output (one block)."""
    extracted = hmac.new(room, key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\1", hashlib.sha256).digest()


def vector(n: int) -> bytes:
    return u48(0) + u48(n)


def gcm_seal(key: bytes, n: int, plaintext: bytes, additional: bytes) -> bytes:
    return AESGCM(key).encrypt(vector(n), plaintext, additional)


def gcm_open(key: bytes, n: int, ciphertext: bytes, additional: bytes) -> Optional[bytes]:
    try:
        return AESGCM(key).decrypt(vector(n), ciphertext, additional)
    except (InvalidTag, ValueError):
        return None


def padded_length(length: int) -> int:
    """The length of a plaintext with its padding (section 9.4)."""
    if length <= 256:
        return -(-length // 32) * 32
    e = length.bit_length() - 1
    s = (e.bit_length() - 1) + 1
    unit = 1 << (e - s)
    return -(-length // unit) * unit


def pad(plaintext: bytes) -> bytes:
    return plaintext + bytes(padded_length(len(plaintext)) - len(plaintext))


def message(kind: int, body: bytes) -> bytes:
    return u8(kind) + u24(len(body)) + body


def parse_messages(plaintext: bytes) -> List[Tuple[int, bytes]]:
    """The messages of a plaintext; Malformed if there are too many, or what follows is not zero."""
    reader = Reader(plaintext)
    found = []
    while reader.left():
        kind = reader.u8()
        if kind == 0:
            if any(reader.rest()):
                raise Malformed("padding that is not zero")
            break
        found.append((kind, reader.take(reader.number(3))))
        if len(found) > MAX_MESSAGES:
            raise Malformed("more than %d messages" % MAX_MESSAGES)
    if sum(kind == 3 for kind, _ in found) > 1:
        raise Malformed("more than one grant")
    return found


def frame(kind: int, payload: bytes) -> bytes:
    return u32(1 + len(payload)) + u8(kind) + payload


class FrameBuffer:
    """Cuts what comes over a link into frames, and checks each length before it is kept."""

    def __init__(self, from_relay: bool) -> None:
        self.from_relay = from_relay
        self.data = bytearray()

    def feed(self, data: bytes) -> None:
        self.data += data

    def next(self) -> Optional[Tuple[int, bytes]]:
        """The next frame, or None if it is not whole yet. Raises Breach."""
        if len(self.data) >= 2 and self.data[0] == 21 and self.data[1] == 3 and self.from_relay:
            raise Breach("TLS is spoken there")
        if len(self.data) < 5:
            return None
        length = int.from_bytes(self.data[:4], "big")
        kind = self.data[4]
        entry = KINDS.get(kind)
        if entry is None or not (entry[1] if self.from_relay else entry[2]) or length < 1:
            raise Breach("BAD_FRAME")
        if length - 1 > entry[0]:
            raise Breach("TOO_LARGE")
        if len(self.data) < 4 + length:
            return None
        payload = bytes(self.data[5:4 + length])
        del self.data[:4 + length]
        return kind, payload
