/**
 * Histories of which it is known how they were made: from a number alone, of three objects, right ones and wrong ones. They are
 * for comparing the checker with others.
 *
 * @module
 */
import type { HistoryEvent } from "../../../raft/testing/linearizability/mod.ts";
import { registers } from "./generate.ts";
import { locks, versionedRegisters } from "./objects.ts";
import { below, pick } from "./random.ts";
import { seededRandom } from "../../kv/seeded_random.ts";
import { type Call, type FaultKind, type SequentialObject, simulateClients } from "./simulate_clients.ts";
import { spoils } from "./spoil.ts";

/** The objects that histories are of. */
export const objectNames = ["register", "versioned", "lock"] as const;

/** The name of an object. */
export type ObjectName = typeof objectNames[number];

const faults: readonly FaultKind[] = ["lost", "twice", "stale"];

/** A third of the histories is linearizable, by construction. In the others something went wrong, which need not show. */
export const waysToBeWrong: readonly string[] = [...faults.map((kind) => `fault-${kind}`), ...Object.keys(spoils)];

/** A history, and what is known about it. */
export interface ProvenHistory {
  /** The object; all keys of a history are of the same. */
  readonly object: ObjectName;
  /** How it was made: "correct", or what went wrong. */
  readonly made: string;
  /** The events. */
  readonly events: readonly HistoryEvent[];
}

/** The texts that writes choose from: undefined where each has its own. */
const textSets = [undefined, undefined, ["a", "b"], ["a", "aa", "b", "ab"], ["a", "", "ba"]];

const registerFunctions = [
  ["put", "get"],
  ["append", "get"],
  ["put", "append", "append", "get", "get"],
  ["put", "appendOld", "append", "delete", "get"],
] as const;

/** The history of that number. */
export function provenHistory(number: number): ProvenHistory {
  const random = seededRandom(number);
  const object = pick(random, objectNames);
  const made = random() < 1 / 3 ? "correct" : pick(random, waysToBeWrong);
  const isSmall = random() < 0.5;
  const operations = isSmall ? 3 + below(random, 15) : 20 + below(random, 130);
  const options = {
    random,
    operations,
    clients: 2 + below(random, isSmall ? 4 : 10),
    infoShare: pick(random, isSmall ? [0, 0.1, 0.3] : [0, 0.01, 0.05]),
    failShare: pick(random, [0, 0.05]),
  };
  const keys = isSmall ? 1 : 1 + below(random, 4);
  const kind = faults.find((fault) => made === `fault-${fault}`);
  const simulate = <State, ItsCall extends Call>(simulated: SequentialObject<State, ItsCall>): HistoryEvent[] =>
    simulateClients({
      ...options,
      object: simulated,
      ...(kind === undefined ? {} : { fault: { kind, share: pick(random, [0.05, 0.2]) } }),
    });
  const events = object === "lock"
    ? simulate(locks({ random, keys }))
    : object === "versioned"
    ? simulate(versionedRegisters({ random, keys }))
    : simulate(registers({ random, keys, functions: pick(random, registerFunctions), ...textsOf(random) }));
  return { object, made, events: spoiled(events, made, random) };
}

/** In one place, or in several, so that what shows seldom shows. */
function spoiled(events: HistoryEvent[], made: string, random: () => number): readonly HistoryEvent[] {
  const spoil = spoils[made];
  if (spoil === undefined) return events;
  const places = pick(random, [1, 2, 8]);
  return Array.from({ length: places }).reduce<HistoryEvent[]>((spoilt) => spoil(spoilt, random), events);
}

function textsOf(random: () => number): { readonly texts?: readonly string[] } {
  const texts = pick(random, textSets);
  return texts === undefined ? {} : { texts };
}
