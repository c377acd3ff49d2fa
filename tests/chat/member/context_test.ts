/**
 * One roster, one history: nothing of a frame that names another history, or a version that its receiver does not know,
 * is shown.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { type Bytes, secureRandom } from "../../../lib/base/bytes.ts";
import { NO_RENEWAL, type OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { sign } from "../../../lib/chat/identity/signing.ts";
import { RosterPages } from "../../../lib/chat/relay/member.ts";
import { encodeReceipt, STREAM } from "../../../lib/chat/wire/content.ts";
import {
  encodeJoined,
  encodeLeft,
  type Left,
  readJoined,
  readRosterPage,
} from "../../../lib/chat/wire/control.ts";
import {
  CHECK_BYTES,
  checkOf,
  encodeHere,
  encodeLeavePayload,
  type Place,
  statementAt,
} from "../../../lib/chat/wire/history.ts";
import { encodeEntries, type Entry } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { isCounted, KIND } from "../../../lib/chat/wire/kinds.ts";
import { Eve, eveHears } from "../eve.ts";
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
  const whisper = { ...line, text: "psst" };
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
  cy.member.enter("thanks");
  await room.settle();
  assertEquals([shown(cy), shown(ada)], [["ada: welcome, cy"], ["cy: thanks"]]);
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

Deno.test("a member answers a joining with `here` in a room of up to 16 members", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const said: number[] = [];
  for (let i = 1; i <= 16; i++) {
    await RawMember.join(room.relay, await credentialOf(`m${i}`, 1, room.clock.now));
    await room.settle();
    said.push(ada.sent.filter((bytes) => bytes[4] === KIND.here).length);
  }
  // The first is that of its own joining.
  assertEquals(said.slice(-3), [15, 16, 16]);
});

Deno.test("nothing but the `here` of a waiting newcomer is looked at", async () => {
  const { room, ada, ghost } = await withGhost();
  const cy = await Eve.join(room, "cy", 3);
  const { version, history } = ada.member.roster;
  const at = { version, context: await history.newest };
  const line = { kind: "line" as const, stream: STREAM.private, number: 1, last: 0, time: 0 };
  await cy.tell(ada, [{ ...line, text: "psst" }], at);
  await room.settle();
  assertEquals([shown(ada), happened(ada)], [[], ["joined", "NAME_TAKEN"]]);
  assertEquals(ada.member.roster.byName("cy")?.credential.key, ghost.key);
});

/** A relay lists somebody in front of one member. Returns its number. */
async function list(room: TestRoom, to: Seat, { bytes: credential }: OwnCredential) {
  const number = to.member.roster.version + 1;
  to.member.receive(encodeJoined({ number, credential, renewal: NO_RENEWAL }));
  await room.settle();
  return number;
}

/** A relay lets somebody leave in front of one member. */
async function part(room: TestRoom, to: Seat, member: number, left: Partial<Left> = {}) {
  const version = to.member.roster.version + 1;
  const statement = new Uint8Array(0);
  to.member.receive(encodeLeft({ version, member, reason: "LOST", statement, ...left }));
  await room.settle();
}

/** The newest version that a member knows, as another one would sign it. */
async function placeOf({ member: { roster } }: Seat, { member }: OwnCredential): Promise<Place> {
  const { history, version } = roster;
  return { room: history.room, member, version, context: await history.newest };
}

/** Somebody shows one member that it is there. */
async function sayHere(room: TestRoom, to: Seat, self: OwnCredential, member: number) {
  const place = await placeOf(to, self);
  const { version, context } = place;
  const signature = await sign(self.keys.signing.privateKey, statementAt("here", place));
  to.member.receive(encodeHere({ member, version, check: checkOf(context), signature }));
  await room.settle();
}

Deno.test("a newcomer with the name of a confirmed member stays refused, also once that member has left", async () => {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const other = await credentialOf("bo", 8, room.clock.now);
  const number = await list(room, ada, other);
  await part(room, ada, ada.member.roster.get(bo.self.key)!.number);
  await sayHere(room, ada, other, number);
  assertEquals(happened(ada), ["joined", "confirmed", "NAME_TAKEN", "left LOST false"]);
  assertEquals(ada.member.roster.byName("bo"), undefined);
});

Deno.test("a second listing of an unconfirmed member is refused, and its `here` confirms nobody", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const cy = await credentialOf("cy", 8, room.clock.now);
  const first = await list(room, ada, cy);
  await sayHere(room, ada, cy, await list(room, ada, cy));
  assertEquals(happened(ada), ["joined", "NAME_TAKEN"]);
  const peer = ada.member.roster.byName("cy");
  assertEquals([peer?.number, peer?.confirmed], [first, false]);
});

