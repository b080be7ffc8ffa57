/**
 * A small swarm for every change; `deno task sim` runs a large one.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import { SeededRandom } from "../../raft/testing/mod.ts";
import { parseArguments } from "./arguments.ts";
import { type CounterName, Counters } from "./counters.ts";
import { drawRun, type FocusName, focusNames } from "./focused_plans.ts";
import { Ledger } from "./ledger.ts";
import { runSeed } from "./run_seed.ts";
import { StormGuard } from "./storm_guard.ts";
import { SwarmSummary } from "./summary.ts";
import type { SeedAnswer } from "./swarm.ts";

/** Faults go on for so long in each of the runs here, in milliseconds of virtual time. */
const chaosMs = 60_000;

Deno.test("a small swarm finds no violation, and injects every kind of fault", async () => {
  const counters = new Counters();
  for (let seed = 1; seed <= 60; seed++) {
    const { violation, counts } = await runSeed(seed, { chaosMs });
    assertEquals(violation, null, `replay: deno task sim --seed ${seed} --trace --chaos ${chaosMs}`);
    counters.addAll(counts);
  }
  for (const name of ["frames lost", "power lost", "process paused", "fsync failed", "links cut in peace"] as const) {
    assert(counters.of(name) > 0, `not once: ${name}`);
  }
  for (const name of ["leader crashed", "snapshot installed", "joint configuration committed"] as const) {
    assert(counters.of(name) > 0, `not once: ${name}`);
  }
});

