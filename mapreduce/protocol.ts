/**
 * What workers, users and coordinators say to one another. Every request is a map with a `kind`, and so is every reply. A
 * worker says a few things a second, so names are worth more here than bytes.
 *
 * Every command may be repeated without harm, which is why a client repeats it until it is answered, at whichever
 * coordinator leads: a worker that claims again is given the task it has, an attempt that is reported again is known.
 *
 * @module
 */
import { type CborValue, decodeCbor, encodeCbor } from "../raft/encoding/cbor.ts";
import { integerFrom, ShapeError } from "../raft/encoding/shape.ts";
import {
  maxFailures,
  maxInputs,
  maxMessageCharacters,
  maxNameCharacters,
  maxReduces,
  maxSpecCharacters,
  minLeaseMs,
} from "./limits.ts";
import { Fields, textFrom } from "./shape.ts";

/** What kind of work a task is. "publish" is the last one: it gives the output its name. */
export type TaskKind = "map" | "reduce" | "publish";
/** Every {@link TaskKind}, in the order in which they come. */
export const taskKinds: readonly TaskKind[] = ["map", "reduce", "publish"];

/** What every task of a job has to know. */
export type JobSettings = {
  /** The job's name, chosen by who submits it. */
  readonly job: string;
  /** URL of the job's module. */
  readonly module: string;
  /** What relative paths of input files are relative to. */
  readonly inputDirectory: string;
  /** Reduce tasks, hence output files: 1 <= reduces <= maxReduces. */
  readonly reduces: number;
  /** For files between the tasks; see `layout.ts`. */
  readonly workDirectory: string;
  /** Appears when the job is done. */
  readonly outputDirectory: string;
  /** Names and values. */
  readonly parameters: readonly (readonly [string, string])[];
  /** How long a task may show no progress, in milliseconds: >= minLeaseMs. */
  readonly leaseMs: number;
};

/** A job, described. */
export type JobSpec = JobSettings & {
  /** Paths of the input files, each a map task; the job's code sees them as they stand here. */
  readonly inputs: readonly string[];
};

/** Which attempt at which task. */
export type AttemptId = {
  /** The job's name. */
  readonly job: string;
  /** What kind of work. */
  readonly task: TaskKind;
  /** Which task of that kind, from 0. */
  readonly index: number;
  /** Which attempt at it, from 1. */
  readonly attempt: number;
  /** Who attempts it. */
  readonly worker: string;
};

/** What changes a coordinator's state. */
export type Command =
  /** Run this job. */
  | { readonly kind: "submit"; readonly spec: JobSpec }
  /** Give me work. */
  | { readonly kind: "claim"; readonly worker: string }
  /** I am still at it, and getting on. */
  | { readonly kind: "renew"; readonly id: AttemptId }
  /** It is complete. */
  | { readonly kind: "complete"; readonly id: AttemptId }
  /** The job's code has thrown. */
  | { readonly kind: "fail"; readonly id: AttemptId; readonly message: string }
  /** I cannot go on: what that attempt at a map task has left is gone or damaged. */
  | { readonly kind: "missing"; readonly id: AttemptId; readonly map: number; readonly mapAttempt: number }
  /** Stop working on this job. */
  | { readonly kind: "cancel"; readonly job: string };

/** What can be asked. */
export type Request = Command | { readonly kind: "status"; readonly job: string | null } | { readonly kind: "node" };

/** A task as it is handed to a worker. */
export type TaskGrant = {
  /** Which attempt this is. */
  readonly id: AttemptId;
  /** The job. */
  readonly settings: JobSettings;
  /** The input file of a map task, "" for others. */
  readonly input: string;
  /** The attempts that count, by index: of the map tasks for a reduce task, of the reduce tasks for the publish task. */
  readonly sources: readonly number[];
};

/** What a command has led to. */
export type CommandResult =
  | { readonly kind: "submitted" }
  /** The job is not taken; says why. */
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "task"; readonly grant: TaskGrant }
  /** Nothing to do right now. */
  | { readonly kind: "wait" }
  /** No job is under way. */
  | { readonly kind: "noJob" }
  /** `isWanted`: the attempt's result counts, or may count. */
  | { readonly kind: "noted"; readonly isWanted: boolean };

function attemptIdFrom(value: CborValue): AttemptId {
  const fields = new Fields(value, "an attempt");
  return {
    job: fields.text("job", maxNameCharacters),
    task: fields.choice("task", taskKinds),
    index: fields.integer("index", 0, Math.max(maxInputs, maxReduces)),
    attempt: fields.integer("attempt", 1),
    worker: fields.text("worker", maxNameCharacters),
  };
}

