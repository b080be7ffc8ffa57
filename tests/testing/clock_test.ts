/**
 * Simulated clocks: rates, jumps, and timers that die with their process.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Simulation, simulationEpochMs } from "../../raft/testing/mod.ts";

Deno.test("a clock runs at its rate, and timers fire in its time", async () => {
  using simulation = new Simulation({ seed: 1 });
  const fast = simulation.process("fast", { clockRate: 2 }).start().clock;
  const slow = simulation.process("slow", { clockRate: 0.5 }).start().clock;
  const fired: [string, number][] = [];
  fast.after(100, () => fired.push(["fast", simulation.nowMs]));
  slow.after(100, () => fired.push(["slow", simulation.nowMs]));
  await simulation.runFor(1_000);
  assertEquals(fired, [["fast", 50], ["slow", 200]]);
  assertEquals([fast.monotonicMs(), slow.monotonicMs()], [2_000, 500]);
});

Deno.test("wall clocks may be set wrong and jump, which monotonic time does not notice", async () => {
  using simulation = new Simulation({ seed: 1 });
  const process = simulation.process("n1", { wallOffsetMs: 5_000 });
  const { clock } = process.start();
  assertEquals(clock.wallMs(), simulationEpochMs + 5_000);
  await simulation.runFor(10.5);
  process.time.jumpWall(-60_000);
  assertEquals(clock.wallMs(), simulationEpochMs - 55_000 + 10);
  assertEquals(clock.monotonicMs(), 10.5);
});

Deno.test("a clock that changes its rate goes on from where it was, and no timer fires before its local time", async () => {
  using simulation = new Simulation({ seed: 1 });
  const process = simulation.process("n1");
  const { clock } = process.start();
  let firedAtMs = 0;
  clock.after(100, () => {
    firedAtMs = simulation.nowMs;
    assert(clock.monotonicMs() >= 100 - 1e-6);
  });
  await simulation.runFor(50);
  process.time.setRate(0.25);
  await simulation.runFor(1_000);
  assertEquals(firedAtMs, 250);
  assertEquals(clock.monotonicMs(), 50 + 1_000 * 0.25);
});

Deno.test("no timer of a killed process fires, nor of its next life's predecessor", async () => {
  using simulation = new Simulation({ seed: 1 });
  const process = simulation.process("n1");
  const old = process.start();
  const fired: string[] = [];
  old.clock.after(10, () => fired.push("old"));
  process.kill();
  process.start().clock.after(10, () => fired.push("new"));
  old.clock.after(5, () => fired.push("set by the dead"));
  await simulation.runFor(100);
  assertEquals(fired, ["new"]);
});

Deno.test("a paused process gets its timers when it is resumed, in order; cancelled ones never", async () => {
  using simulation = new Simulation({ seed: 1 });
  const process = simulation.process("n1");
  const { clock } = process.start();
  const fired: [string, number][] = [];
  clock.after(10, () => {
    fired.push(["first", simulation.nowMs]);
    second.cancel();
  });
  const second = clock.after(20, () => fired.push(["second", simulation.nowMs]));
  clock.after(30, () => fired.push(["third", simulation.nowMs]));
  process.pause();
  await simulation.runFor(100);
  assertEquals(fired, []);
  process.resume();
  await simulation.runFor(0);
  assertEquals(fired, [["first", 100], ["third", 100]]);
});

Deno.test("a process paused again before all was delivered keeps the rest, in order", async () => {
  using simulation = new Simulation({ seed: 1 });
  const process = simulation.process("n1");
  const { clock } = process.start();
  const fired: string[] = [];
  clock.after(1, () => {
    fired.push("a");
    process.pause();
  });
  clock.after(2, () => fired.push("b"));
  process.pause();
  await simulation.runFor(10);
  process.resume();
  await simulation.runFor(10);
  assertEquals(fired, ["a"]);
  clock.after(1, () => fired.push("c"));
  await simulation.runFor(10);
  process.resume();
  await simulation.runFor(10);
  assertEquals(fired, ["a", "b", "c"]);
});
