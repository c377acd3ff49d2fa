/**
 * The processor time of a process.
 *
 * @module
 */

/** The unit of /proc/PID/stat, a second's part: 100 on every Linux that is in use (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

/**
 * The processor time that a process has used, in seconds; undefined where the system is not Linux.
 *
 * @param pid Its id.
 */
export async function cpuSeconds(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  // By cat(1): the runtime reads nothing under /proc but with every permission.
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/stat`] }).output();
  const stat = new TextDecoder().decode(stdout);
  // proc(5): behind the name, which may contain anything, utime and stime are fields 12 and 13.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
