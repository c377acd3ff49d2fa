// needs: net (about 10 s)

/**
 * What a person is told of messages that not everyone has shown.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { listed } from "../../../lib/chat/app/peer_texts.ts";
import type { Bell, Status } from "../../../lib/chat/app/presenter.ts";
import { Report } from "../../../lib/chat/app/json_report.ts";
import { OwnMessages } from "../../../lib/chat/app/delivery.ts";
import { Attention, type Coming, Comings } from "../../../lib/chat/app/speech.ts";
import { Transcript } from "../../../lib/chat/app/transcript.ts";
import { KnownPeers } from "../../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../../lib/chat/trust/trust.ts";
import type { Line, OwnCredential, Peer, Session, WaitingLine } from "../../../lib/tcp_chat.ts";
import { makeStyle } from "../../../lib/terminal/terminal.ts";
import { credentialOf } from "../room.ts";

const now = () => 1_700_000_000_000;

function lineOf(text: string, to?: Peer): Line {
  const recipients = { to, version: 1, leftOut: new Set<string>() };
  return { id: "x.1", stream: 0, number: 1, time: now(), text, bytes: text.length, ...recipients };
}

async function peer(name: string): Promise<Peer> {
  return { number: 1, credential: await credentialOf(name, 0, now), confirmed: true, away: false };
}

/** The marks that a display shows while a session's backlog changes as a test says. */
function markedBy(interactive = true) {
  const marks: string[] = [];
  const backlog = { lines: 0, held: 0, bytes: 0, unsent: 0 };
  const session = { connected: true, backlog: () => backlog } as unknown as Session;
  const own = new OwnMessages({
    interactive,
    presenter: new Report(),
    display: {
      print: () => {},
      mark: (mark) => void marks.push(mark),
      caughtUp: () => undefined,
      failed: new Promise(() => {}),
      failure: undefined,
    },
  });
  const enter = (lines: number) => {
    backlog.lines = lines;
    own.entered(session);
  };
  const deliver = (left: number, ...missed: string[]) => {
    backlog.lines = left;
    const by = missed.map((name) => ({ name, signed: false }));
    const event = { kind: "delivered", line: lineOf("x") } as const;
    own.tell(by.length === 0 ? event : { ...event, missed: by });
  };
  return { own, marks, enter, deliver };
}

Deno.test("the mark of the prompt shows whether everyone has shown the entered messages", () => {
  const { own, marks, enter, deliver } = markedBy();
  deliver(0);
  assertEquals(marks, [], "nothing was entered");
  enter(1);
  enter(2);
  deliver(1);
  deliver(0);
  assertEquals(marks.splice(0), ["…", "…", "…", "✓"]);
  enter(1);
  enter(2);
  deliver(1, "bo");
  deliver(0);
  assertEquals(marks.splice(0), ["…", "…", "…", "!"], "bo has missed one of them");
  enter(1);
  deliver(0);
  assertEquals(marks.splice(0), ["…", "✓"]);
  own.stop();
});

Deno.test("the mark is empty without recipients and absent for piped input", () => {
  const { own, marks, enter } = markedBy();
  enter(0);
  own.tell({ kind: "unheard", line: lineOf("x") });
  assertEquals(marks, ["", ""]);
  own.stop();
  const piped = markedBy(false);
  piped.enter(1);
  piped.deliver(0);
  assertEquals(piped.marks, []);
});

