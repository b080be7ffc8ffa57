/**
 * One direction of a simulated connection: a TCP stream with a fault injector in front of it. What is written in one turn
 * leaves together and arrives together, in order; a single frame may be taken out, and then be lost, damaged, repeated or
 * delivered later by itself.
 *
 * @module
 */
import type { ConnectionRole } from "../wire/hello.ts";
import type { Incarnation } from "./incarnation.ts";
import type { NetworkLink } from "./network_links.ts";
import type { NetworkCore, OpenPipe } from "./network_core.ts";
import { deliverPlainly, type FrameVerdict, judgeFrame } from "./frame_faults.ts";
import { type FrameKind, kindOfFrame, roleOfHello } from "./frame_kind.ts";
import { FrameSplitter } from "./frame_splitter.ts";

/** A duplicate arrives up to so much later, in milliseconds. */
const duplicateSpreadMs = 50;

/** What the two directions share. */
export interface ConnectionState {
  /** A small number for the trace. */
  readonly number: number;
  /** What its hello said; null before. */
  role: ConnectionRole | null;
}

/** A unit on its way, or the end of the stream (null). */
export type Unit = Uint8Array | null;

/** A socket, as its pipes see it. */
export interface PipeEnd {
  /** Whose it is. */
  readonly incarnation: Incarnation;
  /** Whether the connection is over for this end. */
  readonly isOver: boolean;
  /** Units arrive, with the process awake. */
  receive(units: readonly Unit[]): void;
  /** The connection broke. */
  break(reason: string): void;
}

/** One direction of a connection. */
export class Pipe implements OpenPipe {
  /** The link it runs over. */
  readonly link: NetworkLink;
  readonly #core: NetworkCore;
  readonly #state: ConnectionState;
  readonly #isFromInitiator: boolean;
  readonly #sender: PipeEnd;
  readonly #receiver: PipeEnd;
  readonly #splitter: FrameSplitter;
  #frames = 0;
  /** Bytes written and neither read by the receiver nor lost. */
  #unreadBytes = 0;
  /** Bytes written in the turn `#writeTurn`. */
  #turnBytes = 0;
  #writeTurn = -1;
  /** Nothing that travels in order may arrive before this. */
  #lastArrivalMs: number;
  /** The units that leave in the turn `#batchTurn`, in one delivery. */
  #batch: Unit[] = [];
  #batchTurn = -1;
  /** What a link blocked by `hold` keeps, in order; what arrives while it is not empty goes behind it. */
  #held: Unit[] = [];
  #isReleasing = false;
  /** A fault has cut the stream within a frame: nothing more of it gets through. */
  #isCut = false;

  /** Made by `connectSockets`. */
  constructor(
    core: NetworkCore,
    state: ConnectionState,
    link: NetworkLink,
    sender: PipeEnd,
    receiver: PipeEnd,
    isFromInitiator: boolean,
    notBeforeMs: number,
  ) {
    this.#core = core;
    this.#state = state;
    this.link = link;
    this.#sender = sender;
    this.#receiver = receiver;
    this.#isFromInitiator = isFromInitiator;
    this.#splitter = new FrameSplitter(core.profile.framing);
    this.#lastArrivalMs = notBeforeMs;
  }

  /** Bytes written in the present turn. */
  get bytesOfThisTurn(): number {
    return this.#writeTurn === this.#core.scheduler.eventsRun ? this.#turnBytes : 0;
  }

  /** Bytes on their way, held, or waiting to be read. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** The receiver has read so many bytes. */
  hasBeenRead(bytes: number): void {
    this.#unreadBytes -= bytes;
  }

  /** Takes bytes from the sender. */
  write(bytes: Uint8Array): void {
    const turn = this.#core.scheduler.eventsRun;
    this.#turnBytes = (this.#writeTurn === turn ? this.#turnBytes : 0) + bytes.length;
    this.#writeTurn = turn;
    this.#unreadBytes += bytes.length;
    this.#splitter.push(bytes, this.#sendUnit);
  }

