import {
  decryptBlock,
  encryptBlock,
  fingerprint,
  KeyFileError,
  privateKeyOf,
  publicKeyOf,
  readKey,
  type RsaKey,
  signDocument,
  verifyDocument,
} from "../../lib/rsa.ts";
import {
  der as encodeDer,
  derIdentifier,
  DerReader,
  derUnsigned,
  encodeSpki,
  numberBytes,
  TAG,
} from "../../lib/rsa/der.ts";
import { openerOfPkcs8 } from "../../lib/rsa/encrypted_key.ts";
// @ts-types="../../types/std_assert.d.ts"
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { decodeBase64 } from "@std/encoding/base64";
// @ts-types="../../types/std.d.ts"
import { encodeBase64Url } from "@std/encoding/base64url";
import vectors from "../vectors/rsa.json" with { type: "json" };

const { key, refused } = vectors;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The DER in a PEM. */
function der(pem: string): Uint8Array<ArrayBuffer> {
  return decodeBase64(pem.replace(/-----.*-----|\n/g, ""));
}

const PUBLIC_JWK = JSON.stringify({ kty: "RSA", n: key.jwk.n, e: key.jwk.e });

const FORMS: readonly (readonly [string, "private" | "public", Uint8Array<ArrayBuffer>])[] = [
  ["PKCS#8 PEM", "private", bytes(key.pkcs8)],
  ["PKCS#1 PEM", "private", bytes(key.pkcs1)],
  ["JWK", "private", bytes(JSON.stringify(key.jwk))],
  ["PKCS#8 DER", "private", der(key.pkcs8)],
  ["PKCS#1 DER", "private", der(key.pkcs1)],
  ["OpenSSH", "private", bytes(refused.openSsh.privateKey)],
  ["SPKI PEM", "public", bytes(key.spki)],
  ["certificate PEM", "public", bytes(refused.certificate)],
  ["certificate request PEM", "public", bytes(refused.request)],
  ["OpenSSH", "public", bytes(refused.openSsh.publicKey)],
  ["PKCS#1 PEM", "public", bytes(key.pkcs1Public)],
  ["JWK", "public", bytes(PUBLIC_JWK)],
  ["SPKI DER", "public", der(key.spki)],
  ["PKCS#1 DER", "public", der(key.pkcs1Public)],
];

Deno.test("readKey() reads every form of one key, private and public, as the same", async () => {
  for (const [format, kind, content] of FORMS) {
    const read = await readKey(content);
    assertEquals([read.format, read.kind], [format, kind]);
    assertEquals([read.modulusBits, read.exponent], [2048, 65537n]);
    assertEquals(read.spki, der(key.spki), format);
    assertEquals(read.pkcs8, kind === "private" ? der(key.pkcs8) : undefined, format);
  }
});

Deno.test("fingerprint() is SHA-256 over the SPKI DER, as openssl has it", async () => {
  const { spki } = await readKey(bytes(key.pkcs1));
  assertEquals(await fingerprint(spki), `SHA256:${key.spkiSha256.replace("=", "")}`);
});

Deno.test("readKey() reads a key among other text, with any line ends, and a pair as its private key", async () => {
  for (
    const text of [
      `Bag Attributes: none\n${key.pkcs8}`,
      key.pkcs8.replaceAll("\n", "\r\n"),
      `\ufeff${key.pkcs8}`,
      key.pkcs8 + key.spki,
      // What a JWK says that it is for does not matter.
      JSON.stringify({ ...key.jwk, alg: "RS256", use: "sig", key_ops: ["verify"], kid: "1" }),
    ]
  ) {
    assertEquals((await readKey(bytes(text))).kind, "private");
  }
});

async function refusal(content: Uint8Array<ArrayBuffer>): Promise<KeyFileError> {
  return await assertRejects(() => readKey(content), KeyFileError);
}

