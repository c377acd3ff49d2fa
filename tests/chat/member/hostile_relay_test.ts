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
  encodeEntries,
  readEntries,
  readPair,
  readSealed,
} from "../../../lib/chat/wire/envelope.ts";
import { encodeBehind } from "../../../lib/chat/wire/control.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { pairFrame, sealedFrame } from "../raw_frames.ts";
import { Copies, count, faults, type Seat, shown, type Tamper, TestRoom } from "../room.ts";
import { flip, once } from "../tampering.ts";

/** The fields of a sealed frame: the last byte of each, and what a member says if it is changed. */
const SEALED_FIELDS = {
  route: { at: 4, fault: "BAD_SIGNATURE" },
  chain: { at: 5 + 3, fault: "NO_KEY" },
  step: { at: 9 + 1, fault: "BAD_SIGNATURE" },
  number: { at: 11 + 5, fault: "BAD_SIGNATURE" },
  version: { at: 17 + 3, fault: "CONTEXT" },
  check: { at: 21 + 3, fault: "ROSTER_DIFFERS" },
  ciphertext: { at: 25, fault: "BAD_SIGNATURE" },
  "last byte of the signature": { at: -1, fault: "BAD_SIGNATURE" },
} as const;

for (const [field, { at, fault }] of Object.entries(SEALED_FIELDS)) {
  Deno.test(`a sealed frame whose ${field} a relay has changed is reported and not shown`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo", once(KIND.sealed, 2, (bytes) => [flip(bytes, at)]));
    await sayEach(room, ada, "one", "two");
    assertEquals([shown(bo), faults(bo)], [["ada: one"], [fault]]);
    // What comes next shows that it is missing. Bo's receipt has it sent again.
    await sayEach(room, ada, "three");
    assertEquals(faults(bo), [fault, "GAP"]);
    assertEquals(lines(bo), [["one", false], ["three", false], ["two", true]]);
  });
}

/** Says lines, one after the other. */
async function sayEach(room: TestRoom, from: Seat, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    assert(from.member.enter(text).ok);
    await room.settle();
  }
}

/** The texts that a member was shown, and whether each came late. */
function lines({ events }: Seat): [string, boolean][] {
  return events.flatMap((event) =>
    event.kind === "message" ? [[event.text, event.late ?? false] as [string, boolean]] : []
  );
}

Deno.test("a last line that a relay changed is not delivered, and is sent again once its reader is asked", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", once(KIND.sealed, 2, (bytes) => [flip(bytes, -1)]));
  await sayEach(room, ada, "one");
  await room.pass(1000);
  await sayEach(room, ada, "two");
  await room.pass(1000);
  assertEquals([shown(bo), count(ada, "delivered")], [["ada: one"], 1]);
  for (let i = 0; i < 20; i++) await room.pass(1000);
  assertEquals([shown(bo), count(ada, "delivered")], [["ada: one", "ada: two"], 2]);
});

Deno.test("a sealed frame without a known sender is reported, and nothing of it is shown", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo", once(KIND.sealed, 1, (bytes) => [flip(bytes, 0)]));
  await sayEach(room, ada, "one");
  assertEquals(shown(bo), []);
  assertEquals(faults(bo), ["UNKNOWN_SENDER"]);
});

for (const [kind, name] of [[KIND.sealed, "sealed"], [KIND.pair, "pair"]] as const) {
  Deno.test(`a ${name} frame under another member's number is reported and not shown`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const cy = await room.join("cy");
    const number = ada.member.roster.byName("cy")!.number;
    const bo = await room.join(
      "bo",
      once(kind, kind === KIND.sealed ? 2 : 1, (bytes) => {
        const changed = bytes.slice();
        changed[FRAME_HEADER_BYTES + 3] = number;
        return [changed];
      }),
    );
    // Bo holds a key of cy's.
    if (kind === KIND.sealed) await sayEach(room, cy, "zero");
    await sayEach(room, ada, "one");
    assertEquals(shown(bo), kind === KIND.sealed ? ["cy: zero"] : []);
    const told = bo.events.flatMap((e) =>
      e.kind === "fault" ? [[e.code, e.peer?.credential.name]] : []
    );
    // Without the key that came in cy's name, what is said under it does not open.
    const more = kind === KIND.sealed ? [] : [["NO_KEY", "ada"]];
    assertEquals(told, [["BAD_SIGNATURE", "cy"], ...more]);
  });
}

