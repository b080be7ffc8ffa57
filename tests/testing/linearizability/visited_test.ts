import { assertEquals } from "@std/assert";
import { OpenOperations } from "../../../raft/testing/linearizability/open_operations.ts";
import { type TakenSet, VisitedConfigurations } from "../../../raft/testing/linearizability/visited.ts";
import { below } from "./random.ts";
import { seededRandom } from "../../kv/seeded_random.ts";

const requiredCount = 100;
const optionalCount = 70;

/** Operations that all overlap: any of them may come next at any time. */
function overlapping(): OpenOperations {
  const count = requiredCount + optionalCount;
  return new OpenOperations({
    callPositions: Array.from({ length: count }, (_, operation) => operation),
    returnPositions: Array.from(
      { length: count },
      (_, operation) => operation < requiredCount ? 1000 + operation : Infinity,
    ),
  });
}

/** The set as if all sets had the same hash: only the words tell them apart. */
function colliding(open: OpenOperations): TakenSet {
  const { frontier, words, optionalWord } = open;
  return { hash: 0, frontier, words, optionalWord, lastRequiredWord: () => open.lastRequiredWord() };
}

Deno.test("configurations are told apart by every operation and by the state, whatever their hashes", () => {
  const open = overlapping();
  const visited = new VisitedConfigurations();
  assertEquals(visited.add(colliding(open), 0), true);
  for (let operation = 0; operation < requiredCount + optionalCount; operation++) {
    open.take(operation);
    assertEquals(visited.add(colliding(open), 0), true, `operation ${operation}`);
    assertEquals(visited.add(colliding(open), 0), false, `operation ${operation} again`);
    assertEquals(visited.add(colliding(open), 1), true, `operation ${operation}, another state`);
    open.untake(operation);
  }
  assertEquals(visited.add(colliding(open), 0), false);
});

Deno.test("random sets are remembered as a set of sets remembers them", () => {
  const random = seededRandom(1);
  const expected = new Set<string>();
  const visited = new VisitedConfigurations();
  for (let round = 0; round < 3000; round++) {
    const open = overlapping();
    // Few operations, so that many sets come twice; the first ones too, so that the frontier moves.
    const taken = new Set(
      Array.from({ length: below(random, 5) }, () => [0, 1, 2, 40, 99, 100, 169][below(random, 7)] ?? 0),
    );
    for (const operation of taken) open.take(operation);
    const state = below(random, 2);
    const key = `${state}:${[...taken].sort((left, right) => left - right).join()}`;
    assertEquals(visited.add(open, state), !expected.has(key), key);
    expected.add(key);
  }
});

Deno.test("taking is undone: the frontier, the order of call and the hash come back", () => {
  const open = overlapping();
  const list = (): number[] => {
    const operations: number[] = [];
    for (let operation = open.firstRequired(); operation >= 0; operation = open.after(operation)) {
      operations.push(operation);
    }
    for (let operation = open.firstOptional(); operation >= 0; operation = open.after(operation)) {
      operations.push(operation);
    }
    return operations;
  };
  const before = list();
  const taken = [5, 0, 101, 1, 99, 169, 2, 100];
  for (const operation of taken) open.take(operation);
  assertEquals(open.frontier, 3);
  assertEquals(list(), before.filter((operation) => !taken.includes(operation)));
  for (const operation of taken.toReversed()) open.untake(operation);
  assertEquals([open.frontier, open.hash], [0, 0]);
  assertEquals(list(), before);
  assertEquals([...open.words].every((word) => word === 0), true);
});

Deno.test("what is called after the frontier has returned must wait", () => {
  // 0: 1 to 4, 1: 2 to 6, 2: 5 to 8, 3: from 7 on, unknown.
  const open = new OpenOperations({ callPositions: [1, 2, 5, 7], returnPositions: [4, 6, 8, Infinity] });
  assertEquals([open.firstRequired(), open.after(0), open.after(1), open.firstOptional()], [0, 1, -1, -1]);
  open.take(1);
  assertEquals([open.firstRequired(), open.after(0)], [0, -1]);
  open.take(0);
  assertEquals([open.firstRequired(), open.firstOptional()], [2, 3]);
  open.take(2);
  assertEquals([open.firstRequired(), open.firstOptional(), open.limit], [-1, 3, Infinity]);
});
