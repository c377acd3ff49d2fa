// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { decodeBase64 } from "@std/encoding/base64";
// @ts-types="../../types/std.d.ts"
import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import {
  type Bytes,
  decryptBlock,
  DecryptionError,
  decryptMessage,
  encryptBlock,
  encryptMessage,
  exportSpki,
  generateRsaKeys,
  KeyFileError,
  maxBlockBytes,
  MessageTooLongError,
  readKey,
  UnsupportedMessageError,
  writeKeyPair,
} from "../../lib/rsa.ts";
import { CompactEncrypt, FlattenedEncrypt, GeneralEncrypt, importSPKI } from "jose";
import vectors from "../vectors/rsa.json" with { type: "json" };

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const key = await readKey(encoder.encode(vectors.key.pkcs8));
const to = await readKey(encoder.encode(vectors.key.spki));
/** The public key of somebody else. */
const otherSpki = (await writeKeyPair(await generateRsaKeys("sign", 2048))).publicPem;

Deno.test("decryptMessage() reads a JWE that was made by the steps of RFC 7516, with white space around it", async () => {
  for (const text of [vectors.jwe, ` ${vectors.jwe}\r\n`]) {
    assertEquals(decoder.decode(await decryptMessage(key, encoder.encode(text))), vectors.text);
  }
});

Deno.test("encryptMessage() makes RSA-OAEP-256 with A256GCM in compact form, opened by RFC 7516's steps", async () => {
  const message = await encryptMessage(to, encoder.encode(vectors.text));
  assertMatch(message, /^[\w-]+(\.[\w-]+){4}$/);
  const [header, wrapped, iv, ciphertext, tag] = message.split(".");
  assertEquals(JSON.parse(decoder.decode(decodeBase64Url(header!))), {
    alg: "RSA-OAEP-256",
    enc: "A256GCM",
  });
  const contentKey = await decryptBlock(key, decodeBase64Url(wrapped!));
  const aes = await crypto.subtle.importKey("raw", contentKey, "AES-GCM", false, ["decrypt"]);
  const sealed = new Uint8Array([...decodeBase64Url(ciphertext!), ...decodeBase64Url(tag!)]);
  const additionalData = encoder.encode(header);
  const algorithm = { name: "AES-GCM", iv: decodeBase64Url(iv!), additionalData };
  const content = await crypto.subtle.decrypt(algorithm, aes, sealed);
  assertEquals(decoder.decode(content), vectors.text);
});

Deno.test("encryptMessage() and decryptMessage() carry any bytes of any size", async () => {
  for (const size of [0, 1, 15, 16, 17, 65_537, 3_000_001]) {
    const content = new Uint8Array(size).map((_, i) => i * 7);
    const message = encoder.encode(await encryptMessage(to, content));
    assertEquals(await decryptMessage(key, message), content);
  }
});

Deno.test("decryptBlock() reads what openssl pkeyutl wrote", async () => {
  const block = decodeBase64(vectors.raw);
  assertEquals(decoder.decode(await decryptBlock(key, block)), vectors.text);
});

Deno.test("encryptBlock() accepts k - 2·32 - 2 bytes, refuses one more, and names the limit", async () => {
  assertEquals([maxBlockBytes(2048), maxBlockBytes(3072), maxBlockBytes(4096)], [190, 318, 446]);
  for (const size of [0, 190]) {
    const content = new Uint8Array(size).fill(7);
    const block = await encryptBlock(to, content);
    assertEquals(block.length, 256);
    assertEquals(await decryptBlock(key, block), content);
  }
  const error = await assertRejects(
    () => encryptBlock(to, new Uint8Array(191)),
    MessageTooLongError,
  );
  assertEquals(error.message, "it has 191 bytes, and at most 190 fit");
});

/** The one error that every failed decryption gives: its class, its text, and nothing beneath it. */
function assertSame(error: Error): void {
  assertEquals(error.message, new DecryptionError().message);
  assertEquals(error.cause, undefined);
}

