// needs: net run=deno (about 15 s)

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { PARLEY } from "../../lib/commands/table.ts";
import { TOUR } from "../../lib/commands/tour/whole_table.ts";
import { loadSections } from "../../lib/tour/sections.ts";
import { granted } from "../fixtures/granted.ts";
import { parley } from "../fixtures/parley.ts";

const ignore = !granted("run=deno");
const ALL = ["net", "sys", "read", "write", "ffi"].map((name) => `--allow-${name}`);

Deno.test("the tour's sections are those that its table offers, each with steps", async () => {
  const sections = await loadSections();
  assertEquals(sections.map(({ name }) => name), [...TOUR.operands[0].choices]);
  for (const { steps, name } of sections) assert(steps.length > 0, name);
  assert(PARLEY.commands?.some(({ name }) => name === "tour"));
});

Deno.test({
  name: "the tour does what it says, with the real output of each command, and exits 0",
  ignore,
  async fn() {
    const { code, stdout, stderr } = await parley(["tour", "--ffi"], ALL);
    assertEquals([code, stderr], [0, ""], stdout);
    assertMatch(stdout, /\nall \d+ steps succeeded\n$/);
    for (const { title } of await loadSections()) assertStringIncludes(stdout, `\n${title}\n`);
    // The tutorial's numbers, its echo, its forgery, and its chat.
    for (
      const shown of [
        "packed   7f000001",
        "htonl(1234)  3523477504",
        "  client │ The server 127.0.0.1:",
        "Not fooled: ",
        "  ada │ bo: the secret of the day",
        "   bo │ >   ciphertext     48 bytes, AES-256-GCM",
      ]
    ) assertStringIncludes(stdout, shown);
  },
});

Deno.test({
  name: "a section of the tour stands alone, and says what it cannot do without a permission",
  ignore,
  async fn() {
    const alone = await parley(["tour", "byteorder"], []);
    assertEquals(alone.code, 0, alone.stdout);
    assertMatch(alone.stdout, /\n1\/2 {2}/);
    const refused = await parley(["tour", "rsa"], ["--allow-net"]);
    assertEquals(refused.code, 1);
    assertMatch(refused.stderr, /^parley: .*\(NOT_PERMITTED\)\nhint: .*run again with --allow-/);
    const failing = await parley(["tour", "udp"], []);
    assertEquals(failing.code, 1);
    assertStringIncludes(failing.stdout, "1 of 1 steps failed\n");
  },
});

Deno.test({
  name: "a section that the tour does not have is wrong usage",
  ignore,
  async fn() {
    const { code, stderr } = await parley(["tour", "chta"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "hint: did you mean chat?\n");
  },
});