function settingsFrom(fields: Fields): JobSettings {
  return {
    job: fields.text("job", maxNameCharacters),
    module: fields.text("module", maxSpecCharacters),
    inputDirectory: fields.text("inputDirectory", maxSpecCharacters),
    reduces: fields.integer("reduces", 1, maxReduces),
    workDirectory: fields.text("workDirectory", maxSpecCharacters),
    outputDirectory: fields.text("outputDirectory", maxSpecCharacters),
    parameters: fields.list("parameters", (item) => {
      if (!Array.isArray(item) || item.length !== 2) throw new ShapeError("a parameter must be a name and a value");
      return [
        textFrom(item[0], maxNameCharacters, "a parameter's name"),
        textFrom(item[1], maxSpecCharacters, "a value"),
      ] as const;
    }),
    leaseMs: fields.integer("leaseMs", minLeaseMs),
  };
}

/** Reads a job's description. Throws {@link ShapeError} when it is not one, or too long. */
export function specFrom(value: CborValue): JobSpec {
  const fields = new Fields(value, "a job");
  const settings = settingsFrom(fields);
  const inputs = fields.list("inputs", (item, what) => textFrom(item, maxSpecCharacters, what));
  if (inputs.length === 0 || inputs.length > maxInputs) {
    throw new ShapeError(`a job must have 1 to ${maxInputs} input files; this one has ${inputs.length}`);
  }
  const { module, inputDirectory, workDirectory, outputDirectory } = settings;
  const texts = [module, inputDirectory, workDirectory, outputDirectory, ...inputs];
  const characters = [...texts, ...settings.parameters.flat()].reduce((sum, text) => sum + text.length, 0);
  if (characters > maxSpecCharacters) {
    throw new ShapeError(
      `a job's paths and parameters must have at most ${maxSpecCharacters} characters; these have ${characters}`,
    );
  }
  return { ...settings, inputs };
}

/** Reads a request. Throws {@link ShapeError} on anything that is not one. */
export function requestFrom(value: CborValue): Request {
  const fields = new Fields(value, "a request");
  const kind = fields.choice(
    "kind",
    ["submit", "claim", "renew", "complete", "fail", "missing", "cancel", "status", "node"] as const,
  );
  const id = (): AttemptId => attemptIdFrom(fields.value("id"));
  switch (kind) {
    case "submit":
      return { kind, spec: specFrom(fields.value("spec")) };
    case "claim":
      return { kind, worker: fields.text("worker", maxNameCharacters) };
    case "renew":
    case "complete":
      return { kind, id: id() };
    case "fail":
      return { kind, id: id(), message: fields.text("message", maxMessageCharacters) };
    case "missing":
      return {
        ...{ kind, id: id() },
        map: fields.integer("map", 0, maxInputs),
        mapAttempt: fields.integer("mapAttempt", 1),
      };
    case "cancel":
      return { kind, job: fields.text("job", maxNameCharacters) };
    case "status":
      return { kind, job: fields.textOrNull("job", maxNameCharacters) };
    case "node":
      return { kind };
  }
}

/** Commands as they stand in the log. */
export const commandCodec = {
  /** The command as bytes. */
  encode: (command: Command): Uint8Array => encodeCbor(command),
  /** The command from bytes; throws on anything else. */
  decode(bytes: Uint8Array): Command {
    const request = requestFrom(decodeCbor(bytes));
    if (request.kind === "status" || request.kind === "node") throw new ShapeError(`${request.kind} is no command`);
    return request;
  },
};

/** Reads what a command has led to. Throws {@link ShapeError}. */
export function resultFrom(value: CborValue): CommandResult {
  const fields = new Fields(value, "a result");
  const kind = fields.choice("kind", ["submitted", "refused", "task", "wait", "noJob", "noted"] as const);
  switch (kind) {
    case "submitted":
    case "wait":
    case "noJob":
      return { kind };
    case "refused":
      return { kind, message: fields.text("message", maxSpecCharacters) };
    case "noted":
      return { kind, isWanted: fields.flag("isWanted") };
    case "task": {
      const grant = new Fields(fields.value("grant"), "a task");
      return {
        kind,
        grant: {
          id: attemptIdFrom(grant.value("id")),
          settings: settingsFrom(new Fields(grant.value("settings"), "a job")),
          input: grant.text("input", maxSpecCharacters),
          sources: grant.list("sources", (item, what) => integerFrom(item, 0, Number.MAX_SAFE_INTEGER, what)),
        },
      };
    }
  }
}

/** A task in words, for people. */
export function taskName({ task, index }: Pick<AttemptId, "task" | "index">): string {
  return task === "publish" ? "the publish task" : `${task} task ${index}`;
}

/** See {@link maxFailures}. */
export const failuresText: string = maxFailures === 3 ? "three times" : `${maxFailures} times`;
