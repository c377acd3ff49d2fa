// needs: net run=openssl,ssh-keygen read=tests/scratch write=tests/scratch (about 40 s)

/**
 * Key files that openssl and ssh-keygen make, in every format, cipher and size: each is read as openssl reads it, or
 * refused for the true reason.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { inspectKey, KeyFileError, readKey, type ReadKeyOptions } from "../../lib/rsa.ts";
import { granted } from "../fixtures/granted.ts";
import { openssl } from "../fixtures/openssl.ts";
import { Scratch } from "../fixtures/scratch.ts";
import { sshKeygen } from "../fixtures/ssh_keygen.ts";

const ignore = !granted(
  "run=openssl,ssh-keygen",
  "read=tests/scratch",
  "write=tests/scratch",
);

const PASSPHRASE = "päss wörd";
const WITH: ReadKeyOptions = {
  passphrase: () => Promise.resolve(new TextEncoder().encode(PASSPHRASE)),
};
const WRONG: ReadKeyOptions = {
  passphrase: () => Promise.resolve(new TextEncoder().encode("pass word")),
};
const decoder = new TextDecoder();

/** A directory for a corpus, with the passphrase in a file. */
class Corpus implements AsyncDisposable {
  private constructor(readonly scratch: Scratch) {}

  static async make(): Promise<Corpus> {
    const scratch = await Scratch.make();
    await scratch.write("pass", `${PASSPHRASE}\n`);
    return new Corpus(scratch);
  }

  /** Runs openssl. `PASS` in the arguments stands for the file with the passphrase. */
  ssl(args: string): Promise<Uint8Array> {
    return openssl(this.scratch.path, args.replaceAll("PASS", "file:pass"));
  }

  ssh(...args: readonly string[]): Promise<Uint8Array> {
    return sshKeygen(this.scratch.path, args);
  }

  bytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return Deno.readFile(this.scratch.file(name));
  }

  /** Reads a file, and compares it with the public key that openssl reads of another. */
  async reads(name: string, spki: Uint8Array, format: string): Promise<void> {
    const key = await readKey(await this.bytes(name), WITH).catch((error) => {
      throw new Error(`${name}: ${error.message}`, { cause: error });
    });
    assertEquals(key.format, format, name);
    assertEquals(key.spki, new Uint8Array(spki), name);
    if (format.endsWith("encrypted")) await this.refuses(name, "KEY_PASSPHRASE", "", WRONG);
  }

  async refuses(
    name: string,
    code: string,
    why: string,
    options: ReadKeyOptions = WITH,
  ): Promise<void> {
    const content = await this.bytes(name);
    const error = await assertRejects(() => readKey(content, options), KeyFileError, "", name);
    assertEquals(error.code, code, `${name}: ${error.message}`);
    assertStringIncludes(error.message, why, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scratch[Symbol.asyncDispose]();
  }
}

function test(name: string, fn: (corpus: Corpus) => Promise<void>): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      await using corpus = await Corpus.make();
      await fn(corpus);
    },
  });
}

for (const bits of ["2048", "2049", "3072", "4096"]) {
  test(`a key of ${bits} bits is read from PKCS#8, PKCS#1 and SPKI, as PEM and as DER`, async (corpus) => {
    await corpus.ssl(`genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:${bits} -out key`);
    const spki = await corpus.ssl("pkey -in key -pubout -outform DER");
    const files = [
      ["PKCS#8", "pkcs8 -topk8 -nocrypt -in key"],
      ["PKCS#1", "rsa -traditional -in key"],
      ["SPKI", "rsa -pubout -in key"],
      ["PKCS#1", "rsa -RSAPublicKey_out -in key"],
    ] as const;
    for (const [format, args] of files) {
      for (const form of ["PEM", "DER"]) {
        await corpus.ssl(`${args} -outform ${form} -out file`);
        await corpus.reads("file", spki, `${format} ${form}`);
      }
    }
  });
}

test("keys that are too small or too large are refused, and shown by inspectKey()", async (corpus) => {
  for (
    const [bits, code] of [["1024", "KEY_TOO_SMALL"], ["512", "KEY_TOO_SMALL"], [
      "4104",
      "KEY_TOO_LARGE",
    ]]
  ) {
    await corpus.ssl(`genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:${bits} -out key`);
    await corpus.refuses("key", code!, `the key has ${bits} bits`);
    const { key, problems } = await inspectKey(await corpus.bytes("key"));
    assertEquals(key.modulusBits, Number(bits));
    assertEquals(key.spki, new Uint8Array(await corpus.ssl("pkey -in key -pubout -outform DER")));
    assertEquals(problems.map((one) => one.code), [code]);
  }
});

