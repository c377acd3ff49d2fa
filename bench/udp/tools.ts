/**
 * The tools of other languages.
 *
 * @module
 */

const HERE = new URL(".", import.meta.url).pathname;

/** Whether a tool is there. */
export async function hasTool(name: string): Promise<boolean> {
  try {
    return (await new Deno.Command(name, { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Compiles one of the programs in C beside this file.
 *
 * @param name Its name, without `.c`.
 * @param directory Where to.
 * @returns The path of the program.
 */
export async function compile(name: string, directory: string): Promise<string> {
  const program = `${directory}/${name}`;
  const { success, stderr } = await new Deno.Command("gcc", {
    args: ["-O2", "-Wall", "-Wextra", "-Werror", "-o", program, `${HERE}${name}.c`],
  }).output();
  if (!success) throw new Error(`gcc ${name}.c: ${new TextDecoder().decode(stderr)}`);
  return program;
}
