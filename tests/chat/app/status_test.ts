// needs: net (about 10 s)

/**
 * What a person is told of messages that not everyone has shown.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Bell, Status } from "../../../lib/chat/app/presenter.ts";
import { Report } from "../../../lib/chat/app/json_report.ts";
import { Attention, Comings, OwnMessages } from "../../../lib/chat/app/speech.ts";
import { Transcript } from "../../../lib/chat/app/transcript.ts";
import { KnownPeers } from "../../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../../lib/chat/trust/trust.ts";
import type { Line, Peer, Session, WaitingLine } from "../../../lib/tcp_chat.ts";
import { makeStyle } from "../../../lib/terminal/terminal.ts";
import { credentialOf } from "../room.ts";

const now = () => 1_700_000_000_000;

function lineOf(shown: string, to?: Peer): Line {
  const text = new TextEncoder().encode(shown);
  const recipients = { to, version: 1, leftOut: new Set<string>() };
  return { id: "x.1", stream: 0, number: 1, time: now(), text, shown, ...recipients };
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

Deno.test("the mark tells whether everyone has shown what was entered", () => {
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

Deno.test("there is no mark where nobody is there to show a message, nor for piped input", () => {
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

Deno.test("/status tells what waits and for whom, in words and as an event", async () => {
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
    "* 4 more wait",
  ]);
  const idle: Status = { connected: false, others: 1, away: [], waiting: [], more: 0 };
  assertEquals(transcript.status(idle), [
    "* not connected, trying again",
    "* no message of yours waits",
  ]);
  who.lock(true);
  assertEquals(transcript.status({ ...idle, connected: true }), [
    "* connected, with 1 other member",
    "* no message of yours waits",
    "* locked: only known and verified members receive your messages",
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

Deno.test("private messages and those that name the user ring the bell, or all, or none", async () => {
  const [self, bo] = [await credentialOf("ada", 1, now), await peer("bo")];
  const rings = (bell: Bell | undefined, pauseMs: number) => {
    let time = 0;
    const told: boolean[] = [];
    const attention = new Attention({
      interactive: true,
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

Deno.test("forty that come and go in a minute are one line after the first three", () => {
  let time = 0;
  const comings = new Comings(() => time);
  let shown = 0;
  for (let i = 0; i < 40; i++) {
    time += 700;
    if (!comings.fold(`m${i}`, "joined")) shown += 1;
    if (!comings.fold(`m${i}`, "left")) shown += 1;
  }
  assertEquals(shown, 3);
  const due = comings.dueMs!;
  assertEquals(due > 30_000 && due < 60_000, true);
  const text = comings.take((names) => `${names.length}`);
  assertEquals(text, "gone: 1; came and went: 38");
  assertEquals([comings.dueMs, comings.take(all)], [undefined, undefined]);
  time += 60_000;
  assertEquals(comings.fold("bo", "joined"), false, "a minute later they are shown again");
});

Deno.test("/quiet folds every coming and going, and names what each member did last", () => {
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
  ] as const;
  for (const [name, coming] of events) assertEquals(comings.fold(name, coming), true);
  assertEquals(comings.dueMs, 60_000);
  assertEquals(
    comings.take(all),
    "joined: bo, gus; back: cy; gone: di; came and went: ed; away: fi",
  );
});

Deno.test("a person who sends a message first sees who was folded, and a changed key is never folded", async () => {
  const bo = await peer("bo");
  const other = `SHA256:${"x".repeat(42)}A`;
  const who = new Trust({ known: KnownPeers.parse(`cy ${other} 2026-11-01 verified\n`) });
  const transcript = new Transcript({ style: makeStyle(false), echo: true, who, lasting: true });
  assertEquals(transcript.quiet(), [
    "* quiet: who comes and goes is told in one line a minute; /quiet undoes this",
  ]);
  assertEquals(transcript.event({ kind: "joined", peer: bo, present: false }), []);
  assertEquals(transcript.said("hi", undefined), ["* joined: bo", "you: hi"]);
  const [line] = transcript.event({ kind: "joined", peer: await peer("cy"), present: false });
  assertEquals(line?.endsWith("joined (ITS KEY HAS CHANGED)"), true);
  assertEquals(transcript.event({ kind: "away", peer: bo }), []);
  assertEquals(transcript.quiet(), ["* away: bo", "* who comes and goes is told at once"]);
});