const REFUSED: readonly (readonly [string, string, string, string])[] = [
  ["", "KEY_EMPTY", "it is empty", "make a key in a new file"],
  [" \n\n", "KEY_EMPTY", "it is empty", "make a key in a new file"],
  [refused.encryptedPkcs8, "KEY_ENCRYPTED", "encrypted with a passphrase", "openssl pkey -in FILE"],
  [refused.encryptedPkcs1, "KEY_ENCRYPTED", "encrypted with a passphrase", "openssl pkey -in FILE"],
  [refused.small, "KEY_TOO_SMALL", "the key has 1024 bits", "another key"],
  [refused.ec, "KEY_NOT_RSA", "a key for elliptic curves (EC)", "make an RSA key"],
  [refused.ecTraditional, "KEY_NOT_RSA", "a key for elliptic curves (EC)", "make an RSA key"],
  [refused.ed25519, "KEY_NOT_RSA", "a key for Ed25519", "make an RSA key"],
  [
    '{"kty":"EC","crv":"P-256"}',
    "KEY_NOT_RSA",
    "a key for elliptic curves (EC)",
    "make an RSA key",
  ],
  ['{"kty":"OKP"}', "KEY_NOT_RSA", "another algorithm", "make an RSA key"],
  ["ssh-ed25519 AAAAC3Nza a@b\n", "KEY_NOT_RSA", "a key for ed25519", "make an RSA key"],
  [key.pkcs8.slice(0, 500), "KEY_DAMAGED", "cut short or damaged", "copy the whole file again"],
  [
    key.spki.replace("\n", "\n*"),
    "KEY_DAMAGED",
    "cut short or damaged",
    "copy the whole file again",
  ],
  [
    key.spki.replace(/\n[^\n]+\n-----END/, "\n-----END"),
    "KEY_DAMAGED",
    "cut short",
    "copy the whole file again",
  ],
  ['{"kty":"RSA","n":"AQAB"', "KEY_DAMAGED", "cut short or damaged", "copy the whole file again"],
  ['{"kty":"RSA","n":"AQAB"}', "KEY_DAMAGED", 'the JWK\'s "e" is missing', "has n, e and d"],
  [
    JSON.stringify({ ...key.jwk, qi: undefined }),
    "KEY_DAMAGED",
    '"qi" is missing',
    "has n, e and d",
  ],
  ['{"keys":[]}', "KEY_UNKNOWN", "a JWK set without an RSA key", "another file"],
  ['{"name":"x"}', "KEY_UNKNOWN", "not a JWK", "kty"],
  ["hello", "KEY_UNKNOWN", "no key in a known format", "PEM text"],
  ["PuTTY-User-Key-File-3: ssh-rsa\n", "KEY_UNKNOWN", "a key of PuTTY", "puttygen FILE"],
  [
    "-----BEGIN PGP MESSAGE-----\n",
    "KEY_UNKNOWN",
    "no key in a known format",
    "BEGIN PRIVATE KEY",
  ],
];

Deno.test("readKey() says what each unusable file is, and what to do", async () => {
  for (const [text, code, why, hint] of REFUSED) {
    const error = await refusal(bytes(text));
    assertEquals(error.code, code, text.slice(0, 60));
    assertStringIncludes(error.message, why);
    assertStringIncludes(error.hint, hint);
  }
});

Deno.test("readKey() accepts 2048 to 4096 bits, odd exponents from 3, and two primes", async () => {
  const spki = (bytes: number, exponent: number[]) =>
    encodeSpki({ modulus: new Uint8Array(bytes).fill(0xff), exponent: new Uint8Array(exponent) });
  for (const [bytes, exponent] of [[256, [3]], [512, [1, 0, 1]]] as const) {
    assertEquals((await readKey(spki(bytes, [...exponent]))).modulusBits, bytes * 8);
  }
  const codes: Record<string, Uint8Array<ArrayBuffer>[]> = {
    KEY_TOO_SMALL: [spki(255, [1, 0, 1])],
    KEY_TOO_LARGE: [spki(513, [1, 0, 1])],
    KEY_EXPONENT: [spki(256, [1]), spki(256, [0]), spki(256, [4]), spki(256, [9, 0, 0, 0, 1])],
    KEY_NOT_RSA: [der(key.pkcs1)],
  };
  // The version says that more primes follow.
  codes.KEY_NOT_RSA![0]![6] = 1;
  for (const [code, contents] of Object.entries(codes)) {
    for (const content of contents) assertEquals((await refusal(content)).code, code);
  }
});

Deno.test("readKey() reads every file that is cut or changed anywhere without another error", async () => {
  for (const [, , content] of FORMS) {
    const step = content.length > 1000 ? 13 : 5;
    for (let at = 0; at < content.length; at += step) {
      // Whatever it is taken for, nothing but a KeyFileError may come out.
      const changed = content.slice();
      changed[at]! ^= 0x81;
      for (const broken of [content.slice(0, at), changed]) {
        try {
          assert((await readKey(broken)).modulusBits >= 2048);
        } catch (error) {
          if (!(error instanceof KeyFileError)) throw error;
        }
      }
    }
  }
});

