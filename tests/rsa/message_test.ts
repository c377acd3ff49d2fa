// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
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
  maxBlockBytes,
  MessageTooLongError,
  readKey,
  writeKeyPair,
} from "../../lib/rsa.ts";
import vectors from "../vectors/rsa.json" with { type: "json" };

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const key = await readKey(encoder.encode(vectors.key.pkcs8));
const to = await readKey(encoder.encode(vectors.key.spki));

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

Deno.test("encryptBlock() takes k - 2·32 - 2 bytes, and one more not, and names the limit", async () => {
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
    header({ alg: "RSA1_5", enc: "A256GCM" }),
    header({ alg: "dir", enc: "A256GCM" }),
    header({ alg: "RSA-OAEP-256", enc: "A128GCM" }),
    header({ alg: "RSA-OAEP-256", enc: "A256GCM", zip: "DEF" }),
    header({ alg: "RSA-OAEP-256", enc: "A256GCM", crit: ["x"], x: 1 }),
  ];
  for (const message of cases) {
    assertSame(
      await assertRejects(() => decryptMessage(key, encoder.encode(message)), DecryptionError),
    );
  }
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
