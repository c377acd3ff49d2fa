"""Names, keys and credentials (sections 6 and 7), and safety numbers (section 13.2).

Written from `docs/protocol.md` alone, without the code of parley.
"""

from __future__ import annotations

import hashlib
import time
import unicodedata
from base64 import b64encode
from dataclasses import dataclass
from typing import Callable, List, Tuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from notation import CONTEXT, DAY, H, MINUTE, block16, decode_text, Malformed, Reader, u64, u8

BLANKS = {0x2800, 0x1107F, 0x13441, 0x13442, 0x16FE4, 0x1D159}
# Default-ignorable characters that are not of category C (Unicode's DerivedCoreProperties).
IGNORABLE = ({0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}
             | set(range(0x180B, 0x1810)) | set(range(0xFE00, 0xFE10))
             | set(range(0xE0100, 0xE01F0)))


def nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def folded(name: str) -> str:
    """The form by which two names are the same."""
    return nfkc(nfkc(name).upper().lower())


def valid_name(name: str) -> bool:
    """The rules of section 6 without those that need the script tables and the skeletons."""
    if nfkc(name) != name or not 1 <= len(name) <= 32:
        return False
    for c in name:
        if unicodedata.category(c)[0] in "CZ" or ord(c) in BLANKS or ord(c) in IGNORABLE:
            return False
    if unicodedata.category(name[0])[0] not in "LN" or folded(name) == "you":
        return False
    run = 0
    for c in unicodedata.normalize("NFD", name):
        run = run + 1 if unicodedata.category(c) in ("Mn", "Me") else 0
        if run > 2:
            return False
    return True


def valid_room(name: str) -> bool:
    """A room's name (section 3)."""
    if nfkc(name) != name or len(name.encode()) > 64:
        return False
    return not any(c == "/" or c.isspace() or unicodedata.category(c)[0] in "CZ" for c in name)


PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)


def oaep(label: bytes) -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=label)


def spki(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER,
                            serialization.PublicFormat.SubjectPublicKeyInfo)


def load_rsa(der: bytes) -> rsa.RSAPublicKey:
    """An RSA key that comes from elsewhere (section 7)."""
    try:
        key = serialization.load_der_public_key(der)
    except Exception as error:  # the library has several exceptions for a key that is none
        raise Malformed("not a key") from error
    if not isinstance(key, rsa.RSAPublicKey) or spki(key) != der:
        raise Malformed("not a canonical RSA key")
    numbers = key.public_numbers()
    if not 2048 <= numbers.n.bit_length() <= 4096 or numbers.n % 2 == 0 or numbers.e != 65537:
        raise Malformed("an RSA key out of bounds")
    return key


