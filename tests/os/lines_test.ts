import { type Input, readLines } from "../../lib/os/streams.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";

const encoder = new TextEncoder();

async function read(pieces: readonly Uint8Array[], max = 100): Promise<Input[]> {
  async function* chunks() {
    yield* pieces;
  }
  return await Array.fromAsync(readLines(chunks(), max));
}

function line(text: string): Input {
  return { kind: "line", text };
}

Deno.test("readLines() cuts at line feeds, with or without carriage returns, and takes an open end", async () => {
  const bytes = encoder.encode("one\ntwo\r\n\nthree");
  assertEquals(await read([bytes]), [line("one"), line("two"), line(""), line("three")]);
  assertEquals(await read([encoder.encode("one\n")]), [line("one")]);
  assertEquals(await read([]), []);
});

Deno.test("readLines() reads the same however its input is cut", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ unit: "grapheme", maxLength: 20 })),
    fc.array(fc.nat(), { maxLength: 10 }),
    async (texts, marks) => {
      const clean = texts.map((text) => text.replace(/[\r\n]/g, "x"));
      const bytes = encoder.encode(clean.map((text) => `${text}\n`).join(""));
      const cuts = [...new Set(marks.map((m) => m % (bytes.length + 1)))].sort((a, b) => a - b);
      const pieces = [0, ...cuts].map((from, i) => bytes.slice(from, cuts[i] ?? bytes.length));
      assertEquals(await read(pieces, 10_000), clean.map((text) => line(text.toWellFormed())));
    },
  ));
});

Deno.test("readLines() cuts a chunk that is longer than what it decodes at a time", async () => {
  const texts = Array.from({ length: 3000 }, (_, i) => "é\ufffdx".repeat(i % 40) + i);
  for (const end of ["\n", "\r\n"]) {
    const bytes = encoder.encode(texts.map((text) => text + end).join(""));
    assertEquals(await read([bytes], 10_000), texts.map(line));
  }
});

Deno.test("readLines() takes a line at the bound, and only the length of a longer one", async () => {
  const at = "x".repeat(10);
  assertEquals(await read([encoder.encode(`${at}\r\n${at}y\nz\n`)], 10), [
    line(at),
    { kind: "long", bytes: 11 },
    line("z"),
  ]);
  const pieces = Array.from({ length: 1000 }, () => encoder.encode("x".repeat(100)));
  assertEquals(await read([...pieces, encoder.encode("\nafter")], 10), [
    { kind: "long", bytes: 100_000 },
    line("after"),
  ]);
});

Deno.test("readLines() drops no line for bytes that are not UTF-8", async () => {
  assertEquals(await read([new Uint8Array([0x61, 0xff, 0x62, 0x0a])]), [line("a\ufffdb")]);
});

Deno.test("readLines() reads a stream no further once it has ended or failed", async () => {
  for (const outcome of ["end", "failure"] as const) {
    let reads = 0;
    const next = () => {
      reads += 1;
      if (reads === 1) {
        return Promise.resolve({ done: false, value: encoder.encode("one\ntwo") } as const);
      }
      return outcome === "failure"
        ? Promise.reject(new Error("broken"))
        : Promise.resolve({ done: true, value: undefined } as const);
    };
    const lines = readLines({ [Symbol.asyncIterator]: () => ({ next }) }, 100);
    assertEquals(await lines.next(), { done: false, value: { kind: "line", text: "one" } });
    assertEquals(reads, 1);
    if (outcome === "failure") await assertRejects(() => lines.next(), Error, "broken");
    const last = { done: false, value: { kind: "line", text: "two" } } as const;
    if (outcome === "end") assertEquals(await lines.next(), last);
    for (let i = 0; i < 2; i++) assertEquals(await lines.next(), { done: true, value: undefined });
    assertEquals(reads, 2);
  }
});