Deno.test("the same seed gives the same run, with and without a readable trace", async () => {
  for (const seed of [3, 17]) {
    const first = await runSeed(seed, { chaosMs: 20_000 });
    const second = await runSeed(seed, { chaosMs: 20_000, record: true });
    assertEquals(second.traceHash, first.traceHash);
    assertEquals(second.counts, first.counts);
    assertEquals(first.trace, []);
    assert(second.trace.some((line) => /n\d+#\d+ leader in term \d+/.test(line)), "the trace tells of elections");
  }
});

Deno.test("a focused run inflicts what it is focused on, and passes", async () => {
  const expected: Readonly<Record<FocusName, CounterName>> = {
    coups: "leader deposed behind its back",
    elections: "election spoilt",
    absences: "node kept away for long",
    stragglers: "frames delayed",
    disks: "disk in stalling phase",
    room: "disk full",
    chunks: "snapshot in several chunks",
    members: "change of members by a minority",
    leases: "read answered by lease",
    features: "lease found to be over",
    segments: "start from several segments",
    tails: "snapshot of another history",
  };
  for (const focus of focusNames) {
    const counters = new Counters();
    for (let seed = 1; seed <= 3; seed++) {
      const { violation, counts } = await runSeed(seed, { focus });
      assertEquals(violation, null, `replay: deno task sim --seed ${seed} --trace --focus ${focus}`);
      counters.addAll(counts);
    }
    assert(counters.of(expected[focus]) > 0, `not once: ${expected[focus]}`);
  }
});

Deno.test("some logs have short segments, some wires are long, and each focus is drawn", () => {
  const plans = Array.from({ length: 400 }, (_, seed) => drawRun(new SeededRandom(seed).stream("plan"), 100_000));
  const short = plans.filter(({ walLimits }) => walLimits.segmentBytes !== undefined);
  const long = plans.filter(({ latency }) => latency !== null);
  const tails = plans.filter(({ faults }) => faults.staleTails >= 30);
  for (const [{ length }, least, most] of [[short, 90, 150], [long, 1, 20], [tails, 1, 20]] as const) {
    assert(length >= least && length <= most, `${length} of 400`);
  }
  for (const { latency, timing } of long) assert((latency?.maxMs ?? 0) < electionTimeoutMs(timing) / 9);
});

Deno.test("neighbouring seeds give different runs", async () => {
  const hashes = new Set<string>();
  for (const seed of [1, 2, 3]) hashes.add((await runSeed(seed, { chaosMs: 5_000 })).traceHash);
  assertEquals(hashes.size, 3);
});

Deno.test("a storm of events ends a run, many events in a long time do not", () => {
  const violations: string[] = [];
  const watched = { nowMs: 0, scheduler: { eventsRun: 0 } };
  const guard = new StormGuard(watched, ({ check }) => violations.push(check));
  for (let second = 1; second <= 5; second++) {
    for (const part of [0, 0.5]) {
      watched.nowMs = 1000 * (second + part);
      watched.scheduler.eventsRun += 40_000;
      guard.look();
    }
  }
  assertEquals(violations, []);
  watched.scheduler.eventsRun += 80_000;
  guard.look();
  assertEquals(violations, ["liveness"]);
});

Deno.test("the ledger tells lost, repeated and foreign writes", () => {
  const ledger = new Ledger();
  const first = ledger.begin("k", "append");
  const second = ledger.begin("k", "append");
  const third = ledger.begin("k", "append");
  const [a, b, c] = [first, second, third].map((token) => ledger.value(token, 3));
  ledger.end(first, "done");
  ledger.end(second, "unknown");
  assertEquals(ledger.problemOf("k", `${a}`, ledger.ended), null);
  assertEquals(ledger.problemOf("k", `${b}${a}`, ledger.ended), null);
  assertEquals(ledger.problemOf("k", `${a}${c}`, ledger.ended), null);
  assertEquals(ledger.problemOf("k", `${b}`, ledger.ended), `k lacks append ${first}, which was acknowledged`);
  assertEquals(ledger.problemOf("k", `${a}${b}${a}`, ledger.ended), `k holds append ${first} 2 times`);
  assertEquals(ledger.problemOf("other", `${a}`, ledger.ended), `other holds ${first}, which nobody wrote there`);
  assertEquals(ledger.problemOf("k", `${b}`, 0), null, "it was acknowledged when the read was under way");
  ledger.end(third, "notDone");
  assertEquals(
    ledger.problemOf("k", `${a}${c}`, ledger.ended),
    `k holds append ${third}, of which the client was told that it was not done`,
  );
});

Deno.test("a summary tells what failed, and what happened too seldom", () => {
  const summary = new SwarmSummary();
  const answer: SeedAnswer = {
    ...{ seed: 7, violation: null, traceHash: "a", secondHash: "b", nodes: 3, simulatedMs: 1, realMs: 1, events: 1 },
    ...{ answered: 1, recoveryTimeouts: 1, counts: { "power lost": 1 } },
  };
  assertEquals(summary.add(answer)?.check, "determinism");
  assertEquals(summary.add({ ...answer, secondHash: "a" }), null);
  assertEquals(summary.add({ ...answer, violation: { check: "liveness", message: "text" } }), {
    seed: 7,
    check: "liveness",
    message: "text",
  });
  assert(!summary.tooSeldom().includes("power lost"));
  assert(summary.tooSeldom().includes("leader elected"));
  assertMatch(summary.report(1), /^ +3 {2}power lost$/m);
  assertMatch(summary.report(1), /First write after healing, in election timeouts: median 1\.00/);

  const another = new SwarmSummary({ faults: ["rifts"], rare: [] });
  another.add({ ...answer, secondHash: null, recoveryTimeouts: null, counts: { rifts: 2 } });
  assertMatch(another.report(1), /^Faults injected\n +2 {2}rifts\n1 seeds, 0 of them twice/);
  assertEquals(another.report(1).split("\n").at(-1)?.startsWith("Speed: "), true);
});

Deno.test("the command line is read, and refused with a reason", () => {
  assertEquals(parseArguments([]).seeds, 100);
  assertEquals(parseArguments(["--seed", "12"]).seeds, 1);
  assertEquals(parseArguments(["--seeds=5", "--seed=12", "--only", "liveness,log-matching"]), {
    ...parseArguments([]),
    seeds: 5,
    seed: 12,
    only: new Set(["liveness", "log-matching"]),
  });
  assertEquals(parseArguments(["--focus", "disks"]).focus, "disks");
  assertThrows(() => parseArguments(["--focus", "discs"]), RangeError, "Cannot use --focus discs: there are coups,");
  assertThrows(() => parseArguments(["--seeds", "0"]), RangeError, "Cannot use --seeds 0");
  assertThrows(() => parseArguments(["--seeds"]), RangeError, "Cannot use --seeds without a value");
  assertThrows(() => parseArguments(["--sneed"]), RangeError, "Cannot understand --sneed");
});
