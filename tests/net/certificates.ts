/**
 * Certificates for tests, made by `openssl`.
 *
 * @module
 */

import { openssl } from "../fixtures/openssl.ts";
import { Scratch } from "../fixtures/scratch.ts";

const EC = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/** What `openssl ca` wants to be told. */
const CONFIG = `[ca]
default_ca=here
[here]
database=index.txt
new_certs_dir=.
serial=serial
default_md=sha256
policy=any
unique_subject=no
[any]
commonName=supplied
`;

/** What a certificate is like, where it is not as it should be. */
export interface CertificateOptions {
  /** Its subjectAltName; this machine's loopback by default. */
  readonly names?: string;
  /** When it begins and ends to be valid, as YYYYMMDD. */
  readonly days?: readonly [string, string];
}

/** An authority, and certificates of it: each NAME.pem, with its key NAME.key. */
export class Certificates implements AsyncDisposable {
  readonly #scratch: Scratch;

  private constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  /** Makes an authority: ca.pem. */
  static async make(): Promise<Certificates> {
    const scratch = await Scratch.make();
    await openssl(
      scratch.path,
      `req -x509 ${EC} -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority`,
    );
    await scratch.write("ca.cnf", CONFIG);
    await scratch.write("index.txt", "");
    await scratch.write("serial", "01\n");
    return new Certificates(scratch);
  }

  /** The path of a file of it. */
  file(name: string): string {
    return this.#scratch.file(name);
  }

  /** The flags of a server that proves itself by a certificate, by default with its own key. */
  flags(name: string, key = name): string[] {
    return ["--tls-cert", this.file(`${name}.pem`), "--tls-key", this.file(`${key}.key`)];
  }

  /** The text of a file of it. */
  text(name: string): Promise<string> {
    return Deno.readTextFile(this.file(name));
  }

  /** Writes a file beside the others; gives its path. */
  write(name: string, content: string): Promise<string> {
    return this.#scratch.write(name, content);
  }

  /** Runs openssl where they are. */
  openssl(args: string): Promise<Uint8Array> {
    return openssl(this.#scratch.path, args);
  }

  /** Issues a certificate: NAME.pem and NAME.key. */
  async issue(name: string, options: CertificateOptions = {}): Promise<void> {
    const { names = "DNS:localhost,IP:127.0.0.1", days = ["20200101", "20991231"] } = options;
    await this.openssl(`req ${EC} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
    await this.write(`${name}.ext`, `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
    await this.openssl(
      `ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in ${name}.csr ` +
        `-out ${name}.pem -extfile ${name}.ext ` +
        `-startdate ${days[0]}000000Z -enddate ${days[1]}000000Z`,
    );
  }

  /** Makes a certificate that signs itself, by default as an authority. */
  async selfSigned(name: string, authority = true): Promise<void> {
    await this.openssl(
      `req -x509 ${EC} -keyout ${name}.key -out ${name}.pem -days 2 -subj /CN=localhost ` +
        `-addext subjectAltName=DNS:localhost,IP:127.0.0.1` +
        (authority ? "" : " -addext basicConstraints=critical,CA:FALSE"),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scratch[Symbol.asyncDispose]();
  }
}
