// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { decodeBase64 } from "@std/encoding/base64";
import {
  privateKeyOf,
  publicKeyOf,
  readKey,
  signDocument,
  signPss,
  verifyDocument,
  verifyPss,
} from "../../lib/rsa.ts";
import vectors from "../vectors/rsa.json" with { type: "json" };

const encoder = new TextEncoder();
const key = await readKey(encoder.encode(vectors.key.pkcs8));
const publicKey = await readKey(encoder.encode(vectors.key.spki));
const document = encoder.encode(vectors.text);

Deno.test("verifyDocument() accepts openssl's signatures, and nothing else", async () => {
  const signature = decodeBase64(vectors.signature);
  assertEquals(await verifyDocument(publicKey, signature, document), true);
  assertEquals(await verifyDocument(key, signature, document), true);
  const changed = document.map((byte, i) => i === 3 ? byte ^ 1 : byte);
  assertEquals(await verifyDocument(publicKey, signature, changed), false);
  for (const wrong of [signature.slice(1), new Uint8Array(0), signature.map((byte) => byte ^ 1)]) {
    assertEquals(await verifyDocument(publicKey, wrong, document), false);
  }
});

Deno.test("signDocument() makes a signature of the modulus's length that verifyDocument() accepts", async () => {
  for (const content of [document, new Uint8Array(0), new Uint8Array(1_000_000)]) {
    const signature = await signDocument(key, content);
    assertEquals(signature.length, 256);
    assertEquals(await verifyDocument(publicKey, signature, content), true);
  }
});

Deno.test("a document's signature and an identity's never pass as one another", async () => {
  const identity = {
    privateKey: await privateKeyOf(key, "pss512"),
    publicKey: await publicKeyOf(publicKey, "pss512"),
  };
  const ofDocument = await signDocument(key, document);
  assertEquals(await verifyPss(identity.publicKey, ofDocument, document), false);
  const ofIdentity = await signPss(identity.privateKey, document);
  assertEquals(await verifyPss(identity.publicKey, ofIdentity, document), true);
  assertEquals(await verifyDocument(publicKey, ofIdentity, document), false);
  // The identity's algorithm, as openssl has it.
  const sha512 = decodeBase64(vectors.sha512Signature);
  assertEquals(await verifyPss(identity.publicKey, sha512, document), true);
  assertEquals(await verifyDocument(publicKey, sha512, document), false);
});
