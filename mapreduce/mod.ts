/**
 * MapReduce on Raft: a user's `map` and `reduce` are executed by any number of worker processes, and the coordinator that
 * hands out the tasks is a replicated state machine, so that the loss of its leader does not lose the job.
 *
 * A job is a module; `job.ts` shows one, whole. `balsa mapreduce run` runs it. From code:
 *
 * @example A coordinator, a worker and a job in one program
 * ```ts
 * import { CoordinatorClient, CoordinatorServer, runWorker } from "@balsa/balsa/mapreduce";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${directory}/a.txt`, "row row row your boat");
 * await Deno.writeTextFile(
 *   `${directory}/job.ts`,
 *   `export const map = (_name: string, text: string) => text.split(" ").map((word) => ({ key: word, value: "1" }));
 *    export const reduce = (_key: string, values: Iterable<string>) => String([...values].length);`,
 * );
 *
 * const address = "127.0.0.1:17361";
 * await using _coordinator = await CoordinatorServer.start({
 *   ...{ id: "c1", listen: address, peers: { c1: address } },
 *   dataDir: `${directory}/c1`,
 * });
 * using client = new CoordinatorClient([address]);
 * await client.command({
 *   kind: "submit",
 *   spec: {
 *     job: "count",
 *     module: `file://${directory}/job.ts`,
 *     inputDirectory: directory,
 *     inputs: ["a.txt"],
 *     reduces: 1,
 *     workDirectory: `${directory}/work`,
 *     outputDirectory: `${directory}/out`,
 *     parameters: [],
 *     leaseMs: 10_000,
 *   },
 * });
 * await runWorker({ servers: [address], worker: "w1", exitWhenIdle: true });
 * console.log(await Deno.readTextFile(`${directory}/out/mr-out-0`)); // boat 1, row 3, your 1
 * ```
 *
 * @module
 */
export {
  type CombineFunction,
  type Job,
  type JobContext,
  jobFromModule,
  type KeyValue,
  type KeyValues,
  type MapFunction,
  type PartitionFunction,
  type ReduceFunction,
} from "./job.ts";
export { loadJob } from "./load_job.ts";
export { hashPartition } from "./partition.ts";
export { runSequential } from "./sequential.ts";
export { CoordinatorMachine, type CoordinatorQuery } from "./coordinator.ts";
export { type CoordinatorOptions, type CoordinatorReplica, CoordinatorServer } from "./coordinator_server.ts";
export { CoordinatorClient, type CoordinatorClientOptions } from "./coordinator_client.ts";
export { runWorker, type WorkerOptions } from "./worker.ts";
export { CoordinatorUnreachableError, JobError } from "./errors.ts";
export type {
  AttemptId,
  Command,
  CommandResult,
  JobSettings,
  JobSpec,
  Request,
  TaskGrant,
  TaskKind,
} from "./protocol.ts";
export type {
  CoordinatorNodeStatus,
  JobPhase,
  JobStatus,
  MapReduceStatus,
  RunningTask,
  WorkerStatus,
} from "./status.ts";
export { defaultBufferBytes, defaultLeaseMs, maxInputBytes, maxInputs, maxReduces, minLeaseMs } from "./limits.ts";
