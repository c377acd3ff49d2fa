/**
 * How a conversation ends: what was entered goes first, and what does not go is told.
 *
 * @module
 */

import { Failure } from "../../../lib/base/failure.ts";
import { Conversation } from "../../../lib/chat/app/chat_loop.ts";
import { Report } from "../../../lib/chat/app/json_report.ts";
import type { Display, Rooms } from "../../../lib/chat/app/presenter.ts";
import { KnownPeers } from "../../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../../lib/chat/trust/trust.ts";
import { ReaderGone } from "../../../lib/os/io.ts";
import type { Input } from "../../../lib/os/streams.ts";
import type { Missed } from "../../../lib/chat/member/lines.ts";
import type { MemberEvent, Session } from "../../../lib/tcp_chat.ts";
import { credentialOf, until } from "../room.ts";
// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";

/** A display that shows at once, until it breaks. */
class Paper implements Display {
  readonly lines: string[] = [];
  readonly #broken = Promise.withResolvers<unknown>();
  readonly failed = this.#broken.promise;
  failure: Display["failure"];

  print(lines: readonly string[]): void {
    this.lines.push(...lines);
  }

  caughtUp(): undefined {}

  break(error: unknown): void {
    this.failure = { error };
    this.#broken.resolve(error);
  }

  /** The texts of notices, and of errors with their codes. */
  get said(): string[] {
    return this.lines.map((line) => JSON.parse(line)).flatMap(({ event, code, message, text }) =>
      event === "error" ? [`${code}: ${message}`] : event === "notice" ? [text] : []
    );
  }
}

/** A conversation whose session does what a test says. */
class Stage {
  readonly paper = new Paper();
  readonly entered: string[] = [];
  readonly conversation: Conversation;
  readonly stop = Promise.withResolvers<number>();
  readonly insist = Promise.withResolvers<void>();
  connected = true;
  backlog = { lines: 0, held: 0, bytes: 0, unsent: 0 };
  /** How often it left. */
  left = 0;
  readonly #stream = new TransformStream<Input, Input>(undefined, { highWaterMark: 99 });
  readonly #writer = this.#stream.writable.getWriter();

  constructor(interactive: boolean, giveUpMs = 60_000, rooms: Rooms | undefined = undefined) {
    this.conversation = new Conversation({
      ...rooms && { rooms, local: { run: ({ rest }) => Promise.resolve(rest) } },
      presenter: new Report(),
      display: this.paper,
      input: this.#stream.readable,
      trust: new Trust({ known: KnownPeers.parse("") }),
      interactive,
      stay: false,
      giveUpMs,
      stopped: this.stop.promise,
      insisted: this.insist.promise,
    });
  }

  async session(): Promise<Session> {
    const self = await credentialOf("ada", 0, Date.now);
    const ended = Promise.withResolvers<void>();
    const connected = () => this.connected;
    return {
      self,
      get connected() {
        return connected();
      },
      send: (text: string) => {
        this.entered.push(text);
        return { ok: true, id: "x.1" } as const;
      },
      sendNotice: () => false,
      displayed: () => {},
      members: () => [],
      backlog: () => this.backlog,
      waiting: () => [],
      leave: () => {
        this.left += 1;
        ended.resolve();
      },
      close: () => {},
      ended: ended.promise,
    };
  }

  /** Enters lines; a word in brackets is what happens beside them: `<interrupt>`, `<end>`. */
  enter(...lines: string[]): void {
    for (const text of lines) {
      if (text === "<interrupt>") this.#writer.write({ kind: "interrupt" });
      else if (text === "<end>") this.#writer.write({ kind: "end" });
      else this.#writer.write({ kind: "line", text });
    }
  }

  async endInput(): Promise<void> {
    await this.#writer.close();
  }

  async breakInput(error: unknown): Promise<void> {
    await this.#writer.abort(error);
  }

  happens(kind: "sent" | "delivered", missed?: readonly Missed[]): void {
    const line = { id: "x.1", text: "x" };
    this.conversation.tell({ kind, line, ...missed && { missed } } as MemberEvent);
  }
}

