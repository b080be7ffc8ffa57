/**
 * The coordinator, as a state machine that Raft replicates: it knows jobs, tasks, leases and workers, and nothing outside.
 * Whoever leads answers; when a leader is gone, its successor has the same state and carries on.
 *
 * Leases are counted in cluster time, which comes with each command and never goes back. So all replicas agree on which
 * lease has lapsed; and none does while there is no leader to renew it at, for then no command comes either. (After an
 * election the first claim may find leases lapsed whose workers had no leader to turn to: their tasks are done once more.)
 *
 * @module
 */
import { type CborValue, decodeCbor, encodeCbor } from "../raft/encoding/cbor.ts";
import type { ApplyContext, CommandCodec, SnapshotSource, StateMachine } from "../raft/rsm/state_machine.ts";
import { ShapeError } from "../raft/encoding/shape.ts";
import { JobState } from "./job_state.ts";
import { maxJobs, maxWorkers } from "./limits.ts";
import { type AttemptId, type Command, commandCodec, type CommandResult, type JobSpec } from "./protocol.ts";
import { Fields } from "./shape.ts";
import type { MapReduceStatus } from "./status.ts";

/** What can be asked of the machine: the status of one job, or of all. */
export interface CoordinatorQuery {
  /** The job's name; null for all jobs. */
  readonly job: string | null;
}

/** A worker not heard of for so long is forgotten, in milliseconds of cluster time. */
const forgetWorkerMs = 60_000;

const snapshotVersion = 1;

interface WorkerState {
  seenMs: number;
  completed: number;
}

/** See the module. */
export class CoordinatorMachine implements StateMachine<Command, CommandResult, CoordinatorQuery, MapReduceStatus> {
  /** How commands are stored. */
  readonly commandCodec: CommandCodec<Command> = commandCodec;
  /** By name, in the order of submission. */
  #jobs = new Map<string, JobState>();
  /** By name, least recently heard of first. */
  #workers = new Map<string, WorkerState>();
  /** Cluster time as of the last command. */
  #nowMs = 0;

  /** Executes a command. */
  apply(command: Command, { clusterTimeMs }: ApplyContext): CommandResult {
    this.#nowMs = clusterTimeMs;
    switch (command.kind) {
      case "submit":
        return this.#submit(command.spec);
      case "claim":
        return this.#claim(command.worker);
      case "cancel":
        this.#jobs.get(command.job)?.fail("the job was cancelled");
        return noted(true);
      case "renew":
      case "complete":
      case "fail":
      case "missing":
        return this.#report(command);
    }
  }

