/**
 * Watches: one client writes, the others watch, are cut off, stand still, die, and go on where they were.
 *
 * @module
 */
import type { Clerk } from "../../../kv/clerk.ts";
import type { KeyWrite } from "../../../kv/operations.ts";
import { ClerkError, CompactedError } from "../../../kv/errors.ts";
import type { WatchOptions } from "../../../kv/watch.ts";
import { Violation } from "../violation.ts";
import type { FeatureClient, FeatureContext, FeatureWorkload } from "./feature_context.ts";
import { WatchChecker } from "./watch_checker.ts";
import { WatchTruth } from "./watch_truth.ts";

const prefix = "watch/";
const keys = ["a", "ab", "b", "c"].map((name) => prefix + name);

/** When all is well again a watcher must have heard everything within so much time, in milliseconds. */
const auditMs = 20_000;

/** What the clients that watch look at; the first client writes. */
const targets = [{ prefix }, { prefix: `${prefix}a` }, { key: `${prefix}b` }] as const;

/** See the module. */
export class WatchesWorkload implements FeatureWorkload {
  readonly #context: FeatureContext;
  readonly #truth = new WatchTruth(prefix);
  readonly #checkers = targets.map((target) =>
    new WatchChecker(this.#truth, (key) => "key" in target ? key === target.key : key.startsWith(target.prefix))
  );
  /** Who goes on with each watch: the auditor may have taken over from a client whose turn is not over yet. */
  readonly #turns: (AbortSignal | null)[] = targets.map(() => null);
  #nextValue = 1;
  /** A lease that may have ended; keys that are tied to it go when nobody deletes them. */
  #lease: number | null = null;

  /** Nothing has happened yet. */
  constructor(context: FeatureContext) {
    this.#context = context;
    context.onExecuted((machine, execution) => this.#truth.executed(machine, execution.context.index));
  }

  /** See {@link FeatureWorkload.turn}. */
  async turn(client: FeatureClient): Promise<void> {
    const watcher = client.number - 1;
    if (watcher < 0) return await this.#write(client);
    const over = new AbortController();
    client.sleep(client.random.between(1_000, 15_000)).then(() => over.abort());
    await this.#watch(client, watcher, over.signal);
  }

  /** See {@link FeatureWorkload.audit}. */
  async audit(client: FeatureClient): Promise<void> {
    for (const [watcher, checker] of this.#checkers.entries()) {
      const over = new AbortController();
      client.sleep(auditMs).then(() => over.abort());
      await this.#watch(client, watcher, over.signal, () => checker.isUpToDate);
      if (checker.isUpToDate) continue;
      throw new Violation(
        "watch",
        `a watcher of ${JSON.stringify(targets[watcher])} has not heard all within ${auditMs} ms`,
      );
    }
  }

  /** See {@link FeatureWorkload.problem}: what is wrong is told at once. */
  problem(): null {
    return null;
  }

  async #watch(
    client: FeatureClient,
    watcher: number,
    signal: AbortSignal,
    isEnough = (): boolean => false,
  ): Promise<void> {
    const [checker, target] = [this.#checkers[watcher], targets[watcher]];
    if (checker === undefined || target === undefined || isEnough()) return;
    this.#turns[watcher] = signal;
    const isMine = (): boolean => this.#turns[watcher] === signal;
    const { counters } = this.#context;
    const { position } = checker;
    const snapshot = client.random.pick(
      position === null ? ["first", "never"] as const : ["ifCompacted", "never"] as const,
    );
    const options: WatchOptions = { snapshot, signal, ...(position === null ? {} : { fromIndex: position }) };
    try {
      await using watch = client.clerk.watch(target, options);
      const started = await watch.started;
      if (!isMine()) return;
      if (snapshot !== "first") checker.begin(started);
      for await (const event of watch) {
        if (!isMine()) return;
        const problem = checker.told(event);
        if (problem !== null) this.#context.onViolation(new Violation("watch", `${client.name}: ${problem}`));
        if (event.kind === "snapshot") counters.add("watch told a snapshot");
        else if (position !== null) counters.add("watch taken up again");
        if (isEnough()) return;
      }
    } catch (error) {
      if (!(error instanceof ClerkError)) throw error;
      if (!(error instanceof CompactedError) || !isMine()) return;
      counters.add("watch from a forgotten index");
      checker.position = null;
      if (!signal.aborted) await this.#watch(client, watcher, signal, isEnough);
    }
  }

  async #write({ clerk, random }: FeatureClient): Promise<void> {
    const key = random.pick(keys);
    const drawn = random.next();
    if (drawn < 0.3) {
      const count = 2 + random.integer(3);
      await clerk.transaction({
        then: Array.from({ length: count }, () => this.#drawWrite(random.pick(keys), random.next())),
      });
    } else if (drawn < 0.4) await clerk.deletePrefix(random.pick([prefix, `${prefix}a`]));
    else if (drawn < 0.5) await clerk.delete(key);
    else if (drawn < 0.6) await clerk.append(key, `${this.#nextValue++};`);
    else if (drawn < 0.7) await this.#putWithLease(clerk, key, random.pick([300, 2_000]));
    else await clerk.put(key, `${this.#nextValue++};`);
  }

  async #putWithLease(clerk: Clerk, key: string, ttlMs: number): Promise<void> {
    const lease = this.#lease ?? await clerk.grantLease(ttlMs);
    this.#lease = null;
    await clerk.put(key, `${this.#nextValue++};`, { lease });
    this.#lease = lease;
  }

  #drawWrite(key: string, drawn: number): KeyWrite {
    if (drawn < 0.3) return { kind: "delete", key };
    return { kind: drawn < 0.6 ? "append" : "put", key, value: `${this.#nextValue++};` };
  }
}
