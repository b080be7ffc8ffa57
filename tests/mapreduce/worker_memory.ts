/**
 * The largest resident memory of processes.
 *
 * @module
 */

/** What a worker may have of it, whatever it reduces: a quarter of a GiB. */
export const workerMemoryLimitBytes = 256 * 1024 * 1024;

/** See the module. */
export class PeakMemory {
  /** What one of the processes has had at most, as of the last look; 0 where the system does not say. */
  bytes = 0;

  /** Looks at these processes. The system keeps each one's peak, so that few looks do. */
  look(pids: readonly number[]): void {
    for (const pid of pids) this.bytes = Math.max(this.bytes, peakMemory(pid));
  }
}

function peakMemory(pid: number): number {
  try {
    const [, kilobytes = "0"] = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    return 1024 * Number(kilobytes);
  } catch {
    return 0; // It has gone.
  }
}
