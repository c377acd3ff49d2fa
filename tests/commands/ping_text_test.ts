// needs: nothing

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import {
  changeText,
  heading,
  livePlot,
  PingRows,
  plot,
  probeLine,
  summaryLines,
} from "../../lib/commands/info/ping_text.ts";
import type { HostAddresses, HostProbe, PingEvent } from "../../lib/info/ping/hosts.ts";
import type { ProbeState } from "../../lib/info/ping/ping.ts";
import { makeStyle, unstyled } from "../../lib/terminal/terminal.ts";

const PLAIN = makeStyle(false);
const widthOf = (text: string) => text.length;

function found(index: number, added: string[], removed: string[] = []): HostAddresses {
  return { kind: "addresses", index, addresses: added, added, removed, left_out: 0 };
}

function probe(index: number, address: string, state: ProbeState, time_ms: number | null = null) {
  const answered = state === "open" || state === "refused";
  const error = state === "unreachable" ? "ENETUNREACH" : null;
  return { kind: "probe", index, address, seq: 1, state, time_ms, answered, error } as const;
}

function rowsOf(events: readonly PingEvent[], hosts = [{ hostname: "a.example", port: 80 }]) {
  const rows = new PingRows(hosts);
  for (const event of events) rows.take(event);
  return rows;
}

Deno.test("PingRows labels a row by what distinguishes it from the others", () => {
  const labels = (rows: PingRows) => rows.all.map((row) => rows.label(row));
  assertEquals(labels(rowsOf([found(0, ["::1"])])), ["a.example"]);
  assertEquals(labels(rowsOf([found(0, ["::1", "127.0.0.1"])])), ["::1", "127.0.0.1"]);
  const two = [{ hostname: "a.example", port: 80 }, { hostname: "::1", port: 80 }];
  const events = [found(0, ["::1", "127.0.0.1"]), found(1, ["::1"])];
  assertEquals(labels(rowsOf(events, two)), ["a.example ::1", "a.example 127.0.0.1", "::1"]);
  const ports = [{ hostname: "a.example", port: 80 }, { hostname: "::1", port: 81 }];
  assertEquals(labels(rowsOf([found(0, ["127.0.0.1"]), found(1, ["::1"])], ports)), [
    "a.example:80",
    "[::1]:81",
  ]);
});

Deno.test("PingRows keeps the results of an address that comes back, and bounds those that are gone", () => {
  const rows = rowsOf([
    found(0, ["192.0.2.1"]),
    probe(0, "192.0.2.1", "open", 1),
    found(0, ["192.0.2.2"], ["192.0.2.1"]),
  ]);
  assertEquals(rows.all.map(({ isGone }) => isGone), [true, false]);
  rows.take(found(0, ["192.0.2.1"], ["192.0.2.2"]));
  assertEquals(rows.all.map(({ isGone }) => isGone), [false, true]);
  assertEquals(rows.all[0]!.statistics.summary.sent, 1);
  for (let i = 0; i < 1_000; i++) {
    rows.take(found(0, [`10.0.0.${i + 1}`], [i === 0 ? "192.0.2.1" : `10.0.0.${i}`]));
  }
  assertEquals([rows.all.length, rows.all.filter(({ isGone }) => !isGone).length], [32, 1]);
  assert(rows.areAllAnswered, "a host has answered though the row is dropped");
});

Deno.test("heading() and changeText() name the addresses", () => {
  const host = { hostname: "a.example", port: 443 };
  const first = { ...found(0, ["192.0.2.1", "::1"]), left_out: 3 };
  assertEquals(
    heading(host, first),
    "a.example (192.0.2.1, ::1 and 3 more, which are not probed), port 443, by TCP connect",
  );
  assertEquals(
    heading({ hostname: "::1", port: 1 }, found(0, ["::1"])),
    "::1, port 1, by TCP connect",
  );
  assertEquals(changeText(host, found(0, ["::2"])), "a.example is now also at ::2");
  assertEquals(changeText(host, found(0, [], ["::1"])), "a.example is no longer at ::1");
  assertEquals(
    changeText(host, found(0, ["::2"], ["::1"])),
    "a.example is now at ::2, no longer at ::1",
  );
});

Deno.test("probeLine() aligns its columns, and omits the padding in a narrow window", () => {
  const layout = { label: "::1", labelWidth: 9, columns: undefined, widthOf };
  const line = (event: HostProbe, more = {}) => probeLine(event, { ...layout, ...more }, PLAIN);
  assertEquals(line(probe(0, "::1", "open", 1.5)), "   1  ::1        open            1.50 ms");
  assertEquals(line(probe(0, "::1", "timeout")), "   1  ::1        timeout");
  assertEquals(
    line(probe(0, "::1", "unreachable"), { label: "", labelWidth: 0 }),
    "   1  unreachable  ENETUNREACH",
  );
  assertEquals(line(probe(0, "::1", "open", 1.5), { columns: 39 }), "1 ::1 open 1.50 ms");
  assertEquals(
    probeLine({ ...probe(0, "::1", "refused", 2), answered: false }, layout, makeStyle(true)),
    "   1  ::1        \x1b[31mrefused    \x1b[39m     2.00 ms",
  );
});

