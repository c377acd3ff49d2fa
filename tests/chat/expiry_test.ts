/**
 * Credentials hold for 24 hours. What happens to a member that is in a room for longer, by a virtual clock.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { CREDENTIAL_LIFE_MS } from "../../lib/chat/credential.ts";
import { count, faults, type Seat, shown, TestRoom, until } from "./room.ts";

const HOUR_MS = 3_600_000;

/** A room in which ada and bo have been for 25 hours, and talk. */
async function oldRoom() {
  const room = new TestRoom();
  room.lifeMs = CREDENTIAL_LIFE_MS;
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  room.clock.advance(25 * HOUR_MS);
  // Somebody speaks before anybody looks at the clock, or all would be taken for silent.
  ada.member.enter("after 25 hours");
  bo.member.enter("so it is");
  await room.settle();
  await room.pass(1_000);
  assertEquals([shown(ada), shown(bo)], [["bo: so it is"], ["ada: after 25 hours"]]);
  return { room, ada, bo };
}

function expiries(seat: Seat): (string | undefined)[] {
  return seat.events.flatMap((event) =>
    event.kind === "expired" ? [event.peer?.credential.name] : []
  );
}

Deno.test("a member is told once that its credential has run out, and those who are there hear it on", async () => {
  const { room, ada, bo } = await oldRoom();
  ada.member.enter("on and on");
  await room.pass(1_000);
  assertEquals(shown(bo).at(-1), "ada: on and on");
  assertEquals([expiries(ada), expiries(bo)], [[undefined], [undefined]]);
  assertEquals([...faults(ada), ...faults(bo)], []);
  assertEquals([count(ada, "delivered"), count(bo, "delivered")], [2, 1]);
});

Deno.test("a member wants to be woken when its credential runs out, and not before it is in a room", async () => {
  const room = new TestRoom();
  room.lifeMs = 5_000;
  const ada = await room.join("ada");
  assertEquals(ada.member.wakeAt, room.clock.now() + 5_000);
  await room.pass(4_999);
  assertEquals(expiries(ada), []);
  await room.pass(1);
  assertEquals(expiries(ada), [undefined]);
});

Deno.test("a lost connection is resumed after 25 hours: the relay knows the member by its key", async () => {
  const { room, ada, bo } = await oldRoom();
  bo.cut();
  ada.member.enter("while bo is away");
  await room.settle();
  bo.connect();
  await room.settle();
  assertEquals(shown(bo).at(-1), "ada: while bo is away");
  assertEquals([count(bo, "reconnected"), count(ada, "left"), count(ada, "delivered")], [1, 0, 2]);
});

Deno.test("a relay that was restarted refuses a credential of 25 hours: the member ends, and tries no more", async () => {
  const { room, ada } = await oldRoom();
  room.restart();
  ada.member.enter("to whom?");
  ada.connect();
  await until(() => count(ada, "ended") === 1, "ada has ended");
  assertEquals(ada.events.at(-1), { kind: "ended", reason: "CREDENTIAL_EXPIRED", detail: "" });
  assertEquals([ada.member.isAway, ada.member.isIn], [false, false]);
  // What was not delivered is counted, and not said to be.
  assertEquals([ada.member.backlog.lines, count(ada, "delivered")], [1, 1]);
});

Deno.test("who joins a member of 25 hours refuses it, is given nothing, and is waited for by nobody", async () => {
  const { room, ada, bo } = await oldRoom();
  const cy = await room.join("cy");
  assertEquals(faults(cy), ["CREDENTIAL_EXPIRED", "CREDENTIAL_EXPIRED"]);
  assertEquals([...cy.member.roster.values()].map(({ credential }) => credential.name), ["cy"]);
  assertEquals([expiries(ada), expiries(bo)], [[undefined, "cy"], [undefined, "cy"]]);
  ada.member.enter("for bo");
  await room.settle();
  await room.pass(1_000);
  // It is delivered to bo, and neither given to cy nor said to be.
  assertEquals([shown(bo).at(-1), shown(cy), count(ada, "delivered")], ["ada: for bo", [], 2]);
  assertEquals(faults(cy).length, 2);
  assertEquals(ada.member.enter("for cy", "cy"), {
    ok: false,
    code: "EXCLUDED",
    message: "cy joined after your credential had run out, and refuses it",
  });
});

Deno.test("whoever joins anew after 25 hours is heard by everyone again", async () => {
  const { room, ada, bo } = await oldRoom();
  const cy = await room.join("cy");
  for (const seat of [ada, bo]) seat.member.leave();
  await until(() => room.relay.size === 1, "both have left");
  const [again, too] = [await room.join("ada"), await room.join("bo")];
  again.member.enter("here again");
  await room.settle();
  assertEquals([shown(cy), shown(too)], [["ada: here again"], ["ada: here again"]]);
  assertEquals([expiries(again), faults(again), faults(too)], [[], [], []]);
});
