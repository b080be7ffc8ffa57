/**
 * Is a history linearizable? That is: can each call be given one instant between its invocation and its return, such that a
 * sequential object that takes the calls in that order answers as it was recorded (Herlihy & Wing 1990)?
 *
 * @module
 */
import type { History, Operation } from "./history.ts";
import { shorten } from "./text.ts";
import { keyOf } from "./model.ts";
import { lockSpecification } from "./lock_model.ts";
import { registerSpecification } from "./register_model.ts";
import { searchLinearization, type SearchResult, type StepCounter } from "./search.ts";
import type { Specification } from "./specification.ts";
import { versionedSpecification } from "./versioned_model.ts";

/** How far a check may go, and against what. */
export interface CheckOptions {
  /** The object that the history is of. Default: chosen for each key by its functions, see {@linkcode chooseSpecification}. */
  readonly specification?: Specification;
  /**
   * Configurations to try per partition before giving up. Default: 5,000,000, which take 2 to 5 s and up to about 300 MB.
   *
   * A history seldom needs more than a few per call if each write has a text of its own. Where many clients write few
   * different texts to one key, or delete it all the time, the orders that must be told apart grow exponentially.
   */
  readonly maxSteps?: number;
  /** Milliseconds that the whole check may take before giving up. Default: no limit. */
  readonly maxMilliseconds?: number;
  /** The clock for `maxMilliseconds`. Default: `performance.now`. */
  readonly nowMilliseconds?: () => number;
}

/** What the checker found. `steps` counts the configurations tried; the same history takes the same number each time. */
export type Verdict = Linearizable | NotLinearizable | Undecided;

/** The history is correct. */
export interface Linearizable {
  /** Tells the verdicts apart. */
  readonly kind: "linearizable";
  /** The calls that took effect, in an order that explains all answers, over all keys. */
  readonly order: readonly Operation[];
  /** Configurations tried. */
  readonly steps: number;
}

/** The history is wrong: no order of its calls explains its answers. */
export interface NotLinearizable {
  /** Tells the verdicts apart. */
  readonly kind: "notLinearizable";
  /** The partition (the key, as JSON) that is wrong; the others may not have been looked at. */
  readonly partition: string;
  /** The name of the object that it was checked as. */
  readonly specification: string;
  /** Up to just before this call returned, the history can be explained; with its answer it cannot. */
  readonly offending: Operation;
  /** An order that explains every answer given before, on this partition: the longest prefix of the history that is correct. */
  readonly longestPartial: readonly Operation[];
  /** The object's state after `longestPartial`. */
  readonly stateAfterPartial: string;
  /** The verdict in words. */
  readonly explanation: string;
  /** Configurations tried. */
  readonly steps: number;
}

/** The budget ran out first. This is not a pass: a test that gets it must fail. */
export interface Undecided {
  /** Tells the verdicts apart. */
  readonly kind: "undecided";
  /** The first partition that was not decided. */
  readonly partition: string;
  /** Which budget ran out. */
  readonly reason: "maxSteps" | "maxMilliseconds";
  /** The verdict in words. */
  readonly explanation: string;
  /** Configurations tried. */
  readonly steps: number;
}

/**
 * Checks a history, one partition after another. Calls that failed are left out; calls of unknown fate may have taken effect at
 * any time after their invocation, or never. Throws {@linkcode ModelError} if the history is of another object.
 *
 * @example
 * ```ts
 * import { checkLinearizability, parseHistory } from "@balsa/balsa/testing";
 *
 * const verdict = checkLinearizability(parseHistory(
 *   '{"process":0,"type":"invoke","f":"put","key":"color","value":"blue","time":1}\n' +
 *     '{"process":0,"type":"ok","f":"put","key":"color","value":null,"time":2}\n' +
 *     '{"process":1,"type":"invoke","f":"get","key":"color","value":null,"time":3}\n' +
 *     '{"process":1,"type":"ok","f":"get","key":"color","value":"red","time":4}\n',
 * ));
 * if (verdict.kind !== "linearizable") console.log(verdict.explanation);
 * ```
 */
