// needs: net run=deno (about 10 s)

import { VERSION } from "../../lib/os/build.ts";
import { granted } from "../fixtures/granted.ts";
import { parley } from "../fixtures/parley.ts";

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

const ignore = !granted("run=deno");

Deno.test({
  name: "parley --version names the version of deno.json",
  ignore,
  fn: async () => {
    const { code, stdout } = await parley(["--version"], []);
    assertEquals(code, 0);
    assertStringIncludes(stdout, `parley ${VERSION}\n`);
    assertEquals(config.version, VERSION);
  },
});

Deno.test({
  name: "every command takes --version and -V, prints what parley --version prints, and exits 0",
  ignore,
  fn: async () => {
    const version = await parley(["--version"], []);
    const lines = [["chat", "--version"], ["chat", "server", "-V"], ["info", "resolve", "-V"]];
    for (const args of lines) assertEquals(await parley(args, []), version);
  },
});

Deno.test({
  name: "parley --help, chat --help and chat server --help need no permission and exit 0",
  ignore,
  fn: async () => {
    for (const path of [[], ["chat"], ["chat", "server"], ["chat", "client"]]) {
      const { code, stdout, stderr } = await parley([...path, "--help"], []);
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, new RegExp(`^Usage: ${["parley", ...path].join(" ")}( |$)`, "m"));
    }
  },
});

Deno.test({
  name: "parley exits 2 and names the nearest command or option",
  ignore,
  fn: async () => {
    const command = await parley(["chta"]);
    assertEquals([command.code, command.stdout], [2, ""]);
    assertEquals(
      command.stderr,
      'parley: no command "chta": the commands of parley are chat, info, udp, tcp, rsa, tour, completions (USAGE)\n' +
        "hint: did you mean parley chat?\n",
    );
    const option = await parley(["chat", "server", "--prot", "1"]);
    assertEquals([option.code, option.stdout], [2, ""]);
    assertStringIncludes(option.stderr, "hint: did you mean --port?\n");
  },
});

Deno.test({
  name: "parley shows a stack trace only with --debug",
  ignore,
  fn: async () => {
    const plain = await parley(["chat", "server", "--port", "x"]);
    assertEquals(plain.stderr.split("\n").length, 3);
    const debug = await parley(["chat", "server", "--port", "x", "--debug"]);
    assertMatch(debug.stderr, /^ {4}at /m);
  },
});

Deno.test({
  name: "a value that cannot be valid ends with 2, one line and at most a hint",
  ignore,
  fn: async () => {
    const lines = [
      ["udp", "client", ""],
      ["udp", "bench", ""],
      ["udp", "send", "", "1060", "x"],
      ["udp", "server", "--host", "a b"],
      ["udp", "server", "--host", ""],
      ["chat", "server", "--host", "a b"],
      ["chat", "client", "--name", ""],
      ["chat", "client", "--identity", ""],
      ["rsa", "inspect", ""],
      ["rsa", "keygen", "-o", ""],
      ["udp", "client", "--__proto__"],
      ["udp", "client", "-m", "-5"],
    ];
    for (const args of lines) {
      const { code, stdout, stderr } = await parley(args);
      assertEquals([code, stdout], [2, ""], args.join(" "));
      assertMatch(stderr, /^parley: [^\n]+ \(USAGE\)\n(hint: [^\n]+\n)?$/);
    }
  },
});

Deno.test({
  name: "udp send takes an IPv6 address in brackets, and shows it in one pair of them",
  ignore,
  fn: async () => {
    const { code, stdout } = await parley(["udp", "send", "[::1]", "1060", "x"]);
    assertEquals(code, 0);
    assertMatch(stdout, / to \[::1\]:1060\n$/);
  },
});
