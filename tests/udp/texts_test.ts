/**
 * What is shown of a datagram, and what the commands say of it.
 *
 * @module
 */

import { hostPort, sameAddress, timeText } from "../../lib/base/host_port.ts";
import { type Said, say, voiced } from "../../lib/cli/output.ts";
import { dataFields, shownData } from "../../lib/base/printable.ts";
import { listening, loadSaid, serverSaid, serverSummary } from "../../lib/commands/udp/server.ts";
import { ClientNarrator, clientSaid, clientSummary } from "../../lib/commands/udp/client.ts";
import type { EchoClientEvent } from "../../lib/udp/echo_client.ts";
import { lengthReply } from "../../lib/udp/echo_server.ts";
import { Histogram } from "../../lib/udp/load.ts";
import { TestIo } from "../commands/test_io.ts";
import { addr } from "./addr.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const bytes = (text: string) => new TextEncoder().encode(text);
const SERVER = addr("127.0.0.1", 1060);
const STRANGER = addr("127.0.0.1", 40_000);

Deno.test("hostPort() sets IPv6 addresses in brackets", () => {
  assertEquals(hostPort(SERVER), "127.0.0.1:1060");
  assertEquals(hostPort(addr("::1", 1060)), "[::1]:1060");
});

Deno.test("sameAddress() takes two spellings of an IPv6 address as one, and other ports and hosts as others", () => {
  assert(sameAddress(addr("::1", 1), addr("0:0:0:0:0:0:0:1", 1)));
  assert(!sameAddress(addr("::1", 1), addr("::1", 2)));
  assert(!sameAddress(addr("::1", 1), addr("::2", 1)));
  assert(!sameAddress(addr("127.0.0.1", 1), addr("127.0.0.2", 1)));
});

Deno.test("timeText() is the tutorial's 38 bytes, in local time to the microsecond", () => {
  const time = new Date(2019, 7, 16, 16, 34, 56).getTime();
  assertEquals(timeText(time + 276.875), "The time is 2019-08-16 16:34:56.276875");
  assertEquals(timeText(time + 0.5), "The time is 2019-08-16 16:34:56.000500");
  assertEquals(bytes(timeText()).length, 38);
});

Deno.test("lengthReply() is the tutorial's reply for the shortest and the longest datagram", () => {
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(lengthReply(0)), "Your data was 0 bytes long");
  assertEquals(decoder.decode(lengthReply(38)), "Your data was 38 bytes long");
  assertEquals(decoder.decode(lengthReply(65_535)), "Your data was 65535 bytes long");
});

Deno.test("shownData() shows UTF-8 as text, and escapes controls and other bytes", () => {
  assertEquals(shownData(bytes("grüß 世界 👋")), "'grüß 世界 👋'");
  assertEquals(shownData(bytes("a\x1b[2J\nb\u202e")), "'a␛[2J␊b\\u{202e}'");
  assertEquals(shownData(new Uint8Array([0x61, 0xff, 0xc3, 0x62])), "'a\\xff\\xc3b'");
  assertEquals(shownData(new Uint8Array()), "''");
});

Deno.test("shownData() shows the beginning of a long datagram, never half a character, and says how much is left", () => {
  assertEquals(shownData(bytes("x".repeat(1024))), `'${"x".repeat(1024)}'`);
  assertEquals(shownData(bytes("x".repeat(65_507))), `'${"x".repeat(1024)}…' and 64483 bytes more`);
  assertEquals(shownData(bytes("世".repeat(342))), `'${"世".repeat(341)}…' and 3 bytes more`);
});

Deno.test("dataFields() gives text for UTF-8, and base64 for other bytes", () => {
  assertEquals(dataFields(bytes("\ufeffhi")), { bytes: 5, text: "\ufeffhi" });
  assertEquals(dataFields(new Uint8Array([0xff, 0])), { bytes: 2, base64: "/wA=" });
});

Deno.test("voiced() gives JSON that is fit for a terminal", () => {
  const said = { event: "x", fields: { text: "\x9b2J\u202e" }, lines: [] };
  const [line] = voiced(said, true);
  assertMatch(line!, /^[\x20-\x7e]*$/);
  assertEquals(JSON.parse(line!).text, "\x9b2J\u202e");
});

Deno.test("the server prints what the tutorial's server prints", () => {
  assertEquals(listening(SERVER).lines, ["Listening at 127.0.0.1:1060"]);
  const event = { kind: "datagram", from: addr("127.0.0.1", 60_945), data: bytes("hi") } as const;
  assertEquals(serverSaid(event).lines, ["The client at 127.0.0.1:60945 says 'hi'"]);
  const counts = { datagrams: 1, bytes: 38, answered: 0, dropped: 1, failed: 0 };
  assertEquals(serverSummary(counts, 0).lines, [
    "1 datagram, 38 bytes: 0 answered, 1 dropped, 0 failed",
  ]);
  assertEquals(serverSummary(counts, 7).lines.length, 2);
});

Deno.test("the server says what it could not answer, and why", () => {
  const error = Object.assign(new Error("os error"), { code: "ENETUNREACH" });
  const said = serverSaid({ kind: "failed", to: STRANGER, error });
  assertEquals(said.fields.code, "ENETUNREACH");
  assertStringIncludes(said.lines[0]!, "cannot answer 127.0.0.1:40000: the network is unreachable");
});

