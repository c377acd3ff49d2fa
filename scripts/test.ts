/**
 * Runs every test, each group with exactly the permissions that it needs, and adds up the counts.
 *
 * `deno task test` runs all groups; `deno task test NAME…` those named; what follows `--` is passed to
 * `deno test`. The last line is `N passed, N failed`, followed by the number skipped where any were.
 *
 * @module
 */

interface Group {
  readonly name: string;
  readonly permissions: readonly string[];
  readonly paths: readonly string[];
  /** A tool without which every test of the group would be ignored. */
  readonly tool?: string;
}

const GROUPS: readonly Group[] = [
  {
    name: "core",
    permissions: ["--allow-net"],
    paths: [
      // Files beside one another: they mostly wait, and none of them counts on a port or a file.
      "--parallel",
      "tests/",
      "--ignore=tests/process/,tests/faults/,tests/files/,tests/identity/,tests/docs/,tests/terminal/,tests/shell/,tests/binary/,tests/simulation/,tests/chaos_test.ts",
      "--ignore=tests/ffi/",
    ],
  },
  {
    name: "examples",
    permissions: ["--allow-net"],
    // Unchecked: the runner imports every name for every example, and unused ones are errors here.
    paths: [
      "--doc",
      "--no-check",
      "README.md",
      "docs/tutorial.md",
      "mod.ts",
      "lib/tcp_chat.ts",
      "lib/rsa.ts",
      "lib/info/",
      "lib/udp.ts",
      "lib/udp/",
    ],
  },
  {
    name: "simulation",
    permissions: [],
    paths: ["tests/simulation/"],
  },
  {
    name: "chaos",
    permissions: ["--allow-net", "--allow-run=deno", "--allow-read=."],
    paths: ["tests/chaos_test.ts"],
  },
  {
    name: "process",
    permissions: ["--allow-net", "--allow-run=deno", "--allow-read=."],
    paths: ["--parallel", "tests/process/"],
  },
  {
    name: "files",
    permissions: [
      "--allow-net",
      "--allow-run=deno,ln,openssl",
      "--allow-read=.",
      "--allow-write=tests/files",
    ],
    paths: ["tests/files/"],
    tool: "openssl",
  },
  {
    name: "identity",
    permissions: [
      "--allow-net",
      "--allow-run=deno",
      "--allow-read=.",
      "--allow-write=tests/identity",
    ],
    paths: ["tests/identity/"],
  },
  {
    name: "faults",
    permissions: ["--allow-net", "--allow-run=deno,sh,unshare", "--allow-read=."],
    paths: ["tests/faults/"],
  },
  {
    name: "docs",
    permissions: ["--allow-net", "--allow-run=deno,sh", "--allow-read=."],
    paths: ["tests/docs/"],
  },
  {
    name: "ffi",
    permissions: ["--allow-net", "--allow-ffi", "--allow-run=python3"],
    paths: ["tests/ffi/"],
    tool: "python3",
  },
  {
    name: "terminal",
    permissions: ["--allow-net", "--allow-run=deno,tmux", "--allow-read=."],
    paths: ["tests/terminal/"],
    tool: "tmux",
  },
  {
    name: "shell",
    permissions: ["--allow-net", "--allow-run=deno,sh,tmux", "--allow-read=."],
    paths: ["tests/shell/"],
  },
  {
    name: "binary",
    permissions: [
      "--allow-net",
      "--allow-run=deno,sh,tmux",
      "--allow-read=.",
      "--allow-write=dist/test",
    ],
    paths: ["tests/binary/"],
    tool: "the runtime base of deno compile",
  },
];

interface Counts {
  passed: number;
  failed: number;
  ignored: number;
}

/** The counts that `deno test` closes with: `ok | 5 passed (2 steps) | 0 failed | 1 ignored (1s)`. */
export function readSummary(output: string): Counts | undefined {
  // deno-lint-ignore no-control-regex -- the colours of the report
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const line = plain.match(/^(?:ok|FAILED) \| .*$/gm)?.at(-1);
  if (line === undefined) return undefined;
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

async function runGroup(group: Group, extra: readonly string[]): Promise<Counts> {
  console.log(`\n== ${group.name}: deno test ${group.permissions.join(" ")}`);
  const child = new Deno.Command("deno", {
    args: ["test", "--frozen", "--no-prompt", ...group.permissions, ...group.paths, ...extra],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    Deno.stdout.writeSync(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  const { success } = await child.status;
  const counts = readSummary(output) ?? { passed: 0, failed: 1, ignored: 0 };
  // A file that does not load or a leak in the runner fails the group without failing a test.
  if (!success && counts.failed === 0) counts.failed = 1;
  return counts;
}

async function main(args: readonly string[]): Promise<number> {
  const cut = args.indexOf("--");
  const names = cut < 0 ? args : args.slice(0, cut);
  const extra = cut < 0 ? [] : args.slice(cut + 1);
  const unknown = names.filter((name) => !GROUPS.some((group) => group.name === name));
  if (unknown.length > 0) {
    console.error(`no test group ${unknown.join(", ")}: ${GROUPS.map((g) => g.name).join(", ")}`);
    return 2;
  }
  const total: Counts = { passed: 0, failed: 0, ignored: 0 };
  for (const group of GROUPS.filter((g) => names.length === 0 || names.includes(g.name))) {
    const counts = await runGroup(group, extra);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.ignored += counts.ignored;
    if (counts.ignored > 0 && group.tool !== undefined) {
      console.log(`left out: ${counts.ignored} of "${group.name}", which need ${group.tool}`);
    }
  }
  const skipped = total.ignored === 0 ? "" : `, ${total.ignored} skipped`;
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
