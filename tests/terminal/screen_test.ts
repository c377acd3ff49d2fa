// needs: net run=deno,tmux (about 15 s)

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertStringIncludes } from "@std/assert";
import { HAS_TMUX, Pane, type Shown } from "./tmux.ts";

const COMMAND = "deno run --no-prompt --allow-net tests/fixtures/screen_demo.ts";

/** Whether the demo is up: its last word before it listens is its pid, above the prompt. */
function isUp({ rows }: Shown): boolean {
  return rows.at(-1) === "me>" && /^pid \d+$/.test(rows.at(-2) ?? "");
}

/** The demo in a pane, with a cleared screen. */
class Demo implements AsyncDisposable {
  private constructor(readonly pane: Pane, readonly port: number, readonly pid: number) {}

  static async start(columns: number, rows: number, ...env: string[]): Promise<Demo> {
    return await Demo.run(COMMAND, columns, rows, ...env);
  }

  static async run(command: string, columns: number, rows: number, ...env: string[]) {
    return await Demo.in(await Pane.open(columns, rows, ...env), command);
  }

  static async in(pane: Pane, command: string) {
    await pane.type(`clear; ${command}\n`);
    const { rows: lines } = await pane.until("the demo", isUp);
    const [, port, pid] = /port (\d+) pid (\d+)/.exec(lines.join(" "))!;
    await pane.press("C-l");
    await pane.shows(["me>"], [4, 0]);
    await pane.tmux("clear-history");
    return new Demo(pane, Number(port), Number(pid));
  }

  /** Lets messages come in. */
  async receive(...lines: string[]): Promise<void> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    const writer = connection.writable.getWriter();
    await writer.write(new TextEncoder().encode(lines.join("\n")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pane[Symbol.asyncDispose]();
  }
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX, fn });
}

test("a half-typed line survives an incoming message", async () => {
  await using demo = await Demo.start(40, 10);
  await demo.pane.type("half-typed");
  await demo.pane.press("Left", "Left");
  await demo.receive("one", "two");
  await demo.pane.shows(["peer: one", "peer: two", "me> half-typed"], [12, 2]);
  await demo.pane.press("Enter");
  await demo.pane.shows(["peer: one", "peer: two", 'said "half-typed"', "me>"], [4, 3]);
});

test("a half-typed line that wraps over several rows survives incoming messages", async () => {
  await using demo = await Demo.start(20, 12);
  const line = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ";
  await demo.pane.type(line);
  const rows = ["me> abcdefghijklmnop", "qrstuvwxyz0123456789", "ABCDEFGHIJ"];
  await demo.pane.shows(rows, [10, 2]);
  await demo.receive("a message that wraps, too");
  const messages = ["peer: a message that", "  wraps, too"];
  await demo.pane.shows([...messages, ...rows], [10, 4]);
  await demo.pane.press("Home", "Right");
  await demo.receive("two");
  await demo.pane.shows([...messages, "peer: two", ...rows], [5, 3]);
  await demo.pane.press("Enter");
  await demo.pane.until("the line", ({ rows }) => rows.at(-1) === "me>");
  const said = (await demo.pane.shown()).rows.map((row) => row.trimStart());
  assertStringIncludes(said.join(""), `said "${line}"`);
});

test("a line that wraps stays whole while messages scroll the screen", async () => {
  await using demo = await Demo.start(20, 8);
  await demo.pane.type("x".repeat(30));
  await demo.pane.press("Left");
  const input = [`me> ${"x".repeat(16)}`, "x".repeat(14)];
  await demo.pane.shows(input, [13, 1]);
  const numbers = Array.from({ length: 50 }, (_, i) => `peer: ${i}`);
  for (const message of numbers) await demo.receive(message.slice(6));
  await demo.pane.until("the last message", ({ rows }) => rows.includes("peer: 49"));
  await demo.pane.shows([...numbers.slice(-6), ...input], [13, 7]);
  assertEquals(await demo.pane.scrollback(), [...numbers, ...input]);
});

