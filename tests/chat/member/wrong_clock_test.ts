/**
 * A member whose machine's clock is wrong.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { CREDENTIAL_LIFE_MS, RENEWAL_LIFE_MS } from "../../../lib/chat/identity/signing.ts";
import { WrongClock } from "../../../lib/chat/member/time.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { count, faults, type Seat, shown, TestRoom } from "../room.ts";

const MINUTE_MS = 60_000;

/** A room with a member whose clock is right. */
async function roomWithAda(): Promise<{ room: TestRoom; ada: Seat }> {
  const room = new TestRoom();
  room.lifeMs = RENEWAL_LIFE_MS;
  return { room, ada: await room.join("ada") };
}

/** Why a member's part has ended, and what is said of it. */
function endings({ events }: Seat): string[] {
  return events.flatMap((one) => one.kind === "ended" ? [`${one.reason}: ${one.detail}`] : []);
}

for (const [what, minutes, told] of [["slow", -10, "bo"], ["fast", 10, "ada"]] as const) {
  Deno.test(`with a clock that is 10 minutes ${what}, everything is shown on both sides`, async () => {
    const { room, ada } = await roomWithAda();
    room.ahead.set("bo", minutes * MINUTE_MS);
    const bo = await room.join("bo");
    ada.member.enter("hello");
    bo.member.enter("hello yourself");
    await room.settle();
    assertEquals([shown(ada), shown(bo)], [["bo: hello yourself"], ["ada: hello"]]);
    assertEquals([count(ada, "delivered"), count(bo, "delivered")], [1, 1]);
    // Whoever is behind is told, of whom, and by how much; that it is a hint, since either may be right.
    const hints = [ada, bo].flatMap(({ events, self }) =>
      events.flatMap((one) => one.kind === "fault" ? [[self.name, one.code, one.detail]] : [])
    );
    assertEquals(hints, [[told, "CLOCK_BEHIND", "about 10 minutes"]]);
    assertEquals(endings(bo), []);
  });
}

Deno.test("with a clock that is hours behind, a member leaves as it joins and acknowledges nothing", async () => {
  const { room, ada } = await roomWithAda();
  room.ahead.set("bo", -120 * MINUTE_MS);
  const bo = await room.join("bo");
  ada.member.enter("hello");
  await room.settle();
  assertEquals(endings(bo), ["CLOCK_BEHIND: about 120 minutes"]);
  assertEquals([count(bo, "ready"), shown(bo).length], [0, 0]);
  assertEquals(bo.sent.filter((bytes) => bytes[4] === KIND.ack).length, 0);
  assertEquals(ada.events.some((one) => one.kind === "left" && one.reason === "LEFT"), true);
  assertEquals(count(ada, "unheard"), 1);
});

Deno.test("a member whose clock is hours behind leaves when a newcomer's credential is not valid by that clock", async () => {
  const room = new TestRoom();
  room.lifeMs = RENEWAL_LIFE_MS;
  room.ahead.set("bo", -120 * MINUTE_MS);
  const bo = await room.join("bo");
  assertEquals(endings(bo), []);
  await room.join("ada");
  await room.settle();
  assertEquals(endings(bo), ["CLOCK_BEHIND: about 120 minutes"]);
});

Deno.test("a credential of the longest allowed validity does not drive out members whose clocks are right", async () => {
  const { room, ada } = await roomWithAda();
  // The relay's clock is the right one; ada's is a second behind it.
  room.ahead.set("cy", -1_000);
  const cy = await room.join("cy");
  room.lifeMs = CREDENTIAL_LIFE_MS + 5 * MINUTE_MS;
  await room.join("eve");
  assertEquals([endings(ada), endings(cy)], [[], []]);
  assertEquals(faults(cy), ["BAD_CREDENTIAL"]);
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(cy), ["ada: hello"]);
});

Deno.test("a hint about the clock is given once, and not of what another program may do", () => {
  const hint = (minutes: number, clock = new WrongClock()) =>
    clock.hint(RENEWAL_LIFE_MS + minutes * MINUTE_MS, 0);
  assertEquals([-10, 0, 5, 6, 54, 55, 60].map((minutes) => hint(minutes)), [
    ...[undefined, undefined, undefined],
    ...["about 6 minutes", "about 54 minutes"],
    ...[undefined, undefined],
  ]);
  const clock = new WrongClock();
  assertEquals([hint(10, clock), hint(10, clock)], ["about 10 minutes", undefined]);
});
