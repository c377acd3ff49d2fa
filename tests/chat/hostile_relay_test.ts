/**
 * What members notice of a relay that lies. Each test is a relay that changes what it forwards.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Admission } from "../../lib/chat/admission.ts";
import { type Bytes, MalformedError } from "../../lib/chat/bytes.ts";
import { makeCredential, presenceStatement } from "../../lib/chat/credential.ts";
import { readKeyFrame, readSealedFrame, SEALED_HEADER_BYTES } from "../../lib/chat/envelope.ts";
import { encodeFrame, FRAME_HEADER_BYTES, FrameReader } from "../../lib/chat/frame.ts";
import { KIND, relayBound } from "../../lib/chat/kind.ts";
import { sign } from "../../lib/chat/signing.ts";
import {
  encodeChallenge,
  encodeCount,
  encodeJoined,
  encodeLeft,
  readJoined,
  readRosterPage,
} from "../../lib/chat/wire.ts";
import { RosterPages } from "../../lib/chat/roster_pages.ts";
import {
  count,
  credentialOf,
  faults,
  pooledKeys,
  type Seat,
  shown,
  type Tamper,
  TestRoom,
  until,
} from "./room.ts";

/** Changes one byte of a frame, counted from the start of its payload. */
function flip(bytes: Bytes, at: number): Bytes {
  const changed = bytes.slice();
  const place = at < 0 ? changed.length + at : FRAME_HEADER_BYTES + at;
  changed[place] = changed[place]! ^ 1;
  return changed;
}

/** Applies a change to the nth frame of a kind, and to no other. */
function once(kind: number, nth: number, change: (bytes: Bytes) => readonly Bytes[]): Tamper {
  let seen = 0;
  return (frame) => frame.kind === kind && ++seen === nth ? change(frame.bytes) : [frame.bytes];
}

function reason(seat: Seat): string | undefined {
  const last = seat.events.findLast((event) => event.kind === "ended");
  return last?.kind === "ended" ? last.reason : undefined;
}

const SEALED_FIELDS = {
  conversation: 32,
  audience: 33 + 3,
  chain: 37 + 3,
  step: 41 + 3,
  counter: 45 + 7,
  membership: 53 + 7,
  newest: 61 + 7,
  recipients: 69,
  commitment: 101,
  ciphertext: SEALED_HEADER_BYTES,
  "last byte of the signature": -1,
};

for (const [field, at] of Object.entries(SEALED_FIELDS)) {
  Deno.test(`a relay that changes the ${field} of a sealed frame is told, and nothing of it shown`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo", once(KIND.sealed, 2, (bytes) => [flip(bytes, at)]));
    for (const text of ["one", "two", "three"]) {
      ada.member.enter(text);
      await room.settle();
    }
    assertEquals(shown(bo), ["ada: one", "ada: three"]);
    assertEquals(faults(bo), ["BAD_SIGNATURE", "GAP"]);
  });
}

Deno.test("a relay that changes the sender of a sealed frame is told, and nothing of it shown", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", once(KIND.sealed, 1, (bytes) => [flip(bytes, 0)]));
  ada.member.enter("one");
  await room.settle();
  assertEquals(shown(bo), []);
  assertEquals(faults(bo), ["UNKNOWN_SENDER"]);
});

Deno.test("a relay that names another member as the sender is told", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const cy = await room.join("cy");
  const bo = await room.join(
    "bo",
    once(KIND.sealed, 1, (bytes) => {
      const changed = bytes.slice();
      changed.set(cy.self.member, FRAME_HEADER_BYTES);
      return [changed];
    }),
  );
  ada.member.enter("one");
  await room.settle();
  assertEquals(shown(bo), []);
  assertEquals(faults(bo), ["BAD_SIGNATURE"]);
});

const KEY_FIELDS = {
  chain: 65 + 3,
  step: 69 + 3,
  "first counter": 73 + 7,
  commitment: 81,
  box: -70,
};

