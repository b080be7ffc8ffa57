/**
 * A coordinator as a process runs it: one member of a cluster, which workers and users can talk to.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import { type NodeOptions, type OpenedRaft, openRaft } from "../raft/open.ts";
import type { NotDoneReason } from "../raft/rsm/errors.ts";
import type { MachineOptions } from "../raft/rsm/options.ts";
import { ReplicatedStateMachine } from "../raft/rsm/rsm.ts";
import { readAnyBody } from "../raft/wire/rpc.ts";
import { ShapeError } from "../raft/encoding/shape.ts";
import { CoordinatorMachine, type CoordinatorQuery } from "./coordinator.ts";
import { type Command, commandCodec, type CommandResult, type Request, requestFrom } from "./protocol.ts";
import type { CoordinatorNodeStatus, MapReduceStatus } from "./status.ts";

/** One coordinator of a cluster; see `NodeOptions` and `MachineOptions` for each. */
export type CoordinatorOptions =
  & NodeOptions
  & Pick<
    MachineOptions<Command, CommandResult, CoordinatorQuery, MapReduceStatus>,
    "maxRaftState" | "timeoutMs" | "onStatus" | "onStopped"
  >;

/** The coordinator's machine, replicated. */
export type CoordinatorReplica = ReplicatedStateMachine<Command, CommandResult, CoordinatorQuery, MapReduceStatus>;
type Respond = (reply: CborValue) => void;

/** A running coordinator. */
export class CoordinatorServer implements AsyncDisposable {
  /** The node's name. */
  readonly id: string;
  /** Where it listens, `HOST:PORT`. */
  readonly address: string;
  /** The replicated machine underneath. */
  readonly replica: CoordinatorReplica;
  readonly #opened: OpenedRaft;
  readonly #peers: Readonly<Record<string, string>>;

  private constructor(options: CoordinatorOptions, opened: OpenedRaft, replica: CoordinatorReplica) {
    this.id = options.id;
    this.address = opened.address;
    this.replica = replica;
    this.#opened = opened;
    this.#peers = options.peers;
  }

  /**
   * Opens the data directory and the port, restores what is stored and takes part. Rejects with a message that says what to
   * change when the options are wrong, the directory belongs to another node or process, or the port is taken.
   */
  static async start(options: CoordinatorOptions): Promise<CoordinatorServer> {
    let server: CoordinatorServer | null = null;
    const opened = await openRaft(options, {
      readRequest: readAnyBody,
      onRequest: (request, respond) => {
        if (server === null) respond({ kind: "unavailable", message: "this coordinator is starting" });
        else server.#handle(request, respond);
      },
    });
    try {
      const { maxRaftState, timeoutMs, onStatus, onStopped } = options;
      const replica: CoordinatorReplica = await ReplicatedStateMachine.attach(opened, {
        machine: new CoordinatorMachine(),
        ...(maxRaftState === undefined ? {} : { maxRaftState }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(onStatus === undefined ? {} : { onStatus }),
        ...(onStopped === undefined ? {} : { onStopped }),
      });
      server = new CoordinatorServer(options, opened, replica);
      return server;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** How this coordinator is. */
  status(): CoordinatorNodeStatus {
    const { role, currentTerm, leader } = this.replica.status();
    return { id: this.id, role, term: currentTerm, leader };
  }

  /** Stops taking part, answers everyone who waits, and closes port and directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.replica[Symbol.asyncDispose]();
    await this.#opened[Symbol.asyncDispose]();
  }

  #handle(body: CborValue, respond: Respond): void {
    let request: Request;
    try {
      request = requestFrom(body);
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      return respond({ kind: "badRequest", message: error.message });
    }
    switch (request.kind) {
      case "node":
        return respond({ kind: "ok", value: this.status() });
      case "status":
        return this.#read({ job: request.job }, respond);
      default:
        return this.#submit(request, respond);
    }
  }

  #submit(command: Command, respond: Respond): void {
    this.replica.submitWith(commandCodec.encode(command), (outcome) => {
      switch (outcome.kind) {
        case "done":
          return respond({ kind: "ok", value: outcome.result });
        case "notDone":
          return respond(this.#notDone(outcome.reason, outcome.leader));
        case "unknown":
          return respond({ kind: "unavailable", message: `it was not decided here: ${outcome.reason}` });
      }
    });
  }

  #read(query: CoordinatorQuery, respond: Respond): void {
    this.replica.readWith(query, "linearizable", (outcome) => {
      switch (outcome.kind) {
        case "done":
          return respond({ kind: "ok", value: outcome.answer });
        case "notDone":
          return respond(this.#notDone(outcome.reason, outcome.leader));
        case "failed":
          return respond({ kind: "unavailable", message: `the read has failed: ${String(outcome.error)}` });
      }
    });
  }

  #notDone(reason: NotDoneReason, leader: string | null): CborValue {
    if (reason === "notLeader" || reason === "slotLost") {
      const address = leader === null ? null : this.#peers[leader] ?? null;
      return { kind: "notLeader", address };
    }
    if (reason === "tooLarge") return { kind: "badRequest", message: "the job's description is too large" };
    return { kind: "unavailable", message: `the coordinator could not do it: ${reason}` };
  }
}
