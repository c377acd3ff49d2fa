// The typed face of @std/bytes/equals: the npm republication carries no types.
export declare function equals(a: Uint8Array, b: Uint8Array): boolean;