export function checkLinearizability(history: History, options: CheckOptions = {}): Verdict {
  const budget = new Budget(options);
  let undecided: Undecided | undefined;
  const orders: (readonly Operation[])[] = [];
  for (const [partition, operations] of partitionOperations(history.operations, options.specification)) {
    const specification = options.specification ?? chooseSpecification(operations);
    // A call that failed had no effect, so there is nothing to explain.
    const part = new Part(partition, specification, operations.filter((operation) => operation.status !== "fail"));
    budget.startPartition();
    const result = part.search(part.operations, budget);
    if (result.kind === "none") return explain(part, budget);
    if (result.kind === "gaveUp") undecided ??= giveUp(partition, budget);
    else orders.push(result.order);
  }
  if (undecided !== undefined) return { ...undecided, steps: budget.steps };
  return { kind: "linearizable", order: mergeOrders(orders), steps: budget.steps };
}

/**
 * The object that a key's calls are of: a lock if there are acquires, renewals or releases; a register with versions if there are calls
 * with versions; otherwise a register.
 */
export function chooseSpecification(operations: readonly Operation[]): Specification {
  const functions = new Set(operations.map((operation) => operation.f));
  if (["acquire", "renew", "release"].some((name) => functions.has(name))) return lockSpecification();
  if (functions.has("putIfVersion") || functions.has("getWithVersion")) return versionedSpecification;
  return registerSpecification;
}

/** Counts steps against the limits. */
class Budget implements StepCounter {
  steps = 0;
  /** Which limit was met; undefined while none was. */
  exceeded: "maxSteps" | "maxMilliseconds" | undefined;
  readonly maxSteps: number;
  readonly #maxMilliseconds: number;
  readonly #nowMilliseconds: () => number;
  readonly #startMilliseconds: number;
  #partitionStart = 0;

  constructor(options: CheckOptions) {
    this.maxSteps = options.maxSteps ?? 5_000_000;
    this.#maxMilliseconds = options.maxMilliseconds ?? Infinity;
    this.#nowMilliseconds = options.nowMilliseconds ?? ((): number => performance.now());
    this.#startMilliseconds = this.#maxMilliseconds === Infinity ? 0 : this.#nowMilliseconds();
  }

  startPartition(): void {
    this.#partitionStart = this.steps;
    this.exceeded = undefined;
  }

  step(): boolean {
    if (this.steps - this.#partitionStart >= this.maxSteps) this.exceeded = "maxSteps";
    // Reading a clock costs more than a step does.
    else if (this.#maxMilliseconds !== Infinity && this.steps % 256 === 0 && this.#isLate()) {
      this.exceeded = "maxMilliseconds";
    }
    if (this.exceeded !== undefined) return false;
    this.steps++;
    return true;
  }

  #isLate(): boolean {
    return this.#nowMilliseconds() - this.#startMilliseconds > this.#maxMilliseconds;
  }
}

/** One partition of a history. */
class Part {
  /** Its operations, except those that failed: those that returned in order of return, then the unknown ones in order of call. */
  readonly operations: readonly Operation[];
  readonly #byIndex: ReadonlyMap<number, Operation>;

  constructor(readonly name: string, readonly specification: Specification, operations: readonly Operation[]) {
    this.operations = inSearchOrder(operations);
    this.#byIndex = new Map(operations.map((operation) => [operation.index, operation]));
  }

