/**
 * Answers clients: turns each request into a command or a query of the replicated machine, and each outcome into a reply.
 *
 * There is no promise on this way, only callbacks: it is walked a hundred thousand times a second.
 *
 * @module
 */
import type { NotDoneReason } from "../raft/rsm/errors.ts";
import { nameOf } from "../raft/mod.ts";
import type { Consistency, ReplicatedStateMachine } from "../raft/rsm/rsm.ts";
import type { CborValue } from "../raft/encoding/cbor.ts";
import type { Clock } from "../raft/node/clock.ts";
import { type BodyReading, readAnyBody, type RpcServerConnection } from "../raft/wire/rpc.ts";
import { commandCodec, commandPool, type KvCommand } from "./commands.ts";
import { isWriteAt, readKeyWrite } from "./key_write.ts";
import { readReplyBytes } from "./limits.ts";
import { type KvReply, type KvRequest, outcomeToCbor, replyToCbor, requestFromCbor } from "./protocol.ts";
import { answerToCbor, type WideQuery } from "./queries.ts";
import { ShapeError } from "./shape.ts";
import type { GetQuery, KvAnswer, KvQuery, KvResult, ReadsQuery } from "./state_machine.ts";
import { type KvStatus, statusToCbor } from "./status.ts";
import type { ReadResult } from "./store.ts";
import { isWritesAt, readWrites } from "./write_batch.ts";
import type { WatchHistory } from "./watch_history.ts";
import { WatchService } from "./watch_service.ts";

/** A request that cannot be understood. */
export interface BadRequest {
  /** Discriminates it from requests. */
  readonly kind: "badRequest";
  /** What is wrong with it. */
  readonly message: string;
}

/** A request, as {@link readRequest} found it. */
export interface ReadRequest {
  /** What is asked, or what is wrong with it. */
  readonly request: KvRequest | BadRequest;
  /** A write as it stands in the log, which is as it came; null if it is yet to be encoded. */
  readonly encoded: Uint8Array | null;
}

/** Reads a request. Throws a CborError on what is not even well-formed. */
export function readRequest(item: Uint8Array, offset: number, isOwn: boolean): BodyReading<ReadRequest> {
  const isBatch = isWritesAt(item, offset);
  if (isBatch || isWriteAt(item, offset)) {
    const kept = isOwn ? item.subarray(offset) : commandPool.copy(item, offset, item.length);
    const write = isBatch ? readWrites(kept) : readKeyWrite(kept);
    if (write !== null) {
      return { body: { request: write.command, encoded: kept.subarray(0, write.end) }, end: offset + write.end };
    }
  }
  const { body, end } = readAnyBody(item, offset, isOwn);
  return { body: { request: requestOrProblem(body), encoded: null }, end };
}

function requestOrProblem(body: CborValue): ReadRequest["request"] {
  try {
    return requestFromCbor(body);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    return { kind: "badRequest", message: error.message };
  }
}

/** The replicated key/value machine, as the service needs it. */
export type KvReplica = Pick<
  ReplicatedStateMachine<KvCommand, KvResult, KvQuery, KvAnswer>,
  "submitDecoded" | "readWith" | "appliedIndex"
>;

/** What a {@link KvService} works with. */
export interface KvServiceOptions {
  /** The machine. */
  readonly replica: KvReplica;
  /** Where clients reach a node, null if that is not known. */
  readonly addressOf: (nodeId: string) => string | null;
  /** How this server is. */
  readonly status: () => KvStatus;
  /** What happens to the machine's keys. */
  readonly history: WatchHistory;
  /** Time. */
  readonly clock: Clock;
}

/** See the module. */
export class KvService {
  readonly #replica: KvReplica;
  readonly #options: KvServiceOptions;
  readonly #watches: WatchService;

  constructor(options: KvServiceOptions) {
    this.#options = options;
    this.#replica = options.replica;
    const { replica, history, clock, addressOf } = options;
    const refuse = (reason: NotDoneReason, leader: string | null): KvReply => notDoneReply(reason, leader, addressOf);
    this.#watches = new WatchService({ replica, history, clock, refuse });
  }

  /** The server stops: answers all that wait here. */
  close(): void {
    this.#watches.close();
  }

