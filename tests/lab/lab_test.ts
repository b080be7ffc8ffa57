/**
 * The course's suites under their official names, each on a few seeds of virtual time; `deno task lab` runs more.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { publishedFigures } from "./published.ts";
import { runVirtual } from "./run_case.ts";
import { memoryCases } from "./scenarios/memory.ts";
import { caseName, labCases } from "./suites.ts";

for (const test of labCases) {
  Deno.test(`lab: ${caseName(test)}`, async () => {
    for (let seed = 1; seed <= test.seedsInTest; seed++) {
      const { failure } = await runVirtual(test, seed);
      if (failure === null) continue;
      throw new Error(
        `seed ${seed}: ${failure}\nreplay: deno task lab --filter ${caseName(test)} --seed ${seed} --trace F`,
      );
    }
  });
}

Deno.test("lab: every official test is there, once", () => {
  const count = (suite: string, part = ""): number =>
    labCases.filter((test) => test.suite === suite && test.name.endsWith(part)).length;
  assertEquals((["kvsrv", "kvsrv1", "lock"] as const).map((suite) => count(suite)), [4, 3, 6]);
  assertEquals((["kvsrv", "kvsrv1"] as const).map((name) => memoryCases.filter(({ suite }) => suite === name).length), [
    6,
    1,
  ]);
  assertEquals(["3A", "3B", "3C", "3D"].map((part) => count("raft", part)), [3, 10, 8, 7]);
  assertEquals([count("rsm", "4A"), count("rsm", "4C")], [7, 1]);
  assertEquals([count("kvraft", "4A"), count("kvraft", "4B")], [14, 9]);
  assertEquals([count("kvraft1", "4B"), count("kvraft1", "4C")], [13, 9]);
  assertEquals([count("shardctrler"), count("shardcfg"), count("shardkv")], [3, 1, 14]);
  assertEquals(["5A", "5B", "5C"].map((part) => count("shardkv1", part)), [14, 2, 7]);
  assertEquals(new Set(labCases.map(caseName)).size, labCases.length);
});

Deno.test("lab: what is published stands under the name of a test", () => {
  const names = new Set([...labCases, ...memoryCases].map(caseName));
  const unknown = Object.entries(publishedFigures)
    .flatMap(([suite, tests]) => Object.keys(tests).map((name) => `${suite}/${name}`))
    .filter((name) => !names.has(name));
  assertEquals(unknown, []);
});

Deno.test("lab: a seed says everything about a run, and another seed says something else", async () => {
  for (const name of ["raft/TestUnreliableChurn3C", "rsm/TestRestartReplay4A", "kvraft/TestUnreliableOneKey4A"]) {
    const test = labCases.find((candidate) => caseName(candidate) === name);
    if (test === undefined) throw new Error(`there is no ${name}`);
    const [first, again, other] = [await runVirtual(test, 7), await runVirtual(test, 7), await runVirtual(test, 8)];
    assertEquals(again, first);
    assertEquals(other.hash === first.hash, false);
  }
});