/** A conversation that has begun, and its end. */
async function begun(stage: Stage): Promise<{ readonly end: Promise<number | "moved"> }> {
  const end = stage.conversation.run(await stage.session());
  end.catch(() => {});
  stage.conversation.tell({ kind: "ready" });
  return { end };
}

const UNSENT = { lines: 1, held: 1, bytes: 5, unsent: 1 };
const UNSHOWN = { lines: 1, held: 1, bytes: 5, unsent: 0 };
const NOTHING = { lines: 0, held: 0, bytes: 0, unsent: 0 };

for (
  const [how, code, leave] of [
    ["/quit", 0, (stage: Stage) => stage.enter("/quit")],
    ["Ctrl-D", 0, (stage: Stage) => stage.enter("<end>")],
    ["Ctrl-C", 130, (stage: Stage) => stage.enter("<interrupt>")],
    ["SIGTERM", 0, (stage: Stage) => {
      stage.stop.resolve(0);
      stage.enter("<interrupt>"); // as a screen has it
    }],
    ["the end of the input", 0, (stage: Stage) => stage.endInput()],
  ] as const
) {
  Deno.test(`leaving by ${how} waits until the relay has accepted the entered lines`, async () => {
    const stage = new Stage(true);
    const { end } = await begun(stage);
    stage.backlog = UNSENT;
    stage.enter("hello");
    await leave(stage);
    await until(() => stage.paper.said.length === 1, "it is said that leaving waits");
    assertEquals(stage.entered, ["hello"]);
    assertEquals(stage.paper.said, [
      "1 message is being sent before you leave; Ctrl-C leaves at once",
    ]);
    assertEquals(stage.left, 0);
    stage.backlog = NOTHING;
    stage.happens("sent");
    assertEquals(await end, code);
    assertEquals([stage.left, stage.paper.said.length], [1, 1]);
  });
}

Deno.test("a second Ctrl-C ends the wait for delivery and reports the undelivered messages", async () => {
  const stage = new Stage(true);
  const { end } = await begun(stage);
  stage.backlog = { lines: 3, held: 3, bytes: 9, unsent: 2 };
  stage.enter("hello", "<interrupt>", "<interrupt>");
  assertEquals(await end, 130);
  assertEquals(stage.paper.said, ["NOT_DELIVERED: 2 messages were not delivered"]);
  assertEquals(stage.left, 1);
});

Deno.test("a second stop signal ends the wait for delivery", async () => {
  const stage = new Stage(false);
  const { end } = await begun(stage);
  stage.backlog = { lines: 3, held: 3, bytes: 9, unsent: 2 };
  stage.enter("hello");
  await until(() => stage.entered.length === 1, "it is entered");
  stage.stop.resolve(130);
  stage.insist.resolve();
  assertEquals(await end, 130);
  assertEquals(stage.paper.said, ["NOT_DELIVERED: 3 messages were not delivered"]);
  assertEquals(stage.left, 1);
});

Deno.test("a stop signal ends piped input with 1 if messages are undelivered", async () => {
  const stage = new Stage(false);
  const { end } = await begun(stage);
  stage.backlog = UNSHOWN;
  stage.enter("hello");
  await until(() => stage.entered.length === 1, "it is entered");
  stage.stop.resolve(0);
  assertEquals(await end, 1);
  assertEquals(stage.paper.said, ["NOT_DELIVERED: 1 message was not delivered"]);
});

Deno.test("a line that waits for room in the window counts as undelivered when a signal stops the process", async () => {
  const stage = new Stage(false);
  const { end } = await begun(stage);
  stage.backlog = { lines: 9, held: 9, bytes: 9 << 20, unsent: 0 };
  stage.enter("waits");
  await new Promise((resolve) => setTimeout(resolve, 0));
  stage.stop.resolve(130);
  assertEquals(await end, 130);
  assertEquals(stage.entered, []);
  assertEquals(stage.paper.said, ["NOT_DELIVERED: 10 messages were not delivered"]);
});

Deno.test("a person who leaves is told that the last message was not shown to everyone yet", async () => {
  const stage = new Stage(true);
  const { end } = await begun(stage);
  stage.backlog = UNSHOWN;
  stage.enter("hello", "/quit");
  assertEquals(await end, 0);
  assertEquals(stage.paper.said, ["your last message has not been shown to everyone yet"]);
});

