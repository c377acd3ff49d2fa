/**
 * What was not shown is told, to the one who said it and to the one who comes back.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Missed } from "../../../lib/chat/member/lines.ts";
import type { MemberEvent } from "../../../lib/chat/member/options.ts";
import { Absence } from "../../../lib/chat/member/time.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { count, type Seat, shown, TestRoom, until } from "../room.ts";

const GRACE_MS = 20_000;

/** The lines that are delivered, or heard by nobody, with those who missed them, and whether they signed. */
function outcomes(seat: Seat): [string, string, ...string[]][] {
  return seat.events.flatMap((event) =>
    event.kind === "delivered" || event.kind === "unheard"
      ? [[event.kind, event.line.text, ...(event.missed ?? []).map(missedBy)]]
      : []
  );
}

function missedBy({ name, signed }: Missed): string {
  return `missed by ${name}${signed ? ", who signed" : ""}`;
}

/** A moment at which both clocks agree. */
function at(ms: number) {
  return { date: ms, steady: ms };
}

function comebacks(seat: Seat): (MemberEvent & { kind: "reconnected" })[] {
  return seat.events.filter((event) => event.kind === "reconnected");
}

Deno.test("a recipient that has gone without showing a line is named when the line is delivered", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo, cy] = [await room.join("ada"), await room.join("bo"), await room.join("cy")];
  ada.member.enter("before");
  await room.settle();
  bo.cut();
  ada.member.enter("to all");
  ada.member.enter("to bo", "bo");
  await room.settle();
  await room.pass(GRACE_MS);
  assertEquals(shown(cy), ["ada: before", "ada: to all"]);
  assertEquals(outcomes(ada), [
    ["delivered", "before"],
    ["delivered", "to all", "missed by bo"],
    ["delivered", "to bo", "missed by bo"],
  ]);
});

Deno.test("a member that leaves has shown what it received, even if another member has not yet", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo, cy] = [await room.join("ada"), await room.join("bo"), await room.join("cy")];
  cy.showing = false;
  ada.member.enter("hello");
  await room.settle();
  assertEquals(shown(bo), ["ada: hello"]);
  bo.member.leave();
  await room.settle();
  cy.member.displayed(cy.events.length);
  await room.settle();
  assertEquals(outcomes(ada), [["delivered", "hello"]]);
});

Deno.test("a member that leaves before it has shown a private line is named", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.showing = false;
  ada.member.enter("hello");
  await room.settle();
  bo.member.leave();
  await room.settle();
  assertEquals(outcomes(ada), [["delivered", "hello", "missed by bo, who signed"]]);
});

Deno.test("a receipt sent right before leaving counts", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.showing = false;
  ada.member.enter("hello");
  await room.settle();
  bo.member.displayed(bo.events.length);
  bo.member.leave();
  await room.settle();
  assertEquals(outcomes(ada), [["delivered", "hello"]]);
});

Deno.test("a member that leaves before it knows that it is admitted still leaves the room", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const bo = await room.enter("bo", ({ kind, bytes }) => kind === KIND.roster ? [] : [bytes]);
  await until(() => room.relay.size === 1, "the relay has let it in");
  bo.member.leave();
  await until(() => room.relay.size === 0, "it has left");
  assertEquals(room.relayEvents.map((one) => one.kind === "left" && one.reason).at(-1), "LEFT");
});

Deno.test("a member of a large room sends its delayed acknowledgement before it leaves", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const seats = [];
  for (const name of ["ada", "bo", "cy", "di", "ed"]) seats.push(await room.join(name));
  const [ada, bo] = seats as [Seat, Seat];
  ada.member.enter("hello", "bo");
  await room.settle();
  assertEquals(shown(bo), ["ada: hello"]);
  assertEquals(outcomes(ada), []);
  bo.member.leave();
  await room.settle();
  assertEquals(outcomes(ada), [["delivered", "hello"]]);
});

Deno.test("a line entered without a connection for a member that has left meanwhile is reported", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.cut();
  await room.settle();
  await room.pass(GRACE_MS - 1_000);
  ada.cut();
  ada.member.enter("too late");
  await room.pass(1_000);
  ada.connect();
  await room.settle();
  assertEquals(outcomes(ada), [["unheard", "too late", "missed by bo"]]);
});

Deno.test("a recipient that does not come to the next room in time is named", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.showing = false;
  ada.member.enter("hello");
  await room.settle();
  room.restart();
  ada.connect();
  await room.settle();
  await room.pass(GRACE_MS);
  assertEquals(outcomes(ada), [["delivered", "hello", "missed by bo"]]);
});

