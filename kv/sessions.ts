/**
 * The session table: how a command that a client repeats is executed once (thesis section 6.3).
 *
 * A client opens a session by a command of its own, and the index of that command's entry is the session's id. Each write
 * then carries the session, a serial number from 1 on, and the lowest serial whose reply the client has not yet seen. The
 * table keeps the result of every executed serial that is not below that, so a repeat gets the kept result instead of a
 * second execution, whatever order the log gave to the many writes that one session may have under way.
 *
 * Everything here is a function of the log, so that all replicas forget the same sessions at the same command: time is
 * cluster time, and sessions leave in the order of their last command, when they were idle for too long or when there is
 * no room for one more. A session that is not in the table never executes anything again.
 *
 * Results are kept as one small number each: a session never keeps a key or a value alive.
 *
 * @module
 */
import { maxOutstandingPerSession, maxSessions, sessionIdleMs } from "./limits.ts";
import { packOutcome, unpackOutcome, type WriteOutcome } from "./outcomes.ts";

export { packOutcome, unpackOutcome } from "./outcomes.ts";

/** Why a write was not executed, or that it was executed before and what came of it. */
export type SessionOutcome =
  | WriteOutcome
  /** Not executed: the session is not, or not any more, in the table. */
  | { readonly kind: "sessionExpired" }
  /** Not executed: the client has said before that it has seen this serial's reply. */
  | { readonly kind: "staleSerial" }
  /** Not executed: the serial is `maxOutstandingPerSession` or more ahead of the lowest outstanding one. */
  | { readonly kind: "tooManyOutstanding" };

/** Settings of a {@link SessionTable}; other than the defaults only in tests. */
export interface SessionOptions {
  /** See limits. */
  readonly maxSessions?: number;
  /** See limits. */
  readonly idleMs?: number;
  /** See limits. */
  readonly maxOutstanding?: number;
}

const sessionExpired: SessionOutcome = { kind: "sessionExpired" };
const staleSerial: SessionOutcome = { kind: "staleSerial" };
const tooManyOutstanding: SessionOutcome = { kind: "tooManyOutstanding" };

/** Results of serials that lie close together, each at its serial modulo the length. */
class ResultRing {
  /** 0 stands for no result, which no packed result is. The length is a power of two. */
  #packed = new Float64Array(16);
  /** Results kept. */
  size = 0;

  /** The result of a serial from `lowest` on. */
  find(serial: number, lowest: number): number | undefined {
    // Further away than any that was kept, and in the place of another one.
    if (serial - lowest >= this.#packed.length) return undefined;
    const packed = this.#packed[serial & (this.#packed.length - 1)];
    return packed === 0 ? undefined : packed;
  }

  /** Keeps the result of a serial from `lowest` on; the ring grows until it is longer than these are apart. */
  keep(serial: number, packed: number, lowest: number): void {
    while (serial - lowest >= this.#packed.length) this.#grow(lowest);
    this.#packed[serial & (this.#packed.length - 1)] = packed;
    this.size++;
  }

  /** Forgets serials from `from` on and below `lowest`; returns how many are left. */
  forget(from: number, lowest: number): number {
    const packed = this.#packed;
    const mask = packed.length - 1;
    const end = Math.min(lowest, from + packed.length);
    for (let serial = from; serial < end; serial++) {
      if (packed[serial & mask] !== 0) this.size--;
      packed[serial & mask] = 0;
    }
    return this.size;
  }

  /** Serials, from `lowest` on, and their results. */
  list(lowest: number): [serial: number, packed: number][] {
    const results: [number, number][] = [];
    for (let serial = lowest; serial < lowest + this.#packed.length; serial++) {
      const packed = this.find(serial, lowest);
      if (packed !== undefined) results.push([serial, packed]);
    }
    return results;
  }

  #grow(lowest: number): void {
    const old = this.#packed;
    this.#packed = new Float64Array(4 * old.length);
    for (let serial = lowest; serial < lowest + old.length; serial++) {
      this.#packed[serial & (this.#packed.length - 1)] = old[serial & (old.length - 1)] ?? 0;
    }
  }
}

/**
 * One client's session. Nearly all clients have one write under way at a time, so the first kept result lives in the
 * object itself; a ring exists only while there are more.
 */
class Session {
  readonly id: number;
  /** Cluster time of the last command; never above that of any session behind it in the list. */
  lastActiveMs: number;
  /** Serials below were seen by the client; only grows; >= 1. */
  lowestOutstanding = 1;
  /** Serial of the result kept here, 0 for none; otherwise >= lowestOutstanding. */
  serial = 0;
  /** Packed result of `serial`. */
  packed = 0;
  /** Further results, all with serials >= lowestOutstanding; null for none. */
  more: ResultRing | null = null;
  /** Neighbour that was idle longer, and the one that was idle less long. */
  older: Session | null = null;
  newer: Session | null = null;

  constructor(id: number, lastActiveMs: number) {
    this.id = id;
    this.lastActiveMs = lastActiveMs;
  }

  find(serial: number): number | undefined {
    return this.serial === serial ? this.packed : this.more?.find(serial, this.lowestOutstanding);
  }

  keep(serial: number, packed: number): void {
    if (this.serial === 0) {
      this.serial = serial;
      this.packed = packed;
    } else {
      this.more ??= new ResultRing();
      this.more.keep(serial, packed, this.lowestOutstanding);
    }
  }

  /** Forgets results below `lowest`. */
  advance(lowest: number): void {
    if (lowest <= this.lowestOutstanding) return;
    const from = this.lowestOutstanding;
    this.lowestOutstanding = lowest;
    if (this.serial < lowest) this.serial = 0;
    if (this.more?.forget(from, lowest) === 0) this.more = null;
  }

