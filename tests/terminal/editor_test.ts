// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Editor, type Key, MAX_LINE, type Outcome } from "../../lib/terminal/editor.ts";

/** A key by its chord: `C-a`, `M-b`, `left`; one character types itself. */
function key(chord: string): Key {
  if ([...chord].length === 1) {
    return { name: chord, sequence: chord, ctrl: false, meta: false };
  }
  const [, ctrl, meta, name] = /^(C-)?(M-)?(.+)$/.exec(chord)!;
  return { name, sequence: "\x1b", ctrl: ctrl !== undefined, meta: meta !== undefined };
}

function press(editor: Editor, ...chords: string[]): Outcome {
  let outcome: Outcome;
  for (const chord of chords) outcome = editor.press(key(chord));
  return outcome;
}

/** Types text as a terminal sends it: one code point a key. */
function type(editor: Editor, text: string): void {
  for (const char of text) editor.press({ sequence: char, ctrl: false, meta: false });
}

function typed(text: string): Editor {
  const editor = new Editor();
  type(editor, text);
  return editor;
}

/** The line with a bar where the cursor stands. */
function shown({ text, cursor }: Editor): string {
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

Deno.test("Editor types, moves and deletes by grapheme cluster", () => {
  const editor = typed("中👩‍👩‍👧‍👦e\u0301🇩🇪!");
  press(editor, "left", "left", "left");
  assertEquals(shown(editor), "中👩‍👩‍👧‍👦|e\u0301🇩🇪!");
  press(editor, "delete");
  assertEquals(shown(editor), "中👩‍👩‍👧‍👦|🇩🇪!");
  press(editor, "backspace", "right", "backspace", "left");
  assertEquals(shown(editor), "|中!");
});

Deno.test("Editor lets an emoji be typed code point by code point before another one", () => {
  const editor = typed("👦");
  press(editor, "left");
  type(editor, "👩\u200d👩\u200d👧\u200d");
  assertEquals(shown(editor), "👩‍👩‍👧‍|👦");
  press(editor, "right", "left");
  assertEquals(shown(editor), "|👩‍👩‍👧‍👦");
});

Deno.test("Editor moves by Home, End, Ctrl-A, Ctrl-E and words", () => {
  const editor = typed("one two three");
  const places = ["home", "M-f", "C-right", "end", "M-b", "C-left", "C-a", "C-f", "C-e", "C-b"].map(
    (chord) => {
      press(editor, chord);
      return editor.cursor;
    },
  );
  assertEquals(places, [0, 3, 7, 13, 8, 4, 0, 1, 13, 12]);
});

Deno.test("Editor kills with Ctrl-U, Ctrl-K, Ctrl-W, Alt-D, and yanks with Ctrl-Y", () => {
  const editor = typed("one two three four");
  press(editor, "C-w", "M-backspace");
  assertEquals(shown(editor), "one two |");
  press(editor, "home", "C-y");
  assertEquals(shown(editor), "three four|one two ");
  press(editor, "C-k");
  assertEquals(shown(editor), "three four|");
  press(editor, "left", "right", "C-u", "C-y", " ", "C-y");
  assertEquals(shown(editor), "three four three four|");
  press(editor, "home", "M-d", "C-e", "C-y");
  assertEquals(shown(editor), " four three fourthree|");
});

Deno.test("Editor yields the line at Enter and is empty again", () => {
  const editor = typed("hello 中");
  press(editor, "home");
  assertEquals(press(editor, "return"), { kind: "line", text: "hello 中" });
  assertEquals(shown(editor), "|");
  assertEquals(press(editor, "return"), { kind: "line", text: "" });
});

Deno.test("Editor clears a line at Ctrl-C and is interrupted by it on an empty line", () => {
  const editor = typed("half");
  assertEquals(press(editor, "C-c"), undefined);
  assertEquals(shown(editor), "|");
  assertEquals(press(editor, "C-c"), { kind: "interrupt" });
});

Deno.test("Editor deletes forward at Ctrl-D and ends by it on an empty line", () => {
  const editor = typed("ab");
  press(editor, "home");
  assertEquals(press(editor, "C-d"), undefined);
  assertEquals(shown(editor), "|b");
  press(editor, "C-d");
  assertEquals(press(editor, "C-d"), { kind: "end" });
});

Deno.test("Editor goes through its history and keeps the half-typed line at the bottom", () => {
  const editor = new Editor();
  for (const line of ["first", "second", "second", ""]) {
    type(editor, line);
    press(editor, "return");
  }
  type(editor, "half-typed");
  press(editor, "left", "up");
  assertEquals(shown(editor), "second|");
  press(editor, "up", "up", "C-p");
  assertEquals(shown(editor), "first|");
  type(editor, "!");
  press(editor, "down", "down", "down", "C-n");
  assertEquals(shown(editor), "half-type|d");
  press(editor, "up", "up");
  assertEquals(press(editor, "return"), { kind: "line", text: "first" });
  press(editor, "up");
  assertEquals(shown(editor), "first|");
  press(editor, "down");
  assertEquals(shown(editor), "|");
});

Deno.test("Editor keeps the line ends of a paste and leaves out its other controls", () => {
  const editor = typed("<>");
  press(editor, "left");
  editor.paste("a\r\nb\rc\nd\te\x07\x1b\x9b\x7f\u202ef");
  assertEquals(shown(editor), "<a\nb\nc\nd e\u202ef|>");
  assertEquals(press(editor, "return"), { kind: "line", text: "<a\nb\nc\nd e\u202ef>" });
});

Deno.test("Editor puts a line feed into the line at Alt-Enter", () => {
  const editor = typed("a");
  press(editor, "M-return");
  type(editor, "b");
  assertEquals(press(editor, "return"), { kind: "line", text: "a\nb" });
});

Deno.test("Editor puts a line feed into the line at Shift-Enter of a terminal that tells it from Enter", () => {
  const editor = typed("a");
  for (const modifier of [2, 3, 5]) {
    editor.press({
      name: "undefined",
      sequence: `\x1b[13;${modifier}u`,
      ctrl: false,
      meta: false,
    });
  }
  assertEquals(shown(editor), "a\n\n\n|");
});

Deno.test("Editor asks before it inserts more than 20 lines, and inserts them at y", () => {
  const text = Array.from({ length: 21 }, (_, i) => `line ${i}`).join("\n");
  const editor = typed("<>");
  press(editor, "left");
  editor.paste(`${text.slice(0, -8)}\n\n`);
  assertEquals([editor.asks, editor.text.split("\n").length], [false, 22]);
  press(editor, "C-c");
  type(editor, "<>");
  press(editor, "left");
  assertEquals(editor.paste(text), undefined);
  assertEquals([editor.asks, editor.prompt, editor.text], [true, "paste 21 lines? (y/n) ", ""]);
  assertEquals(press(editor, "return", "x", "C-d", "tab", "left", "C-r"), undefined);
  assertEquals(press(editor, "C-l"), { kind: "clear" });
  assertEquals(editor.asks, true);
  press(editor, "y");
  assertEquals([editor.asks, editor.prompt, shown(editor)], [false, undefined, `<${text}|>`]);
});

Deno.test("Editor drops a paste of more than 20 lines at n and Ctrl-C, and keeps the line", () => {
  for (const answer of ["n", "N", "C-c", "C-g"]) {
    const editor = typed("half");
    editor.paste("x\n".repeat(21));
    press(editor, answer);
    assertEquals([editor.asks, shown(editor)], [false, "half|"]);
  }
});

Deno.test("Editor enters a paste that came with its last line end, after the answer if it asks", () => {
  const editor = new Editor();
  assertEquals(editor.paste("one\rtwo", true), { kind: "line", text: "one\ntwo" });
  const lines = Array.from({ length: 30 }, (_, i) => String(i));
  editor.paste(lines.slice(0, 25).join("\r"), true);
  editor.paste(lines.slice(25).join("\r"), true);
  assertEquals(press(editor, "Y"), { kind: "line", text: lines.join("\n") });
});

Deno.test("Editor keeps what was typed for later runs, and nothing that was pasted", () => {
  const kept: string[] = [];
  const editor = new Editor({ earlier: ["earlier"], keep: (line) => kept.push(line) });
  type(editor, "typed");
  press(editor, "return", "return");
  editor.paste("pasted");
  type(editor, "!");
  press(editor, "return");
  assertEquals(kept, ["typed"]);
  press(editor, "up");
  assertEquals(shown(editor), "pasted!|");
  press(editor, "return", "up", "C-u", "return", "C-y", "return");
  assertEquals(kept, ["typed"]);
  editor.paste("pasted");
  press(editor, "C-c", "up", "up", "up");
  assertEquals(shown(editor), "earlier|");
  press(editor, "return");
  assertEquals(kept, ["typed", "earlier"]);
});

/** An editor with three names to complete. */
function completing(): Editor {
  const names = ["ada ", "adele ", "bo "];
  return new Editor({
    complete: (before) => {
      const word = before.split(" ").at(-1)!;
      const candidates = names.filter((name) => name.startsWith(word.toLowerCase()));
      return { start: before.length - word.length, candidates };
    },
  });
}

Deno.test("Editor completes a word at Tab, before what follows the cursor", () => {
  const editor = completing();
  type(editor, "hi B!");
  press(editor, "left");
  assertEquals(press(editor, "tab"), undefined);
  assertEquals(shown(editor), "hi bo |!");
  type(editor, "xyz");
  assertEquals(press(editor, "tab", "tab"), undefined);
  assertEquals(shown(editor), "hi bo xyz|!");
});

Deno.test("Editor lists several completions at the first Tab, and goes through them at the next", () => {
  const editor = completing();
  type(editor, "A");
  assertEquals(press(editor, "tab"), { kind: "candidates", list: "ada  adele" });
  assertEquals(shown(editor), "ad|");
  const back = { name: "tab", sequence: "\x1b[Z", ctrl: false, meta: false };
  const texts = [1, 1, 1, -1, -1].map((step) => {
    if (step > 0) press(editor, "tab");
    else editor.press(back);
    return shown(editor);
  });
  assertEquals(texts, ["ada |", "adele |", "ada |", "adele |", "ada |"]);
  type(editor, "ad");
  assertEquals(editor.press(back), { kind: "candidates", list: "ada  adele" });
  editor.press(back);
  assertEquals(shown(editor), "ada adele |");
});

/** An editor with a history. */
function remembering(): Editor {
  return new Editor({ earlier: ["hello ada", "Hello bo", "see you", "see you"] });
}

Deno.test("Editor searches its history at Ctrl-R, older at each, newer at Ctrl-S", () => {
  const editor = remembering();
  type(editor, "half");
  press(editor, "C-r");
  assertEquals([editor.prompt, shown(editor)], ['search "": ', "half|"]);
  type(editor, "el");
  assertEquals([editor.prompt, shown(editor)], ['search "el": ', "H|ello bo"]);
  press(editor, "C-r");
  assertEquals(shown(editor), "h|ello ada");
  press(editor, "C-r");
  assertEquals([editor.prompt, shown(editor)], ['no line with "el": ', "h|ello ada"]);
  press(editor, "C-s");
  assertEquals([editor.prompt, shown(editor)], ['search "el": ', "H|ello bo"]);
  type(editor, "x");
  assertEquals(editor.prompt, 'no line with "elx": ');
  press(editor, "backspace");
  assertEquals([editor.prompt, shown(editor)], ['search "el": ', "H|ello bo"]);
  press(editor, "end");
  type(editor, "!");
  assertEquals([editor.prompt, shown(editor)], [undefined, "Hello bo!|"]);
});

Deno.test("Editor enters what a search found at Enter, and restores the line at Ctrl-C and Ctrl-G", () => {
  const editor = remembering();
  press(editor, "C-r");
  type(editor, "ada");
  assertEquals(press(editor, "return"), { kind: "line", text: "hello ada" });
  type(editor, "half");
  for (const cancel of ["C-c", "C-g"]) {
    press(editor, "left", "C-r", "s", "e", cancel);
    assertEquals([editor.prompt, shown(editor)], [undefined, "hal|f"]);
    press(editor, "end");
  }
});

Deno.test("Editor shows the search text without control characters", () => {
  const editor = new Editor();
  press(editor, "C-r");
  type(editor, "a\u202e");
  assertEquals(editor.prompt, 'no line with "a\\u{202e}": ');
});

Deno.test("Editor asks for a cleared screen at Ctrl-L and leaves the line", () => {
  const editor = typed("half");
  assertEquals(press(editor, "C-l"), { kind: "clear" });
  assertEquals(shown(editor), "half|");
});

Deno.test("Editor ignores keys that it does not know", () => {
  const editor = typed("x");
  const unknown = ["f5", "tab", "escape", "C-q", "M-z", "pageup", "undefined", "insert"];
  assertEquals(unknown.map((chord) => press(editor, chord)), unknown.map(() => undefined));
  editor.press({ sequence: "\t", name: "tab", ctrl: false, meta: false });
  editor.press({ sequence: "\u009b", ctrl: false, meta: false });
  assertEquals(shown(editor), "x|");
});

Deno.test("Editor never holds more than its bound, however much is pasted", () => {
  const editor = typed("ab");
  press(editor, "left");
  editor.paste("x".repeat(2 * MAX_LINE));
  type(editor, "y");
  assertEquals(editor.text.length, MAX_LINE);
  assertEquals(editor.text.at(-1), "b");
});

Deno.test("Editor keeps its cursor within the line, whatever is pressed", () => {
  const chords = ["left", "right", "home", "end", "up", "down", "backspace", "delete", "M-b", "M-f"]
    .concat(["C-k", "C-u", "C-w", "C-y", "C-d", "C-c", "M-d", "M-backspace", "return", "M-return"])
    .concat(["tab", "C-r", "C-s", "C-g", "y", "n"])
    .concat(["a", " ", "中", "\u0301", "\u200d", "👩", "🇩", "🇪"]);
  fc.assert(fc.property(fc.array(fc.constantFrom(...chords), { maxLength: 60 }), (pressed) => {
    const editor = completing();
    for (const chord of pressed) {
      if (chord === "\u200d") editor.paste("ad\n".repeat(pressed.length));
      press(editor, chord);
      const { text, cursor } = editor;
      assertEquals(cursor >= 0 && cursor <= text.length, true);
      assertEquals(text.isWellFormed(), true);
    }
  }));
});
