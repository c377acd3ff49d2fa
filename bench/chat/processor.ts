/**
 * What processor time a process has used: other work on the machine changes this figure less than it changes rates.
 *
 * @module
 */

/** The ticks in a second of the times in `/proc`: USER_HZ, which is 100 on every Linux. */
const TICKS_PER_SECOND = 100;
/** The places of utime and stime in proc_pid_stat(5) behind the program's name, which may contain spaces. */
const USER_AT = 11;
const SYSTEM_AT = 12;

/** The processor time of a process so far, in milliseconds, to 10 ms. */
export async function processorMs(pid: number): Promise<number> {
  // By cat: to read below /proc itself, the benchmark would need every permission there is.
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/stat`] }).output();
  const stat = new TextDecoder().decode(stdout);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[USER_AT]) + Number(fields[SYSTEM_AT]);
  if (Number.isNaN(ticks)) throw new Error(`/proc/${pid}/stat has no processor time`);
  return ticks * 1000 / TICKS_PER_SECOND;
}
