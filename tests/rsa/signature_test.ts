// needs: net run=openssl read=tests/scratch write=tests/scratch (about 15 s)

/**
 * Signatures of documents, as openssl makes and verifies them.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { decodeBase64 } from "@std/encoding/base64";
import {
  type Bytes,
  KeyFileError,
  kindText,
  readKey,
  SaltError,
  SIGNATURE_HASHES,
  signDocument,
  startSigning,
  type Verification,
  verifyStream,
} from "../../lib/rsa.ts";
import { granted } from "../fixtures/granted.ts";
import { openssl } from "../fixtures/openssl.ts";
import { Scratch } from "../fixtures/scratch.ts";
import vectors from "../vectors/rsa.json" with { type: "json" };

const ignore = !granted("run=openssl", "read=tests/scratch", "write=tests/scratch");
const encoder = new TextEncoder();
const key = await readKey(encoder.encode(vectors.key.pkcs8));
const publicKey = await readKey(encoder.encode(vectors.key.spki));
const pssKey = await readKey(encoder.encode(vectors.refused.pssOnly));
const document = encoder.encode(vectors.text);

/** A document in pieces that overwrite each other, as a file is read. */
async function* pieces(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.set(piece);
    yield await Promise.resolve(buffer.subarray(0, piece.length));
  }
}

function verified(signature: Bytes, bytes: Uint8Array = document): Promise<Verification> {
  return verifyStream(publicKey, signature, pieces(bytes));
}

Deno.test("startSigning() signs with every padding, hash and salt, and verifyStream() says which", async () => {
  for (const hash of SIGNATURE_HASHES) {
    const length = Number(hash.slice(4)) / 8;
    for (const saltBytes of [0, 1, length, 256 - length - 2, undefined]) {
      const signing = await startSigning(key, {
        hash,
        ...(saltBytes === undefined ? {} : { saltBytes }),
      });
      assertEquals(await verified(await signing(pieces(document))), {
        holds: true,
        kind: { padding: "pss", hash, saltBytes: saltBytes ?? length, maskHash: hash },
      });
    }
    const signing = await startSigning(key, { hash, padding: "pkcs1" });
    const signature = await signing(pieces(document));
    assertEquals(await verified(signature), { holds: true, kind: { padding: "pkcs1", hash } });
    const { holds, why } = await verified(signature, encoder.encode("another"));
    assertEquals([holds, why], [false, "the key made the signature, but for another document"]);
  }
});

Deno.test("verifyStream() agrees with WebCrypto, and refuses every signature that is changed", async () => {
  const signature = await signDocument(key, document);
  assertEquals((await verified(signature)).holds, true);
  for (
    const made of [
      signature,
      await (await startSigning(key, { padding: "pkcs1" }))(pieces(document)),
    ]
  ) {
    for (let at = 0; at < made.length; at += 5) {
      const changed = made.map((byte, i) => i === at ? byte ^ 1 : byte);
      assertEquals((await verified(changed)).holds, false);
    }
    assertStringIncludes(
      (await verified(made.slice(1))).why!,
      "has 255 bytes, and those of this key have 256",
    );
  }
  for (const fill of [0, 1, 0xff]) {
    assertEquals((await verified(new Uint8Array(256).fill(fill))).holds, false);
  }
});

Deno.test("bytes that cannot be a signature of the key are refused before the document is read", async () => {
  const unread = { [Symbol.asyncIterator]: () => assert(false) as never };
  for (const signature of [new Uint8Array(256).fill(7), new Uint8Array(255)]) {
    assertEquals((await verifyStream(publicKey, signature, unread)).holds, false);
  }
});

/** Encodes a block, and opens it as if it were a signature: what a private key can sign at all. */
async function signBlock(block: Uint8Array): Promise<Bytes> {
  await using scratch = await Scratch.make();
  await scratch.write("key", vectors.key.pkcs8);
  await scratch.write("block", block);
  return new Uint8Array(await openssl(scratch.path, "rsautl -sign -raw -inkey key -in block"));
}

Deno.test({
  name: "PKCS#1 v1.5 with a byte of its padding or its structure changed is refused",
  ignore,
  async fn() {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", document));
    const info = [...decodeBase64("MDEwDQYJYIZIAWUDBAIBBQAEIA=="), ...digest];
    const block = (padding: number, tail: readonly number[] = []) => {
      const fill = new Array(256 - 3 - info.length - tail.length - padding).fill(0xff);
      return new Uint8Array([0, 1, ...new Array(padding).fill(0xff), ...fill, 0, ...info, ...tail]);
    };
    const good = block(0);
    assertEquals((await verified(await signBlock(good))).holds, true);
    const end = 256 - info.length;
    // The kind, the padding, its end, each byte of the structure before the digest.
    for (const at of [1, 2, 100, end - 1, ...Array.from({ length: 19 }, (_, i) => end + i)]) {
      const changed = good.map((byte, i) => i === at ? byte ^ 1 : byte);
      assertEquals((await verified(await signBlock(changed))).holds, false, `byte ${at}`);
    }
    // Bleichenbacher's forgery of 2006: short padding, and free bytes at the end.
    const forged = new Uint8Array(256);
    forged.set([0, 1, ...new Array(8).fill(0xff), 0, ...info]);
    assertEquals((await verified(await signBlock(forged))).holds, false);
    assertEquals((await verified(await signBlock(block(0, [1, 2, 3])))).holds, false);
  },
});

