/**
 * What memory a process has.
 *
 * @module
 */

/** The memory of a process in MiB, by the names of proc_pid_status(5). */
export async function memoryOf(pid: number): Promise<{ VmRSS: number; VmHWM: number }> {
  // By cat: to read below /proc itself, the benchmark would need every permission there is.
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  const status = new TextDecoder().decode(stdout);
  const field = (name: string) => {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1];
    if (kibibytes === undefined) throw new Error(`/proc/${pid}/status has no ${name}`);
    return Number(kibibytes) / 1024;
  };
  return { VmRSS: field("VmRSS"), VmHWM: field("VmHWM") };
}
