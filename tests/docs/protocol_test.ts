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

Deno.test({
  name: "the specification's headers are as long as the code's",
  ignore,
  fn() {
    assert(spec.includes(`5 of the frame, ${SEALED_HEADER_BYTES}\nof the header`));
  },
});