Deno.test("a member that returns after the grace is told the time span that it missed", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  ada.member.enter("before");
  await room.settle();
  const from = room.clock.now();
  bo.cut();
  ada.member.enter("meanwhile");
  await room.settle();
  await room.pass(GRACE_MS);
  await room.pass(5_000);
  bo.connect();
  await room.settle();
  assertEquals(shown(bo), ["ada: before"]);
  const to = room.clock.now();
  assertEquals(comebacks(bo).map(({ missed }) => missed), [{ from, to }]);
  // What is said from here on comes, and the next comeback within the grace has missed nothing.
  ada.member.enter("after");
  await room.settle();
  bo.cut();
  bo.connect();
  await room.settle();
  assertEquals(shown(bo), ["ada: before", "ada: after"]);
  assertEquals(comebacks(bo).at(-1)?.missed, undefined);
});

Deno.test("a member that a relay has forgotten within its grace is told the time span as well", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.cut();
  await room.settle();
  const from = room.clock.now();
  room.relay.remove(bo.self.key, false);
  ada.member.enter("not to bo");
  await room.pass(1_000);
  bo.connect();
  await until(() => count(bo, "reconnected") === 1, "bo is back");
  assertEquals(comebacks(bo)[0]?.missed, { from, to: from + 1_000 });
  assertEquals(shown(bo), []);
});

Deno.test("an away member with more than 4 MiB waiting stays, falls behind, and misses nothing once it is back", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo, cy] = [await room.join("ada"), await room.join("bo"), await room.join("cy")];
  bo.cut();
  const lines = Array.from({ length: 80 }, (_, i) => `${i} ${"x".repeat(64_000)}`);
  for (const line of lines) {
    ada.member.enter(line);
    await room.settle();
  }
  await room.pass(1_000);
  assertEquals([shown(cy).length, shown(bo).length, count(ada, "left")], [80, 0, 0]);
  bo.connect();
  await room.settle();
  for (let i = 0; i < 12 && ada.member.backlog.lines > 0; i++) await room.pass(1_000);
  assertEquals(comebacks(bo).map(({ missed }) => missed), [undefined]);
  assertEquals(shown(bo).toSorted(), lines.map((line) => `ada: ${line}`).toSorted());
  assertEquals(outcomes(ada).filter(([, , ...missed]) => missed.length > 0), []);
  assertEquals(outcomes(ada).length, 80);
});

Deno.test("a member that comes to the next room within the grace has missed nothing, and a later one may have", async () => {
  const room = new TestRoom({ graceMs: GRACE_MS });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const from = room.clock.now();
  room.restart();
  ada.connect();
  await room.pass(GRACE_MS - 1);
  bo.connect();
  await room.settle();
  assertEquals(comebacks(bo).map(({ missed }) => missed), [undefined]);
  bo.cut();
  room.restart();
  ada.connect();
  await room.pass(GRACE_MS + 5_000);
  bo.connect();
  await room.settle();
  assertEquals(comebacks(bo).at(-1)?.missed, {
    from: from + GRACE_MS - 1,
    to: room.clock.now(),
  });
});

Deno.test("a pause right before the loss counts as absence, and one that was long before does not", () => {
  const stopped = new Absence();
  stopped.heard(at(10_000));
  stopped.heard(at(900_000)); // what had been waiting in the system, read after the process was stopped
  stopped.lost(at(900_100));
  assertEquals(stopped.ended(at(901_000), 120_000), { from: 10_000, to: 901_000 });

  const steady = new Absence();
  steady.heard(at(10_000));
  steady.heard(at(900_000));
  steady.heard(at(900_500));
  for (let ms = 900_900; ms <= 990_000; ms += 900) steady.heard(at(ms));
  steady.lost(at(990_000));
  assertEquals(steady.ended(at(1_200_000), 120_000), { from: 990_000, to: 1_200_000 });
});

Deno.test("a member that was away beyond the grace is told so, even if its clock was set back or it was suspended", () => {
  const setBack = new Absence();
  setBack.heard({ date: 9_000_000, steady: 0 });
  setBack.lost({ date: 9_000_000, steady: 0 });
  const back = { date: 6_000_000, steady: 600_000 };
  assertEquals(setBack.ended(back, 120_000), { from: 5_400_000, to: 6_000_000 });

  const suspended = new Absence();
  suspended.heard({ date: 0, steady: 0 });
  suspended.lost({ date: 600_000, steady: 100 });
  assertEquals(suspended.ended({ date: 600_000, steady: 100 }, 120_000), { from: 0, to: 600_000 });
});

Deno.test("a recipient for which a line was given up reports it as missing without a later line", async () => {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  bo.cut();
  ada.member.enter("x".repeat(64_000));
  // Above 16 MiB the oldest line makes way: that to everyone.
  for (let i = 0; i < 276; i++) ada.member.enter("y".repeat(60_200), "bo");
  await room.settle();
  bo.connect();
  await room.settle();
  for (let i = 0; i < 20 && ada.member.backlog.lines > 0; i++) await room.pass(1_000);
  const told = bo.events.filter((event) => event.kind === "fault");
  assertEquals(told.map(({ code, detail }) => [code, detail]), [["GAP", "1 missing"]]);
  assertEquals([shown(bo).length, ada.member.backlog.lines], [276, 0]);
});