test("a line that fills its row puts the cursor at the start of the next", async () => {
  await using demo = await Demo.start(20, 8);
  await demo.pane.type("x".repeat(16));
  await demo.pane.until("the cursor", ({ cursor }) => cursor[0] === 0 && cursor[1] === 1);
  await demo.receive("hello");
  await demo.pane.shows(["peer: hello", `me> ${"x".repeat(16)}`], [0, 2]);
  await demo.pane.press("BSpace");
  await demo.pane.shows(["peer: hello", `me> ${"x".repeat(15)}`], [19, 1]);
});

test("Chinese, combining marks, flags and emoji sequences move and delete whole", async () => {
  await using demo = await Demo.start(40, 8);
  await demo.pane.type("中文e\u0301👩‍👩‍👧🇩🇪!");
  await demo.pane.shows(["me> 中文e\u0301👩‍👩‍👧🇩🇪!"], [14, 0]);
  const columns = [];
  for (const column of [13, 11, 9, 8, 6, 4]) {
    await demo.pane.press("Left");
    columns.push((await demo.pane.until("a move", (s) => s.cursor[0] === column)).cursor[0]);
  }
  assertEquals(columns, [13, 11, 9, 8, 6, 4]);
  await demo.pane.press("Delete", "Right", "Delete");
  await demo.pane.shows(["me> 文👩‍👩‍👧🇩🇪!"], [6, 0]);
  await demo.pane.press("End", "Left", "BSpace");
  await demo.pane.shows(["me> 文👩‍👩‍👧!"], [8, 0]);
  await demo.pane.press("BSpace", "C-e");
  await demo.pane.type("👩‍👩‍👧‍👦");
  await demo.pane.press("Enter");
  await demo.pane.shows(['said "文!👩‍👩‍👧‍👦"', "me>"].map(asTmux), [4, 1]);
});

/** tmux 3.3 keeps 21 bytes of a cluster at most: it drops the last of a family of four. */
function asTmux(row: string): string {
  return row.replace("👩‍👩‍👧‍👦", "👩‍👩‍👧‍");
}

test("a decomposed accent and a Thai mark in the last column stand on their own letter", async () => {
  await using demo = await Demo.start(20, 8);
  for (const letter of ["e\u0301", "ก\u0e49", "e\u0323\u0302"]) {
    const row = `me> ${"n".repeat(15)}${letter}`;
    await demo.pane.type(row.slice(4));
    await demo.pane.shows([row], [0, 1]);
    await demo.receive("hello");
    await demo.pane.shows(["peer: hello", row], [0, 2]);
    await demo.pane.type("x");
    await demo.pane.shows(["peer: hello", row, "x"], [1, 2]);
    await demo.pane.press("Left", "Left");
    await demo.pane.shows(["peer: hello", row, "x"], [19, 1]);
    await demo.pane.press("End", "C-u", "C-l");
    await demo.pane.shows(["me>"], [4, 0]);
  }
});

test("wide characters wrap whole and survive a message", async () => {
  await using demo = await Demo.start(15, 10);
  await demo.pane.type("中文中文中文中文");
  const rows = ["me> 中文中文中", "文中文"];
  await demo.pane.shows(rows, [6, 1]);
  await demo.receive("你好");
  await demo.pane.shows(["peer: 你好", ...rows], [6, 2]);
});

test("the cursor stands right where the terminal gives an emoji another width", async () => {
  await using demo = await Demo.start(40, 8);
  // A keycap is two columns wide by Unicode, and one in tmux 3.3.
  await demo.pane.type("1\ufe0f\u20e3ab");
  await demo.pane.press("Left");
  const { rows, cursor } = await demo.pane.until(
    "the line",
    ({ rows }) => /ab$/.test(rows[0] ?? ""),
  );
  assertEquals(rows.length, 1);
  await demo.pane.until("the cursor", (shown) => shown.cursor[0] !== cursor[0] || cursor[0] < 8);
  await demo.pane.type("X");
  await demo.pane.until("the insertion", ({ rows }) => rows[0]?.endsWith("aXb") === true);
  await demo.pane.press("Left");
  const before = await columnOf(demo, "X");
  await demo.pane.until("the cursor on X", (shown) => shown.cursor[0] === before);
});

