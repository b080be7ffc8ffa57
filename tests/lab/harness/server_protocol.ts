/**
 * What the harness and a server in a process of its own say to each other: one JSON value a line, on the process's standard
 * input and output.
 *
 * @module
 */
import type { AppliedValue } from "./agreed_log.ts";
import type { CounterCommand } from "./counter_server.ts";

/** What a process is started with, as its only argument. */
export interface ServerSettings {
  /** What it runs. */
  readonly kind: "raft" | "counter" | "kv";
  /** Its name. */
  readonly name: string;
  /** Where it listens. */
  readonly listen: string;
  /** Where it dials the servers. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Where its files are. */
  readonly dataDir: string;
  /** Bytes of Raft state beyond which a snapshot is taken, -1 for never; not for `raft`. */
  readonly maxRaftState: number;
  /** Whether a `raft` takes snapshots. */
  readonly takesSnapshots: boolean;
}

/** What a process is asked; each is answered by a `reply` with the same number. */
export type ServerRequest =
  & { readonly call: number }
  & (
    | { readonly kind: "start"; readonly command: string }
    | { readonly kind: "submit"; readonly command: CounterCommand }
    | { readonly kind: "refresh" }
    | { readonly kind: "shutDown" }
  );

/** Figures that change all the time. */
export interface ServerFigures {
  /** Bytes of Raft state. */
  readonly raftStateBytes: number;
  /** Bytes of the newest snapshot. */
  readonly snapshotBytes: number;
  /** Index that it stands for. */
  readonly snapshotIndex: number;
}

/** What a process tells. */
export type ServerEvent =
  | { readonly kind: "ready" }
  /** `value` is the answer to the call of that number. */
  | { readonly kind: "reply"; readonly call: number; readonly value: unknown }
  | { readonly kind: "state"; readonly term: number; readonly isLeader: boolean }
  | { readonly kind: "applied"; readonly index: number; readonly term: number; readonly value: AppliedValue }
  | { readonly kind: "restored"; readonly index: number; readonly term: number; readonly commands: readonly string[] }
  | { readonly kind: "total"; readonly total: number }
  | { readonly kind: "failed"; readonly message: string };

/** Cuts bytes into lines; what follows the last line break waits. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
