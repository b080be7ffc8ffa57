/**
 * A binary heap of events, ordered by virtual time and, at equal times, by the order in which they were scheduled.
 *
 * @module
 */
import type { Timer } from "../node/clock.ts";

/** A callback that waits for its virtual time. */
export class ScheduledEvent implements Timer {
  /** When it is due, in virtual milliseconds. */
  readonly timeMs: number;
  /** Breaks ties: smaller runs first; unique within its queue. */
  readonly sequence: number;
  /** What to run; null once it has run or was cancelled. */
  callback: (() => void) | null;
  readonly #queue: EventQueue;

  /** Made by {@link EventQueue.push} only. */
  constructor(queue: EventQueue, timeMs: number, sequence: number, callback: () => void) {
    this.#queue = queue;
    this.timeMs = timeMs;
    this.sequence = sequence;
    this.callback = callback;
  }

  /** Takes the event back; harmless when it has run. */
  cancel(): void {
    if (this.callback === null) return;
    this.callback = null;
    this.#queue.forgetOne();
  }
}

/** Below this many cancelled events a compaction is not worth its cost. */
const minimumCancelledToCompact = 256;

/** Events by (time, sequence). Cancelled ones stay in the heap until they surface or outnumber the others. */
export class EventQueue {
  #heap: ScheduledEvent[] = [];
  #nextSequence = 0;
  /** Cancelled events still in the heap; 0 <= #cancelled <= #heap.length. */
  #cancelled = 0;

  /** Events that will run unless they are cancelled. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Adds an event. */
  push(timeMs: number, callback: () => void): ScheduledEvent {
    const event = new ScheduledEvent(this, timeMs, this.#nextSequence++, callback);
    const heap = this.#heap;
    let slot = heap.length;
    heap.push(event);
    // Equal times go up no further: the newcomer has the largest sequence.
    while (slot > 0) {
      const parentSlot = (slot - 1) >> 1;
      const parent = heap[parentSlot];
      if (parent === undefined || parent.timeMs <= timeMs) break;
      heap[slot] = parent;
      slot = parentSlot;
    }
    heap[slot] = event;
    return event;
  }

  /** The next event that is not cancelled, or undefined. */
  peek(): ScheduledEvent | undefined {
    let first = this.#heap[0];
    while (first !== undefined && first.callback === null) {
      this.#removeFirst();
      this.#cancelled--;
      first = this.#heap[0];
    }
    return first;
  }

  /** Takes out the next event that is not cancelled, or undefined. */
  pop(): ScheduledEvent | undefined {
    const first = this.peek();
    if (first !== undefined) this.#removeFirst();
    return first;
  }

  /** Told by an event that it was cancelled. */
  forgetOne(): void {
    this.#cancelled++;
    if (this.#cancelled < minimumCancelledToCompact || this.#cancelled * 2 < this.#heap.length) return;
    this.#heap = this.#heap.filter((event) => event.callback !== null).sort(compareEvents);
    this.#cancelled = 0;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    const count = heap.length;
    let slot = 0;
    while (true) {
      const leftSlot = 2 * slot + 1;
      const left = heap[leftSlot];
      if (leftSlot >= count || left === undefined) break;
      const right = heap[leftSlot + 1];
      let childSlot = leftSlot;
      let child = left;
      if (right !== undefined && isBefore(right, left)) {
        childSlot = leftSlot + 1;
        child = right;
      }
      if (!isBefore(child, last)) break;
      heap[slot] = child;
      slot = childSlot;
    }
    heap[slot] = last;
  }
}

function isBefore(left: ScheduledEvent, right: ScheduledEvent): boolean {
  return left.timeMs < right.timeMs || (left.timeMs === right.timeMs && left.sequence < right.sequence);
}

function compareEvents(left: ScheduledEvent, right: ScheduledEvent): number {
  return left.timeMs - right.timeMs || left.sequence - right.sequence;
}
