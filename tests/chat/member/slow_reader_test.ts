/**
 * A member that reads slowly or not at all, with the real relay: others go on, it falls behind, and catches up.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { isFull } from "../../../lib/chat/app/delivery.ts";
import type { PairReceiver } from "../../../lib/chat/seal/pairwise.ts";
import { encodeEmpty, readBehind } from "../../../lib/chat/wire/control.ts";
import { readSealed } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { Eve, eveHears } from "../eve.ts";
import { count, faults, type Seat, shown, TestRoom, until } from "../room.ts";
import { unsignedFrame } from "../sealed_frame.ts";

/** How many frames of a kind a member has sent. */
function sent({ sent }: Seat, kind: number): number {
  return sent.filter((bytes) => bytes[4] === kind).length;
}

/** A room of ada, bo and cy, and for whom the relay has told ada to be behind. */
async function roomOf() {
  const room = new TestRoom();
  const behind: number[] = [];
  const ada = await room.join("ada", ({ kind, bytes }) => {
    if (kind === KIND.behind) behind.push(readBehind(bytes.slice(FRAME_HEADER_BYTES)).member);
    return [bytes];
  });
  const [bo, cy] = [await room.join("bo"), await room.join("cy")];
  /** Says so many lines of 64,000 bytes. */
  const say = async (lines: number) => {
    const texts = Array.from({ length: lines }, (_, i) => `${i} ${"x".repeat(64_000)}`);
    for (const text of texts) {
      ada.member.enter(text);
      await room.settle();
    }
    return texts.map((text) => `ada: ${text}`);
  };
  return { room, ada, bo, cy, behind, say };
}

async function catchUp({ room, ada }: { room: TestRoom; ada: Seat }): Promise<void> {
  for (let i = 0; i < 20 && ada.member.backlog.lines > 0; i++) await room.pass(1_000);
}

Deno.test("a member that is away for 5 MiB falls behind, catches up and gets sealed frames again without a new chain", async () => {
  const { room, ada, bo, cy, behind, say } = await roomOf();
  bo.cut();
  const said = await say(82);
  assertEquals([shown(cy), shown(bo)], [said, []]);
  assertEquals(behind, [ada.member.roster.byName("bo")!.number]);
  const routes = sent(ada, KIND.route);
  bo.connect();
  await room.settle();
  await catchUp({ room, ada });
  assertEquals(shown(bo).toSorted(), said.toSorted());
  assertEquals([count(ada, "delivered"), count(ada, "left")], [82, 0]);
  assertEquals(sent(ada, KIND.rejoin), 1);
  const pairs = sent(ada, KIND.pair);
  const late = bo.events.filter((event) => event.kind === "message" && event.late).length;
  ada.member.enter("together again");
  await room.settle();
  assertEquals([shown(bo).at(-1), shown(cy).at(-1)], Array(2).fill("ada: together again"));
  // A grant, and one sealed frame for both: no new chain, and no route for anybody.
  assertEquals([sent(ada, KIND.pair) - pairs, sent(ada, KIND.route)], [1, routes]);
  const headers = ada.sent.filter((bytes) => bytes[4] === KIND.sealed)
    .map((bytes) => readSealed(bytes.slice(FRAME_HEADER_BYTES)).header);
  assertEquals(new Set(headers.map(({ chain }) => chain)), new Set([0]));
  assertEquals([faults(bo), late], [[], 0]);
});

Deno.test("a member whose output stands still is sent a bounded part, and the rest once it goes on", async () => {
  const { room, ada, bo, cy, say } = await roomOf();
  bo.showing = false;
  const said = await say(200);
  assertEquals(shown(cy), said);
  // It holds 4 MiB back, and the relay sends 4 MiB more without an acknowledgement.
  const waiting = shown(bo).length;
  assert(waiting > 100 && waiting < 140, `${waiting} wait for its output`);
  assertEquals(bo.member.wakeAt > room.clock.now(), true, "it does not wake in vain");
  bo.showing = true;
  bo.member.displayed(bo.events.length);
  await room.settle();
  await catchUp({ room, ada });
  assertEquals(shown(bo).toSorted(), said.toSorted());
  assertEquals([count(ada, "delivered"), faults(bo)], [200, []]);
});

