// needs: net run=deno,tmux (about 20 s)

/**
 * The chat itself at terminals: what people see of each other, and how they leave.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
import { startClient } from "./chat_process.ts";
import { HAS_TMUX, Pane, type Shown } from "../../terminal/tmux.ts";
import { isAt, shows, startChat, startServerPane } from "./chat_pane.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX, fn });
}

const SIZE = { columns: 110 };
const start = (...args: readonly string[]) => startChat(SIZE, ...args);

/** What follows a word in the rows of a pane. */
function after(word: string, { rows }: Shown): string {
  const row = rows.find((one) => one.includes(word)) ?? "";
  return row.slice(row.indexOf(word) + word.length);
}

/** A server in a pane, and where it listens. */
async function startServer(): Promise<{ host: Pane; address: string }> {
  const { ada, address } = await startServerPane(SIZE);
  return { host: ada, address };
}

/** The fingerprint that a person is shown when asking for it. */
async function fingerprintOf(pane: Pane): Promise<string> {
  await pane.type("/fingerprint\n");
  const shown = await pane.until("the fingerprint", shows("your fingerprint is"));
  const fingerprint = after("your fingerprint is ", shown);
  assertMatch(fingerprint, /^SHA256:\S{43}$/);
  return fingerprint;
}

test("two people at two terminals see each other's names, talk, and leave by Ctrl-D and Ctrl-C", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  const begun = (await host.shown()).rows;
  assertEquals(begun, [
    begun[0]!,
    `* others on this machine join with: parley chat client ${address}`,
    "* you are ada; no one else is here yet (/help lists the commands)",
    "ada>",
  ]);
  await using guest = await start("client", address, "--name", "bo");
  await guest.until("the prompt", isAt("bo>"));
  assertEquals((await guest.shown()).rows, [
    "* you are bo, with ada (new)",
    "* no one is verified yet: run /verify NAME and compare words by phone",
    "* /help lists the commands",
    "bo>",
  ]);
  await host.until("bo", ({ rows }) => rows.includes("* bo joined (new)"));
  const fingerprint = await fingerprintOf(host);
  await guest.type("/verify ada yes\n");
  await guest.until("a refusal", shows("nothing of ada is shown for you to compare"));
  await guest.type("/fingerprint ada\n");
  await guest.until("ada's fingerprint", shows(`the fingerprint of ada is ${fingerprint}`));

  await host.type("half-typed");
  await guest.type("hello 中文 🙂 \\o/\n");
  await host.until(
    "bo's line above ada's own",
    ({ rows }) => rows.includes("bo: hello 中文 🙂 \\o/") && rows.at(-1) === "ada> half-typed",
  );
  await host.press("Enter");
  await guest.until("ada's line", ({ rows }) => rows.includes("ada: half-typed"));
  await guest.type("/msg ada psst\n");
  await host.until("bo's word", ({ rows }) => rows.includes("bo (to you only): psst"));
  await guest.until("its echo", ({ rows }) => rows.includes("you (to ada only): psst"));
  await guest.type("/who\n");
  await guest.until(
    "the roster",
    ({ rows }) => rows.some((row) => row.includes("bo") && row.endsWith("(you)")),
  );

  await guest.press("C-d");
  await guest.until("bo's leaving", ({ rows }) => rows.includes("left with 0"));
  await host.until("news of it", ({ rows }) => rows.includes("* bo left"));
  await host.press("C-c");
  const left = await host.until("ada's leaving", ({ rows }) => rows.includes("left with 130"));
  assertEquals(left.rows.some((row) => row.includes("the server stops")), false);
});

test("a person who hosts the room and leaves is told that the room closes", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  await host.until("bo", shows("bo joined"));
  await host.type("/quit\n");
  await host.until("the leaving", ({ rows }) => rows.includes("left with 0"));
  const { rows } = await host.shown();
  const closes = "* the server stops with you: the other member is disconnected until a server";
  assertEquals(rows.some((row) => row.startsWith(closes)), true, rows.join("\n"));
  await guest.until("the loss", shows("connection lost"));
});

