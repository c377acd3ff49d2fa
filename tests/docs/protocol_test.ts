// needs: net read=.

/**
 * What the specification and the code say alike.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { CONTEXT } from "../../lib/chat/identity/signing.ts";
import { FAULTS } from "../../lib/chat/member/inbox.ts";
import { SEALED_HEADER_BYTES } from "../../lib/chat/wire/envelope.ts";
import {
  isCounted,
  KIND,
  memberBound,
  type Reason,
  REASON_TEXT,
  REASONS,
  relayBound,
} from "../../lib/chat/wire/kinds.ts";
import { granted } from "../fixtures/granted.ts";

const ROOT = new URL("../../", import.meta.url);
const ignore = !granted("read=.");
const spec = ignore ? "" : await Deno.readTextFile(new URL("docs/protocol.md", ROOT));

/** The rows of the table under a heading, as trimmed cells. */
function table(heading: string): string[][] {
  const section = spec.slice(spec.indexOf(heading));
  const rows = /^\|.*\n\|[ -|]*\n((?:\|.*\n)+)/m.exec(section)![1]!;
  return rows.trim().split("\n").map((row) =>
    row.split("|").slice(1, -1).map((cell) => cell.trim())
  );
}

Deno.test({
  name: "the specification has the contexts of the code",
  ignore,
  fn() {
    const decoder = new TextDecoder();
    const code = Object.entries(CONTEXT).map(([name, bytes]) => [name, decoder.decode(bytes)]);
    const text = table("## 2. Notation").map(([name, bytes]) => [
      name!,
      bytes!.replaceAll("`", "").replace("\\0", "\0"),
    ]);
    assertEquals(text, code);
  },
});

Deno.test({
  name: "the specification has the kinds and bounds of the code",
  ignore,
  fn() {
    const rows = table("## 4. Kinds and bounds");
    assertEquals(rows.map(([kind, name]) => [name, Number(kind)]), Object.entries(KIND));
    for (const [kind, name, from, bound, counted] of rows) {
      const number = Number(kind);
      assertEquals(counted === "yes", isCounted(number), name);
      assertEquals(memberBound(number), from === "relay" ? undefined : Number(bound), name);
      assertEquals(relayBound(number), from === "member" ? undefined : Number(bound), name);
    }
  },
});

Deno.test({
  name: "the specification has the reasons and faults of the code",
  ignore,
  fn() {
    assertEquals(
      table("## 5. Reasons"),
      Object.entries(REASONS).map(([reason, number]) => [
        String(number),
        reason,
        REASON_TEXT[reason as Reason],
      ]),
    );
    for (const fault of Object.keys(FAULTS)) assert(spec.includes(fault), fault);
  },
});

/** The length of the fields of a table before `end`, in bytes. */
function lengthBefore(end: string, heading: string): number {
  const rows = table(heading);
  const sizes = rows.slice(0, rows.findIndex(([field]) => field === end)).map(([, size]) => {
    const [, bits, bytes] = /^(?:u(\d+)|bytes\[(\d+)\])$/.exec(size!)!;
    return bits === undefined ? Number(bytes) : Number(bits) / 8;
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

Deno.test({
  name: "the specification's sealed header is as long as the code's",
  ignore,
  fn() {
    assertEquals(lengthBefore("ciphertext", "### 9.2 Sealed frames"), SEALED_HEADER_BYTES);
  },
});