Deno.test("leaving without a connection does not wait, and reports the undelivered messages", async () => {
  const stage = new Stage(true);
  const { end } = await begun(stage);
  stage.connected = false;
  stage.backlog = UNSENT;
  stage.enter("hello", "/quit");
  assertEquals(await end, 0);
  assertEquals(
    stage.paper.said.at(-1),
    "NOT_DELIVERED: 1 message was not delivered: there was no connection",
  );
});

for (const [entry, code] of [["<interrupt>", 130], ["<end>", 0], ["/quit", 0]] as const) {
  Deno.test(`${entry} before the session begins ends the chat at once, and the session is closed when it opens`, async () => {
    const stage = new Stage(true);
    const joining = Promise.withResolvers<Session>();
    const end = stage.conversation.run(joining.promise);
    stage.enter(entry);
    assertEquals(await end, code);
    assertEquals(stage.paper.said, []);
    joining.resolve(await stage.session());
    await until(() => stage.left === 1, "what came of it is left");
  });
}

Deno.test("a session that the relay ends before the conversation has it fails with the relay's reason", async () => {
  const stage = new Stage(false);
  const joining = Promise.withResolvers<Session>();
  const end = stage.conversation.run(joining.promise);
  stage.conversation.tell({ kind: "ended", reason: "TOO_MANY_FROM_ADDRESS", detail: "" });
  await new Promise((resolve) => setTimeout(resolve));
  joining.resolve(await stage.session());
  assertEquals((await assertRejects(() => end, Failure)).code, "TOO_MANY_FROM_ADDRESS");
});

Deno.test("Ctrl-C before the session begins reports how many entered lines were not delivered", async () => {
  const stage = new Stage(true);
  const end = stage.conversation.run(new Promise<Session>(() => {}));
  stage.enter("one", "", "two", "<interrupt>");
  assertEquals(await end, 130);
  assertEquals(stage.paper.said, [
    "NOT_DELIVERED: 2 messages were not delivered: you were not in the room",
  ]);
});

Deno.test("/quit after a line waits for the session and sends the line first", async () => {
  const stage = new Stage(true);
  const joining = Promise.withResolvers<Session>();
  const end = stage.conversation.run(joining.promise);
  stage.enter("hello", "/quit");
  await until(() => stage.paper.said.length === 1, "it is said that leaving waits");
  joining.resolve(await stage.session());
  stage.conversation.tell({ kind: "ready" });
  assertEquals(await end, 0);
  assertEquals(stage.entered, ["hello"]);
});

Deno.test("an output that cannot be written to ends the chat with the reason and leaves the room", async () => {
  const cases: readonly [unknown, string, string][] = [
    [
      Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" }),
      "ENOSPC",
      "no space is left on the device",
    ],
    [
      new ReaderGone({
        what: "cannot write to standard output",
        why: "the reader has closed it",
        code: "EPIPE",
      }),
      "EPIPE",
      "the reader has closed it",
    ],
  ];
  for (const [error, code, why] of cases) {
    const stage = new Stage(false);
    const { end } = await begun(stage);
    stage.paper.break(error);
    const failure = await assertRejects(() => end, Failure);
    assertEquals([failure.what, failure.why], ["cannot write to standard output", why]);
    assertEquals([failure.code, failure.exitCode, stage.left], [code, 1, 1]);
  }
});

Deno.test("piped input ends with 1 and the names of the members that left and missed lines", async () => {
  const stage = new Stage(false);
  const { end } = await begun(stage);
  stage.enter("one", "two", "three");
  stage.happens("delivered");
  const [bo, cy] = [{ name: "bo", signed: false }, { name: "cy", signed: false }];
  const di = { name: "di", signed: true };
  stage.happens("delivered", [bo, di]);
  stage.happens("delivered", [bo, cy]);
  await stage.endInput();
  const failure = await assertRejects(() => end, Failure);
  assertEquals([failure.code, failure.exitCode, stage.left], ["NOT_DELIVERED", 1, 1]);
  assertEquals(failure.why, "2 messages were not shown to bo and cy, who have left");
});

Deno.test("piped input ends with 0 if only members that signed their leaving missed lines", async () => {
  const stage = new Stage(false);
  const { end } = await begun(stage);
  stage.enter("one");
  stage.happens("delivered", [{ name: "bo", signed: true }]);
  await stage.endInput();
  assertEquals(await end, 0);
});

