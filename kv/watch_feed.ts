/**
 * Asks servers what has happened to watched keys, for all watches of a Clerk: on a connection of their own, to whichever
 * server answers. A question is repeated, there or elsewhere, until a server answers it, which does no harm.
 *
 * A server that does not reach far enough back, or lets no more watches wait, speaks for itself only: the others are asked
 * before that is the answer.
 *
 * @module
 */
import type { Timer } from "../raft/node/clock.ts";
import type { RpcOutcome } from "../raft/wire/rpc.ts";
import type { ClerkWaiting } from "./clerk_engine.ts";
import { LeaderLink, type LeaderLinkOptions, type Link, type WaitingReason } from "./clerk_link.ts";
import { ClerkError } from "./errors.ts";
import type { Linked } from "./linked_list.ts";
import { type KvReply, replyFromCbor, requestToCbor } from "./protocol.ts";
import { ShapeError } from "./shape.ts";
import { batchFromFields, type WatchBatch, type WatchRequest } from "./watch_protocol.ts";

/** After this long without an answer somebody is told what is waited for, and from then on as often. Milliseconds. */
const noticeMs = 1000;

/** What a feed works with. */
export interface WatchFeedOptions extends Omit<LeaderLinkOptions, "isWanted" | "onOpen" | "onWaiting"> {
  /** A server that is this late with its answer is left for another one, in milliseconds. */
  readonly attemptTimeoutMs: number;
  /** Told about once a second while no server can be asked. */
  readonly onWaiting: ((state: ClerkWaiting) => void) | undefined;
}

/** The answer to a question. */
export type WatchReply = WatchBatch | Extract<KvReply, { readonly kind: "compacted" }>;

/** A question under way. */
interface Poll extends Linked<Poll> {
  readonly request: WatchRequest;
  readonly madeAtMs: number;
  /** Ends it; only the first time counts. */
  readonly settle: (outcome: WatchReply | ClerkError) => void;
  /** What a server has said for itself, and who has. */
  verdict: WatchReply | ClerkError | null;
  readonly judges: Set<string>;
  /** Makes the verdict final although not all servers were heard. */
  judgement: Timer | null;
  /** Takes it back from the server that has it. */
  takeBack: (() => void) | null;
}

/** See the module. */
export class WatchFeed {
  readonly #options: WatchFeedOptions;
  readonly #link: LeaderLink<Poll>;
  readonly #polls = new Set<Poll>();
  #isClosed = false;
  #lastAnswerMs = 0;
  #lastNoticeMs = 0;