test("at a terminal parley chat asks the tutorial's two questions and generates a name", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start();
  await guest.until("the first question", isAt("server or client?"));
  await guest.type("c\n");
  await guest.until(
    "the second question",
    ({ rows }) => rows.at(-1)?.startsWith("the server's address?") === true,
  );
  await guest.type(`${address}\n`);
  const { rows } = await guest.until(
    "the guest",
    ({ rows }) => /^[a-z]+-[a-z]+-[2-9]{2}>$/.test(rows.at(-1) ?? ""),
  );
  await guest.type("hello\n");
  await host.until(
    "its line",
    (shown) => shown.rows.includes(`${rows.at(-1)!.slice(0, -1)}: hello`),
  );
  await guest.type("/quit\n");
  await guest.until("its leaving", ({ rows }) => rows.includes("left with 0"));
  await using another = await start();
  await another.until("the first question", isAt("server or client?"));
  await another.press("C-c");
  await another.until("its leaving", ({ rows }) => rows.includes("left with 130"));
});

test("each message shows the time at which it was sent", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  await guest.until("the prompt", isAt("bo>"));
  host.plain = guest.plain = false;
  await guest.type("hello\n");
  const line = (who: string) => new RegExp(`^[0-2][0-9]:[0-5][0-9] ${who}: hello$`);
  await guest.until("its own line", ({ rows }) => rows.some((row) => line("you").test(row)));
  await host.until("bo's line", ({ rows }) => rows.some((row) => line("bo").test(row)));
});

test("the prompt marks delivery, and earlier lines keep their place", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  await guest.until("the prompt", isAt("bo>"));
  host.plain = guest.plain = false;
  await host.until("bo", shows("bo joined"));
  await guest.type("hello\n");
  const shown = await guest.until("the mark", isAt("bo ✓>"));
  await guest.type("/status\n");
  const after = await guest.until("the answer", shows("* none of your messages is waiting"));
  assertEquals(after.rows.slice(0, shown.rows.length - 1), shown.rows.slice(0, -1));
  await using other = await startClient(address, "cy", "--listen");
  await guest.until("cy", shows("cy"));
  other.kill("SIGSTOP");
  await guest.type("are you there?\n");
  await guest.until("that it waits", isAt("bo …>"));
  await host.until("bo's line", shows("are you there?"));
  const slow = '* ✓ 1 of 2: not shown by cy yet: "are you there?"';
  await guest.until("who is slow, unasked", ({ rows }) => rows.includes(slow));
  other.kill("SIGCONT");
  await guest.until("the mark", isAt("bo ✓>"));
});

test("a private message and a mention ring the bell and count in the title until a key is pressed", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  await guest.until("the prompt", isAt("bo>"));
  await host.tmux("set-hook", "-g", "alert-bell", "set-option -g @rang yes");
  const rang = async () => (await host.tmux("show-options", "-gqv", "@rang")).trim();
  const title = async () => (await host.tmux("display-message", "-p", "#{pane_title}")).trim();
  const before = await title();
  await guest.type("hello to all\n");
  await host.until("the line", shows("hello to all"));
  assertEquals([await rang(), await title()], ["", before]);
  await guest.type("ada\x07?\n/msg ada psst\n");
  await host.until("the private line", shows("bo (to you only): psst"));
  assertEquals([await rang(), await title()], ["yes", "(2) parley: ada"]);
  await host.type("x");
  await host.until("the key", isAt("ada> x"));
  assertEquals(await title(), before);
});

test("messages of an ignored member are hidden, and its sender is told", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  await guest.until("the prompt", isAt("bo>"));
  await host.until("bo", shows("joined (new)"));
  await host.type("/ignore bo\n");
  await host.until("the answer", shows("* messages of bo are hidden"));
  await guest.type("can you read this?\n");
  const words = '! not shown by ada, who hides your messages, or knows you by another key: "can ';
  await guest.until("the news", shows(words));
  await host.type("/unignore bo\n");
  await host.until("the answer", shows("* messages of bo are shown again"));
  await guest.type("and this?\n");
  const shown = await host.until("the line", shows("bo: and this?"));
  assertEquals(shown.rows.some((row) => row.includes("can you read this")), false);
  assertEquals(shown.rows.some((row) => row.includes("HIDDEN")), false);
});