Deno.test("/status reports waiting messages and their recipients, as text and as an event", async () => {
  const [bo, cy] = [await peer("bo"), await peer("cy")];
  const who = new Trust({ known: KnownPeers.parse("") });
  const transcript = new Transcript({ style: makeStyle(false), echo: true, who, lasting: true });
  const waiting: WaitingLine[] = [
    { line: lineOf("hello"), sent: true, shown: 1, recipients: 3, waitingFor: [bo, cy] },
    { line: lineOf("psst\x1b[2J", bo), sent: false, shown: 0, recipients: 1, waitingFor: [bo] },
  ];
  const status: Status = { connected: true, others: 3, away: ["bo"], waiting, more: 4 };
  assertEquals(transcript.status(status), [
    "* connected, with 3 other members; away: bo",
    '* ✓ 1 of 3: not shown by bo and cy yet: "hello"',
    '* not sent yet: "psst␛[2J"',
    "* 4 more are waiting",
  ]);
  const idle: Status = { connected: false, others: 1, away: [], waiting: [], more: 0 };
  assertEquals(transcript.status(idle), [
    "* not connected, trying again",
    "* none of your messages is waiting",
  ]);
  who.lock(true);
  assertEquals(transcript.status({ ...idle, connected: true }), [
    "* connected, with 1 other member",
    "* none of your messages is waiting",
    "* locked: only known, invited and verified members receive your messages",
  ]);
  const { event, connected, roomName, members, away, locked, more, waiting: told } = JSON.parse(
    new Report(who, "garden").status(status)[0]!,
  );
  assertEquals([event, connected, roomName, members, away, locked, more], [
    ...["status", true, "garden", 4],
    ["bo"],
    ...[true, 4],
  ]);
  assertEquals(told[1], {
    id: "x.1",
    text: "psst\x1b[2J",
    to: "bo",
    sentAt: new Date(now()).toISOString(),
    sent: false,
    shown: 0,
    recipients: 1,
    waitingFor: ["bo"],
  });
  assertEquals(transcript.slow(waiting[0]!), [
    '* ✓ 1 of 3: not shown by bo and cy yet: "hello"',
  ]);
  assertEquals(JSON.parse(new Report(who).slow(waiting[0]!)[0]!).event, "waiting");
});

Deno.test("--bell selects which messages ring the bell: mentions and private ones, all, or none", async () => {
  const [self, bo] = [await credentialOf("ada", 1, now), await peer("bo")];
  const rings = (bell: Bell | undefined, pauseMs: number) => {
    let time = 0;
    const told: boolean[] = [];
    const attention = new Attention({
      presenter: new Report(),
      bell,
      display: {
        print: () => {},
        notify: (rings) => void told.push(rings),
        caughtUp: () => undefined,
        failed: new Promise(() => {}),
        failure: undefined,
      },
    }, () => time);
    attention.tell({ kind: "admitted", self, room: new Uint8Array(32) });
    const say = (text: string, isPrivate = false) => {
      time += pauseMs;
      const rest = { id: "x.1", time: 0, private: isPrivate };
      attention.tell({ kind: "message", from: bo, text, ...rest });
    };
    say("hello");
    say("hello ADA");
    say("psst", true);
    return told;
  };
  assertEquals(rings(undefined, 5_000), [true, true]);
  assertEquals(rings("mention", 5_000), [true, true]);
  assertEquals(rings("all", 5_000), [true, true, true]);
  assertEquals(rings("none", 5_000), []);
  assertEquals(rings("mention", 100), [true, false], "the bell does not ring twice in two seconds");
});

/** Lists names as the transcript does, without a limit. */
const all = (names: readonly string[]) => names.join(", ");
/** Counts names. */
const count = (names: readonly string[], more: number) => `${names.length + more}`;

Deno.test("/status names those who receive nothing, and calls only a locked room locked", async () => {
  const bo = await peer("bo");
  const who = new Trust({ known: KnownPeers.parse("") });
  const transcript = new Transcript({ style: makeStyle(false), echo: true, who, lasting: true });
  transcript.event({ kind: "joined", peer: bo, present: true });
  who.exclude(bo.credential);
  const status = { connected: true, others: 1, away: [], waiting: [], more: 0 };
  assertEquals(transcript.status(status).slice(2), ["* bo does not receive your messages"]);
});

/** Comings and goings at given times, in seconds, and the lines that are told of them. */
function linesOf(
  events: readonly (readonly [at: number, name: string, coming: Coming])[],
  grows = true,
) {
  let time = 0;
  const comings = new Comings(() => time, grows);
  const lines: string[] = [];
  const pass = (until: number) => {
    while (comings.dueMs !== undefined && time + comings.dueMs <= until) {
      time += comings.dueMs;
      lines.push(comings.take(count)!);
    }
    time = until;
  };
  for (const [at, name, coming] of events) {
    pass(at * 1000);
    comings.add(name, coming);
  }
  pass(time + 120_000);
  return lines;
}