/** A text in UTF-16, with a byte order mark or without. */
function utf16(text: string, littleEndian: boolean, mark: string): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(2 * (text.length + mark.length)));
  for (const [i, character] of [...mark + text].entries()) {
    view.setUint16(2 * i, character.charCodeAt(0), littleEndian);
  }
  return new Uint8Array(view.buffer);
}

Deno.test("readKey() names text in UTF-16", async () => {
  for (const littleEndian of [true, false]) {
    for (const mark of ["\ufeff", ""]) {
      const error = await refusal(utf16(key.pkcs8, littleEndian, mark));
      assertEquals(error.code, "KEY_UNKNOWN");
      assertStringIncludes(error.message, "UTF-16");
    }
  }
});

Deno.test("readKey() prefers the private key of a file, and a key to a certificate", async () => {
  const { certificate, request } = refused;
  for (
    const [text, kind, format] of [
      [key.spki + key.pkcs1, "private", "PKCS#1 PEM"],
      [certificate + key.pkcs8, "private", "PKCS#8 PEM"],
      [request + certificate + key.spki, "public", "SPKI PEM"],
      [request + certificate, "public", "certificate PEM"],
    ] as const
  ) {
    const read = await readKey(bytes(text));
    assertEquals([read.kind, read.format], [kind, format]);
  }
});

Deno.test("readKey() recovers the primes of a JWK with n, e and d alone", async () => {
  const { n, e, d } = key.jwk;
  const read = await readKey(bytes(JSON.stringify({ kty: "RSA", n, e, d })));
  assertEquals([read.kind, read.format], ["private", "JWK"]);
  const { p, q } = await crypto.subtle.exportKey(
    "jwk",
    await crypto.subtle.importKey(
      "pkcs8",
      read.pkcs8!,
      { name: "RSA-PSS", hash: "SHA-256" },
      true,
      [
        "sign",
      ],
    ),
  );
  assertEquals([p, q].sort(), [key.jwk.p, key.jwk.q].sort());
  await useKey(read);
  const wrong = JSON.stringify({
    kty: "RSA",
    n,
    e,
    d: d.replace(/^./, (one) => one === "A" ? "B" : "A"),
  });
  assertEquals((await refusal(bytes(wrong))).code, "KEY_DAMAGED");
  const more = JSON.stringify({ ...key.jwk, oth: [{ r: "AQ", d: "AQ", t: "AQ" }] });
  assertEquals((await refusal(bytes(more))).code, "KEY_NOT_RSA");
});

Deno.test("readKey() reads the RSA key of a JWK set, the one with a kid if there are several", async () => {
  const ec = { kty: "EC", crv: "P-256", kid: "ec" };
  const one = { ...JSON.parse(PUBLIC_JWK), kid: "one" };
  const two = { ...key.jwk, kid: "two" };
  const set = (...keys: unknown[]) => bytes(JSON.stringify({ keys }));
  assertEquals((await readKey(set(ec, one, null, "x"))).kind, "public");
  assertEquals((await readKey(set(ec, one, two), { kid: "two" })).kind, "private");
  const several = await refusal(set(one, ec, two));
  assertEquals(several.code, "KEY_SEVERAL");
  assertStringIncludes(several.message, '2 RSA keys: "one", "two"');
  const absent = await assertRejects(() => readKey(set(one, two), { kid: "ec" }), KeyFileError);
  assertStringIncludes(absent.message, 'no RSA key with that "kid"; it has "one", "two"');
  assertEquals((await refusal(set(ec))).code, "KEY_UNKNOWN");
});