Deno.test("a member that is behind while it is excluded rejoins once it is included again", async () => {
  const room = new TestRoom();
  const excluded = new Set<string>();
  const obstacle = ({ credential }: { credential: { name: string } }) =>
    excluded.has(credential.name) ? "is excluded" : undefined;
  room.policies.set("ada", { obstacle, hides: () => false });
  const [ada, bo, cy] = [await room.join("ada"), await room.join("bo"), await room.join("cy")];
  const say = async (text: string) => {
    ada.member.enter(text);
    await room.settle();
  };
  bo.cut();
  for (let i = 0; i < 82; i++) await say("x".repeat(64_000));
  excluded.add("bo");
  await say("not for bo");
  excluded.clear();
  bo.connect();
  await room.settle();
  await say("for both");
  await catchUp({ room, ada });
  assertEquals([sent(ada, KIND.rejoin), shown(bo).at(-1)], [1, "ada: for both"]);
  const pairs = sent(ada, KIND.pair);
  await say("together again");
  assertEquals([shown(bo).at(-1), shown(cy).at(-1)], Array(2).fill("ada: together again"));
  assertEquals([sent(ada, KIND.pair) - pairs, faults(bo)], [0, []], "by a sealed frame");
  assertEquals(shown(bo).includes("ada: not for bo"), false);
});

Deno.test("a connected member that reads nothing delays nobody, and gets everything when it reads", async () => {
  const { room, ada, bo, cy, behind, say } = await roomOf();
  bo.receives = false;
  const said = await say(145);
  assertEquals([shown(cy).length, shown(bo).length, count(ada, "left")], [145, 0, 0]);
  assertEquals(behind, [ada.member.roster.byName("bo")!.number]);
  for (let i = 0; i < 8; i++) await room.pass(1_000);
  assertEquals(ada.member.backlog.held, 0, "nobody waits for it");
  bo.receives = true;
  bo.cut();
  bo.connect();
  await room.settle();
  await catchUp({ room, ada });
  assertEquals(shown(bo).toSorted(), said.toSorted());
  assertEquals([count(ada, "delivered"), count(bo, "ended"), faults(bo)], [145, 0, []]);
  assertEquals(sent(ada, KIND.rejoin), 1);
});

Deno.test("invalid frames to an away member are left out, and others' lines to it are not", async () => {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const eve = await Eve.join(room);
  bo.cut();
  await room.settle();
  for (let i = 0; i < 40; i++) {
    eve.raw.send(unsignedFrame(eve.raw.number, 1_000_000));
    // What a member has sent for a second is read in a second.
    await room.pass(250);
    if (i % 10 === 0) ada.member.enter(`line ${i}`);
  }
  await room.settle();
  assertEquals([count(ada, "left"), eve.raw.frames(KIND.behind).length > 0], [0, true]);
  bo.connect();
  await until(() => count(bo, "reconnected") === 1, "bo is back");
  for (let i = 0; i < 10; i++) await room.pass(1_000);
  assertEquals(shown(bo), [0, 10, 20, 30].map((i) => `ada: line ${i}`));
  assertEquals(count(bo, "ended"), 0);
});

/** How often in a second ada says something in {@linkcode speak}. */
const LINES_A_SECOND = 10;

/**
 * Has ada say as much as its window lets it, which is almost full of the lines of one second.
 *
 * @param seconds For how long.
 * @param then What happens at the end of each second.
 * @returns The seconds in which ada had to wait.
 */
