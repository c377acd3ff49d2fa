/**
 * A document that an identity signed is never a credential.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ByteReader, type Bytes, ByteWriter } from "../../../lib/base/bytes.ts";
import { checkCredential, CredentialError } from "../../../lib/chat/identity/credential.ts";
import { CONTEXT, inContext, SIGNATURE_BYTES } from "../../../lib/chat/identity/signing.ts";
import {
  readKey,
  type RsaKey,
  signDocument,
  signPss,
  verifyDocument,
  verifyPss,
  writeKeyPair,
} from "../../../lib/rsa.ts";
import { credentialOf } from "../room.ts";

const now = () => 1_700_000_000_000;

/** The parts of a credential. */
function split(bytes: Bytes) {
  const reader = new ByteReader(bytes);
  const [body, byIdentity] = [reader.block16(), reader.block16()];
  const bySigning = reader.raw(SIGNATURE_BYTES);
  return { body, byIdentity, bySigning };
}

/** The credential with another signature of the identity. */
function withSignature(bytes: Bytes, byIdentity: Bytes): Bytes {
  const { body, bySigning } = split(bytes);
  return new ByteWriter(bytes.length).block16(body).block16(byIdentity).raw(bySigning).finish();
}

/** The identity's key as `parley rsa sign` reads it. */
async function keyFile(identity: CryptoKeyPair): Promise<RsaKey> {
  const { privatePem } = await writeKeyPair(identity);
  return await readKey(new TextEncoder().encode(privatePem));
}

Deno.test("a signed document never passes as a credential, not even one of a credential's own bytes", async () => {
  const { bytes, keys: { identity } } = await credentialOf("bo", 0, now);
  const { body, byIdentity } = split(bytes);
  const key = await keyFile(identity);
  const documents = [body, bytes, inContext(CONTEXT.credentialIdentity, body), byIdentity];
  for (const document of documents) {
    const forged = withSignature(bytes, await signDocument(key, document));
    const error = await assertRejects(() => checkCredential(forged, now()), CredentialError);
    assertEquals(error.message, "the identity did not sign the credential");
  }
  // The same bytes under the chat's own parameters are what passes, so that the test can fail.
  const worst = inContext(CONTEXT.credentialIdentity, body);
  assert(await verifyDocument(key, await signDocument(key, body), body));
  await checkCredential(withSignature(bytes, await signPss(identity.privateKey, worst)), now());
});

Deno.test("a credential's signature never passes as that of a document", async () => {
  const { bytes, keys: { identity } } = await credentialOf("bo", 0, now);
  const { body, byIdentity } = split(bytes);
  const key = await keyFile(identity);
  const signed = inContext(CONTEXT.credentialIdentity, body);
  assert(await verifyPss(identity.publicKey, byIdentity, signed));
  for (const document of [signed, body, bytes]) {
    assertEquals(await verifyDocument(key, byIdentity, document), false);
  }
});