  constructor(options: WatchFeedOptions) {
    this.#options = options;
    this.#link = new LeaderLink<Poll>({
      ...options,
      isWanted: () => this.#polls.size > 0,
      onOpen: () => this.#pump(),
      onWaiting: (reason, server, detail) => this.#notify(reason, server, detail),
    });
  }

  /** Asks, for as long as it takes. Rejects with a {@link ClerkError}. */
  poll(request: WatchRequest, signal: AbortSignal): Promise<WatchReply> {
    return new Promise((resolve, reject) => {
      const poll: Poll = {
        ...{ request, madeAtMs: this.#options.clock.monotonicMs(), verdict: null, judges: new Set() },
        ...{ judgement: null, takeBack: null, earlier: null, later: null },
        settle: (outcome) => {
          if (!this.#polls.delete(poll)) return;
          signal.removeEventListener("abort", onAbort);
          poll.judgement?.cancel();
          poll.takeBack?.();
          if (outcome instanceof ClerkError) reject(outcome);
          else resolve(outcome);
        },
      };
      const onAbort = (): void => poll.settle(this.#ended(signal.reason));
      this.#polls.add(poll);
      if (this.#isClosed || signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#pump();
    });
  }

  /** Ends all questions and closes all connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const poll of [...this.#polls]) poll.settle(this.#ended(undefined));
    await this.#link.close();
  }

  /** Sends what nobody has. */
  #pump(): void {
    const link = this.#link.current;
    if (link === null) {
      if (this.#polls.size > 0) this.#link.want();
      return;
    }
    if (!link.client.isOpen) return;
    for (const poll of this.#polls) {
      if (poll.takeBack === null) this.#send(link, poll);
    }
  }

  #send(link: Link<Poll>, poll: Poll): void {
    const { clock, attemptTimeoutMs } = this.#options;
    link.inFlight.add(poll);
    const giveUp = link.client.call(requestToCbor(poll.request), (outcome) => {
      poll.takeBack?.();
      this.#received(link, poll, outcome);
    });
    const patience = clock.after(poll.request.waitMs + attemptTimeoutMs, () => {
      this.#notify("noReply", link.address, "");
      this.#link.hangUp(link, `no answer to a watch within ${poll.request.waitMs + attemptTimeoutMs} ms`);
    });
    poll.takeBack = () => {
      poll.takeBack = null;
      patience.cancel();
      giveUp();
      link.inFlight.remove(poll);
      this.#link.settled(link);
    };
  }

  #received(link: Link<Poll>, poll: Poll, outcome: RpcOutcome): void {
    if (outcome.kind === "notSent" && link.client.isOpen) poll.settle(new ClerkError("invalid", outcome.reason));
    else if (outcome.kind === "reply") {
      try {
        this.#judge(link, poll, replyFromCbor(outcome.body));
      } catch (error) {
        if (!(error instanceof ShapeError)) throw error;
        this.#leave(link, "unavailable", `it sent a malformed reply: ${error.message}`, null);
        this.#link.hangUp(link, error.message);
      }
    }
    this.#pump();
  }

  #judge(link: Link<Poll>, poll: Poll, reply: KvReply): void {
    switch (reply.kind) {
      case "ok":
        this.#lastAnswerMs = this.#options.clock.monotonicMs();
        this.#link.confirm(link, this.#lastAnswerMs);
        return poll.settle(batchFromFields(reply.fields));
      case "compacted":
        return this.#refused(link, poll, reply);
      case "tooManyWatches":
        return this.#refused(link, poll, new ClerkError("tooManyWatches", `Cannot watch: ${reply.message}`));
      case "badRequest":
        return poll.settle(new ClerkError("invalid", `Cannot watch: the server refused it: ${reply.message}`));
      case "notLeader":
        return this.#leave(link, "noLeader", "", reply.address);
      case "overloaded":
      case "unavailable":
        return this.#leave(link, reply.kind, reply.message, null);
      default:
        throw new ShapeError(`${reply.kind} is no answer to a watch`);
    }
  }

  /** A server has refused, for reasons of its own: final when all have, or when the others are not heard of. */
  #refused(link: Link<Poll>, poll: Poll, verdict: WatchReply | ClerkError): void {
    const { addresses, clock, attemptTimeoutMs } = this.#options;
    poll.verdict = verdict;
    poll.judges.add(link.address);
    if (addresses.every((address) => poll.judges.has(address))) return poll.settle(verdict);
    poll.judgement ??= clock.after(attemptTimeoutMs, () => poll.settle(poll.verdict ?? verdict));
    this.#link.leave(link, null);
  }

  #leave(link: Link<Poll>, reason: WaitingReason, detail: string, hint: string | null): void {
    this.#notify(reason, link.address, detail);
    this.#link.leave(link, hint);
  }

  #notify(reason: WaitingReason, server: string, detail: string): void {
    const { onWaiting, clock } = this.#options;
    const [oldest] = this.#polls;
    if (onWaiting === undefined || oldest === undefined) return;
    const nowMs = clock.monotonicMs();
    const sinceMs = nowMs - Math.max(oldest.madeAtMs, this.#lastAnswerMs);
    if (sinceMs < noticeMs || nowMs - this.#lastNoticeMs < noticeMs) return;
    this.#lastNoticeMs = nowMs;
    onWaiting({ reason, server, detail, attempts: this.#link.tries, sinceMs });
  }

  #ended(reason: unknown): ClerkError {
    return this.#isClosed
      ? new ClerkError("closed", "Cannot go on watching: the Clerk was closed")
      : new ClerkError("aborted", "Cannot go on watching: its signal was aborted", { cause: reason });
  }
}