const CIPHERS = [
  ...["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des-ede3-cbc"],
];
const PRFS = [
  ...["hmacWithSHA1", "hmacWithSHA224", "hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512"],
  ...["hmacWithSHA512-224", "hmacWithSHA512-256"],
];

test("encrypted PKCS#8 is read with every cipher and key derivation, and refused without its passphrase", async (corpus) => {
  await corpus.ssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key");
  const spki = await corpus.ssl("pkey -in key -pubout -outform DER");
  const options = [
    ...CIPHERS.map((cipher) => `-v2 ${cipher}`),
    ...PRFS.map((prf) => `-v2 aes-256-cbc -v2prf ${prf}`),
    ...[
      "-v2 aes-256-cbc -iter 100000",
      "-v2 aes256 -scrypt",
      "-scrypt -scrypt_N 1024 -scrypt_r 4 -scrypt_p 3",
    ],
    ...["-v1 PBE-SHA1-3DES", "-v1 PBE-SHA1-2DES -provider legacy -provider default"],
  ];
  for (const option of options) {
    for (const form of ["PEM", "DER"]) {
      await corpus.ssl(
        `pkcs8 -topk8 -in key -passout PASS ${option} -outform ${form} -out ${form}`,
      );
      await corpus.reads(form, spki, `PKCS#8 ${form}, encrypted`);
    }
  }
  await corpus.refuses("PEM", "KEY_ENCRYPTED", "encrypted with a passphrase", {});
  await corpus.refuses("DER", "KEY_ENCRYPTED", "encrypted with a passphrase", {});
});

test("encryption that is not supported is refused by its name, before a passphrase is asked for", async (corpus) => {
  await corpus.ssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key");
  const legacy = "-provider legacy -provider default";
  const files = [
    [`pkcs8 -topk8 -v1 PBE-MD5-DES ${legacy}`, "PBE with MD5 and DES"],
    [`pkcs8 -topk8 -v1 PBE-SHA1-RC2-40 ${legacy}`, "PBE with SHA-1 and RC2 of 40 bits"],
    [`pkcs8 -topk8 -v1 PBE-SHA1-RC4-128 ${legacy}`, "PBE with SHA-1 and RC4 of 128 bits"],
    [`pkcs8 -topk8 -v2 des ${legacy}`, "DES-CBC"],
    ["pkcs8 -topk8 -v2 camellia-256-cbc", "CAMELLIA-256-CBC"],
    ["pkcs8 -topk8 -v2 aria-128-cbc", "ARIA-128-CBC"],
    ["rsa -traditional -camellia128", "CAMELLIA-128-CBC"],
    ["rsa -traditional -aria256", "ARIA-256-CBC"],
    [`rsa -traditional -des ${legacy}`, "DES-CBC"],
    [`rsa -traditional -seed ${legacy}`, "SEED-CBC"],
  ] as const;
  for (const [args, name] of files) {
    await corpus.ssl(`${args} -in key -passout PASS -out file`);
    const unasked = { passphrase: () => Promise.reject(new Error("a passphrase was asked for")) };
    await corpus.refuses("file", "KEY_CIPHER", `encrypted with ${name}, which is not`, unasked);
  }
});

test("traditional PEM encryption is read with every cipher", async (corpus) => {
  await corpus.ssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key");
  const spki = await corpus.ssl("pkey -in key -pubout -outform DER");
  for (const cipher of ["aes128", "aes192", "aes256", "des3"]) {
    await corpus.ssl(`rsa -traditional -${cipher} -in key -passout PASS -out file`);
    await corpus.reads("file", spki, "PKCS#1 PEM, encrypted");
  }
  const { scratch } = corpus;
  const text = await scratch.read("file");
  await scratch.write("comment", text.replace(/Proc-Type.*\nDEK-Info.*\n/, "Comment: mine\n"));
  await corpus.refuses(
    "comment",
    "KEY_DAMAGED",
    'PEM headers are not those of an encrypted key: "Comment"',
  );
  await scratch.write("iv", text.replace(/(DEK-Info: DES-EDE3-CBC,....).*/, "$1"));
  await corpus.refuses("iv", "KEY_DAMAGED", "its DEK-Info has no complete IV");
});

