/**
 * The course's suites under their official names, each on a few seeds of virtual time; `deno task lab` runs more.
 *
 * @module
 */
import { runVirtual } from "./run_case.ts";
import { labCases } from "./suites.ts";

for (const test of labCases) {
  Deno.test(`lab: ${test.suite}/${test.name}`, async () => {
    for (let seed = 1; seed <= test.seedsInTest; seed++) {
      const { failure } = await runVirtual(test, seed);
      if (failure === null) continue;
      throw new Error(
        `seed ${seed}: ${failure}\nreplay: deno task lab --filter ${test.suite}/${test.name} --seed ${seed} --trace`,
      );
    }
  });
}
