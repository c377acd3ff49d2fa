// needs: net run=deno read=tests/scratch write=tests/scratch

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { lchown } from "node:fs/promises";
import { concat, sha256 } from "../../../lib/base/bytes.ts";
import { Failure } from "../../../lib/base/failure.ts";
import {
  HEADER,
  type KnownPeers,
  type KnownPeersChange,
} from "../../../lib/chat/trust/known_peers.ts";
import { KnownPeersFile } from "../../../lib/chat/trust/peer_files.ts";
import { type LockWait, type RandomAccess, RewrittenFile } from "../../../lib/os/held_file.ts";
import { AppendedFile } from "../../../lib/os/log.ts";
import { FLAGS, Scratch } from "../../fixtures/scratch.ts";
import { MAY_KEEP_FILES } from "./people.ts";

const ignore = !MAY_KEEP_FILES;
const ROOT = new URL("../../../", import.meta.url).pathname;
const BO = `SHA256:${"b".repeat(42)}A`;

function meet(name: string): KnownPeersChange {
  return { kind: "meet", name, fingerprint: BO, at: Date.UTC(2026, 10, 24) };
}

/** A file, and what it tells. */
async function open(path: string, patience?: LockWait) {
  const read: KnownPeers[] = [];
  const failures: Failure[] = [];
  const recoveries: number[] = [];
  const told: string[] = [];
  const { file, known } = await KnownPeersFile.open(path, {
    changed: (peers) => read.push(peers),
    waiting: () => told.push("waiting"),
    failed: (failure) => {
      failures.push(failure);
      told.push(failure.code);
    },
    recovered: () => {
      recoveries.push(failures.length);
      told.push("recovered");
    },
  }, patience);
  const remember = async (change: KnownPeersChange) => {
    file.remember(change);
    await file.settled;
  };
  const close = () => file[Symbol.dispose]();
  return { file, known, read, failures, recoveries, told, remember, [Symbol.dispose]: close };
}

async function permissions(path: string): Promise<number> {
  return (await Deno.stat(path)).mode! & 0o777;
}

Deno.test({
  name: "a missing known-peers file is created with mode 0600 and a header",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    using opened = await open(scratch.file("peers"));
    const { remember } = opened;
    assertEquals(await scratch.read("peers"), HEADER);
    if (Deno.build.os !== "windows") assertEquals(await permissions(scratch.file("peers")), 0o600);
    await remember(meet("bo"));
    assertEquals(await scratch.lines("peers"), [`bo ${BO} 2026-11-24T00:00:00Z unverified`]);
    if (Deno.build.os !== "windows") assertEquals(await permissions(scratch.file("peers")), 0o600);
  },
});

Deno.test({
  name: "edits made by hand while the chat runs are kept and read",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("peers", `${HEADER}# mine\n`, 0o640);
    using opened = await open(path);
    const { remember, read } = opened;
    await remember(meet("bo"));
    const text = await scratch.read("peers");
    await scratch.write(
      "peers",
      `${text}cy ${BO} 2026-11-01 verified # by hand\n# the end\n`,
      0o640,
    );
    await remember(meet("di"));
    assertEquals(
      await scratch.read("peers"),
      `${text}cy ${BO} 2026-11-01 verified # by hand\n# the end\n` +
        `di ${BO} 2026-11-24T00:00:00Z unverified\n`,
    );
    assertEquals(read.at(-1)?.ofName("cy").length, 1);
    if (Deno.build.os !== "windows") assertEquals(await permissions(path), 0o640);
  },
});

Deno.test({
  name: "four processes that write one file at once lose no line",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const prefixes = ["a", "b", "c", "d"];
    const codes = await Promise.all(prefixes.map(async (prefix) => {
      const args = ["run", "--no-prompt", ...FLAGS, "tests/fixtures/meet_peers.ts"];
      const { code, stderr } = await new Deno.Command("deno", {
        args: [...args, scratch.file("peers"), prefix, "25"],
        cwd: ROOT,
      }).output();
      return code === 0 ? "" : new TextDecoder().decode(stderr);
    }));
    assertEquals(codes, ["", "", "", ""]);
    const names = (await scratch.lines("peers")).map((line) => line.split(" ")[0]!).sort();
    const expected = prefixes.flatMap((prefix) =>
      Array.from({ length: 25 }, (_, i) => `${prefix}-${i}`)
    ).sort();
    assertEquals(names, expected);
  },
});

