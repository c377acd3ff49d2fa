// The typed face of @std/cli/parse-args: the npm republication carries no types.
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