Deno.test("a leaving is signed only with the reason LEFT, at a known version that is not below its member's joining", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const cy = await credentialOf("cy", 8, room.clock.now);
  const signed = async (version?: number) => {
    const place = await placeOf(ada, cy);
    const signature = await sign(cy.keys.signing.privateKey, statementAt("leave", place));
    return encodeLeavePayload({ version: version ?? place.version, signature });
  };
  const first = await list(room, ada, cy);
  const statement = await signed();
  await part(room, ada, first, { reason: "LEFT", statement });
  // A relay shows it once more, and replays its leaving.
  await part(room, ada, await list(room, ada, cy), { reason: "LEFT", statement });
  await part(room, ada, await list(room, ada, cy), { reason: "LEFT", statement: await signed(99) });
  await part(room, ada, await list(room, ada, cy), { reason: "LOST", statement: await signed() });
  await part(room, ada, await list(room, ada, cy), { reason: "LEFT", statement: await signed() });
  assertEquals(happened(ada).filter((one) => one !== "joined"), [
    "left LEFT true",
    "left LEFT false",
    "left LEFT false",
    "left LOST false",
    "left LEFT true",
  ]);
  assertEquals(count(ada, "ended"), 0);
});

Deno.test("a receipt or an ask that does not open confirms nobody, and is not answered", async () => {
  const { room, ada, eve, receiver } = await eveHears("hello");
  const at = await eve.at();
  const receipt = await receiver.receipt(eve.numberOf(ada), at, encodeReceipt([]));
  const ask = await (await eve.pair(ada)).ask(eve.numberOf(ada), at, new Uint8Array(0));
  const send = async (kind: number, entry: Entry) => {
    const box = entry.box.map((byte) => byte ^ 1);
    for (const frame of encodeEntries(kind, [{ ...entry, box }])) eve.raw.send(frame);
    await room.settle();
  };
  await send(KIND.receipt, receipt);
  await send(KIND.ask, ask);
  assertEquals([happened(ada), ada.member.roster.byName("eve")?.confirmed], [["joined"], false]);
  await eve.tell(ada, []);
  await room.settle();
  const answers = eve.raw.frames(KIND.receipt).length;
  await send(KIND.ask, ask);
  await room.pass(1000);
  assertEquals(eve.raw.frames(KIND.receipt).length, answers);
  assertEquals(happened(ada), ["joined", "confirmed"]);
});

/** A room in which the relay holds back from ada what is counted, from the next joining on. */
async function withHeldBack() {
  const room = new TestRoom();
  const held: Bytes[] = [];
  let holds = false;
  const ada = await room.join("ada", ({ kind, bytes }) => {
    if (!holds || !isCounted(kind)) return [bytes];
    held.push(bytes);
    return [];
  });
  const eve = await Eve.join(room);
  await eve.tell(ada, []);
  ada.member.enter("hello");
  await room.settle();
  const receiver = await eve.receiver(ada);
  holds = true;
  await RawMember.join(room.relay, await credentialOf("cy", 3, room.clock.now));
  await room.settle();
  const release = async () => {
    for (const bytes of held) ada.member.receive(bytes);
    await room.settle();
  };
  return { room, ada, eve, receiver, release };
}

Deno.test("a receipt and an ask that overtake a joining count once it has come, the last of each kind", async () => {
  const { room, ada, eve, receiver, release } = await withHeldBack();
  const delivered = () => [count(ada, "delivered"), faults(ada)];
  for (const through of [0, 1]) await eve.take(ada, receiver, through);
  await eve.ask(ada);
  await room.settle();
  assertEquals(delivered(), [0, []]);
  const answers = eve.raw.frames(KIND.receipt).length;
  await release();
  assertEquals(delivered(), [1, []]);
  assertEquals(eve.raw.frames(KIND.receipt).length, answers + 1);
});

Deno.test("a receipt that follows the joining that it knows of at once counts", async () => {
  const { ada, eve, receiver, release } = await withHeldBack();
  const { version, context } = await eve.at();
  const taken = [{ stream: STREAM.group, through: 1, seen: 1, withheld: 0 }];
  const entry = await receiver.receipt(eve.raw.number, { version, context }, encodeReceipt(taken));
  const released = release();
  for (const frame of encodeEntries(KIND.receipt, [entry])) ada.member.receive(frame);
  await released;
  assertEquals([count(ada, "delivered"), faults(ada)], [1, []]);
});

Deno.test("a receipt or an ask of somebody who is not in the room, or of oneself, is not reported", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const check = new Uint8Array(CHECK_BYTES);
  for (const kind of [KIND.receipt, KIND.ask]) {
    for (const member of [99, ada.member.roster.own]) {
      for (const version of [1, 2]) {
        const entry = { member, sequence: 0, version, check, box: new Uint8Array(16) };
        for (const frame of encodeEntries(kind, [entry])) ada.member.receive(frame);
      }
    }
  }
  await room.settle();
  assertEquals(faults(ada), []);
});

Deno.test("a newcomer that waited and stays refused is not confirmed by its `here`", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const [cy, other] = [
    await credentialOf("cy", 7, room.clock.now),
    await credentialOf("cy", 8, room.clock.now),
  ];
  const first = await list(room, ada, cy);
  const second = await list(room, ada, other);
  await sayHere(room, ada, cy, first);
  await sayHere(room, ada, other, second);
  assertEquals(happened(ada), ["joined", "NAME_TAKEN", "confirmed"]);
  assertEquals(ada.member.roster.byName("cy")?.number, first);
});
