/**
 * What drives a Clerk: sends calls to the leader, sends them again until they are answered, and judges every answer.
 *
 * The one thing to keep straight is whether a write may have been executed. A call is *maybe executed* from the moment one
 * of its sendings was lost, or was answered "unknown", and stays so: only then a later refusal does not settle its fate.
 * It is safe to send it again all the same, under the same session and serial (see `protocol.ts`), which the engine does
 * for ever, or until the call's own time is up.
 *
 * Calls that are made in one turn of the event loop leave together, as few requests. There is one timer for all calls,
 * armed only while there are any.
 *
 * @module
 */
import type { CborValue } from "../raft/encoding/cbor.ts";
import type { Clock, Timer } from "../raft/node/clock.ts";
import type { RpcOutcome } from "../raft/wire/rpc.ts";
import { Call, callError, CallQueue, ClerkSession, type Refusal } from "./clerk_calls.ts";
import { type Answer, Sending } from "./clerk_requests.ts";
import { LeaderLink, type LeaderLinkOptions, type Link, type WaitingReason } from "./clerk_link.ts";
import { type ClerkErrorCode, failureTexts } from "./errors.ts";
import { clerkMaxInflightBytes, clerkMaxInflightCalls } from "./limits.ts";
import { LinkedList } from "./linked_list.ts";
import { ShapeError } from "./shape.ts";

/** The longest that the timer sleeps while calls are pending, in milliseconds. */
const sweepMs = 100;

/** After this long without progress somebody is told what is waited for, and from then on as often. Milliseconds. */
const noticeMs = 1000;

/** Pause after a server said that it has too much to do, in milliseconds; a random half of it is left out. */
const overloadPauseMs = 50;

/** A single call may stay unanswered so many times longer than a silent server is tolerated. */
const patience = 5;

/** What a Clerk is waiting for, when nothing has been answered for about a second. */
export interface ClerkWaiting {
  /** What keeps it. */
  readonly reason: WaitingReason;
  /** The server it is about, `HOST:PORT`. */
  readonly server: string;
  /** More about it, for people; may be empty. */
  readonly detail: string;
  /** Servers tried since the last answer. */
  readonly attempts: number;
  /** How long the call that waits longest has waited, in milliseconds. */
  readonly sinceMs: number;
}

/** What an engine works with. */
export interface ClerkEngineOptions extends Omit<LeaderLinkOptions, "isWanted" | "onOpen" | "onWaiting"> {
  /** A server that answers nothing for this long is left for another one, in milliseconds. */
  readonly attemptTimeoutMs: number;
  /** Told about once a second while calls wait. */
  readonly onWaiting: ((state: ClerkWaiting) => void) | undefined;
}

/** See the module. */
export class ClerkEngine {
  readonly #options: ClerkEngineOptions;
  readonly #clock: Clock;
  readonly #link: LeaderLink;
  /** Reads that any server can answer. */
  readonly #staleReads = new CallQueue();
  /** Calls that need a leader but no session. */
  readonly #sessionless = new CallQueue();
  readonly #writes = new CallQueue();
  /** Whose turn it is when calls with and without a session wait, so that neither starves the other. */
  #isSessionlessTurn = false;
  /** Every call that is not settled, in the order they were made. */
  readonly #pending = new LinkedList<Call>();
  #session: ClerkSession | null = null;
  /** The call that opens a session, while there is one. */
  #opening: Call | null = null;
  #isClosed = false;
  /** Whether {@link #sendAll} is about to run. */
  #isSendingDue = false;
  /** When the first call of this turn was made, in monotonic milliseconds; meaningful while #isSendingDue. */
  #turnMs = 0;
  #timer: Timer | null = null;
  /** When the timer fires, in monotonic milliseconds. */
  #timerAtMs = Infinity;
  /** No call is sent before, in monotonic milliseconds; 0 for no pause. */
  #pausedUntilMs = 0;
  #waiting: Pick<ClerkWaiting, "reason" | "server" | "detail">;
  /** When the answer came that is being judged, in monotonic milliseconds. */
  #answeredAtMs = 0;
  #lastProgressMs = 0;
  #lastNoticeMs = 0;

