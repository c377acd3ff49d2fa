// needs: net read=tests/scratch write=tests/scratch

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { ownerIfOther } from "../../lib/os/files.ts";
import { HeldFile } from "../../lib/os/held_file.ts";
import { withheld } from "../fixtures/granted.ts";
import { MAY_WRITE, Scratch } from "../fixtures/scratch.ts";

const ignore = !MAY_WRITE || Deno.build.os !== "linux";

Deno.test({
  name:
    "a file that is created while its directory is watched for another one is not seen to be replaced",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    await using held = new AsyncDisposableStack();
    const replaced: string[] = [];
    const hold = async (name: string) => {
      const options = { write: true, mode: 0o600, replaced: () => replaced.push(name) };
      return held.use(await HeldFile.open(scratch.file(name), options));
    };
    for (let i = 0; i < 200; i++) await hold(`${i}`);
    const last = Promise.withResolvers<void>();
    held.use(await HeldFile.open(await scratch.write("last", ""), { replaced: last.resolve }));
    // Events come in order: none is left when this one is seen.
    await Deno.rename(await scratch.write("other", ""), scratch.file("last"));
    await last.promise;
    assertEquals(replaced, []);
  },
});

for (const how of ["moved over it", "created after it is removed"]) {
  Deno.test({
    name: `a held file is seen to be replaced by one that is ${how}`,
    ignore,
    async fn() {
      await using scratch = await Scratch.make();
      const path = await scratch.write("kept", "");
      const seen = Promise.withResolvers<void>();
      using held = await HeldFile.open(path, { replaced: seen.resolve });
      assertEquals(held.replaced, false);
      if (how === "moved over it") await Deno.rename(await scratch.write("other", ""), path);
      else {
        await Deno.remove(path);
        await scratch.write("kept", "");
      }
      await seen.promise;
      assertEquals(held.replaced, true);
    },
  });
}

Deno.test({
  name: "a process that may not ask who its user is learns from the system whose an open file is",
  ignore: ignore || !withheld("sys"),
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("kept", "");
    const info = await Deno.stat(path);
    using file = await Deno.open(path);
    assertEquals(await ownerIfOther(info, file), undefined);
    const utime = () => Promise.reject(new Deno.errors.PermissionDenied());
    assertEquals(await ownerIfOther(info, { utime }), info.uid!);
  },
});
