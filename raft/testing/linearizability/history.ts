/**
 * A history: what clients called, what they were answered, and in which order the two happened (Herlihy & Wing 1990,
 * section 2). Events come in the Jepsen manner: an invocation, and later its completion by the same process.
 *
 * @module
 */

/** Any value that JSON can carry. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/**
 * What an event says about its call: `invoke` starts it, `ok` ends it with an answer, `fail` ends it as certainly not done,
 * `info` ends it with its fate unknown: it may take effect at any later time, or never.
 */
export type EventType = "invoke" | "ok" | "fail" | "info";

/** The types an event may have. */
export const eventTypes: readonly EventType[] = ["invoke", "ok", "fail", "info"];

/** One line of a history. */
export interface HistoryEvent {
  /** The client thread, an integer >= 0. It has at most one call open, and none after an `info`. */
  readonly process: number;
  /** Start of a call, or how it ended. */
  readonly type: EventType;
  /** The function called: "put", "get", "append", "delete", "putIfVersion", "getWithVersion", "acquire", "release" … */
  readonly f: string;
  /** The key it was called on. */
  readonly key: string | number;
  /** The argument in an `invoke`, the result in an `ok`; null where there is none. */
  readonly value: JsonValue;
  /** When it happened: integer nanoseconds from any fixed start, never less than in the event before. */
  readonly time: number;
}

/** How a call ended. A call that the history leaves open is unknown, like one that ended in `info`. */
export type OperationStatus = "ok" | "fail" | "unknown";

/** One call with its completion. */
export interface Operation {
  /** Its place among the calls of the history, from 0, in order of invocation. */
  readonly index: number;
  /** The process that called. */
  readonly process: number;
  /** The function called. */
  readonly f: string;
  /** The key it was called on. */
  readonly key: string | number;
  /** The argument. */
  readonly value: JsonValue;
  /** How it ended. */
  readonly status: OperationStatus;
  /** The answer; null unless `status` is "ok". */
  readonly result: JsonValue;
  /** Line of the invocation, from 1. Lines, not times, order events: clocks have ties. */
  readonly invokeLine: number;
  /** Line of the completion; Infinity when unknown, for such a call never ends. >= invokeLine + 1. */
  readonly returnLine: number;
  /** Time of the invocation. */
  readonly invokeTimeNanoseconds: number;
  /** Time of the completion; Infinity when unknown. >= invokeTimeNanoseconds. */
  readonly returnTimeNanoseconds: number;
}

/** A history that was read whole and found well-formed. */
export interface History {
  /** Every event, in order. */
  readonly events: readonly HistoryEvent[];
  /** Every call, in order of invocation. */
  readonly operations: readonly Operation[];
}

/** A history that cannot be trusted: cut short, out of order, or not in the format. Nothing in it was checked. */
export class HistoryError extends Error {
  /** The class name, for logs. */
  override readonly name = "HistoryError";

  /** Line `lineNumber` (from 1) is refused for `reason`. */
  constructor(
    /** The line at fault, from 1. */
    readonly lineNumber: number,
    /** What is wrong with it, and what would be right. */
    readonly reason: string,
  ) {
    super(`Cannot read history: line ${lineNumber}: ${reason}`);
  }
}

/** A call whose completion has not been seen. */
interface OpenCall {
  readonly index: number;
  readonly line: number;
  readonly event: HistoryEvent;
}

/**
 * Takes events one at a time and pairs each completion with its call; throws {@linkcode HistoryError} at the first that
 * does not fit.
 */
export class HistoryBuilder {
  readonly #events: HistoryEvent[] = [];
  readonly #operations: Operation[] = [];
  readonly #openCalls = new Map<number, OpenCall>();
  /** The line of the `info` that retired each process: it may not call again, for its last call may still be running. */
  readonly #retiredAtLine = new Map<number, number>();
  #lastTimeNanoseconds = 0;

  /** Adds the next event. */
  add(event: HistoryEvent): void {
    const line = this.#events.length + 1;
    if (event.time < this.#lastTimeNanoseconds) {
      throw new HistoryError(
        line,
        `time runs backwards: ${event.time} after ${this.#lastTimeNanoseconds}; events must be in order of time`,
      );
    }
    if (event.type === "invoke") this.#invoke(event, line);
    else this.#complete(event, line);
    this.#events.push(event);
    this.#lastTimeNanoseconds = event.time;
  }

  /** Everything added so far; calls still open count as unknown. */
  build(): History {
    return { events: [...this.#events], operations: [...this.#operations] };
  }

  #invoke(event: HistoryEvent, line: number): void {
    const open = this.#openCalls.get(event.process);
    if (open !== undefined) {
      throw new HistoryError(
        line,
        `process ${event.process} invokes "${event.f}" while its "${open.event.f}" of line ${open.line} is open; ` +
          "a process has one call at a time",
      );
    }
    const retired = this.#retiredAtLine.get(event.process);
    if (retired !== undefined) {
      throw new HistoryError(
        line,
        `process ${event.process} invokes "${event.f}" after its "info" of line ${retired}; ` +
          "its last call may still be running, so further calls need a new process number",
      );
    }
    const index = this.#operations.length;
    this.#openCalls.set(event.process, { index, line, event });
    this.#operations.push({
      index,
      process: event.process,
      f: event.f,
      key: event.key,
      value: event.value,
      status: "unknown",
      result: null,
      invokeLine: line,
      returnLine: Infinity,
      invokeTimeNanoseconds: event.time,
      returnTimeNanoseconds: Infinity,
    });
  }

  #complete(event: HistoryEvent, line: number): void {
    const open = this.#openCalls.get(event.process);
    const operation = open === undefined ? undefined : this.#operations[open.index];
    if (open === undefined || operation === undefined) {
      throw new HistoryError(line, `process ${event.process} completes "${event.f}" but has no call open`);
    }
    if (event.f !== operation.f || event.key !== operation.key) {
      throw new HistoryError(
        line,
        `process ${event.process} completes "${event.f}" of key ${JSON.stringify(event.key)}, but its open call of ` +
          `line ${open.line} is "${operation.f}" of key ${JSON.stringify(operation.key)}`,
      );
    }
    this.#openCalls.delete(event.process);
    if (event.type === "info") {
      this.#retiredAtLine.set(event.process, line);
      return;
    }
    this.#operations[open.index] = {
      ...operation,
      status: event.type === "ok" ? "ok" : "fail",
      result: event.type === "ok" ? event.value : null,
      returnLine: line,
      returnTimeNanoseconds: event.time,
    };
  }
}

/** Pairs the events of a history held in memory; throws {@linkcode HistoryError}, where a line is an event's place from 1. */
export function historyOf(events: Iterable<HistoryEvent>): History {
  const builder = new HistoryBuilder();
  for (const event of events) builder.add(event);
  return builder.build();
}
