/**
 * What the measurements of sharded stores on real processes have in common.
 *
 * @module
 */
import type { LocalShards } from "../../shell/local_shards.ts";

/** Clock ticks of the kernel in a second. */
const ticksPerSecond = 100;

/** CPU time that processes have used so far, in milliseconds. Linux only. */
export function cpuMsOf(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // Behind the name, which may contain anything, utime and stime are the 12th and 13th fields.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return 1000 * ticks / ticksPerSecond;
}

/** Where the servers of a group listen. */
export function serversOf(shards: LocalShards, group: number): readonly string[] {
  return shards.groups.get(group)?.map((child) => child.settings.listen) ?? [];
}

/** The middle of some numbers; 0 for none. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? 0;
}

/** Resolves after the time. */
export function waitMs(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
