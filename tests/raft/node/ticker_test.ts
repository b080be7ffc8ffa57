/**
 * Ticks from a clock that stalls.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { tickSlack } from "../../../raft/core/lease.ts";
import { Ticker } from "../../../raft/node/ticker.ts";
import { ManualClock } from "./support/manual_clock.ts";

function started(): { readonly clock: ManualClock; readonly ticker: Ticker; readonly ticks: () => number } {
  const clock = new ManualClock();
  let ticks = 0;
  const ticker = new Ticker(clock, 25, () => ticks += 1);
  ticker.start();
  return { clock, ticker, ticks: () => ticks };
}

Deno.test("a second has forty ticks of 25 ms", async () => {
  const { clock, ticks } = started();
  await clock.advance(1_000);
  assertEquals(ticks(), 40);
});

Deno.test("a timer that is late now and then does not slow the ticks down", async () => {
  const { clock, ticks } = started();
  for (let second = 0; second < 20; second++) {
    await clock.advance(35);
    clock.stall(15);
  }
  await clock.advance(0);
  assertEquals(ticks(), 40);
});

Deno.test("a process that was stopped for a minute does not live it at once", async () => {
  const { clock, ticks } = started();
  await clock.advance(100);
  clock.stall(60_000);
  await clock.advance(0);
  assertEquals(ticks(), 4 + 2, "at most two ticks for the minute");
  await clock.advance(100);
  assertEquals(ticks(), 6 + 4, "then the usual pace");
});

Deno.test("n ticks after any moment take more than n - 3 times as long as one, which leases count on (core/lease.ts)", async () => {
  const tickMs = 25;
  /** Times of all ticks in a clock that was stalled for so long at each of these times. */
  const ticksWith = async (stalls: readonly (readonly [atMs: number, forMs: number])[]): Promise<number[]> => {
    const clock = new ManualClock();
    const startMs = clock.monotonicMs();
    const times: number[] = [];
    const ticker = new Ticker(clock, tickMs, () => times.push(clock.monotonicMs() - startMs));
    ticker.start();
    for (const [atMs, forMs] of stalls) {
      await clock.advance(atMs - (clock.monotonicMs() - startMs));
      clock.stall(forMs);
    }
    await clock.advance(400);
    ticker.stop();
    return times;
  };
  const worst = await ticksWith([[99, 2 * tickMs]]);
  assertEquals(
    worst.filter((time) => time >= 149 && time <= 150).length,
    tickSlack,
    "three ticks within a millisecond",
  );
  for (let forMs = 0; forMs <= 120; forMs += 7) {
    for (let pauseMs = 1; pauseMs <= 60; pauseMs += 5) {
      const times = await ticksWith([[99, forMs], [99 + forMs + pauseMs, forMs]]);
      for (const [first, startMs] of times.entries()) {
        for (let count = tickSlack; first + count <= times.length; count++) {
          const tookMs = (times[first + count - 1] ?? NaN) - startMs;
          assert(tookMs >= (count - tickSlack) * tickMs, `${count} ticks in ${tookMs} ms, stalled for ${forMs} ms`);
        }
      }
    }
  }
});

Deno.test("after stop nothing ticks, not even the rest of a double tick", async () => {
  const clock = new ManualClock();
  let ticks = 0;
  const ticker = new Ticker(clock, 25, () => {
    ticks += 1;
    ticker.stop();
  });
  ticker.start();
  clock.stall(60);
  await clock.advance(100);
  assertEquals([ticks, clock.pendingTimers], [1, 0]);
});