Deno.test("a key with the object identifier of RSASSA-PSS signs and verifies, and does not encrypt", async () => {
  const read = await readKey(bytes(refused.pssOnly));
  assertEquals(read.pss, { minSaltBytes: 0 });
  const document = bytes("a document");
  assert(await verifyDocument(read, await signDocument(read, document), document));
  for (const use of ["oaep", "oaep1"] as const) {
    for (const attempt of [publicKeyOf, privateKeyOf]) {
      const error = await assertRejects(() => attempt(read, use), KeyFileError);
      assertEquals(error.code, "KEY_PSS");
    }
  }
  const limited = { ...read, pss: { hash: "SHA-256", maskHash: "SHA-256", minSaltBytes: 33 } };
  const short = await assertRejects(() => publicKeyOf(limited, "pss256"), KeyFileError);
  assertStringIncludes(short.message, "salts of at least 33 bytes, not of 32");
  const other = await assertRejects(() => publicKeyOf(limited, "pss512"), KeyFileError);
  assertStringIncludes(other.message, "signatures with SHA-256 alone, not with SHA-512");
});

Deno.test("privateKeyOf() needs a private key, and says so", async () => {
  const publicKey = await readKey(bytes(key.spki));
  const error = await assertRejects(() => privateKeyOf(publicKey, "oaep"), KeyFileError);
  assertEquals(error.code, "KEY_PUBLIC");
  const { algorithm } = await publicKeyOf(publicKey, "pss512");
  assertEquals(algorithm.name, "RSA-PSS");
});

/** Uses a key in every way that it can be used. */
async function useKey(key: RsaKey): Promise<void> {
  const document = bytes("a document");
  await verifyDocument(key, new Uint8Array(Math.ceil(key.modulusBits / 8)), document);
  const block = await encryptBlock(key, document);
  if (key.kind === "public") return;
  assertEquals(await decryptBlock(key, block), document);
  assert(await verifyDocument(key, await signDocument(key, document), document));
}

Deno.test("readKey() refuses a key with a bit flipped, or the key works", async () => {
  const outcomes = { refused: 0, works: 0 };
  for (const [form, step] of [[key.spki, 1], [key.pkcs1Public, 7], [key.pkcs8, 31]] as const) {
    const content = der(form);
    for (let bit = 0; bit < 8 * content.length; bit += step) {
      const flipped = content.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      let read: RsaKey;
      try {
        read = await readKey(flipped);
      } catch (error) {
        if (!(error instanceof KeyFileError)) throw error;
        outcomes.refused += 1;
        continue;
      }
      await useKey(read);
      outcomes.works += 1;
    }
  }
  assert(outcomes.refused > 0 && outcomes.works > 0);
});

/** Where numbers of a PKCS#8 key of 2048 bits lie. */
const NUMBERS = { modulus: 200, privateExponent: 450, prime: 600 } as const;
/** Where the modulus of a PKCS#1 private key of 2048 bits ends. */
const MODULUS_END = 267;

Deno.test("readKey() refuses a damaged private key, and an even modulus in every form, as damaged", async () => {
  for (const [name, at] of Object.entries(NUMBERS)) {
    const content = der(key.pkcs8);
    content[at]! ^= 1;
    assertEquals((await refusal(content)).code, "KEY_DAMAGED", name);
  }
  const read = await readKey(bytes(key.spki));
  const modulus = read.spki.slice(-261, -5);
  modulus[255]! ^= 1;
  const exponent = new Uint8Array([1, 0, 1]);
  const even = encodeBase64Url(modulus);
  for (
    const content of [
      encodeSpki({ modulus, exponent }),
      der(key.pkcs1).map((byte, i) => i === MODULUS_END ? byte ^ 1 : byte),
      bytes(JSON.stringify({ kty: "RSA", n: even, e: "AQAB" })),
      bytes(JSON.stringify({ ...key.jwk, n: even })),
    ]
  ) {
    assertEquals((await refusal(content)).code, "KEY_DAMAGED");
  }
});

Deno.test("a key under PKCS#12's encryption may ask for 300,000 rounds, which take seconds, and for no more", () => {
  const open = (rounds: bigint) => {
    const salt = encodeDer(TAG.octetString, new Uint8Array(8));
    const parameters = encodeDer(TAG.sequence, salt, derUnsigned(numberBytes(rounds)));
    const scheme = derIdentifier("1.2.840.113549.1.12.1.3");
    const algorithm = new DerReader(encodeDer(TAG.sequence, scheme, parameters)).sequence();
    return openerOfPkcs8({ algorithm, sealed: new Uint8Array(64) });
  };
  open(300_000n);
  const { code, message } = assertThrows(() => open(300_001n), KeyFileError);
  assertEquals([code, message.includes("a key derivation of 300001 rounds")], ["KEY_CIPHER", true]);
});
