// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Bytes, MalformedError } from "../../../lib/base/bytes.ts";
import {
  checkCredential,
  CredentialError,
  makeCredential,
} from "../../../lib/chat/identity/credential.ts";
import {
  CREDENTIAL_LIFE_MS,
  importSigningKey,
  sign,
  verify,
} from "../../../lib/chat/identity/signing.ts";
import { lookAlike, normalizeName } from "../../../lib/chat/identity/name.ts";
import { exportSpki, importSpki, RsaKeyError } from "../../../lib/rsa.ts";
import { credentialWith } from "../crafted_credential.ts";
import { pooledKeys } from "../keys.ts";

const NOW = 1_700_000_000_000;

async function credential() {
  return await makeCredential("ada", await pooledKeys(0), NOW + 1000);
}

Deno.test("a credential that was made holds, and says what was put into it", async () => {
  const made = await credential();
  const { keys: _, ...expected } = made;
  const checked = await checkCredential(made.bytes, NOW);
  assertEquals(checked.name, "ada");
  assertEquals(checked.member, expected.member);
  assertEquals(checked.fingerprint, expected.fingerprint);
  assertEquals([checked.key, checked.expiresAt], [expected.key, NOW + 1000]);
});

Deno.test("a credential with a changed byte is not valid", async () => {
  const { bytes } = await credential();
  // Every field and both signatures; every byte would take a minute.
  for (let at = 0; at < bytes.length; at += 13) {
    const changed = bytes.slice();
    changed[at] = changed[at]! ^ 1;
    await assertRejects(() => checkCredential(changed, NOW), CredentialError);
  }
  await assertRejects(() => checkCredential(bytes.slice(0, -1), NOW), CredentialError);
  await assertRejects(() => checkCredential(new Uint8Array([...bytes, 0]), NOW), CredentialError);
});

Deno.test("a credential is valid for at most 24 hours and five minutes", async () => {
  const keys = await pooledKeys(0);
  const skew = 5 * 60 * 1000;
  const day = await makeCredential("ada", keys, NOW + CREDENTIAL_LIFE_MS);
  await checkCredential(day.bytes, NOW);
  await checkCredential(day.bytes, NOW + CREDENTIAL_LIFE_MS + skew);
  const late = () => checkCredential(day.bytes, NOW + CREDENTIAL_LIFE_MS + skew + 1);
  assertEquals((await assertRejects(late, CredentialError)).code, "CREDENTIAL_EXPIRED");
  const early = () => checkCredential(day.bytes, NOW - skew - 1);
  assertEquals((await assertRejects(early, CredentialError)).code, "BAD_CREDENTIAL");
});

Deno.test("a credential with another member's signing key is invalid", async () => {
  const [ada, eve] = await Promise.all([pooledKeys(0), pooledKeys(5)]);
  // eve claims ada's signing key, which only ada can prove to have.
  const claimed = { ...eve, signing: { ...eve.signing, publicKey: ada.signing.publicKey } };
  const made = await makeCredential("eve", claimed, NOW + 1000);
  await assertRejects(() => checkCredential(made.bytes, NOW), CredentialError);
});

Deno.test("a credential of another version or with a name that is not in NFKC is invalid, even if its keys signed it", async () => {
  const keys = await pooledKeys(0);
  await checkCredential(await credentialWith({}, keys), NOW);
  for (const fields of [{ version: 0 }, { version: 2 }, { name: "ｂｏ" }]) {
    const bytes = await credentialWith(fields, keys);
    const refused = await assertRejects(() => checkCredential(bytes, NOW), CredentialError);
    assertEquals(refused.code, "BAD_CREDENTIAL", JSON.stringify(fields));
  }
});

function littleEndian(value: bigint): Bytes {
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 255n);
  return bytes;
}

Deno.test("signing keys of small order are refused, which the runtime itself would take", async () => {
  // The all-zero signature scalar with R = identity holds under the identity key for any message.
  const identity = littleEndian(1n);
  const key = await crypto.subtle.importKey("raw", identity, { name: "Ed25519" }, true, ["verify"]);
  const forged = new Uint8Array([...identity, ...new Uint8Array(32)]);
  const runtimeTakesIt = await verify(key, forged, new TextEncoder().encode("anything"));
  assertEquals(runtimeTakesIt, true);
  const p = (1n << 255n) - 19n;
  const order8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
  const points = [0n, 1n, order8, p - order8, p - 1n, p, p + 1n];
  for (const y of points) {
    for (const signBit of [0n, 1n << 255n]) {
      await assertRejects(() => importSigningKey(littleEndian(y | signBit)), MalformedError);
    }
  }
});

Deno.test("signing keys that were made are taken", async () => {
  const { signing } = await pooledKeys(0);
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", signing.publicKey));
  const message = new Uint8Array([1, 2, 3]);
  const signature = await sign(signing.privateKey, message);
  assertEquals(await verify(await importSigningKey(raw), signature, message), true);
});

async function spkiOf(bits: number, exponent: number[]): Promise<Bytes> {
  const pair = await crypto.subtle.generateKey(
    {
      name: "RSA-PSS",
      hash: "SHA-512",
      modulusLength: bits,
      publicExponent: new Uint8Array(exponent),
    },
    true,
    ["sign", "verify"],
  );
  return await exportSpki(pair.publicKey);
}