/** Forty members that come at given times, in seconds, and go again. */
function forty(comesAt: (index: number) => number, stay: number) {
  return Array.from({ length: 40 }, (_, i) =>
    [
      [comesAt(i), `m${i}`, "joined"],
      [comesAt(i) + stay, `m${i}`, "left"],
    ] as const).flat().sort(([a], [b]) => a - b);
}

/** Forty times within 55 seconds, in no order, with long and short pauses: squares modulo a prime. */
const scattered = (index: number) => (index * index * 31 % 101) * 0.55;

Deno.test("forty members that come and go within a minute give one line, in any order and with any pauses", () => {
  assertEquals(linesOf(forty(() => 0, 0)), ["came and went: 40"], "at once");
  assertEquals(linesOf(forty((i) => i * 0.7, 0.2)), ["came and went: 40"], "in half a minute");
  assertEquals(linesOf(forty((i) => i * 1.45, 1)), ["came and went: 40"], "in a minute, evenly");
  assertEquals(linesOf(forty((i) => i * 0.7, 25)), ["came and went: 40"], "and stay for a while");
  assertEquals(linesOf(forty(scattered, 1)), ["came and went: 40"], "scattered");
  assertEquals(linesOf(forty(scattered, 4.9)), ["came and went: 40"], "scattered, and stay");
  const alone = (i: number) => i === 0 ? 0 : 20 + i * 0.9;
  assertEquals(linesOf(forty(alone, 0.5)), ["came and went: 40"], "one alone, and then the others");
});

Deno.test("members that come for three minutes give one line a minute", () => {
  const steady = Array.from({ length: 36 }, (_, i) => [i * 5, `m${i}`, "joined"] as const);
  assertEquals(linesOf(steady), ["joined: 12", "joined: 12", "joined: 12"]);
});

Deno.test("if the line cannot grow, the first arrival is printed at once and the others after a minute", () => {
  assertEquals(linesOf(forty(() => 0, 0), false), ["came and went: 40"], "at once");
  assertEquals(linesOf(forty((i) => i === 0 ? 0 : 5 + i, 0.5), false), [
    "came and went: 1",
    "came and went: 39",
  ]);
  assertEquals(linesOf(forty(scattered, 1), false).length, 2, "scattered");
  const rare = [[0, "bo", "joined"], [100, "bo", "left"], [200, "bo", "joined"]] as const;
  let time = 0;
  const comings = new Comings(() => time);
  const due = rare.map(([at, name, coming]) => {
    time = at * 1000;
    comings.add(name, coming, name, `alone: ${coming}`);
    const { dueMs } = comings;
    return [dueMs, comings.take(all)];
  });
  assertEquals(due, [
    [2_000, "alone: joined"],
    [2_000, "alone: left"],
    [2_000, "alone: joined"],
  ]);
});

Deno.test("a line of arrivals grows until its minute is over, or until something else is printed", () => {
  let time = 0;
  const comings = new Comings(() => time, true);
  const state = () => ({ seen: comings.isSeen, yields: comings.yields, due: comings.dueMs });
  assertEquals(state(), { seen: false, yields: false, due: undefined });
  comings.add("bo", "joined", "bo (new)", "bo joined (new)");
  assertEquals(state(), { seen: true, yields: true, due: 60_000 });
  assertEquals(comings.text(all), "bo joined (new)");
  time = 5_000;
  comings.add("cy", "joined", "cy (new)", "cy joined (new)");
  assertEquals(comings.text(all), "joined: bo (new), cy (new)");
  comings.add("cy", "left");
  assertEquals(comings.text(all), "joined: bo (new); came and went: cy");
  comings.dropJoining("bo");
  assertEquals(comings.text(all), "came and went: cy");
  assertEquals([comings.introduces("cy"), comings.introduces("bo")], [true, false]);
  assertEquals(comings.take(all), "came and went: cy");
  comings.add("di", "joined");
  assertEquals(state(), { seen: true, yields: false, due: 55_000 }, "the minute's second line");
  assert(!comings.introduces("di"), "only the first line of a minute ends early");
  assertEquals(state(), { seen: true, yields: false, due: 55_000 });
  comings.quiet = true;
  assertEquals(state(), { seen: false, yields: false, due: 55_000 });
  time = 60_000;
  assertEquals(comings.dueMs, 0);
  comings.take(all);
  comings.add("ed", "back");
  assertEquals(comings.dueMs, 60_000, "the next minute");
});

