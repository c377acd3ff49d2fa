/**
 * Compares a document with its translation: the sections, and in each section what does not depend on the language.
 *
 * @module
 */

/** The parts of a section that are the same in every language. */
interface Section {
  /** The level and the number of the heading, or its English title if it has no number: `### 3.1`, `## Start`. */
  readonly key: string;
  /** Code blocks, each with its language before it. */
  readonly blocks: readonly string[];
  /** The commands, options and names in each row of a table, sorted. */
  readonly rows: readonly string[];
  /** The commands, options and names in the text. */
  readonly code: readonly string[];
  /** The targets of links; a translation and its original are the same. */
  readonly links: readonly string[];
}

/**
 * Splits a document into its sections.
 *
 * @param markdown The document.
 * @param titles The English title of each translated one that has no number.
 */
function sectionsOf(markdown: string, titles: Readonly<Record<string, string>>): Section[] {
  const blocks: string[] = [];
  const text = markdown.replace(/^```(\w*)\n([\s\S]*?)^```$/gm, (_, language: string, code) => {
    blocks.push(`${language}\n${code}`);
    return `BLOCK ${blocks.length - 1}`;
  });
  return text.split(/^(?=#)/m).map((section) => {
    const [heading = ""] = section.split("\n");
    const [, level = "", number, title = ""] = /^(#+) (?:(\d[\d.]*) )?(.*)$/.exec(heading) ?? [];
    return {
      key: level === "#" ? "the beginning" : `${level} ${number ?? titles[title] ?? title}`,
      blocks: [...section.matchAll(/^BLOCK (\d+)$/gm)].map(([, index]) => blocks[Number(index)]!),
      rows: [...section.matchAll(/^\|.*$/gm)].map(([row]) => codeIn(row).join(" ")),
      code: [...new Set(codeIn(section))],
      links: linksIn(section),
    };
  });
}

function linksIn(text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return [...new Set(targets.map((target) => target.replace(/\.\w\w\.md\b/, ".md")))].sort();
}

/** Replaces each comment of a block that is in Chinese by the comment of the original. */
function untranslated(block: string, original: string | undefined): string {
  const originals = original?.split("\n") ?? [];
  return block.split("\n").map((line, i) => {
    const [, code, comment] = /^(.*?)(\/\/ .*)$/.exec(line) ?? [];
    if (code === undefined || !/\p{Script=Han}/u.test(comment!)) return line;
    const [, kept] = /^(.*?)\/\/ .*$/.exec(originals[i] ?? "") ?? [];
    return kept === code ? originals[i]! : line;
  }).join("\n");
}

/** The inline code of a text, sorted. A line break within it is a space. */
function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replace(/\s+/g, " ")).sort();
}

/**
 * Compares a document with its translation.
 *
 * @param original The document.
 * @param translation Its translation.
 * @param titles The original title of each translated one that has no number.
 * @returns A line for each difference.
 */
export function differences(
  original: string,
  translation: string,
  titles: Readonly<Record<string, string>> = {},
): string[] {
  const [ours, theirs] = [sectionsOf(original, {}), sectionsOf(translation, titles)];
  const [keys, translated] = [ours.map(({ key }) => key), theirs.map(({ key }) => key)];
  const found = [
    ...keys.filter((key) => !translated.includes(key)).map((key) => `${key}: not translated`),
    ...translated.filter((key) => !keys.includes(key)).map((key) => `${key}: only translated`),
  ];
  if (found.length > 0) return found;
  if (keys.join("\n") !== translated.join("\n")) return ["the sections are in another order"];
  return ours.flatMap((section, i) => sectionDifferences(section, theirs[i]!));
}

function sectionDifferences(ours: Section, theirs: Section): string[] {
  return (["blocks", "rows", "code", "links"] as const).flatMap((part) => {
    const here = ours[part];
    const there = part === "blocks"
      ? theirs.blocks.map((block, i) => untranslated(block, ours.blocks[i]))
      : theirs[part];
    if (here.join("\n") === there.join("\n")) return [];
    const missing = here.filter((each) => !there.includes(each));
    const extra = there.filter((each) => !here.includes(each));
    return [`${ours.key}: ${part}: missing ${show(missing)}, extra ${show(extra)}`];
  });
}

function show(items: readonly string[]): string {
  return items.length === 0 ? "nothing" : items.map((item) => JSON.stringify(item)).join(", ");
}
