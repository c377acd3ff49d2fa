/**
 * Which platform an executable file is for, by its first bytes: what is made for another platform
 * cannot be run here.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";

/** The headers lie within these bytes in what compilers make. */
const HEAD_BYTES = 4096;

/** A platform's format in its file's head, and the names that targets have for it. */
interface Format {
  readonly name: string;
  /** Whether the bytes begin as this format does. */
  readonly is: (bytes: DataView) => boolean;
  /** The machine that it is for, or undefined where it is not an executable of 64 bits. */
  readonly machine: (bytes: DataView) => string | undefined;
}

/** System V ABI, ELF header: `e_ident`, `e_type`, `e_machine`. */
const ELF: Format = {
  name: "ELF",
  is: (bytes) => bytes.getUint32(0) === 0x7f454c46,
  machine: (bytes) => {
    const isLittleEndian64 = bytes.getUint16(4) === 0x0201; // ELFCLASS64, ELFDATA2LSB
    const type = bytes.getUint16(16, true);
    if (!isLittleEndian64 || (type !== 2 && type !== 3)) return undefined; // ET_EXEC, ET_DYN
    return { 62: "x86_64", 183: "aarch64" }[bytes.getUint16(18, true)]; // EM_X86_64, EM_AARCH64
  },
};

/** Apple, `mach-o/loader.h` and `mach/machine.h`: `mach_header_64`. */
const MACH_O: Format = {
  name: "Mach-O",
  is: (bytes) => bytes.getUint32(0, true) === 0xfeedfacf, // MH_MAGIC_64
  machine: (bytes) => {
    if (bytes.getUint32(12, true) !== 2) return undefined; // MH_EXECUTE
    // CPU_TYPE_X86_64, CPU_TYPE_ARM64
    return { 0x01000007: "x86_64", 0x0100000c: "aarch64" }[bytes.getUint32(4, true)];
  },
};

/** Microsoft, PE Format: the offset at 0x3c, the signature, and the COFF header behind it. */
const PE: Format = {
  name: "PE",
  is: (bytes) => bytes.getUint16(0) === 0x4d5a, // "MZ"
  machine: (bytes) => {
    const start = bytes.getUint32(0x3c, true);
    if (start + 24 > bytes.byteLength || bytes.getUint32(start) !== 0x50450000) return undefined;
    const characteristics = bytes.getUint16(start + 22, true);
    // IMAGE_FILE_EXECUTABLE_IMAGE without IMAGE_FILE_DLL
    if ((characteristics & 0x2002) !== 0x0002) return undefined;
    // IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64
    return { 0x8664: "x86_64", 0xaa64: "aarch64" }[bytes.getUint16(start + 4, true)];
  },
};

const FORMATS: readonly Format[] = [ELF, MACH_O, PE];

/**
 * Says what executable file bytes are the beginning of.
 *
 * @param head The first bytes of the file.
 * @returns Its format and machine, such as `ELF for x86_64`; `no executable file` where it is none of
 * the formats that parley is made in.
 */
export function executableFormat(head: Uint8Array): string {
  // Zeros behind a short file mean nothing in any of the formats.
  const padded = new Uint8Array(Math.max(head.length, 64));
  padded.set(head);
  const bytes = new DataView(padded.buffer);
  const format = FORMATS.find(({ is }) => is(bytes));
  if (format === undefined) return "no executable file";
  return `${format.name} for ${format.machine(bytes) ?? "something else"}`;
}

/** The format that a target's executable file has, as {@linkcode executableFormat} says it. */
export function formatOf(target: string): string {
  const format = target.includes("windows") ? PE : target.includes("apple") ? MACH_O : ELF;
  return `${format.name} for ${target.split("-")[0]}`;
}

/**
 * Checks that a file is an executable for a target.
 *
 * @param path The file.
 * @param target The target it was made for.
 * @throws {Failure} `WRONG_FORMAT`, unless its header says so.
 */
export async function requireFormat(path: string, target: string): Promise<void> {
  using file = await Deno.open(path);
  const head = new Uint8Array(HEAD_BYTES);
  let filled = 0;
  for (let read: number | null = 0; read !== null && filled < head.length; filled += read ?? 0) {
    read = await file.read(head.subarray(filled));
  }
  const [is, wanted] = [executableFormat(head.subarray(0, filled)), formatOf(target)];
  if (is === wanted) return;
  throw new Failure({
    what: `what was compiled is not for ${target}`,
    why: `it is ${is}, not ${wanted}`,
    code: "WRONG_FORMAT",
    hint: "DENORT_BIN must name the file denort of that target; unset, it is downloaded",
  });
}
