/**
 * Answers those who watch keys, at any server: with what it knows already, or with what happens while they wait.
 *
 * Before a watch waits, or is told that there is nothing, a leader must have confirmed that this server has applied all
 * that was committed when the question came. So a server that is cut off from the others keeps nobody for longer than one
 * wait: the next question is refused, and the client goes elsewhere. What has happened is told without asking anybody; it
 * is committed, and stays so.
 *
 * @module
 */
import type { Clock } from "../raft/node/clock.ts";
import type { NotDoneReason, ReadOutcome } from "../raft/rsm/errors.ts";
import type { RpcServerConnection } from "../raft/wire/rpc.ts";
import type { KvReply } from "./protocol.ts";
import type { KvAnswer, WatchQuery } from "./state_machine.ts";
import { type WatchAnswer, WatchDesk } from "./watch_desk.ts";
import type { WatchHistory, WatchPosition } from "./watch_history.ts";
import { batchToFields, type WatchRequest } from "./watch_protocol.ts";

/** What a {@link WatchService} works with. */
export interface WatchServiceOptions {
  /** Asks the machine once a leader has confirmed that it is up to date. */
  readonly replica: {
    readWith(query: WatchQuery, consistency: "linearizable", callback: (outcome: ReadOutcome<KvAnswer>) => void): void;
  };
  /** What happens to the machine's keys. */
  readonly history: WatchHistory;
  /** Time. */
  readonly clock: Clock;
  /** The reply to what was not done, for this reason. */
  readonly refuse: (reason: NotDoneReason, leader: string | null) => KvReply;
}

/** See the module. */
export class WatchService {
  readonly #options: WatchServiceOptions;
  readonly #desk: WatchDesk;

  constructor(options: WatchServiceOptions) {
    this.#options = options;
    this.#desk = new WatchDesk({ history: options.history, clock: options.clock });
  }

  /** Answers a watch, now or when its time is up, by calling `respond` once. `client` is who asks. */
  handle(
    request: WatchRequest,
    respond: (reply: KvReply) => void,
    client: Pick<RpcServerConnection, "isOpen">,
  ): void {
    const { replica, history, refuse } = this.#options;
    const { selection, from, waitMs, maxBytes } = request;
    if (from !== null && waitMs > 0) {
      const known = history.read(selection, from, maxBytes);
      if (known.kind === "changes" && known.changes.length > 0) return respond(replyOf(known));
    }
    replica.readWith({ kind: "watch", selection, from, maxBytes }, "linearizable", (outcome) => {
      switch (outcome.kind) {
        case "done":
          return this.#answer(request, outcome.answer, respond, client);
        case "notDone":
          return respond(refuse(outcome.reason, outcome.leader));
        case "failed":
          return respond({ kind: "unavailable", message: `the watch has failed: ${String(outcome.error)}` });
      }
    });
  }

  /** The server stops: answers all that wait. */
  close(): void {
    this.#desk.close();
  }

  #answer(
    request: WatchRequest,
    answer: KvAnswer,
    respond: (reply: KvReply) => void,
    client: Pick<RpcServerConnection, "isOpen">,
  ): void {
    if (!("kind" in answer) || (answer.kind !== "changes" && answer.kind !== "compacted")) {
      return respond({ kind: "unavailable", message: "the machine does not know of watches" });
    }
    const isNews = answer.kind === "compacted" || answer.changes.length > 0;
    // Whoever begins is told at once where.
    if (isNews || request.from === null || request.waitMs === 0) return respond(replyOf(answer));
    if (!this.#wait(request, answer.next, respond, client)) {
      respond({ kind: "tooManyWatches", message: "too many watches wait at this server" });
    }
  }

  #wait(
    { selection, waitMs, maxBytes }: WatchRequest,
    from: WatchPosition,
    respond: (reply: KvReply) => void,
    client: Pick<RpcServerConnection, "isOpen">,
  ): boolean {
    return this.#desk.wait({
      ...{ selection, from, waitMs, maxBytes },
      answer: (answer) => respond(replyOf(answer)),
      isWanted: () => client.isOpen,
    });
  }
}

function replyOf(answer: WatchAnswer): KvReply {
  switch (answer.kind) {
    case "changes":
      return { kind: "ok", fields: batchToFields(answer) };
    case "compacted":
      return answer;
    case "closed":
      return { kind: "unavailable", message: "this server has stopped" };
  }
}
