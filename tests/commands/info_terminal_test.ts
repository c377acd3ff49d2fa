// needs: net run=deno,tmux

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertStringIncludes } from "@std/assert";
import { HAS_TMUX, Pane } from "../terminal/tmux.ts";

const ignore = !HAS_TMUX;
const RUN = "deno run --no-prompt --allow-net main.ts info";

Deno.test({
  name: "parley info ping draws its times in a terminal, and Ctrl-C brings its summary",
  ignore,
  async fn() {
    await using pane = await Pane.open(60, 20);
    await pane.type(`${RUN} ping 127.0.0.1:1 -c 3 -i 1\n`);
    await pane.until("the bars", ({ rows }) => rows.some((row) => /^[▁▂▃▄▅▆▇█]{3}$/.test(row)));
    await pane.type(`clear; ${RUN} ping 127.0.0.1:1 -c 0 -i 50\n`);
    // More than the three of before, which may still be there.
    await pane.until("a probe", ({ rows }) => rows.some((row) => /^ +5 {2}refused/.test(row)));
    await pane.press("C-c");
    await pane.until(
      "the summary",
      ({ rows }) => rows.some((row) => / sent, .* 0% lost$/.test(row)),
    );
  },
});

Deno.test({
  name: "parley info wraps what it says at the terminal's width, under itself, in colours",
  ignore,
  async fn() {
    await using pane = await Pane.open(50, 20);
    await pane.type(`${RUN} errors EMSGSIZE\n`);
    await pane.until(
      "the wrapped hint",
      ({ rows }) =>
        rows.includes("  do        a UDP datagram carries at most 65507") &&
        rows.includes("            bytes over IPv4 and 65527 over IPv6"),
    );
    assertStringIncludes(await pane.tmux("capture-pane", "-p", "-e"), "\x1b[1mEMSGSIZE");
    await pane.type(`clear; NO_COLOR=1 ${RUN} errors EMSGSIZE\n`);
    // In the first row, once the screen is cleared: the rows of before begin like that, too.
    await pane.until("it again", ({ rows }) => rows[0]?.startsWith("EMSGSIZE") === true);
    const plain = await pane.tmux("capture-pane", "-p", "-e");
    assert(!plain.includes("\x1b[1mEMSGSIZE"), plain);
  },
});

Deno.test({
  name: "parley info sends a dumb terminal no escape codes",
  ignore,
  async fn() {
    await using pane = await Pane.open(60, 20, "TERM=dumb");
    const run = RUN.replace("main.ts", "--allow-env=TERM main.ts");
    await pane.type(
      `clear; TERM=dumb ${run} errors EMSGSIZE; TERM=dumb ${run} ping 127.0.0.1:1 -c 1\n`,
    );
    await pane.until(
      "the summary",
      ({ rows }) => rows.some((row) => / sent, .* 0% lost$/.test(row)),
    );
    const looks = await pane.tmux("capture-pane", "-p", "-e");
    assertStringIncludes(looks, "EMSGSIZE");
    assert(!looks.includes("\x1b"), looks);
  },
});
