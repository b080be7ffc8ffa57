/**
 * Shards as a group hosts them: those it serves, those it has lost and keeps until the new owner has them, and those that
 * it is gaining.
 *
 * A shard is a whole key/value machine of its own, with keys, versions, sessions and locks. It counts its commands itself:
 * the machine takes that number for the index of the log, and the number moves with the shard. So ids of sessions and
 * tokens of locks go on growing in another group's log, and a call that is repeated after its shard has moved finds its
 * session and its kept result there.
 *
 * @module
 */
import type { ApplyContext } from "../../raft/rsm/state_machine.ts";
import type { KvCommand } from "../commands.ts";
import { type FrozenState, SnapshotReader, snapshotSlices } from "../snapshot.ts";
import {
  type KvAnswer,
  type KvFigures,
  type KvMachineOptions,
  type KvQuery,
  type KvResult,
  KvStateMachine,
} from "../state_machine.ts";
import type { CopyPiece } from "./group_commands.ts";
import type { GroupId } from "./shard_config.ts";

/** A shard with its data. */
export class HostedShard {
  readonly #machine: KvStateMachine;
  /** Commands executed; the next one is one more. */
  #sequence: number;
  /** Cluster time of the last of them: never goes back, not even when a shard moves to a group that is behind. */
  #clusterTimeMs: number;

  /** A shard without data, or with what `machine` holds. */
  constructor(machine: KvStateMachine, sequence = 0, clusterTimeMs = 0) {
    this.#machine = machine;
    this.#sequence = sequence;
    this.#clusterTimeMs = clusterTimeMs;
  }

  /** See the module. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Cluster time of its last command, in milliseconds. */
  get clusterTimeMs(): number {
    return this.#clusterTimeMs;
  }

  /** Executes a command. */
  apply(command: KvCommand, { term, clusterTimeMs }: ApplyContext): KvResult {
    this.#sequence++;
    this.#clusterTimeMs = Math.max(this.#clusterTimeMs, clusterTimeMs);
    return this.#machine.apply(command, { index: this.#sequence, term, clusterTimeMs: this.#clusterTimeMs });
  }

  /** Answers from the state as it is. */
  query(query: KvQuery): KvAnswer {
    return this.#machine.query(query);
  }

  /** The state as it is; equal shards have equal bytes. */
  freeze(): FrozenState {
    return this.#machine.freeze(this.#clusterTimeMs);
  }

  /** The state's bytes. */
  slices(): IterableIterator<Uint8Array> {
    return snapshotSlices(this.freeze());
  }

  /** Looks at some values whether they are what was written, and throws if one is not; digests keys, values and versions. */
  scrub(): number {
    return this.#machine.digest();
  }

  /** Figures about the machine. */
  figures(): KvFigures {
    return this.#machine.figures();
  }
}

/** A shard that this group has lost. */
export interface LostShard {
  /** The shard. */
  readonly shard: number;
  /** The number of the configuration with which it was lost. */
  readonly frozenAt: number;
  /** Who owns it since; 0 for nobody. */
  readonly to: GroupId;
  /** The data. */
  readonly hosted: HostedShard;
}

/** What a piece of a copy comes to. */
export type PieceOutcome =
  /** Taken; more must come. */
  | { readonly kind: "more" }
  /** The copy is complete. */
  | { readonly kind: "complete"; readonly hosted: HostedShard }
  /** Not taken: the piece that is expected begins elsewhere. */
  | { readonly kind: "misplaced" }
  /** What came so far is no shard; all of it is forgotten. */
  | { readonly kind: "damaged" };

/** A shard that is coming. */
export class GainingShard {
  /** The group that has it, and its servers. */
  readonly group: GroupId;
  readonly servers: readonly string[];
  readonly #options: KvMachineOptions;
  #reader: SnapshotReader;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** Nothing has come yet. */
  constructor(group: GroupId, servers: readonly string[], options: KvMachineOptions) {
    this.group = group;
    this.servers = servers;
    this.#options = options;
    this.#reader = new SnapshotReader(options);
  }

  /** Bytes that have come: where the next piece must begin. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What has come, for a snapshot. */
  get pieces(): readonly Uint8Array[] {
    return [...this.#pieces];
  }

  /** Takes the next piece, which may be kept. */
  take({ offset, bytes, isLast, sequence, clusterTimeMs }: CopyPiece): PieceOutcome {
    // Two leaders may install the same piece, one after the other. Taken twice, it would be found out in the end, as the
    // reader accepts nothing but what was written: keys that ascend, and counts and hash that are right. But then all of the
    // shard would have to come again.
    if (offset !== this.#bytes) return { kind: "misplaced" };
    try {
      this.load(bytes);
      if (!isLast) return { kind: "more" };
      const machine = new KvStateMachine(this.#options);
      machine.adopt(this.#reader.end());
      return { kind: "complete", hosted: new HostedShard(machine, sequence, clusterTimeMs) };
    } catch {
      // The same on every replica, as the bytes are.
      this.#reader = new SnapshotReader(this.#options);
      this.#pieces = [];
      this.#bytes = 0;
      return { kind: "damaged" };
    }
  }

  /** Takes what {@link pieces} gave. Throws on anything else. */
  load(bytes: Uint8Array): void {
    this.#reader.push(bytes);
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }
}
