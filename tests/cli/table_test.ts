// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { printableJson } from "../../lib/base/printable.ts";
import { brokenLines, factLines, tableLines } from "../../lib/cli/output.ts";
import type { Page } from "../../lib/os/io.ts";

/** Plain, and so many columns wide. */
function page(columns?: number): Page {
  return { columns, coloured: false };
}

Deno.test("tableLines() aligns cells in columns, and numbers at the right", async () => {
  assertEquals(
    await tableLines([["a", "1", "x"], ["longer", "100", "y z"]], page(), {
      titles: ["name", "count", "what"],
      right: [1],
    }),
    ["name    count  what", "a           1  x", "longer    100  y z"],
  );
});

Deno.test("tableLines() counts the columns that a terminal takes, not characters", async () => {
  assertEquals(await tableLines([["日本", "x"], ["abcde", "y"]], page()), ["日本   x", "abcde  y"]);
});

Deno.test("tableLines() wraps the last cell at the terminal's width, under itself", async () => {
  const lines = await tableLines([["name", "one two three four five"]], page(22));
  assertEquals(lines, ["name  one two three", "      four five"]);
});

Deno.test("tableLines() does not wrap a text if too little of the width is left", async () => {
  assertEquals(await tableLines([["name", "one two three"]], page(10)), [
    "name  one two three",
  ]);
});

Deno.test("tableLines() puts columns that do not fit on a line below, aligned", async () => {
  const rows = [["lo", "IPv4", "127.0.0.1", "255.0.0.0"], ["eth0", "IPv6", "fe80::1", "/64"]];
  const options = { titles: ["interface", "family", "address", "netmask"], right: [3] };
  assertEquals(await tableLines(rows, page(32), options), [
    "interface  family  address",
    "      netmask",
    "lo         IPv4    127.0.0.1",
    "    255.0.0.0",
    "eth0       IPv6    fe80::1",
    "          /64",
  ]);
  assertEquals(await tableLines(rows, page(40), options), [
    "interface  family  address      netmask",
    "lo         IPv4    127.0.0.1  255.0.0.0",
    "eth0       IPv6    fe80::1          /64",
  ]);
});

Deno.test("tableLines() puts a long last cell on a line below if too little width is left", async () => {
  const rows = [["http", "80/tcp", "/etc/services", "hyper text all over the world"], [
    "ssh",
    "22/tcp",
    "IANA",
    "",
  ]];
  assertEquals(await tableLines(rows, page(30)), [
    "http  80/tcp  /etc/services",
    "    hyper text all over the",
    "    world",
    "ssh   22/tcp  IANA",
  ]);
});

Deno.test("tableLines() paints a cell without counting its colours, each wrapped line anew", async () => {
  const paint = (text: string) => `<${text}>`;
  assertEquals(
    await tableLines([[{ text: "ab", paint }, "x"], ["abcd", {
      text: "one two three four",
      paint,
    }]], page(22)),
    ["<ab>    x", "abcd  <one two three>", "      <four>"],
  );
});

Deno.test("factLines() shows what a thing is called and what it is", async () => {
  assertEquals(await factLines([["port", "80"], ["protocol", "tcp"]], page()), [
    "port      80",
    "protocol  tcp",
  ]);
});

Deno.test("printableJson() escapes what a terminal would act on, and loses nothing", () => {
  const value = { text: "a\x1b\x9b\u202e\u{e0001}\ud800é" };
  const json = printableJson(value);
  assertEquals(json, String.raw`{"text":"a\u001b\u009b\u202e\udb40\udc01\ud800é"}`);
  assertEquals(JSON.parse(json), value);
});

Deno.test("brokenLines() breaks lines between words, and indents what follows the first row", () => {
  const line = "127.0.0.1:40000 replied 'two  words', and is believed";
  assertEquals(brokenLines([line, "short"], page(30)), [
    ...["127.0.0.1:40000 replied 'two ", "  words', and is believed", "short"],
  ]);
  assertEquals(brokenLines(["a".repeat(30)], page(24)), ["a".repeat(30)], "a word stays whole");
  const beyond = `${"ä ".repeat(20)}end`;
  for (const [text, columns] of [[line, undefined], [line, 20], [beyond, 30]] as const) {
    assertEquals(brokenLines([text], page(columns)), [text], `${columns} columns`);
  }
});
