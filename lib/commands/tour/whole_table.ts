/**
 * The two commands that read the whole table of commands: `parley tour` plays the tutorial with them, and
 * `parley completions` makes the scripts with which a shell completes them.
 *
 * @module
 */

import { singleQuoted } from "../../base/printable.ts";
import {
  type CommandSpec,
  type Input,
  type LoadCommand,
  type OperandSpec,
  optionsOf,
  type OptionSpec,
  type TextForm,
} from "../../cli/spec.ts";
import { type Io, StopSignals, TERMINATED, writeAll } from "../../os/io.ts";

/** `parley tour`. */
export const TOUR = {
  name: "tour",
  summary: "Run every section of the tutorial live on this machine.",
  details:
    `Announces each step, shows the command line, and runs it. Takes less than 20 seconds on an idle
machine, and uses only this machine's own network. Exits with 0 only if every step did what it
announced.`,
  operands: [{
    name: "SECTION",
    optional: true,
    choices: [
      "host",
      "address",
      "byteorder",
      "service",
      "socket",
      "errors",
      "udp",
      "forgery",
      "tcp",
      "rsa",
      "chat",
    ],
    help: "One section (default: all)",
  }],
  options: {
    pause: { type: "flag", help: "Wait for Enter before each step" },
    ffi: {
      type: "flag",
      help: "Let the socket section call the C library, as parley info socket does",
      needs: ["ffi"],
    },
  },
  permissions: ["net", "sys", "read", "write"],
  examples: ["parley tour", "parley tour chat", "parley tour --pause --ffi"],
} as const satisfies CommandSpec;

/**
 * Plays the tour, or one section of it.
 *
 * @param root The table of commands that its steps run.
 * @param load Loads the code of a command.
 */
export async function runTour(
  root: CommandSpec,
  load: LoadCommand,
  { options, operands }: Input<typeof TOUR>,
  io: Io,
): Promise<number> {
  const { loadSections } = await import("../../tour/sections.ts");
  const { enterKey, playTour } = await import("../../tour/tour.ts");
  using signals = new StopSignals(io, { terminated: TERMINATED });
  const stop = new AbortController();
  signals.stopped.then((code) => stop.abort(code));
  using keys = options.pause ? enterKey(io) : undefined;
  try {
    const failed = await playTour({
      io,
      root,
      load,
      kept: [...TOUR.permissions, ...(options.ffi ? ["ffi" as const] : [])],
      sections: await loadSections(operands[0]),
      pause: keys?.pressed,
      signal: stop.signal,
    });
    return failed === 0 ? 0 : 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return await signals.stopped;
  }
}

/** The shells that have a completion script. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of {@linkcode SHELLS}. */
export type Shell = typeof SHELLS[number];

/** `parley completions`. */
export const COMPLETIONS = {
  name: "completions",
  summary: "Print a completion script for a shell.",
  details: `Run the line for your shell. For later shells, add the line to the file named beside it:
  bash  source <(parley completions bash)   ~/.bashrc
  zsh   source <(parley completions zsh)    ~/.zshrc, after compinit
  fish  parley completions fish | source    ~/.config/fish/config.fish`,
  operands: [{ name: "SHELL", choices: SHELLS, help: "The shell to print the script for" }],
  options: {},
  permissions: [],
  examples: [
    "source <(parley completions bash)",
    "parley completions fish > ~/.config/fish/completions/parley.fish",
  ],
} as const satisfies CommandSpec;

/**
 * Makes the script that completes the program's commands and options, with their descriptions.
 *
 * @param root The table's root.
 * @param shell The shell.
 */
export function completionScript(root: CommandSpec, shell: Shell): string {
  const commands = commandWords(root);
  switch (shell) {
    case "bash":
      return bashScript(commands);
    case "zsh":
      return zshScript(commands);
    case "fish":
      return fishScript(commands);
  }
}

/**
 * Prints the script for a shell.
 *
 * @param root The table of commands that the script completes.
 * @param operands The shell alone, which the command line has checked.
 */
export function printCompletions(
  root: CommandSpec,
  { operands }: Pick<Input<CommandSpec>, "operands">,
  io: Io,
): Promise<number> {
  writeAll(io.output, completionScript(root, operands[0] as Shell));
  return Promise.resolve(0);
}

