// needs: net run=deno,tmux (about 10 s)

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertStringIncludes } from "@std/assert";
import { HAS_TMUX, Pane } from "../terminal/tmux.ts";

const ignore = !HAS_TMUX;
/** What a busy machine may take for 22 steps, three key pairs among them. */
const PATIENCE_MS = 180_000;
const ALL_STEPS = "all 22 steps succeeded";

/** Takes the tour in a terminal of so many columns: what it shows, with its colours where they are wanted. */
async function tour(columns: number, ...env: string[]) {
  await using pane = await Pane.open(columns, 40, ...env);
  await pane.tmux("set-option", "-g", "history-limit", "10000");
  // The limit holds for panes that are made after it.
  await pane.tmux("respawn-pane", "-k", "sh");
  const allowed = "--allow-net --allow-sys --allow-read --allow-write --allow-ffi";
  await pane.type(`deno run --no-prompt ${allowed} main.ts tour --ffi; echo exit $?\n`);
  await pane.until(
    "the end of the tour",
    ({ rows }) => rows.some((row) => /^exit \d+$/.test(row)),
    PATIENCE_MS,
  );
  const rows = await pane.scrollback();
  // tmux takes back a colour of the background that there was not.
  const escaped = (await pane.tmux("capture-pane", "-p", "-e", "-S", "-"))
    .replaceAll("\x1b[49m", "");
  assert(rows.includes(ALL_STEPS), rows.join("\n"));
  assert(rows.includes("exit 0"), rows.join("\n"));
  return { rows, escaped };
}

Deno.test({
  name: "the tour does what it says in a terminal with colours, and shows each command's own",
  ignore,
  async fn() {
    const { rows, escaped } = await tour(80);
    assertStringIncludes(escaped, `\x1b[32m${ALL_STEPS}`);
    // What parley info errors shows bold, and parley info ping yellow.
    assertStringIncludes(escaped, "\x1b[1mECONNREFUSED");
    assertStringIncludes(escaped, "\x1b[33mrefused");
    assert(rows.includes("setting        before  asked for     after"));
    assert(rows.includes("  ada │ bo: the secret of the day"));
  },
});

Deno.test({
  name: "the tour does what it says in a terminal where NO_COLOR is set, without colours",
  ignore,
  async fn() {
    const { escaped } = await tour(80, "NO_COLOR=1");
    const from = escaped.indexOf("This host, and others");
    assert(from >= 0 && !escaped.includes("\x1b", from), escaped);
  },
});

Deno.test({
  name: "the tour works at 40 columns, and breaks what it shows at spaces",
  ignore,
  async fn() {
    const { rows } = await tour(40);
    const text = rows.join("\n");
    for (
      const shown of [
        "1/22  A host has a name and addresses:\n      one for each interface, and\n",
        "\nsetting        before  asked for\n       after\n",
        "\nhint: an address is 127.0.0.1, 127.1,\n  0x7f000001, 7f000001, ::1,\n",
        "\n  ada │ * others on this machine join\n      │ with: parley chat client\n",
        "\n  ada │ * you are ada; no one else is\n      │ here yet",
        "$ parley rsa keygen --bits 2048 -o \\\n    ada.pem\n",
      ]
    ) assertStringIncludes(text, shown);
  },
});
