/**
 * A directory for the files of a test: identities and known peers.
 *
 * @module
 */

import { exportSpki, fingerprint, generateRsaKeys, writeKeyPair } from "../../lib/rsa.ts";
import { granted } from "../granted.ts";

/** Where the tests of this directory may write. */
export const HERE: string = new URL("./", import.meta.url).pathname;

/** Whether tests may read and write files here, and start parley. */
export const MAY_KEEP_FILES: boolean = granted(
  { name: "read", path: HERE },
  { name: "write", path: HERE },
  { name: "run", command: "deno" },
);

/** What a process of the chat is granted that keeps files here. */
export const FLAGS: readonly string[] = [
  "--allow-net",
  `--allow-read=${HERE}`,
  `--allow-write=${HERE}`,
];

/** A directory that vanishes with its test. */
export class Scratch implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async make(): Promise<Scratch> {
    return new Scratch(await Deno.makeTempDir({ dir: HERE, prefix: "scratch-" }));
  }

  /** The path of a file. */
  path(name: string): string {
    return `${this.#path}/${name}`;
  }

  /** Writes a file. */
  async write(name: string, text: string, mode = 0o600): Promise<string> {
    await Deno.writeTextFile(this.path(name), text, { mode });
    return this.path(name);
  }

  /** The text of a file. */
  read(name: string): Promise<string> {
    return Deno.readTextFile(this.path(name));
  }

  /** The lines of a file that are no comments. */
  async lines(name: string): Promise<string[]> {
    const lines = (await this.read(name)).split("\n");
    return lines.filter((line) => line !== "" && !line.startsWith("#"));
  }

  /** Makes an identity, in a file of its own. */
  async identity(name: string): Promise<{ readonly file: string; readonly fingerprint: string }> {
    const keys = await generateRsaKeys("sign", 2048);
    const { privatePem, publicPem } = await writeKeyPair(keys);
    const file = await this.write(`${name}.pem`, privatePem);
    await this.write(`${name}.pem.pub`, publicPem);
    return { file, fingerprint: await fingerprint(await exportSpki(keys.publicKey)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path, { recursive: true });
  }
}
