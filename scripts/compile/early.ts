/**
 * Makes V8 compile functions together with the file that has them.
 *
 * V8 compiles a function when it is first called. Deno keeps only what V8 compiles together with a file, so that any
 * other function is compiled at each start, which takes about 0.03 ms each. V8 compiles a function with its file if the
 * function is in parentheses.
 *
 * @module
 */

/** What stands before such a function until the program is minified. The minifier removes parentheses, but no call. */
export const EARLY = "__early";

/** Where a text has a function: its first character, and the one behind its last. */
export type Range = readonly [start: number, end: number];

/** A function at the top of a chunk. */
const DECLARATION = /^(?:async )?function\*? (\w+)\([^]*?^\}$/gm;
/** What V8 reports of a method starts with its name, of an arrow function with its parameters. */
const ARROW = /^(?:async )?\(/;
const FUNCTION = /^(?:async )?function\b/;
/** Ends where an expression starts. */
const BEFORE_EXPRESSION = /(?:[=(,:?[&|>]|\breturn) ?$/;

/**
 * Marks functions of a chunk, for {@linkcode compileEarly}: arrow functions, function expressions, and the functions at
 * the top of the chunk. Those become variables, since only an expression can stand in parentheses. Methods cannot, and
 * are left as they are.
 *
 * @param text A chunk of the bundle, not minified.
 * @param functions Where it has the functions.
 */
export function markEarly(text: string, functions: readonly Range[]): string {
  const edits: Edit[] = [];
  const declared = new Set<string>();
  for (const [start, end] of functions) {
    const own = text.slice(start, end);
    const atTop = start === 0 || text[start - 1] === "\n";
    if (atTop) { for (const [, name = ""] of own.matchAll(DECLARATION)) declared.add(name); }
    else if (
      ARROW.test(own) || (FUNCTION.test(own) && BEFORE_EXPRESSION.test(text.slice(0, start)))
    ) {
      edits.push({ at: start, added: `${EARLY}(` }, { at: end, added: ")" });
    }
  }
  return declaredFirst(edited(text, edits), declared);
}

/**
 * Puts the marked functions in parentheses.
 *
 * @param program The joined and minified program.
 */
export function compileEarly(program: string): string {
  return program.replaceAll(`${EARLY}(`, "(");
}

/** A text that is added to another one. */
interface Edit {
  readonly at: number;
  readonly added: string;
}

function edited(text: string, edits: readonly Edit[]): string {
  let done = 0;
  let result = "";
  for (const { at, added } of edits.toSorted((a, b) => a.at - b.at)) {
    result += text.slice(done, at) + added;
    done = at;
  }
  return result + text.slice(done);
}

/** Makes functions at the top of a chunk marked variables, which come first: the chunk may call them as it is loaded. */
function declaredFirst(text: string, names: ReadonlySet<string>): string {
  const variables: string[] = [];
  const rest = text.replace(DECLARATION, (whole, name: string) => {
    if (!names.has(name)) return whole;
    variables.push(`var ${name} = ${EARLY}(${whole});\n`);
    return "";
  });
  return variables.join("") + rest;
}