function came(kind: "answer" | "forged" | "late" | "duplicate", from: Deno.NetAddr) {
  return { kind, question: 2, from, data: bytes("x"), afterMs: 1.5 } as const;
}

Deno.test("the client names the sender of the answer, also of a forged one that it believed", () => {
  const line = (event: EchoClientEvent) => clientSaid(event, SERVER, true).lines[0]!;
  const assigned = { kind: "assigned", question: 1, addr: addr("0.0.0.0", 60_945) } as const;
  assertEquals(line(assigned), "The OS assigned me the address 0.0.0.0:60945");
  assertEquals(line(came("answer", SERVER)), "The server 127.0.0.1:1060 replied 'x'");
  const believed = "127.0.0.1:40000 replied 'x', and is believed, though 127.0.0.1:1060 was asked";
  assertEquals(line(came("answer", STRANGER)), believed);
  const forged = "Forged: 127.0.0.1:40000 says 'x', but 127.0.0.1:1060 was asked; still waiting";
  assertEquals(line(came("forged", STRANGER)), forged);
  assertStringIncludes(line(came("late", SERVER)), "to question 2, after 1.5 ms");
  assertStringIncludes(line(came("duplicate", SERVER)), "to question 2 again");
});

Deno.test("the client reports ten unrequested datagrams for each question, and counts the rest", () => {
  const said: Said[] = [];
  const narrator = new ClientNarrator((one) => said.push(one));
  narrator.tell({ kind: "assigned", question: 2, addr: STRANGER }, SERVER);
  for (let i = 0; i < 1_000; i++) narrator.tell(came("forged", STRANGER), SERVER);
  narrator.tell(came("answer", SERVER), SERVER);
  const events = said.map(({ event }) => event);
  assertEquals(events, ["assigned", ...Array(10).fill("forged"), "notice", "answer"]);
  narrator.tell({ kind: "assigned", question: 3, addr: STRANGER }, SERVER);
  narrator.tell({ ...came("late", SERVER), question: 2 }, SERVER);
  assertEquals(said.at(-1)!.event, "late");
});

Deno.test("the client prints a summary, with round-trip times if there are any", () => {
  const counts = { questions: 2, asked: 3, answered: 1, forged: 4, late: 5, duplicates: 6 };
  const times = new Histogram();
  times.record(1500);
  const { lines, fields } = clientSummary(counts, times);
  assertEquals(lines, [
    "2 questions in 3 datagrams: 1 answered, 4 forged, 5 late, 6 duplicated",
    "round trip 1.50 / 1.50 / 1.50 ms (min / median / max)",
  ]);
  assertEquals(fields.median_us, 1500);
  assertEquals(clientSummary({ ...counts, answered: 0 }, new Histogram()).lines.length, 1);
});

Deno.test("the load generator reports rate, loss, duplicates, percentiles and a histogram", () => {
  const roundTrips = new Histogram();
  for (let i = 0; i < 99; i++) roundTrips.record(40);
  roundTrips.record(1_000);
  const result = { sent: 101, replies: 100, lost: 1, duplicates: 2, forged: 0, rate: 12_345.6 };
  const load = { hostname: "127.0.0.1", port: 1060, size: 38, window: 32, seconds: 5 };
  const { lines, fields } = loadSaid({ server: SERVER, seconds: 5, roundTrips, ...result }, load);
  const text = lines.join("\n");
  assertStringIncludes(text, "127.0.0.1:1060: 12,346 replies/s (window 32, 38 bytes, 5.0 s)");
  assertStringIncludes(text, "sent 101, answered 100, lost 1 (0.99 %), duplicates 2");
  assertMatch(text, /^round trip p50 4\d us, p90 4\d us, p99 4\d us, max 1\.0 ms$/m);
  assertMatch(text, /^ 32 us to +64 us +#{40} +99 +99\.00 %$/m);
  assertMatch(text, /^512 us to +1\.0 ms +# +1 +1\.00 %$/m);
  assertEquals(fields.replies_per_second, 12_345.6);
  assertEquals(
    (fields.histogram as { count: number }[]).reduce((sum, row) => sum + row.count, 0),
    100,
  );
});

Deno.test("say() breaks lines between words on a terminal, and neither JSON nor lines in a pipe", () => {
  const forged = clientSaid(
    { kind: "answer", question: 1, from: STRANGER, data: bytes("no"), afterMs: 1 },
    SERVER,
    false,
  );
  const [line = ""] = forged.lines;
  const [terminal, pipe, json] = [
    new TestIo({ columns: 60 }),
    new TestIo(),
    new TestIo({ columns: 60 }),
  ];
  say(terminal, forged, false);
  say(pipe, forged, false);
  say(json, forged, true);
  assertEquals(terminal.out.trimEnd().split("\n"), [
    "127.0.0.1:40000 replied 'no', and is believed, though",
    "  127.0.0.1:1060 was asked",
  ]);
  assertEquals(pipe.out, `${line}\n`);
  assertEquals(json.events.length, 1);
});