/** The column in which the terminal itself shows a character: where a search finds it. */
async function columnOf(demo: Demo, char: string): Promise<number> {
  await demo.pane.tmux("copy-mode");
  await demo.pane.tmux("send-keys", "-X", "search-backward", char);
  const column = await demo.pane.tmux("display-message", "-p", "#{copy_cursor_x}");
  await demo.pane.tmux("send-keys", "-X", "cancel");
  return Number(column);
}

test("the arrow keys recall earlier lines and the half-typed one", async () => {
  await using demo = await Demo.start(40, 10);
  await demo.pane.type("first\nsecond\nhalf");
  const said = ['said "first"', 'said "second"'];
  await demo.pane.shows([...said, "me> half"], [8, 2]);
  await demo.pane.press("Up", "Up");
  await demo.pane.shows([...said, "me> first"], [9, 2]);
  await demo.receive("hello");
  await demo.pane.shows([...said, "peer: hello", "me> first"], [9, 3]);
  await demo.pane.press("Down", "Down");
  await demo.pane.shows([...said, "peer: hello", "me> half"], [8, 3]);
});

test("Home, End and the keys of readline edit the line", async () => {
  await using demo = await Demo.start(40, 6);
  await demo.pane.type("one two three");
  await demo.pane.press("C-w", "Home", "C-y", "M-f", "M-f", "C-k", "M-b", "C-u");
  await demo.pane.shows(["me> two"], [4, 0]);
  await demo.pane.press("C-e", "Space", "C-y", "C-a", "Delete");
  await demo.pane.shows(["me> wo threeone"], [4, 0]);
});

test("Ctrl-C clears the line and on an empty one leaves", async () => {
  await using demo = await Demo.start(40, 6);
  await demo.pane.type("half-typed");
  await demo.pane.shows(["me> half-typed"]);
  await demo.pane.press("C-c");
  await demo.pane.shows(["me>"], [4, 0]);
  await demo.pane.press("C-c");
  await demo.pane.shows(["left by interrupt", "$"], [2, 1]);
});

test("Ctrl-D deletes forward and on an empty line leaves", async () => {
  await using demo = await Demo.start(40, 6);
  await demo.pane.type("ab");
  await demo.pane.press("Home", "C-d");
  await demo.pane.shows(["me> b"], [4, 0]);
  await demo.pane.press("C-d", "C-d");
  await demo.pane.shows(["left by end", "$"], [2, 1]);
});

test("a pasted text of several lines is one message, its controls taken out", async () => {
  await using demo = await Demo.start(60, 6);
  await demo.pane.type("<");
  await demo.pane.paste("one\ntwo\n\x1b[31m\x03three\u202e");
  await demo.pane.shows(["me> <one␊two␊[31mthree\\u{202e}"], [30, 0]);
  await demo.pane.type(">");
  await demo.pane.press("Enter");
  await demo.pane.shows(['said "<one␊two␊[31mthree\\\\u{202e}>"', "me>"]);
});

test("a paste of 500 lines is one message", async () => {
  await using demo = await Demo.start(60, 12);
  const text = Array.from({ length: 500 }, (_, i) => `line ${i}`);
  await demo.pane.paste(text.join("\n"));
  await demo.pane.shows(["paste 500 lines? (y/n)"]);
  await demo.pane.press("y");
  await demo.pane.until("its end", ({ rows }) => rows.join("").endsWith("line 498␊line 499"));
  await demo.pane.press("Enter");
  await demo.pane.until("the prompt", ({ rows }) => rows.at(-1) === "me>");
  const rows = await demo.pane.scrollback();
  const said = rows.slice(rows.findIndex((row) => row.startsWith("said ")), -1);
  const whole = said.map((row, i) => i === 0 ? row : row.slice(2)).join(" ");
  assertEquals([whole, rows.at(-1)], [`said "${text.join("␊")}"`, "me>"]);
});

