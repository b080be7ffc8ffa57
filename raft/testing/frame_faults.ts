/**
 * What may happen to single frames on their way, and the two bad networks of the course's tests as presets.
 *
 * @module
 */
import type { FrameKind } from "./frame_kind.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** Holds some frames back, each by itself, so that later ones overtake them. */
export interface FrameDelay {
  /** How many of the frames, in [0, 1]. */
  readonly probability: number;
  /** The least delay in milliseconds, beside the link's latency. */
  readonly minMs: number;
  /** How much more it may be, in milliseconds. */
  readonly spreadMs: number;
  /** `uniform` over the spread, or `low`: uniform below a bound that is itself uniform, so mostly small. */
  readonly shape?: "uniform" | "low";
}

/** Faults of frames of one kind. Probabilities are in [0, 1], each drawn by itself; absent means never. */
export interface KindFaults {
  /** The frame is lost. */
  readonly drop?: number;
  /** The frame arrives late, and alone. */
  readonly delay?: FrameDelay;
  /** The frame arrives once more, up to 50 ms later. */
  readonly duplicate?: number;
  /** One bit of the frame, its length included, is flipped. */
  readonly corrupt?: number;
  /** Only a part of the frame arrives, and the connection breaks. */
  readonly cut?: number;
}

/** Faults by kind of frame. Handshakes and pings have none. */
export interface FrameFaults {
  /** Of requests: client calls and the messages between peers that ask. */
  readonly request?: KindFaults;
  /** Of replies. */
  readonly reply?: KindFaults;
}

/** The course's `Reliable(false)`: every request waits 0 to 26 ms, one in ten is lost, and one in ten replies. */
export const courseUnreliable: FrameFaults = {
  request: { drop: 0.1, delay: { probability: 1, minMs: 0, spreadMs: 27 } },
  reply: { drop: 0.1 },
};

/** The course's `LongReordering(true)`: two thirds of the replies arrive 200 to 2200 ms late, mostly less than 1200. */
export const courseLongReordering: FrameFaults = {
  reply: { delay: { probability: 2 / 3, minMs: 200, spreadMs: 2000, shape: "low" } },
};

/** Both: the second set of faults wins where they speak of the same thing. */
export function mergeFaults(first: FrameFaults, second: FrameFaults): FrameFaults {
  return {
    request: { ...first.request, ...second.request },
    reply: { ...first.reply, ...second.reply },
  };
}

/** What is to happen to one frame. */
export type FrameVerdict =
  | { readonly kind: "drop" }
  /** Part of it arrives, then the connection breaks. */
  | { readonly kind: "cut" }
  | {
    readonly kind: "deliver";
    /** More than 0: arrives alone, so much later than it would. */
    readonly extraDelayMs: number;
    /** Whether it arrives a second time. */
    readonly duplicate: boolean;
    /** Whether a bit is flipped. */
    readonly corrupt: boolean;
  };

/** The verdict without faults. */
export const deliverPlainly: FrameVerdict = { kind: "deliver", extraDelayMs: 0, duplicate: false, corrupt: false };

/** Draws what happens to a frame. */
export function judgeFrame(faults: FrameFaults, kind: FrameKind, random: SeededRandom): FrameVerdict {
  const own = kind === "request" ? faults.request : kind === "reply" ? faults.reply : undefined;
  if (own === undefined) return deliverPlainly;
  if (random.chance(own.drop ?? 0)) return { kind: "drop" };
  if (random.chance(own.cut ?? 0)) return { kind: "cut" };
  return {
    kind: "deliver",
    extraDelayMs: own.delay === undefined ? 0 : drawDelay(own.delay, random),
    duplicate: random.chance(own.duplicate ?? 0),
    corrupt: random.chance(own.corrupt ?? 0),
  };
}

function drawDelay(delay: FrameDelay, random: SeededRandom): number {
  if (!random.chance(delay.probability)) return 0;
  const spreadMs = delay.shape === "low" ? random.next() * delay.spreadMs : delay.spreadMs;
  return delay.minMs + random.next() * spreadMs;
}