for (const [field, at] of Object.entries(KEY_FIELDS)) {
  Deno.test(`a relay that changes the ${field} of a key frame is told, and nothing under it shown`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo", once(KIND.key, 1, (bytes) => [flip(bytes, at)]));
    ada.member.enter("one");
    await room.settle();
    assertEquals(shown(bo), []);
    assertEquals(faults(bo), ["BAD_SIGNATURE", "NO_KEY"]);
  });
}

Deno.test("a relay that hands a key to another recipient is told", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const keys: Bytes[] = [];
  await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.key) keys.push(bytes);
    return [bytes];
  });
  const cy = await room.join(
    "cy",
    ({ kind, bytes }) => kind === KIND.sealed ? [...keys, bytes] : [bytes],
  );
  ada.member.enter("one");
  await room.settle();
  assert(faults(cy).includes("NOT_ADDRESSED"));
  assertEquals(shown(cy), ["ada: one"]);
});

Deno.test("a relay that changes the name or a key of a credential is told, and nobody admitted by it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const change = (bytes: Bytes) => {
    const { number, credential, presence } = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
    const changed = credential.slice();
    // The first letter of the name: behind two lengths and the version.
    changed[5] = changed[5]! ^ 1;
    return [encodeJoined({ number, credential: changed, presence })];
  };
  const bo = await room.join("bo", once(KIND.joined, 1, change));
  const cy = await room.join("cy");
  assertEquals(faults(bo), ["BAD_CREDENTIAL"]);
  assertEquals([...bo.member.roster.values()].map((peer) => peer.credential.name), ["bo", "ada"]);
  // Of whom it does not take for a member, it shows nothing.
  cy.member.enter("hello");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), ["ada: hello"]);
  assert(faults(bo).includes("UNKNOWN_SENDER"));
});

Deno.test("a relay that lists a second member under one name, or with one key, is told", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await pooledKeys(9);
  const { session, signing } = ada.self.keys;
  const expiresAt = room.clock.now() + 1000;
  const others = {
    NAME_TAKEN: [await makeCredential("ADA", eve, expiresAt)],
    KEY_TAKEN: [
      await makeCredential("eve", { ...eve, session }, expiresAt),
      await makeCredential("eve", { ...eve, signing }, expiresAt),
    ],
  };
  for (const [fault, credentials] of Object.entries(others)) {
    for (const { bytes: credential } of credentials) {
      const add = (bytes: Bytes) => {
        const { number, listings } = readRosterPage(bytes.subarray(FRAME_HEADER_BYTES));
        const presence = new Uint8Array(64);
        return new RosterPages([...listings, { number, credential, presence }]).pages(number + 1);
      };
      const bo = await room.join("bo", once(KIND.roster, 1, add));
      assertEquals(faults(bo), [fault]);
      assertEquals(
        [...bo.member.roster.values()].map((peer) => peer.credential.name),
        ["bo", "ada"],
      );
      bo.member.leave();
      await until(() => room.relay.size === 1, "bo is gone");
    }
  }
});

Deno.test("what a relay sends twice is shown once, and counted", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const old: Bytes[] = [];
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind !== KIND.sealed && kind !== KIND.key) return [bytes];
    old.push(bytes);
    return [bytes, ...old];
  });
  for (const text of ["one", "two"]) {
    ada.member.enter(text);
    await room.settle();
  }
  assertEquals(shown(bo), ["ada: one", "ada: two"]);
  assertEquals(faults(bo), []);
  assertEquals(bo.member.repeated, 1 + 2 + 3);
});

