// needs: net run=deno,tmux (about 12 s)

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { HAS_TMUX, Pane } from "../terminal/tmux.ts";

const RSA = "deno run --no-prompt --allow-read --allow-write $root/main.ts rsa";

/** A pane in an empty directory, which is removed by its shell. */
async function inScratch(): Promise<Pane> {
  const pane = await Pane.open(80, 12);
  await pane.type("root=$PWD; cd $(mktemp -d) && clear && echo ready\n");
  await pane.until("the directory", ({ rows }) => rows.includes("ready"));
  return pane;
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX, fn });
}

test("work that takes a while shows how far it is on the terminal, and clears it", async () => {
  await using pane = await inScratch();
  await pane.type(`clear; ${RSA} keygen --bits 4096 -o k; echo done $?\n`);
  await pane.until(
    "the elapsed time",
    ({ rows }) => rows.some((row) => /^[-|/\\] making a key of 4096 bits, \d+ s$/.test(row)),
  );
  const { rows } = await pane.until("its end", (shown) => shown.rows.includes("done 0"));
  assert(rows.some((row) => row.startsWith("SHA256:")), rows.join("\n"));
  assert(!rows.some((row) => row.includes("making a key of 4096 bits, ")), rows.join("\n"));
  // Input that goes on: so many bytes have come, however long it takes.
  await pane.type(
    "clear; (head -c 5000000 /dev/zero; cat /dev/tty) | " + `${RSA} encrypt --to k.pub -o m\n`,
  );
  await pane.until(
    "the bytes",
    (shown) => shown.rows.some((row) => /^[-|/\\] reading, 4\.8 MiB, \d+ s$/.test(row)),
  );
  await pane.press("C-c");
  // What is typed sooner may be read by what is being interrupted.
  await pane.until("the shell", ({ rows }) => rows.at(-1) === "$");
  await pane.type("clear; ls; rm -r $PWD; echo gone\n");
  const left = await pane.until("what is left", (shown) => shown.rows.includes("gone"));
  assertEquals(left.rows.filter((row) => /^k|^m/.test(row)).join(" "), "k  k.pub");
});

test("what a person types is read until Ctrl-D, and nothing is drawn over it", async () => {
  await using pane = await inScratch();
  await pane.type(`${RSA} keygen --bits 2048 -o k > /dev/null; clear; echo made\n`);
  await pane.until("the key", ({ rows }) => rows.includes("made"));
  await pane.type(`clear; ${RSA} encrypt --to k.pub -o m\n`);
  await pane.until("the invitation", ({ rows }) => rows.some((row) => row.startsWith("* reading")));
  await pane.type("typed\n");
  // Longer than until the first drawing: it would be seen.
  await pane.run("sleep 0.5");
  const { rows } = await pane.until("the echo", (shown) => shown.rows.includes("typed"));
  assert(!rows.some((row) => /^[-|/\\] /.test(row)), rows.join("\n"));
  await pane.press("C-d");
  await pane.until("the shell", ({ rows }) => rows.at(-1) === "$");
  await pane.type(`clear; ${RSA} decrypt --key k m; rm -r $PWD; echo gone\n`);
  const shown = await pane.until("the end", (one) => one.rows.includes("gone"));
  assert(shown.rows.includes("typed"), shown.rows.join("\n"));
});

test("bytes that a terminal would obey are not written to it", async () => {
  await using pane = await inScratch();
  await pane.type(`${RSA} keygen --bits 2048 -o k > /dev/null; clear; echo made\n`);
  await pane.until("the key", ({ rows }) => rows.includes("made"));
  await pane.type(`clear; echo hi | ${RSA} sign --key k; echo code $?\n`);
  const { rows } = await pane.until("the refusal", (shown) => shown.rows.includes("code 1"));
  assert(rows.join("").includes("(BINARY_TO_TERMINAL)"), rows.join("\n"));
  await pane.type("clear; rm -r $PWD; echo gone\n");
  await pane.until("the end", (shown) => shown.rows.includes("gone"));
});

test("the task that has the network alone names the task that makes keys, and asks for nothing", async () => {
  await using pane = await Pane.open(100, 12);
  await pane.type("clear; deno task parley rsa keygen -o absent.pem; echo code $?\n");
  const { rows } = await pane.until("the failure", (shown) => shown.rows.includes("code 1"));
  assertEquals(rows.slice(-4), [
    "parley: cannot write absent.pem: parley was not given the permission for it (NOT_PERMITTED)",
    "hint: use deno task rsa keygen …, or run again with --allow-read --allow-write",
    "code 1",
    "$",
  ]);
});

test("a passphrase is asked for without echo, at the terminal and beside piped input", async () => {
  await using pane = await inScratch();
  await pane.type(`clear; ${RSA} keygen --bits 2048 --encrypt -o k > /dev/null; echo made $?\n`);
  await pane.until("the question", ({ rows }) => rows.at(-1) === "new passphrase:");
  await pane.type("söcret\n");
  await pane.until("it again", ({ rows }) => rows.at(-1) === "same passphrase again:");
  await pane.type("söcretx");
  await pane.press("BSpace");
  await pane.press("Enter");
  const made = await pane.until("the key", ({ rows }) => rows.includes("made 0"));
  await pane.type(`clear; echo hello | ${RSA} encrypt --to k.pub -o m; echo done $?\n`);
  await pane.until("the message", ({ rows }) => rows.includes("done 0"));
  await pane.type(`clear; cat m | ${RSA} decrypt --key k; echo code $?\n`);
  await pane.until("the question", ({ rows }) => rows.at(-1) === "passphrase of k:");
  await pane.type("söcret\n");
  const opened = await pane.until("the text", ({ rows }) => rows.includes("code 0"));
  assert(opened.rows.includes("hello"), opened.rows.join("\n"));
  await pane.type(`clear; ${RSA} decrypt --key k m; echo code $?\n`);
  await pane.until("the question", ({ rows }) => rows.at(-1) === "passphrase of k:");
  await pane.type("secret\n");
  const wrong = await pane.until("the refusal", ({ rows }) => rows.includes("code 1"));
  assert(wrong.rows.join(" ").includes("(KEY_PASSPHRASE)"), wrong.rows.join("\n"));
  await pane.type(`clear; ${RSA} decrypt --key k m; echo code $?\n`);
  await pane.until("the question", ({ rows }) => rows.at(-1) === "passphrase of k:");
  await pane.press("C-c");
  const stopped = await pane.until("the end", ({ rows }) => rows.includes("code 130"));
  for (const { rows } of [made, opened, wrong, stopped]) {
    assert(!rows.join("\n").replaceAll("passphrase", "").match(/s.cret/), rows.join("\n"));
  }
  // The terminal echoes again.
  await pane.type("clear; echo visible; rm -r $PWD; echo gone\n");
  await pane.until("the end", ({ rows }) => rows.includes("visible") && rows.includes("gone"));
});
