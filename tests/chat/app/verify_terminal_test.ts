// needs: net run=deno,tmux (about 50 s)

/**
 * Comparing words at terminals: what two people see, when they agree and when they do not, and what one sees whose
 * peer does not answer.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
import { joinRoom } from "../../../lib/tcp_chat.ts";
import { HAS_TMUX, type Pane, type Shown } from "../../terminal/tmux.ts";
import { credentialOf } from "../keys.ts";
import { shows, startChat, startServerPane } from "./chat_pane.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX, fn });
}

const SIZE = { columns: 100 };
const start = (...args: readonly string[]) => startChat(SIZE, ...args);

/** A server in a pane, and where it listens. */
async function startServer(): Promise<{ host: Pane; address: string }> {
  const { ada, address } = await startServerPane(SIZE);
  return { host: ada, address };
}

/** The words that a pane shows: the row below the line that announces them. */
function wordsIn({ rows }: Shown): string {
  const words = rows[rows.findLastIndex((row) => row.includes("the words of you and")) + 1] ?? "";
  assertMatch(words, /^\* {5}[a-z]+( {2}[a-z]+){3}$/);
  return words;
}

test("two people at two terminals verify each other by words, and are warned when the words differ", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  await host.until("bo", shows("bo joined"));
  await guest.type("/verify ada\n");
  const asked = await guest.until("bo's words", shows("/verify ada yes"));
  const answered = await host.until("ada's words", shows("/verify bo yes"));
  assertEquals(wordsIn(asked), wordsIn(answered));
  await guest.type("/verify ada yes\n");
  await guest.until("ada is verified", shows("ada is verified, for this run: SHA256:"));
  await host.until(
    "news of it",
    shows("* bo has confirmed the words; if you see the same ones: /verify bo yes"),
  );
  await host.type("/verify bo yes\n");
  await host.until("both", shows("* you and bo have both confirmed the words"));
  await guest.until("both", shows("* you and ada have both confirmed the words"));
  await host.type("/who\n");
  await host.until("who is there", shows("(verified)"));

  for (const pane of [host, guest]) await pane.type("/clear\n");
  await host.until("an empty screen", ({ rows }) => rows.length === 1);
  await host.type("/verify bo\n");
  await guest.until("new words", shows("/verify ada no"));
  await guest.type("/verify ada no\n");
  await guest.until(
    "the alarm",
    shows("! THE WORDS OF YOU AND ada DIFFER: someone may be between you"),
  );
  await host.until(
    "the alarm",
    shows("! bo SAYS THAT THE WORDS DIFFER: someone may be between you"),
  );
});

test("a person whose peer does not answer is told so and compares the safety number", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  const [hostname = "", port] = address.split(":");
  // A program of someone who does not know of words.
  const self = await credentialOf("bo", 0, Date.now);
  const session = await joinRoom({ self, hostname, port: Number(port), event: () => {} });
  await host.until("bo", shows("bo joined"));
  await host.type("/verify bo\n");
  await host.until("the question", shows("* asking bo for words to compare …"));
  await host.until(
    "the end",
    shows("* bo does not answer: it is away, or you have asked it too often"),
  );
  await host.type("/fingerprint bo\n");
  await host.until(
    "the number",
    shows("* if they match: /verify bo yes   if not: /verify bo no"),
  );
  await host.type("/verify yes\n");
  await host.until("the usage", shows("! say whose words you mean: /verify NAME yes"));
  await host.type("/verify bo yes\n");
  await host.until("bo is verified", shows(`bo is verified, for this run: ${self.fingerprint}`));
  session.leave();
  await session.ended;
});