Deno.test("a relay that swaps two frames is told, and the later one's place kept", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  let held: Bytes | undefined;
  let seen = 0;
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind !== KIND.sealed) return [bytes];
    seen += 1;
    if (seen === 2) {
      held = bytes;
      return [];
    }
    return seen === 3 ? [bytes, held!] : [bytes];
  });
  for (const text of ["one", "two", "three"]) {
    ada.member.enter(text);
    await room.settle();
  }
  assertEquals(shown(bo), ["ada: one", "ada: three"]);
  assertEquals(faults(bo), ["GAP", "REORDERED"]);
});

Deno.test("a relay that hands a member its own frames is told, and nothing of them shown", async () => {
  const room = new TestRoom();
  const own: Bytes[] = [];
  const ada = await room.join(
    "ada",
    ({ kind, bytes }) => kind === KIND.sealed ? [...own, bytes] : [bytes],
  );
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.sealed || kind === KIND.key) own.push(bytes);
    return [bytes];
  });
  ada.member.enter("one");
  await room.settle();
  bo.member.enter("two");
  await room.settle();
  assertEquals(shown(ada), ["bo: two"]);
  assertEquals(faults(ada), ["UNKNOWN_SENDER", "UNKNOWN_SENDER"]);
});

Deno.test("a ghost that is admitted a moment before a line is entered gets no key to it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  ada.showing = false;
  const keys: string[] = [];
  const ghost = await room.join("ghost", ({ kind, bytes }) => {
    if (kind === KIND.key) keys.push("key");
    return [bytes];
  });
  // The relay has told ada, whose screen has not shown it yet.
  assertEquals(count(ada, "joined"), 2);
  ada.member.enter("secret");
  await room.settle();
  assertEquals(shown(bo), ["ada: secret"]);
  assertEquals([shown(ghost), keys], [[], []]);
  // Once it has been shown, it is one of those who are spoken to.
  ada.showing = true;
  ada.member.displayed(ada.events.length);
  ada.member.enter("hello all");
  await room.settle();
  assertEquals(shown(ghost), ["ada: hello all"]);
  assertEquals(faults(ghost), []);
});

Deno.test("a relay that forwards to a ghost what is not for it is told by nobody, and shows it nothing", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const sealed: Bytes[] = [];
  await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.sealed) sealed.push(bytes);
    return [bytes];
  });
  ada.member.enter("before");
  await room.settle();
  const ghost = await room.join(
    "ghost",
    ({ kind, bytes }) => kind === KIND.sealed ? [...sealed, bytes] : [bytes],
  );
  ada.member.enter("after");
  await room.settle();
  assertEquals(shown(ghost), ["ada: after"]);
  assertEquals(faults(ghost).slice(0, 1), ["NOT_ADDRESSED"]);
});

Deno.test("a relay that shows different rosters to different members is told", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  // Who is hidden from bo is numbered away: membership 3 never happens for bo.
  const bo = await room.join("bo", ({ kind, bytes }) => kind === KIND.joined ? [] : [bytes]);
  await room.join("cy");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), ["ada: hello"]);
  assertEquals(faults(bo), ["ROSTER_DIFFERS"]);
  assertEquals(faults(ada), []);
});

Deno.test("a relay that swaps one member for another between two rosters is told", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const other = await credentialOf("eve", 9, room.clock.now);
  const bo = await room.join(
    "bo",
    once(KIND.joined, 1, (bytes) => {
      const { number, presence } = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
      return [encodeJoined({ number, credential: other.bytes, presence })];
    }),
  );
  await room.join("cy");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(faults(bo), ["ROSTER_DIFFERS"]);
});

Deno.test("a relay that leaves out a change of the roster ends the session by it", async () => {
  const room = new TestRoom();
  await room.join("ada");
  const bo = await room.join("bo", once(KIND.joined, 1, () => []));
  await room.join("cy");
  await room.join("di");
  assertEquals(reason(bo), "BAD_RELAY");
});

