/**
 * One file that needs nothing installed: a script that unpacks Deno and the program, and starts them.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";
import { VERSION } from "../../lib/os/build.ts";
import type { Bundle } from "./bundle.ts";
import { FLAGS } from "./target.ts";
// @ts-types="../../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";

const HEAD = new URL("head.sh", import.meta.url);

/** How much to compress. */
export type Effort = "fast" | "best";

/**
 * Makes the file for this machine's platform.
 *
 * @param bundle The bundled program.
 * @param output Where to write it.
 * @param effort `fast` takes a fifth of the time of `best`, for a file a tenth larger.
 * @throws {Failure} On Windows, which has no sh.
 */
export async function makeSelfContained(
  bundle: Bundle,
  output: string,
  effort: Effort,
): Promise<void> {
  if (Deno.build.os === "windows") {
    throw new Failure({
      what: "cannot make the self-contained program",
      why: "it starts with a POSIX shell script, which Windows does not run",
      code: "NOT_SUPPORTED",
      hint: "deno task compile makes a parley.exe",
    });
  }
  const runtime = await pack(await Deno.readFile(Deno.execPath()), effort);
  const program = await pack(new TextEncoder().encode(bundle.program), effort);
  const names = await pack(new TextEncoder().encode(bundle.names), effort);
  const rest = await pack(new TextEncoder().encode(bundle.rest), effort);
  const ports = await pack(new TextEncoder().encode(bundle.ports), effort);
  const sums = [runtime, program, names, rest, ports].map(({ sum }) => sum).join("");
  const head = await fillHead({
    VERSION,
    TARGET: Deno.build.target,
    FLAGS: FLAGS.join(" "),
    CONTENT: (await sha256(new TextEncoder().encode(sums))).slice(0, 32),
    RUNTIME_SIZE: runtime.size,
    RUNTIME_PACKED: runtime.packed.length,
    RUNTIME_SUM: runtime.sum,
    PROGRAM_SIZE: program.size,
    PROGRAM_PACKED: program.packed.length,
    PROGRAM_SUM: program.sum,
    NAMES_SIZE: names.size,
    NAMES_PACKED: names.packed.length,
    NAMES_SUM: names.sum,
    REST_SIZE: rest.size,
    REST_PACKED: rest.packed.length,
    REST_SUM: rest.sum,
    PORTS_SIZE: ports.size,
    PORTS_PACKED: ports.packed.length,
    PORTS_SUM: ports.sum,
  });
  const packed = [runtime, program, names, rest, ports].map((each) => each.packed);
  const parts = new Blob([head, ...packed]);
  await Deno.writeFile(output, parts.stream());
  await Deno.chmod(output, 0o755);
}

interface Packed {
  readonly size: number;
  readonly sum: string;
  readonly packed: Uint8Array<ArrayBuffer>;
}

async function pack(bytes: Uint8Array<ArrayBuffer>, effort: Effort): Promise<Packed> {
  const level = effort === "fast" ? constants.Z_BEST_SPEED : constants.Z_BEST_COMPRESSION;
  const packed = new Uint8Array(await promisify(gzip)(bytes, { level }));
  return { size: bytes.length, sum: await sha256(bytes), packed };
}

async function fillHead(values: Readonly<Record<string, string | number>>): Promise<string> {
  const head = await Deno.readTextFile(HEAD);
  return head.replace(/@([A-Z_]+)@/g, (mark, name) => {
    const value = values[name];
    if (value === undefined) throw new TypeError(`head.sh has an unknown mark ${mark}`);
    return String(value);
  });
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
