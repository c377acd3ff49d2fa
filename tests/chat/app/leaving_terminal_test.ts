// needs: net run=deno,tmux (about 10 s)

/**
 * Leaving the chat at a terminal: what was entered a moment before arrives, in whatever way one leaves.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { encodeGreeting } from "../../../lib/chat/wire/kinds.ts";
import { HAS_TMUX, Pane } from "../../terminal/tmux.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX, fn });
}

function command(...args: readonly string[]): string {
  return ["deno", "run", "$KEYS", "--no-prompt", "--allow-net", "main.ts", "chat", ...args].join(
    " ",
  );
}

/** A server in a pane, and where it listens. */
async function startServer(): Promise<{ ada: Pane; address: string }> {
  const ada = await Pane.open(110, 40, "NO_COLOR=1");
  ada.plain = true;
  await ada.type(`clear; ${command("server", "--port", "0", "--name", "ada")}\n`);
  const isThere = (rows: readonly string[]) =>
    rows.some((row) => row.includes("no one else is here yet"));
  const { rows } = await ada.until("the server", ({ rows }) => isThere(rows));
  const row = rows.find((one) => one.includes("listening on "))!;
  return { ada, address: /listening on ([^,]+),/.exec(row)![1]! };
}

/** A client that is in the room, at the end of its pane's command line; `exec` gives it the shell's own process. */
async function visit(address: string, name: string, how: (line: string) => string): Promise<Pane> {
  const pane = await Pane.open(110, 24, "NO_COLOR=1");
  pane.plain = true;
  await pane.type(`clear; ${how(command("client", address, "--name", name))}\n`);
  await pane.until(
    "the room",
    ({ rows }) => rows.some((row) => row.startsWith(`* you are ${name}`)),
  );
  return pane;
}

const LEFT = (line: string) => `${line}; echo left with $?`;

for (
  const [how, name, code, leave] of [
    ["Ctrl-D", "bo", 0, (bo: Pane) => bo.press("l", "a", "s", "t", "Enter", "C-d")],
    ["Ctrl-C", "cy", 130, (bo: Pane) => bo.press("l", "a", "s", "t", "Enter", "C-c")],
    ["lines that end in /quit", "di", 0, (bo: Pane) => bo.type("first\nlast\n/quit\n")],
  ] as const
) {
  test(`a line entered right before leaving by ${how} arrives`, async () => {
    const { ada, address } = await startServer();
    await using _ada = ada;
    await using bo = await visit(address, name, LEFT);
    await leave(bo);
    await ada.until("the leaving", ({ rows }) => rows.includes(`* ${name} left`));
    assertEquals((await ada.shown()).rows.includes(`${name}: last`), true);
    await bo.until("the end", ({ rows }) => rows.includes(`left with ${code}`));
  });
}

for (const signal of ["TERM", "HUP"]) {
  test(`a line entered right before SIG${signal} arrives`, async () => {
    const { ada, address } = await startServer();
    await using _ada = ada;
    await using bo = await visit(address, "bo", (line) => `exec ${line}`);
    const pid = (await bo.tmux("display-message", "-p", "#{pane_pid}")).trim();
    await bo.tmux("set-option", "remain-on-exit", "on");
    await bo.press("l", "a", "s", "t", "Enter");
    await bo.until("the line", ({ rows }) => rows.includes("you: last"));
    await bo.run(`kill -${signal} ${pid}`);
    await ada.until("the leaving", ({ rows }) => rows.includes("* bo left"));
    assertEquals((await ada.shown()).rows.includes("bo: last"), true);
  });
}

test("lines pasted together with the answers to the two questions are delivered", async () => {
  const { ada, address } = await startServer();
  await using _ada = ada;
  await using bo = await Pane.open(110, 24, "NO_COLOR=1");
  bo.plain = true;
  await bo.type(`clear; ${LEFT(command())}\n`);
  await bo.until("the question", ({ rows }) => rows.at(-1) === "server or client?");
  await bo.type(`client\n${address}\nfirst\nlast\n/quit\n`);
  await bo.until("the end", ({ rows }) => rows.includes("left with 0"));
  const { rows } = await ada.until(
    "the leaving",
    ({ rows }) => rows.at(-2)?.endsWith(" left") === true,
  );
  const texts = rows.flatMap((row) => /^[a-z]+-[a-z]+-[2-9]{2}: (.*)$/.exec(row)?.[1] ?? []);
  assertEquals(texts, ["first", "last"]);
});

/** An address at which connections are neither made nor refused: its queue of connections is full. */
class Nowhere implements Disposable {
  readonly address: string;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  readonly #given = new AbortController();
  readonly #attempts: Promise<Deno.TcpConn>[];

  constructor() {
    const { hostname, port } = this.#listener.addr;
    this.address = `${hostname}:${port}`;
    const { signal } = this.#given;
    this.#attempts = Array.from({ length: 8 }, () => Deno.connect({ hostname, port, signal }));
    for (const attempt of this.#attempts) attempt.then((conn) => conn.close(), () => {});
  }

  [Symbol.dispose](): void {
    this.#given.abort();
    this.#listener.close();
  }
}

test("a host that does not answer is named, and Ctrl-C and /quit end the wait for it", async () => {
  using nowhere = new Nowhere();
  const { address } = nowhere;
  await using bo = await Pane.open(110, 24, "NO_COLOR=1");
  bo.plain = true;
  for (const [keys, code] of [[["C-c"], 130], [["/", "q", "u", "i", "t", "Enter"], 0]] as const) {
    await bo.type(`clear; ${LEFT(command("client", address, "--name", "bo"))}\n`);
    await bo.until(
      "what it does",
      ({ rows }) => rows.at(-1) === `(connecting to ${address} …) bo>`,
    );
    await bo.press(...keys);
    const { rows } = await bo.until("the end", ({ rows }) => rows.includes(`left with ${code}`));
    assertEquals(rows.some((row) => row.includes("no answer")), false);
  }
});

test("closing the terminal window while the client connects ends it before it joins", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}`;
  const bo = await Pane.open(110, 24, "NO_COLOR=1");
  await bo.type(`${LEFT(command("client", address, "--name", "bo"))}\n`);
  const greeting = encodeGreeting("");
  const heard = new Uint8Array(greeting.length + 1);
  let count = 0;
  const hear = async (conn: Deno.Conn) => {
    const read = await conn.read(heard.subarray(count));
    count += read ?? 0;
    return read !== null;
  };
  // It connects while it generates its keys, and greets once it has them: anew, if they took long.
  let conn = await listener.accept();
  while (count < greeting.length) {
    if (await hear(conn)) continue;
    conn.close();
    conn = await listener.accept();
  }
  using _conn = conn;
  await bo[Symbol.asyncDispose]();
  // A relay that challenges it now hears nothing more.
  while (count < heard.length && await hear(conn));
  assertEquals(heard.slice(0, count), greeting);
});
