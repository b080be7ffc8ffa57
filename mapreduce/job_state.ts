/**
 * One job as the coordinator keeps it: its tasks, in which order they are handed out, and what becomes of their attempts.
 * Deterministic: time comes with the calls.
 *
 * Map tasks come first; when all are done the reduce tasks, then the one task that publishes the output. Should a reduce
 * task find that a map task's files are gone, that map task comes first again.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { maxFailures, maxLosses, maxMessageCharacters } from "./limits.ts";
import {
  type AttemptId,
  failuresText,
  type JobSpec,
  specFrom,
  type TaskGrant,
  type TaskKind,
  taskKinds,
  taskName,
} from "./protocol.ts";
import { Fields } from "./shape.ts";
import type { JobPhase, JobStatus, RunningTask } from "./status.ts";
import { TaskState } from "./task_state.ts";

/** Tasks under way that a status shows. */
const maxShownTasks = 64;

/** See the module. */
export class JobState {
  /** What was submitted. */
  readonly spec: JobSpec;
  readonly #tasks: Readonly<Record<TaskKind, readonly TaskState[]>>;
  /** Why the job has failed; "" unless it has. */
  #failure = "";

  private constructor(spec: JobSpec, tasks: Readonly<Record<TaskKind, readonly TaskState[]>>) {
    this.spec = spec;
    this.#tasks = tasks;
  }

  /** A job of which nothing has been done. */
  static create(spec: JobSpec): JobState {
    const idle = (length: number): TaskState[] => Array.from({ length }, () => new TaskState());
    return new JobState(spec, { map: idle(spec.inputs.length), reduce: idle(spec.reduces), publish: idle(1) });
  }