  /** Answers one request, now or later, by calling `respond` once. */
  handle(
    { request, encoded }: ReadRequest,
    respond: (reply: CborValue) => void,
    client: Pick<RpcServerConnection, "isOpen">,
  ): void {
    switch (request.kind) {
      case "badRequest":
        return respond(replyToCbor({ kind: "badRequest", message: request.message }));
      case "openSession":
      case "write":
      case "writes":
      case "sessionlessWrite":
        return this.#submit(request, encoded ?? commandCodec.encode(request), respond);
      case "read":
        return this.#read({ kind: "get", key: request.key }, request.consistency, respond);
      case "reads":
        return this.#read({ kind: "reads", keys: request.keys }, request.consistency, respond);
      case "query":
        return this.#read(atTime(request.query, this.#options.clock), request.consistency, respond);
      case "watch":
        return this.#watches.handle(request, (reply) => respond(replyToCbor(reply)), client);
      case "status":
        return respond(replyToCbor({ kind: "ok", fields: [statusToCbor(this.#options.status())] }));
    }
  }

  #submit(command: KvCommand, encoded: Uint8Array, respond: (reply: CborValue) => void): void {
    this.#replica.submitDecoded(command, encoded, (outcome) => {
      switch (outcome.kind) {
        case "done":
          return respond(resultToCbor(outcome.result));
        case "notDone":
          return respond(replyToCbor(notDoneReply(outcome.reason, outcome.leader, this.#options.addressOf)));
        case "unknown":
          return respond(replyToCbor({ kind: "unknown", message: `it was not decided here: ${outcome.reason}` }));
      }
    });
  }

  #read(query: GetQuery | ReadsQuery | WideQuery, consistency: Consistency, respond: (reply: CborValue) => void): void {
    this.#replica.readWith(query, consistency, (outcome) => {
      switch (outcome.kind) {
        case "done":
          return respond(answerToReply(outcome.answer, this.#replica.appliedIndex));
        case "notDone":
          return respond(replyToCbor(notDoneReply(outcome.reason, outcome.leader, this.#options.addressOf)));
        case "failed":
          return respond(
            replyToCbor({ kind: "unavailable", message: `the read has failed: ${String(outcome.error)}` }),
          );
      }
    });
  }
}

/** The reply to a command or read that was not done. */
export function notDoneReply(
  reason: NotDoneReason,
  leader: string | null,
  addressOf: (nodeId: string) => string | null,
): KvReply {
  switch (reason) {
    case "notLeader":
    case "slotLost":
      return leader === null
        ? { kind: "notLeader", leader, address: null }
        : { kind: "notLeader", leader: nameOf(leader), address: addressOf(leader) };
    case "overloaded":
      return { kind: "overloaded", message: "too many commands wait to be committed" };
    case "diskFull":
      return { kind: "diskFull", message: "the leader's disk is full" };
    case "tooLarge":
      return { kind: "badRequest", message: "the command is too large" };
    case "transferringLeadership":
      return { kind: "unavailable", message: "leadership is being handed over" };
    case "configurationChangeInProgress":
      return { kind: "unavailable", message: "the configuration is being changed" };
    case "stopped":
      return { kind: "unavailable", message: "this server has stopped" };
    case "aborted":
    case "timeout":
      return { kind: "unavailable", message: "no leader has confirmed it in time" };
  }
}

/** How long leases last depends on what time it is now. */
function atTime(query: WideQuery, clock: Clock): WideQuery {
  return query.kind === "lease" || query.kind === "leases" ? { ...query, nowMs: clock.wallMs() } : query;
}

/** The reply to a read. The index is asked for when the answer is made, so that it belongs to it. */
export function answerToReply(answer: KvAnswer, appliedIndex: number): CborValue {
  if (!("kind" in answer)) return [0, answer.value, answer.version];
  if (answer.kind === "reads") return [0, readsToCbor(answer.results)];
  // A watch is answered by its own service.
  if (answer.kind === "changes" || answer.kind === "compacted") throw new Error(`${answer.kind} answers no read`);
  return [0, appliedIndex, answerToCbor(answer)];
}

/** As many as fit into a reply, at least one. */
function readsToCbor(results: readonly ReadResult[]): CborValue {
  const items: CborValue[] = [];
  let bytes = 0;
  for (const { value, version } of results) {
    items.push(value, version);
    bytes += value.length;
    if (bytes >= readReplyBytes) break;
  }
  return items;
}

/** The reply to a command that was applied. */
export function resultToCbor(result: KvResult): CborValue {
  switch (result.kind) {
    case "sessionOpened":
      return [0, result.sessionId];
    case "written":
      return [0, result.version];
    case "done":
      return [0, result.number];
    case "writes":
      return [0, result.outcomes.map(outcomeToCbor)];
    default:
      return replyToCbor(result);
  }
}