/** As {@linkcode SEALED_FIELDS}. The recipient is looked at before the version, and both before the signature. */
const PAIR_FIELDS = {
  recipient: { at: 4 + 3, fault: "NOT_ADDRESSED" },
  use: { at: 8 + 5, fault: "BAD_SIGNATURE" },
  version: { at: 14 + 3, fault: "CONTEXT" },
  check: { at: 18 + 3, fault: "ROSTER_DIFFERS" },
  "wrapped key": { at: 24, fault: "BAD_SIGNATURE" },
  box: { at: -70, fault: "BAD_SIGNATURE" },
  "last byte of the signature": { at: -1, fault: "BAD_SIGNATURE" },
} as const;

for (const [field, { at, fault }] of Object.entries(PAIR_FIELDS)) {
  Deno.test(`a changed ${field} of a pair frame is reported, and nothing under it is shown`, async () => {
    const room = new TestRoom();
    const ada = await room.join("ada");
    const bo = await room.join("bo", once(KIND.pair, 1, (bytes) => [flip(bytes, at)]));
    await sayEach(room, ada, "one");
    assertEquals(shown(bo), []);
    assertEquals(faults(bo), [fault, "NO_KEY"]);
  });
}

Deno.test("a pair frame that is forwarded to another member is reported", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const pairs: Bytes[] = [];
  await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.pair) pairs.push(bytes);
    return [bytes];
  });
  const cy = await room.join(
    "cy",
    ({ kind, bytes }) => kind === KIND.sealed ? [...pairs, bytes] : [bytes],
  );
  await sayEach(room, ada, "one");
  assertEquals(faults(cy), ["NOT_ADDRESSED"]);
  assertEquals(shown(cy), ["ada: one"]);
});

Deno.test("the layout that these tests change is the one that is read", () => {
  const changed = (frame: Bytes, at: number) => flip(frame, at).subarray(FRAME_HEADER_BYTES);
  const isChanged = (before: unknown, after: unknown) =>
    after instanceof Uint8Array ? after.some((byte) => byte !== 0) : before !== after;
  const sealed = sealedFrame({ sender: 1, number: 2 });
  const { header } = readSealed(sealed.subarray(FRAME_HEADER_BYTES));
  for (const field of ["route", "chain", "step", "number", "version", "check"] as const) {
    const now = readSealed(changed(sealed, SEALED_FIELDS[field].at)).header;
    assert(isChanged(header[field], now[field]), field);
  }
  const pair = pairFrame(1, 2);
  const before = readPair(pair.subarray(FRAME_HEADER_BYTES)).header;
  for (const field of ["recipient", "use", "version", "check"] as const) {
    const now = readPair(changed(pair, PAIR_FIELDS[field].at)).header;
    assert(isChanged(before[field], now[field]), field);
  }
});

Deno.test("repeated frames are shown once", async () => {
  using copies = new Copies();
  const room = new TestRoom();
  const ada = await room.join("ada");
  const old: Bytes[] = [];
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind !== KIND.sealed && kind !== KIND.pair) return [bytes];
    old.push(bytes);
    return [bytes, ...old];
  });
  await sayEach(room, ada, "one", "two");
  assertEquals(shown(bo), ["ada: one", "ada: two"]);
  assertEquals(faults(bo), []);
  // The first sealed frame once more at once, and both once more after the second.
  assertEquals(copies.count, 1 + 2);
});

Deno.test("of two swapped frames the gap is reported and the earlier one is marked as late", async () => {
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
  await sayEach(room, ada, "one", "two", "three");
  assertEquals(lines(bo), [["one", false], ["three", false], ["two", true]]);
  assertEquals(faults(bo), ["GAP"]);
});

