// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { Receipts } from "../../../lib/chat/relay/fan_out.ts";
import type { Stay } from "../../../lib/chat/relay/member.ts";
import { encodeEmpty, readCount } from "../../../lib/chat/wire/control.ts";
import { encodeEntries, readEntries } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { concatBytes, entryFor } from "../raw_frames.ts";
import type { RawMember } from "../raw_member.ts";
import { heard, RelayRoom } from "./relay_room.ts";

/** A relay whose later turns a test runs. */
async function threeInARoom() {
  const calls: (() => void)[] = [];
  const room = new RelayRoom({ later: (call) => calls.push(call) });
  const seats = [await room.join("ada"), await room.join("bo"), await room.join("cy")] as const;
  const turn = async () => {
    await room.settle();
    for (const call of calls.splice(0)) call();
    await room.settle();
  };
  return { room, raws: seats.map(({ raw }) => raw) as [RawMember, RawMember, RawMember], turn };
}

function got(raw: RawMember, kind: typeof KIND.receipt | typeof KIND.ask): string[][] {
  return raw.frames(kind).map((payload) =>
    readEntries(payload).map(({ member, sequence }) => `${member}:${sequence}`)
  );
}

Deno.test("receipts are split by recipient, name their sender, and travel in one frame for a turn", async () => {
  const { raws: [ada, bo, cy], turn } = await threeInARoom();
  ada.send(encodeEntries(KIND.receipt, [entryFor(2, 5), entryFor(3, 6)])[0]!);
  bo.send(encodeEntries(KIND.receipt, [entryFor(3, 7)])[0]!);
  await turn();
  assertEquals([got(ada, KIND.receipt), got(bo, KIND.receipt)], [[], [["1:5"]]]);
  assertEquals(got(cy, KIND.receipt), [["1:6", "2:7"]]);
});

Deno.test("the newest entry of a kind and pair wins, and kinds do not replace each other", async () => {
  const { raws: [ada, bo], turn } = await threeInARoom();
  for (let sequence = 1; sequence <= 9; sequence++) {
    ada.send(encodeEntries(KIND.receipt, [entryFor(2, sequence)])[0]!);
  }
  ada.send(encodeEntries(KIND.ask, [entryFor(2, 3)])[0]!);
  await turn();
  assertEquals([got(bo, KIND.receipt), got(bo, KIND.ask)], [[["1:9"]], [["1:3"]]]);
  ada.send(encodeEntries(KIND.receipt, [entryFor(2, 10)])[0]!);
  await turn();
  assertEquals(got(bo, KIND.receipt), [["1:9"], ["1:10"]]);
});

Deno.test("a relay forwards the receipts of a member before its leaving", async () => {
  const { room, raws: [ada, bo] } = await threeInARoom();
  ada.send(concatBytes(
    encodeEntries(KIND.receipt, [entryFor(2, 5)])[0]!,
    encodeEmpty(KIND.leave),
  ));
  await room.settle();
  const kinds = bo.received.map(({ kind }) => kind);
  const last = kinds.filter((kind) => kind === KIND.receipt || kind === KIND.left);
  assertEquals(last, [KIND.receipt, KIND.left]);
});

Deno.test("a relay forwards the receipts of a member before it tells that it has removed the member", async () => {
  const { room, raws: [ada, bo, cy] } = await threeInARoom();
  cy.send(encodeEntries(KIND.receipt, [entryFor(1, 5), entryFor(2, 5)])[0]!);
  await room.settle();
  for (const { credential } of room.relay.members()) {
    if (credential.name === "cy") room.relay.remove(credential.key, false);
  }
  await room.settle();
  for (const { received } of [ada, bo]) {
    const kinds = received.map(({ kind }) => kind);
    const last = kinds.filter((kind) => kind === KIND.receipt || kind === KIND.left);
    assertEquals(last, [KIND.receipt, KIND.left]);
  }
});

Deno.test("entries for their sender, for nobody, and for a member without a connection are dropped", async () => {
  const { room, raws: [ada, bo, cy], turn } = await threeInARoom();
  bo.close();
  await room.settle();
  ada.send(encodeEntries(KIND.receipt, [1, 2, 3, 99].map((to) => entryFor(to, 1)))[0]!);
  cy.close();
  await turn();
  const late = [...room.relay.members()].map(({ connection }) => connection !== undefined);
  assertEquals([got(ada, KIND.receipt), late], [[], [true, false, false]]);
  assertEquals(room.failures, []);
});

Deno.test("receipts are not counted, and their boxes arrive as they were sent", async () => {
  const { raws: [ada, bo], turn } = await threeInARoom();
  const box = new Uint8Array(40).map((_, i) => i);
  const check = Uint8Array.of(1, 2, 3, 4);
  const entry = { member: 2, sequence: 1, version: 3, check, box };
  const frame = encodeEntries(KIND.receipt, [entry])[0]!;
  const sent = ada.sent;
  // The buffer is reused after the relay has read it.
  const buffer = concatBytes(frame);
  ada.send(buffer);
  await new Promise((resolve) => setTimeout(resolve, 5));
  buffer.fill(0xff);
  const { counted } = bo;
  await turn();
  const [payload] = bo.frames(KIND.receipt);
  assertEquals(readEntries(payload!), [{ ...entry, member: 1 }]);
  assertEquals([ada.sent, bo.counted, ada.frames(KIND.accepted)], [sent, counted, []]);
});

