import { shellLines, withMargin } from "../../lib/tour/console.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";

const LABEL = { first: " a │ ", next: "   │ ", breakWords: true };
const NONE = { first: "", next: "  ", breakWords: false };

Deno.test("withMargin() sets each line behind the margin, and nothing behind the last line feed", () => {
  assertEquals(withMargin(LABEL, "one\n\ntwo\n", undefined), " a │ one\n a │ \n a │ two\n");
  assertEquals(withMargin(LABEL, "one\ntwo", 40), " a │ one\n a │ two");
});

Deno.test("withMargin() breaks long lines at spaces, and indents their rows as far as the line", () => {
  assertEquals(
    withMargin(LABEL, "  one two three four\n", 22),
    " a │   one two three\n   │   four\n",
  );
  assertEquals(withMargin(NONE, "one two three four\n", 15), "one two three\n  four\n");
  assertEquals(withMargin(NONE, "one two three\n", 13), "one two three\n");
});

Deno.test("withMargin() breaks a word that is longer than a line behind a label, and leaves it to the terminal without", () => {
  assertEquals(
    withMargin(LABEL, "a 0123456789abcdefghij\n", 17),
    " a │ a\n   │ 0123456789ab\n   │ cdefghij\n",
  );
  assertEquals(withMargin(NONE, "a 0123456789abcdefghij\n", 17), "a\n  0123456789abcdefghij\n");
});

Deno.test("withMargin() ends a colour at the end of a line, and goes on with it in the next", () => {
  assertEquals(
    withMargin(LABEL, "\x1b[31mone two three\x1b[39m four\n", 17),
    " a │ \x1b[31mone two\x1b[0m\n   │ \x1b[31mthree\x1b[39m four\n",
  );
});

Deno.test("withMargin() leaves lines as they are where a terminal has no room worth wrapping for", () => {
  assertEquals(withMargin(LABEL, "one two three four\n", 10), " a │ one two three four\n");
});

Deno.test("shellLines() breaks a command line between its words, as a shell takes it", () => {
  const line = `echo "one two" | parley rsa encrypt --to key`;
  assertEquals(shellLines(line, undefined), [line]);
  assertEquals(shellLines(line, line.length), [line]);
  assertEquals(shellLines(line, 24), [
    `echo "one two" | \\`,
    `  parley rsa encrypt \\`,
    `  --to key`,
  ]);
  assertEquals(shellLines(`echo "one two three four" x`, 12), [
    `echo \\`,
    `  "one two three four" \\`,
    `  x`,
  ]);
});
