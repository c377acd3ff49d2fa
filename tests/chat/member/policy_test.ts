// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Policy } from "../../../lib/chat/member/roster.ts";
import { readRoute } from "../../../lib/chat/wire/control.ts";
import { readSealed } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { count, faults, type Seat, shown, type Tamper, TestRoom } from "../room.ts";

/** Excludes and hides members by name. */
class Named implements Policy {
  readonly excluded = new Set<string>();
  readonly hidden = new Set<string>();
  /** Those among the excluded that are told so. */
  readonly mistrusted = new Set<string>();

  obstacle({ credential }: Parameters<Policy["obstacle"]>[0]): string | undefined {
    return this.excluded.has(credential.name) ? "is excluded" : undefined;
  }

  hides({ credential }: Parameters<Policy["hides"]>[0]): boolean {
    return this.hidden.has(credential.name);
  }

  mistrusts({ credential }: Parameters<Policy["hides"]>[0]): boolean {
    return this.mistrusted.has(credential.name);
  }
}

/** A room in which ada has a policy, and what each of the others is sent. */
async function roomOf(...names: string[]) {
  const room = new TestRoom();
  const policy = new Named();
  room.policies.set("ada", policy);
  const ada = await room.join("ada");
  const arrived = new Map<string, { kind: number; payload: Uint8Array<ArrayBuffer> }[]>();
  const seats: Record<string, Seat> = {};
  for (const name of names) {
    const log: { kind: number; payload: Uint8Array<ArrayBuffer> }[] = [];
    arrived.set(name, log);
    const note: Tamper = ({ kind, bytes }) => {
      log.push({ kind, payload: bytes.slice(FRAME_HEADER_BYTES) });
      return [bytes];
    };
    seats[name] = await room.join(name, note);
  }
  const kinds = (name: string, kind: number) => arrived.get(name)!.filter((f) => f.kind === kind);
  const say = async (text: string, to?: string) => {
    const entered = ada.member.enter(text, to);
    await room.settle();
    return entered;
  };
  return { room, policy, ada, seats, kinds, say };
}

Deno.test("an excluded member gets no key and no frame, and the others read on", async () => {
  const { policy, seats, kinds, say } = await roomOf("bo", "cy");
  policy.excluded.add("cy");
  await say("not for cy");
  assertEquals([shown(seats.bo!), shown(seats.cy!)], [["ada: not for cy"], []]);
  assertEquals(kinds("cy", KIND.pair).length + kinds("cy", KIND.sealed).length, 0);
  assertEquals(faults(seats.bo!), []);
});

Deno.test("a member with a changed key gets no lines, and is told so once at the first one", async () => {
  for (const others of [["cy", "di"], []]) {
    const { policy, seats, kinds, say } = await roomOf("bo", ...others);
    policy.excluded.add("bo");
    policy.mistrusted.add("bo");
    if (others.length > 0) {
      policy.excluded.add("di");
      await say("psst", "cy");
      assertEquals(faults(seats.bo!), [], "a private line is kept from nobody");
      seats.cy!.events.length = 0;
    }
    for (const text of ["one", "two"]) await say(text);
    assertEquals([faults(seats.bo!), shown(seats.bo!)], [["MISTRUSTED"], []], `${others}`);
    assertEquals([kinds("bo", KIND.pair).length, kinds("bo", KIND.sealed).length], [1, 0]);
    if (others.length > 0) {
      assertEquals([faults(seats.cy!), shown(seats.cy!)], [[], ["ada: one", "ada: two"]]);
      assertEquals([faults(seats.di!), kinds("di", KIND.pair).length], [[], 0]);
    }
    // The key by which it was told serves once it is trusted.
    policy.excluded.clear();
    policy.mistrusted.clear();
    await say("three");
    assertEquals([faults(seats.bo!), shown(seats.bo!)], [["MISTRUSTED"], ["ada: three"]]);
  }
});

Deno.test("an excluded member that rejoins is told so again, unless it has been trusted meanwhile", async () => {
  const { room, policy, ada, seats, say } = await roomOf("bo");
  policy.excluded.add("bo");
  policy.mistrusted.add("bo");
  await say("one");
  seats.bo!.member.leave();
  await room.settle();
  const again = await room.join("bo");
  await say("two");
  assertEquals([faults(seats.bo!), faults(again)], [["MISTRUSTED"], ["MISTRUSTED"]]);
  again.member.leave();
  await room.settle();
  const last = await room.join("bo");
  ada.member.enter("three");
  policy.mistrusted.clear();
  await room.settle();
  assertEquals(faults(last), []);
});

