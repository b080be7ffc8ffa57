/**
 * The search space of a register, which looks ahead: reads have told what the value must become, so most ways of ordering
 * writes are seen to be wrong when they are taken, not when a later read disagrees.
 *
 * A value matters only as far as reads can see it. So a state is a text that some observed value begins with ("live"), or else
 * `hidden`: a value that nobody will see, whatever is appended to it, until a write replaces it. This is exact, not a guess.
 *
 * @module
 */
import { deriveValues, type RegisterWrite } from "./derivation.ts";
import { ObservedValues } from "./observed_values.ts";
import { groupEqual, type SearchSpace } from "./search_space.ts";
import { Tally } from "./tally.ts";

/** An operation on a register. */
export interface RegisterCall {
  /** The function. */
  readonly kind: "get" | "put" | "append" | "delete";
  /** What is put or appended; "" for the others. */
  readonly text: string;
  /** The value that was seen; undefined if none was. */
  readonly observed: string | undefined;
  /** Whether it may never take effect. */
  readonly isUnknown: boolean;
}

/** The state of a value that no read to come will see. */
const hidden = 0;

/** The first `length` characters of the observed values from `low` up to `high`: all of them that begin so. */
interface LiveState {
  readonly low: number;
  readonly high: number;
  readonly length: number;
}

/** See the top of the file. */
export class RegisterSpace implements SearchSpace {
  readonly initial: number;
  readonly #calls: readonly RegisterCall[];
  readonly #values: ObservedValues;
  /** By state number; the first is `hidden`. */
  readonly #states: LiveState[] = [{ low: 0, high: 0, length: 0 }];
  readonly #numbers = new Map<string, number>();
  /** Key: state * operation count + operation. */
  readonly #transitions = new Map<number, readonly number[]>();
  /** By operation: index of the value it saw; -1 if it saw none. */
  readonly #observes: Int32Array;
  /** By operation: the state after it if it replaces the value; -1 if it does not. */
  readonly #replacesBy: Int32Array;
  /** By operation: whether it leaves every state hidden. */
  readonly #alwaysHides: readonly boolean[];
  readonly #twinGroups: Int32Array;
  /** By operation: see {@linkcode Derivation.neededBy}. */
  readonly #neededBy: Int32Array;
  /** Whether some observed value cannot come about: then every move is hopeless. */
  readonly #isImpossible: boolean;
  /** By value: how many operations not taken must still see it. */
  readonly #readers: Tally;
  /** By value: how many operations not taken replace the value by a non-empty beginning of it. */
  readonly #sources: Int32Array;
  /** How many operations not taken replace the value by "", of which every value is a continuation. */
  #emptySources = 0;

