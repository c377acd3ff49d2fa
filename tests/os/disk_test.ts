// needs: net run=unshare

/**
 * A disk that is full, and one that may not be written to: a small file system in a namespace of its own.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertStringIncludes } from "@std/assert";
import { openRelay } from "../../lib/tcp_chat.ts";
import { ChatProcess } from "../chat/app/chat_process.ts";
import { leave, texts, visit } from "../chat/guests.ts";
import { until } from "../chat/room.ts";
import { canUnshare } from "../fixtures/unshare.ts";
import { PROCESS_KEYS } from "../fixtures/process_keys.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ignore = !await canUnshare("-rm", "mount -t tmpfs tmpfs /mnt");

/** Takes a file system of 64 KiB for what a script does at `/mnt`. */
function onSmallDisk(script: string): readonly [string, ...string[]] {
  return ["unshare", "-rm", "sh", "-c", `set -e; mount -t tmpfs -o size=64k tmpfs /mnt; ${script}`];
}

/** Runs such a script; gives the lines that it prints. */
async function run(script: string): Promise<string[]> {
  const [program, ...args] = onSmallDisk(script);
  const { stdout, stderr, success } = await new Deno.Command(program, { args, cwd: ROOT })
    .output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout).trim().split("\n");
}

/** Takes all room but so many KiB, of which a small file takes 4. */
function fill(leaving = 0): string {
  return `cat /dev/zero > /mnt/fill 2> /dev/null || truncate -s -${leaving}K /mnt/fill`;
}

const WRITE =
  "deno run --no-prompt --allow-read=/mnt --allow-write=/mnt tests/fixtures/write_file.ts";

Deno.test({
  name: "a file that does not fit on its disk is not written, and the one before it stays",
  ignore,
  async fn() {
    const script = `echo old > /mnt/key; ${WRITE} /mnt/key 100000; cat /mnt/key; ls -A /mnt`;
    assertEquals(await run(script), ["ENOSPC", "old", "key"]);
    const fits = `echo old > /mnt/key; ${WRITE} /mnt/key 20000; wc -c < /mnt/key; ls -A /mnt`;
    assertEquals(await run(fits), ["written", "20000", "key"]);
  },
});

Deno.test({
  name: "a file on a read-only disk stays unchanged, and the failure is reported",
  ignore,
  async fn() {
    const locked = "echo old > /mnt/key; mount -o remount,ro /mnt";
    const script = `${locked}; ${WRITE} /mnt/key 10; cat /mnt/key; ls -A /mnt`;
    assertEquals(await run(script), ["EROFS", "old", "key"]);
  },
});

const PARLEY = "deno run --no-prompt --allow-net --allow-read --allow-write=/mnt main.ts";
/** Makes a pair, and prints what is said of it and the exit code. */
const KEYGEN = `${PARLEY} rsa keygen --bits 2048 -o /mnt/key`;

/** What a script prints of a key pair that could not be made, after what was there before it. */
async function failedKeygen(before: string, options = ""): Promise<string[]> {
  return await run(
    `${before}; sum=$(cat /mnt/* | cksum); ${KEYGEN} ${options} 2>&1 || echo "exit $?"; ` +
      `test "$sum" = "$(cat /mnt/* | cksum)" && ls -A /mnt`,
  );
}

for (const room of [0, 4]) {
  const what = room === 0 ? "neither file of it" : "one file of it but not the other";
  Deno.test({
    name: `rsa keygen on a disk with room for ${what} says so, and leaves nothing`,
    ignore,
    async fn() {
      const failed = `/mnt/key${room === 0 ? "" : ".pub"}`;
      assertEquals(await failedKeygen(fill(room)), [
        `parley: cannot write ${failed}: no space is left on the device (ENOSPC)`,
        "hint: make room, or write elsewhere",
        "exit 1",
        "fill",
      ]);
    },
  });

  Deno.test({
    name: `rsa keygen --force on a disk with room for ${what} leaves the old pair as it was`,
    ignore,
    async fn() {
      const pair = "echo private > /mnt/key; echo public > /mnt/key.pub";
      const lines = await failedKeygen(`${pair}; ${fill(room)}`, "--force");
      assertStringIncludes(lines[0]!, "no space is left on the device (ENOSPC)");
      assertEquals(lines.slice(1), [
        "hint: make room, or write elsewhere",
        "exit 1",
        "fill",
        "key",
        "key.pub",
      ]);
    },
  });
}

