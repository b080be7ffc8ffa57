/**
 * Looking again and again until something is so, with growing pauses.
 *
 * @module
 */
import { sleep } from "../raft/node/clock.ts";
import type { Clerk } from "./clerk.ts";
import { type CallOptions, sharedTime } from "./clerk_options.ts";
import { ClerkError } from "./errors.ts";

/** Pauses between two looks, doubling; a random half of each is left out. Milliseconds. */
const minPauseMs = 10;
const maxPauseMs = 250;

/** What is waited for, and for how long. */
export interface PollOptions extends CallOptions {
  /** What cannot be done when time is up, and why: the end of a sentence that begins "Cannot ". */
  readonly attempt: string;
}

/** Looks until `look` tells something; all looks share the time. Rejects with "timeout" or "aborted". */
export async function poll<Found>(
  { clock, random }: Pick<Clerk, "clock" | "random">,
  { attempt, ...options }: PollOptions,
  look: (limits: CallOptions) => Promise<Found | undefined>,
): Promise<Found> {
  const limits = sharedTime(options, clock);
  const { signal } = limits;
  const deadlineMs = limits.sinceMs + limits.timeoutMs;
  for (let pauseMs = minPauseMs;; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
    if (signal?.aborted) throw aborted(attempt, signal);
    if (clock.monotonicMs() >= deadlineMs) throw new ClerkError("timeout", `Cannot ${attempt}`);
    const found = await look(limits);
    if (found !== undefined) return found;
    const delayMs = Math.min(pauseMs * (0.5 + 0.5 * random.next()), deadlineMs - clock.monotonicMs());
    // Aborted meanwhile, which is seen at once.
    await sleep(clock, Math.max(0, delayMs), signal).catch(() => {});
  }
}

function aborted(attempt: string, signal: AbortSignal): ClerkError {
  return new ClerkError("aborted", `Cannot ${attempt}: its signal was aborted`, { cause: signal.reason });
}
