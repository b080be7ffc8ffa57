/**
 * The catalogue fits the sources as they are today: every patch finds its text, and what comes out is a program.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { catalogue } from "./catalogue.ts";
import { checkNames } from "./checks.ts";
import { knownBugs } from "./known_bugs.ts";
import { formatCatches, parseCatches, readCatches } from "./last_catches.ts";
import { type Edit, editsOf, locate, type Mutant, patched, trialName } from "./mutant.ts";
import { tryMutant, verdictOf } from "./trial.ts";
import { readSource, Workshop } from "./workshop.ts";

/** Files that mutants change, with their text. */
async function sourcesOf(mutants: readonly Mutant[]): Promise<Map<string, string>> {
  const files = new Set(mutants.flatMap((mutant) => editsOf(mutant).map(({ file }) => file)));
  return new Map(await Promise.all([...files].map(async (file) => [file, await readSource(file)] as const)));
}

Deno.test("there are enough mutants, each with a name, an origin and a reason of its own", () => {
  assert(catalogue.length >= 45);
  assertEquals(new Set(catalogue.map(({ name }) => name)).size, catalogue.length);
  for (const { name, origin, whyItMatters } of catalogue) {
    assert(/^[a-z]+(-[a-z]+)*$/.test(name), name);
    assert(origin.length > 5 && whyItMatters.length > 10, name);
  }
});

Deno.test("every known bug of Raft systems is among them", () => {
  const planted = new Set(catalogue.map(({ knownBug }) => knownBug));
  assertEquals(Object.keys(knownBugs).filter((number) => !planted.has(Number(number))), []);
});

Deno.test("checks that mutants are made for exist", () => {
  for (const { name, provokes = [] } of catalogue) {
    for (const check of provokes) assert(checkNames.includes(check), `${name}: ${check}`);
  }
});

Deno.test("every patch finds its text exactly once, and changes it", async () => {
  const sources = await sourcesOf(catalogue);
  for (const mutant of catalogue) {
    for (const edit of editsOf(mutant)) {
      locate(sources.get(edit.file) ?? "", edit);
      assert(edit.find !== edit.replace, mutant.name);
    }
  }
});

Deno.test("a text that has moved or occurs twice is refused", () => {
  const edit = { file: "a.ts", find: "one", replace: "two" };
  assertEquals(patched("zero one", edit), "zero two");
  assertThrows(() => patched("zero", edit), Error, "does not contain");
  assertThrows(() => patched("one one", edit), Error, "more than once");
});

Deno.test("what a swarm prints is understood", () => {
  const line = JSON.stringify({ seed: 7, check: "liveness", message: "no" });
  const caught = { kind: "caught", check: "liveness", message: "no", seed: 7, seeds: 3, isAgain: false } as const;
  assertEquals(verdictOf(1, `${line}\n`, "", { firstSeed: 5 }), caught);
  assertEquals(verdictOf(0, "", "", { firstSeed: 5 }), { kind: "passed" });
  assertEquals(verdictOf(1, "", "SyntaxError", { firstSeed: 5 }), { kind: "broken", message: "SyntaxError" });
});

Deno.test("what is remembered is of mutants that there are", async () => {
  const names = new Set(
    catalogue.flatMap((mutant) => [null, ...mutant.provokes ?? []].map((only) => trialName(mutant, only))),
  );
  const catches = await readCatches();
  assertEquals([...catches.keys()].filter((name) => !names.has(name)), []);
  assertEquals(parseCatches(formatCatches(catches)), catches);
  assertThrows(() => parseCatches('{ "a": { "seed": -1 } }'), RangeError, "remembered of a");
  assertThrows(() => parseCatches('{ "a": { "seed": 1, "focus": "nothing" } }'), RangeError, "remembered of a");
});

/** Mutants in groups whose edits do not touch each other, so that one run of the type checker does for a group. */
function groupsOf(mutants: readonly Mutant[], sources: ReadonlyMap<string, string>): Edit[][] {
  interface Group {
    readonly edits: Edit[];
    readonly taken: { readonly file: string; readonly from: number; readonly to: number }[];
  }
  const groups: Group[] = [];
  for (const mutant of mutants) {
    const places = editsOf(mutant).map((edit) => {
      const from = locate(sources.get(edit.file) ?? "", edit);
      return { file: edit.file, from, to: from + edit.find.length };
    });
    const isFree = ({ taken }: Group): boolean =>
      places.every(({ file, from, to }) =>
        taken.every((other) => other.file !== file || to <= other.from || other.to <= from)
      );
    let group = groups.find(isFree);
    if (group === undefined) {
      group = { edits: [], taken: [] };
      groups.push(group);
    }
    group.edits.push(...editsOf(mutant));
    group.taken.push(...places);
  }
  return groups.map(({ edits }) => edits);
}

Deno.test("every mutant is a program that passes the type checker", async () => {
  const groups = groupsOf(catalogue, await sourcesOf(catalogue));
  await using workshop = await Workshop.open();
  // What a mutant leaves unused is no mistake of the mutant.
  const { compilerOptions } = JSON.parse(await readSource("deno.json"));
  const relaxed = { ...compilerOptions, noUnusedLocals: false, noUnusedParameters: false };
  await Deno.writeTextFile(
    `${workshop.directory}/deno.json`,
    JSON.stringify({ compilerOptions: relaxed, lock: false }),
  );
  for (const edits of groups) {
    await workshop.plant(edits);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "tests/simulation/main.ts"],
      cwd: workshop.directory,
      env: { NO_COLOR: "1", DENO_DIR: `${workshop.directory}/.deno` },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    await workshop.restore(edits);
  }
});

Deno.test("gross mistakes are found within a few seeds, and the sources as they are pass the same seeds", async () => {
  await using workshop = await Workshop.open();
  const budget = { firstSeed: 1, seeds: 5, timeMs: 120_000 };
  for (const name of ["second-vote-in-a-term", "no-truncation-at-a-conflict", "retry-executed-again"]) {
    const mutant = catalogue.find((one) => one.name === name);
    assert(mutant !== undefined);
    const { verdict } = await tryMutant(workshop, mutant, { ...budget, seeds: 50 });
    assertEquals(verdict.kind, "caught", `${name}: ${JSON.stringify(verdict)}`);
  }
  const { verdict } = await tryMutant(workshop, null, { ...budget, seeds: 3 });
  assertEquals(verdict, { kind: "passed" });
});

Deno.test("the run that has caught a mutant comes first; when it finds nothing the mutant is looked for all the same", async () => {
  await using workshop = await Workshop.open();
  const budget = { firstSeed: 1, seeds: 50, timeMs: 120_000 };
  const mutant = catalogue.find(({ name }) => name === "second-vote-in-a-term");
  assert(mutant !== undefined);
  const { verdict } = await tryMutant(workshop, mutant, budget);
  assert(verdict.kind === "caught" && !verdict.isAgain, JSON.stringify(verdict));
  const { seed, focus } = verdict;
  const lastCatch = focus === undefined ? { seed } : { seed, focus };
  const again = await tryMutant(workshop, mutant, { ...budget, firstSeed: 1000 }, { lastCatch });
  assertEquals(again.verdict, { ...verdict, seeds: 1, isAgain: true });
  // A check that this run violates in no way: it finds nothing, and so do the others.
  const nothing = await tryMutant(workshop, mutant, { ...budget, seeds: 1 }, { lastCatch, only: "determinism" });
  assertEquals(nothing.verdict, { kind: "passed" });
});