async function speak(
  room: TestRoom,
  [ada, bo]: readonly [Seat, Seat],
  seconds: number,
  then: () => Promise<void> | void,
): Promise<number[]> {
  const waited = new Set<number>();
  let said = 0;
  for (let second = 0; second < seconds; second++) {
    for (let i = 0; i < LINES_A_SECOND; i++) {
      if (isFull(ada.member.backlog, room.relay.state().members)) {
        waited.add(second);
        break;
      }
      ada.member.enter("x".repeat(60_000));
      said += 1;
      await room.settle();
      assertEquals(shown(bo).length, said, "what is said is shown at once");
    }
    await then();
    await room.pass(1_000);
  }
  return [...waited];
}

/** A room of ada, bo and eve, who has the key for receipts to ada. */
async function withEve() {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const eve = await Eve.join(room);
  return { room, ada, bo, eve };
}

/** The seconds in which a speaker may wait for one who is late, the first time. */
const FIRST_WAIT = 8;

Deno.test("a member that never acknowledges does not delay lines between the others", async () => {
  const { room, ada, bo, eve } = await withEve();
  eve.raw.acknowledges = false;
  const waited = await speak(room, [ada, bo], 30, () => eve.raw.send(encodeEmpty(KIND.pong)));
  assert(waited.every((second) => second < FIRST_WAIT), `ada waited in ${waited}`);
});

Deno.test("a member that sends no receipts delays no other member", async () => {
  const { room, ada, bo } = await withEve();
  const waited = await speak(room, [ada, bo], 30, () => {});
  assert(waited.every((second) => second < FIRST_WAIT), `ada waited in ${waited}`);
});

Deno.test("a stopped member delays no other member", async () => {
  const room = new TestRoom();
  const [ada, bo, cy] = [await room.join("ada"), await room.join("bo"), await room.join("cy")];
  cy.receives = cy.sends = false;
  const waited = await speak(room, [ada, bo], 30, () => {});
  assert(waited.every((second) => second < FIRST_WAIT), `ada waited in ${waited}`);
});

Deno.test("a member that takes lines slowly delays nobody", async () => {
  const { room, ada, bo, eve } = await withEve();
  let receiver: PairReceiver | undefined;
  let taken = 0;
  const waited = await speak(room, [ada, bo], 30, async () => {
    receiver ??= await eve.receiver(ada);
    await eve.take(ada, receiver, ++taken);
  });
  assert(waited.every((second) => second < FIRST_WAIT), `ada waited in ${waited}`);
});

Deno.test("a member that sends receipts as soon as it is late delays a sender four times and then once a minute", async () => {
  const { room, ada, bo, eve } = await withEve();
  let receiver: PairReceiver | undefined;
  let late = 0;
  const waited = await speak(room, [ada, bo], 80, async () => {
    receiver ??= await eve.receiver(ada);
    // It is late once two seconds have passed; a look comes each second.
    if (++late % 4 === 0) await eve.take(ada, receiver, 2 ** 40);
  });
  assert(waited.length <= 5 * 4, `ada waited in ${waited}`);
});

Deno.test("an identity that comes again and again is not waited for each time", async () => {
  const { room, ada, bo, eve } = await withEve();
  eve.raw.close();
  let second = 0;
  let latest: Eve | undefined;
  const waited = await speak(room, [ada, bo], 60, async () => {
    if (second++ % 5 > 0) return;
    latest?.raw.send(encodeEmpty(KIND.leave));
    latest = await Eve.join(room, `eve${second}`);
  });
  assert(waited.length <= 4 * 5, `ada waited in ${waited}`);
});

Deno.test("in a room of two, a speaker waits for a slow reader", async () => {
  const { room, ada, eve, receiver } = await eveHears("hello");
  for (let i = 1; i < 20; i++) {
    ada.member.enter("more");
    await eve.take(ada, receiver, i);
    await room.pass(4_000);
    assertEquals(ada.member.backlog.held, 1);
  }
});

