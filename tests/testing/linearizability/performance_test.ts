import { assert, assertEquals } from "@std/assert";
import { checkLinearizability, type HistoryEvent, historyOf } from "../../../raft/testing/linearizability/mod.ts";
import { generate, type GenerateOptions } from "./generate.ts";
import { seededRandom } from "../../kv/seeded_random.ts";

/** Sizes that a swarm run checks all day: 10,000 calls on ten keys, and 1,000 on one key by 30 clients. */
const sizes = {
  "10,000 calls, 20 clients, 10 keys": [10_000, 20, 10],
  "1,000 calls, 30 clients, 1 key": [1000, 30, 1],
} as const;

const mixes: Record<string, GenerateOptions["functions"]> = {
  "put and get": ["put", "get"],
  "append and get": ["append", "get"],
  "put, append and get": ["put", "append", "append", "get", "get"],
  "mostly append": ["append", "append", "append", "append", "append", "append", "get"],
  "append that tells": ["put", "appendOld", "get"],
};

// Steps, unlike times, are the same on every machine. Bounds are several times what was measured.
for (const [size, [operations, clients, keys]] of Object.entries(sizes)) {
  for (const [mix, functions] of Object.entries(mixes)) {
    Deno.test(`few steps: ${size}, ${mix}, right and wrong`, () => {
      for (const infoShare of [0, 0.02]) {
        const events = generate({ random: seededRandom(1), operations, clients, keys, functions, infoShare });
        for (const [kind, tried] of [["linearizable", events], ["notLinearizable", spoilLate(events)]] as const) {
          const start = performance.now();
          const verdict = checkLinearizability(historyOf(tried));
          const milliseconds = Math.round(performance.now() - start);
          console.log(`${size}, ${mix}, ${infoShare} unknown: ${kind}, ${verdict.steps} steps, ${milliseconds} ms`);
          assertEquals(verdict.kind, kind);
          assert(verdict.steps < 20 * operations, `${verdict.steps} steps`);
        }
      }
    });
  }
}

/** Gives a late read the answer of a much earlier one of its key. */
function spoilLate(events: readonly HistoryEvent[]): HistoryEvent[] {
  const reads = events.map((event, place) => ({ event, place })).filter(({ event }) =>
    event.type === "ok" && event.f === "get" && event.value !== ""
  );
  const late = reads[Math.floor(reads.length * 0.9)];
  const early = reads.slice(Math.floor(reads.length * 0.05)).find(({ event }) => event.key === late?.event.key);
  if (late === undefined || early === undefined) throw new TypeError("expected reads in the history");
  return events.map((event, place) => place === late.place ? { ...event, value: early.event.value } : event);
}

Deno.test("few steps: a hundred unknown writes that nobody saw", () => {
  const events = generate({
    random: seededRandom(7),
    operations: 1000,
    clients: 10,
    keys: 1,
    functions: ["put", "get"],
  });
  const lost: HistoryEvent[] = Array.from({ length: 100 }, (_, place) => ({
    process: 1000 + place,
    type: "invoke",
    f: place % 2 === 0 ? "put" : "append",
    key: "key0",
    value: `<lost${place}>`,
    time: 0,
  }));
  const verdict = checkLinearizability(historyOf([...lost, ...events]));
  assertEquals(verdict.kind, "linearizable");
  assert(verdict.steps < 2000, `${verdict.steps} steps`);
});