test("certificates and certificate requests are read as public keys, whatever their version", async (corpus) => {
  await corpus.ssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key");
  const spki = await corpus.ssl("pkey -in key -pubout -outform DER");
  await corpus.ssl("req -new -key key -subj /CN=test -out request");
  await corpus.ssl("req -x509 -key key -subj /CN=test/O=x -days 1 -out v3");
  await corpus.ssl("x509 -req -in request -signkey key -days 1 -out v1");
  for (const form of ["PEM", "DER"]) {
    await corpus.ssl(`req -in request -outform ${form} -out file`);
    await corpus.reads("file", spki, `certificate request ${form}`);
    for (const version of ["v1", "v3"]) {
      await corpus.ssl(`x509 -in ${version} -outform ${form} -out file`);
      await corpus.reads("file", spki, `certificate ${form}`);
    }
  }
  await corpus.ssl("x509 -in v3 -trustout -addtrust serverAuth -setalias mine -out file");
  await corpus.reads("file", spki, "certificate PEM");
});

test("files without an RSA key are named, as PEM and as DER", async (corpus) => {
  await corpus.ssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key");
  await corpus.ssl("req -x509 -key key -subj /CN=test -days 1 -out certificate");
  await corpus.ssl("ecparam -name prime256v1 -genkey -noout -out ec");
  await corpus.ssl("req -x509 -key ec -subj /CN=test -days 1 -out ec.certificate");
  await corpus.ssl("req -new -key ec -subj /CN=test -out ec.request");
  await corpus.ssl("genpkey -algorithm ED25519 -out ed25519");
  await corpus.ssl("genpkey -algorithm X448 -out x448");
  await corpus.ssl("dsaparam -genkey -noout -out dsa 1024");
  await corpus.ssl("genpkey -algorithm DH -pkeyopt group:ffdhe2048 -out dh");
  const files = [
    ["pkcs8 -topk8 -nocrypt -in ec", "KEY_NOT_RSA", "elliptic curves (EC)"],
    ["ec -in ec", "KEY_NOT_RSA", "elliptic curves (EC)"],
    ["ec -in ec -pubout", "KEY_NOT_RSA", "elliptic curves (EC)"],
    [
      "x509 -in ec.certificate",
      "KEY_NOT_RSA",
      "it is a certificate, and its key is not an RSA key but for elliptic",
    ],
    ["req -in ec.request", "KEY_NOT_RSA", "it is a certificate request, and its key is not"],
    ["pkey -in ed25519", "KEY_NOT_RSA", "Ed25519"],
    ["pkey -in ed25519 -pubout", "KEY_NOT_RSA", "Ed25519"],
    ["pkey -in x448", "KEY_NOT_RSA", "X448"],
    ["dsa -in dsa", "KEY_NOT_RSA", "DSA"],
    ["dsa -in dsa -pubout", "KEY_NOT_RSA", "DSA"],
    ["pkcs8 -topk8 -nocrypt -in dsa", "KEY_NOT_RSA", "DSA"],
    ["pkey -in dh", "KEY_NOT_RSA", "Diffie-Hellman"],
    ["crl2pkcs7 -nocrl -certfile certificate", "KEY_UNKNOWN", "it is a PKCS#7 file"],
  ] as const;
  for (const [args, code, why] of files) {
    for (const form of ["PEM", "DER"]) {
      await corpus.ssl(`${args} -outform ${form} -out file`);
      await corpus.refuses("file", code, why);
    }
  }
  await corpus.ssl("pkcs12 -export -inkey key -in certificate -passout PASS -out file");
  await corpus.refuses("file", "KEY_PKCS12", "it is a PKCS#12 file");
  await corpus.ssl("pkcs12 -export -nokeys -in certificate -passout PASS -out file");
  await corpus.refuses("file", "KEY_PKCS12", "it is a PKCS#12 file");
  await corpus.ssl(
    "genpkey -algorithm RSA -pkeyopt rsa_keygen_primes:3 -pkeyopt rsa_keygen_bits:2048 -out file",
  );
  await corpus.refuses("file", "KEY_NOT_RSA", "RSA with more than two primes");
});

const PSS_KEYS = [
  ["", { minSaltBytes: 0 }],
  ["-pkeyopt rsa_pss_keygen_md:sha256", { hash: "SHA-256", maskHash: "SHA-1", minSaltBytes: 20 }],
  [
    "-pkeyopt rsa_pss_keygen_md:sha512 -pkeyopt rsa_pss_keygen_mgf1_md:sha256 -pkeyopt rsa_pss_keygen_saltlen:20",
    { hash: "SHA-512", maskHash: "SHA-256", minSaltBytes: 20 },
  ],
  [
    "-pkeyopt rsa_pss_keygen_md:sha1 -pkeyopt rsa_pss_keygen_saltlen:0",
    { hash: "SHA-1", maskHash: "SHA-1", minSaltBytes: 0 },
  ],
  [
    "-pkeyopt rsa_pss_keygen_md:sha512-256 -pkeyopt rsa_pss_keygen_saltlen:1",
    { hash: "SHA-512/256", maskHash: "SHA-1", minSaltBytes: 1 },
  ],
] as const;