test("a paste of more than 20 lines asks first, and n drops it", async () => {
  await using demo = await Demo.start(60, 12);
  await demo.pane.type("half");
  await demo.pane.paste("line\n".repeat(21));
  await demo.pane.shows(["paste 21 lines? (y/n)"], [22, 0]);
  await demo.receive("hello");
  await demo.pane.shows(["peer: hello", "paste 21 lines? (y/n)"], [22, 1]);
  await demo.pane.press("Enter", "n");
  await demo.pane.shows(["peer: hello", "me> half"], [8, 1]);
});

test("lines that are pasted where the terminal marks no paste are one message", async () => {
  await using demo = await Demo.start(60, 12);
  await demo.pane.tmux("set-buffer", "--", "one\ntwo\n/exit");
  await demo.pane.tmux("paste-buffer");
  await demo.pane.shows(["me> one␊two␊/exit"], [17, 0]);
  await demo.pane.press("Enter");
  await demo.pane.shows(['said "one␊two␊/exit"', "me>"], [4, 1]);
  await demo.pane.tmux("set-buffer", "--", "y\n".repeat(21));
  await demo.pane.tmux("paste-buffer");
  await demo.pane.shows(['said "one␊two␊/exit"', "paste 21 lines? (y/n)"]);
  await demo.pane.press("n");
  await demo.pane.shows(['said "one␊two␊/exit"', "me>"], [4, 1]);
});

test("Tab completes a word, lists several completions, and goes through them as Shift-Tab does back", async () => {
  await using demo = await Demo.start(40, 8);
  await demo.pane.type("hi a");
  await demo.pane.press("Tab");
  await demo.pane.shows(["ada  adele", "me> hi ad"], [9, 1]);
  await demo.pane.press("Tab", "Tab");
  await demo.pane.shows(["ada  adele", "me> hi adele"], [13, 1]);
  await demo.pane.press("BTab");
  await demo.pane.type("and b");
  await demo.pane.press("Tab");
  await demo.pane.shows(["ada  adele", "me> hi ada and bo"], [18, 1]);
});

test("Ctrl-R searches earlier lines, Enter enters the one that was found", async () => {
  await using demo = await Demo.start(40, 10);
  await demo.pane.type("first\nsecond\nhalf");
  const said = ['said "first"', 'said "second"'];
  await demo.pane.shows([...said, "me> half"]);
  await demo.pane.press("C-r");
  await demo.pane.type("s");
  await demo.pane.shows([...said, 'search "s": second'], [12, 2]);
  await demo.receive("hello");
  await demo.pane.shows([...said, "peer: hello", 'search "s": second'], [12, 3]);
  await demo.pane.press("C-r");
  await demo.pane.shows([...said, "peer: hello", 'search "s": first'], [15, 3]);
  await demo.pane.press("C-g");
  await demo.pane.shows([...said, "peer: hello", "me> half"], [8, 3]);
  await demo.pane.press("C-r", "i", "r", "Enter");
  await demo.pane.shows([...said, "peer: hello", 'said "first"', "me>"], [4, 4]);
});

test("Alt-Enter and Shift-Enter put a line break into the message", async () => {
  await using demo = await Demo.start(40, 6);
  await demo.pane.type("one");
  await demo.pane.press("M-Enter");
  await demo.pane.type("two");
  // What a terminal sends for Shift-Enter that tells it from Enter (CSI u).
  await demo.pane.type("\x1b[13;2u");
  await demo.pane.type("three");
  await demo.pane.shows(["me> one␊two␊three"]);
  await demo.pane.press("Enter");
  await demo.pane.shows(['said "one␊two␊three"', "me>"]);
});

