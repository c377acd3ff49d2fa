/**
 * Completion for zsh, by its function `_arguments`.
 *
 * @module
 */

import { singleQuoted } from "../../shell_word.ts";
import type { CommandWords, OperandWords, OptionWords, Value } from "./words.ts";

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
