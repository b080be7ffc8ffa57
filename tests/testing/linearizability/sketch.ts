/**
 * Histories as sketches: a lane per call, as they are drawn on a whiteboard.
 *
 * ```
 * |--| put a
 *      |---| get -> a
 * ```
 *
 * The columns are instants. `|` begins and ends a call, `?` in place of the end leaves its fate unknown, `!` lets it fail.
 *
 * @module
 */
import {
  type History,
  type HistoryEvent,
  historyOf,
  type JsonValue,
} from "../../../raft/testing/linearizability/mod.ts";

/** What a sketched call calls, and how it is answered. */
export interface SketchedCall {
  readonly f: string;
  readonly value?: JsonValue;
  readonly result?: JsonValue;
  readonly key?: string;
}

/** Pairs of a bar and a call. */
export type Sketch = (readonly [bar: string, call: SketchedCall])[];

/** Reads a sketch; calls are of key "x" unless they say otherwise; calls at the same column: as listed. */
export function sketch(...calls: Sketch): History {
  const events: { column: number; event: HistoryEvent }[] = [];
  calls.forEach(([bar, { f, key = "x", value = null, result = null }], process) => {
    const start = bar.indexOf("|");
    const end = bar.length - 1;
    const mark = bar.charAt(end);
    const type = mark === "?" ? "info" : mark === "!" ? "fail" : "ok";
    events.push({ column: start, event: { process, type: "invoke", f, key, value, time: start } });
    events.push({
      column: end,
      event: { process, type, f, key, value: type === "ok" ? result : null, time: end },
    });
  });
  events.sort((left, right) => left.column - right.column);
  return historyOf(events.map(({ event }) => event));
}

/** A sketched get. */
export function get(result: string): SketchedCall {
  return { f: "get", result };
}

/** A sketched put. */
export function put(value: string): SketchedCall {
  return { f: "put", value };
}

/** A sketched append. */
export function append(value: string, old?: string): SketchedCall {
  return { f: "append", value, ...(old === undefined ? {} : { result: { old } }) };
}
