/**
 * What a test file needs, as a comment of its own says near its top:
 *
 * ```ts
 * // needs: net run=deno,tmux read=. (about 30 s)
 * ```
 *
 * A file without such a line needs `net` alone. `net`, `ffi`, `sys`, `run=`, `read=` and `write=` are flags of `deno test`.
 * `port=` names fixed ports: two files that use the same one never run at the same time. `tool=` names programs
 * that the tests start through `sh`, and `runtime-base` what `deno compile` downloads; a machine may lack both, and
 * the tests are ignored there. `nothing` stands alone. The time is that of the file on an idle machine; it is
 * declared where it exceeds ten seconds.
 *
 * @module
 */

/** One word of a declaration. */
export type Need =
  | "net"
  | "ffi"
  | "sys"
  | `run=${string}`
  | `read=${string}`
  | `write=${string}`;

/** What one file declares. */
export interface Declaration {
  /** The words, in a fixed order, so that files with the same needs have the same words. */
  readonly words: readonly string[];
  /** About how long the file's tests take on an idle machine, in seconds. */
  readonly seconds: number;
}

/** Words with a value behind `=`, and words without. Their order is that of a declaration. */
const WORDS: Readonly<Record<string, "alone" | "values">> = {
  "nothing": "alone",
  "net": "alone",
  "ffi": "alone",
  "sys": "alone",
  "run": "values",
  "read": "values",
  "write": "values",
  "port": "values",
  "tool": "values",
  "runtime-base": "alone",
};
const KINDS = Object.keys(WORDS);

/** How long a file takes that does not say so, in seconds. */
const SHORT = 1;

const DECLARATION = /^\/\/ needs: (.*?)(?: \(about (\d+) s\))?$/gm;

/**
 * Reads what a test file needs.
 *
 * @param text The file's text.
 * @throws {SyntaxError} With what is wrong in the declaration.
 */
export function readDeclaration(text: string): Declaration {
  const [line, ...more] = text.matchAll(DECLARATION);
  if (more.length > 0) throw new SyntaxError("two lines declare needs");
  if (line === undefined) return { words: ["net"], seconds: SHORT };
  const words = line[1]!.split(" ").map(checkedWord);
  const kinds = words.map(kindOf);
  const repeated = kinds.find((kind, i) => kinds.indexOf(kind) !== i);
  if (repeated !== undefined) throw new SyntaxError(`"${repeated}" is declared twice`);
  if (kinds.includes("nothing") && kinds.length > 1) {
    throw new SyntaxError('"nothing" is declared beside something');
  }
  words.sort((a, b) => KINDS.indexOf(kindOf(a)) - KINDS.indexOf(kindOf(b)));
  return { words, seconds: Number(line[2] ?? SHORT) };
}

/** A word with its values in order. */
function checkedWord(word: string): string {
  const [, kind = "", values] = /^([^=]*)(?:=(.*))?$/.exec(word)!;
  const form = Object.hasOwn(WORDS, kind) ? WORDS[kind] : undefined;
  if (form === undefined) throw new SyntaxError(`unknown need "${word}": known are ${KINDS}`);
  if ((form === "values") !== (values !== undefined && values !== "")) {
    throw new SyntaxError(`"${kind}" takes ${form === "values" ? "values behind =" : "no values"}`);
  }
  return values === undefined ? kind : `${kind}=${[...new Set(values.split(","))].sort()}`;
}

function kindOf(word: string): string {
  return word.split("=")[0]!;
}

/** The values of a word, such as the programs of `run=`. */
export function valuesOf(words: readonly string[], kind: string): string[] {
  const word = words.find((each) => kindOf(each) === kind && each.includes("="));
  return word?.slice(kind.length + 1).split(",") ?? [];
}

/** The flags of `deno test` that grant needs. */
export function flagsOf(words: readonly string[]): string[] {
  const others = ["nothing", "port", "tool", "runtime-base"];
  return words.filter((word) => !others.includes(kindOf(word))).map((word) => `--allow-${word}`);
}

/**
 * What only one process at a time may use: fixed ports, the programs in `dist/test`, and terminals and browsers, because
 * their tests wait for what a busy machine shows late. Scratch directories are shared, since each test makes its own.
 */
export function exclusiveOf(words: readonly string[]): string[] {
  const ports = valuesOf(words, "port").map((port) => `port ${port}`);
  const folders = valuesOf(words, "write").filter((path) => path !== "tests/scratch");
  const terminal = valuesOf(words, "run").includes("tmux") ? ["terminal"] : [];
  const isBrowser = (program: string) => program === "chromium" || program === "firefox-esr";
  const browser = valuesOf(words, "run").some(isBrowser) ? ["browser"] : [];
  return [...ports, ...folders, ...terminal, ...browser];
}

/** What a machine may lack, so that tests are ignored although they are permitted. */
export function toolsOf(words: readonly string[]): string[] {
  const always = ["deno", "sh", "ln"];
  return [
    ...words.includes("runtime-base") ? ["the runtime base of deno compile"] : [],
    ...valuesOf(words, "run").filter((program) => !always.includes(program)),
    ...valuesOf(words, "tool"),
  ];
}