test("messages wrap at blanks, and a URL that is wider than the terminal is copied whole", async () => {
  await using demo = await Demo.start(20, 14);
  const url = "https://example.org/a/page?of=this";
  await demo.pane.type("half");
  await demo.receive("words that wrap at blanks", `see ${url} and 中文 too`);
  const rows = [
    "peer: words that",
    "  wrap at blanks",
    "peer: see https://ex",
    "ample.org/a/page?of=",
    "this",
    "  and 中文 too",
  ];
  await demo.pane.shows([...rows, "me> half"], [8, 6]);
  assertEquals((await demo.pane.tmux("capture-pane", "-p", "-J")).trimEnd().split("\n"), [
    ...rows.slice(0, 2),
    `peer: see ${url}`,
    "  and 中文 too",
    "me> half",
  ]);
});

test("no word of a message, however wide, lets the message begin a row like a line of its own", async () => {
  await using demo = await Demo.start(40, 24);
  const forged = "17:14 cy: I have sent the money, go on";
  const bars = "=".repeat(80 - "peer: ".length);
  const url = `http://x/${"=".repeat(80 - "peer: http://x/".length)}`;
  await demo.receive(
    `${bars}${forged}`,
    `${bars} ${forged}`,
    `${url}${forged}`,
    `${url} ${forged}`,
  );
  const { rows } = await demo.pane.until(
    "the messages",
    ({ rows }) => rows.filter((row) => row.includes("sent the money")).length === 4,
  );
  const starts = rows.filter((row) => !row.startsWith("  "));
  assertEquals(starts.filter((row) => !/^(peer: \S+|=+|=+17:14|17:14|me>)$/.test(row)), []);
});

test("what stood in the row of the cursor is gone when the program starts", async () => {
  await using pane = await Pane.open(60, 10);
  await pane.type(`clear; printf 'Download 2/8'; ${COMMAND}\n`);
  const { rows } = await pane.until("the demo", isUp);
  assertEquals(rows.length, 3, rows.join("\n"));
  assertEquals(rows[0]?.startsWith("port "), true, rows[0]);
});

test("a message that is longer than a row stays one line, which a terminal copies whole", async () => {
  await using demo = await Demo.start(40, 12);
  const url = `https://example.org/${"a".repeat(286)}`;
  await demo.pane.type("half-typed");
  await demo.receive(url, "the next");
  await demo.pane.until(
    "both",
    ({ rows }) => rows.at(-2) === "peer: the next" && rows.at(-1) === "me> half-typed",
  );
  const rows = (await demo.pane.tmux("capture-pane", "-p", "-J")).trimEnd().split("\n");
  assertEquals(rows, [`peer: ${url}`, "peer: the next", "me> half-typed"]);
});

test("a resize redraws the line, and messages go on above it", async () => {
  await using demo = await Demo.start(40, 12);
  await demo.receive("hello");
  await demo.pane.shows(["peer: hello", "me>"]);
  await demo.pane.type("abcdefghijklmnopqrstuvwxyz0123456789 中文中文中文");
  await demo.pane.press("Left");
  const message = "peer: hello";
  // A terminal that makes more rows of what it shows may scroll the top of it off, where nobody can erase it.
  const drawn = async (columns: number, input: readonly string[], cursor: number) => {
    // tmux reflows at once, but holds back the news of a resize that follows another within 250 ms.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await demo.pane.resize(columns, 12);
    await demo.pane.until(
      `at ${columns} columns:\n${input.join("\n")}\n`,
      ({ rows, cursor: [column] }) =>
        input.every((row, i) => row === rows.at(i - input.length)) && column === cursor,
    );
    assertEquals((await demo.pane.scrollback())[0], message);
  };
  const forty = ["me> abcdefghijklmnopqrstuvwxyz0123456789", " 中文中文中文"];
  await drawn(40, forty, 11);
  await drawn(23, ["me> abcdefghijklmnopqrs", "tuvwxyz0123456789 中文", "中文中文"], 6);
  await drawn(15, ["me> abcdefghijk", "lmnopqrstuvwxyz", "0123456789 中文", "中文中文"], 6);
  await drawn(60, ["me> abcdefghijklmnopqrstuvwxyz0123456789 中文中文中文"], 51);
  await drawn(40, forty, 11);
  await demo.receive("two");
  await demo.pane.until(
    "the message above the line",
    ({ rows, cursor: [column] }) =>
      ["peer: two", ...forty].every((row, i) => row === rows.at(i - 3)) && column === 11,
  );
});

