/**
 * What can be seen of jobs and workers from outside.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { maxMessageCharacters, maxNameCharacters } from "./limits.ts";
import { type TaskKind, taskKinds } from "./protocol.ts";
import { Fields } from "./shape.ts";

/** How far a job is. "failed" includes jobs that were cancelled. */
export type JobPhase = "map" | "reduce" | "publish" | "done" | "failed";
/** Every {@link JobPhase}. */
export const jobPhases: readonly JobPhase[] = ["map", "reduce", "publish", "done", "failed"];

/** A task that somebody works on. */
export type RunningTask = {
  /** What kind of work. */
  readonly task: TaskKind;
  /** Which task of that kind. */
  readonly index: number;
  /** Which attempt at it. */
  readonly attempt: number;
  /** Who. */
  readonly worker: string;
};

/** How a job is. */
export type JobStatus = {
  /** Its name. */
  readonly job: string;
  /** How far it is. */
  readonly phase: JobPhase;
  /** Why it has failed; "" unless it has. */
  readonly message: string;
  /** Map tasks. */
  readonly maps: number;
  /** Map tasks that are complete: <= maps. */
  readonly mapsDone: number;
  /** Reduce tasks. */
  readonly reduces: number;
  /** Reduce tasks that are complete: <= reduces. */
  readonly reducesDone: number;
  /** Attempts handed out, of all tasks. */
  readonly attempts: number;
  /** Those of them that were not the first at their task: < attempts. */
  readonly repeated: number;
  /** Attempts given up because nothing was heard of them for too long. */
  readonly lost: number;
  /** Attempts in which the job's code has thrown. */
  readonly failed: number;
  /** Some of the tasks under way. */
  readonly running: readonly RunningTask[];
};

/** Who works. */
export type WorkerStatus = {
  /** The name it has given itself. */
  readonly worker: string;
  /** Cluster time since it was heard of, in milliseconds. */
  readonly silentMs: number;
  /** Tasks it has completed. */
  readonly completed: number;
};

/** What the coordinator knows. */
export type MapReduceStatus = {
  /** Jobs, in the order in which they were submitted. */
  readonly jobs: readonly JobStatus[];
  /** Workers heard of in the last minute or so. */
  readonly workers: readonly WorkerStatus[];
};

/** How one coordinator is. */
export type CoordinatorNodeStatus = {
  /** Its name. */
  readonly id: string;
  /** "leader", "follower", … */
  readonly role: string;
  /** Its term. */
  readonly term: number;
  /** Who it thinks leads; null if it does not know. */
  readonly leader: string | null;
};

function jobStatusFrom(value: CborValue): JobStatus {
  const fields = new Fields(value, "a job's status");
  return {
    job: fields.text("job", maxNameCharacters),
    phase: fields.choice("phase", jobPhases),
    message: fields.text("message", 2 * maxMessageCharacters),
    maps: fields.integer("maps"),
    mapsDone: fields.integer("mapsDone"),
    reduces: fields.integer("reduces"),
    reducesDone: fields.integer("reducesDone"),
    attempts: fields.integer("attempts"),
    repeated: fields.integer("repeated"),
    lost: fields.integer("lost"),
    failed: fields.integer("failed"),
    running: fields.list("running", (item) => {
      const task = new Fields(item, "a running task");
      return {
        task: task.choice("task", taskKinds),
        index: task.integer("index"),
        attempt: task.integer("attempt"),
        worker: task.text("worker", maxNameCharacters),
      };
    }),
  };
}

/** Reads a status from outside. Throws `ShapeError`. */
export function statusFrom(value: CborValue): MapReduceStatus {
  const fields = new Fields(value, "a status");
  return {
    jobs: fields.list("jobs", jobStatusFrom),
    workers: fields.list("workers", (item) => {
      const worker = new Fields(item, "a worker");
      return {
        worker: worker.text("worker", maxNameCharacters),
        silentMs: worker.integer("silentMs"),
        completed: worker.integer("completed"),
      };
    }),
  };
}

/** Reads a node's status from outside. Throws `ShapeError`. */
export function nodeStatusFrom(value: CborValue): CoordinatorNodeStatus {
  const fields = new Fields(value, "a node's status");
  return {
    id: fields.text("id", maxNameCharacters),
    role: fields.text("role", maxNameCharacters),
    term: fields.integer("term"),
    leader: fields.textOrNull("leader", maxNameCharacters),
  };
}
