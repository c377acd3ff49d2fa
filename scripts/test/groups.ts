/**
 * The groups of tests, each with exactly the permissions that it needs.
 *
 * @module
 */

/** Tests that run in one process, with the same permissions. */
export interface Group {
  readonly name: string;
  readonly permissions: readonly string[];
  readonly paths: readonly string[];
  /** About how long it takes on two idle cores, while another group runs, in seconds. */
  readonly seconds: number;
  /** A tool without which every test of the group would be ignored. */
  readonly tool?: string;
}

/** All of them, those that take the longest first. */
export const GROUPS: readonly Group[] = [
  {
    name: "process",
    seconds: 140,
    permissions: ["--allow-net", "--allow-run=deno", "--allow-read=."],
    paths: ["tests/process/"],
  },
  {
    name: "core",
    seconds: 170,
    permissions: ["--allow-net"],
    paths: [
      "tests/",
      "--ignore=tests/process/,tests/faults/,tests/files/,tests/identity/,tests/docs/,tests/terminal/,tests/shell/,tests/binary/,tests/simulation/,tests/chat/runtime/chaos_test.ts",
      "--ignore=tests/ffi/",
    ],
  },
  {
    name: "binary",
    seconds: 150,
    permissions: [
      "--allow-net",
      "--allow-run=deno,sh,tmux",
      "--allow-read=.",
      "--allow-write=dist/test",
    ],
    paths: ["tests/binary/"],
    tool: "the runtime base of deno compile",
  },
  {
    name: "files",
    seconds: 100,
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
    seconds: 70,
    permissions: [
      "--allow-net",
      "--allow-run=deno",
      "--allow-read=.",
      "--allow-write=tests/identity",
    ],
    paths: ["tests/identity/"],
  },
  {
    name: "terminal",
    seconds: 110,
    permissions: ["--allow-net", "--allow-run=deno,tmux", "--allow-read=."],
    paths: ["tests/terminal/"],
    tool: "tmux",
  },
  {
    name: "simulation",
    seconds: 20,
    permissions: [],
    paths: ["tests/simulation/"],
  },
  {
    name: "docs",
    seconds: 25,
    permissions: ["--allow-net", "--allow-run=deno,sh", "--allow-read=."],
    paths: ["tests/docs/"],
  },
  {
    name: "examples",
    seconds: 30,
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
    name: "chaos",
    seconds: 22,
    permissions: ["--allow-net", "--allow-run=deno", "--allow-read=."],
    paths: ["tests/chat/runtime/chaos_test.ts"],
  },
  {
    name: "faults",
    seconds: 20,
    permissions: ["--allow-net", "--allow-run=deno,sh,unshare", "--allow-read=."],
    paths: ["tests/faults/"],
  },
  {
    name: "shell",
    seconds: 15,
    permissions: ["--allow-net", "--allow-run=deno,sh,tmux", "--allow-read=."],
    paths: ["tests/shell/"],
  },
  {
    name: "ffi",
    seconds: 2,
    permissions: ["--allow-net", "--allow-ffi", "--allow-run=python3"],
    paths: ["tests/ffi/"],
    tool: "python3",
  },
];
