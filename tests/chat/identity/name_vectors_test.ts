// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
import { MalformedError } from "../../../lib/base/bytes.ts";
import { foldName, nameLooks, normalizeName } from "../../../lib/chat/identity/name.ts";
import { UNICODE_VERSION } from "../../../lib/chat/identity/name_tables.ts";
import vectors from "../../vectors/names.json" with { type: "json" };

Deno.test("the vectors of names: what they become, what they are the same as and what they look like", () => {
  assertEquals(vectors.unicode, UNICODE_VERSION);
  for (const { entered, name, folded, looks } of vectors.names) {
    assertEquals(normalizeName(entered), name);
    assertEquals([foldName(name), nameLooks(name)], [folded, looks], name);
  }
});

Deno.test("the vectors of what is no name", () => {
  for (const text of vectors.refused) {
    assertThrows(() => normalizeName(text), MalformedError, "", JSON.stringify(text));
  }
});
