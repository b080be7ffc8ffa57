/**
 * Ticks from a clock that stalls.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
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