Deno.test({
  name:
    "verifyStream() reads every signature of openssl dgst, and refuses weak hash functions by name",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    await scratch.write("key", vectors.key.pkcs8);
    await scratch.write("text", vectors.text);
    const sign = async (args: string) =>
      new Uint8Array(await openssl(scratch.path, `dgst ${args} -sign key text`));
    const pss = "-sigopt rsa_padding_mode:pss";
    const cases = [
      ["-sha256", "PKCS#1 v1.5 with SHA-256"],
      ["-sha384", "PKCS#1 v1.5 with SHA-384"],
      ["-sha512", "PKCS#1 v1.5 with SHA-512"],
      [`-sha256 ${pss}`, "RSASSA-PSS with SHA-256 and a salt of 222 bytes"],
      [
        `-sha384 ${pss} -sigopt rsa_pss_saltlen:-1`,
        "RSASSA-PSS with SHA-384 and a salt of 48 bytes",
      ],
      [`-sha512 ${pss} -sigopt rsa_pss_saltlen:0`, "RSASSA-PSS with SHA-512 and a salt of 0 bytes"],
      [
        `-sha256 ${pss} -sigopt rsa_pss_saltlen:20 -sigopt rsa_mgf1_md:sha1`,
        "RSASSA-PSS with SHA-256, MGF1 with SHA-1 and a salt of 20 bytes",
      ],
    ] as const;
    for (const [args, text] of cases) {
      const { holds, kind } = await verified(await sign(args));
      assertEquals([holds, kindText(kind!)], [true, text]);
    }
    for (
      const [args, why] of [
        ["-sha1", "PKCS#1 v1.5 with SHA-1, which is not secure"],
        ["-md5", "PKCS#1 v1.5 with MD5, which is not secure"],
        ["-sha224", "PKCS#1 v1.5 with SHA-224, which is not supported"],
        [`-sha1 ${pss}`, "RSASSA-PSS with SHA-1 and a salt of 234 bytes, which is not secure"],
      ]
    ) {
      const verification = await verified(await sign(args!));
      assertEquals(verification.holds, false);
      assertStringIncludes(verification.why!, why!);
    }
  },
});

Deno.test({
  name: "openssl dgst verifies what startSigning() signs, with keys of odd sizes too",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    await scratch.write("text", vectors.text);
    for (const bits of ["2048", "2049", "3072"]) {
      await openssl(
        scratch.path,
        `genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:${bits} -out key`,
      );
      await openssl(scratch.path, "pkey -in key -pubout -out public");
      const own = await readKey(await Deno.readFile(scratch.file("key")));
      for (const hash of SIGNATURE_HASHES) {
        const name = hash.toLowerCase().replace("-", "");
        for (
          const [padding, args] of [
            ["pkcs1", ""],
            ["pss", " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:17"],
          ] as const
        ) {
          const signing = await startSigning(own, { padding, hash, saltBytes: 17 });
          const signature = await signing(pieces(document));
          await scratch.write("signature", signature);
          await openssl(
            scratch.path,
            `dgst -${name}${args} -verify public -signature signature text`,
          );
          assertEquals((await verifyStream(own, signature, pieces(document))).holds, true);
        }
      }
    }
  },
});

Deno.test("startSigning() reports a wrong key or salt before the document is read", async () => {
  const salt = await assertRejects(() => startSigning(key, { saltBytes: 223 }), SaltError);
  assertEquals(salt.message, "a salt of this key and hash has at most 222 bytes");
  const cases = [
    [publicKey, {}, "KEY_PUBLIC"],
    [pssKey, { padding: "pkcs1" }, "KEY_PSS"],
    [limited(), { hash: "SHA-512" }, "KEY_PSS"],
    [limited(), { saltBytes: 39 }, "KEY_PSS"],
  ] as const;
  for (const [one, options, code] of cases) {
    const error = await assertRejects(() => startSigning(one, options), KeyFileError);
    assertEquals(error.code, code);
  }
});

/** A key that allows RSASSA-PSS with SHA-384 and a salt of 40 bytes or more. */
function limited() {
  return { ...pssKey, pss: { hash: "SHA-384", maskHash: "SHA-384", minSaltBytes: 40 } };
}

Deno.test("a key for RSASSA-PSS chooses the signature that it allows, and refuses others", async () => {
  const signature = await (await startSigning(limited()))(pieces(document));
  const { holds, kind } = await verifyStream(limited(), signature, pieces(document));
  assertEquals([holds, kindText(kind!)], [true, "RSASSA-PSS with SHA-384 and a salt of 48 bytes"]);
  for (const options of [{ hash: "SHA-256" }, { hash: "SHA-384", saltBytes: 39 }] as const) {
    const other = await (await startSigning(pssKey, options))(pieces(document));
    const refused = await verifyStream(limited(), other, pieces(document));
    assertEquals(refused.holds, false);
    assertStringIncludes(refused.why!, "which the key does not allow");
  }
});