test("a very long line takes half of the screen at most and scrolls to its cursor", async () => {
  await using demo = await Demo.start(20, 10);
  await demo.receive("hello");
  await demo.pane.shows(["peer: hello", "me>"]);
  const numbers = Array.from({ length: 40 }, (_, i) => String(100 + i));
  await demo.pane.type(numbers.join(""));
  const rows = `me> ${numbers.join("")}`.match(/.{1,20}/g)!; // 124 columns: 7 rows
  await demo.pane.shows(["peer: hello", ...rows.slice(2)], [4, 5]);
  await demo.receive("two");
  await demo.pane.shows(["peer: hello", "peer: two", ...rows.slice(2)], [4, 6]);
  await demo.pane.press("Home");
  await demo.pane.shows(["peer: hello", "peer: two", ...rows.slice(0, 5)], [4, 2]);
});

test("Ctrl-L clears the screen and keeps the line, setPrompt() changes what is before it", async () => {
  await using demo = await Demo.start(40, 6);
  await demo.pane.type("/prompt 2\r");
  await demo.pane.shows(["prompt 2>"], [10, 0]);
  await demo.receive("hello");
  await demo.pane.type("half");
  await demo.pane.shows(["peer: hello", "prompt 2> half"]);
  await demo.pane.press("C-l");
  await demo.pane.shows(["prompt 2> half"], [14, 0]);
});

test("what stands above the input line wraps as printed text does, and stays below it", async () => {
  await using demo = await Demo.start(20, 10);
  await demo.pane.type("/above 3\r");
  await demo.pane.shows(["* word * word * word", "me>"], [4, 1]);
  await demo.pane.type("half");
  await demo.receive("hello");
  await demo.pane.shows(["peer: hello", "* word * word * word", "me> half"], [8, 2]);
  await demo.pane.press("C-u");
  await demo.pane.type("/above 5\r");
  await demo.pane.shows(["peer: hello", "* word * word * word", "  * word * word", "me>"], [4, 3]);
  await demo.pane.press("C-l");
  await demo.pane.shows(["* word * word * word", "  * word * word", "me>"], [4, 2]);
  await demo.receive("two");
  await demo.pane.type("/above 0\r");
  await demo.pane.shows(["peer: two", "me>"], [4, 1]);
});

test("what stands above the input line never scrolls away with what is printed", async () => {
  await using demo = await Demo.start(20, 8);
  const above = ["* word * word * word", "  * word * word"];
  await demo.pane.type("/above 5\r");
  await demo.pane.shows([...above, "me>"], [4, 2]);
  const numbers = Array.from({ length: 30 }, (_, i) => `peer: ${i}`);
  for (const message of numbers) await demo.receive(message.slice(6));
  await demo.pane.shows([...numbers.slice(-5), ...above, "me>"], [4, 7]);
  assertEquals(await demo.pane.scrollback(), [...numbers, ...above, "me>"]);
});

