// needs: net run=deno (about 15 s)

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { parley } from "../fixtures/parley.ts";
import { startEcho, UdpProcess } from "./udp_process.ts";

/** However slow the machine is, one datagram is sent and its reply waited for. */
const ONCE = ["--retries", "0", "--timeout", "60000"] as const;

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !granted("run=deno"), fn });
}

test("udp server and client say what the tutorial's say; Ctrl-C ends the server with a summary", async () => {
  const { server, port } = await startEcho();
  await using _server = server;
  const { code, stdout, stderr } = await parley(["udp", "client", "-p", port, ...ONCE]);
  assertEquals([code, stderr], [0, ""]);
  const [assigned, replied, ...rest] = stdout.trimEnd().split("\n");
  const [, own] = /^The OS assigned me the address 0\.0\.0\.0:(\d+)$/.exec(assigned!)!;
  assertEquals(replied, `The server 127.0.0.1:${port} replied 'Your data was 38 bytes long'`);
  assertEquals(rest, []);
  server.kill("SIGINT");
  assertEquals(await server.ended(), { code: 130, stderr: "" });
  assertEquals(server.lines[0], `Listening at 127.0.0.1:${port}`);
  const time = String.raw`'The time is \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}'`;
  assertMatch(server.lines[1]!, new RegExp(`^The client at 127\\.0\\.0\\.1:${own} says ${time}$`));
  assertEquals(server.lines.slice(2), ["1 datagram, 38 bytes: 1 answered, 0 dropped, 0 failed"]);
});

test("udp over IPv6, in JSON, with bytes of any script; SIGTERM ends the server with 0", async () => {
  const { server, port } = await startEcho("--host", "::1", "--json");
  await using _server = server;
  const text = "世界 \x1b[31m";
  const asked = await parley(["udp", "client", "::1", "-p", port, "-m", text, "--json", ...ONCE]);
  assertEquals([asked.code, asked.stderr], [0, ""]);
  const events = asked.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event }) => event), ["assigned", "asked", "answer", "summary"]);
  assertEquals(events[2].text, "Your data was 12 bytes long");
  assertEquals([events[2].host, String(events[2].port)], ["::1", port]);
  const sent = await parley(["udp", "send", "::1", port, "one way", "--json"]);
  assertEquals(JSON.parse(sent.stdout).bytes, 7);
  await server.line(/one way/);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), { code: 0, stderr: "" });
  const datagrams = server.events.filter(({ event }) => event === "datagram");
  assertEquals(datagrams.map((one) => one.text), [text, "one way"]);
  const { at: _at, ...summary } = server.events.at(-1)!;
  assertEquals(summary, {
    event: "summary",
    datagrams: 2,
    bytes: 19,
    answered: 2,
    dropped: 0,
    failed: 0,
    not_shown: 0,
  });
  assert(!server.lines.join("").includes("\x1b"), "nothing raw");
});

test("udp server shows what is no UTF-8 escaped, and --quiet says nothing of datagrams", async () => {
  const loud = await startEcho();
  await using _loud = loud.server;
  const quiet = await startEcho("--quiet");
  await using _quiet = quiet.server;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  for (const { port } of [loud, quiet]) {
    const to = { transport: "udp", hostname: "127.0.0.1", port: Number(port) } as const;
    await socket.send(new Uint8Array([0xff, 0x1b, 0x5b, 0x32, 0x4a]), to);
    await socket.receive();
  }
  socket.close();
  const { port } = loud;
  assertEquals((await parley(["udp", "send", "127.0.0.1", port, "", "--json"])).code, 0);
  await loud.server.line(/says '\\xff␛\[2J'$/);
  await loud.server.line(/says ''$/);
  quiet.server.kill("SIGINT");
  await quiet.server.ended();
  assertEquals(quiet.server.lines.length, 2);
  assertMatch(quiet.server.lines[1]!, /^1 datagram, 5 bytes: /);
});

test("udp client reports a forged reply and waits on; with --promiscuous it believes it", async () => {
  const { server, port } = await startEcho("--delay", "3600000");
  await using _server = server;
  const options = ["-p", port, "--retries", "0", "--timeout", "60000"];
  for (const promiscuous of [false, true]) {
    const flag = promiscuous ? ["--promiscuous"] : [];
    await using client = new UdpProcess("client", ...options, ...flag);
    const [, own] = await client.line(/^The OS assigned me the address 0\.0\.0\.0:(\d+)$/);
    const { stdout } = await parley(["udp", "send", "127.0.0.1", own!, "made up"]);
    const [, liar] = /^Sent 7 bytes from 0\.0\.0\.0:(\d+) to 127\.0\.0\.1:\d+\n$/.exec(stdout)!;
    if (promiscuous) {
      assertEquals((await client.ended()).code, 0);
      const believed = `127.0.0.1:${liar} replied 'made up', and is believed, though `;
      assertEquals(client.lines.at(-1), `${believed}127.0.0.1:${port} was asked`);
    } else {
      const asked = `127.0.0.1:${port} was asked; still waiting`;
      await client.line(new RegExp(`^Forged: 127.0.0.1:${liar} says 'made up', but ${asked}$`));
      client.kill("SIGINT");
      assertEquals((await client.ended()).code, 130);
      assertEquals(
        client.lines.at(-1),
        "1 question in 1 datagram: 0 answered, 1 forged, 0 late, 0 duplicated",
      );
    }
  }
});