  /** How far it is. */
  get phase(): JobPhase {
    if (this.#failure !== "") return "failed";
    if (this.#isAllDone("publish")) return "done";
    if (!this.#isAllDone("map")) return "map";
    return this.#isAllDone("reduce") ? "publish" : "reduce";
  }

  /** Whether nothing of it remains to be done. */
  get isOver(): boolean {
    return this.phase === "done" || this.phase === "failed";
  }

  /** The task that this worker already has: it asks again because the answer was lost. Null if it has none. */
  held(worker: string, nowMs: number): TaskGrant | null {
    for (const task of taskKinds) {
      for (const [index, state] of this.#tasks[task].entries()) {
        if (state.worker !== worker) continue;
        state.leaseUntilMs = nowMs + this.spec.leaseMs;
        return this.#grant(task, index, state);
      }
    }
    return null;
  }

  /** Hands out the first idle task of the phase; null if there is none. */
  claim(worker: string, nowMs: number): TaskGrant | null {
    const phase = this.phase;
    if (phase === "done" || phase === "failed") return null;
    const index = this.#tasks[phase].findIndex((state) => state.isIdle);
    const state = this.#tasks[phase][index];
    if (state === undefined) return null;
    state.lease(worker, nowMs + this.spec.leaseMs);
    return this.#grant(phase, index, state);
  }

  /** Takes back the tasks whose lease has lapsed. */
  expire(nowMs: number): void {
    if (this.isOver) return;
    for (const task of taskKinds) {
      for (const [index, state] of this.#tasks[task].entries()) {
        if (state.worker === "" || state.leaseUntilMs > nowMs) continue;
        state.release();
        if (++state.losses < maxLosses) continue;
        const message = `${this.#describe(task, index)} was given up ${maxLosses} times, because its worker was not ` +
          `heard of for ${this.spec.leaseMs} ms; see whether its workers crash, or give a longer lease`;
        return this.fail(message);
      }
    }
  }

  /** A worker is getting on. Tells whether it should. */
  renew(id: AttemptId, nowMs: number): boolean {
    const state = this.#tasks[id.task][id.index];
    if (state === undefined || state.isDone || this.isOver) return false;
    if (state.isHeldBy(id.worker, id.attempt)) state.leaseUntilMs = nowMs + this.spec.leaseMs;
    // An attempt that has lost its lease may come in first nevertheless.
    return true;
  }

  /** An attempt is complete. Tells whether it counts. */
  complete(id: AttemptId): boolean {
    const state = this.#tasks[id.task][id.index];
    if (state === undefined || id.attempt > state.attempts || this.isOver) return false;
    if (state.isDone) return state.winner === id.attempt;
    state.winner = id.attempt;
    state.release();
    return true;
  }

  /** The job's code has thrown. */
  failed(id: AttemptId, message: string): void {
    const state = this.#tasks[id.task][id.index];
    if (state === undefined || state.isDone || this.isOver) return;
    if (id.attempt > state.attempts || state.failed.includes(id.attempt)) return;
    state.failed.push(id.attempt);
    state.failed.sort((a, b) => a - b);
    if (state.isHeldBy(id.worker, id.attempt)) state.release();
    if (state.failed.length >= maxFailures) {
      this.fail(`${this.#describe(id.task, id.index)} has failed ${failuresText}, at last with:\n${message}`);
    }
  }

  /** A reduce task cannot go on because a map task's files are gone: both start again. */
  missing(id: AttemptId, map: number, mapAttempt: number): void {
    if (this.isOver) return;
    const reader = this.#tasks[id.task][id.index];
    if (reader?.isHeldBy(id.worker, id.attempt)) reader.release();
    const writer = this.#tasks.map[map];
    if (writer !== undefined && writer.winner === mapAttempt) writer.winner = 0;
  }

  /** Ends the job without a result. */
  fail(message: string): void {
    if (this.isOver) return;
    this.#failure = message.slice(0, maxMessageCharacters);
    for (const state of Object.values(this.#tasks).flat()) state.release();
  }

  /** How it is. */
  status(): JobStatus {
    const { map, reduce } = this.#tasks;
    const all = Object.values(this.#tasks).flat();
    const sum = (figure: (state: TaskState) => number): number =>
      all.reduce((total, state) => total + figure(state), 0);
    return {
      job: this.spec.job,
      phase: this.phase,
      message: this.#failure,
      maps: map.length,
      mapsDone: map.filter((state) => state.isDone).length,
      reduces: reduce.length,
      reducesDone: reduce.filter((state) => state.isDone).length,
      attempts: sum((state) => state.attempts),
      repeated: sum((state) => Math.max(0, state.attempts - 1)),
      lost: sum((state) => state.losses),
      failed: sum((state) => state.failed.length),
      running: this.#running(),
    };
  }

  /** As it stands in a snapshot. */
  toCbor(): CborValue {
    const tasks = Object.fromEntries(
      Object.entries(this.#tasks).map(([kind, states]) => [kind, states.map((state) => state.toCbor())]),
    );
    return { ...tasks, spec: this.spec, failure: this.#failure };
  }

  /** From a snapshot. Throws `ShapeError`. */
  static fromCbor(value: CborValue): JobState {
    const fields = new Fields(value, "a job's state");
    const tasks = (kind: TaskKind): TaskState[] => fields.list(kind, (item) => TaskState.fromCbor(item));
    const job = new JobState(specFrom(fields.value("spec")), {
      map: tasks("map"),
      reduce: tasks("reduce"),
      publish: tasks("publish"),
    });
    job.#failure = fields.text("failure", maxMessageCharacters);
    return job;
  }

  #isAllDone(kind: TaskKind): boolean {
    return this.#tasks[kind].every((state) => state.isDone);
  }

  #grant(task: TaskKind, index: number, state: TaskState): TaskGrant {
    const { inputs, ...settings } = this.spec;
    const sources = task === "map" ? [] : this.#tasks[task === "reduce" ? "map" : "reduce"];
    return {
      id: { job: settings.job, task, index, attempt: state.attempts, worker: state.worker },
      settings,
      input: task === "map" ? inputs[index] ?? "" : "",
      sources: sources.map(({ winner }) => winner),
    };
  }

  #running(): RunningTask[] {
    const running: RunningTask[] = [];
    for (const task of taskKinds) {
      for (const [index, { worker, attempts }] of this.#tasks[task].entries()) {
        if (worker !== "" && running.length < maxShownTasks) running.push({ task, index, attempt: attempts, worker });
      }
    }
    return running;
  }

  #describe(task: TaskKind, index: number): string {
    const name = taskName({ task, index });
    return task === "map" ? `${name} (${this.spec.inputs[index] ?? ""})` : name;
  }
}