Deno.test({
  name: "rsa keygen on a read-only disk says so, and leaves the old pair as it was",
  ignore,
  async fn() {
    const pair = "echo private > /mnt/key; echo public > /mnt/key.pub; mount -o remount,ro /mnt";
    assertEquals(await failedKeygen(pair, "--force"), [
      "parley: cannot write /mnt/key: the file system is read-only (EROFS)",
      "hint: write elsewhere",
      "exit 1",
      "key",
      "key.pub",
    ]);
  },
});

Deno.test({
  name: "chat client does not start with known peers that it cannot write, and says so",
  ignore,
  async fn() {
    const peers = "echo '# mine' > /mnt/peers; mount -o remount,ro /mnt";
    const client = `${PARLEY} chat client --known-peers /mnt/peers < /dev/null 2>&1`;
    assertEquals(await run(`${peers}; ${client} || echo "exit $?"; cat /mnt/peers; ls -A /mnt`), [
      "parley: cannot keep known peers in /mnt/peers: the file system is read-only (EROFS)",
      "hint: write elsewhere",
      "exit 1",
      "# mine",
      "peers",
    ]);
  },
});

Deno.test({
  name: "chat client keeps known peers where the system has no watch of files left",
  ignore,
  async fn() {
    const none = "echo 0 > /proc/sys/user/max_inotify_instances";
    const client = `${PARLEY} chat client 127.0.0.1:1 --known-peers /mnt/peers < /dev/null 2>&1`;
    assertEquals(await run(`${none}; ${client} || echo "exit $?"; ls -A /mnt`), [
      "parley: cannot connect to 127.0.0.1:1: nothing listens there (ECONNREFUSED)",
      "hint: check the port, and that the server is running",
      "exit 1",
      "peers",
      "peers.lock",
    ]);
  },
});

