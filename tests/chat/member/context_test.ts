/**
 * One roster, one history: nothing of a frame that names another history, or a version that its receiver does not know,
 * is shown.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { secureRandom, utf8 } from "../../../lib/base/bytes.ts";
import { RosterPages } from "../../../lib/chat/relay/member.ts";
import { encodeReceipt, STREAM } from "../../../lib/chat/wire/content.ts";
import { encodeJoined, readJoined, readRosterPage } from "../../../lib/chat/wire/control.ts";
import { CHECK_BYTES } from "../../../lib/chat/wire/history.ts";
import { encodeEntries } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { Eve } from "../eve.ts";
import { RawMember } from "../raw_member.ts";
import { count, credentialOf, faults, type Seat, shown, type Tamper, TestRoom } from "../room.ts";

/** A room of ada and eve, who has granted ada a chain. */
async function withEve() {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  const bo = await room.join("bo");
  const chain = await eve.chain(0);
  await eve.grant(ada, chain);
  return { room, ada, bo, eve, chain };
}

/** A context that differs from another one from a byte on. */
function otherThan(context: Uint8Array<ArrayBuffer>, from = 0): Uint8Array<ArrayBuffer> {
  const other = secureRandom(32);
  other.set(context.subarray(0, from));
  return other;
}

Deno.test("a sealed frame of another history is not shown, and is reported once until a frame agrees again", async () => {
  const { ada, eve, chain } = await withEve();
  const { context } = await eve.at();
  for (const number of [1, 2]) {
    await eve.say(chain, "in another room", { number, context: otherThan(context) });
  }
  assertEquals([shown(ada), faults(ada)], [[], ["ROSTER_DIFFERS"]]);
  await eve.say(chain, "in this one", { number: 3 });
  assertEquals([shown(ada), faults(ada)], [["eve: in this one"], ["ROSTER_DIFFERS", "GAP"]]);
  await eve.say(chain, "in another room again", { number: 4, context: otherThan(context) });
  assertEquals(faults(ada), ["ROSTER_DIFFERS", "GAP", "ROSTER_DIFFERS"]);
  assertEquals(shown(ada), ["eve: in this one"]);
});

Deno.test("a history whose check agrees and whose rest does not is a bad signature", async () => {
  const { ada, eve, chain } = await withEve();
  const { context } = await eve.at();
  await eve.say(chain, "nearly", { context: otherThan(context, CHECK_BYTES) });
  // The sender signs the other context, the receiver verifies its own.
  assertEquals([shown(ada), faults(ada)], [[], ["BAD_SIGNATURE"]]);
});

Deno.test("a frame of a future version is not shown, not even once the room has that version", async () => {
  const { room, ada, eve, chain } = await withEve();
  const { version, context } = await eve.at();
  await eve.say(chain, "from the future", { version: version + 1, context: otherThan(context) });
  assertEquals([shown(ada), faults(ada)], [[], ["CONTEXT"]]);
  await room.join("cy");
  assertEquals(shown(ada), []);
});

Deno.test("a frame of a version below the joining of its receiver or sender is not shown", async () => {
  const { room, ada, bo, eve } = await withEve();
  const line = { kind: "line" as const, stream: STREAM.private, number: 1, last: 0, time: 0 };
  const whisper = { ...line, text: utf8("psst") };
  // Bo came after eve, and eve after ada.
  await eve.tell(bo, [whisper], await eve.at(2));
  await eve.tell(ada, [whisper], { version: 1, context: ada.member.roster.history.at(1)! });
  await room.settle();
  assertEquals([shown(bo), faults(bo)], [[], ["CONTEXT"]]);
  assertEquals([shown(ada), faults(ada)], [[], ["CONTEXT"]]);
  await eve.tell(bo, [whisper]);
  await eve.tell(ada, [whisper], await eve.at(2));
  await room.settle();
  assertEquals([shown(bo), shown(ada)], [["eve: psst"], ["eve: psst"]]);
});

