import { assert, assertEquals } from "@std/assert";
import {
  checkLinearizability,
  formatHistory,
  type HistoryEvent,
  historyOf,
  type Operation,
} from "../../../raft/testing/linearizability/mod.ts";
import { generate } from "./generate.ts";
import { below, pick } from "./random.ts";
import { seededRandom } from "../../kv/seeded_random.ts";

const functionSets = [
  ["put", "get"],
  ["append", "get"],
  ["put", "append", "append", "get", "get"],
  ["put", "appendOld", "append", "delete", "get"],
] as const;

Deno.test("300 generated histories of 50 to 250 calls are linearizable", () => {
  let unknown = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const events = generate({
      random,
      operations: 50 + below(random, 200),
      clients: 2 + below(random, 14),
      keys: 1 + below(random, 4),
      functions: pick(random, functionSets),
      infoShare: pick(random, [0, 0.02, 0.1]),
      failShare: pick(random, [0, 0.05]),
    });
    unknown += events.filter((event) => event.type === "info").length;
    assertEquals(
      checkLinearizability(historyOf(events)).kind,
      "linearizable",
      `seed ${seed}\n${formatHistory(events)}`,
    );
  }
  assert(unknown > 1000, `only ${unknown} unknown calls were generated`);
});

/** A read, by what it answered and where its answer stands in the events. */
interface Read {
  readonly operation: Operation;
  readonly value: string;
}

/** One way to make a history wrong for certain: another answer for one of its reads, or undefined where there is no chance. */
interface Mutation {
  readonly functions: readonly ("get" | "put" | "append")[];
  spoil(read: Read, completed: readonly Operation[], random: () => number): string | undefined;
}

/** Pairs of writes of which the first had returned when the second was called, and the second when the read was. */
function orderedWrites(read: Read, completed: readonly Operation[]): readonly (readonly [string, string])[] {
  const before = completed.filter((write) => write.f !== "get" && write.returnLine < read.operation.invokeLine);
  return before.flatMap((first) =>
    before.filter((second) => first.returnLine < second.invokeLine).map((second) =>
      [String(first.value), String(second.value)] as const
    )
  );
}

/** The texts of appends that the read must see. */
function mustSee(read: Read, completed: readonly Operation[]): readonly string[] {
  return completed.filter((write) => write.f === "append" && write.returnLine < read.operation.invokeLine)
    .map((write) => String(write.value));
}

const mutations: Record<string, Mutation> = {
  "a value that was never written": {
    functions: ["put", "append", "get"],
    spoil: (read) => `${read.value}<never>`,
  },
  "a stale value, replaced before the read began": {
    functions: ["put", "get"],
    spoil: (read, completed, random) => {
      const pairs = orderedWrites(read, completed);
      return pairs.length === 0 ? undefined : pick(random, pairs)[0];
    },
  },
  "a lost append": {
    functions: ["append", "get"],
    spoil: (read, completed, random) => {
      const texts = mustSee(read, completed);
      return texts.length === 0 ? undefined : read.value.replace(pick(random, texts), "");
    },
  },
  "an append that took effect twice": {
    functions: ["append", "get"],
    spoil: (read, completed, random) => {
      const texts = mustSee(read, completed);
      return texts.length === 0 ? undefined : read.value + pick(random, texts);
    },
  },
  "two appends against the order of time": {
    functions: ["append", "get"],
    spoil: (read, completed, random) => {
      const pairs = orderedWrites(read, completed);
      if (pairs.length === 0) return undefined;
      const [first, second] = pick(random, pairs);
      return read.value.replace(first, "<swap>").replace(second, first).replace("<swap>", second);
    },
  },
};

/** Gives one read of a history another answer, in the way of the mutation. */
function mutate(events: readonly HistoryEvent[], mutation: Mutation, random: () => number): HistoryEvent[] | undefined {
  const completed = historyOf(events).operations.filter((operation) => operation.status === "ok");
  const reads = completed.filter((operation) => operation.f === "get");
  if (reads.length === 0) return undefined;
  const operation = pick(random, reads);
  const spoilt = mutation.spoil({ operation, value: String(operation.result) }, completed, random);
  if (spoilt === undefined) return undefined;
  return events.map((event, place) => place === operation.returnLine - 1 ? { ...event, value: spoilt } : event);
}

for (const [name, mutation] of Object.entries(mutations)) {
  Deno.test(`60 generated histories with ${name} are not linearizable`, () => {
    let spoilt = 0;
    for (let seed = 1; spoilt < 60; seed++) {
      const random = seededRandom(seed);
      const events = generate({
        random,
        operations: 30 + below(random, 120),
        clients: 2 + below(random, 10),
        keys: 1,
        functions: mutation.functions,
        infoShare: pick(random, [0, 0.05]),
      });
      const mutated = mutate(events, mutation, random);
      if (mutated === undefined) continue;
      spoilt++;
      assertEquals(checkLinearizability(historyOf(events)).kind, "linearizable", `seed ${seed} before the mutation`);
      const verdict = checkLinearizability(historyOf(mutated));
      assertEquals(verdict.kind, "notLinearizable", `seed ${seed}\n${formatHistory(mutated)}`);
    }
  });
}