Deno.test("a member's own frames that come back are reported, and nothing of them is shown", async () => {
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
  await sayEach(room, ada, "one");
  await sayEach(room, bo, "two");
  assertEquals(shown(ada), ["bo: two"]);
  assertEquals(faults(ada), ["UNKNOWN_SENDER", "UNKNOWN_SENDER"]);
});

/** Changes the entries of each receipt on its way. */
function receipts(change: (bytes: Bytes) => readonly Bytes[]): Tamper {
  return ({ kind, bytes }) => kind === KIND.receipt ? change(bytes) : [bytes];
}

Deno.test("a receipt that a relay changes, drops or gives another's name delivers nothing", async () => {
  for (
    const change of [
      () => [],
      (bytes: Bytes) => [flip(bytes, -1)],
      (bytes: Bytes) =>
        encodeEntries(
          KIND.receipt,
          readEntries(bytes.slice(FRAME_HEADER_BYTES)).map((e) => ({
            ...e,
            sequence: e.sequence + 1,
          })),
        ),
    ]
  ) {
    const room = new TestRoom();
    const ada = await room.join("ada", receipts(change));
    const bo = await room.join("bo");
    await sayEach(room, ada, "one");
    await room.pass(1000);
    assertEquals([shown(bo), count(ada, "delivered")], [["ada: one"], 0]);
  }
});

Deno.test("a receipt that a relay hands on as another's, or again, delivers nothing more", async () => {
  const room = new TestRoom();
  const old: Bytes[] = [];
  let cyNumber = 0;
  const ada = await room.join(
    "ada",
    receipts((bytes) => {
      const entries = readEntries(bytes.slice(FRAME_HEADER_BYTES));
      old.push(...encodeEntries(KIND.receipt, entries.map((e) => ({ ...e, member: cyNumber }))));
      return [bytes, ...old, bytes];
    }),
  );
  const bo = await room.join("bo");
  const cy = await room.join("cy");
  cy.showing = false;
  cyNumber = ada.member.roster.byName("cy")!.number;
  await sayEach(room, ada, "one", "two");
  await room.pass(1000);
  assertEquals([shown(bo), count(ada, "delivered")], [["ada: one", "ada: two"], 0]);
  cy.showing = true;
  cy.member.displayed(cy.events.length);
  await room.pass(1000);
  assertEquals(count(ada, "delivered"), 2);
});

Deno.test("a false report that a member is behind makes that member show nothing twice", async () => {
  const room = new TestRoom();
  let number = 0;
  const ada = await room.join(
    "ada",
    ({ kind, bytes }) =>
      kind === KIND.receipt ? [bytes, encodeBehind({ member: number, number: 1 })] : [bytes],
  );
  const bo = await room.join("bo");
  number = ada.member.roster.byName("bo")!.number;
  await sayEach(room, ada, "one", "two", "three");
  for (let i = 0; i < 5; i++) await room.pass(1000);
  assertEquals(shown(bo), ["ada: one", "ada: two", "ada: three"]);
  assertEquals([faults(bo), count(ada, "delivered"), count(ada, "ended")], [[], 3, 0]);
});

Deno.test("a false `behind` above the numbers that are owed delays nothing", async () => {
  const room = new TestRoom();
  let lies = false;
  const ada = await room.join("ada", ({ kind, bytes }) => {
    const isOne = lies && kind === KIND.joined;
    return isOne ? [bytes, encodeBehind({ member: 2, number: 3 })] : [bytes];
  });
  const bo = await room.join("bo");
  bo.receives = false;
  await sayEach(room, ada, "one", "two", "three");
  room.restart();
  lies = true;
  ada.connect();
  await room.settle();
  bo.receives = true;
  bo.connect();
  for (let i = 0; i < 5; i++) await room.pass(1000);
  assertEquals(shown(bo), ["ada: one", "ada: two", "ada: three"]);
  assertEquals([faults(bo), count(ada, "delivered")], [[], 3]);
});
