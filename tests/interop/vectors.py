"""Compares the second client with the fixed vectors: python3 vectors.py VECTORS.

Prints the name of each part that agrees, and fails at the first one that does not.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict

from cryptography.hazmat.primitives import serialization

from invitation import Invitation
from notation import CONTEXT, H, gcm_open, padded_length, parse_messages, u8, u16, u32, u48
from credentials import check_credential, fingerprint, oaep, parse_renewal, safety_number, verify
from state import PairKeys, commitment_of, greeting, message_key_of, next_chain_key


class Vectors:
    """The vectors, as bytes."""

    def __init__(self, data: Dict[str, Any]) -> None:
        self.data = data
        self.room = bytes.fromhex(data["room"])
        self.ada, self.bo = (check_credential(bytes.fromhex(m["credential"]), b"",
                                              data["expiresAt"] - 1000) for m in data["members"])
        self.contexts = [bytes.fromhex(c) for c in data["history"]["contexts"]]
        self.v = len(self.contexts) - 1
        self.keys = PairKeys(bytes.fromhex(data["pairwise"]["key"]), self.room, self.ada.hash,
                             self.bo.hash)

    def payload(self, name: str) -> bytes:
        frame = bytes.fromhex(self.data["frames"][name])
        assert int.from_bytes(frame[:4], "big") == len(frame) - 4
        return frame[5:]

    def statement(self, name: str) -> bytes:
        return bytes.fromhex(self.data["statements"][name])


def joining(v: Vectors) -> None:
    assert greeting(v.data["roomName"]).hex() == v.data["greeting"]
    transcript = bytes.fromhex(v.data["greeting"]) + v.payload("challenge")
    for name in ("join", "resume"):
        signed, proof = v.payload(name)[:-64], v.payload(name)[-64:]
        assert CONTEXT[name] + transcript + signed == v.statement(name)
        assert verify(v.ada.signing, proof, v.statement(name))


def identities(v: Vectors) -> None:
    for person, member in zip((v.ada, v.bo), v.data["members"]):
        assert person.hash.hex() == member["member"]
        assert fingerprint(person.identity) == member["fingerprint"]
    renewal = v.payload("renew")
    assert parse_renewal(renewal)[0] == v.data["renewedTo"]
    credential = bytes.fromhex(v.data["members"][0]["credential"])
    check_credential(credential, renewal, v.data["renewedTo"])
    groups = safety_number(v.ada.identity, v.bo.identity)
    assert " ".join(groups) == v.data["safetyNumber"]


def follow(v: Vectors, history: Dict[str, Any]) -> bytes:
    """Follows the events of a room, and returns the last context."""
    contexts = [bytes.fromhex(c) for c in history["contexts"]]
    context = H(CONTEXT["history"], v.room)
    members = []
    assert context == contexts[0]
    for number, event in enumerate(history["events"], 1):
        member = bytes.fromhex(event["member"])
        if event["event"] == "joined":
            members.append(member)
        else:
            members.remove(member)
        kind = u8(1 if event["event"] == "joined" else 2)
        context = H(CONTEXT["history"], v.room, context, u32(number), kind, member,
                    H(*sorted(members)))
        assert context == contexts[number]
    return context


def history(v: Vectors) -> None:
    context = follow(v, v.data["history"])
    follow(v, v.data["listedTwice"])
    place = v.room + v.ada.hash + u32(v.v) + context
    for name in ("here", "leave"):
        assert CONTEXT[name] + place == v.statement(name)
        assert verify(v.ada.signing, v.payload(name)[-64:], v.statement(name))
    assert v.payload("here")[8:12] == context[:4]


def chains(v: Vectors) -> None:
    chain = v.data["chain"]
    for step, key in enumerate(bytes.fromhex(k) for k in chain["keys"]):
        of = (key, v.room, v.ada.hash, chain["number"], step)
        assert commitment_of(*of).hex() == chain["commitments"][step]
        assert message_key_of(*of).hex() == chain["messageKeys"][step]
        if step + 1 < len(chain["keys"]):
            assert next_chain_key(*of).hex() == chain["keys"][step + 1]


def sealed(v: Vectors) -> None:
    payload = v.payload("sealed")
    header, ciphertext, signature = payload[:25], payload[25:-64], payload[-64:]
    number = int.from_bytes(header[11:17], "big")
    step = int.from_bytes(header[9:11], "big")
    commitment = bytes.fromhex(v.data["chain"]["commitments"][step])
    bound = CONTEXT["sealed"] + v.room + v.ada.hash + header[4:21] + v.contexts[v.v] + commitment
    assert header[21:25] == v.contexts[v.v][:4]
    assert verify(v.ada.signing, signature, bound + ciphertext)
    key = bytes.fromhex(v.data["chain"]["messageKeys"][step])
    plaintext = gcm_open(key, number, ciphertext, bound)
    assert plaintext is not None and plaintext.hex() == v.data["texts"]["plaintext"]
    texts = [(int.from_bytes(body[:6], "big"), body[6:].decode())
             for kind, body in parse_messages(plaintext) if kind == 1]
    assert texts == [(one["time"], one["text"]) for one in v.data["texts"]["messages"]]


def pairs(v: Vectors) -> None:
    pairwise = v.data["pairwise"]
    assert v.keys.pair.hex() == pairwise["pairKey"]
    assert v.keys.receipt.hex() == pairwise["receiptKey"]
    assert v.keys.ask.hex() == pairwise["askKey"]
    both = v.room + v.ada.hash + v.bo.hash
    assert (CONTEXT["pairwise"] + both).hex() == pairwise["label"]
    for use, name in enumerate(("pair", "pair, the pairwise key proven")):
        payload = v.payload(name)
        size = int.from_bytes(payload[22:24], "big")
        wrapped, ciphertext = payload[24:24 + size], payload[24 + size:-64]
        bound = CONTEXT["pair"] + both + u48(use) + u32(v.v) + v.contexts[v.v]
        assert verify(v.ada.signing, payload[-64:], bound + u16(size) + wrapped + ciphertext)
        plaintext = gcm_open(v.keys.pair, use, ciphertext, bound)
        assert plaintext is not None
        assert plaintext.hex() == (v.data["messages"]["plaintext"] if use == 0 else "")
        if wrapped:
            der = bytes.fromhex(v.data["members"][1]["session"])
            session = serialization.load_der_private_key(der, None)
            label = bytes.fromhex(pairwise["label"])
            assert session.decrypt(wrapped, oaep(label)) == v.keys.raw


def entries(v: Vectors) -> None:
    both = v.room + v.ada.hash + v.bo.hash
    expected = {"receipt": v.data["receipt"]["plaintext"], "ask": ""}
    for name, plaintext in expected.items():
        payload = v.payload(name)
        size = int.from_bytes(payload[20:22], "big")
        additional = CONTEXT[name] + both + payload[6:16] + v.contexts[v.v]
        key = v.keys.receipt if name == "receipt" else v.keys.ask
        opened = gcm_open(key, int.from_bytes(payload[6:12], "big"), payload[22:22 + size],
                          additional)
        assert opened is not None and opened.hex() == plaintext


def invitations(v: Vectors) -> None:
    expected = v.data["invitation"]
    link = Invitation(expected["link"])
    web = Invitation(expected["webLink"])
    assert (web.host, web.port, web.prefix) == (link.host, link.port, "/chats/of%20ada")
    assert (web.room, web.secret, web.inviter) == (link.room, link.secret, link.inviter)
    assert (link.host, link.port) == tuple(v.data["dialled"].values())
    assert link.room == v.data["roomName"]
    assert link.secret.hex() == expected["secret"]
    assert link.public.hex() == expected["publicKey"]
    assert link.is_inviter(v.ada.identity) and not link.is_inviter(v.bo.identity)
    transcript = bytes.fromhex(v.data["transcript"])
    proof = link.to_inviter(v.room, v.ada.hash, v.bo.hash)
    assert (u8(1) + proof).hex() == expected["proof"]
    assert link.to_relay(transcript, v.bo.hash).hex() == expected["joinProof"]
    assert CONTEXT["invitation"] + v.room + v.ada.hash + v.bo.hash == bytes.fromhex(
        expected["toInviter"])
    assert (u8(2) + link.public + u8(1)).hex() == expected["answer"]
    payload = v.payload("join, by an invitation")
    assert verify(v.bo.signing, payload[-64:], CONTEXT["join"] + transcript + payload[:-64])
    assert payload[:-64].endswith(u16(96) + bytes.fromhex(expected["joinProof"]))


def words(v: Vectors) -> None:
    data = v.data["words"]
    initiator, responder = (bytes.fromhex(data[f"{who}Nonce"]) for who in ("initiator", "responder"))
    pair = v.room + v.ada.hash + v.bo.hash
    commitment = H(CONTEXT["wordsCommitment"], pair, initiator)
    assert commitment.hex() == data["commitment"]
    bits = int.from_bytes(H(CONTEXT["words"], pair, initiator, responder), "big") >> (256 - 44)
    assert [bits >> shift & 2047 for shift in (33, 22, 11, 0)] == data["numbers"]
    messages = {"commit": b"", "answer": responder, "reveal": initiator, "same": b"",
                "differ": b"", "over": b""}
    for kind, (name, nonce) in enumerate(messages.items(), 1):
        assert (u8(kind) + commitment + nonce).hex() == data["messages"][name]


def padding(v: Vectors) -> None:
    for length, padded in v.data["padding"]:
        assert padded_length(length) == padded


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = Vectors(json.load(file))
    for part in (joining, identities, history, chains, sealed, pairs, entries,
                 invitations, words, padding):
        part(vectors)
        print(part.__name__)


if __name__ == "__main__":
    main()