  /** Kept results by ascending serial: the one order, however they came. */
  sortedResults(): [serial: number, packed: number][] {
    const results = this.more?.list(this.lowestOutstanding) ?? [];
    if (this.serial !== 0) results.push([this.serial, this.packed]);
    return results.sort(([a], [b]) => a - b);
  }
}

/** See the module. */
export class SessionTable {
  readonly #maxSessions: number;
  readonly #idleMs: number;
  readonly #maxOutstanding: number;
  readonly #sessions = new Map<number, Session>();
  /** Ends of the list of all sessions by last command. */
  #oldest: Session | null = null;
  #newest: Session | null = null;

  constructor(options: SessionOptions = {}) {
    this.#maxSessions = options.maxSessions ?? maxSessions;
    this.#idleMs = options.idleMs ?? sessionIdleMs;
    this.#maxOutstanding = options.maxOutstanding ?? maxOutstandingPerSession;
  }

  /** Number of sessions; <= maxSessions. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Forgets sessions idle for longer than the limit. To be called before each command, with its cluster time. */
  expire(clusterTimeMs: number): void {
    while (this.#oldest !== null && clusterTimeMs - this.#oldest.lastActiveMs > this.#idleMs) {
      this.#remove(this.#oldest);
    }
  }

  /** Opens a session; forgets the one that was idle longest if there is no room. `id` must be new. */
  open(id: number, clusterTimeMs: number): void {
    if (this.#oldest !== null && this.#sessions.size >= this.#maxSessions) this.#remove(this.#oldest);
    const session = new Session(id, clusterTimeMs);
    this.#sessions.set(id, session);
    this.#linkNewest(session);
  }

  /**
   * Decides about a write: null means execute it now and pass the result to {@link keep}; anything else is the answer.
   * Counts as the session's activity, and forgets results below `lowestOutstanding`.
   */
  admit(
    sessionId: number,
    serialNumber: number,
    lowestOutstanding: number,
    clusterTimeMs: number,
  ): SessionOutcome | null {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return sessionExpired;
    session.lastActiveMs = clusterTimeMs;
    if (session !== this.#newest) {
      this.#unlink(session);
      this.#linkNewest(session);
    }
    session.advance(lowestOutstanding);
    if (serialNumber < session.lowestOutstanding) return staleSerial;
    const packed = session.find(serialNumber);
    if (packed !== undefined) return unpackOutcome(packed);
    return serialNumber - session.lowestOutstanding >= this.#maxOutstanding ? tooManyOutstanding : null;
  }

  /** Keeps the result of a write that {@link admit} let through. */
  keep(sessionId: number, serialNumber: number, outcome: WriteOutcome): void {
    this.#sessions.get(sessionId)?.keep(serialNumber, packOutcome(outcome));
  }

  /**
   * A copy of everything as numbers, idle longest first; for each session: id, lastActiveMs, lowestOutstanding, the number
   * of kept results, and for each of these its serial and packed result, by ascending serial.
   *
   * Copied at once, because sessions change in place: some 20 ns for each, so that 200,000 take a few milliseconds.
   */
  freeze(): Float64Array {
    let length = 0;
    for (let session = this.#oldest; session !== null; session = session.newer) {
      length += 4 + 2 * ((session.serial === 0 ? 0 : 1) + (session.more?.size ?? 0));
    }
    const numbers = new Float64Array(length);
    let at = 0;
    for (let session = this.#oldest; session !== null; session = session.newer) {
      numbers[at++] = session.id;
      numbers[at++] = session.lastActiveMs;
      numbers[at++] = session.lowestOutstanding;
      if (session.more === null) {
        numbers[at++] = session.serial === 0 ? 0 : 1;
        if (session.serial !== 0) {
          numbers[at++] = session.serial;
          numbers[at++] = session.packed;
        }
      } else {
        const results = session.sortedResults();
        numbers[at++] = results.length;
        for (const [serial, packed] of results) {
          numbers[at++] = serial;
          numbers[at++] = packed;
        }
      }
    }
    return numbers;
  }

  /**
   * Adds a session as {@link freeze} gave it, newer than all others. Returns what is wrong with it, or null: ids are
   * unique, times ascend, serials ascend from lowestOutstanding on, and results are ones that can be.
   */
  load(id: number, lastActiveMs: number, lowestOutstanding: number, results: readonly number[]): string | null {
    if (this.#sessions.has(id)) return `session ${id} comes twice`;
    if (this.#newest !== null && lastActiveMs < this.#newest.lastActiveMs) return `session ${id} is out of order`;
    const session = new Session(id, lastActiveMs);
    session.lowestOutstanding = lowestOutstanding;
    let least = lowestOutstanding;
    for (let at = 0; at < results.length; at += 2) {
      const serial = results[at] ?? 0;
      const packed = results[at + 1] ?? 0;
      const isTooFar = serial - lowestOutstanding >= this.#maxOutstanding;
      if (serial < least || isTooFar) return `session ${id} has serial ${serial} out of order`;
      if (unpackOutcome(packed) === null) return `session ${id} has an unknown result ${packed}`;
      session.keep(serial, packed);
      least = serial + 1;
    }
    this.#sessions.set(id, session);
    this.#linkNewest(session);
    return null;
  }

  #linkNewest(session: Session): void {
    session.older = this.#newest;
    session.newer = null;
    if (this.#newest === null) this.#oldest = session;
    else this.#newest.newer = session;
    this.#newest = session;
  }

  #unlink(session: Session): void {
    const { older, newer } = session;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
  }

  #remove(session: Session): void {
    this.#unlink(session);
    this.#sessions.delete(session.id);
  }
}
