// The typed face of @std/text/closest-string: the npm republication carries no types.
export declare function closestString(
  givenWord: string,
  possibleWords: readonly string[],
  options?: {
    caseSensitive?: boolean;
    compareFn?: (givenWord: string, possibleWord: string) => number;
  },
): string;
