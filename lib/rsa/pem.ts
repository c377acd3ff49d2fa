/**
 * PEM (RFC 7468).
 *
 * @module
 */

// @ts-types="../../types/std_encoding_base64.d.ts"
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import type { Bytes } from "./bytes.ts";

/** One block between `-----BEGIN LABEL-----` and `-----END LABEL-----`. */
export interface PemBlock {
  /** What it says to be: `PRIVATE KEY`. */
  readonly label: string;
  /** What it holds; undefined where it is cut short or is not base64. */
  readonly bytes: Bytes | undefined;
  /** Whether it has headers (RFC 1421), as OpenSSL's old encrypted keys do. */
  readonly hasHeaders: boolean;
}

/** The blocks of a text, whatever stands around them. */
export function readPem(text: string): PemBlock[] {
  const blocks = [];
  for (const { 1: label, index, 0: begin } of text.matchAll(/-----BEGIN ([^\r\n-]+)-----/g)) {
    const from = index + begin.length;
    const to = text.indexOf(`-----END ${label}-----`, from);
    const body = text.slice(from, to < 0 ? undefined : to);
    blocks.push({
      label: label!,
      bytes: to < 0 ? undefined : bytesOf(body),
      hasHeaders: body.includes(":"),
    });
  }
  return blocks;
}

function bytesOf(body: string): Bytes | undefined {
  const base64 = body.replace(/\s+/g, "");
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && base64.length % 4 === 0
    ? decodeBase64(base64)
    : undefined;
}

/** Writes a block. */
export function writePem(label: string, bytes: Uint8Array): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
