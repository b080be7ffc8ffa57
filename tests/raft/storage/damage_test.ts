/**
 * A small share of `deno task disk-damage`: every flip, cut and damaged sector of a directory of a few kilobytes; and what
 * that command does not try.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { buildShape, judge, type Shape, smallSize, type Verdict, withUnacknowledged } from "./damage.ts";
import { flipsBeforeTail } from "./damage_kinds.ts";
import { runDamage } from "./damage_run.ts";

Deno.test("no damage to an acknowledged directory goes unnoticed, and a merely torn tail needs no operator", async () => {
  const shape = await buildShape(smallSize);
  const names = [...shape.files.keys()];
  assert(names.filter((name) => name.startsWith("wal-")).length >= 2, "the log has several segments");
  assert(names.filter((name) => name.endsWith(".snap")).length === 2, "two snapshots are kept");
  assert(shape.allowed.size >= 1, "the state is known");
  // Every third case: any three runs with other shares would make all of them.
  const tallies = await runDamage(smallSize, { index: 1, count: 3 });
  for (const tally of tallies) {
    console.log(`${tally.name}: ${tally.cases} cases, ${tally.refused} refused, ${tally.dropped} dropped`);
    assertEquals(tally.violations, [], tally.name);
    assertEquals(tally.silent + tally.crashes, 0, tally.name);
    assertEquals(tally.whole + tally.refused + tally.dropped, tally.cases, tally.name);
  }
  const sumOf = (count: "cases" | "refused" | "dropped"): number =>
    tallies.reduce((sum, tally) => sum + tally[count], 0);
  assert(sumOf("cases") > 12_000 && sumOf("refused") > 4_000 && sumOf("dropped") > 500, JSON.stringify(tallies));
});

Deno.test("no file of an acknowledged directory can vanish unnoticed", async () => {
  const shape = await buildShape(smallSize);
  const verdicts = new Map<string, Verdict["kind"]>();
  for (const name of shape.files.keys()) {
    const files = new Map(shape.files);
    files.delete(name);
    const verdict = await judge({ ...shape, files }, { what: `without ${name}`, changed: new Map() });
    // What is missing is not always named: a segment that is gone is told from the one before it.
    const isRefusal = verdict.kind === "crash" && verdict.error.includes("Cannot open data directory");
    verdicts.set(name, isRefusal ? "refused" : verdict.kind);
  }
  const kinds = [...verdicts.values()];
  assert(kinds.every((kind) => kind === "whole" || kind === "refused"), JSON.stringify([...verdicts]));
  assert(kinds.filter((kind) => kind === "refused").length >= 2, "meta and the newest segment cannot be done without");
});

Deno.test("without a witness, damage before the last batch is still refused", async () => {
  const torn = await withUnacknowledged(await buildShape(smallSize));
  const files = new Map(torn.files);
  files.delete("witness");
  const shape: Shape = { ...torn, files };
  let cases = 0;
  for (const damage of flipsBeforeTail({ ...torn, files })) {
    assertEquals(await judge(shape, damage), { kind: "refused" }, damage.what);
    cases++;
  }
  assertEquals(cases, torn.start * 8);
});
