// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromRecord, History, MAX_HISTORY, toRecord } from "../../lib/terminal/suggestions.ts";

Deno.test("fromRecord() reads what toRecord() wrote, which is one line", () => {
  assertEquals(toRecord("a\nb\\n"), "a\\nb\\\\n");
  const text = fc.string().map((one) => one.replace(/[^ -~\xa0-\uffff]/g, "\n"));
  fc.assert(fc.property(text, (line) => {
    const record = toRecord(line);
    assertEquals([record.includes("\n"), fromRecord(record)], [false, line]);
  }));
});

Deno.test("fromRecord() drops control characters from the file", () => {
  assertEquals(fromRecord("a\x1b[2Jb\x9bc\td\\n"), "a[2Jbcd\n");
});

Deno.test("History holds the newest lines, and each of a row of equal ones once", () => {
  const history = new History(Array.from({ length: MAX_HISTORY + 5 }, (_, i) => `line ${i}`));
  history.add({ text: "new", lasting: true });
  history.add({ text: "new", lasting: true });
  const seen: string[] = [];
  let shown = { text: "", cursor: 0, lasting: true };
  for (let older; (older = history.recall(-1, shown)) !== undefined; shown = older) {
    seen.push(older.text);
  }
  assertEquals([seen.length, seen[0], seen.at(-1)], [MAX_HISTORY, "new", "line 6"]);
});