Deno.test({
  name: "a malformed file is refused with the number of the line, and left unchanged",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    for (const [bad, line] of [[`${HEADER}bo nonsense\n`, 3], ["ok", 1]] as const) {
      const path = await scratch.write("peers", bad);
      const failure = await assertRejects(() => open(path), Failure);
      assertEquals(failure.code, "KNOWN_PEERS_MALFORMED");
      assert(failure.why.startsWith(`line ${line}: `), failure.why);
      assertEquals(await scratch.read("peers"), bad);
    }
    await Deno.writeFile(scratch.file("peers"), new Uint8Array([35, 10, 98, 0xff, 10]));
    const failure = await assertRejects(() => open(scratch.file("peers")), Failure);
    assertEquals(failure.why, "line 2: not UTF-8");
  },
});

Deno.test({
  name:
    "a line that becomes malformed while the chat runs loses no peer: they are written once it is repaired",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    using opened = await open(scratch.file("peers"));
    const { remember, failures, recoveries } = opened;
    await scratch.write("peers", "half a li\n");
    // It is told once, not for each who is met.
    for (const name of ["bo", "cy"]) await remember(meet(name));
    assertEquals(failures.map(({ code }) => code), ["KNOWN_PEERS_MALFORMED"]);
    assertEquals(await scratch.read("peers"), "half a li\n");
    await scratch.write("peers", "# mended\n");
    assertEquals(recoveries, []);
    await remember(meet("di"));
    const names = async () => (await scratch.lines("peers")).map((line) => line.split(" ")[0]);
    assertEquals(await names(), ["bo", "cy", "di"]);
    assertEquals(recoveries, [1]);
    await remember(meet("ed"));
    assertEquals([failures.length, recoveries], [1, [1]]);
  },
});

Deno.test({
  name: "changes that could not be written are tried once more at the end",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    using opened = await open(scratch.file("peers"));
    const { file, remember, failures, recoveries } = opened;
    await scratch.write("peers", "half a li\n");
    await remember(meet("bo"));
    await file.finish();
    assertEquals([failures.length, recoveries], [1, []]);
    await scratch.write("peers", "# mended\n");
    await file.finish();
    assertEquals((await scratch.lines("peers")).map((line) => line.split(" ")[0]), ["bo"]);
    assertEquals([failures.length, recoveries], [1, [1]]);
  },
});

Deno.test({
  name: "a symbolic link is kept, and its target is written",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    await using scratch = await Scratch.make();
    await scratch.write("real", HEADER);
    // Made by a process: this one is not granted what a link takes.
    const { success } = await link(scratch.file("real"), scratch.file("peers"));
    if (!success) throw new Error("no link was made");
    using opened = await open(scratch.file("peers"));
    await opened.remember(meet("bo"));
    assertEquals((await scratch.lines("real")).length, 1);
    assert((await Deno.lstat(scratch.file("peers"))).isSymlink);
  },
});

function link(target: string, path: string): Promise<Deno.CommandOutput> {
  const code = "Deno.symlinkSync(Deno.args[0], Deno.args[1])";
  return new Deno.Command("deno", {
    args: ["eval", code, target, path],
  }).output();
}

Deno.test({
  name: "the missing target of a symbolic link is created",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    await using scratch = await Scratch.make();
    await link("second", scratch.file("peers"));
    await link("real", scratch.file("second"));
    using opened = await open(scratch.file("peers"));
    await opened.remember(meet("bo"));
    assertEquals((await scratch.lines("real")).length, 1);
    assert((await Deno.lstat(scratch.file("peers"))).isSymlink);
    // The lock is one, whatever the file is called.
    assert((await Deno.stat(scratch.file("real.lock"))).isFile);
  },
});

