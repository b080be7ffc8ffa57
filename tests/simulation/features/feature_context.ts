/**
 * What the workloads of single features have in common: clients that call, and histories that are checked in the end.
 *
 * @module
 */
import type { Clerk, ClerkOptions } from "../../../kv/clerk.ts";
import { ClerkError } from "../../../kv/errors.ts";
import {
  checkLinearizability,
  HistoryRecorder,
  type JsonValue,
  type SeededRandom,
  type Simulation,
  type Specification,
} from "../../../raft/testing/mod.ts";
import type { Counters } from "../counters.ts";
import type { ExecutionListener } from "../monitor.ts";
import type { Violation } from "../violation.ts";

/** What features work with. */
export interface FeatureContext {
  /** The world. */
  readonly simulation: Simulation;
  /** Counts of rare events. */
  readonly counters: Counters;
  /** To be told when something does not hold. */
  readonly onViolation: (violation: Violation) => void;
  /** Has a listener called whenever a replica has executed a command. */
  readonly onExecuted: (listener: ExecutionListener) => void;
  /** Whether all clocks go alike, so that leases end when both sides think that they do. */
  readonly hasTrueClocks: boolean;
}

/** One client's way to the cluster; it goes with its process. */
export interface FeatureClient {
  /** Its name, its life included. */
  readonly name: string;
  /** Its number among the clients of its feature, from 0. */
  readonly number: number;
  /** Its Clerk. */
  readonly clerk: Clerk;
  /** A Clerk without sessions. */
  readonly sessionless: Clerk;
  /** For its choices. */
  readonly random: SeededRandom;
  /** Resolves after so much time of the client's own clock. */
  sleep(delayMs: number): Promise<void>;
}

/** The workload of one feature, shared by all its clients. */
export interface FeatureWorkload {
  /** One call, or a few that belong together. Rejects with a {@link ClerkError} when one fails. */
  turn(client: FeatureClient): Promise<void>;
  /** A Clerk that writes down what its caller does not see; an ordinary one unless given. */
  readonly makeClerk?: (addresses: readonly string[], options: ClerkOptions) => Clerk;
  /** The last reads, when all is well again: they pin down what was left. */
  audit(client: FeatureClient): Promise<void>;
  /** What is wrong with all that was seen; null when nothing is. */
  problem(): string | null;
}

/** A workload's history of calls. */
export class FeatureHistory {
  readonly #recorder: HistoryRecorder;
  readonly #context: FeatureContext;

  /** No calls yet. */
  constructor(context: FeatureContext) {
    this.#context = context;
    this.#recorder = new HistoryRecorder(() => context.simulation.nowMs * 1e6);
  }

  /**
   * Makes a call and writes down what it came to. `answerOf` makes of the result what the model wants to see; undefined where
   * the truth is not known.
   */
  async call<Result>(
    description: { readonly f: string; readonly key: string; readonly value?: JsonValue },
    make: () => Promise<Result>,
    answerOf: (result: Result) => JsonValue | undefined,
  ): Promise<Result> {
    const { simulation: { trace, nowMs } } = this.#context;
    const call = this.#recorder.begin(description);
    if (trace.recording) trace.line(nowMs, `feature call ${call.process}: ${JSON.stringify(description)}`);
    try {
      const result = await make();
      const answer = answerOf(result);
      if (answer === undefined) call.info();
      else call.ok(answer);
      this.#answered(call.process, JSON.stringify(answer));
      return result;
    } catch (error) {
      const isUnknown = !(error instanceof ClerkError) || error.code === "unknown";
      if (isUnknown) call.info();
      else call.fail();
      this.#answered(call.process, String(error));
      throw error;
    }
  }

  /** Why the calls are not linearizable; null if they are. */
  problem(specification?: Specification): string | null {
    const verdict = checkLinearizability(
      this.#recorder.history(),
      specification === undefined ? {} : { specification },
    );
    return verdict.kind === "linearizable" ? null : verdict.explanation;
  }

  #answered(process: number, answer: string | undefined): void {
    const { simulation: { trace, nowMs } } = this.#context;
    trace.mixTime(nowMs);
    if (trace.recording) trace.line(nowMs, `feature call ${process}: ${answer ?? "unknown"}`);
  }
}

/** A name that changes with time, so that histories of one key stay short. */
export function nameNow({ simulation }: FeatureContext, prefix: string, epochMs: number): string {
  return `${prefix}${Math.floor(simulation.nowMs / epochMs)}`;
}
