/**
 * The key/value store as a replicated state machine: sessions in front of the store, both in the snapshot.
 *
 * @module
 */
import type { ApplyContext, CommandCodec, SnapshotSource, StateMachine } from "../raft/rsm/state_machine.ts";
import { commandCodec, type KvCommand, type Operation, type WriteCommand } from "./commands.ts";
import { type SessionOptions, type SessionOutcome, SessionTable } from "./sessions.ts";
import { type FrozenState, readSnapshot, snapshotSlices } from "./snapshot.ts";
import { type ReadResult, Store, type StoreOptions, type WriteOutcome } from "./store.ts";

/** What a command came to. */
export type KvResult =
  /** The session is open under this id. */
  | { readonly kind: "sessionOpened"; readonly sessionId: number }
  | SessionOutcome;

/** A question that changes nothing. */
export interface KvQuery {
  /** Discriminates what may become a union. */
  readonly kind: "get";
  /** The key. */
  readonly key: string;
}

/** The answer to a {@link KvQuery}. */
export type KvAnswer = ReadResult;

/** Figures about the state, for `status`. */
export interface KvFigures {
  /** Number of keys. */
  readonly keys: number;
  /** Bytes of all keys and values. */
  readonly storeBytes: number;
  /** Number of client sessions. */
  readonly sessions: number;
  /** Equal on replicas that have applied the same commands; see `Store.hash`. */
  readonly hash: string;
}

/** See the module. */
export class KvStateMachine implements StateMachine<KvCommand, KvResult, KvQuery, KvAnswer> {
  /** See `commands.ts`. */
  readonly commandCodec: CommandCodec<KvCommand> = commandCodec;
  readonly #options: StoreOptions & SessionOptions;
  #store: Store;
  #sessions: SessionTable;

  /** `options` differ from the defaults only in tests: they are part of what every replica must agree on. */
  constructor(options: StoreOptions & SessionOptions = {}) {
    this.#options = options;
    this.#store = new Store(options);
    this.#sessions = new SessionTable(options);
  }

  /** Executes a command. */
  apply(command: KvCommand, context: ApplyContext): KvResult {
    this.#sessions.expire(context.clusterTimeMs);
    switch (command.kind) {
      case "openSession":
        this.#sessions.open(context.index, context.clusterTimeMs);
        return { kind: "sessionOpened", sessionId: context.index };
      case "write":
        return this.#write(command, context.clusterTimeMs);
    }
  }

  /** Answers from the state as it is. */
  query(query: KvQuery): KvAnswer {
    return this.#store.read(query.key);
  }

  /** A view of the state as it is: O(1) for the keys, a few milliseconds for 200,000 sessions. */
  snapshot(): SnapshotSource {
    let frozen: FrozenState | null = {
      entries: this.#store.view(),
      sessions: this.#sessions.freeze(),
      sessionCount: this.#sessions.size,
      hash: this.#store.hash(),
    };
    return {
      async *chunks() {
        if (frozen !== null) yield* snapshotSlices(frozen);
      },
      release() {
        frozen = null;
      },
    };
  }

  /** Replaces the state; leaves it as it was if the snapshot is not correct, and throws. */
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { store, sessions } = await readSnapshot(chunks, this.#options);
    this.#store = store;
    this.#sessions = sessions;
  }

  /** Figures for `status`. */
  figures(): KvFigures {
    const store = this.#store;
    return { keys: store.size, storeBytes: store.bytes, sessions: this.#sessions.size, hash: store.hash() };
  }

  #write(command: WriteCommand, clusterTimeMs: number): SessionOutcome {
    const { sessionId, serialNumber, lowestOutstanding } = command;
    const answer = this.#sessions.admit(sessionId, serialNumber, lowestOutstanding, clusterTimeMs);
    if (answer !== null) return answer;
    const outcome = this.#execute(command.operation);
    this.#sessions.keep(sessionId, serialNumber, outcome);
    return outcome;
  }

  #execute(operation: Operation): WriteOutcome {
    switch (operation.kind) {
      case "put":
        return this.#store.put(operation.key, operation.value);
      case "append":
        return this.#store.append(operation.key, operation.value);
    }
  }
}
