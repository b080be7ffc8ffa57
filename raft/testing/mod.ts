/**
 * Run a whole cluster in one process, in virtual time, from one seed: clocks, network and disks are simulated, everything
 * else is the code that runs in production. A minute of a five-node cluster takes a tenth of a second; the same seed gives
 * the same run, whatever goes wrong in it; and anything can go wrong: processes killed or paused at any event, power lost
 * with writes half done, links cut one way, frames lost, late, twice or damaged, clocks that run too fast.
 *
 * Three things make it work for a program of your own: it takes clock, randomness, sockets and files from the
 * {@link Platform} of its {@link SimulatedProcess}, it reads no real clock (the simulation throws if it does), and it
 * iterates over nothing whose order is not defined.
 *
 * @example A counter of your own on three nodes: kill the leader without warning, and lose nothing
 * ```ts
 * import { ReplicatedStateMachine } from "@balsa/balsa";
 * import { Simulation } from "@balsa/balsa/testing";
 *
 * class Counter {
 *   total = 0;
 *   apply(command: { add: number }): number {
 *     return this.total += command.add;
 *   }
 *   query(_query: "total"): number {
 *     return this.total;
 *   }
 *   snapshot() {
 *     const bytes = new TextEncoder().encode(String(this.total));
 *     return { chunks: () => ReadableStream.from([bytes]), release: () => {} };
 *   }
 *   async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
 *     let text = "";
 *     for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
 *     this.total = Number(text);
 *   }
 * }
 *
 * const peers = { n1: "127.0.0.1:7001", n2: "127.0.0.1:7002", n3: "127.0.0.1:7003" };
 * using simulation = new Simulation({ seed: 1 });
 *
 * const start = (id: keyof typeof peers) =>
 *   ReplicatedStateMachine.start<{ add: number }, number, "total", number>({
 *     ...{ id, listen: peers[id], peers, dataDir: "data", machine: new Counter() },
 *     platform: simulation.process(id).start(),
 *   });
 *
 * await simulation.run(async () => {
 *   const [n1, n2, n3] = await Promise.all([start("n1"), start("n2"), start("n3")]);
 *   const leader = async () => {
 *     while (true) {
 *       const alive = [n1, n2, n3].filter((node) => simulation.process(node.id).isAlive);
 *       const found = alive.find((node) => node.status().role === "leader");
 *       if (found !== undefined) return found;
 *       await simulation.sleep(50);
 *     }
 *   };
 *   const first = await leader();
 *   await first.submit({ add: 5 });
 *   simulation.process(first.id).kill({ kind: "power" });
 *   const second = await leader();
 *   await second.submit({ add: 2 });
 *   console.log(await second.read("total")); // 7
 * });
 * console.log(simulation.nowMs > 500, simulation.trace.hash.length); // true 16
 * ```
 *
 * @module
 */
export { Simulation, SimulationError, type SimulationOptions } from "./simulation.ts";
export { type KillOptions, type MachineProfile, SimulatedProcess, type SimulatedWorld } from "./simulated_process.ts";

export type { Platform } from "../platform.ts";
export type { Clock, Timer } from "../node/clock.ts";
export type { Random } from "../node/random.ts";
export type { Listener, Network, Socket, SocketHandler } from "../wire/network.ts";
export type { ConnectionRole } from "../wire/hello.ts";
export type { DirectoryLock, FileOptions, FileSystem, StorageFile } from "../storage/file_system.ts";
export type { WalLimits } from "../storage/wal.ts";

export { type RunOutcome, Scheduler, SchedulerError } from "./scheduler.ts";
export { SeededRandom } from "./seeded_random.ts";
export { Trace } from "./trace.ts";
export { Incarnation, type KillReason, type LifeState } from "./incarnation.ts";
export { RealWorldError } from "./real_world_guard.ts";
export { SimulatedClock, SimulatedTime, simulationEpochMs } from "./simulated_clock.ts";

export { SimulatedNetwork } from "./simulated_network.ts";
export { defaultNetworkProfile, type FrameInfo, type FrameInterceptor, type NetworkProfile } from "./network_core.ts";
export type { BlockMode, MsRange, NetworkCounters, NetworkMachine } from "./network_links.ts";
export type { ListeningPort, PortDirectory } from "./connect_attempt.ts";
export type { FrameKind } from "./frame_kind.ts";
export {
  courseLongReordering,
  courseUnreliable,
  deliverPlainly,
  type FrameDelay,
  type FrameFaults,
  type FrameVerdict,
  type KindFaults,
  mergeFaults,
} from "./frame_faults.ts";

export { type DiskEvent, SimulatedDisk } from "./simulated_disk.ts";
export type { DirectoryImage, DiskDirectory } from "./disk_directory.ts";
export type { DiskFile } from "./disk_file.ts";
export type { CrashPolicy, CrashTally } from "./disk_file.ts";
export {
  defaultDiskProfile,
  type DiskErrorCode,
  type DiskFault,
  type DiskFaultEffect,
  DiskFaultPlan,
  type DiskLatency,
  type DiskOperation,
  type DiskProfile,
  instantDiskProfile,
} from "./disk_faults.ts";

export * from "./linearizability/mod.ts";
