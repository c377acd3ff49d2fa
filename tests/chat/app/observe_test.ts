// needs: net run=deno

/**
 * The log and the metrics of a server, as its operator sees them.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { granted } from "../../fixtures/granted.ts";
import { parley } from "../../fixtures/parley.ts";
import { ChatProcess, startClient, startServer } from "./chat_process.ts";

const ignore = !granted("run=deno");

Deno.test({
  name: "the log contains joins and leaves, and no messages, keys or tokens",
  ignore,
  async fn() {
    const started = await startServer("--name", "host", "--log-level", "debug", "--metrics", "0");
    await using server = started.server;
    await using bo = await startClient(started.address, "bo", "--listen");
    await server.until((one) => one.all("joined").length === 2, "bo is in");
    await server.type("the text of the host\n");
    await bo.until((one) => one.all("message").length === 1, "bo has read it");
    await bo.type("the text of bo\n/msg host between us\n");
    await server.until((one) => one.all("message").length === 2, "the host has read both");
    const url = /http:\S+/.exec(String((await server.event("notice")).text))![0];
    const metrics = await (await fetch(url)).text();
    assert(metrics.includes("\nparley_members 2\n"), metrics);
    using foreign = await Deno.connect({ port: Number(started.address.split(":")[1]) });
    await foreign.write(new TextEncoder().encode("a password\n"));
    await server.until(({ errors }) => errors.some((line) => / event=refused /.test(line)), "log");
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0);
    const log = server.errors;
    const form =
      /^time=\S+ level=(error|warn|info|debug) event=\S+( \w+=([^\s"]+|"([^"\\]|\\.)*"))*$/;
    for (const line of log) assert(form.test(line), line);
    const events = new Set(log.map((line) => / event=(\S+)/.exec(line)![1]));
    const wanted = ["listening", "metrics", "connected", "joined", "refused", "left", "stopped"];
    for (const event of wanted) assert(events.has(event), `${event} in\n${log.join("\n")}`);
    const whole = log.join("\n");
    for (const text of ["the text", "between us", "a password"]) {
      assert(!whole.includes(text), whole);
    }
    // Nothing as long as a key but fingerprints, which are public.
    const rest = whole.replaceAll(/SHA256:[\w+/]{43}\b/g, "").replaceAll(/time=\S+/g, "");
    assertEquals(/[\w+/=-]{24,}/.exec(rest), null);
  },
});

Deno.test({
  name: "without --log-level nothing is logged",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using relay = server;
    await using bo = new ChatProcess(["client", address, "--name", "bo", "--json"]);
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    await relay.event("left");
    assertEquals(relay.errors, []);
  },
});

Deno.test({
  name: "a taken port for metrics and an unknown log level each give a clear line",
  ignore,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const flags = ["chat", "server", "--relay-only", "--port", "0", "--metrics", String(port)];
    const taken = await parley(flags);
    listener.close();
    assertEquals(taken.code, 1);
    assert(taken.stderr.startsWith(`parley: cannot serve metrics on 127.0.0.1:${port}: `));
    const wrong = await parley(["chat", "server", "--log-level", "loud"]);
    assertEquals(wrong.code, 2);
    assert(wrong.stderr.includes('"loud" is not one of error, warn, info, debug'), wrong.stderr);
  },
});
