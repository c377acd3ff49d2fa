/**
 * Texts as words of a shell's language, for lines that a person copies.
 *
 * @module
 */

/** A text in single quotes, within which a POSIX shell takes every character literally. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A text as one word of a shell command: as it is where a shell takes it literally, else in single quotes. */
export function shellWord(text: string): string {
  return /^[\w./@%+,:=-]+$/.test(text) ? text : singleQuoted(text);
}

/**
 * A file's path as one word of a shell command. A path that starts with a dash gets `./` before it, so that no
 * program takes it for an option.
 */
export function shellPath(path: string): string {
  return shellWord(path.startsWith("-") ? `./${path}` : path);
}