  /** Shows jobs and workers. */
  query({ job }: CoordinatorQuery): MapReduceStatus {
    const jobs = [...this.#jobs.values()].filter(({ spec }) => job === null || spec.job === job);
    return {
      jobs: jobs.map((state) => state.status()),
      workers: [...this.#workers].map(([worker, { seenMs, completed }]) => ({
        ...{ worker, completed },
        silentMs: this.#nowMs - seenMs,
      })),
    };
  }

  /** Everything, one frame a job. */
  snapshot(): SnapshotSource {
    const workers = [...this.#workers].map(([worker, { seenMs, completed }]) => [worker, seenMs, completed]);
    const frames = [
      encodeFrame({ version: snapshotVersion, nowMs: this.#nowMs, workers, jobs: this.#jobs.size }),
      ...[...this.#jobs.values()].map((job) => encodeFrame(job.toCbor())),
    ];
    return {
      async *chunks() {
        yield* frames;
      },
      release() {},
    };
  }

  /** Replaces everything. */
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const [head, ...rest] = await decodeFrames(chunks);
    const fields = new Fields(head, "a snapshot");
    fields.integer("version", snapshotVersion, snapshotVersion);
    const jobs = rest.map((frame) => JobState.fromCbor(frame));
    if (jobs.length !== fields.integer("jobs")) throw new ShapeError("a snapshot must hold all its jobs");
    this.#nowMs = fields.integer("nowMs");
    this.#jobs = new Map(jobs.map((job) => [job.spec.job, job]));
    this.#workers = new Map(fields.list("workers", (item) => {
      const [worker, seenMs, completed] = Array.isArray(item) ? item : [];
      if (typeof worker !== "string" || typeof seenMs !== "number" || typeof completed !== "number") {
        throw new ShapeError("a worker must be a name and two numbers");
      }
      return [worker, { seenMs, completed }];
    }));
  }

  #submit(spec: JobSpec): CommandResult {
    if (this.#jobs.has(spec.job)) return { kind: "submitted" };
    if (this.#jobs.size >= maxJobs) {
      const over = [...this.#jobs.values()].find((job) => job.isOver);
      if (over === undefined) {
        return { kind: "refused", message: `${maxJobs} jobs are under way; try again when one of them is over` };
      }
      this.#jobs.delete(over.spec.job);
    }
    this.#jobs.set(spec.job, JobState.create(spec));
    return { kind: "submitted" };
  }

  #claim(worker: string): CommandResult {
    this.#seen(worker);
    for (const job of this.#jobs.values()) job.expire(this.#nowMs);
    const open = [...this.#jobs.values()].filter((job) => !job.isOver);
    // Looked for in all jobs before anything new is handed out: a worker has one task at a time.
    for (const job of open) {
      const grant = job.held(worker, this.#nowMs);
      if (grant !== null) return { kind: "task", grant };
    }
    for (const job of open) {
      const grant = job.claim(worker, this.#nowMs);
      if (grant !== null) return { kind: "task", grant };
    }
    return { kind: open.length === 0 ? "noJob" : "wait" };
  }

  #report(command: Extract<Command, { readonly id: AttemptId }>): CommandResult {
    const { id } = command;
    const worker = this.#seen(id.worker);
    const job = this.#jobs.get(id.job);
    if (job === undefined) return noted(false);
    switch (command.kind) {
      case "renew":
        return noted(job.renew(id, this.#nowMs));
      case "complete": {
        const isWanted = job.complete(id);
        if (isWanted) worker.completed++;
        return noted(isWanted);
      }
      case "fail":
        job.failed(id, command.message);
        return noted(true);
      case "missing":
        job.missing(id, command.map, command.mapAttempt);
        return noted(true);
    }
  }

  /** Remembers that a worker was heard of, and forgets those that were not for long. */
  #seen(name: string): WorkerState {
    const worker = this.#workers.get(name) ?? { seenMs: 0, completed: 0 };
    worker.seenMs = this.#nowMs;
    this.#workers.delete(name);
    this.#workers.set(name, worker);
    for (const [other, { seenMs }] of this.#workers) {
      if (this.#workers.size <= maxWorkers && seenMs + forgetWorkerMs > this.#nowMs) break;
      this.#workers.delete(other);
    }
    return worker;
  }
}

function noted(isWanted: boolean): CommandResult {
  return { kind: "noted", isWanted };
}

/** A frame: length, 4 bytes, big-endian, and so many bytes of one CBOR item. */
function encodeFrame(value: CborValue): Uint8Array {
  const item = encodeCbor(value);
  const frame = new Uint8Array(4 + item.length);
  new DataView(frame.buffer).setUint32(0, item.length);
  frame.set(item, 4);
  return frame;
}

async function decodeFrames(chunks: AsyncIterable<Uint8Array>): Promise<CborValue[]> {
  const bytes = new Uint8Array(await new Response(ReadableStream.from(chunks)).arrayBuffer());
  const view = new DataView(bytes.buffer);
  const frames: CborValue[] = [];
  for (let offset = 0; offset < bytes.length;) {
    if (offset + 4 > bytes.length) throw new ShapeError("a snapshot must not end within a frame's length");
    const end = offset + 4 + view.getUint32(offset);
    if (end > bytes.length) throw new ShapeError("a snapshot must not end within a frame");
    frames.push(decodeCbor(bytes.subarray(offset + 4, end)));
    offset = end;
  }
  return frames;
}
