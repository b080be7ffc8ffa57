/**
 * Answers whoever asks a server of a shard group: clients, and other groups.
 *
 * @module
 */
import type { CborValue } from "../../raft/encoding/cbor.ts";
import type { Consistency, ReplicatedStateMachine } from "../../raft/rsm/rsm.ts";
import { commandCodec } from "../commands.ts";
import type { KvCommand } from "../commands.ts";
import { replyToCbor } from "../protocol.ts";
import { answerToReply, notDoneReply, type ReadRequest, resultToCbor } from "../service.ts";
import { type KvStatus, statusToCbor } from "../status.ts";
import { CopyReaders } from "./copy_reader.ts";
import { encodeForShard, type GroupCommand } from "./group_commands.ts";
import type { GroupAnswer, GroupQuery, GroupResult, ShardGroupMachine } from "./shard_group.ts";
import type { LostShard } from "./shard_copies.ts";
import { type GroupRequest, type GroupStatus, groupStatusReply, pieceReply, wrongGroupCode } from "./shard_protocol.ts";

/** The replicated machine of a group. */
export type GroupReplica = ReplicatedStateMachine<GroupCommand, GroupResult, GroupQuery, GroupAnswer>;

/** What a {@link GroupService} works with. */
export interface GroupServiceOptions {
  /** The machine. */
  readonly machine: ShardGroupMachine;
  /** The machine, replicated. */
  readonly replica: GroupReplica;
  /** Where clients reach a node, null if that is not known. */
  readonly addressOf: (nodeId: string) => string | null;
  /** How this server is. */
  readonly status: () => KvStatus;
  /** How the group is. */
  readonly groupStatus: () => GroupStatus;
  /** Bytes of a piece of a shard that another group fetches. */
  readonly pieceBytes: number;
}

type Respond = (reply: CborValue) => void;

/** See the module. */
export class GroupService {
  readonly #options: GroupServiceOptions;
  readonly #copies: CopyReaders;

  constructor(options: GroupServiceOptions) {
    this.#options = options;
    this.#copies = new CopyReaders(options.pieceBytes);
  }

  /** Answers one request, now or later, by calling `respond` once. */
  handle(request: GroupRequest, respond: Respond): void {
    switch (request.kind) {
      case "badRequest":
        return respond(replyToCbor({ kind: "badRequest", message: request.message }));
      case "shard":
        return this.#forShard(request.shard, request.inner, respond);
      case "fetch":
        return this.#fetch(request, respond);
      case "drop":
        return this.#drop(request, respond);
      case "status":
        return respond(replyToCbor({ kind: "ok", fields: [statusToCbor(this.#options.status())] }));
      case "groupStatus":
        return respond(groupStatusReply(this.#options.groupStatus()));
    }
  }

  #forShard(shard: number, { request, encoded }: ReadRequest, respond: Respond): void {
    switch (request.kind) {
      case "badRequest":
        return respond(replyToCbor({ kind: "badRequest", message: request.message }));
      case "openSession":
      case "write":
      case "writes":
      case "sessionlessWrite":
        return this.#write(shard, request, encoded ?? commandCodec.encode(request), respond);
      case "read":
        return this.#read({ shard, query: { kind: "get", key: request.key } }, request.consistency, respond);
      case "reads":
        return this.#read({ shard, query: { kind: "reads", keys: request.keys } }, request.consistency, respond);
      case "query":
        return this.#read({ shard, query: request.query }, request.consistency, respond);
      default:
        return respond(replyToCbor({ kind: "badRequest", message: `${request.kind} is not for a shard` }));
    }
  }

  #write(shard: number, command: KvCommand, encoded: Uint8Array, respond: Respond): void {
    const { machine, replica } = this.#options;
    // A leader knows in advance what would be refused; only the log knows for sure what will not be.
    if (replica.leader === replica.id && !machine.state.serving.has(shard)) {
      return respond([wrongGroupCode, machine.number]);
    }
    this.#submit({ kind: "shard", shard, command }, encodeForShard(shard, encoded), respond);
  }

  #submit(command: GroupCommand, encoded: Uint8Array, respond: Respond): void {
    this.#options.replica.submitDecoded(command, encoded, (outcome) => {
      switch (outcome.kind) {
        case "done":
          return respond(replyTo(outcome.result));
        case "notDone":
          return respond(replyToCbor(notDoneReply(outcome.reason, outcome.leader, this.#options.addressOf)));
        case "unknown":
          return respond(replyToCbor({ kind: "unknown", message: `it was not decided here: ${outcome.reason}` }));
      }
    });
  }

  #read(query: GroupQuery, consistency: Consistency, respond: Respond): void {
    const { replica, machine } = this.#options;
    replica.readWith(query, consistency, (outcome) => {
      switch (outcome.kind) {
        case "done":
          if (outcome.answer === null) return respond([wrongGroupCode, machine.number]);
          return respond(answerToReply(outcome.answer.answer, outcome.answer.sequence));
        case "notDone":
          return respond(replyToCbor(notDoneReply(outcome.reason, outcome.leader, this.#options.addressOf)));
        case "failed":
          return respond(
            replyToCbor({ kind: "unavailable", message: `the read has failed: ${String(outcome.error)}` }),
          );
      }
    });
  }

  #drop({ group, copy }: Extract<GroupRequest, { readonly kind: "drop" }>, respond: Respond): void {
    const { machine } = this.#options;
    if (group !== machine.group) return respond(this.#notThisGroup(group));
    const command = { kind: "drop", ...copy } as const;
    this.#submit(command, machine.commandCodec.encode(command), respond);
  }

  #notThisGroup(group: number): CborValue {
    return replyToCbor({ kind: "unavailable", message: `this is group ${this.#options.machine.group}, not ${group}` });
  }

  #fetch(request: Extract<GroupRequest, { readonly kind: "fetch" }>, respond: Respond): void {
    const { group, shard, number, offset } = request;
    const { machine } = this.#options;
    const unavailable = (message: string): void => respond(replyToCbor({ kind: "unavailable", message }));
    if (group !== machine.group) return respond(this.#notThisGroup(group));
    if (machine.number < number) return unavailable(`group ${machine.group} is at configuration ${machine.number}`);
    const copy = lostAt(machine.state.lost.values(), shard, number);
    if (copy === null) return unavailable(`group ${machine.group} has no copy of shard ${shard} from ${number}`);
    const piece = this.#copies.read(copy, offset);
    if (piece === null) return unavailable(`shard ${shard} has no byte ${offset}`);
    respond(pieceReply(piece));
  }
}

/** The copy of a shard that was lost last, up to configuration `number`: that one goes to who gains it then. */
function lostAt(copies: Iterable<LostShard>, shard: number, number: number): LostShard | null {
  let found: LostShard | null = null;
  for (const copy of copies) {
    if (copy.shard !== shard || copy.frozenAt > number) continue;
    if (found === null || copy.frozenAt > found.frozenAt) found = copy;
  }
  return found;
}

function replyTo(result: GroupResult): CborValue {
  switch (result.kind) {
    case "wrongGroup":
      return [wrongGroupCode, result.number];
    case "accepted":
      return [0];
    case "refused":
      return replyToCbor({ kind: "unavailable", message: `the group refused it: ${result.reason}` });
    default:
      return resultToCbor(result);
  }
}
