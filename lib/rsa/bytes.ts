/**
 * The bytes of keys and messages.
 *
 * @module
 */

/** Bytes that WebCrypto takes: never over shared memory. */
export type Bytes = Uint8Array<ArrayBuffer>;