Deno.test("excluding a holder of the chain starts a fresh chain, whose frames have a declared route", async () => {
  const { policy, seats, kinds, say } = await roomOf("bo", "cy");
  await say("for both");
  policy.excluded.add("cy");
  await say("for bo");
  assertEquals([shown(seats.bo!).length, shown(seats.cy!)], [2, ["ada: for both"]]);
  const places = () =>
    kinds("bo", KIND.sealed).map(({ payload }) => readSealed(payload).header)
      .map(({ chain, step, route }) => [chain, step, route]);
  assertEquals(places(), [[0, 0, 0], [1, 0, 1]]);
  // Who comes back reads what follows, and nothing of what came in between.
  policy.excluded.clear();
  await say("for both again");
  assertEquals(places().at(-1), [1, 1, 0]);
  assertEquals(shown(seats.cy!), ["ada: for both", "ada: for both again"]);
  assertEquals(faults(seats.cy!), []);
  assertEquals(kinds("cy", KIND.pair).length, 2);
});

Deno.test("a route is declared again only when it has changed", async () => {
  const { room, policy, ada, seats, say } = await roomOf("bo", "cy");
  const declared = () =>
    ada.sent.filter((bytes) => bytes[4] === KIND.route)
      .map((bytes) => readRoute(bytes.subarray(FRAME_HEADER_BYTES)))
      .map(({ except, members }) => [except, ...members]);
  policy.excluded.add("cy");
  for (const text of ["one", "two"]) await say(text);
  const numberOf = (name: string) => ada.member.roster.byName(name)!.number;
  const withoutCy = [true, numberOf("cy")];
  assertEquals(declared(), [withoutCy]);
  const di = await room.join("di");
  await say("three");
  assertEquals(declared(), [withoutCy]);
  policy.excluded.add("bo");
  await say("four");
  assertEquals(declared(), [withoutCy, [false, numberOf("di")]]);
  assertEquals(shown(di), ["ada: three", "ada: four"]);
  assertEquals(shown(seats.bo!), ["ada: one", "ada: two", "ada: three"]);
  assertEquals(shown(seats.cy!), []);
});

Deno.test("a line entered while everyone is excluded has no recipients, and the sender is told", async () => {
  const { policy, ada, kinds, say } = await roomOf("bo");
  policy.excluded.add("bo");
  await say("to nobody");
  assertEquals([count(ada, "unheard"), count(ada, "sent")], [1, 0]);
  assertEquals(kinds("bo", KIND.sealed).length, 0);
});

Deno.test("a message is delivered when its recipients have shown it, whatever excluded members do", async () => {
  const room = new TestRoom();
  const policy = new Named();
  room.policies.set("ada", policy);
  const ada = await room.join("ada");
  const [bo, cy] = [await room.join("bo"), await room.join("cy")];
  policy.excluded.add("cy");
  [bo.showing, cy.showing] = [false, false];
  ada.member.enter("for bo");
  await room.settle();
  assertEquals(count(ada, "delivered"), 0);
  bo.member.displayed(bo.events.length);
  await room.settle();
  assertEquals(count(ada, "delivered"), 1);
});

Deno.test("exclusion holds for private messages too, and says why", async () => {
  const { policy, seats, kinds, say } = await roomOf("bo", "cy");
  await say("before", "bo");
  policy.excluded.add("bo");
  const refused = await say("after", "bo");
  assertEquals(refused, { ok: false, code: "EXCLUDED", message: "bo is excluded" });
  assertEquals(shown(seats.bo!), ["ada: before"]);
  assertEquals(kinds("bo", KIND.pair).length, 1);
});

Deno.test("a line entered while a member is excluded never reaches it, even if it is included before the line is sealed", async () => {
  const { room, policy, ada, seats } = await roomOf("bo", "cy");
  ada.member.enter("one");
  policy.excluded.add("cy");
  ada.member.enter("two");
  policy.excluded.clear();
  ada.member.enter("three");
  await room.settle();
  assertEquals(shown(seats.bo!), ["ada: one", "ada: two", "ada: three"]);
  assertEquals(shown(seats.cy!), ["ada: one", "ada: three"]);
  // And who is excluded before it is sealed does not get what was entered before.
  ada.member.enter("four");
  ada.member.enter("five");
  policy.excluded.add("cy");
  await room.settle();
  assertEquals(shown(seats.cy!).includes("ada: five"), false);
});

Deno.test("private lines stand beside the group's", async () => {
  const { policy, seats, say } = await roomOf("bo", "cy", "di");
  policy.excluded.add("cy");
  await say("group");
  await say("only bo", "bo");
  await say("only di", "di");
  await say("group again");
  assertEquals(shown(seats.bo!), ["ada: group", "ada: only bo", "ada: group again"]);
  assertEquals(shown(seats.di!), ["ada: group", "ada: only di", "ada: group again"]);
  assertEquals(shown(seats.cy!), []);
});

Deno.test("hidden texts are not shown, are counted, and delay no member", async () => {
  const { room, policy, ada, seats } = await roomOf("bo");
  policy.hidden.add("bo");
  seats.bo!.member.enter("let me in");
  await room.settle();
  assertEquals([shown(ada), faults(ada)], [[], ["HIDDEN"]]);
  policy.hidden.clear();
  seats.bo!.member.enter("thank you");
  await room.settle();
  assertEquals(shown(ada), ["bo: thank you"]);
});
