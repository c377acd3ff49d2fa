// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { Registry } from "../../../lib/chat/identity/registry.ts";
import { NO_RENEWAL } from "../../../lib/chat/identity/renewal.ts";
import { type Audience, FanOut } from "../../../lib/chat/relay/fan_out.ts";
import { RoomMember } from "../../../lib/chat/relay/room_member.ts";
import { guestCredential } from "../guests.ts";
import { fakeLink } from "../links.ts";

const QUEUE = { frames: 800, bytes: 80_000 };

/** A sender and a reader in a room of two, at a clock that a test sets. */
async function room() {
  const clock = { now: 0 };
  const members = new Registry<RoomMember>();
  const [sender, reader] = await Promise.all(["ada", "bo"].map(async (name, i) => {
    const credential = await guestCredential(name, i);
    const evidence = { presence: new Uint8Array(64), renewal: NO_RENEWAL };
    const listing = { number: i + 1, credential: credential.bytes, ...evidence };
    const member = new RoomMember(credential, listing, fakeLink({}), QUEUE, [], () => {});
    members.add(member);
    return member;
  }));
  const fanOut = new FanOut(members, QUEUE, { now: () => clock.now, overflown: () => {} });
  /** Sends as if in one chunk; whether that presses. */
  const chunk = (run: () => void) => {
    sender!.isPressing = false;
    run();
    return sender!.isPressing;
  };
  const send = (frames: number, bytes: number, to: Audience = { newest: 2 }) =>
    chunk(() => fanOut.sealed(sender!, frames, new Uint8Array(bytes), to));
  return { clock, fanOut, sender: sender!, reader: reader!, chunk, send };
}

Deno.test("a sender presses on one who has an eighth of its queue to read in frames, or half in bytes", async () => {
  const frames = await room();
  assertEquals([frames.send(99, 99), frames.send(1, 1)], [false, true]);
  frames.reader.acknowledge(50);
  assertEquals(frames.send(1, 1), false);
  const bytes = await room();
  assertEquals([bytes.send(1, 39_999), bytes.send(1, 1)], [false, true]);
});

Deno.test("a frame to nobody does not make up for those before it", async () => {
  const { fanOut, sender, chunk } = await room();
  const presses = chunk(() => {
    fanOut.sealed(sender, 100, new Uint8Array(100), { newest: 2 });
    fanOut.sealed(sender, 1, new Uint8Array(1), { members: [] });
  });
  assertEquals(presses, true);
});

Deno.test("a frame to one member alone presses too, and one of the relay's own on nobody", async () => {
  const { fanOut, sender, reader, chunk, send } = await room();
  send(99, 99);
  assertEquals(chunk(() => fanOut.toOne(reader, new Uint8Array(1))), false);
  assertEquals(chunk(() => fanOut.toOne(reader, new Uint8Array(1), sender)), true);
});

Deno.test("who has read half of what lay there four seconds ago is waited for, and nobody else", async () => {
  const quick = await room();
  assertEquals(quick.send(400, 400), true);
  quick.clock.now = 3_999;
  assertEquals(quick.send(1, 1), true);
  quick.reader.acknowledge(200);
  quick.clock.now = 4_000;
  assertEquals(quick.send(1, 1), true);

  const slow = await room();
  assertEquals(slow.send(400, 400), true);
  slow.reader.acknowledge(199);
  slow.clock.now = 4_000;
  assertEquals(slow.send(1, 1), false);
  // Nor when it reads a little more: it starts anew once it has little to read.
  slow.reader.acknowledge(201);
  assertEquals(slow.send(1, 1), true);
  slow.reader.acknowledge(400);
  assertEquals(slow.send(1, 1), false);
  assertEquals(slow.send(100, 100), true);
});

Deno.test("who joined after the newest whom a frame is for is not sent it", async () => {
  const { fanOut, sender, reader } = await room();
  assertEquals(fanOut.sealed(sender, 1, new Uint8Array(1), { newest: 1 }).recipients, 0);
  assertEquals(reader.outbox.sent, 0);
  assertEquals(fanOut.sealed(sender, 1, new Uint8Array(1), { newest: 2 }).recipients, 1);
  assertEquals([reader.outbox.sent, sender.outbox.sent], [1, 0]);
});
