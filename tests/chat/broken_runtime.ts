/**
 * A runtime whose cryptography throws what nobody expects.
 *
 * @module
 */

type Method =
  | "sign"
  | "verify"
  | "encrypt"
  | "decrypt"
  | "digest"
  | "deriveBits"
  | "deriveKey"
  | "importKey";

/** The error that the runtime throws: a plain one, as it did for a public key with an even modulus. */
export const BREAKAGE = "cryptographic key data malformed";

/**
 * Has a method of WebCrypto throw while something is done.
 *
 * @param method Which.
 * @param breaks Whether it throws for these arguments; for all without.
 * @param act What is done meanwhile.
 */
export async function withBroken<T>(
  method: Method,
  act: () => Promise<T>,
  breaks: (...args: readonly unknown[]) => boolean = () => true,
): Promise<T> {
  const name: string = method;
  const original: (...args: unknown[]) => Promise<unknown> = Reflect.get(
    SubtleCrypto.prototype,
    name,
  );
  Reflect.set(crypto.subtle, method, (...args: unknown[]) => {
    if (breaks(...args)) return Promise.reject(new Error(BREAKAGE));
    return Reflect.apply(original, crypto.subtle, args);
  });
  try {
    return await act();
  } finally {
    Reflect.deleteProperty(crypto.subtle, method);
  }
}

/** Has a method of WebCrypto throw before it returns a promise at all. */
export async function withThrowing<T>(method: Method, act: () => Promise<T>): Promise<T> {
  Reflect.set(crypto.subtle, method, () => {
    throw new Error(BREAKAGE);
  });
  try {
    return await act();
  } finally {
    Reflect.deleteProperty(crypto.subtle, method);
  }
}