test("what stands above the input line is left out where it does not fit, and erased where it is reflowed", async () => {
  await using demo = await Demo.start(40, 8);
  await demo.pane.type("/above 5\r");
  await demo.pane.shows(["* word * word * word * word * word", "me>"], [4, 1]);
  await demo.pane.resize(20, 8);
  await demo.pane.shows(["* word * word * word", "  * word * word", "me>"], [4, 2]);
  await demo.receive("hello");
  await demo.pane.shows(["peer: hello", "* word * word * word", "  * word * word", "me>"]);
  await demo.pane.type("/above 40\r");
  await demo.pane.shows(["peer: hello", "me>"], [4, 1]);
  await demo.pane.type("/above 3\r");
  await demo.pane.shows(["peer: hello", "* word * word * word", "me>"], [4, 2]);
  await demo.pane.type("/exit\r");
  await demo.pane.until("the end", ({ rows }) => rows.at(-1) === "$");
  const { rows } = await demo.pane.shown();
  assertEquals(rows.some((row) => row.includes("word")), false, rows.join("\n"));
});

/** The terminal's settings, as `stty -g` says them, and what `cat -v` shows of a paste. */
async function settings(pane: Pane, mark: string): Promise<string> {
  await pane.type(`clear; echo ${mark} $(stty -g); cat -v\n`);
  await pane.until("stty", ({ rows }) => rows[0]?.startsWith(`${mark} `) === true);
  await pane.paste("pasted");
  const { rows } = await pane.until("the paste", ({ rows }) => rows.join("").includes("pasted"));
  const wrap = await pane.tmux("display-message", "-p", "#{wrap_flag} #{cursor_flag}");
  await pane.press("C-u", "C-d");
  await pane.until("the shell", ({ rows }) => rows.at(-1) === "$");
  return `${rows.join("").slice(mark.length)} ${wrap}`;
}

test("the terminal is as it was, however the program ends", async () => {
  await using pane = await Pane.open(100, 30);
  const before = await settings(pane, "before");
  assertStringIncludes(before, "pasted 1 1");
  const ways: [string, (pane: Pane, pid: string) => Promise<void>][] = [
    ["end", (pane) => pane.press("C-d")],
    ["interrupt", (pane) => pane.press("C-c")],
    ["exit", (pane) => pane.type("/exit\r")],
    ["throw", (pane) => pane.type("/throw\r")],
    ["reject", (pane) => pane.type("/reject\r")],
    ["SIGTERM", (pane, pid) => pane.run(`kill -TERM ${pid}`)],
    ["SIGHUP", (pane, pid) => pane.run(`kill -HUP ${pid}`)],
    ["SIGINT", (pane, pid) => pane.run(`kill -INT ${pid}`)],
  ];
  for (const [name, end] of ways) {
    await pane.type(`clear; ${COMMAND}; echo $? ${name}\n`);
    const { rows } = await pane.until("the demo", isUp);
    await end(pane, /pid (\d+)/.exec(rows.join(" "))![1]!);
    await pane.until(
      `the end by ${name}`,
      ({ rows }) => rows.at(-1) === "$" && new RegExp(`^\\d+ ${name}$`).test(rows.at(-2) ?? ""),
    );
    assertEquals(await settings(pane, name), before, name);
  }
});

test("a second signal ends a program that does not heed the first", async () => {
  await using demo = await Demo.start(40, 8);
  await demo.pane.type("/deaf\r");
  await demo.pane.shows(["deaf from here on", "me>"]);
  await demo.pane.run(`kill -TERM ${demo.pid}`);
  await demo.pane.until("a free row", ({ rows }) => rows.at(-1) === "deaf from here on");
  await demo.pane.run(`kill -TERM ${demo.pid}`);
  await demo.pane.until("the shell", ({ rows }) => rows.at(-1) === "$");
});

test("a program that was stopped draws its line again when it goes on", async () => {
  await using demo = await Demo.start(40, 10);
  await demo.pane.type("half");
  await demo.pane.shows(["me> half"]);
  await demo.pane.run(`kill -STOP ${demo.pid}`);
  await demo.pane.until("the shell", ({ rows }) => rows.at(-1) === "$");
  await demo.pane.type("fg\n");
  await demo.pane.until(
    "the line",
    ({ rows, cursor }) => rows.at(-1) === "me> half" && cursor[0] === 8,
  );
  await demo.pane.type("way");
  await demo.pane.press("Enter");
  await demo.pane.until("its entry", ({ rows }) => rows.includes('said "halfway"'));
});

