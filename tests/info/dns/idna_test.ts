// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { Failure } from "../../../lib/base/failure.ts";
import { readDnsName } from "../../../lib/info.ts";
import { nameText, readLabels, withoutDot } from "../../../lib/info/dns/name.ts";
import vectors from "../../vectors/idna.json" with { type: "json" };

/** A name in ASCII, or null where it is refused. */
async function ascii(text: string): Promise<string | null> {
  try {
    return (await readDnsName(text)).ascii;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return null;
  }
}

Deno.test("readDnsName() maps all internationalized names of IdnaTestV2 as UTS #46 does", async () => {
  const differing = [];
  let mapped = 0;
  for (const [text, expected] of vectors.rows as [string, string | null][]) {
    const name = await ascii(text);
    // In the vectors no octet is escaped.
    const right = expected === null ? null : withoutDot(nameText(readLabels(expected)));
    if (name !== right) differing.push([text, name, right]);
    if (right !== null) mapped += 1;
  }
  assertEquals(differing, []);
  assert(vectors.rows.length > 4000 && mapped > 500);
});
