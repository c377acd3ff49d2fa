// The typed face of @std/text/levenshtein-distance: the npm republication carries no types.
export declare function levenshteinDistance(str1: string, str2: string): number;