  /** Ends the stream: with `flush` after all that was written, else without what was written in this turn. */
  end(flush: boolean): void {
    const partial = this.#splitter.takePartial();
    if (flush && partial.length > 0) this.#sendInOrder(partial);
    if (!flush && this.#batchTurn === this.#core.scheduler.eventsRun) this.#batch.length = 0;
    this.#sendInOrder(null);
  }

  /** The link was blocked or freed. */
  linkChanged(): void {
    const block = this.link.block;
    if (block === "reset") this.#breakBoth("connection reset: the link is cut");
    if (block !== null || this.#held.length === 0 || this.#isReleasing) return;
    this.#isReleasing = true;
    this.#core.scheduler.after(this.#core.latencyMs(this.link), () => this.#release());
  }

  /** What was held arrives, with what has arrived behind it meanwhile. */
  #release(): void {
    this.#isReleasing = false;
    if (this.link.block !== null) return;
    const held = this.#held;
    this.#held = [];
    this.#core.holdingPipes.delete(this);
    this.#arrive(held);
  }

  readonly #sendUnit = (unit: Uint8Array, isFrame: boolean): void => {
    if (this.#isCut) return this.#lose(unit);
    const core = this.#core;
    core.counters.bytes += unit.length;
    if (!isFrame) return this.#sendInOrder(unit);
    const isHandshake = this.#frames++ === 0;
    if (isHandshake) {
      if (this.#isFromInitiator) this.#state.role = roleOfHello(unit);
      return this.#sendInOrder(unit);
    }
    const kind = kindOfFrame(unit, this.#state.role, this.#isFromInitiator);
    this.#count(kind);
    const verdict = this.#judge(unit, kind);
    if (verdict === deliverPlainly) this.#sendInOrder(unit);
    else this.#sendWithFaults(unit, verdict);
  };

  #count(kind: FrameKind): void {
    if (kind === "request") {
      this.#core.counters.requests++;
      this.link.to.requestsTo++;
    } else if (kind === "reply") this.#core.counters.replies++;
  }

  #judge(unit: Uint8Array, kind: FrameKind): FrameVerdict {
    const core = this.#core;
    if (core.interceptor !== null) {
      const own = core.interceptor({
        from: this.link.from.name,
        to: this.link.to.name,
        role: this.#state.role,
        kind,
        bytes: unit,
      });
      if (own !== null) return own;
    }
    const faults = this.link.faults ?? core.faults;
    return faults === null ? deliverPlainly : judgeFrame(faults, kind, core.random);
  }

  #sendWithFaults(unit: Uint8Array, verdict: FrameVerdict): void {
    const { counters, random } = this.#core;
    if (verdict.kind === "drop") {
      counters.dropped++;
      this.#lose(unit);
      return;
    }
    if (verdict.kind === "cut") {
      counters.cut++;
      this.#lose(unit);
      const part = unit.slice(0, random.integer(unit.length));
      this.#unreadBytes += part.length;
      this.#sendInOrder(part);
      this.#isCut = true;
      this.#core.scheduler.at(this.#lastArrivalMs, () => this.#breakBoth("connection reset within a frame"));
      return;
    }
    const delivered = verdict.corrupt ? this.#flipBit(unit) : unit;
    if (verdict.duplicate) {
      counters.duplicated++;
      this.#unreadBytes += unit.length;
      this.#sendAlone(unit, random.next() * duplicateSpreadMs);
    }
    if (verdict.extraDelayMs > 0) {
      counters.delayed++;
      this.#sendAlone(delivered, verdict.extraDelayMs);
    } else this.#sendInOrder(delivered);
  }

  #flipBit(unit: Uint8Array): Uint8Array {
    const damaged = unit.slice();
    const at = this.#core.random.integer(damaged.length);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << this.#core.random.integer(8));
    this.#core.counters.corrupted++;
    return damaged;
  }

  #lose(unit: Unit): void {
    if (unit !== null) this.#unreadBytes -= unit.length;
  }

  #sendAlone(unit: Uint8Array, extraDelayMs: number): void {
    if (this.#isLostAtBlock([unit])) return;
    this.#core.scheduler.after(this.#core.latencyMs(this.link) + extraDelayMs, () => this.#arrive([unit]));
  }

  #sendInOrder(unit: Unit): void {
    const { scheduler } = this.#core;
    if (this.#isLostAtBlock([unit])) return;
    if (this.#batchTurn === scheduler.eventsRun && this.#batch.length > 0) {
      this.#batch.push(unit);
      return;
    }
    const batch: Unit[] = [unit];
    this.#batch = batch;
    this.#batchTurn = scheduler.eventsRun;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, scheduler.nowMs + this.#core.latencyMs(this.link));
    scheduler.at(this.#lastArrivalMs, () => {
      if (this.#batch === batch) this.#batch = [];
      this.#arrive(batch);
    });
  }

  /** Loses units when the link is blocked; one that holds lets them travel and keeps them where they arrive, in order. */
  #isLostAtBlock(units: readonly Unit[]): boolean {
    const block = this.link.block;
    if (block === null || block === "hold") return false;
    this.#core.counters.blocked += units.length;
    for (const unit of units) this.#lose(unit);
    return true;
  }

  #isHeldAtBlock(units: readonly Unit[]): boolean {
    if (this.link.block !== "hold" && this.#held.length === 0) return false;
    this.#core.counters.blocked += units.length;
    this.#held.push(...units);
    this.#core.holdingPipes.add(this);
    return true;
  }

  #arrive(units: readonly Unit[]): void {
    const { trace } = this.#core;
    if (units.length === 0 || this.#isLostAtBlock(units) || this.#isHeldAtBlock(units)) return;
    if (this.#receiver.isOver) {
      for (const unit of units) this.#lose(unit);
      if (units.some((unit) => unit !== null)) this.#bounce();
      return;
    }
    trace.mix(this.#state.number * 2 + (this.#isFromInitiator ? 0 : 1));
    for (const unit of units) if (unit !== null) trace.mixBytes(unit);
    if (trace.recording) this.#recordArrival(units);
    this.#receiver.incarnation.deliver(() => this.#receiver.receive(units));
  }

  #recordArrival(units: readonly Unit[]): void {
    const what = units.map((unit) => (unit === null ? "end" : `${unit.length} B`)).join(", ");
    const { from, to } = this.link;
    this.#core.trace.line(this.#core.scheduler.nowMs, `${from.name} -> ${to.name} #${this.#state.number}: ${what}`);
  }

  /** Bytes reached a machine that knows nothing of the connection: it answers with a reset, if it has power. */
  #bounce(): void {
    const back = this.#core.links.link(this.link.to.name, this.link.from.name);
    if (this.link.to.isDown || back.block !== null) return;
    this.#core.scheduler.after(
      this.#core.latencyMs(back),
      () => this.#sender.break("connection reset by the other side"),
    );
  }

  #breakBoth(reason: string): void {
    this.#sender.break(reason);
    this.#receiver.break(reason);
  }
}