Deno.test("every failed decryption of a block gives the same error: padding, hash, length, key", async () => {
  const good = decodeBase64(vectors.raw);
  const sha1 = await crypto.subtle.importKey(
    "spki",
    to.spki,
    { name: "RSA-OAEP", hash: "SHA-1" },
    true,
    [
      "encrypt",
    ],
  );
  const label = { name: "RSA-OAEP", label: new Uint8Array([1]) };
  const sha256 = await crypto.subtle.importKey(
    "spki",
    to.spki,
    { name: "RSA-OAEP", hash: "SHA-256" },
    true,
    ["encrypt"],
  );
  const cases: Bytes[] = [
    new Uint8Array(0),
    good.slice(1),
    new Uint8Array([...good, 0]),
    good.map((byte, i) => i === 100 ? byte ^ 1 : byte),
    new Uint8Array(256).fill(0xff),
    new Uint8Array(256),
    new Uint8Array(await crypto.subtle.encrypt({ name: "RSA-OAEP" }, sha1, new Uint8Array(5))),
    new Uint8Array(await crypto.subtle.encrypt(label, sha256, new Uint8Array(5))),
  ];
  for (const block of cases) {
    assertSame(await assertRejects(() => decryptBlock(key, block), DecryptionError));
  }
  const { privatePem } = await writeKeyPair(await generateRsaKeys("sign", 2048));
  const other = await readKey(encoder.encode(privatePem));
  assertSame(await assertRejects(() => decryptBlock(other, good), DecryptionError));
});

Deno.test("every failed decryption of a JWE gives the same error, whatever part of it is wrong", async () => {
  const parts = vectors.jwe.split(".");
  const flipped = (i: number) =>
    parts.map((part, at) => at === i ? (part[0] === "A" ? "B" : "A") + part.slice(1) : part).join(
      ".",
    );
  const header = (object: unknown) =>
    [encodeBase64Url(encoder.encode(JSON.stringify(object))), ...parts.slice(1)].join(".");
  const cases = [
    "",
    "hello",
    "....",
    parts.slice(0, 4).join("."),
    vectors.jwe.slice(0, -4),
    ...parts.map((_, i) => flipped(i)),
    ...parts.map((_, i) => parts.map((part, at) => at === i ? "" : part).join(".")),
    header({ alg: "RSA-OAEP", enc: "A256GCM" }),
    header({ alg: "RSA-OAEP-256", enc: "A128GCM" }),
    header({ alg: "RSA-OAEP-256" }),
    header({ enc: "A256GCM" }),
    header(null),
    "{}",
    "{",
    '{"recipients":[]}',
    '{"recipients":[{},null,3]}',
    JSON.stringify({ protected: parts[0], encrypted_key: parts[1], iv: parts[2] }),
  ];
  for (const message of cases) {
    assertSame(
      await assertRejects(() => decryptMessage(key, encoder.encode(message)), DecryptionError),
    );
  }
});

const ALGORITHMS = ["RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"];
const CIPHERS = [
  ...["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"],
  ...["A128GCM", "A192GCM", "A256GCM"],
];

Deno.test("decryptMessage() opens every RSA algorithm and cipher of jose, compact and as JSON", async () => {
  for (const [i, alg] of ALGORITHMS.entries()) {
    const publicKey = await importSPKI(vectors.key.spki, alg);
    for (const enc of i === 0 ? CIPHERS : CIPHERS.slice(i - 1, i + 1)) {
      const content = encoder.encode(vectors.text);
      const compact = await new CompactEncrypt(content).setProtectedHeader({ alg, enc })
        .encrypt(publicKey);
      const flattened = await new FlattenedEncrypt(content).setProtectedHeader({ enc })
        .setUnprotectedHeader({ alg }).setAdditionalAuthenticatedData(encoder.encode("more"))
        .encrypt(publicKey);
      const general = await new GeneralEncrypt(content).setProtectedHeader({ enc })
        .addRecipient(await importSPKI(otherSpki, "RSA-OAEP-256"))
        .setUnprotectedHeader({ alg: "RSA-OAEP-256" })
        .addRecipient(publicKey).setUnprotectedHeader({ alg }).encrypt();
      for (const message of [compact, JSON.stringify(flattened), ` ${JSON.stringify(general)}\n`]) {
        const opened = await decryptMessage(key, encoder.encode(message));
        assertEquals(decoder.decode(opened), vectors.text, `${alg} ${enc}`);
      }
    }
  }
});