Deno.test("plot() colours each result, and shows a lost probe as a cross", () => {
  const samples = [
    probe(0, "", "open", 1),
    probe(0, "", "open", 2),
    probe(0, "", "refused", 8),
    probe(0, "", "timeout"),
    { ...probe(0, "", "refused", 9), answered: false },
  ];
  assertEquals(plot(samples, PLAIN), "▁▂█××");
  assertEquals(
    plot(samples, makeStyle(true)),
    "\x1b[32m▁▂\x1b[39m\x1b[33m█\x1b[39m\x1b[31m××\x1b[39m",
  );
});

function manyRows() {
  const address = "2001:db8:1234:5678:9abc:def0:1234:5678";
  const hosts = [{ hostname: "host.example", port: 80 }, { hostname: "127.0.0.1", port: 8080 }];
  const rows = new PingRows(hosts);
  for (const event of [found(0, ["192.0.2.1", address]), found(1, ["127.0.0.1"])]) rows.take(event);
  for (let i = 0; i < 200; i++) {
    rows.take(probe(0, "192.0.2.1", "open", i * 3_000));
    rows.take(probe(0, address, i % 7 === 0 ? "unreachable" : "refused", i % 7 === 0 ? null : i));
  }
  return { rows: rows.all, labels: rows.all.map((row) => rows.label(row)) };
}

Deno.test("livePlot() is as wide as the window at most, whatever the window", () => {
  for (const style of [PLAIN, makeStyle(true)]) {
    for (let columns = 1; columns <= 200; columns++) {
      const lines = livePlot({ ...manyRows(), size: { columns, rows: 24 }, style, widthOf });
      assertEquals(lines.length, columns >= 60 ? 4 : 3);
      for (const line of lines) assert(unstyled(line).length <= columns, `${columns}: ${line}`);
      if (columns >= 10) assert(lines.some((line) => unstyled(line).length === columns));
    }
  }
});

Deno.test("livePlot() leaves columns out in a narrow window, and keeps what tells rows apart", () => {
  const hosts = [{ hostname: "host.example", port: 80 }];
  const rows = new PingRows(hosts);
  rows.take(found(0, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]));
  for (const ms of [0.123, 12.34, 123.4]) rows.take(probe(0, "192.0.2.1", "open", ms));
  rows.take(probe(0, "192.0.2.2", "refused", 150_000));
  rows.take(probe(0, "192.0.2.2", "unreachable"));
  rows.take(found(0, [], ["192.0.2.3"]));
  const labels = rows.all.map(({ host, address }) => `${host.hostname} ${address}`);
  const at = (columns: number) =>
    livePlot({ rows: rows.all, labels, size: { columns, rows: 24 }, style: PLAIN, widthOf });
  assertEquals(at(80), [
    "host                        last  lost     range ms  plot",
    "host.example 192.0.2.1    123 ms    0%     0.12–123  ▁▂█",
    "host.example 192.0.2.2  unreach.   50%    150s–150s  ▁×",
    "host.example 192.0.2.3      gone     -            -",
  ]);
  assertEquals(at(40), [
    "host.ex….0.2.1    123 ms  ▁▂█",
    "host.ex….0.2.2  unreach.  ▁×",
    "host.ex….0.2.3      gone",
  ]);
  assertEquals(at(20), ["hos…2.1  ▁▂█", "hos…2.2  ▁×", "hos…2.3"]);
  assertEquals(at(9), ["▁▂█", "▁×", ""]);
});

Deno.test("livePlot() fits the height of the window, and says how many rows it hides", () => {
  const heights = (rows: number) =>
    livePlot({ ...manyRows(), size: { columns: 80, rows }, style: PLAIN, widthOf });
  assertEquals([5, 4, 3, 2, 1].map((rows) => heights(rows).length), [4, 3, 2, 1, 1]);
  assertEquals(heights(3)[1], "… 2 more");
  assertEquals(heights(1), ["… 3 more"]);
});

Deno.test("summaryLines() has a line for each time in a narrow window", () => {
  const rows = rowsOf([found(0, ["::1"]), probe(0, "::1", "open", 2)]);
  const { summary } = rows.all[0]!.statistics;
  assertEquals(summaryLines(summary, 80), [
    "1 sent, 1 answered, 0% lost",
    "min / avg / max / stddev  2.00 / 2.00 / 2.00 / 0.00 ms",
    "p50 / p90 / p99  2.00 / 2.00 / 2.00 ms",
  ]);
  const narrow = summaryLines(summary, 20);
  assertEquals(narrow.slice(0, 4), ["1 sent", "1 answered", "0% lost", "min     2.00 ms"]);
  assertEquals(narrow.length, 10);
  assert(narrow.every((line) => line.length <= 20));
});
