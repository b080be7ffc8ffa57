/**
 * The file system contract on the simulated disk, fast and slow. Time must pass while the suite awaits, so the scheduler
 * runs beside it.
 *
 * @module
 */
import type { DiskProfile } from "../../raft/testing/mod.ts";
import { instantDiskProfile, Simulation } from "../../raft/testing/mod.ts";
import { fileSystemContract } from "../raft/storage/file_system_contract.ts";

function onSimulatedDisk(name: string, disk: Partial<DiskProfile>): void {
  fileSystemContract(name, () => {
    const simulation = new Simulation({ seed: name, disk, guard: false });
    const platform = simulation.process("n1").start();
    const stop = new AbortController();
    // Keeps virtual time going for as long as the test lasts.
    const beat = (): void => {
      simulation.scheduler.after(1, beat);
    };
    beat();
    const running = simulation.scheduler.run(() => stop.signal.aborted, Infinity);
    return Promise.resolve({
      fileSystem: platform.fileSystem("/data"),
      second: platform.fileSystem("/data"),
      async [Symbol.asyncDispose](): Promise<void> {
        stop.abort();
        await running;
      },
    });
  });
}

onSimulatedDisk("SimulatedDisk (instant)", instantDiskProfile);
onSimulatedDisk("SimulatedDisk (slow)", { cached: { minMs: 0.01, maxMs: 0.1 }, sync: { minMs: 1, maxMs: 20 } });
