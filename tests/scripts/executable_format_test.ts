// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { executableFormat, formatOf } from "../../scripts/compile/executable_format.ts";
import { TARGETS } from "../../scripts/compile/target.ts";

/** Bytes, with little-endian numbers of 16 bits at their places. */
function header(start: readonly number[], words: Readonly<Record<number, number>>): Uint8Array {
  const bytes = new Uint8Array(256);
  bytes.set(start);
  const view = new DataView(bytes.buffer);
  for (const [place, word] of Object.entries(words)) view.setUint16(Number(place), word, true);
  return bytes;
}

const elf = (type: number, machine: number, start = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]) =>
  header(start, { 16: type, 18: machine });
const machO = (type: number, cpu: number, start = [0xcf, 0xfa, 0xed, 0xfe]) =>
  header(start, { 4: cpu, 6: 0x0100, 12: type });
const pe = (characteristics: number, machine: number, start = 0x80) =>
  header([0x4d, 0x5a], {
    0x3c: start,
    [0x80]: 0x4550,
    [0x84]: machine,
    [0x96]: characteristics,
  });

const HEADERS: Readonly<Record<string, Uint8Array>> = {
  "x86_64-unknown-linux-gnu": elf(3, 62),
  "aarch64-unknown-linux-gnu": elf(3, 183),
  "x86_64-apple-darwin": machO(2, 7),
  "aarch64-apple-darwin": machO(2, 12),
  "x86_64-pc-windows-msvc": pe(0x0022, 0x8664),
};

Deno.test("executableFormat() distinguishes the executable files of all targets", () => {
  assertEquals(Object.keys(HEADERS).sort(), [...TARGETS].sort());
  for (const [target, head] of Object.entries(HEADERS)) {
    for (const other of TARGETS) {
      assertEquals(executableFormat(head) === formatOf(other), target === other, other);
    }
  }
});

Deno.test("executableFormat() names the format and the machine", () => {
  assertEquals(executableFormat(elf(2, 62)), "ELF for x86_64");
  assertEquals(executableFormat(machO(2, 12)), "Mach-O for aarch64");
  assertEquals(executableFormat(pe(0x0002, 0x8664)), "PE for x86_64");
});

for (
  const [what, head, said] of [
    ["another machine", elf(3, 243), "ELF for something else"],
    ["an object file", elf(1, 62), "ELF for something else"],
    ["a program of 32 bits", elf(2, 62, [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]), undefined],
    ["a big-endian program", elf(2, 62, [0x7f, 0x45, 0x4c, 0x46, 2, 2, 1]), undefined],
    ["a Mach-O library", machO(6, 12), "Mach-O for something else"],
    ["a Mach-O file for many machines", machO(2, 12, [0xca, 0xfe, 0xba, 0xbe]), "no executable"],
    ["a PE library", pe(0x2022, 0x8664), "PE for something else"],
    ["a PE file without its signature", pe(0x0022, 0x8664, 0x90), "PE for something else"],
    ["a PE file that is cut off", pe(0x0022, 0x8664, 0xfff0), "PE for something else"],
    ["a script", new TextEncoder().encode("#!/bin/sh\n"), "no executable"],
    ["an empty file", new Uint8Array(), "no executable"],
  ] as const
) {
  Deno.test(`executableFormat() rejects ${what}`, () => {
    const format = executableFormat(head);
    assertEquals(format.startsWith(said ?? "ELF for something else"), true, format);
    assertEquals(TARGETS.some((target) => formatOf(target) === format), false);
  });
}
