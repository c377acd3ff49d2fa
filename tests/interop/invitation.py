"""Invitations, as a guest has them: the link, the key and what it signs (section 13.4).

Written from `docs/protocol.md` alone, without the code of parley.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
from typing import Tuple
from urllib.parse import unquote_to_bytes

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from notation import CONTEXT, H, Malformed, decode_text
from credentials import valid_room

PORTS = {"parley": 4396, "https": 443, "http": 80}
ANSWERS = ("accepted", "used", "over")
LINK = re.compile(r"(parley|https|http)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?"
                  r"((?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+(?=.*/))*)"
                  r"(?:/([^/?#]*))?#([A-Za-z0-9_-]{43})")
DOTS = re.compile(r"/(?:\.|%2e){1,2}(?=/|$)", re.IGNORECASE)


def key_of(secret: bytes) -> ed25519.Ed25519PrivateKey:
    """HKDF without salt: the salt is as many zeros as the hash is long (RFC 5869)."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    seed = hmac.new(extracted, CONTEXT["invitationKey"] + b"\1", hashlib.sha256).digest()
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


class Invitation:
    """What a link says, and the key that follows from its secret."""

    def __init__(self, link: str) -> None:
        if len(link) > 512 or not all("!" <= c <= "~" for c in link):
            raise Malformed("not a link")
        match = LINK.fullmatch(link)
        if match is None:
            raise Malformed("not the link of an invitation")
        scheme, host, port, self.prefix, room, fragment = match.groups()
        if self.prefix and (scheme == "parley" or DOTS.search(self.prefix)):
            raise Malformed("not a prefix")
        self.port = int(port) if port else PORTS[scheme]
        self.host = host.strip("[]")
        if not 1 <= self.port <= 65535 or scheme == "http" and not here(self.host):
            raise Malformed("not a port, or http to another machine")
        self.room = decode_text(unquote_to_bytes(room or ""))
        if not valid_room(self.room):
            raise Malformed("not a valid name of a room")
        self.secret, self.inviter = self.read_fragment(fragment)
        self.key = key_of(self.secret)
        self.public = self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    @staticmethod
    def read_fragment(fragment: str) -> Tuple[bytes, bytes]:
        data = base64.urlsafe_b64decode(fragment + "=")
        if base64.urlsafe_b64encode(data).decode() != fragment + "=":
            raise Malformed("not the one encoding")
        return data[:16], data[16:]

    def is_inviter(self, identity: bytes) -> bool:
        return H(identity)[:16] == self.inviter

    def to_inviter(self, room: bytes, inviter: bytes, guest: bytes) -> bytes:
        """The proof for the inviter."""
        return self.public + self.key.sign(CONTEXT["invitation"] + room + inviter + guest)

    def to_relay(self, transcript: bytes, guest: bytes) -> bytes:
        """The proof for a relay."""
        return self.public + self.key.sign(CONTEXT["invitationJoin"] + transcript + guest)


def here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
