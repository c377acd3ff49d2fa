/**
 * A disk that is full, and one that may not be written to: a small file system in a namespace of its own.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { granted } from "../granted.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ignore = !granted({ name: "run", command: "unshare" }) || !await mayUnshare();

/** Whether this system lets a process have mounts of its own (user_namespaces(7)). */
async function mayUnshare(): Promise<boolean> {
  try {
    const mount = ["-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"];
    return (await new Deno.Command("unshare", { args: mount, stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Runs a script with a file system of 64 KiB at `/mnt`; gives the lines that it prints. */
async function onSmallDisk(script: string): Promise<string[]> {
  const mounted = `set -e; mount -t tmpfs -o size=64k tmpfs /mnt; ${script}`;
  const args = ["-rm", "sh", "-c", mounted];
  const { stdout, stderr, success } = await new Deno.Command("unshare", { args, cwd: ROOT })
    .output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout).trim().split("\n");
}

const WRITE =
  "deno run --no-prompt --allow-read=/mnt --allow-write=/mnt tests/faults/write_file.ts";

Deno.test({
  name: "a file that does not fit on its disk is not written, and the one before it stays",
  ignore,
  async fn() {
    const script = `echo old > /mnt/key; ${WRITE} /mnt/key 100000; cat /mnt/key; ls -A /mnt`;
    assertEquals(await onSmallDisk(script), ["ENOSPC", "old", "key"]);
    const fits = `echo old > /mnt/key; ${WRITE} /mnt/key 20000; wc -c < /mnt/key; ls -A /mnt`;
    assertEquals(await onSmallDisk(fits), ["written", "20000", "key"]);
  },
});

Deno.test({
  name: "a file on a read-only disk stays as it is, and that is said",
  ignore,
  async fn() {
    const locked = "echo old > /mnt/key; mount -o remount,ro /mnt";
    const script = `${locked}; ${WRITE} /mnt/key 10; cat /mnt/key; ls -A /mnt`;
    assertEquals(await onSmallDisk(script), ["EROFS", "old", "key"]);
  },
});
