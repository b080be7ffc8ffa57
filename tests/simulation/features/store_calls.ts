/**
 * Transactions, ranges, counts, increments and deletions on a few keys that belong together, checked as one store.
 *
 * @module
 */
import type { Clerk } from "../../../kv/clerk.ts";
import type { TransactionComparison } from "../../../kv/clerk_options.ts";
import { ClerkError } from "../../../kv/errors.ts";
import type { KeyWrite } from "../../../kv/operations.ts";
import { type JsonValue, type SeededRandom, storeSpecification, type StoreWrite } from "../../../raft/testing/mod.ts";
import {
  type FeatureClient,
  type FeatureContext,
  FeatureHistory,
  type FeatureWorkload,
  nameNow,
} from "./feature_context.ts";

const epochMs = 10_000;

/** Keys of one store: texts, of which some come and go, and numbers. */
const textKeys = ["a", "aa", "ab", "b"];
const numberKeys = ["n1", "n2"];

/** A comparison as the Clerk and the model both take it. */
type PlainComparison = { readonly key: string; readonly version: number } | {
  readonly key: string;
  readonly value: string;
};

/** See the module. */
export class StoreCallsWorkload implements FeatureWorkload {
  readonly #context: FeatureContext;
  readonly #history: FeatureHistory;
  readonly #stores = new Set<string>();
  /** What was last read of each key, store included: mostly what is there. */
  readonly #seen = new Map<string, { readonly value: string; readonly version: number }>();
  #nextValue = 1;

  /** Nothing is written yet. */
  constructor(context: FeatureContext) {
    this.#context = context;
    this.#history = new FeatureHistory(context);
  }

  /** See {@link FeatureWorkload.turn}. */
  async turn({ clerk, random }: FeatureClient): Promise<void> {
    const store = nameNow(this.#context, "store", epochMs);
    this.#stores.add(store);
    const drawn = random.next();
    if (drawn < 0.3) await this.#transaction(clerk, random, store);
    else if (drawn < 0.5) await this.#range(clerk, random, store);
    else if (drawn < 0.6) await this.#get(clerk, store, random.pick([...textKeys, ...numberKeys]));
    else if (drawn < 0.7) await this.#count(clerk, random, store);
    else if (drawn < 0.75) {
      await this.#write(clerk, store, { kind: "deletePrefix", prefix: random.pick(["a", "aa", "b"]) });
    } else await this.#write(clerk, store, this.#drawWrite(random));
  }

  /** See {@link FeatureWorkload.audit}. */
  async audit({ clerk, random }: FeatureClient): Promise<void> {
    for (const store of this.#stores) await this.#range(clerk, random, store, true);
  }

  /** See {@link FeatureWorkload.problem}. */
  problem(): string | null {
    return this.#history.problem(storeSpecification);
  }

  async #transaction(clerk: Clerk, random: SeededRandom, store: string): Promise<void> {
    const draw = <T>(most: number, one: () => T): T[] => Array.from({ length: random.integer(most + 1) }, one);
    const compare = draw(2, () => this.#drawComparison(random, store));
    const [then, otherwise] = [draw(3, () => this.#drawWrite(random)), draw(2, () => this.#drawWrite(random))];
    // What cannot be done must take back what was done before it.
    if (random.chance(0.2)) then.push({ kind: "increment", key: random.pick(textKeys), by: 1 });
    const held = await this.#history.call(
      { f: "transaction", key: store, value: { compare, then: then.map(asJson), else: otherwise.map(asJson) } },
      () =>
        clerk.transaction({
          compare: compare.map((one): TransactionComparison => ({ ...one, key: `${store}/${one.key}` })),
          then: then.map((write) => inStore(store, write)),
          else: otherwise.map((write) => inStore(store, write)),
        }),
      (held) => held,
    ).catch((error) => {
      if (error instanceof ClerkError && error.code === "notANumber") {
        this.#context.counters.add("transaction refused for one of its writes");
      }
      throw error;
    });
    if (!held) this.#context.counters.add("transaction whose comparisons did not hold");
  }

  async #range(clerk: Clerk, random: SeededRandom, store: string, isWhole = false): Promise<void> {
    const limit = isWhole ? 100 : random.pick([1, 2, 100]);
    const reverse = !isWhole && random.chance(0.3);
    const [from, to] = isWhole ? ["", ""] : random.pick([["", ""], ["a", "b"], ["aa", ""], ["", "n"]]);
    const prefix = `${store}/`;
    const bounds = { from: `${prefix}${from}`, ...(to === "" ? {} : { to: `${prefix}${to}` }) };
    await this.#history.call(
      { f: "range", key: store, value: { from, to, limit, reverse } },
      () => clerk.range({ prefix, ...bounds, limit, reverse }),
      ({ entries }) =>
        entries.map(({ key, value, version }): JsonValue => {
          const name = key.slice(prefix.length);
          this.#seen.set(`${store}/${name}`, { value: String(value), version });
          return [name, String(value), version];
        }),
    );
  }

  async #count(clerk: Clerk, random: SeededRandom, store: string): Promise<void> {
    const [from, to] = random.pick([["", ""], ["a", "b"], ["aa", ""]]);
    const bounds = { from: `${store}/${from}`, ...(to === "" ? {} : { to: `${store}/${to}` }) };
    const call = { f: "count", key: store, value: { from, to } };
    await this.#history.call(call, () => clerk.count({ prefix: `${store}/`, ...bounds }), (count) => count);
  }

  async #get(clerk: Clerk, store: string, key: string): Promise<void> {
    await this.#history.call(
      { f: "get", key: store, value: key },
      () => clerk.getWithVersion(`${store}/${key}`),
      ({ value, version }) => {
        this.#seen.set(`${store}/${key}`, { value: String(value), version });
        return [String(value), version];
      },
    );
  }

  async #write(clerk: Clerk, store: string, write: StoreWrite): Promise<void> {
    const call = { f: "write", key: store, value: asJson(write) };
    await this.#history.call(call, () => execute(clerk, store, write), (answer) => answer);
  }

  #drawWrite(random: SeededRandom): KeyWrite & StoreWrite {
    const key = random.pick(textKeys);
    switch (random.integer(4)) {
      case 0:
        return { kind: "append", key, value: `${this.#nextValue++};` };
      case 1:
        return { kind: "delete", key };
      case 2:
        return { kind: "increment", key: random.pick(numberKeys), by: 1 + random.integer(9) };
      default:
        return { kind: "put", key, value: `${this.#nextValue++};` };
    }
  }

  #drawComparison(random: SeededRandom, store: string): PlainComparison {
    const key = random.pick(textKeys);
    const { value, version } = this.#seen.get(`${store}/${key}`) ?? { value: "", version: 0 };
    return random.chance(0.5) && version > 0 ? { key, value } : { key, version };
  }
}

function asJson(write: StoreWrite): JsonValue {
  return { ...write };
}

function inStore(store: string, write: KeyWrite): KeyWrite {
  return { ...write, key: `${store}/${write.key}` };
}

/** Makes the write; resolves to the number that it tells, if it does. */
async function execute(clerk: Clerk, store: string, write: StoreWrite): Promise<number | null> {
  if (write.kind === "deletePrefix") return await clerk.deletePrefix(`${store}/${write.prefix}`);
  const key = `${store}/${write.key}`;
  switch (write.kind) {
    case "put":
      await clerk.put(key, write.value);
      return null;
    case "append":
      await clerk.append(key, write.value);
      return null;
    case "delete":
      return await clerk.delete(key) ? 1 : 0;
    case "increment":
      return await clerk.increment(key, write.by);
  }
}