Deno.test({
  name: "the next process restores the content of a file whose writer was killed",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const before = `${HEADER}bo ${BO} 2026-11-24T00:00:00Z unverified\n`;
    const path = await scratch.write("peers", before);
    // As it is left behind when half of the new content is written: see rewritten_file_test.ts for each moment.
    const disk = await Deno.open(path, { read: true, write: true });
    const undo = await Deno.open(`${path}.lock`, { read: true, write: true, create: true });
    const writes = new RewrittenFile(cut(disk), undo, 1 << 20);
    const bytes = new TextEncoder().encode(before);
    await assertRejects(() => writes.write(bytes, new TextEncoder().encode("# another\n")), Crash);
    disk.close();
    undo.close();
    assert(await scratch.read("peers") !== before);
    using opened = await open(path);
    assertEquals(opened.known.ofName("bo").length, 1);
    assertEquals(await scratch.read("peers"), before);
    assertEquals(await scratch.read("peers.lock"), "");
  },
});

/** The process is killed. */
class Crash extends Error {}

/** A file of which nothing is written any longer once a part of the first write is. */
function cut(file: Deno.FsFile): RandomAccess {
  const crash = () => Promise.reject(new Crash());
  let writes = 0;
  return {
    read: (into) => file.read(into),
    seek: (offset, whence) => file.seek(offset, whence),
    write: (bytes) => writes++ === 0 ? file.write(bytes.subarray(0, 4)) : crash(),
    truncate: crash,
    sync: crash,
  };
}

Deno.test({
  name: "a locked file is reported and read at once, and written when the lock is released",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("peers", `${HEADER}bo ${BO} 2026-11-24T00:00:00Z verified\n`);
    const held = await Deno.open(`${path}.lock`, { read: true, write: true, create: true });
    await held.lock(true);
    const before = await scratch.read("peers");
    using opened = await open(path, { tellAfterMs: 0, giveUpAfterMs: 10 });
    assertEquals(opened.told, ["waiting", "LOCKED"]);
    assertEquals(opened.known.ofName("bo")[0]?.status, "verified");
    // It is told once.
    for (const name of ["cy", "di"]) await opened.remember(meet(name));
    await opened.file.finish();
    assertEquals(opened.told, ["waiting", "LOCKED"]);
    assertEquals(await scratch.read("peers"), before);
    held.close();
    await opened.file.finish();
    assertEquals(opened.told, ["waiting", "LOCKED", "recovered"]);
    const names = (await scratch.lines("peers")).map((line) => line.split(" ")[0]);
    assertEquals(names, ["bo", "cy", "di"]);
  },
});

Deno.test({
  name: "a device or a pipe is refused, and no lock file is created for it",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    await using scratch = await Scratch.make();
    await link("/dev/null", scratch.file("null"));
    const args = ["run", "--no-prompt", "--allow-net", "--allow-read", "--allow-write", "main.ts"];
    for (const path of ["/dev/null", scratch.file("null"), "/dev/stdin"]) {
      const client = ["chat", "client", "127.0.0.1:1", "--known-peers", path];
      const { code, stderr } = await new Deno.Command("deno", {
        args: [...args, ...client],
        cwd: ROOT,
        stdin: "null",
      })
        .output();
      const [line, ...rest] = new TextDecoder().decode(stderr).trimEnd().split("\n");
      assertEquals([code, rest], [1, []], line);
      assert(line?.endsWith("(NOT_A_FILE)"), line);
    }
  },
});

Deno.test({
  name: "a path that cannot be a file gives one clear failure",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const missing = await assertRejects(() => open(scratch.file("no/such/peers")), Failure);
    assertEquals(missing.code, "ENOENT");
    await Deno.mkdir(scratch.file("directory"));
    const directory = await assertRejects(() => open(scratch.file("directory")), Failure);
    assertEquals(directory.code, "EISDIR");
    assertEquals(directory.what, `cannot keep known peers in ${scratch.file("directory")}`);
  },
});

/** Tells the user that the tests run as: scratch files are its own. Only the superuser gives a file to others. */
async function isSuperuser(): Promise<boolean> {
  if (ignore || Deno.build.os === "windows") return false;
  await using scratch = await Scratch.make();
  return (await Deno.stat(await scratch.write("own", ""))).uid === 0;
}

