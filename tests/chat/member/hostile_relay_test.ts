/**
 * What members notice of a relay that changes, repeats or hands on frames of other members. Each test is a
 * relay that changes what it forwards.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { readPair, readSealed, SEALED_HEADER_BYTES } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { count, faults, type Seat, shown, TestRoom } from "../room.ts";
import { flip, once } from "../tampering.ts";

/** The lowest byte of each field of a sealed frame, and what is told of a frame in which it is changed. */
const SEALED_FIELDS = {
  sender: [3, "UNKNOWN_SENDER"],
  route: [4, "BAD_SIGNATURE"],
  chain: [5 + 3, "NO_KEY"],
  step: [9 + 1, "BAD_SIGNATURE"],
  number: [11 + 5, "BAD_SIGNATURE"],
  version: [17 + 3, "CONTEXT"],
  check: [21 + 3, "ROSTER_DIFFERS"],
  ciphertext: [SEALED_HEADER_BYTES, "BAD_SIGNATURE"],
  "last byte of the signature": [-1, "BAD_SIGNATURE"],
} as const;

for (const [field, [at, fault]] of Object.entries(SEALED_FIELDS)) {
  Deno.test(`a relay that changes the ${field} of a sealed frame is told, nothing of it shown, and it comes again`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo", once(KIND.sealed, 2, (bytes) => [flip(bytes, at)]));
    for (const text of ["one", "two", "three"]) {
      ada.member.enter(text);
      await room.settle();
      assertEquals(shown(bo).includes("ada: two"), text === "three");
    }
    assertEquals(shown(bo), ["ada: one", "ada: three", "ada: two"]);
    assertEquals(lateTexts(bo), ["two"]);
    assertEquals(faults(bo), [fault, "GAP"]);
    assertEquals(count(ada, "delivered"), 3);
  });
}

/** The texts that came after a later one of their sender. */
function lateTexts({ events }: Seat): string[] {
  return events.flatMap((event) => event.kind === "message" && event.late ? [event.text] : []);
}

Deno.test("a relay that names another member as the sender is told", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const cy = await room.join("cy");
  const bo = await room.join(
    "bo",
    once(KIND.sealed, 2, (bytes) => {
      const changed = bytes.slice();
      changed[FRAME_HEADER_BYTES + 3] = ada.member.roster.byName("cy")!.number;
      return [changed];
    }),
  );
  cy.member.enter("cy's chain has the number 0, too");
  await room.settle();
  ada.member.enter("one");
  await room.settle();
  assertEquals(shown(bo), ["cy: cy's chain has the number 0, too"]);
  assertEquals(faults(bo), ["BAD_SIGNATURE"]);
});

/** The lowest byte of each field of a pair frame, and what is told of a frame in which it is changed. */
const PAIR_FIELDS = {
  sender: [3, "UNKNOWN_SENDER"],
  recipient: [4 + 3, "NOT_ADDRESSED"],
  use: [8 + 5, "BAD_SIGNATURE"],
  version: [14 + 3, "CONTEXT"],
  check: [18 + 3, "ROSTER_DIFFERS"],
  "wrapped key": [24, "BAD_SIGNATURE"],
  ciphertext: [-70, "BAD_SIGNATURE"],
  "last byte of the signature": [-1, "BAD_SIGNATURE"],
} as const;

for (const [field, [at, fault]] of Object.entries(PAIR_FIELDS)) {
  Deno.test(`a relay that changes the ${field} of the first pair frame is told, nothing under it shown, and it comes again`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo", once(KIND.pair, 1, (bytes) => [flip(bytes, at)]));
    ada.member.enter("one");
    await room.settle();
    assertEquals(shown(bo), []);
    assertEquals(faults(bo), [fault, "NO_KEY"]);
    for (let i = 0; i < 10; i++) await room.pass(1_000);
    assertEquals([shown(bo), count(ada, "delivered")], [["ada: one"], 1]);
  });
}

Deno.test("a relay that hands a key to another recipient is told", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const keys: Bytes[] = [];
  await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.pair) keys.push(bytes);
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
  const sealed = new Uint8Array(FRAME_HEADER_BYTES + SEALED_HEADER_BYTES + 48 + 64);
  // Message numbers start at 1.
  sealed[FRAME_HEADER_BYTES + SEALED_FIELDS.number[0]] = 2;
  const pair = new Uint8Array(FRAME_HEADER_BYTES + 22 + 2 + 16 + 64);
  const layouts = [
    [SEALED_FIELDS, (at: number) => readSealed(flip(sealed, at).subarray(FRAME_HEADER_BYTES))],
    [PAIR_FIELDS, (at: number) => readPair(flip(pair, at).subarray(FRAME_HEADER_BYTES))],
  ] as const;
  for (const [fields, read] of layouts) {
    for (const [field, [at]] of Object.entries(fields)) {
      const value = at < 0 ? undefined : Reflect.get(read(at).header, field);
      if (value instanceof Uint8Array) assertEquals(value.at(-1), 1, field);
      else if (value !== undefined) assertEquals(value, field === "number" ? 3 : 1, field);
    }
  }
});

Deno.test("what a relay sends twice is shown once, and counted", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const old: Bytes[] = [];
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind !== KIND.sealed && kind !== KIND.pair) return [bytes];
    old.push(bytes);
    return [bytes, ...old];
  });
  for (const text of ["one", "two"]) {
    ada.member.enter(text);
    await room.settle();
  }
  assertEquals(shown(bo), ["ada: one", "ada: two"]);
  assertEquals(faults(bo), []);
  // The first came twice and once more with the second, which came twice.
  assertEquals(bo.member.repeated, 1 + 2);
  assertEquals(count(ada, "delivered"), 2);
});

Deno.test("a relay that swaps two frames is told, and both are shown, the earlier one as late", async () => {
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
  assertEquals(shown(bo), ["ada: one", "ada: three", "ada: two"]);
  assertEquals([lateTexts(bo), faults(bo)], [["two"], ["GAP"]]);
  assertEquals(count(ada, "delivered"), 3);
});

Deno.test("a relay that hands a member its own frames is told, and nothing of them shown", async () => {
  const room = new TestRoom();
  const own: Bytes[] = [];
  const ada = await room.join(
    "ada",
    ({ kind, bytes }) => kind === KIND.sealed ? [...own, bytes] : [bytes],
  );
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.sealed || kind === KIND.pair) own.push(bytes);
    return [bytes];
  });
  ada.member.enter("one");
  await room.settle();
  bo.member.enter("two");
  await room.settle();
  assertEquals(shown(ada), ["bo: two"]);
  assertEquals(faults(ada), ["UNKNOWN_SENDER", "UNKNOWN_SENDER"]);
});
