/**
 * Completion for fish, by its builtin `complete`.
 *
 * @module
 */

import type { CommandWords, OptionWords, Value } from "./words.ts";

/** The script that fish reads: `parley completions fish | source`. */
export function fishScript(commands: readonly CommandWords[]): string {
  const groups = commands.filter(({ commands }) => commands.length > 0).flatMap((group) =>
    group.commands.map(([name]) => [...group.path, name].join(" "))
  );
  return `# Completion of parley for fish: parley completions fish | source

# Whether the words typed so far lead to the command that is named.
function __parley_at
    set -l path parley
    for word in (commandline -opc)[2..-1]
        if contains -- "$path $word" ${groups.map(quoted).join(" ")}
            set path "$path $word"
        end
    end
    test "$path" = "$argv"
end

complete -c parley -f
${commands.flatMap(lines).join("\n")}
`;
}

function lines(command: CommandWords): string[] {
  const at = `complete -c parley -n ${quoted(`__parley_at ${command.path.join(" ")}`)}`;
  const operand = command.operands.find(({ value }) => value !== "any")?.value;
  return [
    ...command.commands.map(([name, summary]) => `${at} -a ${name} -d ${quoted(summary)}`),
    ...(operand === undefined ? [] : [`${at} ${valueOf(operand)}`]),
    ...command.options.map((option) => `${at} ${optionOf(option)}`),
  ];
}

function optionOf({ long, short, help, label, value }: OptionWords): string {
  const parts = [`-l ${long.slice(2)}`];
  if (short !== undefined) parts.push(`-s ${short.slice(1)}`);
  if (label !== undefined) parts.push("-r", valueOf(value));
  return [...parts, `-d ${quoted(help)}`].join(" ");
}

function valueOf(value: Value): string {
  if (value === "file") return "-F";
  return value === "any" ? "-f" : `-f -a ${quoted(value.words.join(" "))}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
