/**
 * Records what concurrent clients of a test do, as a history.
 *
 * @module
 */
import { type History, type HistoryEvent, historyOf, type JsonValue } from "./history.ts";

/** What a client is about to call. */
export interface CallDescription {
  /** The function: "put", "get", "append" … */
  readonly f: string;
  /** The key it is called on. */
  readonly key: string | number;
  /** The argument; null (the default) where there is none. */
  readonly value?: JsonValue;
}

/** A call that was begun. Exactly one of the three may end it, once; left alone, the call counts as unknown. */
export interface RecordedCall {
  /** The process number the call was given. */
  readonly process: number;
  /** It was answered, with `value` (null, the default, where there is no answer to speak of). */
  ok(value?: JsonValue): void;
  /** It certainly did not happen and never will. */
  fail(): void;
  /** Nobody knows: it may have happened, may still happen, or never. */
  info(): void;
}

/**
 * Writes down calls and answers in the order in which they happen.
 *
 * A Clerk may have many calls in flight while a process may have one, so the recorder gives out process numbers itself:
 * each call gets the lowest that is free, and a number whose call ended in `info` is never free again.
 *
 * @example
 * ```ts
 * import { checkLinearizability, HistoryRecorder } from "@balsa/balsa/testing";
 *
 * const recorder = new HistoryRecorder(() => performance.now() * 1e6);
 * const call = recorder.begin({ f: "put", key: "color", value: "blue" });
 * call.ok();
 * console.log(checkLinearizability(recorder.history()).kind); // "linearizable"
 * ```
 */
export class HistoryRecorder {
  readonly #nowNanoseconds: () => number;
  readonly #events: HistoryEvent[] = [];
  readonly #freeProcesses: number[] = [];
  #processCount = 0;
  #lastTimeNanoseconds = 0;

  /** `nowNanoseconds` is read at each event; a monotonic clock, of any start. */
  constructor(nowNanoseconds: () => number) {
    this.#nowNanoseconds = nowNanoseconds;
  }

  /** Records the start of a call; to be called just before the request is made. */
  begin(description: CallDescription): RecordedCall {
    const process = this.#allocateProcess();
    const { f, key, value = null } = description;
    this.#record({ process, type: "invoke", f, key, value });
    let ended: string | undefined;
    const end = (type: "ok" | "fail" | "info", result: JsonValue): void => {
      if (ended !== undefined) {
        throw new TypeError(
          `Cannot end "${f}" of key ${JSON.stringify(key)} as ${type}: it has ended as ${ended}; begin a new call`,
        );
      }
      ended = type;
      this.#record({ process, type, f, key, value: result });
      if (type !== "info") this.#freeProcesses.push(process);
    };
    return {
      process,
      ok: (result: JsonValue = null): void => end("ok", result),
      fail: (): void => end("fail", null),
      info: (): void => end("info", null),
    };
  }

  /** Everything recorded so far, as events. */
  events(): readonly HistoryEvent[] {
    return [...this.#events];
  }

  /** Everything recorded so far, with calls and answers paired; calls still open count as unknown. */
  history(): History {
    return historyOf(this.#events);
  }

  #allocateProcess(): number {
    let lowest = 0;
    for (let place = 1; place < this.#freeProcesses.length; place++) {
      if ((this.#freeProcesses[place] ?? 0) < (this.#freeProcesses[lowest] ?? 0)) lowest = place;
    }
    return this.#freeProcesses.splice(lowest, 1)[0] ?? this.#processCount++;
  }

  #record(event: Omit<HistoryEvent, "time">): void {
    // The order of events is what was seen, in one thread; a clock that steps back must not deny it, so time is held.
    const time = Math.max(this.#lastTimeNanoseconds, Math.floor(this.#nowNanoseconds()));
    this.#lastTimeNanoseconds = time;
    this.#events.push({ ...event, time });
  }
}
