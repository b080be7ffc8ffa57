/**
 * The largest resident memory of a process.
 *
 * @module
 */

/** What process `pid` has had at most so far, in bytes; 0 when it has gone, or where the system does not say. */
export function peakMemory(pid: number): number {
  try {
    const [, kilobytes = "0"] = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    return 1024 * Number(kilobytes);
  } catch {
    return 0;
  }
}
