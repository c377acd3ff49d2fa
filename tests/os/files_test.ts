// needs: net run=ln read=tests/scratch write=tests/scratch

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { readWhole, writeWhole } from "../../lib/os/files.ts";
import { granted } from "../fixtures/granted.ts";
import { MAY_WRITE, Scratch } from "../fixtures/scratch.ts";

const ignore = !MAY_WRITE;
const MAY_LINK = granted("run=ln");
const NEW = { mode: 0o600, replace: false } as const;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Makes a symbolic link; `Deno.symlink` would need the whole file system. */
async function link(to: string, path: string): Promise<void> {
  const { success } = await new Deno.Command("ln", { args: ["-s", to, path] }).output();
  assert(success);
}

Deno.test({
  name: "writeWhole() writes a file with its mode, and leaves nothing beside it",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    await writeWhole(scratch.file("a"), bytes("content"), NEW);
    await writeWhole(scratch.file("b"), bytes(""), { mode: 0o644, replace: true });
    assertEquals(await Deno.readTextFile(scratch.file("a")), "content");
    assertEquals((await Deno.stat(scratch.file("a"))).mode! & 0o777, 0o600);
    assertEquals((await Deno.stat(scratch.file("b"))).mode! & 0o700, 0o600);
    assertEquals(await scratch.names(), ["a", "b"]);
  },
});

Deno.test({
  name: "writeWhole() has the mode from the first byte",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const modes: number[] = [];
    const progress = () => {
      for (const { name } of Deno.readDirSync(scratch.path)) {
        modes.push(Deno.statSync(scratch.file(name)).mode! & 0o777);
      }
    };
    await writeWhole(scratch.file("a"), new Uint8Array(9 << 20), { ...NEW, progress });
    assertEquals(new Set(modes), new Set([0o600]));
  },
});

Deno.test({
  name: "writeWhole() never overwrites a file that it is not to replace",
  ignore: ignore || !MAY_LINK,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("a", "mine");
    const failure = await assertRejects(() => writeWhole(path, bytes("other"), NEW), Failure);
    assertEquals(failure.message, `cannot write ${path}: it exists already (EEXIST)`);
    assertEquals(await Deno.readTextFile(path), "mine");
    await link("nowhere", scratch.file("dangling"));
    await assertRejects(() => writeWhole(scratch.file("dangling"), bytes("x"), NEW), Failure);
    assertEquals(await scratch.names(), ["a", "dangling"]);
  },
});

Deno.test({
  name: "of several simultaneous writers one writes the whole file and the others fail",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = scratch.file("a");
    const texts = Array.from({ length: 20 }, (_, i) => `${i} `.repeat(1000));
    const results = await Promise.allSettled(texts.map((t) => writeWhole(path, bytes(t), NEW)));
    const won = results.findIndex(({ status }) => status === "fulfilled");
    assertEquals(results.filter(({ status }) => status === "fulfilled").length, 1);
    assertEquals(await Deno.readTextFile(path), texts[won]);
    for (const result of results) {
      if (result.status === "rejected") assertEquals(result.reason.code, "EEXIST");
    }
    assertEquals(await scratch.names(), ["a"]);
  },
});

Deno.test({
  name: "writeWhole() replaces a file in one step, and the file that a link leads to",
  ignore: ignore || !MAY_LINK,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("a", "old");
    await link("a", scratch.file("link"));
    const options = { mode: 0o600, replace: true, progress: () => seen.push(read()) };
    const read = () => Deno.readTextFileSync(path);
    const seen: string[] = [];
    await writeWhole(scratch.file("link"), bytes("new"), options);
    assertEquals(seen, ["old"]);
    assertEquals(read(), "new");
    assert((await Deno.lstat(scratch.file("link"))).isSymlink);
    assertEquals(await scratch.names(), ["a", "link"]);
  },
});

Deno.test({
  name: "writeWhole() that is given up, or fails, leaves the place as it was",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("a", "old");
    const controller = new AbortController();
    const given = { mode: 0o600, replace: true, signal: controller.signal };
    const progress = () => controller.abort(new Error("enough"));
    const large = new Uint8Array(9 << 20);
    await assertRejects(() => writeWhole(path, large, { ...given, progress }), Error, "enough");
    assertEquals(await Deno.readTextFile(path), "old");
    const failing = { mode: 0o600, replace: true, progress: () => fail() };
    const fail = () => {
      throw new Error("broken");
    };
    await assertRejects(() => writeWhole(path, large, failing), Failure, "broken");
    assertEquals(await scratch.names(), ["a"]);
  },
});

Deno.test({
  name: "writeWhole() writes no directory and says what the file system says",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const codes: string[] = [];
    for (const path of [scratch.path, scratch.file("no/such"), scratch.file("x".repeat(300))]) {
      const failure = await assertRejects(
        () => writeWhole(path, bytes("x"), { mode: 0o600, replace: true }),
        Failure,
      );
      codes.push(failure.code);
    }
    assertEquals(codes, ["NOT_A_FILE", "ENOENT", "ENAMETOOLONG"]);
  },
});

Deno.test({
  name: "readWhole() reads a file up to its limit, and not one byte more",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("a", "12345");
    assertEquals(await readWhole(path, 5), bytes("12345") as Uint8Array<ArrayBuffer>);
    assertEquals(await readWhole(await scratch.write("empty", ""), 5), new Uint8Array(0));
    const large = await assertRejects(() => readWhole(path, 4), Failure);
    assertEquals(large.code, "FILE_TOO_LARGE");
    const absent = await assertRejects(() => readWhole(scratch.file("no"), 4), Failure);
    assertEquals(absent.code, "ENOENT");
    const directory = await assertRejects(() => readWhole(scratch.path, 4), Failure);
    assertEquals(directory.code, "EISDIR");
  },
});

Deno.test({
  name:
    "readWhole() says in its own words that links lead to each other, and that a path is a socket",
  ignore: ignore || !MAY_LINK || Deno.build.os !== "linux",
  async fn() {
    await using scratch = await Scratch.make();
    const [loop, socket] = [scratch.file("loop"), scratch.file("socket")];
    await link("loop", loop);
    const refused = (path: string) => assertRejects(() => readWhole(path, 100), Failure);
    const { message, hint } = await refused(loop);
    assertEquals(
      message,
      `cannot read ${loop}: too many symbolic links follow each other (ELOOP)`,
    );
    assertEquals(hint, "one of them may lead to itself: check them (ls -l)");
    using _listener = Deno.listen({ transport: "unix", path: socket });
    const said = `cannot read ${socket}: it is a socket, or a device that is not there (ENXIO)`;
    assertEquals((await refused(socket)).message, said);
  },
});
