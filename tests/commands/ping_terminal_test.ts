// needs: net run=deno,tmux (about 20 s)

/**
 * The live plot of `parley info ping` on a real terminal.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SilentListener } from "../info/silent_listener.ts";
import { HAS_TMUX, Pane } from "../terminal/tmux.ts";

const RUN = "deno run --no-prompt --allow-net --allow-env=TERM main.ts info ping";

/** Opens a window in which `parley info ping` probes three ports: open, refused, silent. */
async function openWindow(columns: number, more: string, env = "") {
  const stack = new AsyncDisposableStack();
  const silent = stack.use(await SilentListener.open("127.0.0.1"));
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  stack.defer(() => listener.close());
  const pane = stack.use(await Pane.open(columns, 24));
  const ports = [listener.addr.port, 1, silent.port];
  const hosts = ports.map((port) => `127.0.0.1:${port}`);
  await pane.type(`clear; ${env} ${RUN} ${hosts.join(" ")} ${more}; echo "left with $?"\n`);
  return { pane, hosts, silent, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX, fn });
}

/** Whether each pattern is that of a row, one below the other. */
function inOrder(rows: readonly string[], patterns: readonly RegExp[]): boolean {
  return rows.some((_, i) => patterns.every((pattern, j) => pattern.test(rows[i + j] ?? "")));
}

test("parley info ping redraws a coloured row for each host, and Ctrl-C leaves it above the summary", async () => {
  await using shell = await openWindow(80, "-c 0 -i 50 -W 100");
  const { pane, hosts: [open, refused, silent] } = shell;
  const rows = [
    /^host +last +lost +range ms +plot$/,
    new RegExp(`^${open} +[\\d.]+ ms +0% +[\\d.]+–[\\d.]+  [▁▂▃▄▅▆▇█]{5,}$`),
    new RegExp(`^${refused} +[\\d.]+ ms +0% +[\\d.]+–[\\d.]+  [▁▂▃▄▅▆▇█]{5,}$`),
    new RegExp(`^${silent} +timeout +100% +-  ×{5,}$`),
  ];
  const { rows: shown } = await pane.until("the plot", ({ rows: all }) => inOrder(all, rows));
  assertEquals(shown.filter((row) => row.startsWith("host ")).length, 1, "it is drawn in place");
  const coloured = await pane.tmux("capture-pane", "-p", "-e");
  assertMatch(coloured, /\[32m[▁▂▃▄▅▆▇█]{5}/);
  assertMatch(coloured, /\[33m[▁▂▃▄▅▆▇█]{5}/);
  assertMatch(coloured, /\[31m×{5}/);
  shell.silent.answer();
  await pane.until(
    "it answers again",
    ({ rows: all }) => all.some((row) => /×+[▁▂▃▄▅▆▇█]+$/.test(row)),
  );
  await pane.press("C-c");
  const { rows: left } = await pane.until("the end", ({ rows }) => rows.includes("left with 130"));
  assert(inOrder(left, rows.slice(0, 3)), left.join("\n"));
  assert(
    inOrder(left, [
      /^$/,
      /^times in ms +sent +lost +min +p50 +p90 +p99 +max +jitter$/,
      new RegExp(`^${open} +\\d+ +0%( +[\\d.]+){6}$`),
    ]),
    left.join("\n"),
  );
});

test("parley info ping fits its plot to a window that becomes narrow, and becomes wide again", async () => {
  await using shell = await openWindow(80, "-c 0 -i 50 -W 100");
  const { pane } = shell;
  await pane.until("a full row", ({ rows }) => rows.some((row) => row.length === 80));
  for (const columns of [40, 20]) {
    await pane.resize(columns, 24);
    const narrow = columns === 40 ? /^127\.\S+ +timeout {2}×{3,}$/ : /^127\S+ {2}×{3,}$/;
    await pane.until(
      `the plot at ${columns} columns`,
      ({ rows }) =>
        rows.filter((row) => narrow.test(row)).length === 1 &&
        rows.filter((row) => row.length === columns).length >= 2,
    );
  }
  await pane.resize(80, 24);
  await pane.until(
    "the wide plot again",
    ({ rows }) => rows.some((row) => /^127\.0\.0\.1:\d+ +timeout +100% /.test(row)),
  );
  await pane.press("C-c");
  await pane.until("the end", ({ rows }) => rows.includes("left with 130"));
});

test("parley info ping draws without colours where NO_COLOR is set", async () => {
  await using shell = await openWindow(40, "-c 0 -i 20 -W 100", "NO_COLOR=1");
  const { pane } = shell;
  const row = /^127\.0\.\S+ +timeout {2}×{3,}$/;
  await pane.until("the plot", ({ rows }) => rows.some((each) => row.test(each)));
  const shown = await pane.tmux("capture-pane", "-p", "-e");
  // deno-lint-ignore no-control-regex -- SGR sequences are what is looked for
  assert(!/\x1b\[3\dm|\x1b\[2m/.test(shown), shown);
  await pane.press("C-c");
  await pane.until("the end", ({ rows }) => rows.includes("left with 130"));
});

test("parley info ping prints lines on a dumb terminal", async () => {
  await using shell = await openWindow(100, "-c 2 -i 20 -W 100", "TERM=dumb");
  const { pane, hosts: [open, , silent] } = shell;
  const { rows } = await pane.until("the end", ({ rows }) => rows.includes("left with 1"));
  for (const seq of [1, 2]) {
    assert(rows.some((row) => new RegExp(`^ +${seq}  ${open} +open +[\\d.]+ ms$`).test(row)));
    assert(rows.some((row) => new RegExp(`^ +${seq}  ${silent} +timeout$`).test(row)));
  }
});

test("parley info ping --plot draws a single host, and continues below what a suspended process left", async () => {
  await using pane = await Pane.open(60, 24);
  await pane.type(`clear; ${RUN} 127.0.0.1:1 -c 0 -i 50 --plot\n`);
  const row = /^127\.0\.0\.1 +[\d.]+ ms +0% +\S+ +[▁▂▃▄▅▆▇█]{3,}$/;
  await pane.until("the plot", ({ rows }) => rows.some((each) => row.test(each)));
  await pane.press("C-z");
  await pane.until("the shell", ({ rows }) => rows.at(-1) === "$");
  await pane.type("clear; echo between; fg\n");
  await pane.until(
    "the plot below",
    ({ rows }) => rows[0] === "between" && rows.filter((each) => row.test(each)).length === 1,
  );
  await pane.press("C-c");
  await pane.until(
    "the summary",
    ({ rows }) => rows.some((each) => / sent, .* 0% lost$/.test(each)),
  );
});
