/**
 * Makes parley's executable files: `deno task compile --help`.
 *
 * @module
 */

import { usageFailure } from "../lib/base/failure.ts";
import { manualPage } from "../lib/cli/manual.ts";
import { runCommandLine } from "../lib/cli/run.ts";
import type { CommandSpec, Input, RunCommand } from "../lib/cli/spec.ts";
import { readPage } from "../lib/chat/web/page.ts";
import { PARLEY } from "../lib/commands/table.ts";
import { VERSION } from "../lib/os/build.ts";
import { processIo } from "../lib/os/io.ts";
import { requireParley } from "./compile/answers.ts";
import { bundle } from "./compile/bundle.ts";
import { writeChecksums } from "./compile/checksums.ts";
import { requireFormat } from "./compile/executable_format.ts";
import { compileNative } from "./compile/native.ts";
import { makeSelfContained } from "./compile/self_contained.ts";
import { fileName, TARGETS } from "./compile/target.ts";

const COMPILE = {
  name: "deno task compile",
  summary:
    "Make an executable file of parley, with its manual page, its chat page and SHA256SUMS beside it.",
  details:
    `By deno compile, which downloads a runtime base for each target once. --self-contained packs
the Deno that runs this instead, needs no download, and works for this machine's platform only.`,
  options: {
    target: {
      type: "text",
      value: "TRIPLE",
      choices: [...TARGETS, "all"],
      default: Deno.build.target,
      help: "The platform to make it for",
    },
    output: {
      type: "text",
      short: "o",
      value: "PATH",
      help: "The file to write (default dist/parley-VERSION-TRIPLE)",
    },
    "self-contained": {
      type: "flag",
      help: "One file with Deno in it, unpacked on its first run",
    },
    fast: { type: "flag", help: "With --self-contained: compress less, in a fifth of the time" },
  },
  // To answer the lookup that is measured.
  permissions: ["read", "write", "run", "net"],
} as const satisfies CommandSpec;

async function run({ options }: Input<typeof COMPILE>): Promise<number> {
  const targets = options.target === "all" ? TARGETS : [options.target];
  checkUsage(options, targets);
  for (const target of targets) {
    const output = options.output ?? `dist/${fileName(target)}`;
    const cut = output.lastIndexOf("/");
    const [directory, name] = [cut < 0 ? "." : output.slice(0, cut), output.slice(cut + 1)];
    await Deno.mkdir(directory, { recursive: true });
    await make(options, target, directory, output);
    await Deno.writeTextFile(`${directory}/parley.1`, manualPage(PARLEY, VERSION));
    await Deno.writeTextFile(`${directory}/parley.html`, await readPage());
    await writeChecksums(directory, [name, "parley.1", "parley.html"]);
    const { size } = await Deno.stat(output);
    console.log(`${output}: ${(size / 1e6).toFixed(1)} MB`);
  }
  return 0;
}

function checkUsage(options: Input<typeof COMPILE>["options"], targets: readonly string[]): void {
  if (options.output !== undefined && targets.length > 1) {
    throw usageFailure("--output", "it names one file, and --target all makes several");
  }
  if (options["self-contained"] && targets.join() !== Deno.build.target) {
    const why = `it packs this machine's Deno, which is for ${Deno.build.target}`;
    throw usageFailure("--self-contained", why, "leave --target out");
  }
}

async function make(
  options: Input<typeof COMPILE>["options"],
  target: string,
  directory: string,
  output: string,
): Promise<void> {
  // Made beside its place: what bears the name has answered as parley.
  const made = await Deno.makeTempDir({ dir: directory, prefix: ".compile-" });
  const program = `${made}/parley.js`;
  const executable = `${made}/${fileName(target)}`;
  try {
    if (options["self-contained"]) {
      const effort = options.fast ? "fast" : "best";
      await makeSelfContained(await bundle("self-contained"), executable, effort);
    } else {
      await Deno.writeTextFile(program, (await bundle("compiled")).program);
      await compileNative(program, target, executable);
      await requireFormat(executable, target);
    }
    if (target === Deno.build.target) await requireParley(executable);
    else console.log(`${output} is for another platform: only its header is checked here`);
    await Deno.rename(executable, output);
  } finally {
    await Deno.remove(made, { recursive: true });
  }
}

if (import.meta.main) {
  const load = (): Promise<RunCommand> => Promise.resolve(run);
  Deno.exit(await runCommandLine(COMPILE, Deno.args, processIo(), load));
}
