/**
 * The console blocks of a document: commands, and what the document says that they print.
 *
 * @module
 */

/** A command of a document. */
export interface Shown {
  readonly command: string;
  /** What is printed below it, ending in a line feed. */
  readonly output: string;
}

/** The commands behind `$ ` in the console blocks of a document, with what is printed for each. */
export function readConsoleBlocks(markdown: string): Shown[] {
  return [...markdown.matchAll(/^```console\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
    readCommands(block!)
  );
}

/** The commands behind `$ ` in a block, with what is printed for each. */
export function readCommands(block: string): Shown[] {
  return block.split(/^\$ /m).slice(1).map((part) => {
    const end = part.indexOf("\n");
    return { command: part.slice(0, end), output: part.slice(end + 1) };
  });
}

/**
 * Whether a command printed what a document shows. There, a line `…` stands for any lines, or none, `…` in a
 * line for any text, and the width of blanks is not looked at.
 */
export function printsWhatIsShown(shown: string, printed: string): boolean {
  const pattern = shown.split(/^…\n/m).map(linesPattern).join("(?:.*\n)*");
  return new RegExp(`^${pattern}$`).test(printed.replace(/ +/g, " "));
}

function linesPattern(lines: string): string {
  return lines.split("…").map((text) =>
    text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/ +/g, " ")
  ).join(".*");
}
