/**
 * What an embedder writes: a deterministic machine whose commands Raft puts into one order on every node.
 *
 * @module
 */
import type { LogIndex, Term } from "../core/types.ts";

/** What a command may know about where it stands; equal on every node. */
export interface ApplyContext {
  /** Index of the command's entry. */
  readonly index: LogIndex;
  /** Term of the command's entry. */
  readonly term: Term;
  /** Cluster time in milliseconds since the Unix epoch: never goes back, equal on every node. */
  readonly clusterTimeMs: number;
}

/** A consistent view of the state, taken at once and streamed later while the machine goes on. */
export interface SnapshotSource {
  /** The view's bytes, in slices small enough (some 64 KiB) that producing one does not stall the event loop. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Called once when the view is not needed any more, also when it was never read. */
  release(): void;
}

/** Turns commands into bytes and back. `decode(encode(command))` must equal the command. */
export interface CommandCodec<Command> {
  /** The command as bytes. */
  encode(command: Command): Uint8Array;
  /** The command from bytes; throws on bytes that no `encode` has made. The view may be kept, never written to. */
  decode(bytes: Uint8Array): Command;
}

/**
 * A deterministic state machine: same commands in the same order, same state and results. No clock, no randomness, no
 * I/O, no iteration over anything unordered that shows in a result.
 */
export interface StateMachine<Command, Result, Query = never, Answer = never> {
  /** How commands become bytes; without it they must be values that CBOR can express (see `encoding/cbor.ts`). */
  readonly commandCodec?: CommandCodec<Command>;
  /** Executes a command. Synchronous. If it throws, the node stops: a machine that fails on one node fails on all. */
  apply(command: Command, context: ApplyContext): Result;
  /** Answers without changing anything. */
  query?(query: Query): Answer;
  /**
   * A digest of the whole state: an integer of 32 bits, equal on replicas with equal states, kept up to date by each command
   * so that telling it costs next to nothing. It is asked for every 256 entries and at each snapshot, and lets replicas
   * notice at once that their states differ; without it they notice when results do. A restored state must have the digest
   * that it had when the snapshot was taken; and nodes that run different versions of a machine must come to equal ones.
   */
  digest?(): number;
  /** A digest of a result, if that can be had for less than by looking at each of its properties; 32 bits. */
  digestOfResult?(result: Result): number;
  /** A consistent view of the whole state as it is now. */
  snapshot(): SnapshotSource;
  /** Replaces the whole state by a snapshot's bytes; `chunks` may be cut differently than they were written. */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void>;
}
