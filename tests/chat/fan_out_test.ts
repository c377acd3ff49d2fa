// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { FanOut } from "../../lib/chat/fan_out.ts";
import { Registry } from "../../lib/chat/registry.ts";
import { RoomMember } from "../../lib/chat/room_member.ts";
import { guestCredential } from "../guests.ts";

const QUEUE = { frames: 800, bytes: 80_000 };

/** A sender and a reader in a room of two, at a clock that a test sets. */
async function room() {
  const clock = { now: 0 };
  const members = new Registry<RoomMember>();
  const [sender, reader] = await Promise.all(["ada", "bo"].map(async (name, i) => {
    const credential = await guestCredential(name, i);
    const listing = { number: i + 1, credential: credential.bytes, presence: new Uint8Array(64) };
    const link = { send: () => {}, end: () => {} };
    const member = new RoomMember(credential, listing, link, QUEUE, [], () => {});
    members.add(member);
    return member;
  }));
  const fanOut = new FanOut(members, QUEUE, { now: () => clock.now, overflown: () => {} });
  const send = (frames: number, bytes: number) => {
    fanOut.sealed(sender!, frames, new Uint8Array(bytes), { newest: 2 });
    return sender!.isPressing;
  };
  return { clock, reader: reader!, send };
}

Deno.test("a sender presses on one who has an eighth of its queue to read in frames, or half in bytes", async () => {
  const frames = await room();
  assertEquals([frames.send(99, 99), frames.send(1, 1)], [false, true]);
  frames.reader.acknowledge(50);
  assertEquals(frames.send(1, 1), false);
  const bytes = await room();
  assertEquals([bytes.send(1, 39_999), bytes.send(1, 1)], [false, true]);
});

Deno.test("nobody is waited for that has acknowledged nothing for three seconds", async () => {
  const { clock, send } = await room();
  assertEquals(send(100, 100), true);
  clock.now = 2_999;
  assertEquals(send(1, 1), true);
  clock.now = 3_000;
  assertEquals(send(1, 1), false);
});
