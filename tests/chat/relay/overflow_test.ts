/**
 * A queue that overflows while somebody comes in, comes back, or speaks: whoever is out is out for everyone.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { encodeAudience } from "../../../lib/chat/wire/control.ts";
import { encodeProgressBody, encodeSigned } from "../../../lib/chat/wire/envelope.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { RawMember } from "../raw_member.ts";
import { count, credentialOf, faults, type Seat, shown, TestRoom, until } from "../room.ts";
import { unsignedFrame } from "../sealed_frame.ts";

const QUEUE = { frames: 12, bytes: 1 << 20 };

/** Reads nothing. */
async function joinRaw(room: TestRoom, name: string, keyIndex: number) {
  const self = await credentialOf(name, keyIndex, room.clock.now);
  const raw = await RawMember.join(room.relay, self);
  await room.settle();
  return { raw, self };
}

/** Says things to one member until its queue has no room for one frame more. */
async function fill(room: TestRoom, from: Seat, name: string): Promise<void> {
  const member = [...room.relay.members()].find(({ credential }) => credential.name === name)!;
  const { outbox } = member;
  while (outbox.sent - outbox.acknowledged < QUEUE.frames) {
    assertEquals(from.member.enter("for you alone", name).ok, true);
    await room.settle();
  }
  assertEquals(outbox.sent - outbox.acknowledged, QUEUE.frames);
}

function names(seat: Seat): string[] {
  return seat.member.peers().map(({ credential }) => credential.name).sort();
}

Deno.test("a newcomer whose joining is one frame too many for somebody hears that this one has left", async () => {
  const room = new TestRoom({ queue: QUEUE });
  const ada = await room.join("ada");
  const stuck = await joinRaw(room, "stuck", 5);
  await fill(room, ada, "stuck");
  const bo = await room.join("bo");
  assertEquals(stuck.raw.bye, "QUEUE_FULL");
  assertEquals([names(ada), names(bo)], [["ada", "bo"], ["ada", "bo"]]);
  assertEquals([count(ada, "left"), count(bo, "left")], [1, 1]);
  ada.member.enter("to whom it is");
  await until(() => count(ada, "delivered") + count(ada, "unheard") > 0, "it is delivered");
  await room.settle();
  assertEquals(shown(bo), ["ada: to whom it is"]);
  assertEquals([...faults(ada), ...faults(bo)], []);
});

Deno.test("a member whose queue overflows by what its own coming back causes is out, and nobody waits for it", async () => {
  const room = new TestRoom({ queue: QUEUE });
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const stuck = await joinRaw(room, "stuck", 5);
  await room.pass(1_000);
  bo.cut();
  await room.settle();
  await room.pass(3_000);
  // That bo is back is too much for the one, and that this one has left is too much for bo.
  await fill(room, ada, "bo");
  await fill(room, ada, "stuck");
  const entered = ada.member.backlog.lines;
  bo.connect();
  await until(() => count(bo, "ended") === 1, "bo is out");
  assertEquals(bo.events.at(-1), { kind: "ended", reason: "QUEUE_FULL", detail: "" });
  await until(() => stuck.raw.ended, "so is the other");
  await room.settle();
  assertEquals([room.relay.size, room.relay.connections], [1, 1]);
  assertEquals([names(ada), count(ada, "left")], [["ada"], 2]);
  assertEquals([entered > 0, ada.member.backlog.lines], [true, 0]);
});

Deno.test("a member that its own words end says nothing after them", async () => {
  const room = new TestRoom({ queue: QUEUE });
  const ada = await room.join("ada");
  await joinRaw(room, "stuck", 5);
  const eve = await joinRaw(room, "eve", 6);
  await fill(room, ada, "stuck");
  await fill(room, ada, "eve");
  const { member: sender } = eve.self;
  const question = { sender, recipient: ada.self.member, asks: true, shown: 0 };
  const asked = encodeSigned(KIND.progress, encodeProgressBody(question), new Uint8Array(64));
  eve.raw.send(encodeAudience(1, [ada.self.member]));
  const whispered = unsignedFrame(sender, 17, 1);
  eve.raw.send(new Uint8Array([...unsignedFrame(sender), ...whispered, ...asked]));
  await until(() => eve.raw.ended, "eve is out");
  await room.settle();
  assertEquals(eve.raw.bye, "QUEUE_FULL");
  assertEquals(names(ada), ["ada"]);
  // Of eve there is the unsigned frame, and nothing from beyond its leaving.
  assertEquals(faults(ada), ["BAD_SIGNATURE"]);
});