Deno.test("a receipt with too many entries for one frame continues in another", async () => {
  const { raws: [ada, bo], turn } = await threeInARoom();
  const frames = encodeEntries(KIND.receipt, [entryFor(2, 1, 1232), entryFor(3, 1, 1232)]);
  ada.send(frames[0]!);
  await turn();
  assertEquals(got(bo, KIND.receipt), [["1:1"]]);
});

/** Splits receipts for members that do nothing but keep the frames that they are sent. */
function splitting() {
  const frames: Bytes[] = [];
  const connection = { waiting: 0, send: (bytes: Bytes) => frames.push(bytes) };
  const reader = { connection, takeAccepted: () => undefined } as unknown as Stay;
  return { frames, receipts: new Receipts(() => reader, () => {}) };
}

Deno.test("at most 16,384 entries wait, and those beyond are forwarded at once with the others", () => {
  const { frames, receipts } = splitting();
  for (let i = 0; i < 16_384; i++) receipts.take(1, KIND.receipt, [entryFor(2 + i, 0)]);
  assertEquals(frames.length, 0);
  receipts.take(1, KIND.receipt, [entryFor(1 << 20, 0)]);
  assertEquals(frames.length, 16_385);
});

Deno.test("entries for one member that exceed a frame travel in several", () => {
  const { frames, receipts } = splitting();
  for (let sender = 1; sender <= 300; sender++) {
    receipts.take(sender, KIND.receipt, [entryFor(1000, 0, 1232)]);
  }
  receipts.flush();
  const entries = frames.map((bytes) => readEntries(bytes.subarray(FRAME_HEADER_BYTES)).length);
  assertEquals(entries, [209, 91]);
});

Deno.test("receipts are charged to their sender", async () => {
  const room = new RelayRoom({ limits: { framesPerSecond: 10 } });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  for (let i = 0; i < 40; i++) ada.raw.send(encodeEntries(KIND.receipt, [entryFor(2, i)])[0]!);
  await room.settle();
  const slowed = room.events.flatMap((one) => one.kind === "slowed" ? [one.credential.name] : []);
  assertEquals([slowed, bo.raw.ended], [["ada"], false]);
});

Deno.test("entries for a member with more than 256 KiB of unwritten bytes are dropped", async () => {
  const { room, raws: [ada, bo], turn } = await threeInARoom();
  const [, stay] = [...room.relay.members()];
  const bound = 256 << 10;
  for (const [sequence, value] of [bound, bound + 1, 0].entries()) {
    Object.defineProperty(stay!.connection!.link, "waiting", { value, configurable: true });
    ada.send(encodeEntries(KIND.receipt, [entryFor(2, sequence)])[0]!);
    await turn();
  }
  assertEquals(got(bo, KIND.receipt), [["1:0"], ["1:2"]]);
});

/** Two members, and the calls that the relay has put off. */
async function twoThatWait() {
  const turns: (() => void)[] = [];
  const waiting = new Set<() => void>();
  const room = new RelayRoom({
    later: (call) => turns.push(call),
    after: (_, call) => {
      waiting.add(call);
      return { [Symbol.dispose]: () => waiting.delete(call) };
    },
  });
  const [ada, bo] = [(await room.join("ada")).raw, (await room.join("bo")).raw];
  const run = async (calls: Iterable<() => void>) => {
    for (const call of calls) call();
    await room.settle();
  };
  const turn = () => run(turns.splice(0));
  const pass = async () => {
    const due = [...waiting];
    waiting.clear();
    await run(due);
  };
  const told = () =>
    ada.received.filter(({ kind }) => kind === KIND.accepted || kind === KIND.receipt)
      .map(({ kind, payload }) => kind === KIND.accepted ? readCount(payload) : "receipt");
  return { room, ada, bo, turn, pass, told, waiting };
}

Deno.test("the relay reports accepted frames once, before a receipt that arrives meanwhile", async () => {
  const { room, ada, bo, turn, pass, told } = await twoThatWait();
  for (const number of [1, 2]) {
    ada.say({ number });
    await room.settle();
  }
  assertEquals([heard(bo), told()], [[1, 2], []]);
  bo.send(encodeEntries(KIND.receipt, [entryFor(1, 1)])[0]!);
  await room.settle();
  await turn();
  assertEquals(told(), [2, "receipt"]);
  await pass();
  assertEquals(told(), [2, "receipt"]);
});

Deno.test("the relay reports accepted frames after a moment if no receipt arrives, and not to a lost connection", async () => {
  const { room, ada, pass, told, waiting } = await twoThatWait();
  ada.say({ number: 1 });
  await room.settle();
  await pass();
  assertEquals(told(), [1]);
  ada.say({ number: 2 });
  await room.settle();
  assertEquals(waiting.size, 1);
  ada.close();
  await room.settle();
  assertEquals([told(), waiting.size], [[1], 0]);
});
