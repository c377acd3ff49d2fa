import { Failure } from "../../../lib/base/failure.ts";
import { Conversation } from "../../../lib/chat/app/chat_loop.ts";
import { Report } from "../../../lib/chat/app/json_report.ts";
import type { Display } from "../../../lib/chat/app/presenter.ts";
import { KnownPeers } from "../../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../../lib/chat/trust/trust.ts";
import type { Input } from "../../../lib/os/streams.ts";
import type { OwnCredential, Session } from "../../../lib/tcp_chat.ts";
import { credentialOf, until } from "../room.ts";
// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";

const now = () => 1_700_000_000_000;

/** A display that shows what was printed when it is told to. */
class SlowDisplay implements Display {
  readonly failed = new Promise<never>(() => {});
  readonly failure = undefined;
  shown = 0;
  #printed = 0;
  #waiting = Promise.withResolvers<void>();

  print(_lines: readonly string[], mark = this.#printed): void {
    this.#printed = mark;
  }

  caughtUp(): Promise<void> | undefined {
    return this.shown === this.#printed ? undefined : this.#waiting.promise;
  }

  show(): void {
    this.shown = this.#printed;
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers();
  }
}

/** Lines that are entered when a test says so. */
class Typing {
  readonly #stream = new TransformStream<Input, Input>(undefined, { highWaterMark: 9 });
  readonly #writer = this.#stream.writable.getWriter();
  readonly input: AsyncIterable<Input> = this.#stream.readable;

  enter(text: string): void {
    this.#writer.write({ kind: "line", text });
  }

  async end(): Promise<void> {
    await this.#writer.close();
  }
}

/** A session that notes how many events had been shown when each line was entered. */
function sessionOf(self: OwnCredential, display: SlowDisplay, lines: [string, number][]): Session {
  return {
    self,
    send: (text: string) => {
      lines.push([text, display.shown]);
      return { ok: true, id: "x.1" } as const;
    },
    members: () => [],
    backlog: () => ({ lines: 0, held: 0, bytes: 0, unsent: 0 }),
    leave: () => {},
    close: () => {},
    ended: Promise.resolve(),
  } as unknown as Session;
}

async function converse(
  interactive: boolean,
  play: (typing: Typing, conversation: Conversation, display: SlowDisplay) => Promise<void>,
): Promise<[string, number][]> {
  const display = new SlowDisplay();
  const typing = new Typing();
  const lines: [string, number][] = [];
  const conversation = new Conversation({
    presenter: new Report(),
    display,
    input: typing.input,
    trust: new Trust({ known: KnownPeers.parse("") }),
    interactive,
    stay: false,
    giveUpMs: 1000,
    stopped: new Promise(() => {}),
    insisted: new Promise(() => {}),
  });
  const self = await credentialOf("ada", 0, now);
  const running = conversation.run(sessionOf(self, display, lines));
  conversation.tell({ kind: "ready" });
  display.show();
  typing.enter("first");
  await until(() => lines.length === 1, "the first line is entered");
  const credential = await credentialOf("ghost", 1, now);
  const ghost = { number: 2, credential, confirmed: true, away: false };
  conversation.tell({ kind: "joined", peer: ghost, present: false });
  typing.enter("second");
  await play(typing, conversation, display);
  await until(() => lines.length >= 2, "the second line is entered");
  display.show();
  await typing.end();
  assertEquals(await running, 0);
  return lines;
}

Deno.test("a typed line is for the members displayed when it was entered, and does not wait for the display", async () => {
  const lines = await converse(true, () => Promise.resolve());
  assertEquals(lines, [["first", 1], ["second", 1]]);
});

Deno.test("a piped line waits for the display, and is for the members displayed then", async () => {
  const lines = await converse(false, async (_typing, _conversation, display) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    display.show();
  });
  assertEquals(lines, [["first", 1], ["second", 2]]);
});

Deno.test("a line of blanks is sent if it is piped, and ignored if it is typed", async () => {
  const said = async (interactive: boolean) => {
    const lines = await converse(interactive, (typing, _conversation, display) => {
      typing.enter("  ");
      display.show();
      return Promise.resolve();
    });
    return lines.map(([text]) => text);
  };
  assertEquals(await said(true), ["first", "second"]);
  assertEquals(await said(false), ["first", "second", "  "]);
});

/** How a conversation fails whose session is told that its credential has expired. */
async function expired(): Promise<Failure> {
  const display = new SlowDisplay();
  const conversation = new Conversation({
    presenter: new Report(),
    display,
    input: new Typing().input,
    trust: new Trust({ known: KnownPeers.parse("") }),
    interactive: true,
    stay: false,
    giveUpMs: 1000,
    stopped: new Promise(() => {}),
    insisted: new Promise(() => {}),
  });
  const self = await credentialOf("ada", 0, now);
  const session = {
    ...sessionOf(self, display, []),
    backlog: () => ({ lines: 2, held: 2, bytes: 9, unsent: 2 }),
  };
  const running = conversation.run(session);
  conversation.tell({ kind: "ended", reason: "CREDENTIAL_EXPIRED", detail: "" });
  display.show();
  return await assertRejects(() => running, Failure);
}

Deno.test("an expired credential ends the chat with the advice to check the clock", async () => {
  const old = await expired();
  assertEquals(
    [old.what, old.why, old.code, old.exitCode],
    [
      "cannot join the room",
      "the credential has expired; 2 messages were not delivered",
      "CREDENTIAL_EXPIRED",
      1,
    ],
  );
  assertEquals(old.hint, "check this machine's clock");
});