/** A room of 17 members of whom ada has displayed all, and what comes to those who join after. */
async function largeRoom() {
  const room = new TestRoom();
  const ada = await room.join("ada");
  for (let i = 0; i < 16; i++) await room.enter(`old${i}`, undefined, 1);
  await until(() => count(ada, "joined") === 16, "all are in");
  await room.settle();
  const kinds = new Map<string, number[]>();
  const newcomer = async (name: string) => {
    const own: number[] = [];
    kinds.set(name, own);
    const seat = await room.enter(name, ({ kind, bytes }) => {
      if (kind === KIND.pair || kind === KIND.sealed) own.push(kind);
      return [bytes];
    }, 1);
    await until(() => count(seat, "ready") === 1, `${name} is in`);
    await room.settle();
    return seat;
  };
  const say = async (text: string) => {
    ada.member.enter(text);
    await room.settle();
    await room.pass(100);
  };
  const chains = () =>
    new Set(
      ada.sent.filter((bytes) => bytes[4] === KIND.sealed)
        .map((bytes) => readSealed(bytes.slice(FRAME_HEADER_BYTES)).header.chain),
    );
  return { room, ada, kinds, newcomer, say, chains };
}

Deno.test("in a room of more than 16 members up to eight newcomers are served by pair frames for a minute", async () => {
  const { room, ada, kinds, newcomer, say } = await largeRoom();
  // Those of the room have been there for a minute.
  await room.pass(30_000);
  await room.pass(30_000);
  await say("before");
  const seats: Seat[] = [];
  for (let i = 0; i < 10; i++) seats.push(await newcomer(`new${i}`));
  await say("one");
  for (const seat of seats) assertEquals(shown(seat), ["ada: one"]);
  const alone = () => [...kinds.values()].filter((own) => !own.includes(KIND.sealed)).length;
  assertEquals(alone(), 8);
  await room.pass(30_000);
  await say("two");
  assertEquals(alone(), 8);
  await room.pass(30_000);
  await say("three");
  assertEquals(alone(), 0);
  for (const seat of seats) {
    assertEquals([shown(seat), faults(seat)], [["ada: one", "ada: two", "ada: three"], []]);
  }
  for (let i = 0; i < 10 && ada.member.backlog.lines > 0; i++) await room.pass(1_000);
  assertEquals(count(ada, "delivered"), 4);
});

Deno.test("a newcomer that leaves within its first minute causes no new chain, and a later one does", async () => {
  const { room, newcomer, say, chains } = await largeRoom();
  await room.pass(30_000);
  await room.pass(30_000);
  await say("before");
  const [guest, friend] = [await newcomer("guest"), await newcomer("friend")];
  await say("one");
  guest.member.leave();
  await room.settle();
  await say("two");
  assertEquals([shown(guest), chains().size], [["ada: one"], 1]);
  await room.pass(30_000);
  await room.pass(30_000);
  await say("three");
  friend.member.leave();
  await room.settle();
  await say("four");
  assertEquals([shown(friend), chains().size], [["ada: one", "ada: two", "ada: three"], 2]);
});

Deno.test("in a room of 16 members a newcomer is granted the chain at once", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  for (let i = 0; i < 14; i++) await room.enter(`old${i}`, undefined, 1);
  await until(() => count(ada, "joined") === 14, "all are in");
  const kinds: number[] = [];
  const last = await room.enter("last", ({ kind, bytes }) => {
    if (kind === KIND.sealed) kinds.push(kind);
    return [bytes];
  }, 1);
  await until(() => count(last, "ready") === 1, "the last is in");
  await until(() => count(ada, "joined") === 15, "ada has seen the last");
  await room.settle();
  ada.member.enter("hello");
  await room.settle();
  assertEquals([shown(last), kinds.length], [["ada: hello"], 1]);
  assert(ada.member.roster.size === 16);
});