Deno.test("input that cannot be read ends the chat with its error and leaves the room", async () => {
  const stage = new Stage(false);
  const { end } = await begun(stage);
  await stage.breakInput(new Error("Is a directory (os error 21)"));
  await assertRejects(() => end, Error, "Is a directory");
  assertEquals(stage.left, 1);
});

Deno.test("piped input without recipients ends with 1 if a member of the room was refused for its credential", async () => {
  const tell = (stage: Stage, event: object) => stage.conversation.tell(event as MemberEvent);
  for (const [code, refused] of [["BAD_CREDENTIAL", true], ["GAP", false]] as const) {
    const stage = new Stage(false);
    const { end } = await begun(stage);
    tell(stage, { kind: "fault", code, peer: undefined, detail: "", count: 1 });
    stage.enter("hello");
    await until(() => stage.entered.length === 1, "it is entered");
    tell(stage, { kind: "unheard", line: { id: "x.1", shown: "hello" } });
    await stage.endInput();
    if (!refused) assertEquals(await end, 0);
    else assertEquals((await assertRejects(() => end, Failure)).code, "LINES_REFUSED");
  }
});

Deno.test("giving up on delivery leaves the room", async () => {
  const stage = new Stage(false, 0);
  const { end } = await begun(stage);
  stage.backlog = UNSHOWN;
  stage.enter("hello");
  await stage.endInput();
  const failure = await assertRejects(() => end, Failure);
  assertEquals([failure.code, stage.left], ["NOT_DELIVERED", 1]);
});

/** Rooms whose other room is entered, or not, when a test says so. */
class Doors implements Rooms {
  readonly current = "garden";
  readonly visited = ["garden"];
  readonly others = [];
  readonly answer = Promise.withResolvers<void>();
  readonly tried: string[] = [];

  enter(roomName: string, signal: AbortSignal): Promise<void> {
    this.tried.push(roomName);
    signal.addEventListener("abort", () => this.answer.reject(signal.reason));
    return this.answer.promise;
  }

  parting(): string[] {
    return ["the door closes"];
  }
}

Deno.test("Ctrl-C ends the attempt to join another room, and what was typed meanwhile is sent here", async () => {
  const doors = new Doors();
  const stage = new Stage(true, 60_000, doors);
  const { end } = await begun(stage);
  stage.enter("/join kitchen", "hello");
  await until(() => doors.tried.length === 1, "the attempt");
  assertEquals(stage.entered, [], "it waits until it is decided where it goes");
  stage.enter("<interrupt>");
  await until(() => stage.entered.length === 1, "the line");
  assertEquals(stage.paper.said, ["you stay in the room garden"]);
  stage.enter("/quit");
  assertEquals([await end, stage.left], [0, 1]);
});

Deno.test("who goes to another room leaves this one as with /quit, and what is typed after is not lost", async () => {
  const doors = new Doors();
  const stage = new Stage(true, 60_000, doors);
  const { end } = await begun(stage);
  stage.backlog = { lines: 1, held: 1, bytes: 5, unsent: 1 };
  stage.connected = false;
  stage.enter("/join kitchen", "for the kitchen");
  await until(() => doors.tried.length === 1, "the attempt");
  assertEquals(stage.left, 0, "not before the user is in the other room");
  doors.answer.resolve();
  assertEquals([await end, stage.left, stage.entered], ["moved", 1, []]);
  assertEquals(stage.paper.said, [
    "the door closes",
    "NOT_DELIVERED: 1 message was not delivered: there was no connection",
  ]);
  assertEquals(stage.conversation.carried.refused, 1);
});

Deno.test("a stop signal during an attempt to join another room ends the chat", async () => {
  const doors = new Doors();
  const stage = new Stage(true, 60_000, doors);
  const { end } = await begun(stage);
  stage.enter("/join kitchen");
  await until(() => doors.tried.length === 1, "the attempt");
  stage.stop.resolve(0);
  await stage.stop.promise;
  // As a screen reports it.
  stage.enter("<interrupt>");
  assertEquals([await end, stage.left], [0, 1]);
});
