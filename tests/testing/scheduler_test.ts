/**
 * Virtual time: order, draining of microtasks, ends and failures.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Scheduler, SchedulerError, SeededRandom, Simulation, SimulationError } from "../../raft/testing/mod.ts";
import { EventQueue } from "../../raft/testing/event_queue.ts";

const never = (): boolean => false;

Deno.test("events run in the order of their times, and of their scheduling at equal times", async () => {
  const scheduler = new Scheduler();
  const order: string[] = [];
  scheduler.after(5, () => order.push("c"));
  scheduler.after(1, () => {
    order.push("a");
    scheduler.after(4, () => order.push("e"));
    scheduler.after(0, () => order.push("b"));
  });
  scheduler.after(5, () => order.push("d"));
  assertEquals(await scheduler.run(never, Infinity), "idle");
  assertEquals(order.join(""), "abcde");
  assertEquals(scheduler.nowMs, 5);
});

Deno.test("the heap agrees with a sorted list, cancellations and compactions included", () => {
  const random = new SeededRandom("heap");
  const queue = new EventQueue();
  const waiting = new Map<number, { cancel(): void; timeMs: number; sequence: number }>();
  for (let round = 0; round < 20_000; round++) {
    const draw = random.integer(10);
    if (draw < 5) {
      const event = queue.push(random.integer(50), () => {});
      waiting.set(event.sequence, event);
    } else if (draw < 9) {
      const victims = [...waiting.keys()].slice(0, 5);
      if (victims.length === 0) continue;
      const victim = random.pick(victims);
      waiting.get(victim)?.cancel();
      waiting.delete(victim);
    } else {
      const event = queue.pop();
      const first = [...waiting.values()].reduce<{ timeMs: number; sequence: number } | undefined>(
        (least, other) =>
          least === undefined || other.timeMs < least.timeMs ||
            (other.timeMs === least.timeMs && other.sequence < least.sequence)
            ? other
            : least,
        undefined,
      );
      assertEquals(event?.sequence, first?.sequence);
      if (event !== undefined) waiting.delete(event.sequence);
    }
    assertEquals(queue.size, waiting.size);
  }
});

Deno.test("many events cancelled at once are forgotten, and the rest keep their order", () => {
  const queue = new EventQueue();
  const events = Array.from({ length: 3_000 }, (_, index) => queue.push((index * 7919) % 1_000, () => {}));
  events.forEach((event, index) => index % 3 !== 0 && event.cancel());
  assertEquals(queue.size, 1_000);
  let lastMs = 0;
  for (let event = queue.pop(); event !== undefined; event = queue.pop()) {
    assert(event.timeMs >= lastMs);
    lastMs = event.timeMs;
  }
});

Deno.test("all microtasks of an event run before the next one, at the same virtual time", async () => {
  const scheduler = new Scheduler();
  const order: string[] = [];
  scheduler.after(1, async () => {
    for (let hop = 0; hop < 100; hop++) await null;
    order.push(`hops done at ${scheduler.nowMs}`);
  });
  scheduler.after(1.5, () => order.push("next"));
  await scheduler.run(never, Infinity);
  assertEquals(order, ["hops done at 1", "next"]);
});

Deno.test("a run ends at its time limit, which passes even if nothing happens, or at its condition", async () => {
  const scheduler = new Scheduler();
  let count = 0;
  const again = (): void => {
    count++;
    scheduler.after(10, again);
  };
  scheduler.after(10, again);
  assertEquals(await scheduler.run(never, 35), "timeLimit");
  assertEquals([count, scheduler.nowMs], [3, 35]);
  assertEquals(await scheduler.run(() => count === 5, Infinity), "stopped");
  assertEquals([count, scheduler.nowMs], [5, 50]);
});

Deno.test("cancelled events do not run; cancelling twice or late is harmless", async () => {
  const scheduler = new Scheduler();
  let ran = 0;
  const first = scheduler.after(1, () => ran++);
  const second = scheduler.after(1, () => ran++);
  second.cancel();
  second.cancel();
  await scheduler.run(never, Infinity);
  first.cancel();
  assertEquals([ran, scheduler.pendingEvents], [1, 0]);
});

Deno.test("what an event throws, and a rejection that nobody handles, make the run fail", async () => {
  using simulation = new Simulation({ seed: 1 });
  simulation.scheduler.after(1, () => {
    throw new Error("thrown in an event");
  });
  await assertRejects(() => simulation.runFor(10), Error, "thrown in an event");
  simulation.scheduler.after(1, () => {
    Promise.reject(new Error("handled by nobody"));
  });
  await assertRejects(() => simulation.runFor(10), Error, "handled by nobody");
  simulation.scheduler.after(1, () =>
    queueMicrotask(() => {
      throw new Error("thrown in a microtask");
    }));
  await assertRejects(() => simulation.runFor(10), Error, "thrown in a microtask");
  await simulation.runFor(10);
});

Deno.test("a run within a run, and an endless loop in no time, are reported", async () => {
  const scheduler = new Scheduler();
  const run = scheduler.run(never, 10);
  assertThrows(() => scheduler.run(never, 10), SchedulerError, "running already");
  await run;
  const loop = (): void => {
    scheduler.after(0, loop);
  };
  loop();
  await assertRejects(() => scheduler.run(never, Infinity), SchedulerError, "endless loop");
});

Deno.test("a run that cannot end says so, with its seed", async () => {
  using simulation = new Simulation({ seed: 4711 });
  await assertRejects(() => simulation.run(() => new Promise(() => {})), SimulationError, "nothing is left to happen");
  const error = await assertRejects(
    () => simulation.run(() => simulation.sleep(100), { timeoutMs: 50 }),
    SimulationError,
  );
  assert(error.message.includes("50 ms of virtual time have passed") && error.message.includes("Seed 4711"));
  await assertRejects(() => simulation.runUntil(never, 20, "the impossible"), SimulationError, "the impossible");
});

Deno.test("real clocks, timers and randomness throw while a simulation runs, and work again afterwards", async () => {
  using simulation = new Simulation({ seed: 1 });
  const uses: (() => unknown)[] = [
    () => setTimeout(() => {}, 0),
    () => Date.now(),
    () => new Date(),
    () => performance.now(),
    () => Math.random(),
    () => crypto.randomUUID(),
    () => AbortSignal.timeout(1),
  ];
  for (const use of uses) {
    await assertRejects(() => simulation.run(() => Promise.resolve(use())), Error, "in a simulation: use");
  }
  const text = await simulation.run(() => Promise.resolve(new Date(0).toISOString()));
  assertEquals(text, "1970-01-01T00:00:00.000Z");
  assert(
    new Date().getTime() > 0 && Date.now() > 0 && performance.now() > 0 && Math.random() >= 0 &&
      crypto.randomUUID().length === 36,
  );
  clearTimeout(setTimeout(() => {}, 0));
});

Deno.test("random streams: same name same numbers, other names unrelated, uniform enough", () => {
  const random = new SeededRandom(7);
  const first = random.stream("a");
  random.uint32();
  assertEquals(first.uint32(), random.stream("a").uint32());
  assert(random.stream("a").uint32() !== random.stream("b").uint32());
  assert(new SeededRandom(1).uint32() !== new SeededRandom(2).uint32());
  const counts = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 100_000; draw++) {
    const at = random.integer(10);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  for (const count of counts) assert(count > 9_500 && count < 10_500, `uneven: ${counts}`);
  assertEquals(random.shuffle([1, 2, 3, 4, 5]).sort(), [1, 2, 3, 4, 5]);
  assertThrows(() => random.pick([]), RangeError);
});
