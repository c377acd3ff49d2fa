// needs: net run=deno (about 22 s)

/**
 * Real processes that are broken: a relay that is killed again and again, connections that are cut, a member that
 * is stopped for a while. What was entered is shown exactly once all the same.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { granted } from "../../fixtures/granted.ts";
import { ChatProcess } from "../app/chat_process.ts";

const NAMES = ["ada", "bo", "cy", "di"];
/** How many lines each member says, and how often the relay is killed meanwhile. */
const LINES = 500;
const KILLS = 20;

/** Connections go through it, and it can break them. */
class Proxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #pairs = new Set<readonly Deno.Conn[]>();
  readonly #running: Promise<void>;

  constructor(to: number) {
    this.#running = this.#run(to);
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** Breaks the connection that has been there longest. */
  cut(): void {
    const [oldest] = this.#pairs;
    if (oldest !== undefined) this.#close(oldest);
  }

  async #run(to: number): Promise<void> {
    const pipes: Promise<void>[] = [];
    for await (const near of this.#listener) {
      pipes.push(this.#join(near, to));
    }
    await Promise.all(pipes);
  }

  async #join(near: Deno.Conn, to: number): Promise<void> {
    let far: Deno.Conn;
    try {
      far = await Deno.connect({ port: to });
    } catch (error) {
      const { ConnectionRefused, ConnectionReset } = Deno.errors;
      if (!(error instanceof ConnectionRefused || error instanceof ConnectionReset)) throw error;
      near.close(); // the relay is down, or goes down just now
      return;
    }
    const pair = [near, far];
    this.#pairs.add(pair);
    await Promise.all([this.#pipe(near, far, pair), this.#pipe(far, near, pair)]);
  }

  async #pipe(from: Deno.Conn, to: Deno.Conn, pair: readonly Deno.Conn[]): Promise<void> {
    const buffer = new Uint8Array(64 << 10);
    try {
      for (
        let length = await from.read(buffer);
        length !== null;
        length = await from.read(buffer)
      ) {
        for (let at = 0; at < length;) at += await to.write(buffer.subarray(at, length));
      }
    } catch {
      // Broken from one side or the other, which is what it is for.
    } finally {
      this.#close(pair);
    }
  }

  #close(pair: readonly Deno.Conn[]): void {
    if (!this.#pairs.delete(pair)) return;
    for (const conn of pair) conn.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const pair of this.#pairs) this.#close(pair);
    await this.#running;
  }
}

function relay(port: number): ChatProcess {
  return new ChatProcess(["server", "--relay-only", "--json", "--port", String(port)]);
}

/** How many lines of a process report an event, without reading them all again as objects. */
function count({ lines }: ChatProcess, event: string): number {
  return lines.filter((line) => line.startsWith(`{"event":"${event}"`)).length;
}

Deno.test({
  name:
    "what four members say is shown once to each, though the relay is killed 20 times under them",
  ignore: !granted("run=deno"),
  async fn() {
    let server = relay(0);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => server[Symbol.asyncDispose]());
    const port = Number((await server.event("listening")).port);
    const proxy = stack.use(new Proxy(port));
    const members = await Promise.all(NAMES.map(async (name) => {
      const args = ["client", `127.0.0.1:${proxy.port}`, "--name", name, "--json", "--listen"];
      const member = stack.use(new ChatProcess(args));
      await member.event("joined");
      return member;
    }));
    const everyone = (one: ChatProcess) => count(one, "joined") === NAMES.length;
    for (const member of members) await member.until(everyone, "everyone is there");

    for (let round = 0; round < KILLS; round++) {
      const from = round * LINES / KILLS;
      const lines = Array.from({ length: LINES / KILLS }, (_, i) => `line ${from + i + 1}\n`);
      const half = lines.length / 2;
      for (const member of members) await member.type(lines.slice(0, half).join(""));
      if (round % 3 === 1) proxy.cut();
      if (round === 5) members[3]!.kill("SIGSTOP");
      if (round === 8) members[3]!.kill("SIGCONT");
      server.kill("SIGKILL");
      await server.ended();
      for (const member of members) await member.type(lines.slice(half).join(""));
      server = relay(port);
      await server.event("listening");
      // Some rounds let everyone come back; in others the relay is killed while they do.
      if (round % 2 === 0) await server.until((one) => count(one, "joined") >= 2, "two are back");
    }

    const isDone = (one: ChatProcess) => count(one, "delivered") === LINES;
    for (const member of members) await member.until(isDone, "everything is delivered");
    const expected = Array.from({ length: LINES }, (_, i) => `line ${i + 1}`);
    for (const [at, member] of members.entries()) {
      const messages = member.all("message");
      for (const other of NAMES.filter((name) => name !== NAMES[at])) {
        const texts = messages.filter(({ from }) => from === other).map(({ text }) => text);
        assertEquals(texts, expected, `${NAMES[at]} of ${other}`);
      }
      for (const event of ["sent", "delivered"]) {
        const ids = member.all(event).map(({ id }) => id);
        assertEquals([ids.length, new Set(ids).size], [LINES, LINES], event);
      }
      assertEquals([count(member, "error"), count(member, "left")], [0, 0]);
      assert(count(member, "reconnected") > 0, "it lost its connection");
    }
    for (const member of members) {
      member.kill("SIGTERM");
      assertEquals(await member.ended(), 0);
    }
  },
});
