// needs: net read=tests/scratch write=tests/scratch

/**
 * What the refusal of a key file advises: never a command that writes to a file which the person named.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { readIdentity } from "../../lib/os/input_output.ts";
import { readWhole } from "../../lib/os/files.ts";
import {
  checkDestination,
  checkPairWritable,
  readKeyFile,
  withKeyFailures,
  writePair,
} from "../../lib/os/input_output.ts";
import { Progress } from "../../lib/os/log.ts";
import { privateKeyOf, publicKeyOf, readKey } from "../../lib/rsa.ts";
import {
  der,
  derIdentifier,
  derUnsigned,
  encodeSpki,
  type KeyFileCode,
  TAG,
} from "../../lib/rsa/der.ts";
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

/** The start of a PKCS#12 file: its version, and the type of its content (RFC 7292 section 4). */
function pkcs12(): Uint8Array {
  const content = der(TAG.sequence, derIdentifier("1.2.840.113549.1.7.1"));
  return der(TAG.sequence, derUnsigned(new Uint8Array([3])), content);
}

/** The refusals of a file alone; the others depend on what is to be done with a key. */
type Refusal = Exclude<KeyFileCode, "KEY_PASSPHRASE" | "KEY_PSS" | "KEY_PUBLIC">;

/** For each refusal contents that provoke it: the type makes the list complete. */
const CONTENTS: Readonly<Record<Refusal, (string | Uint8Array)[]>> = {
  KEY_CIPHER: [refused.encryptedPkcs1.replace("AES-256-CBC", "SEED-CBC")],
  KEY_DAMAGED: [key.pkcs8.slice(0, 500), '{"kty":"RSA","n":"AQAB"}', spki(256, [3]).slice(0, 90)],
  KEY_EMPTY: ["", " \n"],
  KEY_ENCRYPTED: [refused.encryptedPkcs8, refused.encryptedPkcs1],
  KEY_EXPONENT: [spki(256, [4])],
  KEY_NOT_RSA: [refused.ec, refused.ed25519, "ssh-ed25519 AAAAC3Nza a@b\n"],
  KEY_PKCS12: [pkcs12()],
  KEY_SEVERAL: [JSON.stringify({ keys: [key.jwk, key.jwk] }), refused.openSsh.publicKey.repeat(2)],
  KEY_TOO_LARGE: [spki(513, [1, 0, 1])],
  KEY_TOO_SMALL: [refused.small],
  KEY_UNKNOWN: [
    ...["hello", '{"keys":[]}', '{"name":"x"}', "-----BEGIN PGP MESSAGE-----\n", "\0-\0-\0-"],
    ...["PuTTY-User-Key-File-3: ssh-rsa\n", "-----BEGIN PKCS7-----\n"],
  ],
};

/** Names that a hint may take for something else: a placeholder, an option, words, a pattern. */
const NAMES = ["ada.pem", "FILE", "ada's key.pem", "a$&b$1.pem", "x; rm -rf ."];

/** What a hint may do with the file that is at fault: read it, or let nobody else read it. */
const HARMLESS =
  /(openssl (pkey -in|pkcs8 -topk8 -in|pkcs12 -nocerts -in)|iconv -f UTF-16 -t UTF-8|puttygen|chmod 600) $/;

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

/** Why an encrypted key is refused whose passphrase is another one. */
function readKeyRefusal(path: string, pem: string): Promise<Failure> {
  const content = new TextEncoder().encode(pem);
  const passphrase = () => Promise.resolve(new TextEncoder().encode("another"));
  return failureOf(() => withKeyFailures(path, () => readKey(content, { passphrase })));
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
      const sealed = await readKeyRefusal(path, refused.encryptedPkcs8);
      assertEquals(sealed.code, "KEY_PASSPHRASE");
      assertHarmless(sealed, path);
      const pss = await scratch.write(name, refused.pssOnly);
      const limited = await readKeyFile(pss);
      const other = await failureOf(() => withKeyFailures(pss, () => publicKeyOf(limited, "oaep")));
      assertEquals(other.code, "KEY_PSS");
      assertHarmless(other, pss);
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
        await readKey(new TextEncoder().encode(refused.encryptedPkcs1));
      })
    );
    assertStringIncludes(dashed.hint!, "openssl pkey -in ./-k.pem > NEW_KEY");
  },
});