/** The script that bash reads: `source <(parley completions bash)`. */
export function bashScript(commands: readonly CommandWords[]): string {
  return `# Completion of parley for bash: source <(parley completions bash)

# What may stand where: sets rows, each a word, a tab and what it does; or files: yes or no.
_parley_rows() {
  rows="" files=""
  case $1 in
${commands.flatMap(cases).join("\n")}
  esac
}

_parley() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path=parley option="" rows files i word text
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    _parley_rows "$path"
    [[ $'\\n'$rows == *$'\\n'"\${COMP_WORDS[i]}"$'\\t'* ]] && path="$path \${COMP_WORDS[i]}"
  done
  # --option value, and --option=value, which is three words here.
  i=$((COMP_CWORD - 1))
  if [[ $cur == "=" ]]; then cur=""; elif [[ \${COMP_WORDS[i]} == "=" ]]; then ((i--)); fi
  option=\${COMP_WORDS[i]}
  rows="" files=""
  [[ $option == -* ]] && _parley_rows "$path $option"
  if [[ -z $rows$files ]]; then
    if [[ $cur == -* ]]; then _parley_rows "$path -"; else _parley_rows "$path"; fi
  fi
  [[ $files == no ]] && return
  if [[ $files == yes ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")
    return
  fi
  local -a words=() texts=()
  while IFS=$'\\t' read -r word text; do
    [[ -n $word && $word == "$cur"* ]] && words+=("$word") && texts+=("$text")
  done <<<"$rows"
  [[ \${#words[@]} -gt 0 ]] || return
  # What they do is shown where they are listed (COMP_TYPE ?, ! or @), not where one is filled in.
  local width=$((\${COLUMNS:-80} - 1)) line
  for ((i = 0; i < \${#words[@]}; i++)); do
    line=\${words[i]}
    if [[ \${#words[@]} -gt 1 && \${COMP_TYPE:-9} =~ ^(63|33|64)$ && -n \${texts[i]} ]]; then
      printf -v line '%-18s (%s)' "$line" "\${texts[i]}"
      line=\${line:0:width}
    fi
    COMPREPLY+=("$line")
  done
}

complete -o nosort -F _parley parley 2>/dev/null || complete -F _parley parley
`;
}

function cases(command: CommandWords): string[] {
  const path = command.path.join(" ");
  const options = command.options.map(({ long, help }) => `${long}\t${help}`);
  const lines = [branch([`${path} -`], `rows=${singleQuoted(options.join("\n"))}`)];
  for (const { long, short, label, value } of command.options) {
    if (label === undefined) continue;
    const names = [long, ...(short === undefined ? [] : [short])].map((name) => `${path} ${name}`);
    lines.push(branch(names, assignment(value)));
  }
  const words = command.commands.map(([name, summary]) => `${name}\t${summary}`);
  const operand = command.operands.find(({ value }) => value !== "any")?.value;
  if (words.length > 0) lines.push(branch([path], `rows=${singleQuoted(words.join("\n"))}`));
  else if (operand !== undefined) lines.push(branch([path], assignment(operand)));
  return lines;
}

function branch(patterns: readonly string[], body: string): string {
  return `  ${patterns.map(singleQuoted).join(" | ")}) ${body} ;;`;
}

function assignment(value: Value): string {
  if (value === "file") return "files=yes";
  // The shell offers nothing for such a value.
  if (value === "any") return "files=no";
  return `rows=${singleQuoted(value.words.map((word) => `${word}\t`).join("\n"))}`;
}

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
    ...(operand === undefined ? [] : [`${at} ${fishValue(operand)}`]),
    ...command.options.map((option) => `${at} ${optionOf(option)}`),
  ];
}

function optionOf({ long, short, help, label, value }: OptionWords): string {
  const parts = [`-l ${long.slice(2)}`];
  if (short !== undefined) parts.push(`-s ${short.slice(1)}`);
  if (label !== undefined) parts.push("-r", fishValue(value));
  return [...parts, `-d ${quoted(help)}`].join(" ");
}

