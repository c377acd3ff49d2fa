// The types of the functions that are used of the standard library, module by module: its npm republication
// carries none. std_assert.d.ts has those of @std/assert, which tests alone use.

// @std/bytes/concat
export declare function concat(buffers: Iterable<Uint8Array>): Uint8Array<ArrayBuffer>;

// @std/cli/parse-args
// Narrower than the original on purpose: every option is declared as text or as a flag, so
// nothing is guessed to be a number, and what was not declared is handed to `unknown`.
export interface ParseOptions {
  readonly string?: readonly string[];
  readonly boolean?: readonly string[];
  readonly collect?: readonly string[];
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  readonly stopEarly?: boolean;
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
export interface Args {
  readonly _: readonly string[];
  readonly [name: string]: string | boolean | readonly string[] | undefined;
}
export declare function parseArgs(args: readonly string[], options?: ParseOptions): Args;

// @std/encoding/base64
export declare function encodeBase64(data: string | Uint8Array | ArrayBuffer): string;
export declare function decodeBase64(b64: string): Uint8Array<ArrayBuffer>;

// @std/encoding/base64url
export declare function encodeBase64Url(data: string | Uint8Array | ArrayBuffer): string;
export declare function decodeBase64Url(b64url: string): Uint8Array<ArrayBuffer>;

// @std/encoding/hex
export declare function encodeHex(src: string | Uint8Array | ArrayBuffer): string;
export declare function decodeHex(src: string): Uint8Array<ArrayBuffer>;

// bcrypt-pbkdf, which carries no types either. It is a CommonJS module: a bundle gives only its default export.
declare const bcrypt: {
  /** Fills `key`; 0 if the arguments are valid. */
  pbkdf(
    passphrase: Uint8Array,
    passphraseLength: number,
    salt: Uint8Array,
    saltLength: number,
    key: Uint8Array,
    keyLength: number,
    rounds: number,
  ): number;
};
export default bcrypt;