/** The user that owns nothing. */
const NOBODY = 65_534;
/** A record that restores another line than the file has. */
async function forgedUndo(): Promise<string> {
  const tail = `bo SHA256:${"e".repeat(42)}A 2026-11-24 verified\n`;
  const bytes = concat([new Uint8Array(8), new TextEncoder().encode(tail)]);
  const sum = (await sha256(bytes)).toHex();
  return `parley undo 1: from byte 0 on it had these ${tail.length}, SHA-256 ${sum}\n${tail}`;
}

Deno.test({
  name: "a lock file that another user made is refused, and restores nothing",
  ignore: !await isSuperuser(),
  async fn() {
    await using scratch = await Scratch.make();
    const text = `bo ${BO} 2026-11-24T00:00:00Z verified\n`;
    const path = await scratch.write("peers", text);
    await Deno.chown(await scratch.write("peers.lock", await forgedUndo(), 0o600), NOBODY, NOBODY);
    const { message, code } = await assertRejects(() => open(path), Failure);
    assertEquals(code, "FILE_OF_ANOTHER");
    assertEquals(
      message,
      `cannot keep ${path}.lock open: another user made it (uid ${NOBODY}) (FILE_OF_ANOTHER)`,
    );
    assertEquals(await scratch.read("peers"), text);
  },
});

Deno.test({
  name: "the symbolic link of another user than the owner of the file is refused",
  ignore: !await isSuperuser(),
  async fn() {
    await using scratch = await Scratch.make();
    await scratch.write("real", "");
    await link(scratch.file("real"), scratch.file("peers"));
    await lchown(scratch.file("peers"), NOBODY, NOBODY);
    const opens = [
      () => open(scratch.file("peers")),
      () => AppendedFile.open(scratch.file("peers"), () => {}),
    ];
    for (const one of opens) {
      const { code, why } = await assertRejects(one, Failure);
      assertEquals(code, "FILE_OF_ANOTHER");
      assertEquals(why, `another user made the symbolic link there (uid ${NOBODY})`);
    }
    assertEquals(await scratch.read("real"), "");
  },
});

for (const mode of [0o620, 0o602, 0o666]) {
  for (const name of ["peers", "peers.lock"]) {
    Deno.test({
      name: `${name} that others may write (${mode.toString(8)}) is refused`,
      ignore: ignore || Deno.build.os === "windows",
      async fn() {
        await using scratch = await Scratch.make();
        const text = `bo ${BO} 2026-11-24T00:00:00Z verified\n`;
        const path = await scratch.write("peers", text);
        if (name === "peers.lock") await scratch.write(name, await forgedUndo());
        await Deno.chmod(scratch.file(name), mode);
        const { code, message } = await assertRejects(() => open(path), Failure);
        assertEquals(code, "FILE_NOT_PRIVATE");
        assert(message.includes(`${name} open: users other than its owner may write it`), message);
        assertEquals(await scratch.read("peers"), text);
      },
    });
  }
}

Deno.test({
  name: "a symbolic link in the place of the lock file is refused, and what it leads to stays",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("peers", "");
    for (const target of ["precious", "missing"]) {
      if (target === "precious") await scratch.write(target, "precious content");
      await link(target, `${path}.lock`);
      const { code } = await assertRejects(() => open(path), Failure);
      assertEquals(code, "LINKED");
      await Deno.remove(`${path}.lock`);
    }
    assertEquals(await scratch.read("precious"), "precious content");
    await assertRejects(() => scratch.read("missing"), Deno.errors.NotFound);
  },
});

Deno.test({
  name: "a file that would be too large to be read again is not written",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const comment = `# ${"x".repeat(1021)}\n`;
    const text = `${comment.repeat(16_383)}${comment.slice(0, 1000)}\n`;
    const path = await scratch.write("peers", text);
    using opened = await open(path);
    await opened.remember(meet("bo"));
    assertEquals(opened.told, ["FILE_TOO_LARGE"]);
    assertEquals((await scratch.read("peers")).length, text.length);
    using again = await open(path);
    assertEquals(again.told, []);
  },
});
