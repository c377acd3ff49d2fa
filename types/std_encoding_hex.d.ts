// The typed face of @std/encoding/hex: the npm republication carries no types.
export declare function encodeHex(src: string | Uint8Array | ArrayBuffer): string;
export declare function decodeHex(src: string): Uint8Array<ArrayBuffer>;