Deno.test("a pair frame and a receipt of another history are reported and have no effect", async () => {
  const { room, ada, eve } = await withEve();
  ada.member.enter("hello");
  await room.settle();
  const receiver = await eve.receiver(ada);
  const { version, context } = await eve.at();
  const at = { version, context: otherThan(context) };
  await eve.tell(ada, [{ kind: "gone", stream: STREAM.group, number: 5 }], at);
  await room.settle();
  assertEquals(faults(ada), ["ROSTER_DIFFERS"]);
  const taken = [{ stream: STREAM.group, through: 1, seen: 1, withheld: 0 }];
  const entry = await receiver.receipt(eve.numberOf(ada), at, encodeReceipt(taken));
  for (const frame of encodeEntries(KIND.receipt, [entry])) eve.raw.send(frame);
  await room.settle();
  assertEquals([faults(ada), count(ada, "delivered")], [["ROSTER_DIFFERS"], 0]);
});

/** A room whose relay takes somebody silent for a cy, in front of everyone. */
async function withGhost() {
  const room = new TestRoom();
  const ghost = await credentialOf("cy", 8, room.clock.now);
  const swap: Tamper = ({ kind, bytes }) => {
    if (kind !== KIND.joined) return [bytes];
    const listing = readJoined(bytes.subarray(FRAME_HEADER_BYTES));
    return [listing.number === 2 ? encodeJoined({ ...listing, credential: ghost.bytes }) : bytes];
  };
  const ada = await room.join("ada", swap);
  await Eve.join(room);
  assertEquals(ada.member.roster.byName("cy")?.confirmed, false);
  /** What a newcomer is told: the history that ada knows. */
  const consistent: Tamper = ({ kind, bytes }) => {
    if (kind !== KIND.roster) return [bytes];
    const page = readRosterPage(bytes.subarray(FRAME_HEADER_BYTES));
    const listings = page.listings.map((one) =>
      one.number === 2 ? { ...one, credential: ghost.bytes } : one
    );
    const context = ada.member.roster.history.at(page.version)!;
    return new RosterPages(listings).snapshot(page.room, page.version)(context);
  };
  return { room, ada, ghost, consistent };
}

function happened(seat: Seat): string[] {
  return seat.events.flatMap((event) => {
    if (event.kind === "fault") return [event.code];
    if (event.kind === "left") return [`left ${event.reason} ${event.signed}`];
    return event.kind === "joined" || event.kind === "confirmed" ? [event.kind] : [];
  });
}

Deno.test("a newcomer with the name of an unconfirmed member waits, and is accepted when its `here` is valid", async () => {
  const { room, ada, ghost, consistent } = await withGhost();
  assertEquals(happened(ada), ["joined"]);
  const cy = await room.join("cy", consistent);
  assertEquals(happened(ada), [
    "joined",
    "NAME_TAKEN",
    "left REPLACED false",
    "joined",
    "confirmed",
  ]);
  const peer = ada.member.roster.byName("cy");
  assertEquals([peer?.credential.key === cy.self.key, peer?.confirmed], [true, true]);
  assertEquals(ada.member.roster.get(ghost.key), undefined);
  ada.member.enter("welcome, cy");
  await room.settle();
  assertEquals(shown(cy), ["ada: welcome, cy"]);
});

Deno.test("a newcomer with the name of an unconfirmed member that says nothing is not taken, and is given no key", async () => {
  const { room, ada, ghost } = await withGhost();
  const cy = await RawMember.join(room.relay, await credentialOf("cy", 3, room.clock.now));
  await room.settle();
  ada.member.enter("hello");
  await room.settle();
  assertEquals(happened(ada), ["joined", "NAME_TAKEN"]);
  assertEquals(ada.member.roster.byName("cy")?.credential.key, ghost.key);
  assertEquals(cy.frames(KIND.pair), []);
});
