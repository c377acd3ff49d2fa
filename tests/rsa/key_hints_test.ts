// needs: net read=tests/scratch write=tests/scratch

/**
 * What the refusal of a key file advises: never a command that writes to a file which the person named.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { readIdentity } from "../../lib/chat/trust/allow_list.ts";
import { readWhole } from "../../lib/os/files.ts";
import {
  checkDestination,
  checkPairWritable,
  Progress,
  readKeyFile,
  withKeyFailures,
  writePair,
} from "../../lib/os/input_output.ts";
import { privateKeyOf } from "../../lib/rsa.ts";
import { encodeSpki } from "../../lib/rsa/der.ts";
import type { KeyFileCode } from "../../lib/rsa/key_formats.ts";
import { MemoryIo } from "../../lib/tour/console.ts";
import { MAY_WRITE, Scratch } from "../fixtures/scratch.ts";
import vectors from "../vectors/rsa.json" with { type: "json" };

const ignore = !MAY_WRITE;
const { key, refused } = vectors;

/** A public key of so many bytes, with an exponent. */
function spki(bytes: number, exponent: number[]): Uint8Array {
  const modulus = new Uint8Array(bytes).fill(0xff);
  return encodeSpki({ modulus, exponent: new Uint8Array(exponent) });
}

/** For each refusal contents that provoke it: the type makes the list complete. */
const CONTENTS: Readonly<Record<Exclude<KeyFileCode, "KEY_PUBLIC">, (string | Uint8Array)[]>> = {
  KEY_CERTIFICATE: [refused.certificate, refused.request],
  KEY_DAMAGED: [key.pkcs8.slice(0, 500), '{"kty":"RSA","n":"AQAB"}', spki(256, [3]).slice(0, 90)],
  KEY_EMPTY: ["", " \n"],
  KEY_ENCRYPTED: [refused.encryptedPkcs8, refused.encryptedPkcs1],
  KEY_EXPONENT: [spki(256, [4])],
  KEY_NOT_RSA: [refused.ec, refused.ed25519, refused.pssOnly, "ssh-ed25519 AAAAC3Nza a@b\n"],
  KEY_OPENSSH: [refused.openSsh.privateKey, refused.openSsh.publicKey],
  KEY_TOO_LARGE: [spki(513, [1, 0, 1])],
  KEY_TOO_SMALL: [refused.small],
  KEY_UNKNOWN: ["hello", '{"keys":[]}', '{"name":"x"}', "-----BEGIN PGP MESSAGE-----\n"],
};

/** Names that a hint may take for something else: a placeholder, an option, words, a pattern. */
const NAMES = ["ada.pem", "FILE", "ada's key.pem", "a$&b$1.pem", "x; rm -rf ."];

/** What a hint may do with the file that is at fault: read it, or let nobody else read it. */
const HARMLESS = /(openssl (pkey|x509|req) -in|ssh-keygen -e -m PKCS8 -f|chmod 600) $/;

/** Asserts that a failure's hint names a file for reading alone, and proposes to replace none. */
function assertHarmless({ code, hint = "" }: Failure, path: string): void {
  const word = `'${path.replaceAll("'", `'\\''`)}'`;
  const shown = hint.includes(word) ? word : path;
  const parts = hint.split(shown);
  for (const before of parts.slice(0, -1)) {
    assert(HARMLESS.test(before), `${code} names ${path} as a file to write: ${hint}`);
  }
  assert(!/--force|remove|replace|\brm\b/.test(parts.join("")), `${code} proposes: ${hint}`);
}

/** What an action fails with. */
function failureOf(action: () => Promise<unknown>): Promise<Failure> {
  return assertRejects(action, Failure);
}

Deno.test({
  name: "no refusal of a key file names that file as one to write, whatever its name",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    for (const name of NAMES) {
      for (const [code, contents] of Object.entries(CONTENTS)) {
        for (const content of contents) {
          const path = await scratch.write(name, content);
          const failure = await failureOf(() => readKeyFile(path));
          assertEquals(failure.code, code);
          assertHarmless(failure, path);
        }
      }
      const path = await scratch.write(name, key.spki);
      const read = await readKeyFile(path);
      const failure = await failureOf(() =>
        withKeyFailures(path, () => privateKeyOf(read, "oaep"))
      );
      assertEquals(failure.code, "KEY_PUBLIC");
      assertHarmless(failure, path);
    }
  },
});

Deno.test({
  name: "no refusal of an identity names its file as one to write",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    for (const name of NAMES) {
      const contents = [
        ["KEY_UNSUITABLE", spki(256, [3])],
        ["KEY_PUBLIC", key.spki],
        ["KEY_FILE_OPEN", key.pkcs8],
      ] as const;
      for (const [code, content] of contents) {
        const path = await scratch.write(name, content);
        await Deno.chmod(path, 0o644);
        const failure = await failureOf(() => readIdentity(path));
        assertEquals(failure.code, code);
        assertHarmless(failure, path);
      }
    }
  },
});

Deno.test({
  name: "no failure of a file that should hold a key, or get one, proposes to replace a file",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const { path: directory } = scratch;
    const taken = await scratch.write("taken.pem", key.pkcs8);
    const absent = scratch.file("absent.pem");
    const below = `${taken}/key.pem`;
    const long = scratch.file("k".repeat(300));
    const pair = { privatePem: key.pkcs8, publicPem: key.spki };
    const io = new MemoryIo();
    const actions: readonly (readonly [string, string, () => Promise<unknown>])[] = [
      ["ENOENT", absent, () => readKeyFile(absent)],
      ["ENOTDIR", below, () => readKeyFile(below)],
      ["EISDIR", directory, () => readKeyFile(directory)],
      ["ENAMETOOLONG", long, () => readKeyFile(long)],
      ["FILE_TOO_LARGE", taken, () => readWhole(taken, 10)],
      ["EEXIST", taken, () => checkPairWritable(taken, false)],
      ["EEXIST", taken, () => checkDestination({ path: taken, force: false })],
      ["NOT_A_FILE", directory, () => checkPairWritable(directory, true)],
      ["EEXIST", taken, async () => {
        using progress = new Progress(io, "");
        await writePair(io, taken, pair, false, progress);
      }],
    ];
    for (const [code, path, action] of actions) {
      const failure = await failureOf(action);
      assertEquals(failure.code, code);
      assertHarmless(failure, path);
    }
    assertEquals(await Deno.readTextFile(taken), key.pkcs8);
  },
});

Deno.test({
  name: "the path in a hint is one word of a shell, so that the line can be copied",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const path = await scratch.write("ada's $& key.pem", refused.encryptedPkcs8);
    const { hint } = await failureOf(() => readKeyFile(path));
    assertStringIncludes(
      hint!,
      `openssl pkey -in '${scratch.path}/ada'\\''s $& key.pem' > NEW_KEY`,
    );
    const dashed = await failureOf(() =>
      withKeyFailures("-k.pem", async () => {
        const { readKey } = await import("../../lib/rsa.ts");
        await readKey(new TextEncoder().encode(refused.certificate));
      })
    );
    assertStringIncludes(dashed.hint!, "openssl x509 -in ./-k.pem -noout");
  },
});