Deno.test("a line of arrivals and departures sums up what each member did", () => {
  const comings = new Comings(() => 0);
  comings.quiet = true;
  const events = [
    ["bo", "joined"],
    ["cy", "away"],
    ["cy", "back"],
    ["di", "left"],
    ["ed", "joined"],
    ["ed", "left"],
    ["fi", "away"],
    ["gus", "joined"],
    ["hal", "away"],
    ["hal", "left"],
    ["hal", "joined"],
    ["ivy", "joined"],
    ["ivy", "away"],
    ["jo", "back"],
  ] as const;
  for (const [name, coming] of events) comings.add(name, coming);
  assertEquals(comings.dueMs, 60_000);
  assertEquals(
    comings.take(all),
    "joined: bo, gus; was away for a moment: cy; gone: di; came and went: ed; away: fi; " +
      "left and came back: hal; joined, and away: ivy; back: jo",
  );
});

Deno.test("a line of thousands who come and go costs each of them the same, and keeps a bounded number", () => {
  const comings = new Comings(() => 0, true);
  let handedOut = 0;
  let longest = 0;
  const names = (first: readonly string[], more: number) => {
    handedOut += first.length;
    longest = Math.max(longest, first.length);
    return listed(first, more);
  };
  for (let i = 0; i < 5_000; i++) {
    comings.add(`m${i}`, "joined");
    comings.text(names);
  }
  assertEquals([handedOut <= 3 * 5_000, longest], [true, 3]);
  assertEquals(comings.text(names), "joined: m0, m1 and 4998 others");
  assertEquals([comings.introduces("m1999"), comings.introduces("m2000")], [true, false]);
  for (let i = 0; i < 5_000; i++) comings.add(`m${i}`, "left");
  const line = "joined: 3000 others; came and went: m0, m1 and 1998 others; gone: 3000 others";
  assertEquals(comings.take(names), line);
  assertEquals(comings.take(names), undefined);
});

/** A transcript as at a terminal, and the events of a member. */
function terminal(who: Trust, now = () => 0) {
  const options = { style: makeStyle(false), echo: true, lasting: true, gathers: true };
  const transcript = new Transcript({ ...options, who, now });
  const joins = (one: Peer) => transcript.event({ kind: "joined", peer: one, present: false });
  const leaves = (one: Peer, reason: "LEFT" | "REMOVED") =>
    transcript.event({ kind: "left", peer: one, reason, signed: true });
  return { transcript, joins, leaves };
}

const strangers = () => new Trust({ known: KnownPeers.parse("") });

Deno.test("a gathered joining is printed before the member's message, an answer, a list or a removal", async () => {
  const [bo, cy] = [await peer("bo"), await peer("cy")];
  const { transcript, joins, leaves } = terminal(strangers());
  const says = { kind: "message", from: bo, id: "x.1", time: 0, private: false } as const;
  assertEquals([joins(bo), transcript.gatheredMs], [[], 2_000]);
  assertEquals(transcript.event({ ...says, text: "hi" }), ["* bo joined (new)", "bo: hi"]);
  assertEquals(leaves(bo, "LEFT"), []);
  const lost = { kind: "disconnected", reason: "SHUTDOWN", detail: "" } as const;
  assertEquals(transcript.event(lost).slice(0, 1), ["* bo left"]);
  assertEquals(joins(cy), []);
  assertEquals(transcript.said("hi", undefined), ["* cy joined (new)", "you: hi"]);
  assertEquals(leaves(cy, "LEFT"), []);
  assertEquals(transcript.names([bo], bo.credential as OwnCredential), ["* cy left", "* bo (you)"]);
  joins(cy);
  assertEquals(leaves(cy, "REMOVED"), [
    "* cy joined (new)",
    "* cy is gone: the relay's owner has removed this identity",
  ]);
});