P25519 = 2**255 - 19
SMALL_ORDER_Y = {
    0, 1, P25519 - 1,
    int.from_bytes(
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
}


def load_ed25519(data: bytes) -> ed25519.Ed25519PublicKey:
    """An Ed25519 key: canonical, on the curve and not of small order."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    if y >= P25519 or y in SMALL_ORDER_Y:
        raise Malformed("an Ed25519 key that must not be")
    d = -121665 * pow(121666, P25519 - 2, P25519) % P25519
    x2 = (y * y - 1) * pow(d * y * y + 1, P25519 - 2, P25519) % P25519
    if pow(x2, (P25519 - 1) // 2, P25519) != 1:
        raise Malformed("an Ed25519 key that is no point")
    return ed25519.Ed25519PublicKey.from_public_bytes(data)


def verify(key: ed25519.Ed25519PublicKey, signature: bytes, *parts: bytes) -> bool:
    try:
        key.verify(signature, b"".join(parts))
        return True
    except InvalidSignature:
        return False


@dataclass
class Person:
    """What a credential says, once it was checked."""

    hash: bytes
    name: str
    identity: bytes
    session: rsa.RSAPublicKey
    signing: ed25519.Ed25519PublicKey
    expires: int


class BadCredential(Exception):
    """A credential does not hold; its argument is the name of the reason."""


def in_bounds(expires: int, now: int) -> bool:
    return now - 5 * MINUTE <= expires <= now + DAY + 5 * MINUTE


def parse_renewal(renewal: bytes) -> Tuple[int, bytes]:
    reader = Reader(renewal)
    expires, signature = reader.u64(), reader.block16()
    reader.end()
    return expires, signature


def check_credential(credential: bytes, renewal: bytes, now: int) -> Person:
    """Checks all of a credential (section 7), with its renewal if it has expired."""
    try:
        if len(credential) > 2048:
            raise Malformed("too long")
        reader = Reader(credential)
        body, by_identity, by_signing = reader.block16(), reader.block16(), reader.take(64)
        reader.end()
        fields = Reader(body)
        if fields.u8() != 1:
            raise Malformed("version")
        name = decode_text(fields.block16())
        identity_der, session_der, signing_raw = fields.block16(), fields.block16(), fields.take(32)
        expires = fields.u64()
        fields.end()
        if not valid_name(name):
            raise Malformed("name")
        identity, session = load_rsa(identity_der), load_rsa(session_der)
        signing = load_ed25519(signing_raw)
        renewed = parse_renewal(renewal) if renewal else None
    except Malformed as error:
        raise BadCredential("BAD_CREDENTIAL") from error
    try:
        identity.verify(by_identity, CONTEXT["credentialIdentity"] + body, PSS, hashes.SHA512())
    except InvalidSignature as error:
        raise BadCredential("BAD_CREDENTIAL") from error
    if not verify(signing, by_signing, CONTEXT["credentialPossession"], body):
        raise BadCredential("BAD_CREDENTIAL")
    if expires > now + DAY + 5 * MINUTE:
        raise BadCredential("BAD_CREDENTIAL")
    person = Person(H(credential), name, identity_der, session, signing, expires)
    if expires < now - 5 * MINUTE:
        if renewed is None or not in_bounds(renewed[0], now):
            raise BadCredential("CREDENTIAL_EXPIRED")
        signed = CONTEXT["renewal"] + person.hash + u64(renewed[0])
        try:
            identity.verify(renewed[1], signed, PSS, hashes.SHA512())
        except InvalidSignature as error:
            raise BadCredential("BAD_CREDENTIAL") from error
    return person


def fingerprint(identity: bytes) -> str:
    return "SHA256:" + b64encode(H(identity)).decode().rstrip("=")


def safety_number(one: bytes, other: bytes) -> List[str]:
    """The twelve groups of two identities (section 13.2)."""
    both = b"".join(sorted((H(one), H(other))))
    data = hashlib.pbkdf2_hmac("sha512", both, CONTEXT["safetyNumber"], 65536, 60)
    return ["%05d" % (int.from_bytes(data[i:i + 5], "big") % 100000) for i in range(0, 60, 5)]


class Keys:
    """The keys of one run, with the credential that they make."""

    def __init__(self, name: str, bits: int = 2048, wall: Callable[[], int] = None) -> None:
        self.name = nfkc(name)
        if not valid_name(self.name):
            raise ValueError("not a valid name")
        now = (wall or (lambda: int(time.time() * 1000)))()
        self.identity = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.session = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.signing = ed25519.Ed25519PrivateKey.generate()
        self.expires = now + 23 * 3600 * 1000
        signing_raw = self.signing.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        body = (u8(1) + block16(self.name.encode()) + block16(spki(self.identity.public_key()))
                + block16(spki(self.session.public_key())) + signing_raw + u64(self.expires))
        by_identity = self.identity.sign(CONTEXT["credentialIdentity"] + body, PSS, hashes.SHA512())
        by_signing = self.signing.sign(CONTEXT["credentialPossession"] + body)
        self.credential = block16(body) + block16(by_identity) + by_signing
        self.hash = H(self.credential)
        self.renewal = b""

    def renew(self, now: int) -> bytes:
        """A renewal for 23 hours from now."""
        self.expires = now + 23 * 3600 * 1000
        signature = self.identity.sign(
            CONTEXT["renewal"] + self.hash + u64(self.expires), PSS, hashes.SHA512())
        self.renewal = u64(self.expires) + block16(signature)
        return self.renewal

    def sign(self, *parts: bytes) -> bytes:
        return self.signing.sign(b"".join(parts))