test("udp client exits 1 where nobody answers, and says how often it asked", async () => {
  const { server, port } = await startEcho("--drop", "1");
  await using _server = server;
  const options = ["udp", "client", "-p", port, "--retries", "1", "--timeout", "400"];
  const one = await parley(options);
  assertEquals(one.code, 1);
  assertStringIncludes(
    one.stderr,
    `parley: asked 127.0.0.1:${port} 2 times in 400 ms: the server did not answer (ETIMEDOUT)\nhint: `,
  );
  assertMatch(one.stdout, /^No reply yet: asked again, 2 times now$/m);
  const three = await parley([...options, "-c", "3", "-i", "0", "--json"]);
  assertEquals(three.code, 1);
  const events = three.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.filter(({ event }) => event === "unanswered").length, 3);
  assertEquals(
    events.at(-1).message,
    `asked 127.0.0.1:${port} 6 times: the server did not answer 3 of 3 questions`,
  );
});

test("udp client -c asks as often as it is told, and sums up", async () => {
  const { server, port } = await startEcho();
  await using _server = server;
  const { code, stdout } = await parley(["udp", "client", "-p", port, "-c", "5", "-i", "1"]);
  assertEquals(code, 0);
  assertEquals(stdout.match(/replied 'Your data was 38 bytes long'$/gm)?.length, 5);
  assertMatch(
    stdout,
    /^5 questions in \d+ datagrams: 5 answered, 0 forged, 0 late, \d+ duplicated$/m,
  );
  assertMatch(stdout, /^round trip [\d.]+ \/ [\d.]+ \/ [\d.]+ ms/m);
});

test("udp demo exits 0 where the one client was fooled and the other was not, over IPv4 and IPv6", async () => {
  const people = await parley(["udp", "demo"]);
  assertEquals([people.code, people.stderr], [0, ""]);
  assertMatch(
    people.stdout,
    /^ {2}Fooled: it asked 127\.0\.0\.1:\d+ and believes 127\.0\.0\.1:\d+\.$/m,
  );
  assertMatch(people.stdout, /^ {2}Not fooled: it believes 127\.0\.0\.1:\d+, which it asked\.$/m);
  const programs = await parley(["udp", "demo", "--host", "::1", "--json"]);
  assertEquals(programs.code, 0);
  const events = programs.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const outcomes = events.filter(({ event }) => event === "outcome");
  assertEquals(outcomes.map(({ promiscuous, fooled }) => [promiscuous, fooled]), [
    [true, true],
    [false, false],
  ]);
});

test("udp bench tells the rate, the loss, the duplicates and the round trips", async () => {
  const { server, port } = await startEcho("--quiet");
  await using _server = server;
  const load = ["udp", "bench", "-p", port, "--seconds", "0.2", "--window", "4"];
  const people = await parley(load);
  assertEquals([people.code, people.stderr], [0, ""]);
  assertMatch(people.stdout, /^127\.0\.0\.1:\d+: [\d,]+ replies\/s \(window 4, 38 bytes, /);
  assertMatch(people.stdout, /^round trip p50 .*, p90 .*, p99 .*, max /m);
  const programs = await parley([...load, "--size", "100", "--json"]);
  const { sent, replies, lost, duplicates, size, round_trip_us } = JSON.parse(programs.stdout);
  assertEquals([replies + lost, duplicates, size], [sent, 0, 100]);
  assert(round_trip_us.p50 <= round_trip_us.p90 && round_trip_us.p99 <= round_trip_us.max);
});

test("udp: wrong usage is 2, a taken port and a datagram that is too large are 1", async () => {
  const { server, port } = await startEcho();
  await using _server = server;
  const usage = [
    ["send", "127.0.0.1", "0", "x"],
    ["send", "127.0.0.1", "1060"],
    ["server", "--drop", "1.5"],
    ["client", "--timeout", "0"],
    ["bench", "--window", "257"],
  ];
  for (const args of usage) assertEquals((await parley(["udp", ...args])).code, 2, args.join(" "));
  const taken = await parley(["udp", "server", "-p", port]);
  assertEquals(taken.code, 1);
  assertStringIncludes(taken.stderr, `parley: cannot listen on 127.0.0.1:${port}: the address is`);
  const large = await parley(["udp", "send", "127.0.0.1", port, "x".repeat(65_508)]);
  assertEquals(large.code, 1);
  assertStringIncludes(large.stderr, "cannot send 65508 bytes to 127.0.0.1:");
  assertStringIncludes(
    large.stderr,
    "(EMSGSIZE)\nhint: a UDP datagram carries at most 65507 bytes",
  );
});

test("the tasks udp-server and udp-client run with the network alone", async () => {
  const { default: config } = await import("../../deno.json", { with: { type: "json" } });
  for (const side of ["server", "client"] as const) {
    const { command } = config.tasks[`udp-${side}`];
    assertEquals(command, `deno run -q --allow-net main.ts --task=$TERM udp ${side}`);
  }
});
