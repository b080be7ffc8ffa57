/// <reference lib="deno.worker" />
/**
 * A thread that asks one server for a stale read every two milliseconds, and tells how long the answers took.
 *
 * @module
 */
import { Clerk } from "../../kv/clerk.ts";

/** What a probe has found. */
export interface ProbeFigures {
  /** Answers. */
  readonly count: number;
  /** Time that half of them, 99 of 100 of them, and all of them stayed below, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

async function probe(address: string, seconds: number): Promise<ProbeFigures> {
  await using clerk = new Clerk([address]);
  await clerk.get("warm", { consistency: "stale" });
  const durations: number[] = [];
  const endMs = performance.now() + 1000 * seconds;
  while (performance.now() < endMs) {
    const startMs = performance.now();
    await clerk.get("warm", { consistency: "stale" });
    durations.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  durations.sort((a, b) => a - b);
  const at = (share: number): number =>
    durations[Math.min(durations.length - 1, Math.floor(durations.length * share))] ?? NaN;
  return { count: durations.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

self.addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent)) return;
  const { address, seconds } = event.data;
  void probe(String(address), Number(seconds)).then((figures) => self.postMessage(figures));
});