Deno.test("the leaving of a member is printed before the message that it missed", async () => {
  const bo = await peer("bo");
  const { transcript, leaves } = terminal(strangers());
  assertEquals(leaves(bo, "LEFT"), []);
  const missed = [{ name: "bo", signed: true }];
  assertEquals(transcript.event({ kind: "delivered", line: lineOf("hello"), missed }), [
    "* bo left",
    '! not shown to bo, who has left: "hello"',
  ]);
});

Deno.test("a run that replaces an earlier one of the same identity was away for a moment", async () => {
  const [bo, cy] = [await peer("bo"), await peer("cy")];
  const { transcript, joins } = terminal(strangers());
  const again = (one: Peer) => {
    transcript.event({ kind: "left", peer: one, reason: "REPLACED", signed: false });
    return joins(one);
  };
  assertEquals(transcript.event({ kind: "away", peer: bo }), []);
  assertEquals([again(bo), transcript.gathered()], [[], ["* was away for a moment: bo"]]);
  assertEquals([again(cy), transcript.gathered()], [[], ["* cy is back"]]);
});

Deno.test("output to a pipe reports each arrival and departure at once", async () => {
  const bo = await peer("bo");
  const transcript = new Transcript({ style: makeStyle(false), echo: false, who: strangers() });
  assertEquals(transcript.event({ kind: "joined", peer: bo, present: false }), [
    "* bo joined (new)",
  ]);
  assertEquals(transcript.event({ kind: "away", peer: bo }), [
    "* bo is away: its connection was lost",
  ]);
});

Deno.test("gathered arrivals are printed when they are due and when the chat ends", async () => {
  const bo = await peer("bo");
  const clock = { time: 0 };
  const { transcript, joins, leaves } = terminal(strangers(), () => clock.time);
  const printed = Promise.withResolvers<readonly string[]>();
  let last: readonly string[] = [];
  const attention = new Attention({
    presenter: transcript,
    display: {
      print: (lines) => {
        last = lines;
        printed.resolve(lines);
      },
      caughtUp: () => undefined,
      failed: new Promise(() => {}),
      failure: undefined,
    },
  });
  joins(bo);
  clock.time = 2_000;
  attention.tell({ kind: "joined", peer: bo, present: false });
  assertEquals(await printed.promise, ["* bo joined (new)"]);
  leaves(bo, "LEFT");
  attention.tell({ kind: "left", peer: bo, reason: "LEFT", signed: true });
  attention.stop();
  assertEquals(last, ["* bo left"]);
});

Deno.test("a joining with a changed key is printed at once, and /quiet gathers the others for a minute", async () => {
  const bo = await peer("bo");
  const other = `SHA256:${"x".repeat(42)}A`;
  const who = new Trust({ known: KnownPeers.parse(`cy ${other} 2026-11-01 verified\n`) });
  const { transcript, joins } = terminal(who);
  assertEquals(transcript.quiet(), [
    "* quiet: who came and went is said once a minute; /quiet undoes this",
  ]);
  assertEquals([joins(bo), transcript.gatheredMs], [[], 60_000]);
  const [line] = joins(await peer("cy"));
  assertEquals(line?.endsWith("joined (ITS KEY HAS CHANGED)"), true);
  assertEquals(transcript.said("hi", undefined), ["* bo joined (new)", "you (not to cy): hi"]);
  assertEquals(transcript.event({ kind: "away", peer: bo }), []);
  assertEquals(transcript.quiet(), [
    "* bo is away: its connection was lost",
    "* who comes and goes is seen at once again",
  ]);
});