Deno.test("a relay that says that somebody left who is there shuts only itself out", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind !== KIND.joined) return [bytes];
    const { number } = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
    const left = encodeLeft({ number: number + 1, member: ada.self.member, reason: "LEFT" });
    return [bytes, left];
  });
  await room.join("cy");
  assertEquals(readLeftNames(bo), ["ada"]);
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), []);
  assertEquals(faults(bo), ["UNKNOWN_SENDER", "UNKNOWN_SENDER"]);
});

function readLeftNames(seat: Seat): string[] {
  return seat.events.flatMap((e) => e.kind === "left" ? [e.peer.credential.name] : []);
}

Deno.test("a replayed credential is unconfirmed, and reads nothing", async () => {
  const room = new TestRoom();
  const replayed = await credentialOf("zoe", 9, room.clock.now);
  // What zoe signed in another room.
  const elsewhere = crypto.getRandomValues(new Uint8Array(32));
  const { privateKey } = replayed.keys.signing;
  const presence = await sign(privateKey, presenceStatement(elsewhere, replayed.member));
  await room.join("ada");
  const list = (bytes: Bytes) => {
    const { number, listings } = readRosterPage(bytes.subarray(FRAME_HEADER_BYTES));
    const replay = { number, credential: replayed.bytes, presence };
    return new RosterPages([...listings, replay]).pages(number + 1);
  };
  const bo = await room.join("bo", once(KIND.roster, 1, list));
  const confirmed = bo.events.flatMap((event) =>
    event.kind === "joined" ? [[event.peer.credential.name, event.peer.confirmed]] : []
  );
  assertEquals(confirmed, [["ada", true], ["zoe", false]]);
});

Deno.test("somebody unconfirmed is confirmed by the first frame that it signed in this room", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const forget = (bytes: Bytes) => {
    const { number, listings } = readRosterPage(bytes.subarray(FRAME_HEADER_BYTES));
    const unsigned = listings.map((listing) => ({ ...listing, presence: new Uint8Array(64) }));
    return new RosterPages(unsigned).pages(number);
  };
  const bo = await room.join("bo", once(KIND.roster, 1, forget));
  assertEquals(count(bo, "confirmed"), 0);
  ada.member.enter("it is me");
  await room.settle();
  assertEquals(count(bo, "confirmed"), 1);
  assertEquals(shown(bo), ["ada: it is me"]);
});

for (const kind of [KIND.accepted, KIND.delivered]) {
  Deno.test(`a relay that says that more was ${kind === KIND.accepted ? "accepted" : "delivered"} than was sent is told`, async () => {
    const room = new TestRoom();
    const lie = (bytes: Bytes) => [bytes, encodeCount(kind, 1000)];
    const ada = await room.join("ada", once(KIND.joined, 1, lie));
    await room.join("bo");
    await until(() => reason(ada) !== undefined, "ada has ended");
    assertEquals(reason(ada), "BAD_RELAY");
  });
}

Deno.test("a frame with a place elsewhere, or of no kind, ends the session", async () => {
  for (
    const frame of [
      encodeFrame(KIND.challenge, new Uint8Array(65)),
      encodeFrame(0x7f, new Uint8Array(3)),
    ]
  ) {
    const room = new TestRoom();
    const ada = await room.join("ada", once(KIND.joined, 1, (bytes) => [bytes, frame]));
    await room.join("bo");
    await until(() => reason(ada) !== undefined, "ada has ended");
    assertEquals(reason(ada), "BAD_RELAY");
  }
});

Deno.test("what answers without being a relay is told so", async () => {
  const room = new TestRoom();
  const http = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
  const ada = await room.enter("ada", once(KIND.challenge, 1, () => [http]));
  await until(() => reason(ada) !== undefined, "ada has ended");
  assertEquals(reason(ada), "NOT_A_RELAY");
});

