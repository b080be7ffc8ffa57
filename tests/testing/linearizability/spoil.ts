/**
 * Ways to write a history down wrongly, in one place each. Most are not linearizable afterwards; some still are.
 *
 * @module
 */
import { type HistoryEvent, historyOf, type Operation } from "../../../raft/testing/linearizability/mod.ts";
import { pick } from "./random.ts";

/** The history as it is written down; as it was when there is nothing to spoil. */
export type Spoil = (events: readonly HistoryEvent[], random: () => number) => HistoryEvent[];

/** See the module. */
export const spoils: Readonly<Record<string, Spoil>> = {
  "answer-of-another-call": (events, random) => {
    const calls = answered(events);
    if (calls.length === 0) return [...events];
    const { f, key, result, returnLine } = pick(random, calls);
    const shown = JSON.stringify(result);
    const others = calls.filter((other) =>
      other.f === f && other.key === key && JSON.stringify(other.result) !== shown
    );
    if (others.length === 0) return [...events];
    return events.with(returnLine - 1, { ...eventAt(events, returnLine), value: pick(random, others).result });
  },
  "answered-call-taken-for-failed": (events, random) => {
    const calls = answered(events);
    if (calls.length === 0) return [...events];
    const { returnLine } = pick(random, calls);
    return events.with(returnLine - 1, { ...eventAt(events, returnLine), type: "fail", value: null });
  },
  // The call ends before others that it overlapped with begin, so that it must take effect before them.
  "return-too-early": (events, random) => {
    const calls = answered(events);
    if (calls.length === 0) return [...events];
    const { invokeLine, returnLine } = pick(random, calls);
    return inOrderOfTime(events.toSpliced(returnLine - 1, 1).toSpliced(invokeLine, 0, eventAt(events, returnLine)));
  },
  "invocation-too-late": (events, random) => {
    const calls = answered(events);
    if (calls.length === 0) return [...events];
    const { invokeLine, returnLine } = pick(random, calls);
    return inOrderOfTime(events.toSpliced(returnLine - 1, 0, eventAt(events, invokeLine)).toSpliced(invokeLine - 1, 1));
  },
};

function answered(events: readonly HistoryEvent[]): readonly Operation[] {
  return historyOf(events).operations.filter((operation) => operation.status === "ok");
}

function eventAt(events: readonly HistoryEvent[], line: number): HistoryEvent {
  const event = events[line - 1];
  if (event === undefined) throw new RangeError(`Cannot find line ${line}: there are ${events.length}`);
  return event;
}

function inOrderOfTime(events: readonly HistoryEvent[]): HistoryEvent[] {
  return events.map((event, place) => ({ ...event, time: place * 10 }));
}