  constructor(options: ClerkEngineOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#waiting = { reason: "connecting", server: options.addresses[0] ?? "", detail: "" };
    this.#link = new LeaderLink({
      ...options,
      isWanted: () => this.#pending.oldest !== null,
      onOpen: () => this.#pump(),
      onWaiting: (reason, server, detail) => {
        this.#waiting = { reason, server, detail };
      },
    });
  }

  /** Takes a call, whose time began at `sinceMs` if it is a part of a longer one; it is settled sooner or later. */
  submit(call: Call, sinceMs: number | undefined): void {
    if (this.#isClosed) return this.#fail(call, "closed", "the Clerk was closed");
    this.#pump();
    call.madeAtMs = sinceMs ?? this.#turnMs;
    if (call.deadlineMs <= this.#turnMs) return this.#late(call);
    if (this.#pending.oldest === null) this.#lastProgressMs = this.#turnMs;
    this.#pending.add(call);
    this.#queueOf(call)?.add(call);
    this.#arm(Math.min(call.deadlineMs, this.#turnMs + sweepMs));
  }

  /** Ends a call that nobody waits for any more. */
  giveUp(call: Call, code: "aborted", message: string, cause: unknown): void {
    this.#fail(call, code, message, cause);
  }

  /** Ends all calls and closes all connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = null;
    for (let call = this.#pending.oldest; call !== null; call = this.#pending.oldest) {
      this.#fail(call, "closed", "the Clerk was closed");
    }
    await this.#link.close();
  }

  /** Sends what can be sent, once all that happens in this turn has happened. */
  #pump(): void {
    if (this.#isSendingDue) return;
    this.#isSendingDue = true;
    this.#turnMs = this.#clock.monotonicMs();
    queueMicrotask(() => {
      this.#isSendingDue = false;
      this.#sendAll();
    });
  }

  #sendAll(): void {
    if (this.#pending.oldest === null) return;
    const link = this.#link.current;
    if (link === null) return this.#link.want();
    // While a connection ends it still is the current one; its calls come back first.
    if (!link.client.isOpen || this.#isPaused()) return;
    while (link.inFlightCalls < clerkMaxInflightCalls && link.inFlightBytes < clerkMaxInflightBytes) {
      // A server that may not be the leader gets one call to prove itself, not a flood to send back.
      const isProving = !link.isConfirmed && link.inFlight.oldest !== null;
      const stale = this.#staleReads.next();
      const call = stale ?? (isProving ? null : this.#next());
      if (call === null) return;
      const sending = new Sending(call, this.#turnMs);
      if (stale !== null) this.#gather(sending, this.#staleReads);
      else if (link.isConfirmed) this.#gather(sending, call.task.kind === "read" ? this.#sessionless : this.#writes);
      this.#send(link, sending);
    }
  }

  /** Adds those that come next and may travel with it. */
  #gather(sending: Sending, queue: CallQueue): void {
    const peek = (): Call | null => queue === this.#writes ? this.#peekWrite() : queue.peek();
    for (let call = peek(); call !== null && sending.takes(call); call = peek()) {
      if (queue === this.#writes) this.#takeWrite(call);
      else queue.take();
      sending.add(call);
    }
  }

  /** The next call that needs a leader, taken from its queue; null when none can be sent now. */
  #next(): Call | null {
    if (this.#opening !== null && !this.#opening.isInFlight) return this.#opening;
    this.#isSessionlessTurn = !this.#isSessionlessTurn;
    return this.#isSessionlessTurn
      ? this.#sessionless.next() ?? this.#nextWrite()
      : this.#nextWrite() ?? this.#sessionless.next();
  }

  #nextWrite(): Call | null {
    const write = this.#peekWrite();
    if (write === null) return this.#session === null && this.#writes.peek() !== null ? this.#openSession() : null;
    this.#takeWrite(write);
    return write;
  }

  /** The write whose turn it is, if it can be sent now; without taking it. */
  #peekWrite(): Call | null {
    for (let write = this.#writes.peek(); write !== null; write = this.#writes.peek()) {
      if (write.session !== null && write.session !== this.#session) {
        // Its session is gone. Unless it may have been executed there, it starts over in another one.
        if (write.maybeExecuted) {
          this.#expired(write);
          continue;
        }
        write.session = null;
      }
      if (this.#session === null) return null;
      return write.session !== null || this.#session.hasRoom() ? write : null;
    }
    return null;
  }

  /** Takes the write that {@link #peekWrite} has returned; a new one gets its place in the session. */
  #takeWrite(write: Call): void {
    if (write.session === null) {
      this.#session?.enlist(write);
    }
    this.#writes.take();
  }

  /** The call that opens a session, to be sent now; null when it is under way already. */
  #openSession(): Call | null {
    if (this.#opening !== null) return null;
    const opening = new Call({ kind: "openSession" }, 8, Infinity, (outcome) => {
      this.#opening = null;
      if (outcome.kind === "number") this.#session = new ClerkSession(outcome.number);
    });
    this.#opening = opening;
    return opening;
  }

  #send(link: Link, sending: Sending): void {
    for (const call of sending.calls) call.isInFlight = true;
    link.inFlight.add(sending);
    link.inFlightCalls += sending.calls.length;
    link.inFlightBytes += sending.bytes;
    link.client.call(sending.request(), (outcome) => this.#received(link, sending, outcome));
  }

  #received(link: Link, sending: Sending, outcome: RpcOutcome): void {
    for (const call of sending.calls) call.isInFlight = false;
    link.inFlight.remove(sending);
    link.inFlightCalls -= sending.calls.length;
    link.inFlightBytes -= sending.bytes;
    if (outcome.kind === "reply") this.#judge(link, sending, outcome.body);
    else {
      for (const call of sending.calls) this.#failedToSend(link, call, outcome);
    }
    this.#link.settled(link);
    this.#pump();
  }

  #failedToSend(link: Link, call: Call, outcome: Exclude<RpcOutcome, { readonly kind: "reply" }>): void {
    switch (outcome.kind) {
      case "lost":
        call.maybeExecuted = true;
        return this.#repeat(call);
      case "notSent":
        // On an open connection it could never be sent: it is the call that is wrong.
        if (link.client.isOpen) return this.#fail(call, "invalid", outcome.reason);
        return this.#repeat(call);
    }
  }

  #judge(link: Link, sending: Sending, body: CborValue): void {
    const { calls } = sending;
    let answers: readonly Answer[];
    try {
      answers = sending.answers(body);
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      // Whatever this server is, it does not speak our protocol: what it did with the calls is anybody's guess.
      for (const call of calls) {
        call.maybeExecuted = true;
        this.#repeat(call);
      }
      this.#setWaiting("unavailable", link, `it sent a malformed reply: ${error.message}`);
      this.#link.leave(link, null);
      return this.#link.hangUp(link, error.message);
    }
    this.#answeredAtMs = this.#clock.monotonicMs();
    for (let at = 0; at < calls.length; at++) {
      const [call, answer] = [calls[at], answers[at]];
      if (call !== undefined && answer !== undefined) this.#answered(link, call, answer);
    }
  }

  #answered(link: Link, call: Call, reply: Answer): void {
    switch (reply.kind) {
      case "number":
      case "read":
      case "answer":
        return this.#done(link, call, reply);
      case "left":
        return this.#repeat(call);
      case "notLeader":
        this.#repeat(call);
        this.#setWaiting("noLeader", link, reply.leader === null ? "" : `it says that ${reply.leader} leads`);
        return this.#link.leave(link, reply.address);
      case "unknown":
        call.maybeExecuted = true;
        this.#repeat(call);
        this.#setWaiting("unavailable", link, reply.message);
        return this.#link.leave(link, null);
      case "unavailable":
        this.#repeat(call);
        this.#setWaiting("unavailable", link, reply.message);
        return this.#link.leave(link, null);
      case "overloaded":
      case "diskFull":
        call.isRefusedForRoom = reply.kind === "diskFull";
        this.#repeat(call);
        this.#setWaiting(reply.kind, link, reply.message);
        return this.#pauseSending();
      case "sessionExpired":
        this.#progress(link);
        if (call.session === this.#session) this.#session = null;
        if (call.maybeExecuted) return this.#expired(call);
        call.session = null;
        return this.#repeat(call);
      case "badRequest":
        if (call.task.kind === "openSession") {
          this.#setWaiting("unavailable", link, reply.message);
          return this.#link.leave(link, null);
        }
        return this.#fail(call, "invalid", `the server refused it: ${reply.message}`);
      case "wrongType":
      case "valueTooLarge":
      case "storeFull":
      case "notANumber":
      case "outOfRange":
      case "unknownLease":
      case "leaseFull":
        this.#progress(link);
        return this.#settle(call, reply.kind, failureTexts[reply.kind]);
      case "versionMismatch":
      case "noKey":
      case "lockHeld":
      case "lockNotHeld":
        return this.#refused(link, call, reply);
      case "operationFailed":
        this.#progress(link);
        return this.#settle(call, reply.reason, `operation ${reply.position}: ${failureTexts[reply.reason]}`);
      case "staleSerial":
      case "tooManyOutstanding":
        // Never an answer to a call that is still outstanding, unless the session table is not what it should be.
        return this.#settle(call, "unknown", `the cluster answered ${reply.kind}`);
    }
  }

  #done(link: Link, call: Call, outcome: Extract<Answer, { readonly kind: "number" | "read" | "answer" }>): void {
    // What any server can answer proves nothing about this one.
    if ("consistency" in call.task && call.task.consistency === "stale") this.#lastProgressMs = this.#answeredAtMs;
    else this.#progress(link);
    this.#pending.remove(call);
    call.settle(outcome);
  }

  /** A write found things other than it expects: as they are, or as an earlier sending of it has made them. */
  #refused(link: Link, call: Call, refusal: Refusal): void {
    this.#progress(link);
    if (call.task.kind === "sessionlessWrite" && call.maybeExecuted) {
      return this.#settle(call, "unknown", "an earlier sending of it may have succeeded");
    }
    this.#pending.remove(call);
    call.settle(refusal);
  }

  #progress(link: Link): void {
    this.#link.confirm(link, this.#answeredAtMs);
    this.#lastProgressMs = this.#answeredAtMs;
  }

  /** Has a call sent again. */
  #repeat(call: Call): void {
    if (!call.isSettled) this.#queueOf(call)?.addAgain(call);
  }

  /** Where a call waits; null for the one that opens a session, which is sent again as long as it is there. */
  #queueOf({ task }: Call): CallQueue | null {
    switch (task.kind) {
      case "openSession":
        return null;
      case "write":
        return this.#writes;
      case "sessionlessWrite":
        return this.#sessionless;
      case "read":
      case "query":
        return task.consistency === "stale" ? this.#staleReads : this.#sessionless;
    }
  }

  #pauseSending(): void {
    const now = this.#clock.monotonicMs();
    this.#pausedUntilMs = now + overloadPauseMs * (0.5 + 0.5 * this.#options.random.next());
    this.#arm(this.#pausedUntilMs);
  }

  #isPaused(): boolean {
    // Asked for each call, hence without a look at the clock when there is no need.
    if (this.#pausedUntilMs > 0 && this.#clock.monotonicMs() >= this.#pausedUntilMs) this.#pausedUntilMs = 0;
    return this.#pausedUntilMs > 0;
  }

  #setWaiting(reason: WaitingReason, link: Link, detail: string): void {
    this.#waiting = { reason, server: link.address, detail };
  }

  /** The session in which the call may have been executed is forgotten. */
  #expired(call: Call): void {
    this.#settle(call, "unknown", "the cluster has forgotten its session, which was idle for too long");
  }

  /** Ends a call with what is known about it: a write that may have been executed is unknown, whatever stopped it. */
  #fail(call: Call, code: ClerkErrorCode, message: string, cause?: unknown): void {
    const isWrite = call.task.kind === "write" || call.task.kind === "sessionlessWrite";
    const isUnknown = isWrite && (call.maybeExecuted || call.isInFlight && code !== "invalid");
    this.#settle(call, isUnknown ? "unknown" : code, message, cause);
  }

  /** The time of a call is up. */
  #late(call: Call): void {
    this.#fail(call, "timeout", `no answer within ${Math.round(call.timeoutMs)} ms`);
  }

  #settle(call: Call, code: ClerkErrorCode, message: string, cause?: unknown): void {
    this.#pending.remove(call);
    if (call.isSettled) return;
    call.settle({ kind: "failed", error: callError(call.task, code, message, cause) });
  }

  /** Makes sure that the timer fires by then. */
  #arm(atMs: number): void {
    if (this.#timerAtMs <= atMs || this.#isClosed) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    const delayMs = Math.max(0, atMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.after(delayMs, () => this.#sweep());
  }

  /** Looks for calls whose time is up and for servers that have fallen silent. */
  #sweep(): void {
    this.#timer = null;
    this.#timerAtMs = Infinity;
    const now = this.#clock.monotonicMs();
    let nextMs = now + sweepMs;
    for (const call of this.#pending) {
      if (call.deadlineMs <= now) {
        if (call.isRefusedForRoom) this.#fail(call, "diskFull", "the leader's disk is full");
        else this.#late(call);
      } else if (call.deadlineMs < nextMs) nextMs = call.deadlineMs;
    }
    for (const link of this.#link.links) this.#checkSilence(link, now);
    this.#notify(now);
    this.#pump();
    if (this.#pausedUntilMs > now && this.#pausedUntilMs < nextMs) nextMs = this.#pausedUntilMs;
    if (this.#pending.oldest !== null) this.#arm(nextMs);
  }

  #checkSilence(link: Link, now: number): void {
    const { oldest } = link.inFlight;
    if (oldest === null) return;
    const { attemptTimeoutMs } = this.#options;
    const silentMs = now - Math.max(oldest.sentAtMs, link.lastProgressMs);
    if (silentMs < attemptTimeoutMs && now - oldest.sentAtMs < patience * attemptTimeoutMs) return;
    this.#setWaiting("noReply", link, `no answer for ${Math.round(now - oldest.sentAtMs)} ms`);
    this.#link.hangUp(link, `no answer for ${attemptTimeoutMs} ms`);
  }

  #notify(now: number): void {
    const { onWaiting } = this.#options;
    const { oldest } = this.#pending;
    if (onWaiting === undefined || oldest === null) return;
    if (now - Math.max(oldest.madeAtMs, this.#lastProgressMs, this.#lastNoticeMs) < noticeMs) return;
    this.#lastNoticeMs = now;
    const current = this.#link.current;
    const asked = current?.inFlight.oldest ?? null;
    const isSilent = current !== null && asked !== null && now - asked.sentAtMs >= noticeMs / 2;
    const state = isSilent ? { reason: "noReply" as const, server: current.address, detail: "" } : this.#waiting;
    onWaiting({ ...state, attempts: this.#link.tries, sinceMs: now - oldest.madeAtMs });
  }
}
