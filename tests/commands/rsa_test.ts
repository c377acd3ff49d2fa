// needs: net run=deno,openssl read=tests/scratch write=tests/scratch (about 20 s)

/**
 * `parley rsa` as a process, with files.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { decodeBase64 } from "@std/encoding/base64";
import { granted } from "../fixtures/granted.ts";
import { HAS_OPENSSL, openssl } from "../fixtures/openssl.ts";
import { command, type Ended } from "../fixtures/parley.ts";
import { MAY_WRITE, Scratch } from "../fixtures/scratch.ts";
import vectors from "../vectors/rsa.json" with { type: "json" };

const ignore = !MAY_WRITE || !granted("run=deno");
const FLAGS = ["--allow-read", "--allow-write"];
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface RsaEnded extends Ended {
  readonly bytes: Uint8Array;
}

/** Runs `parley rsa` in a directory, with bytes at its standard input. */
async function rsa(
  { path }: Scratch,
  args: readonly string[],
  input: string | Uint8Array = "",
  flags: readonly string[] = FLAGS,
): Promise<RsaEnded> {
  const here = args.map((arg) => arg.startsWith("./") ? path + arg.slice(1) : arg);
  const child = command(["rsa", ...here], flags, { stdin: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  // Not every command reads it.
  await writer.write(typeof input === "string" ? encoder.encode(input) : input).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  return { code, bytes: stdout, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A directory with the vectors' key: key.pem and key.pem.pub. */
async function withKey(): Promise<Scratch> {
  const scratch = await Scratch.make();
  await scratch.write("key.pem", vectors.key.pkcs8);
  await scratch.write("key.pem.pub", vectors.key.spki);
  return scratch;
}

const FINGERPRINT = `SHA256:${vectors.key.spkiSha256.replace("=", "")}`;

Deno.test({
  name: "rsa keygen writes a private key with mode 0600 and its public key, and says nothing else",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const { code, stdout, stderr } = await rsa(scratch, ["keygen", "--bits", "2048", "-o", "./k"]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^SHA256:[A-Za-z0-9+/]{43}\n$/);
    assertEquals(await scratch.names(), ["k", "k.pub"]);
    assertEquals((await Deno.stat(scratch.file("k"))).mode! & 0o777, 0o600);
    for (const file of ["./k", "./k.pub"]) {
      assertEquals((await rsa(scratch, ["fingerprint", file])).stdout, stdout);
    }
    const { stdout: shown } = await rsa(scratch, ["inspect", "--json", "./k"]);
    assertEquals(JSON.parse(shown), {
      kind: "private",
      format: "PKCS#8 PEM",
      bits: 2048,
      exponent: 65537,
      fingerprint: stdout.trim(),
      problems: [],
    });
  },
});

Deno.test({
  name: "rsa keygen overwrites neither file without --force, and both with it",
  ignore,
  async fn() {
    for (const taken of ["k", "k.pub"]) {
      await using scratch = await Scratch.make();
      await scratch.write(taken, "mine");
      const args = ["keygen", "--bits", "2048", "-o", "./k"];
      const { code, stderr } = await rsa(scratch, args);
      assertEquals(code, 1);
      assertStringIncludes(
        stderr,
        "it exists already (EEXIST)\nhint: choose another name, or replace it with --force\n",
      );
      assertEquals(await scratch.names(), [taken]);
      assertEquals(await Deno.readTextFile(scratch.file(taken)), "mine");
      assertEquals((await rsa(scratch, [...args, "--force"])).code, 0);
      assertEquals(await scratch.names(), ["k", "k.pub"]);
      assertEquals((await Deno.stat(scratch.file("k"))).mode! & 0o777, 0o600);
    }
  },
});

Deno.test({
  name: "rsa keygen without -o needs no permission, and prints both keys",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const { code, stdout, stderr } = await rsa(scratch, ["keygen", "--bits", "2048"], "", []);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^-----BEGIN PRIVATE KEY-----\n[^-]+-----END PRIVATE KEY-----\n/);
    assertMatch(stdout, /-----BEGIN PUBLIC KEY-----\n[^-]+-----END PUBLIC KEY-----\n$/);
    const refused = await rsa(scratch, ["keygen", "-o", "./k"], "", []);
    assertStringIncludes(
      refused.stderr,
      "(NOT_PERMITTED)\nhint: use deno task rsa keygen …, or run again with --allow-read --allow-write\n",
    );
    const small = await rsa(scratch, ["keygen", "--bits", "1024"], "", []);
    assertEquals(small.code, 2);
  },
});

Deno.test({
  name: "rsa encrypt and decrypt go through pipes and files, of any size, whole or not at all",
  ignore,
  async fn() {
    await using scratch = await withKey();
    const piped = await rsa(scratch, ["encrypt", "--to", "./key.pem.pub"], "hello\n");
    assertMatch(piped.stdout, /^[\w-]+(\.[\w-]+){4}\n$/);
    const back = await rsa(scratch, ["decrypt", "--key", "./key.pem"], piped.stdout);
    assertEquals([back.code, back.stdout, back.stderr], [0, "hello\n", ""]);
    const large = new Uint8Array(20_000_000).map((_, i) => i * 31);
    await scratch.write("large", large);
    const args = ["encrypt", "--to", "./key.pem.pub", "-o", "./large.jwe", "./large"];
    const written = await rsa(scratch, args);
    assertEquals([written.code, written.stdout, written.stderr], [0, "", ""]);
    const again = await rsa(scratch, args);
    assertEquals(again.code, 1);
    assertStringIncludes(again.stderr, "(EEXIST)");
    assertEquals((await rsa(scratch, [...args, "--force"])).code, 0);
    const opened = ["decrypt", "--key", "./key.pem", "-o", "./copy", "./large.jwe"];
    assertEquals((await rsa(scratch, opened)).code, 0);
    assertEquals(await Deno.readFile(scratch.file("copy")), large);
    assertEquals(await scratch.names(), ["copy", "key.pem", "key.pem.pub", "large", "large.jwe"]);
  },
});

Deno.test({
  name: "every failed decryption ends alike: 1, nothing on stdout, the same line, no file",
  ignore,
  async fn() {
    await using scratch = await withKey();
    const raw = decodeBase64(vectors.raw);
    const cases: readonly (readonly [string[], string | Uint8Array])[] = [
      [[], ""],
      [[], "no JWE"],
      [[], vectors.jwe.replace(/.(?=.{9}$)/, (one) => one === "A" ? "B" : "A")],
      [[], vectors.jwe.slice(0, -10)],
      [[], raw],
      [["--raw"], ""],
      [["--raw"], raw.slice(1)],
      [["--raw"], raw.map((byte) => byte ^ 1)],
      [["--raw"], vectors.jwe],
    ];
    const said = new Set<string>();
    for (const [flags, input] of cases) {
      const args = ["decrypt", "--key", "./key.pem", "-o", "./out", ...flags];
      const { code, stdout, stderr } = await rsa(scratch, args, input);
      assertEquals([code, stdout], [1, ""]);
      said.add(stderr);
    }
    const why = "the message is damaged, or is for another key or another format";
    const hint = "check the key, and whether the message was encrypted with --raw";
    assertEquals([...said], [`parley: cannot decrypt: ${why} (DECRYPT_FAILED)\nhint: ${hint}\n`]);
    assertEquals(await scratch.names(), ["key.pem", "key.pem.pub"]);
  },
});

Deno.test({
  name: "rsa encrypt --raw names the limit of what is too long",
  ignore,
  async fn() {
    await using scratch = await withKey();
    const args = ["encrypt", "--to", "./key.pem.pub", "--raw"];
    assertEquals((await rsa(scratch, args, "x".repeat(190))).bytes.length, 256);
    const { code, stderr } = await rsa(scratch, args, "x".repeat(191));
    assertEquals(code, 1);
    const why = "it has 191 bytes, and at most 190 fit (MESSAGE_TOO_LONG)";
    assertStringIncludes(stderr, `parley: cannot encrypt: ${why}\nhint: one block holds at most`);
  },
});

Deno.test({
  name: "rsa sign and verify agree, and a wrong signature ends with 1",
  ignore,
  async fn() {
    await using scratch = await withKey();
    await scratch.write("text", vectors.text);
    await scratch.write("vector.sig", decodeBase64(vectors.signature));
    await scratch.write("sha512.sig", decodeBase64(vectors.sha512Signature));
    const signing = ["sign", "--key", "./key.pem", "-o", "./own.sig", "./text"];
    assertEquals((await rsa(scratch, signing)).code, 0);
    const verify = (signature: string, input: string) =>
      rsa(scratch, ["verify", "--key", "./key.pem.pub", "--signature", signature], input);
    const pkcs1 = ["--padding", "pkcs1", "--hash", "sha384", "-o", "./pkcs1.sig"];
    assertEquals((await rsa(scratch, ["sign", "--key", "./key.pem", ...pkcs1, "./text"])).code, 0);
    const salted = ["--hash", "sha512", "--salt", "7", "-o", "./salted.sig", "-"];
    assertEquals(
      (await rsa(scratch, ["sign", "--key", "./key.pem", ...salted], vectors.text)).code,
      0,
    );
    for (
      const [signature, kind] of [
        ["./own.sig", "RSASSA-PSS with SHA-256 and a salt of 32 bytes"],
        ["./vector.sig", "RSASSA-PSS with SHA-256 and a salt of 32 bytes"],
        ["./sha512.sig", "RSASSA-PSS with SHA-512 and a salt of 64 bytes"],
        ["./pkcs1.sig", "PKCS#1 v1.5 with SHA-384"],
        ["./salted.sig", "RSASSA-PSS with SHA-512 and a salt of 7 bytes"],
      ]
    ) {
      const { code, stdout } = await verify(signature!, vectors.text);
      assertEquals([code, stdout], [0, `signed by ${FINGERPRINT} (${kind})\n`]);
    }
    for (
      const [signature, why] of [
        ["./own.sig", "the signature does not belong to this key and this document"],
        ["./pkcs1.sig", "the key made the signature, but for another document"],
        ["./text", "the signature has 41 bytes, and those of this key have 256"],
      ]
    ) {
      const { code, stdout, stderr } = await verify(signature!, "other");
      assertEquals([code, stdout], [1, ""]);
      assertStringIncludes(stderr, `parley: cannot verify: ${why} (BAD_SIGNATURE)\nhint: `);
    }
    for (const options of [["--padding", "pkcs1", "--salt", "3"], ["--salt", "223"]]) {
      const { code, stderr } = await rsa(scratch, ["sign", "--key", "./key.pem", ...options]);
      assertEquals(code, 2);
      assertStringIncludes(stderr, "parley: --salt: ");
    }
  },
});

Deno.test({
  name: "rsa inspect shows kind, bits, exponent and fingerprint for people too",
  ignore,
  async fn() {
    await using scratch = await withKey();
    await scratch.write("pkcs1.pub", vectors.key.pkcs1Public);
    const { stdout } = await rsa(scratch, ["inspect", "./pkcs1.pub"]);
    assertEquals(
      stdout,
      "kind         RSA public key, PKCS#1 PEM\nmodulus      2048 bits\n" +
        `exponent     65537\nfingerprint  ${FINGERPRINT}\n`,
    );
  },
});

Deno.test({
  name: "the failure of an unusable key file names the file, and what to do about it",
  ignore,
  async fn() {
    await using scratch = await withKey();
    const { refused } = vectors;
    const files = {
      "empty.pem": ["", "KEY_EMPTY", "parley rsa keygen"],
      "small.pem": [refused.small, "KEY_TOO_SMALL", "parley rsa keygen"],
      "seed.pem": [
        refused.encryptedPkcs1.replace("AES-256-CBC", "SEED-CBC"),
        "KEY_CIPHER",
        "openssl pkcs8 -topk8 -in NAME > NEW_KEY",
      ],
      "ec.pem": [refused.ec, "KEY_NOT_RSA", "parley rsa keygen"],
      "cut.pem": [vectors.key.pkcs8.slice(0, 300), "KEY_DAMAGED", "copy the whole file again"],
    };
    for (const [name, [content, code, hint]] of Object.entries(files)) {
      const path = await scratch.write(name, content!);
      const ended = await rsa(scratch, ["fingerprint", path]);
      assertEquals([ended.code, ended.stdout], [1, ""]);
      const [line, advice, ...rest] = ended.stderr.trimEnd().split("\n");
      assert(line!.startsWith(`parley: cannot use the key ${path}: `), line);
      assert(line!.endsWith(`(${code})`), line);
      assertStringIncludes(advice!, hint!.replace("NAME", path));
      assertEquals(rest, []);
    }
    const absent = await rsa(scratch, ["inspect", "./absent"]);
    assertStringIncludes(absent.stderr, "there is no such file or directory (ENOENT)");
    const directory = await rsa(scratch, ["encrypt", "--to", "./key.pem.pub", "-o", scratch.path]);
    assertStringIncludes(
      directory.stderr,
      "it is a directory (NOT_A_FILE)\nhint: name a file in it",
    );
    const publicOnly = await rsa(scratch, ["sign", "--key", "./key.pem.pub"], "x");
    assertStringIncludes(publicOnly.stderr, "a private key is needed (KEY_PUBLIC)");
  },
});

Deno.test({
  name: "every command takes the passphrase of a key from a file, and shows it nowhere",
  ignore,
  async fn() {
    await using scratch = await withKey();
    await scratch.write("sealed.pem", vectors.refused.encryptedPkcs8);
    await scratch.write("pass", "test\r\nsecond line\n");
    await scratch.write("wrong", "t3st");
    const encrypted = await rsa(scratch, ["encrypt", "--to", "./key.pem.pub"], "hello");
    await scratch.write("letter", encrypted.stdout);
    const commands = [
      ["inspect", "./sealed.pem"],
      ["fingerprint", "./sealed.pem"],
      ["decrypt", "--key", "./sealed.pem", "./letter"],
      ["encrypt", "--to", "./sealed.pem", "./letter"],
      ["sign", "--key", "./sealed.pem", "-o", "-", "./letter"],
    ];
    for (const [i, command] of commands.entries()) {
      const right = await rsa(scratch, [...command, "--passphrase-file", "./pass"]);
      assertEquals([right.code, right.stderr], [0, ""], command[0]);
      // It works with the right passphrase: the other failures are the same for each command.
      if (i > 0) continue;
      assertStringIncludes(right.stdout, "private key, PKCS#8 PEM, encrypted\n");
      const wrong = await rsa(scratch, [...command, "--passphrase-file", "./wrong", "--debug"]);
      assertStringIncludes(wrong.stderr, "the passphrase is not the right one, or the file");
      assert(
        !/t3st|test\b(?!s)/.test(wrong.stderr.replaceAll(/tests\/|file:\S+/g, "")),
        wrong.stderr,
      );
      const files = [`--allow-read=${scratch.path}`];
      const unasked = await rsa(scratch, command, "", files);
      assertEquals(unasked.code, 1);
      const why =
        "standard input is not a terminal, and parley may not read /dev/tty (NO_TERMINAL)";
      assertStringIncludes(unasked.stderr, why);
      assertStringIncludes(
        unasked.stderr,
        "--allow-read=/dev/tty, or name a file with --passphrase-file",
      );
    }
  },
});

Deno.test({
  name: "rsa keygen --encrypt makes a key that openssl and parley read with its passphrase alone",
  ignore: ignore || !HAS_OPENSSL,
  async fn() {
    await using scratch = await Scratch.make();
    await scratch.write("pass", "correct horse\n");
    await scratch.write("empty", "\n");
    const args = ["keygen", "--bits", "2048", "--encrypt", "-o", "./k", "--passphrase-file"];
    const refused = await rsa(scratch, [...args, "./empty"]);
    assertStringIncludes(refused.stderr, "the passphrase is empty (PASSPHRASE)");
    assertEquals((await rsa(scratch, [...args, "./pass"])).code, 0);
    assertEquals((await Deno.stat(scratch.file("k"))).mode! & 0o777, 0o600);
    assertStringIncludes(await scratch.read("k"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
    const spki = await openssl(scratch.path, "pkey -in k -passin file:pass -pubout");
    assertEquals(spki, await Deno.readFile(scratch.file("k.pub")));
    const text = decoder.decode(await openssl(scratch.path, "asn1parse -in k"));
    for (const word of ["PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", ":0927C0"]) {
      assertStringIncludes(text, word);
    }
  },
});

Deno.test({
  name: "rsa inspect shows keys that are too weak or odd, and says what is wrong with them",
  ignore,
  async fn() {
    await using scratch = await withKey();
    await scratch.write("small.pem", vectors.refused.small);
    const small = await rsa(scratch, ["inspect", "./small.pem"]);
    assertEquals(small.code, 0);
    assertStringIncludes(small.stdout, "modulus      1024 bits\n");
    const why = "the key has 1024 bits; fewer than 2048 are not secure";
    assertStringIncludes(small.stdout, `\nproblem      ${why}\n`);
    const json = await rsa(scratch, ["inspect", "--json", "./small.pem"]);
    const { bits, problems } = JSON.parse(json.stdout);
    assertEquals([bits, problems], [1024, [{ code: "KEY_TOO_SMALL", message: why }]]);
    await scratch.write("pss.pem", vectors.refused.pssOnly);
    const pss = await rsa(scratch, ["inspect", "./pss.pem"]);
    assertStringIncludes(pss.stdout, "\nuse          RSASSA-PSS signatures alone\n");
  },
});

Deno.test({
  name: "rsa encrypt and decrypt refuse a file above their limit before they read it",
  ignore,
  async fn() {
    await using scratch = await withKey();
    await scratch.write("large", "");
    await Deno.truncate(scratch.file("large"), 1 << 30);
    for (
      const [args, what, most] of [
        [["encrypt", "--to", "./key.pem.pub"], "encrypt", 383 << 20],
        [["decrypt", "--key", "./key.pem"], "decrypt", 2 ** 29 - 24],
        [["decrypt", "--raw", "--key", "./key.pem"], "decrypt", 1 << 16],
      ] as const
    ) {
      const { code, stderr } = await rsa(scratch, [...args, "./large"]);
      assertEquals(code, 1);
      const why =
        `cannot ${what}: the input has more than ${most} bytes (MESSAGE_TOO_LONG)\nhint: `;
      assertStringIncludes(stderr, why);
    }
  },
});

Deno.test({
  name: "rsa decrypt opens a JWE of another algorithm, and names one that is not supported",
  ignore,
  async fn() {
    await using scratch = await withKey();
    const text = `${btoa('{"alg":"RSA1_5","enc":"A256GCM"}').replaceAll("=", "")}.AA.AA.AA.AA`;
    const { code, stderr } = await rsa(scratch, ["decrypt", "--key", "./key.pem"], text);
    assertEquals(code, 1);
    const why = 'the message needs the algorithm "RSA1_5", which is not supported';
    assertStringIncludes(stderr, `parley: cannot decrypt: ${why} (MESSAGE_UNSUPPORTED)\nhint: `);
  },
});

Deno.test({
  name: "--kid chooses the key of a JWK set",
  ignore,
  async fn() {
    await using scratch = await withKey();
    const keys = ["one", "two"].map((kid) => ({ ...vectors.key.jwk, kid }));
    await scratch.write("set", JSON.stringify({ keys }));
    const chosen = await rsa(scratch, ["fingerprint", "--kid", "two", "./set"]);
    assertEquals(chosen.stdout, `${FINGERPRINT}\n`);
    const { stderr } = await rsa(scratch, ["fingerprint", "./set"]);
    assertStringIncludes(stderr, 'it is a JWK set with 2 RSA keys: "one", "two" (KEY_SEVERAL)');
    assertStringIncludes(stderr, "hint: name one of them with --kid, or put one into a file");
  },
});

Deno.test({
  name: "an option that a command cannot do without is wrong usage",
  ignore,
  async fn() {
    await using scratch = await withKey();
    for (
      const [name, missing] of [
        ["encrypt", "--to PUB"],
        ["decrypt", "--key PRIV"],
        ["sign", "--key PRIV"],
        ["verify", "--key PUB"],
      ]
    ) {
      const { code, stderr } = await rsa(scratch, [name!]);
      assertEquals(code, 2);
      assertStringIncludes(stderr, `parley: ${missing}: it is missing (USAGE)`);
    }
  },
});

Deno.test({
  name: "a command that is interrupted while it writes leaves nothing half-written",
  ignore,
  async fn() {
    await using scratch = await withKey();
    await scratch.write("large", new Uint8Array(32 << 20));
    const args = ["encrypt", "--to", "key.pem.pub", "-o", "out", "large"];
    const child = command(
      ["rsa", ...args.map((arg) => /\.|^out$|^large$/.test(arg) ? scratch.file(arg) : arg)],
      FLAGS,
    ).spawn();
    const ending = child.output();
    let running = true;
    ending.finally(() => running = false);
    while (running && !(await scratch.names()).some((name) => name.endsWith(".tmp"))) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (running) child.kill("SIGINT");
    const { code, stderr } = await ending;
    const left = (await scratch.names()).filter((name) => name.startsWith("out"));
    if (code === 0) {
      // It was done before it heard of it: then the file is there, whole.
      assertEquals(left, ["out"]);
    } else {
      assertEquals([code, left], [130, []]);
      assertStringIncludes(decoder.decode(stderr), "interrupted (INTERRUPTED)");
    }
  },
});

const OAEP =
  "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";
const PSS = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32";

for (const bits of ["2048", "3072", "4096"]) {
  Deno.test({
    name: `keys of ${bits} bits, blocks and signatures go between parley and openssl, both ways`,
    ignore: ignore || !HAS_OPENSSL,
    async fn() {
      await using scratch = await Scratch.make();
      const ssl = (args: string) => openssl(scratch.path, args);
      await scratch.write("text", vectors.text);
      assertEquals((await rsa(scratch, ["keygen", "--bits", bits, "-o", "./ours"])).code, 0);
      await ssl(`genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:${bits} -out theirs`);
      await ssl("rsa -in theirs -traditional -out theirs.pkcs1");
      await ssl("rsa -in theirs -pubout -out theirs.pub");
      await ssl("rsa -in theirs -RSAPublicKey_out -out theirs.pkcs1.pub");
      await ssl("pkey -in ours -check -noout");
      assertEquals(
        await ssl("pkey -in ours -pubout"),
        await Deno.readFile(scratch.file("ours.pub")),
      );
      const keys = [["ours", "ours.pub"], ["theirs", "theirs.pub"], [
        "theirs.pkcs1",
        "theirs.pkcs1.pub",
      ]];
      for (const [own, shared] of keys) {
        const theirPublic = shared!.replace(".pkcs1", "");
        // A block from here to there, and back.
        await rsa(scratch, ["encrypt", "--to", `./${shared}`, "--raw", "-o", "./a", "./text"]);
        const opened = await ssl(`pkeyutl -decrypt -inkey ${own} -in a ${OAEP}`);
        assertEquals(decoder.decode(opened), vectors.text);
        await ssl(`pkeyutl -encrypt -pubin -inkey ${theirPublic} -in text -out b ${OAEP}`);
        const read = await rsa(scratch, ["decrypt", "--key", `./${own}`, "--raw", "./b"]);
        assertEquals(read.stdout, vectors.text);
        // A signature from here to there, and back.
        await rsa(scratch, ["sign", "--key", `./${own}`, "-o", "./s", "./text"]);
        await ssl(`dgst -sha256 ${PSS} -verify ${theirPublic} -signature s text`);
        await ssl(`dgst -sha256 ${PSS} -sign ${own} -out t text`);
        const verify = ["verify", "--key", `./${shared}`, "--signature", "./t", "./text"];
        assertEquals((await rsa(scratch, verify)).code, 0);
        // The fingerprint is SHA-256 over openssl's own SPKI.
        await ssl(`rsa -in ${own} -pubout -outform DER -out spki`);
        const digest = await ssl("dgst -sha256 -binary spki");
        const { stdout } = await rsa(scratch, ["fingerprint", `./${shared}`]);
        assertEquals(decodeBase64(`${stdout.trim().replace("SHA256:", "")}=`), digest);
        for (const file of ["a", "b", "s", "t"]) await Deno.remove(scratch.file(file));
      }
    },
  });
}
