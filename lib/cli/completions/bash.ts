/**
 * Completion for bash, 3.2 (which macOS has) and later.
 *
 * @module
 */

import { singleQuoted } from "../../shell_word.ts";
import type { CommandWords, Value } from "./words.ts";

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
  // Nothing is offered in its place.
  if (value === "any") return "files=no";
  return `rows=${singleQuoted(value.words.map((word) => `${word}\t`).join("\n"))}`;
}