test("keys with the object identifier of RSASSA-PSS are read with what they are limited to", async (corpus) => {
  for (const [options, limits] of PSS_KEYS) {
    await corpus.ssl(
      `genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 ${options} -out key`.replace(
        "  ",
        " ",
      ),
    );
    // Without the object identifier: the numbers alone.
    await corpus.ssl("pkey -in key -pubout -out public");
    const text = decoder.decode(await corpus.ssl("pkey -in key -noout -text_pub"));
    const hex = /Modulus:([^E]*)Exponent/.exec(text)?.[1]?.replace(/[\s:]/g, "").replace(/^00/, "");
    for (const name of ["key", "public"]) {
      const key = await readKey(await corpus.bytes(name));
      assertEquals(key.pss, limits, options);
      assertEquals(key.spki.slice(-261, -5).toHex(), hex, options);
      assertEquals(key.kind, name === "key" ? "private" : "public");
    }
  }
});

const SSH_CIPHERS = [
  ...["aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes192-cbc", "aes256-cbc"],
  ...["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"],
];

test("OpenSSH keys are read: private with every cipher, public in three formats, certified", async (corpus) => {
  const { scratch } = corpus;
  await corpus.ssh("-q", "-t", "rsa", "-b", "2048", "-N", "", "-C", "ada@host", "-f", "key");
  await scratch.write("spki.pem", await corpus.ssh("-e", "-m", "PKCS8", "-f", "key"));
  const spki = await corpus.ssl("pkey -pubin -in spki.pem -pubout -outform DER");
  await corpus.reads("key", spki, "OpenSSH");
  await corpus.reads("key.pub", spki, "OpenSSH");
  await scratch.write(
    "authorized",
    `# mine\nno-pty,command="a b" ${await scratch.read("key.pub")}`,
  );
  await corpus.reads("authorized", spki, "OpenSSH");
  await scratch.write("ssh2", await corpus.ssh("-e", "-f", "key"));
  await corpus.reads("ssh2", spki, "SSH2");
  await scratch.write("pkcs1", await corpus.ssh("-e", "-m", "PEM", "-f", "key"));
  await corpus.reads("pkcs1", spki, "PKCS#1 PEM");
  await corpus.ssh("-q", "-s", "key", "-I", "ada", "-n", "ada", "key.pub");
  await corpus.reads("key-cert.pub", spki, "OpenSSH certificate");
  for (const cipher of SSH_CIPHERS) {
    await Deno.copyFile(scratch.file("key"), scratch.file("copy"));
    await corpus.ssh("-q", "-p", "-P", "", "-N", PASSPHRASE, "-Z", cipher, "-a", "4", "-f", "copy");
    await corpus.reads("copy", spki, "OpenSSH, encrypted");
  }
  await corpus.refuses("copy", "KEY_ENCRYPTED", "encrypted with a passphrase", {});
  for (
    const [cipher, name] of [["3des-cbc", "3des-cbc"], [
      "chacha20-poly1305@openssh.com",
      "chacha20",
    ]]
  ) {
    await Deno.copyFile(scratch.file("key"), scratch.file("copy"));
    await corpus.ssh(
      "-q",
      "-p",
      "-P",
      "",
      "-N",
      PASSPHRASE,
      "-Z",
      cipher!,
      "-a",
      "4",
      "-f",
      "copy",
    );
    await corpus.refuses("copy", "KEY_CIPHER", `encrypted with ${name}`);
  }
  for (const format of ["PEM", "PKCS8"]) {
    await Deno.copyFile(scratch.file("key"), scratch.file("copy"));
    await corpus.ssh("-q", "-p", "-P", "", "-N", PASSPHRASE, "-m", format, "-f", "copy");
    await corpus.reads("copy", spki, `${format === "PEM" ? "PKCS#1" : "PKCS#8"} PEM, encrypted`);
  }
  await corpus.ssh("-q", "-t", "ed25519", "-N", "", "-f", "other");
  await corpus.ssh("-q", "-t", "ecdsa", "-N", "", "-f", "ec");
  await corpus.refuses("other", "KEY_NOT_RSA", "a key for ed25519");
  await corpus.refuses("other.pub", "KEY_NOT_RSA", "a key for ed25519");
  await corpus.refuses("ec", "KEY_NOT_RSA", "a key for sha2-nistp256");
  await scratch.write("two", await scratch.read("key.pub") + await scratch.read("key.pub"));
  await corpus.refuses("two", "KEY_SEVERAL", "it has 2 public keys of OpenSSH");
});
