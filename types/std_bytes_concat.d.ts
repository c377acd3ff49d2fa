// The typed face of @std/bytes/concat: the npm republication carries no types.
export declare function concat(buffers: Iterable<Uint8Array>): Uint8Array<ArrayBuffer>;
