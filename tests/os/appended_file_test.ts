// needs: net read=tests/scratch write=tests/scratch

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { AppendedFile } from "../../lib/os/log.ts";
import { MAY_WRITE, Scratch } from "../fixtures/scratch.ts";

const ignore = !MAY_WRITE;

function unexpected(error: unknown): never {
  throw error;
}

Deno.test({
  name: "AppendedFile creates a private file and appends to it, beside another process",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = scratch.file("lines");
    {
      await using two = await AppendedFile.open(path, unexpected);
      {
        await using one = await AppendedFile.open(path, unexpected);
        assertEquals(await one.lastLines(100), []);
        one.append("first");
        one.append("second");
      }
      two.append("third");
    }
    assertEquals(await scratch.read("lines"), "first\nsecond\nthird\n");
    if (Deno.build.os !== "windows") {
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    }
  },
});

Deno.test({
  name: "AppendedFile reads whole lines at the end of a large file",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("lines", "first\nsecond\nthird\n");
    await using file = await AppendedFile.open(path, unexpected);
    assertEquals(await file.lastLines(100), ["first", "second", "third"]);
    assertEquals(await file.lastLines(15), ["second", "third"]);
    assertEquals(await file.lastLines(3), []);
  },
});

Deno.test({
  name: "AppendedFile starts a new line after one that was cut short",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("lines", "first\nsec");
    {
      await using file = await AppendedFile.open(path, unexpected);
      assertEquals(await file.lastLines(100), ["first"]);
      file.append("third");
      file.append("fourth");
    }
    assertEquals(await scratch.read("lines"), "first\nsec\nthird\nfourth\n");
  },
});

Deno.test({
  name: "AppendedFile starts a new line though nobody read the file and its first write failed",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("lines", "first\nsec");
    const errors: unknown[] = [];
    const { write } = Deno.FsFile.prototype;
    {
      await using file = await AppendedFile.open(path, (error) => errors.push(error));
      Deno.FsFile.prototype.write = () => Promise.reject(new Error("no room"));
      try {
        file.append("lost");
        await new Promise((resolve) => setTimeout(resolve));
      } finally {
        Deno.FsFile.prototype.write = write;
      }
      assertEquals(errors.length, 1);
      file.append("third");
    }
    assertEquals(await scratch.read("lines"), "first\nsec\nthird\n");
    {
      await using file = await AppendedFile.open(path, unexpected);
      file.append("fourth");
    }
    assertEquals(await scratch.read("lines"), "first\nsec\nthird\nfourth\n");
  },
});

Deno.test({
  name: "AppendedFile refuses a file that other users may use",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("lines", "first\n");
    await Deno.chmod(path, 0o640);
    const open = () => AppendedFile.open(path, unexpected);
    const { code, why, hint } = await assertRejects(open, Failure);
    assertEquals(
      [code, why, hint],
      [
        "FILE_NOT_PRIVATE",
        "users other than its owner may use it (mode 0640)",
        "permit it to its owner alone: chmod 600",
      ],
    );
  },
});

Deno.test({
  name: "AppendedFile reports the first failed write and continues",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    await using scratch = await Scratch.make();
    const errors: unknown[] = [];
    const file = await AppendedFile.open(scratch.file("lines"), (error) => errors.push(error));
    // A closed file stands for a full disk.
    await file[Symbol.asyncDispose]();
    file.append("first");
    file.append("second");
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(errors.length, 1);
  },
});

Deno.test({
  name: "AppendedFile writes the lines that wait together, and does not keep them without bound",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    let writes = 0;
    const errors: unknown[] = [];
    const path = scratch.file("lines");
    const file = await AppendedFile.open(path, (error) => errors.push(error));
    const { write } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.write = function (bytes) {
      writes += 1;
      return write.call(this, bytes);
    };
    try {
      const line = "x".repeat(1023);
      // All wait: nothing is written before the end of this turn.
      for (let i = 0; i < 16 * 1024; i++) file.append(line);
      assertEquals(errors.length, 0);
      file.append("one too many");
      file.append("and another");
      assertEquals(errors.length, 1);
      await file[Symbol.asyncDispose]();
    } finally {
      Deno.FsFile.prototype.write = write;
    }
    assertEquals((await Deno.stat(path)).size, 16 << 20);
    assert(writes < 100, `${writes} writes`);
  },
});