  /** Looks for a linearization of some of the operations, given in search order. */
  search(operations: readonly Operation[], budget: Budget): PartResult {
    const space = this.specification.spaceFor(operations);
    const timing = {
      callPositions: operations.map((operation) => operation.invokeLine),
      returnPositions: operations.map((operation) => operation.returnLine),
    };
    const result: SearchResult = searchLinearization(timing, space, budget);
    if (result.kind !== "found") return result;
    const searched = result.order.flatMap((operation) => operations[operation] ?? []);
    const order = searched.flatMap((operation) => this.#byIndex.get(operation.index) ?? []);
    return { kind: "found", order, searched };
  }

  /** The history as it stood just before the return after the first `returns`: calls still open are unknown. */
  prefix(returns: number): readonly Operation[] {
    const next = this.operations[returns];
    const end = next === undefined ? Infinity : next.returnLine;
    return inSearchOrder(
      this.operations.filter((operation) => operation.invokeLine < end).map((operation): Operation =>
        operation.returnLine < end ? operation : {
          ...operation,
          status: "unknown",
          result: null,
          returnLine: Infinity,
          returnTimeNanoseconds: Infinity,
        }
      ),
    );
  }
}

/** How the search of a partition ended, in operations of the history. */
type PartResult =
  | {
    readonly kind: "found";
    /** The linearization, in operations as they were recorded. */
    readonly order: readonly Operation[];
    /** The same, in operations as they were searched: those of a prefix have lost the answers that came after it. */
    readonly searched: readonly Operation[];
  }
  | { readonly kind: "none" }
  | { readonly kind: "gaveUp" };

function inSearchOrder(operations: readonly Operation[]): readonly Operation[] {
  // Infinity minus Infinity is not a number, so the unknown ones are compared by call.
  return [...operations].sort((left, right) =>
    left.returnLine === right.returnLine ? left.invokeLine - right.invokeLine : left.returnLine - right.returnLine
  );
}

function partitionOperations(
  operations: readonly Operation[],
  specification: Specification | undefined,
): Map<string, Operation[]> {
  const partitions = new Map<string, Operation[]>();
  for (const operation of operations) {
    const partition = specification?.partitionKey(operation) ?? keyOf(operation);
    const members = partitions.get(partition);
    if (members === undefined) partitions.set(partition, [operation]);
    else members.push(operation);
  }
  return partitions;
}

/**
 * Finds where a partition that is not linearizable breaks. Every prefix of a linearizable history is linearizable, so the first
 * return that cannot be explained is found by bisection: the history before it is correct, and with it is not.
 */
function explain(part: Part, budget: Budget): NotLinearizable {
  const total = part.operations.filter((operation) => operation.returnLine !== Infinity).length;
  let correct = 0;
  let wrong = total;
  let best: PartResult = part.search(part.prefix(0), budget);
  while (wrong - correct > 1) {
    const middle = (correct + wrong) >>> 1;
    budget.startPartition();
    const result = part.search(part.prefix(middle), budget);
    if (result.kind === "found") {
      correct = middle;
      best = result;
    } else if (result.kind === "none") wrong = middle;
    // Out of budget: the verdict stands, only the place is known less well.
    else break;
  }
  const offending = part.operations[wrong - 1];
  if (offending === undefined) throw new RangeError("Cannot explain: an empty history is linearizable");
  const longestPartial = best.kind === "found" ? best.order : [];
  const stateAfterPartial = best.kind === "found" ? part.specification.describeStateAfter(best.searched) : "unknown";
  return {
    kind: "notLinearizable",
    partition: part.name,
    specification: part.specification.name,
    offending,
    longestPartial,
    stateAfterPartial,
    explanation:
      `Key ${part.name} is not linearizable as a ${part.specification.name}: no order of its calls explains ` +
      `${
        shorten(part.specification.describe(offending), 300)
      } by process ${offending.process} (lines ${offending.invokeLine} to ` +
      `${offending.returnLine}). The ${correct} answers before ${wrong - correct > 1 ? "about there " : ""}can be ` +
      `explained, by an order of ${longestPartial.length} calls that leaves ${shorten(stateAfterPartial, 300)}.`,
    steps: budget.steps,
  };
}

function giveUp(partition: string, budget: Budget): Undecided {
  const reason = budget.exceeded ?? "maxSteps";
  return {
    kind: "undecided",
    partition,
    reason,
    explanation:
      `Key ${partition} was not decided: ${reason} ran out after ${budget.steps} steps. This is not a pass; ` +
      `raise ${reason}, or record shorter histories or ones with fewer calls at a time.`,
    steps: budget.steps,
  };
}

/**
 * One order for all partitions. Each call takes effect at the latest invocation among those that its partition's order puts
 * up to it: not before its own, and not after its return, or the order would be wrong. Ties are within a partition only.
 */
function mergeOrders(orders: readonly (readonly Operation[])[]): readonly Operation[] {
  const placed: { readonly operation: Operation; readonly line: number }[] = [];
  for (const order of orders) {
    let line = 0;
    for (const operation of order) {
      line = Math.max(line, operation.invokeLine);
      placed.push({ operation, line });
    }
  }
  return placed.sort((left, right) => left.line - right.line).map(({ operation }) => operation);
}