/** Whether the shell has the terminal, and it is as a shell expects it. */
async function isCooked({ pane }: Demo): Promise<void> {
  await pane.until("the shell", ({ rows }) => rows.at(-1) === "$");
  await pane.type("clear; stty -a | grep -c -e '-icanon' -e '-echo ' -e '-isig'\n");
  await pane.shows(["0", "$"]);
}

/** Has the shell go on with the demo, half a line of which was typed. */
async function goesOn({ pane }: Demo): Promise<void> {
  await pane.type("clear; fg\n");
  const isBack = ({ rows, cursor }: Shown) =>
    rows.at(-1) === "me> half" && cursor[0] === 8 && cursor[1] === rows.length - 1;
  await pane.until("the line", isBack);
  assertEquals((await pane.shown()).rows.filter((row) => row.startsWith("me>")), ["me> half"]);
}

for (const shell of ["sh", "bash"]) {
  test(`Ctrl-Z in ${shell} gives the terminal back as it was, and fg draws the line again`, async () => {
    const pane = await Pane.open(60, 10);
    if (shell === "bash") await pane.type("PS1='$ ' exec bash --norc\n");
    await using demo = await Demo.in(pane, COMMAND);
    await demo.pane.type("half");
    await demo.pane.shows(["me> half"]);
    await demo.pane.press("C-z");
    await isCooked(demo);
    await goesOn(demo);
    await demo.pane.type("way");
    await demo.pane.press("Enter");
    await demo.pane.until("its entry", ({ rows }) => rows.includes('said "halfway"'));
  });
}

test("SIGTSTP from elsewhere stops it as Ctrl-Z does, and in the background it stops again", async () => {
  await using demo = await Demo.start(60, 10);
  await demo.pane.type("half");
  await demo.pane.shows(["me> half"]);
  await demo.pane.run(`kill -TSTP ${demo.pid}`);
  await isCooked(demo);
  // The shell has it go on before it looks.
  const stopped = `until ps -o stat= -p ${demo.pid} | grep -q T; do :; done; echo stopped`;
  await demo.pane.type(`bg; ${stopped}\n`);
  await demo.pane.until("that it has stopped", ({ rows }) => rows.includes("stopped"));
  await isCooked(demo);
  await goesOn(demo);
  await demo.receive("hello");
  await demo.pane.until("a message", ({ rows }) => rows.includes("peer: hello"));
});

test("Ctrl-Z and SIGTSTP are refused under deno task, which would keep the terminal", async () => {
  await using demo = await Demo.run(`${COMMAND} --task=screen`, 90, 10);
  await demo.pane.type("half");
  await demo.pane.press("C-z");
  const refusal = "* Ctrl-Z does nothing under deno task: start it by deno run, as in docs/chat.md";
  await demo.pane.shows([refusal, "me> half"]);
  await demo.pane.run(`kill -TSTP ${demo.pid}`);
  await demo.pane.shows([refusal, refusal, "me> half"]);
});

test("colours are for terminals, and not with NO_COLOR", async () => {
  const looks: string[] = [];
  for (const env of ["NO_COLOR=", "NO_COLOR=1"]) {
    await using demo = await Demo.start(40, 6, env);
    await demo.receive("hello");
    await demo.pane.shows(["peer: hello", "me>"]);
    looks.push(await demo.pane.tmux("capture-pane", "-p", "-e"));
  }
  assertStringIncludes(looks[0]!, "\x1b[36mpeer");
  assertStringIncludes(looks[0]!, "\x1b[32mme>");
  assertEquals(looks[1]!.includes("\x1b"), false);
});