/** A client on a small disk. A line that begins with `!` is done by the shell before it, and not said. */
class ClientOnSmallDisk extends ChatProcess {
  constructor(port: number, keeps = "--known-peers /mnt/peers") {
    const parley = PARLEY.replace("deno run", `deno run ${PROCESS_KEYS.nextWord()}`);
    const client = `${parley} chat client 127.0.0.1:${port} --name bo --json`;
    const [program, ...args] = onSmallDisk(
      `exec 3>&1; while IFS= read -r line; do case $line in ` +
        `"!"*) eval "\${line#!}" >&3;; *) printf '%s\\n' "$line";; esac; done | ` +
        `${client} ${keeps}`,
    );
    const piped = { cwd: ROOT, stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    super(new Deno.Command(program, { args, ...piped }));
  }

  /** Does something to the disk; it is done when the promise is fulfilled. */
  async shell(script: string): Promise<void> {
    const done = this.all("done").length;
    await this.type(`!${script}; echo '{"event":"done"}'\n`);
    await this.until((one) => one.all("done").length > done, script);
  }

  /** Whom the file names now. */
  async known(): Promise<string[]> {
    const before = this.all("peer").length;
    const print = `sed -n 's/^\\([a-z]*\\) SHA256.*/{"event":"peer","name":"\\1"}/p'`;
    await this.shell(`${print} /mnt/peers; ls -A /mnt | grep tmp || true`);
    return this.all("peer").slice(before).map(({ name }) => String(name));
  }
}

// A disk is not made read-only while a file on it is open for writing (mount(2), EBUSY).
const FAULTS = [
  {
    name: "a disk that is full",
    begin: fill(),
    end: "rm /mnt/fill",
    said: "no space is left on the device",
    code: "ENOSPC",
    hint: "make room, or write elsewhere",
  },
];

for (const { name, begin, end, said, code, hint } of FAULTS) {
  Deno.test({
    name: `known peers on ${name}: the chat goes on, reports it once, and writes all of them later`,
    ignore,
    async fn() {
      await using server = openRelay({ port: 0 });
      const { port } = server.addr;
      const ada = await visit(port, "ada", 0);
      await using bo = new ClientOnSmallDisk(port);
      await until(() => ada.session.members().length === 2, "ada sees bo");
      const meets = async (name: string) => {
        await bo.until(
          (one) => one.all("joined").some((it) => it.name === name),
          `bo sees ${name}`,
        );
        await bo.type(`hello ${name}\n`);
        await until(() => texts(ada).includes(`hello ${name}`), "the chat goes on");
      };
      // Somebody new whose key is that of someone who has left: the relay has one member a key.
      const comesAndGoes = async (name: string) => {
        const guest = await visit(port, name, 1);
        await meets(name);
        await leave(guest);
      };
      await meets("ada");
      // The undo file is emptied last, and takes room on the disk until then.
      await bo.shell("while ! grep -q ada /mnt/peers || test -s /mnt/peers.lock; do :; done");
      await bo.shell(begin);
      for (const name of ["cy", "di"]) await comesAndGoes(name);
      await bo.event("error");
      assertEquals(await bo.known(), ["ada"]);
      const [error, ...more] = bo.all("error");
      const means = "new peers are remembered for this run only until this is fixed";
      assertEquals([error?.code, error?.message, more], [
        code,
        `cannot write /mnt/peers: ${said}; ${means}: ${hint}`,
        [],
      ]);
      await bo.shell(end);
      await comesAndGoes("ed");
      await bo.event("notice");
      assertEquals(await bo.known(), ["ada", "cy", "di", "ed"]);
      // Once more, and what could not be written is written when bo leaves.
      await bo.shell(begin);
      await comesAndGoes("flo");
      await bo.until((one) => one.all("error").length === 2, "it is told again");
      await bo.shell(end);
      await bo.type("/quit\n");
      await bo.until((one) => one.all("notice").length === 2, "it was written");
      assertEquals(await bo.known(), ["ada", "cy", "di", "ed", "flo"]);
      await bo.endInput();
      assertEquals(await bo.ended(), 0);
      await leave(ada);
    },
  });
}

Deno.test({
  name: "--log on a full disk: the chat continues, reports it once, and keeps later lines",
  ignore,
  async fn() {
    await using server = openRelay({ port: 0 });
    const { port } = server.addr;
    const ada = await visit(port, "ada", 0);
    await using bo = new ClientOnSmallDisk(port, "--log /mnt/log");
    await until(() => ada.session.members().length === 2, "ada sees bo");
    let told = 0;
    const say = async (text: string) => {
      ada.session.send(text);
      told += 1;
      await bo.until((one) => one.all("message").length === told, text);
    };
    const isKept = (text: string) => bo.shell(`while ! grep -q '${text}' /mnt/log; do :; done`);
    await say("before");
    await isKept("before");
    await bo.shell(fill());
    // More than is left of the block that the file has.
    for (const text of ["full", "fuller"]) await say(text.repeat(1000));
    await say("fullest");
    const [{ code, message }] = [await bo.event("error")];
    assertEquals([code, message], [
      "ENOSPC",
      "cannot write to /mnt/log: no space is left on the device; " +
      "what the chat shows from now on may be missing from that file",
    ]);
    await bo.shell("rm /mnt/fill");
    await say("after");
    await isKept('"text":"after"');
    assertEquals(bo.all("error").length, 1);
    await bo.type("/quit\n");
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    await leave(ada);
  },
});
