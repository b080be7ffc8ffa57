/**
 * Versioned puts, with sessions and without, beside plain writes to the same keys.
 *
 * A Clerk without sessions may execute a put twice: where the key was deleted in between, the second time succeeds as the
 * first did. That is what versions alone can promise, so only clients with sessions write to keys that are deleted.
 *
 * @module
 */
import type { PutIfVersionResult } from "../../../kv/clerk.ts";
import type { JsonValue } from "../../../raft/testing/mod.ts";
import {
  type FeatureClient,
  type FeatureContext,
  FeatureHistory,
  type FeatureWorkload,
  nameNow,
} from "./feature_context.ts";

const epochMs = 20_000;

/** See the module. */
export class VersionsWorkload implements FeatureWorkload {
  readonly #context: FeatureContext;
  readonly #history: FeatureHistory;
  /** The version that each client has seen last, by client and key: mostly the present one, at times an old one. */
  readonly #seen = new Map<string, number>();
  readonly #keys = new Set<string>();
  #nextValue = 1;

  /** Nothing is written yet. */
  constructor(context: FeatureContext) {
    this.#context = context;
    this.#history = new FeatureHistory(context);
  }

  /** See {@link FeatureWorkload.turn}. */
  async turn(client: FeatureClient): Promise<void> {
    const { random, clerk } = client;
    const isDeletedAtTimes = random.chance(0.3);
    const key = nameNow(this.#context, isDeletedAtTimes ? "gone" : "kept", epochMs);
    this.#keys.add(key);
    const drawn = random.next();
    if (drawn < 0.25) await this.#read(client, key);
    else if (drawn < 0.8) await this.#putIfVersion(client, key, !isDeletedAtTimes && random.chance(0.5));
    else if (isDeletedAtTimes && drawn < 0.9) {
      await this.#history.call({ f: "delete", key }, () => clerk.delete(key), () => null);
    } else {
      const value = `p${this.#nextValue++};`;
      if (drawn < 0.95) await this.#history.call({ f: "put", key, value }, () => clerk.put(key, value), () => null);
      else await this.#history.call({ f: "append", key, value }, () => clerk.append(key, value), () => null);
    }
  }

  /** See {@link FeatureWorkload.audit}. */
  async audit(client: FeatureClient): Promise<void> {
    await Promise.all([...this.#keys].map((key) => this.#read(client, key)));
  }

  /** See {@link FeatureWorkload.problem}. */
  problem(): string | null {
    return this.#history.problem();
  }

  async #read({ name, clerk }: FeatureClient, key: string): Promise<void> {
    const { version } = await this.#history.call(
      { f: "getWithVersion", key },
      () => clerk.getWithVersion(key),
      ({ value, version }) => ({ value: String(value), version }),
    );
    this.#seen.set(`${name} ${key}`, version);
  }

  async #putIfVersion({ name, clerk, sessionless }: FeatureClient, key: string, isSessionless: boolean): Promise<void> {
    const { counters } = this.#context;
    const version = this.#seen.get(`${name} ${key}`) ?? 0;
    const value = `v${this.#nextValue++};`;
    const result = await this.#history.call(
      { f: "putIfVersion", key, value: { value, version } },
      () => (isSessionless ? sessionless : clerk).putIfVersion(key, value, version),
      answerOf,
    );
    if (result.kind === "versionMismatch") counters.add("put of a wrong version refused");
    if (result.kind === "maybe" && isSessionless) counters.add("sessionless put of unknown outcome");
    if ("version" in result) this.#seen.set(`${name} ${key}`, result.version);
    else if (result.kind === "noKey") this.#seen.delete(`${name} ${key}`);
  }
}

/** A put that may have been done may be done yet: so it is no answer. */
function answerOf(result: PutIfVersionResult): JsonValue | undefined {
  const { kind: outcome } = result;
  if (outcome === "maybe") return undefined;
  return "version" in result ? { outcome, version: result.version } : { outcome };
}