  constructor(calls: readonly RegisterCall[]) {
    this.#calls = calls;
    this.#values = new ObservedValues(calls.flatMap((call) => call.observed ?? []));
    this.#readers = new Tally(this.#values.values.length);
    this.#sources = new Int32Array(this.#values.values.length);
    this.#observes = Int32Array.from(
      calls,
      (call) => call.observed === undefined ? -1 : this.#values.indexOf(call.observed),
    );
    this.#replacesBy = Int32Array.from(calls, (call) => replaces(call) ? this.#stateOf(call.text) : -1);
    this.#alwaysHides = calls.map((call, operation) => this.#findAlwaysHides(call, operation));
    this.#twinGroups = groupEqual(
      calls.map(({ kind, text, observed }) => JSON.stringify([kind, text, observed ?? null])),
    );
    this.initial = this.#stateOf("");
    const writes = calls.flatMap((call, operation): RegisterWrite[] =>
      call.kind === "get" ? [] : [{ operation, isAppend: call.kind === "append", text: call.text }]
    );
    const derivation = deriveValues(this.#values, writes, calls.length);
    this.#neededBy = derivation.neededBy;
    this.#isImpossible = derivation.isImpossible;
    for (let operation = 0; operation < calls.length; operation++) this.#count(operation, 1);
  }

  isReadOnly(operation: number): boolean {
    return this.#calls[operation]?.kind === "get";
  }

  next(state: number, operation: number): readonly number[] {
    const transition = state * this.#calls.length + operation;
    let states = this.#transitions.get(transition);
    if (states === undefined) {
      states = this.#step(state, operation);
      this.#transitions.set(transition, states);
    }
    return states;
  }

  /** An unknown write that would leave the value hidden could only help a read if another write came between. */
  canMatter(operation: number): boolean {
    const call = this.#calls[operation];
    if (call === undefined || call.kind === "get" || this.#alwaysHides[operation]) return false;
    return call.kind !== "append" || call.text !== "";
  }

  twinGroup(operation: number): number {
    return this.#twinGroups[operation] ?? -1;
  }

  take(operation: number): void {
    this.#count(operation, -1);
  }

  untake(operation: number): void {
    this.#count(operation, 1);
  }

  settle(state: number): number {
    const { low, high } = this.#state(state);
    return this.#readers.sum(low, high) === 0 ? hidden : state;
  }

  isHopeless(before: number, operation: number, after: number): boolean {
    if (this.#isImpossible) return true;
    const { low, high } = this.#state(after);
    const needed = this.#neededBy[operation] ?? -1;
    if (needed >= 0 && (needed < low || needed >= high) && this.#isStillToBeSeen(needed, operation)) return true;
    // What was to grow out of the value before must now grow out of the value after, or out of another replacement.
    if (this.#emptySources > (this.#isEmptySource(operation) ? 1 : 0)) return false;
    const left = this.#state(before);
    for (let value = left.low; value < left.high; value++) {
      if (value >= low && value < high) continue;
      if (this.#sources[value] === 0 && this.#isStillToBeSeen(value, operation)) return true;
    }
    return false;
  }

  /**
   * Two moves are sure where the value was hidden and is so again. An operation that always hides does no harm here, and would
   * elsewhere. And a replacement whose readers could all be taken at once need not wait: wherever it stood instead, it and its
   * readers could be cut out and put here, for what came after it there saw nothing before the next replacement.
   */
  isSureMove(before: number, operation: number, after: number): boolean {
    if (before !== hidden || after !== hidden) return false;
    return (this.#alwaysHides[operation] ?? false) || (this.#replacesBy[operation] ?? -1) >= 0;
  }

  #state(state: number): LiveState {
    return this.#states[state] ?? { low: 0, high: 0, length: 0 };
  }

  #step(state: number, operation: number): readonly number[] {
    const call = this.#calls[operation];
    if (call === undefined) return [];
    const { low, high, length } = this.#state(state);
    const observes = this.#observes[operation] ?? -1;
    if (call.observed !== undefined) {
      // The state is the observed value itself if it is as long: of those that begin so, the value itself sorts first.
      if (state === hidden || observes !== low || call.observed.length !== length) return [];
    }
    if (call.kind === "get") return [state];
    const replacement = this.#replacesBy[operation] ?? -1;
    if (replacement >= 0) return [replacement];
    if (state === hidden) return [hidden];
    const range = this.#values.narrow({ low, high }, length, call.text);
    return [this.#intern(range.low, range.high, length + call.text.length)];
  }

  #stateOf(text: string): number {
    const { low, high } = this.#values.rangeOf(text);
    return this.#intern(low, high, text.length);
  }

  #intern(low: number, high: number, length: number): number {
    if (low === high) return hidden;
    const key = `${low}:${length}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#states.length;
      this.#states.push({ low, high, length });
      this.#numbers.set(key, number);
    }
    return number;
  }

  #findAlwaysHides(call: RegisterCall, operation: number): boolean {
    if (call.kind === "get" || call.observed !== undefined) return false;
    if (call.kind !== "append") return this.#replacesBy[operation] === hidden;
    return !this.#values.longest.some((value) => value.includes(call.text));
  }

  #isEmptySource(operation: number): boolean {
    const call = this.#calls[operation];
    return call !== undefined && replaces(call) && call.text === "";
  }

  /** Whether another operation not taken must see the value. */
  #isStillToBeSeen(value: number, operation: number): boolean {
    return this.#readers.at(value) > (this.#observes[operation] === value ? 1 : 0);
  }

  /** Counts the operation among those not taken (1), or no longer (-1). */
  #count(operation: number, change: number): void {
    const observes = this.#observes[operation] ?? -1;
    if (observes >= 0) this.#readers.add(observes, change);
    if (this.#isEmptySource(operation)) this.#emptySources += change;
    else {
      const replacement = this.#replacesBy[operation] ?? -1;
      if (replacement < 0) return;
      const { low, high } = this.#state(replacement);
      for (let value = low; value < high; value++) this.#sources[value] = (this.#sources[value] ?? 0) + change;
    }
  }
}

function replaces(call: RegisterCall): boolean {
  return call.kind === "put" || call.kind === "delete";
}