function fishValue(value: Value): string {
  if (value === "file") return "-F";
  return value === "any" ? "-f" : `-f -a ${quoted(value.words.join(" "))}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** The candidates for a value: some words, the names of files, or none (`any`). */
export type Value = { readonly words: readonly string[] } | "file" | "any";

/** An option, as a shell sees it. */
export interface OptionWords {
  /** Its name, with `--`. */
  readonly long: string;
  /** Its one-letter form, with `-`. */
  readonly short: string | undefined;
  readonly help: string;
  /** The name of its value, if it takes one. */
  readonly label: string | undefined;
  readonly value: Value;
  readonly repeat: boolean;
}

/** An argument, as a shell sees it. */
export interface OperandWords {
  readonly label: string;
  readonly value: Value;
  readonly rest: boolean;
}

/** A command, as a shell sees it. */
export interface CommandWords {
  /** The words that lead to it: `parley`, `chat`, `server`. */
  readonly path: readonly string[];
  /** The commands below it, with their summaries. */
  readonly commands: readonly (readonly [name: string, summary: string])[];
  readonly options: readonly OptionWords[];
  readonly operands: readonly OperandWords[];
}

/** Returns every command of a table, the root first. */
export function commandWords(root: CommandSpec, above: readonly string[] = []): CommandWords[] {
  const path = [...above, root.name];
  const commands = root.commands ?? [];
  const own: CommandWords = {
    path,
    commands: commands.map(({ name, summary }) => [name, withoutStop(summary)]),
    options: Object.entries(optionsOf(root)).map(optionWords),
    operands: (root.operands ?? []).map(operandWords),
  };
  return [own, ...commands.flatMap((command) => commandWords(command, path))];
}

function optionWords([name, spec]: [string, OptionSpec]): OptionWords {
  return {
    long: `--${name}`,
    short: spec.short === undefined ? undefined : `-${spec.short}`,
    help: withoutStop(spec.help),
    label: spec.type === "flag" ? undefined : spec.value,
    value: spec.type === "text" ? valueOf(spec) : "any",
    repeat: spec.type === "text" && spec.repeat === true,
  };
}

function operandWords(spec: OperandSpec): OperandWords {
  return {
    label: spec.name,
    value: valueOf(spec),
    rest: spec.rest === true,
  };
}

function valueOf(
  { choices, form }: { readonly choices?: readonly string[]; readonly form?: TextForm },
): Value {
  if (choices !== undefined) return { words: choices };
  return form === "file" ? "file" : "any";
}

function withoutStop(text: string): string {
  return text.replace(/\.$/, "");
}

/** The script that zsh reads: `source <(parley completions zsh)`, or a file `_parley` in `$fpath`. */
export function zshScript(commands: readonly CommandWords[]): string {
  return `#compdef parley
# Completion of parley for zsh: source <(parley completions zsh), or save it as _parley in $fpath

${commands.map((command) => functionOf(command)).join("\n")}
if [[ $funcstack[1] == _parley ]]; then _parley "$@"; else compdef _parley parley; fi
`;
}

function functionOf(command: CommandWords): string {
  const options = command.options.map(optionSpec);
  if (command.commands.length === 0) {
    const specs = [...options, ...command.operands.map(operandSpec)];
    return `${nameOf(command.path)}() {\n  _arguments -s -S ${specs.join(" ")}\n}\n`;
  }
  const described = command.commands.map(([name, summary]) =>
    singleQuoted(`${name}:${summary.replaceAll(":", "\\:")}`)
  );
  const branches = command.commands.map(([name]) =>
    `    ${name}) ${nameOf([...command.path, name])} ;;`
  );
  return `${nameOf(command.path)}() {
  local curcontext=$curcontext state line
  local -a commands=(${described.join(" ")})
  _arguments -C ${options.join(" ")} '1: :->command' '*:: :->rest'
  case $state in
  command) _describe -t commands command commands ;;
  rest)
    case $words[1] in
${branches.join("\n")}
    esac
    ;;
  esac
}
`;
}

function nameOf(path: readonly string[]): string {
  return `_${path.join("_").replaceAll("-", "_")}`;
}

function optionSpec({ long, short, help, label, value, repeat }: OptionWords): string {
  const names = short === undefined ? [long] : [short, long];
  const text = `[${escape(help)}]${label === undefined ? "" : valueSpec(label, value)}`;
  const once = repeat ? "*" : `(${names.join(" ")})`;
  return names.map((name) =>
    singleQuoted(`${once}${name}${label === undefined ? "" : name === long ? "=" : "+"}${text}`)
  ).join(" ");
}

function operandSpec({ label, value, rest }: OperandWords): string {
  return singleQuoted(`${rest ? "*" : ""}${valueSpec(label, value)}`);
}

function valueSpec(label: string, value: Value): string {
  const action = value === "file" ? "_files" : value === "any" ? " " : `(${value.words.join(" ")})`;
  return `:${escape(label)}:${action}`;
}

function escape(text: string): string {
  return text.replace(/[\\:[\]]/g, "\\$&");
}