Deno.test("a relay that challenges twice, or in another version, ends the session by it", async () => {
  const lies: Tamper[] = [
    once(KIND.challenge, 1, (bytes) => [bytes, bytes]),
    once(KIND.challenge, 1, (bytes) => {
      const changed = bytes.slice();
      changed[FRAME_HEADER_BYTES] = 2;
      return [changed];
    }),
  ];
  for (const lie of lies) {
    const room = new TestRoom();
    const ada = await room.enter("ada", lie);
    await until(() => reason(ada) !== undefined, "ada has ended");
    assert(["BAD_RELAY", "NOT_A_RELAY"].includes(reason(ada)!));
  }
});

Deno.test("a roster out of order, or without an end, is not taken", () => {
  const challenge = encodeChallenge({
    version: 1,
    room: new Uint8Array(32),
    nonce: new Uint8Array(32),
    graceMs: 0,
  });
  const listing = (number: number) => ({
    number,
    credential: new Uint8Array(1),
    presence: new Uint8Array(64),
  });
  const take = (own: number, numbers: readonly number[]) => {
    const admission = new Admission();
    const reader = new FrameReader(relayBound);
    let step: ReturnType<Admission["take"]>;
    for (const piece of [challenge, ...new RosterPages(numbers.map(listing)).pages(own)]) {
      for (const frame of reader.push(piece)) step = admission.take(frame);
    }
    return step;
  };
  const count = (length: number) => Array.from({ length }, (_, i) => i + 1);
  const whole = take(10_001, count(10_000));
  assert(whole !== undefined && "listings" in whole);
  assertEquals(whole.listings.length, 10_000);
  assertThrows(() => take(10_002, count(10_001)), MalformedError, "more than 10000");
  for (const [own, numbers] of [[5, [1, 3, 2]], [5, [2, 2]], [5, [1, 5]], [5, [6]], [5, [0]]]) {
    const order = numbers as number[];
    assertThrows(() => take(own as number, order), MalformedError, "order of joining", `${order}`);
  }
});

Deno.test("a relay that never answers is given up", async () => {
  const room = new TestRoom();
  const ada = await room.enter("ada", () => []);
  await room.pass(9_999);
  assertEquals(reason(ada), undefined);
  await room.pass(1);
  assertEquals(reason(ada), "NO_ANSWER");
});

Deno.test("the layout that these tests change is the one that is read", () => {
  const sealed = new Uint8Array(SEALED_HEADER_BYTES + 17 + 64);
  for (const [field, at] of Object.entries(SEALED_FIELDS)) {
    if (at < 0 || field === "ciphertext") continue;
    const { header } = readSealedFrame(
      flip(new Uint8Array([0, 0, 0, 0, 0, ...sealed]), at).subarray(5),
    );
    const value = header[field as keyof typeof header];
    assert(typeof value === "number" ? value === 1 : value[0] === 1, field);
  }
  const key = new Uint8Array(113 + 2 + 8 + 48 + 64);
  const { header } = readKeyFrame(
    flip(new Uint8Array([0, 0, 0, 0, 0, ...key]), KEY_FIELDS.chain).subarray(5),
  );
  assertEquals(header.chain, 1);
});

Deno.test("a relay that lets somebody leave and come again, and replays what it said, shows nothing twice", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const said: Bytes[] = [];
  let number = 0;
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.roster) number = readRosterPage(bytes.subarray(FRAME_HEADER_BYTES)).number;
    if (kind === KIND.key || kind === KIND.sealed) said.push(bytes);
    if (kind !== KIND.joined) return [bytes];
    // In place of cy, ada leaves and joins again, by the very credential and presence.
    const listing = { number: number + 2, credential: ada.self.bytes, presence };
    const left = encodeLeft({ number: number + 1, member: ada.self.member, reason: "LEFT" });
    return [left, encodeJoined(listing), ...said];
  });
  const { privateKey } = ada.self.keys.signing;
  const presence = await sign(privateKey, presenceStatement(room.relay.room, ada.self.member));
  ada.member.enter("pay him 100");
  await room.settle();
  await room.join("cy");
  assertEquals(shown(bo), ["ada: pay him 100"]);
});