test("the person who hosts the room removes a member, and the other members see it", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  await guest.until("the prompt", isAt("bo>"));
  await using other = await start("client", address, "--name", "cy");
  await other.until("the prompt", isAt("cy>"));
  await guest.type("/KICK ada\n");
  await guest.until("that it cannot", shows("(NOT_HOST)"));
  await guest.type("/me waves\n/names\n");
  await other.until("what bo does", ({ rows }) => rows.includes("~ bo waves"));
  await guest.until("the names", ({ rows }) => rows.includes("* bo (you), ada, cy"));
  // Who is removed before its line was taken is told of that as well.
  guest.plain = false;
  await guest.until("that it was taken", isAt("bo ✓>"));
  await host.type("/kick bo\n");
  await guest.until("the end", shows("the relay's owner has removed this identity (REMOVED)"));
  const gone = "* bo is gone: the relay's owner has removed this identity";
  for (const pane of [host, other]) {
    await pane.until("bo's going", ({ rows }) => rows.includes(gone));
  }
  await host.type("/ban cy\n");
  await host.until("who is banned", shows("may not join this room again"));
  await other.until("the end", shows("left with 1"));
  await host.type("/clear\n");
  await host.until("a clear screen", ({ rows }) => rows.length === 1 && rows[0] === "ada>");
});

test("arrivals and departures show at once, in one line that grows until something else is printed", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  const begun = (await host.shown()).rows.slice(0, -1);
  const shows = (...rows: string[]) => host.shows([...begun, ...rows, "ada>"]);
  const guest = await startClient(address, "bo");
  await shows("* bo joined (new)");
  await using other = await startClient(address, "cy", "--listen");
  await shows("* joined: bo (new) and cy (new)");
  await guest.endInput();
  await guest.ended();
  await shows("* joined: cy (new); came and went: bo");
  await host.type("/names\n");
  await shows("* joined: cy (new); came and went: bo", "* ada (you), cy");
  await using another = await startClient(address, "di", "--listen");
  const first = ["* joined: cy (new); came and went: bo", "* ada (you), cy"];
  await shows(...first, "* di joined (new)");
  await other.type("hello\n");
  await shows(...first, "cy: hello", "* di joined (new)");
  await another.type("hi\n");
  await shows(...first, "cy: hello", "di: hi", "* di joined (new)");
});

test("a typed line of blanks is not sent", async () => {
  const { host, address } = await startServer();
  await using _host = host;
  await using guest = await start("client", address, "--name", "bo");
  await guest.until("the prompt", isAt("bo>"));
  await guest.type("   \n");
  await guest.type("a word\n");
  const shown = await guest.until("the word", shows("you: a word"));
  assertEquals(shown.rows.filter((row) => row.startsWith("you:")), ["you: a word"]);
  const heard = await host.until("the word", shows("bo: a word"));
  assertEquals(heard.rows.filter((row) => row.startsWith("bo:")), ["bo: a word"]);
});

test("at a dumb terminal the chat sends no escape codes, and the terminal edits the line", async () => {
  await using pane = await Pane.open(110, 24, "TERM=dumb");
  pane.plain = true;
  const command = "deno run $KEYS --no-prompt --allow-net --allow-env=TERM main.ts";
  await pane.type(
    `clear; TERM=dumb ${command} chat server --port 0 --name ada; echo left with $?\n`,
  );
  await pane.until("the server", shows("no one else is here yet"));
  await pane.type("//hello\n/who\n");
  await pane.until("the roster", shows("(you)"));
  const looks = await pane.tmux("capture-pane", "-p", "-e");
  assertEquals([looks.includes("\x1b"), looks.includes("ada>")], [false, false], looks);
  await pane.press("C-d");
  await pane.until("its leaving", shows("left with 0"));
  await pane.type(`clear; TERM=dumb ${command} chat\n`);
  await pane.until("the question", isAt("server or client?"));
  await pane.type("\n");
  await pane.until("how to answer", shows("type s to open a room here"));
  await pane.type("c\n127.0.0.1:1\n");
  await pane.until("that nothing is there", shows("ECONNREFUSED"));
});
