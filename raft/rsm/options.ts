/**
 * What a replicated state machine is made of.
 *
 * @module
 */
import type { CborValue } from "../encoding/cbor.ts";
import { decodeCbor, encodeCbor } from "../encoding/cbor.ts";
import type { NodeId } from "../core/types.ts";
import type { NodeStatus } from "../node/status.ts";
import type { CommandCodec, StateMachine } from "./state_machine.ts";

/** How a machine is replicated, whatever it is replicated on. */
export interface MachineOptions<Command, Result, Query = never, Answer = never> {
  /** The machine, in its initial state: the log or a snapshot brings it to where it was. */
  readonly machine: StateMachine<Command, Result, Query, Answer>;
  /**
   * Bytes of log on disk beyond which a snapshot is taken; -1 for never. 32 MiB unless given. The log never has more than
   * four times as much, or as much as the state: a leader slows commands down before; see `log_bound.ts`.
   */
  readonly maxRaftState?: number;
  /** Bytes of a command's encoding that are accepted; 1.5 MiB unless given, and at most 3 MiB, to fit a peer's frame. */
  readonly maxCommandBytes?: number;
  /** How long submits and reads wait unless they say so themselves, in milliseconds; 10,000 unless given. */
  readonly timeoutMs?: number;
  /** Called when the node's role, term or known leader has changed. Must not throw. */
  readonly onStatus?: (status: NodeStatus) => void;
  /** Called once when the node has stopped: with null when asked to, with the error when it failed. Must not throw. */
  readonly onStopped?: (reason: Error | null) => void;
}

/** Settings of {@link MachineOptions} with their defaults filled in. */
export interface MachineSettings {
  /** See {@link MachineOptions.maxRaftState}. */
  readonly maxRaftStateBytes: number;
  /** See {@link MachineOptions.maxCommandBytes}. */
  readonly maxCommandBytes: number;
  /** See {@link MachineOptions.timeoutMs}. */
  readonly timeoutMs: number;
}

/** A command of this size still fits a peer's frame of 4 MiB with all that surrounds it. */
const largestCommandBytes = 3 * 1024 * 1024;

/** Fills in defaults; throws a RangeError on settings that cannot work. */
export function machineSettings(
  id: NodeId,
  options: Pick<MachineOptions<never, unknown>, "maxRaftState" | "maxCommandBytes" | "timeoutMs">,
): MachineSettings {
  const { maxRaftState = 32 * 1024 * 1024, maxCommandBytes = 1.5 * 1024 * 1024, timeoutMs = 10_000 } = options;
  if (maxRaftState !== -1 && !(maxRaftState >= 1)) {
    throw new RangeError(
      `Cannot start node ${id}: maxRaftState is ${maxRaftState}; give bytes, or -1 for no snapshots`,
    );
  }
  if (!(maxCommandBytes >= 1 && maxCommandBytes <= largestCommandBytes)) {
    throw new RangeError(
      `Cannot start node ${id}: maxCommandBytes is ${maxCommandBytes}; it must be from 1 to ${largestCommandBytes}`,
    );
  }
  if (!(timeoutMs > 0)) throw new RangeError(`Cannot start node ${id}: timeoutMs is ${timeoutMs}; it must be positive`);
  return { maxRaftStateBytes: maxRaftState, maxCommandBytes, timeoutMs };
}

/**
 * The codec of a machine that brings none: commands are CBOR values. That they are is checked by the encoder, when a
 * command is submitted; and what it has encoded decodes to an equal value, hence to a Command.
 */
export function cborCodec<Command>(): CommandCodec<Command> {
  return {
    encode: (command) => encodeCbor(command as CborValue),
    decode: (bytes) => decodeCbor(bytes) as Command,
  };
}
