/**
 * The search space: what the search (search.ts) asks about one partition. States and operations are small integers here, so
 * that to compare and to remember them is cheap whatever a model's states are.
 *
 * @module
 */
import type { Operation } from "./history.ts";
import type { Model } from "./model.ts";

/**
 * One partition, in integers: operation `i` is the i-th that the space was made for.
 *
 * The last six methods let a space that knows more of its object cut the search; those of {@linkcode InternedSpace} cut
 * nothing. A cut must never lose the last linearization.
 */
export interface SearchSpace {
  /** The state before the first operation. */
  readonly initial: number;
  /** Whether the operation leaves every state as it is. */
  isReadOnly(operation: number): boolean;
  /** The states that the operation may leave; none if it cannot come next. */
  next(state: number, operation: number): readonly number[];

  /** Whether any answer could reveal that this operation of unknown fate took effect. If not, it is left out. */
  canMatter(operation: number): boolean;
  /** Operations of one group are twins: from each state, they may leave the same states. */
  twinGroup(operation: number): number;
  /** The search puts the operation on its linearization. */
  take(operation: number): void;
  /** The search takes the last operation off its linearization. */
  untake(operation: number): void;
  /** The representative of all states that the operations not yet taken cannot tell from `state`. */
  settle(state: number): number;
  /** Whether some operation not yet taken can no longer be, once `operation` leads from `before` to `after`. */
  isHopeless(before: number, operation: number, after: number): boolean;
  /**
   * Whether to have taken `operation` in `before` and then every read that agrees, so that the state settled to `after`, is
   * as good as anything else that could have been done in `before`.
   */
  isSureMove(before: number, operation: number, after: number): boolean;
}

/** Numbers the different keys from 0, and gives each place the number of its key. */
export function groupEqual(keys: readonly string[]): Int32Array {
  const groups = new Map<string, number>();
  return Int32Array.from(keys, (key) => {
    const group = groups.get(key) ?? groups.size;
    groups.set(key, group);
    return group;
  });
}

/** One operation, read by its model. */
interface Call<Input, Output> {
  readonly input: Input;
  readonly output: Output | undefined;
  readonly isReadOnly: boolean;
}

/** The space of any model: states get numbers as they turn up, and each step of the model is computed once. */
export class InternedSpace<State, Input, Output> implements SearchSpace {
  readonly initial: number;
  readonly #model: Model<State, Input, Output>;
  readonly #calls: readonly Call<Input, Output>[];
  readonly #twinGroups: Int32Array;
  /** Boxed, so that a state may be any value, undefined too. */
  readonly #states: { readonly state: State }[] = [];
  readonly #numberByKey = new Map<string | number, number>();
  /** Key: state * operation count + operation. */
  readonly #transitions = new Map<number, readonly number[]>();

  constructor(model: Model<State, Input, Output>, operations: readonly Operation[]) {
    this.#model = model;
    this.#calls = operations.map((operation) => {
      const input = model.input(operation);
      const output = operation.status === "ok" ? model.output(operation) : undefined;
      return { input, output, isReadOnly: model.isReadOnly(input, output) };
    });
    // What was called and answered alike is read alike by the model.
    this.#twinGroups = groupEqual(
      operations.map(({ f, key, value, status, result }) => JSON.stringify([f, key, value, status, result])),
    );
    this.initial = this.#intern(model.initial());
  }

  isReadOnly(operation: number): boolean {
    return this.#calls[operation]?.isReadOnly ?? false;
  }

  next(state: number, operation: number): readonly number[] {
    const transition = state * this.#calls.length + operation;
    let states = this.#transitions.get(transition);
    if (states === undefined) {
      states = this.#step(state, operation).map((after) => this.#intern(after));
      this.#transitions.set(transition, states);
    }
    return states;
  }

  canMatter(operation: number): boolean {
    return !this.isReadOnly(operation);
  }

  twinGroup(operation: number): number {
    return this.#twinGroups[operation] ?? -1;
  }

  take(_operation: number): void {}

  untake(_operation: number): void {}

  settle(state: number): number {
    return state;
  }

  isHopeless(_before: number, _operation: number, _after: number): boolean {
    return false;
  }

  isSureMove(_before: number, _operation: number, _after: number): boolean {
    return false;
  }

  #step(state: number, operation: number): readonly State[] {
    const before = this.#states[state];
    const call = this.#calls[operation];
    // Both are there: numbers come from #intern, and from the operations that the space was made for.
    if (before === undefined || call === undefined) return [];
    return this.#model.step(before.state, call.input, call.output);
  }

  #intern(state: State): number {
    const key = this.#model.stateKey(state);
    let number = this.#numberByKey.get(key);
    if (number === undefined) {
      number = this.#states.length;
      this.#states.push({ state });
      this.#numberByKey.set(key, number);
    }
    return number;
  }
}