Deno.test("RSA keys are taken from 2048 to 4096 bits with the exponent 65537, in one encoding", async () => {
  const { identity } = await pooledKeys(0);
  const spki = await exportSpki(identity.publicKey);
  await importSpki(spki, "sign");
  await assertRejects(() => importSpki(new Uint8Array([...spki, 0]), "sign"), RsaKeyError);
  await assertRejects(() => importSpki(spki.slice(0, -1), "sign"), RsaKeyError);
  await assertRejects(async () => importSpki(await spkiOf(1024, [1, 0, 1]), "sign"), RsaKeyError);
  await assertRejects(async () => importSpki(await spkiOf(2048, [3]), "sign"), RsaKeyError);
});

Deno.test("names: what may be one", () => {
  for (const name of ["a", "ada", "小明", "Zoë", "x".repeat(32), "a🙂"]) {
    assertEquals(normalizeName(name), name.normalize("NFKC"));
  }
  assertEquals(normalizeName("ｂｏ"), "bo");
});

Deno.test("a name has letters of one script, or of Latin and one script that does not look like Latin", () => {
  const one = [
    "Łukasz",
    "Nguyễn",
    "Ян",
    "Μαρία",
    "Կարեն",
    "أحمد",
    "דוד",
    "नेहा",
    "สมชาย",
    "김철수",
    "中村さん",
    "サトー",
    "7",
    "٣",
  ];
  const withLatin = ["ada中村", "Tanakaさん", "김Kim", "Ахмед1", "احمدX", "Сергей-2"];
  for (const name of [...one, ...withLatin]) {
    assertEquals(normalizeName(name), name.normalize("NFKC"), name);
  }
  for (const name of ["yоu", "аda", "Жan", "Μaria", "Яן", "김さん", "ᎪᎠa", "адаבen"]) {
    assertThrows(() => normalizeName(name), MalformedError, "letters of one script", name);
  }
});

Deno.test("a name starts with a letter or a digit and has at most two marks on a letter", () => {
  for (const name of ["*", ":", "-ada", "_", "🙂", "#bo", "\\bo", "!", "'a", "\u0301a"]) {
    assertThrows(
      () => normalizeName(name),
      MalformedError,
      "starts with a letter or a digit",
      name,
    );
  }
  for (const name of ["e\u0301\u0302", "ệ", "ผู้หญิง", "สิ่ง"]) normalizeName(name);
  for (
    const name of [
      "e\u0301\u0302\u0303",
      "ệ\u0301",
      `a${"\u0300".repeat(31)}`,
      "ก\u0e49\u0e49\u0e49",
    ]
  ) {
    assertThrows(() => normalizeName(name), MalformedError, "2 marks on a letter", name);
  }
});

Deno.test("names that look alike are detected", () => {
  for (
    const [one, other] of [
      ["coco", "сосо"],
      ["Ian", "lan"],
      ["b0b", "bob"],
      ["BO", "bo"],
      [
        "tom",
        "torn",
      ],
      ["ivan", "i\u0307van"],
      ["jan", "j\u0307an"],
      ["İris", "iris"],
      ["įsa", "i\u0328\u0307sa"],
    ]
  ) {
    assert(lookAlike(one!, other!), `${one} ${other}`);
  }
  for (const [one, other] of [["ian", "lan"], ["ada", "adam"], ["a1", "a2"], ["山", "出"]]) {
    assert(!lookAlike(one!, other!), `${one} ${other}`);
  }
});

Deno.test("the tables of names are those of the Unicode version that the protocol names", async () => {
  const { UNICODE_VERSION } = await import("../../../lib/chat/identity/name_tables.ts");
  assertEquals(UNICODE_VERSION, "15.0");
  // Assigned in Unicode 16.0: whoever's runtime knows it refuses it all the same.
  assertThrows(() => normalizeName("a\u1c89"), MalformedError, "a name has no");
});

Deno.test("names: what may not be one", () => {
  const refused = {
    nothing: "",
    "33 characters": "x".repeat(33),
    "a line feed": "a\nb",
    "an escape sequence": "\x1b[31mred",
    "a C1 control": "a\u009bb",
    "a bidirectional override": "a\u202eb",
    "an isolate": "a\u2066b",
    "a zero-width joiner": "a\u200db",
    "a space": "a b",
    "a no-break space": "a\u00a0b",
    "a line separator": "a\u2028b",
    "a tag character": "a\u{e0041}b",
    "a Hangul filler": "a\u3164b",
    "a lone surrogate": "a\ud800b",
    "a leading combining mark": "\u0301a",
    "what a screen calls oneself": "Ｙou",
    "what looks like that": "y0u",
    "a letter that shows as blank": "bo\u{13441}",
    "a mark that shows as blank": "bo\u{16fe4}",
    "a note that shows as blank": "bo\u{1d159}",
    "what expands past the bound": "\ufdfa".repeat(2),
  };
  for (const [what, name] of Object.entries(refused)) {
    assertThrows(() => normalizeName(name), MalformedError, "a name ", what);
  }
});
