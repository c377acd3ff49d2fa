/**
 * What parley runs on, and how the tutorial's virtual environments map to it.
 *
 * @module
 */

import { BUILD, type Build } from "../base/build.ts";
import { VERSION } from "../base/version.ts";

/** What parley runs on. */
export interface RuntimeFacts {
  /** The version of parley. */
  readonly parley: string;
  /** The version of Deno. */
  readonly deno: string;
  /** The version of V8, its JavaScript engine. */
  readonly v8: string;
  /** The version of TypeScript. */
  readonly typescript: string;
  /** The platform that it was built for: `x86_64-unknown-linux-gnu`. */
  readonly target: string;
  /** How it was made: run from source, compiled, or self-contained. */
  readonly build: Build;
  /** Whether it is an executable file of its own. */
  readonly compiled: boolean;
}

/** Describes the runtime. It takes no permission. */
export function describeRuntime(): RuntimeFacts {
  const { deno, v8, typescript } = Deno.version;
  const { target } = Deno.build;
  const compiled = BUILD !== "source";
  return { parley: VERSION, deno, v8, typescript, target, build: BUILD, compiled };
}

/** What a step with virtualenv and pip becomes with Deno. */
export interface EnvironmentStep {
  /** The step, as the tutorial takes it. */
  readonly virtualenv: string;
  /** What stands for it. */
  readonly deno: string;
}

/** How virtual environments, one program's packages apart from another's, map to Deno. */
export const ENVIRONMENT_STEPS: readonly EnvironmentStep[] = [
  {
    virtualenv: "mkvirtualenv NAME",
    deno: "nothing to make: deno.json names a project's packages",
  },
  {
    virtualenv: "workon NAME",
    deno: "nothing to switch: each program finds the deno.json beside it or above",
  },
  { virtualenv: "pip install PACKAGE", deno: "deno add npm:PACKAGE, which writes deno.json" },
  {
    virtualenv: "pip freeze",
    deno: "deno.lock, which pins every package, with its checksum; --frozen insists on it",
  },
  {
    virtualenv: "a copy of each package",
    deno: "one cache for all projects (DENO_DIR), every version beside the others",
  },
  {
    virtualenv: "deactivate, rmvirtualenv NAME",
    deno: "nothing to leave or remove; deno clean empties the cache",
  },
  {
    virtualenv: "no limit to what a program may do",
    deno: "permissions: a program has the files and the network that its flags grant",
  },
];
