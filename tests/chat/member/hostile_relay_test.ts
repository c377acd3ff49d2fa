/**
 * What members notice of a relay that changes, repeats or hands on frames of other members. Each test is a
 * relay that changes what it forwards.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import {
  readKeyFrame,
  readSealedFrame,
  SEALED_HEADER_BYTES,
} from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { faults, shown, TestRoom } from "../room.ts";
import { flip, once } from "../tampering.ts";

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