Deno.test("decryptMessage() names what it does not support", async () => {
  const [, ...parts] = vectors.jwe.split(".");
  for (
    const [header, feature] of [
      [{ alg: "RSA1_5", enc: "A256GCM" }, 'the algorithm "RSA1_5"'],
      [{ alg: "dir", enc: "A256GCM" }, 'the algorithm "dir"'],
      [{ alg: "toString", enc: "A256GCM" }, 'the algorithm "toString"'],
      [{ alg: "RSA-OAEP-256", enc: "A256XYZ" }, 'the encryption "A256XYZ"'],
      [{ alg: "RSA-OAEP-256", enc: "A256GCM", zip: "DEF" }, 'the compression "DEF"'],
      [{ alg: "RSA-OAEP-256", enc: "A256GCM", crit: ["x"], x: 1 }, 'the extensions ["x"]'],
    ] as const
  ) {
    const encoded = encodeBase64Url(encoder.encode(JSON.stringify(header)));
    const [encrypted_key, iv, ciphertext, tag] = parts;
    const flattened = { protected: encoded, encrypted_key, iv, ciphertext, tag };
    for (const message of [[encoded, ...parts].join("."), JSON.stringify(flattened)]) {
      const error = await assertRejects(
        () => decryptMessage(key, encoder.encode(message)),
        UnsupportedMessageError,
      );
      assertEquals(error.feature, feature);
    }
  }
});

Deno.test("writeKeyPair() encrypts the private key with a passphrase, anew each time", async () => {
  const keys = await generateRsaKeys("sign", 2048);
  const passphrase = encoder.encode("correct horse");
  const pair = await writeKeyPair(keys, passphrase);
  assertMatch(pair.privatePem, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
  const content = encoder.encode(pair.privatePem);
  const read = await readKey(content, { passphrase: () => Promise.resolve(passphrase) });
  assertEquals([read.kind, read.format], ["private", "PKCS#8 PEM, encrypted"]);
  assertEquals(read.spki, await exportSpki(keys.publicKey));
  const wrong = { passphrase: () => Promise.resolve(encoder.encode("correct house")) };
  const error = await assertRejects(() => readKey(content, wrong), KeyFileError);
  assertEquals([error.code, error.cause], ["KEY_PASSPHRASE", undefined]);
  assertNotEquals((await writeKeyPair(keys, passphrase)).privatePem, pair.privatePem);
});

Deno.test("writeKeyPair() writes PKCS#8 and SPKI that are read as the pair", async () => {
  const keys = await generateRsaKeys("sign", 2048);
  const { privatePem, publicPem } = await writeKeyPair(keys);
  assertMatch(
    privatePem,
    /^-----BEGIN PRIVATE KEY-----\n([\w+/=]{1,64}\n)+-----END PRIVATE KEY-----\n$/,
  );
  const [own, others] = [
    await readKey(encoder.encode(privatePem)),
    await readKey(encoder.encode(publicPem)),
  ];
  assertEquals(own.spki, await exportSpki(keys.publicKey));
  assertEquals(others.spki, own.spki);
  const message = encoder.encode(await encryptMessage(others, encoder.encode("hello")));
  assertEquals(decoder.decode(await decryptMessage(own, message)), "hello");
});
