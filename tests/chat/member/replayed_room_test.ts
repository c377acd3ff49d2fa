/**
 * What a member makes of a relay that shows it a room again, as it was, and of receipts under keys that come back.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { encodeChallengePayload, encodeEmpty, encodeLeft } from "../../../lib/chat/wire/control.ts";
import { type Entry, readEntries } from "../../../lib/chat/wire/envelope.ts";
import { encodeFrame, FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { isCounted, KIND } from "../../../lib/chat/wire/kinds.ts";
import { Eve } from "../eve.ts";
import { type Seat, TestRoom, until } from "../room.ts";
import { endingOf } from "../tampering.ts";

const GRACE_MS = 120_000;

/** The receipts that a member has sent, or tried to. */
function receiptsOf({ sent }: Seat): Entry[] {
  return sent.filter((bytes) => bytes[4] === KIND.receipt)
    .flatMap((bytes) => readEntries(bytes.subarray(FRAME_HEADER_BYTES)));
}

/** The sequences that occur more than once. */
function repeatedOf(entries: readonly Entry[]): number[] {
  const sequences = entries.map(({ sequence }) => sequence);
  return sequences.filter((one, i) => sequences.indexOf(one) !== i);
}

function sends(seat: Seat, kind: number): Promise<void> {
  return until(() => seat.sent.some((bytes) => bytes[4] === kind), `kind ${kind} is sent`);
}

/** Takes a member from its relay, and speaks to it as one that has forgotten its stay. */
async function forget(seat: Seat): Promise<void> {
  seat.sends = false;
  seat.cut();
  seat.connect();
  const nonce = new Uint8Array(32);
  const challenge = encodeChallengePayload({ version: 2, nonce, graceMs: GRACE_MS });
  seat.member.receive(encodeFrame(KIND.challenge, challenge));
  await sends(seat, KIND.resume);
  seat.member.receive(encodeEmpty(KIND.unknown));
  seat.sent.splice(0, seat.sent.length, ...seat.sent.filter((bytes) => bytes[4] !== KIND.join));
  await sends(seat, KIND.join);
}

Deno.test("a member ends its session with a relay that shows an old state of the room, and no receipt reuses a vector", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const old: Bytes[] = [];
  const bo = await room.join("bo", ({ kind, bytes }) => {
    if (kind === KIND.roster || isCounted(kind)) old.push(bytes);
    return [bytes];
  });
  ada.member.enter("one");
  await room.settle();
  assert(receiptsOf(bo).length > 0);
  await forget(bo);
  for (const bytes of old) bo.member.receive(bytes);
  await room.settle();
  assertEquals(repeatedOf(receiptsOf(bo)), []);
  assertEquals(endingOf(bo), "BAD_RELAY");
});

Deno.test("a speaker that gives an earlier pairwise key again gets no receipt under a vector that was used", async () => {
  const room = new TestRoom();
  const bo = await room.join("bo");
  const ada = await room.join("ada"); // eve tells members by what others see of them
  const eve = await Eve.join(room);
  const first = await eve.pair(bo);
  await eve.tell(bo, []);
  await eve.pair(bo, true);
  await room.settle();
  await eve.tell(bo, []);
  await room.settle();
  await eve.tell(bo, [], undefined, first);
  await room.settle();
  const mine = receiptsOf(bo).filter(({ member }) => member === eve.raw.number);
  assert(mine.length >= 3, `${mine.length} receipts`);
  assertEquals(repeatedOf(mine), []);
  ada.close();
});

Deno.test("a member leaves a relay that reports the member's own leaving to it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const { version } = ada.member.roster;
  const { number } = ada.member.roster.byName("ada")!;
  const statement = new Uint8Array(0);
  const left = { version: version + 1, member: number, reason: "LOST", statement } as const;
  ada.member.receive(encodeLeft(left));
  await room.settle();
  assertEquals(endingOf(ada), "BAD_RELAY");
});
