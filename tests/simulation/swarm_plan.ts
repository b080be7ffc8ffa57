/**
 * What a seed stands for: each draws its own cluster, workload and mix of faults (swarm testing, Groce et al. 2012), because
 * a run with every fault at once hardly ever gets far enough to be interesting, and a run with few finds what those hide.
 *
 * @module
 */
import { defaultTiming, type Timing } from "../../raft/node/options.ts";
import type { DiskProfile, FrameFaults, MsRange, SeededRandom, WalLimits } from "../../raft/testing/mod.ts";
import { courseLongReordering, courseUnreliable, defaultDiskProfile, mergeFaults } from "../../raft/testing/mod.ts";

/** What clients do. */
export interface WorkloadPlan {
  /** Number of client processes. */
  readonly clients: number;
  /** Calls that one client has under way at a time. */
  readonly pipeline: number;
  /** Pause between calls, in milliseconds; each is uniform in [0, 2 * thinkMs). */
  readonly thinkMs: number;
  /** Keys in use at a time. */
  readonly keys: number;
  /** How long those keys are used before others take their place, in milliseconds. */
  readonly epochMs: number;
  /** Share of reads, in [0, 1]. */
  readonly reads: number;
  /** Share of puts among the writes, in [0, 1]. */
  readonly puts: number;
  /** Bytes of padding in each value. */
  readonly paddingBytes: number;
  /** Time for each call, in milliseconds; Infinity for as long as it takes. */
  readonly timeoutMs: number;
  /** Mean pause between two reads at replicas, in milliseconds; Infinity for none. See `readers.ts`. */
  readonly readerThinkMs: number;
  /** Whether leaders that are cut off or paused are read from, while others write. */
  readonly hasDoubt: boolean;
}

/** Faults of one run; a rate is in events a minute, 0 for none. */
export interface FaultPlan {
  /** Sets of frame faults that the network is given in turn. */
  readonly weather: readonly FrameFaults[];
  /** Partitions of all kinds. */
  readonly partitions: number;
  /** Which kinds of partitions. */
  readonly partitionKinds: readonly PartitionKind[];
  /** Connections reset. */
  readonly resets: number;
  /** Processes killed. */
  readonly kills: number;
  /** Machines that lose power. */
  readonly powerCuts: number;
  /** Power cuts of everything. */
  readonly blackouts: number;
  /** Crashes at an I/O. */
  readonly crashesAtIo: number;
  /** Crashes at a step of the core. */
  readonly crashesAtStep: number;
  /** Pauses. */
  readonly pauses: number;
  /** Changes of clock rates. */
  readonly clockRates: number;
  /** Jumps of wall clocks. */
  readonly wallJumps: number;
  /** Clients killed. */
  readonly clientKills: number;
  /** Slow phases of a disk. */
  readonly slowDisks: number;
  /** Errors of a disk. */
  readonly diskErrors: number;
  /** Which kinds of errors; not empty. */
  readonly diskErrorKinds: readonly DiskErrorKind[];
  /** Leadership transfers. */
  readonly transfers: number;
  /** Changes of the configuration. */
  readonly memberships: number;
  /** Absences of a node for longer than the log reaches back. */
  readonly absences: number;
  /** Leaders deposed without their knowledge. */
  readonly coups: number;
  /** Series of elections that come to nothing. */
  readonly spoiltElections: number;
  /** Changes of the configuration on the side of a partition that has no quorum. */
  readonly strandedChanges: number;
  /** Restarts, all at once, of everybody whom the leader still hears from. */
  readonly forgetfulRestarts: number;
  /** Leaders that nobody hears, but who go on hearing everybody for a while. */
  readonly mutedLeaders: number;
  /** Crashes when the log goes on in a new segment. */
  readonly crashesAtSegment: number;
  /** Leaders cut off until others have a snapshot of what they have in its place. */
  readonly staleTails: number;
}

/** The features that have workloads of their own; see `features/`. */
export const featureNames = ["versions", "store", "locks", "watches", "leases"] as const;

/** Name of a feature. */
export type FeatureName = typeof featureNames[number];

/** Which workloads of single features a run has. */
export interface FeaturesPlan {
  /** Probability that it has any, in [0, 1]. */
  readonly share: number;
  /** Those it may have. */
  readonly names: readonly FeatureName[];
  /** How many it has at the most; >= 1. */
  readonly most: number;
}

/** What goes wrong with a disk: an fsync, a write, a few writes for want of room, or all for a while. */
export const diskErrorKinds = ["sync", "write", "full", "room"] as const;

/** See {@link diskErrorKinds}; `fullAndCrash` is `full`, and a crash when the node begins its next segment. */
export type DiskErrorKind = typeof diskErrorKinds[number] | "fullAndCrash";

/** How links are cut. */
export type PartitionKind = "isolate" | "groups" | "oneWay" | "partial" | "isolateLeader";

/** One run. */
export interface SwarmPlan {
  /** Cluster size. */
  readonly nodes: number;
  /** The nodes' pace. */
  readonly timing: Timing;
  /** See `MachineOptions`. */
  readonly maxRaftState: number;
  /** How long servers wait for an outcome, in milliseconds. */
  readonly serverTimeoutMs: number;
  /** How long faults go on in this run, in milliseconds. */
  readonly chaosMs: number;
  /** How often in that time everything is healed for a moment, to see whether the cluster comes round; >= 0. */
  readonly truces: number;
  /** Bytes written once, in the beginning. */
  readonly ballastBytes: number;
  /** What all disks are like when nothing is wrong. */
  readonly disk: DiskProfile;
  /** When the segments of a log end, as far as that is not as in production. */
  readonly walLimits: Partial<WalLimits>;
  /** How long whatever is sent takes when nothing is wrong, one way; null for a quick local network. */
  readonly latency: MsRange | null;
  /** What clients do. */
  readonly workload: WorkloadPlan;
  /**
   * Share of the reads that are by lease, in [0, 1]. Above 0 no two clocks differ by more than `timing.clockDriftBound`, for
   * leases count on that; in runs at 0 they differ by more, see {@link clockRatio}. No monotonic clock ever jumps. In runs of
   * all sorts that have leases processes are paused, too, while their clocks go on.
   */
  readonly leaseReads: number;
  /** What clients of single features do. */
  readonly features: FeaturesPlan;
  /** What goes wrong. */
  readonly faults: FaultPlan;
}

/**
 * What sort of run it is. A hot one has as many calls as any in a sixth of the time: on few keys, so that something is always
 * under way when a leader falls. A bulky one has a state larger than a chunk, so that snapshots travel in several. Both take
 * less time than plain ones, which take more in return.
 */
export type Temper = "plain" | "bulky" | "hot";

const hot = { share: 0.15, time: 1 / 6 };
const bulky = { share: 0.05, time: 1 / 2 };
const plainTime = (1 - hot.share * hot.time - bulky.share * bulky.time) / (1 - hot.share - bulky.share);

function drawTemper(random: SeededRandom): Temper {
  const drawn = random.next();
  return drawn < hot.share ? "hot" : drawn < hot.share + bulky.share ? "bulky" : "plain";
}

/** Draws a run; `meanChaosMs` is how long faults go on, averaged over all seeds. */
export function drawPlan(random: SeededRandom, meanChaosMs: number): SwarmPlan {
  const temper = drawTemper(random);
  const isHot = temper === "hot";
  const isBulky = temper === "bulky";
  const nodes = random.pick([1, 2, 3, 3, 3, 3, 3, 4, 4, 5, 5, 5, 6, 7]);
  const tickMs = random.pick([15, 25, 50, 50]);
  const heartbeatTicks = random.pick([1, 2, 2, 3, 4]);
  const leaseReads = random.pick([0, 0, 0, 0.5, 1]);
  const segments = random.stream("segments");
  const hasSmallSegments = segments.chance(0.25);
  const faults = {
    ...drawFaults(random, leaseReads > 0),
    crashesAtSegment: hasSmallSegments ? segments.between(0, 6) : 0,
  };
  return {
    nodes,
    timing: {
      ...{ tickMs, heartbeatTicks, electionTimeoutTicks: 2 * heartbeatTicks + 2 + random.integer(12) },
      clockDriftBound: random.pick([1.1, 1.5, defaultTiming.clockDriftBound]),
    },
    maxRaftState: isBulky ? 200_000 : random.pick([-1, 1_000, 2_000, 4_000, 4_000, 16_000, 64_000]),
    serverTimeoutMs: random.pick([1_000, 3_000, 10_000]),
    chaosMs: meanChaosMs * (isHot ? hot.time : isBulky ? bulky.time : plainTime),
    truces: 0,
    ballastBytes: 0,
    disk: { ...defaultDiskProfile, sync: random.pick([defaultDiskProfile.sync, { minMs: 0.5, maxMs: 8 }]) },
    walLimits: hasSmallSegments ? drawWalLimits(segments) : {},
    latency: null,
    workload: drawWorkload(random, temper),
    leaseReads,
    features: { share: 0.25, names: featureNames, most: 2 },
    faults: isHot ? hotFaults(random, faults) : isBulky ? { ...faults, absences: random.between(4, 8) } : faults,
  };
}

/** Segments of a few batches: what is written in a run would not fill one of production's. */
export function drawWalLimits(random: SeededRandom): WalLimits {
  return { segmentBytes: random.pick([1_000, 4_000, 20_000]), minimumSegmentBytes: random.pick([200, 1_000]) };
}

/** Draws what clients do. */
export function drawWorkload(random: SeededRandom, temper: Temper): WorkloadPlan {
  const isHot = temper === "hot";
  const isBulky = temper === "bulky";
  const clients = 1 + random.integer(5);
  const pipeline = random.pick(isHot ? [1, 4, 8] : [1, 1, 2, 4]);
  const callsPerSecond = isBulky ? 2 : isHot ? random.between(60, 120) : random.pick([4, 8, 16]);
  return {
    clients,
    pipeline,
    thinkMs: 1_000 * clients * pipeline / callsPerSecond,
    keys: isHot ? random.pick([1, 2]) : 1 + random.integer(6),
    epochMs: isHot ? 5_000 : random.pick([10_000, 20_000, 40_000]),
    reads: random.between(0.1, isBulky ? 0.3 : 0.7),
    puts: isBulky ? 1 : random.between(0, 0.8),
    paddingBytes: isBulky ? 30_000 : random.pick([0, 0, 20, 200]),
    timeoutMs: random.pick([Infinity, Infinity, 500, 2_000, 5_000]),
    readerThinkMs: isHot ? random.pick([10, 25, 60]) : random.pick([Infinity, 1_000, 400]),
    hasDoubt: !isBulky && random.chance(0.7),
  };
}

/** In little time much must happen, above all to leaders. */
function hotFaults(random: SeededRandom, faults: FaultPlan): FaultPlan {
  return {
    ...faults,
    partitions: Math.max(faults.partitions, random.between(10, 25)),
    partitionKinds: [...faults.partitionKinds, "isolateLeader", "isolateLeader"],
    pauses: Math.max(faults.pauses, random.between(0, 20)),
    slowDisks: Math.max(faults.slowDisks, random.between(-10, 15)),
  };
}

function drawFaults(random: SeededRandom, hasLeases: boolean): Omit<FaultPlan, "crashesAtSegment"> {
  /** Half of the families are off in any run; the rate of the others is up to `most`, mostly less. */
  const rate = (most: number, probability = 0.5): number => random.chance(probability) ? most * random.next() ** 2 : 0;
  const kinds: PartitionKind[] = ["isolate", "groups", "oneWay", "partial", "isolateLeader"];
  const partitionKinds = kinds.filter(() => random.chance(0.6));
  const tails = random.stream("stale tails");
  return {
    weather: drawWeather(random),
    partitions: partitionKinds.length === 0 ? 0 : rate(30),
    partitionKinds,
    resets: rate(20, 0.3),
    kills: rate(15),
    powerCuts: rate(15),
    blackouts: rate(2, 0.3),
    crashesAtIo: rate(10),
    crashesAtStep: rate(10),
    pauses: hasLeases ? random.between(2, 15) : rate(15, 0.4),
    clockRates: rate(10, 0.4),
    wallJumps: rate(10, 0.4),
    clientKills: rate(6, 0.3),
    slowDisks: rate(10, 0.4),
    diskErrors: rate(6, 0.3),
    diskErrorKinds,
    transfers: rate(15, 0.4),
    memberships: rate(20, 0.5),
    absences: rate(8, 0.5),
    coups: rate(8, 0.3),
    spoiltElections: rate(4, 0.2),
    strandedChanges: rate(6, 0.2),
    forgetfulRestarts: rate(6, 0.2),
    mutedLeaders: rate(6, 0.2),
    staleTails: tails.chance(0.15) ? tails.between(0, 8) : 0,
  };
}

/** How many times as fast as the slowest clock the fastest may run; rates lie around 1. */
export function clockRatio({ leaseReads, timing }: SwarmPlan): number {
  return leaseReads > 0 ? timing.clockDriftBound : 4;
}

function drawWeather(random: SeededRandom): FrameFaults[] {
  const low = (most: number): number => most * random.next() ** 2;
  const both = (faults: FrameFaults["request"]): FrameFaults =>
    faults === undefined ? {} : { request: faults, reply: faults };
  const kinds: (() => FrameFaults)[] = [
    () => both({ drop: low(0.3) }),
    () => both({ delay: { probability: random.next(), minMs: 0, spreadMs: 1 + low(400), shape: "low" } }),
    () => both({ duplicate: low(0.5) }),
    () => both({ corrupt: low(0.02) }),
    () => both({ cut: low(0.01) }),
    () => courseUnreliable,
    () => courseLongReordering,
    () => mergeFaults(courseUnreliable, courseLongReordering),
    () =>
      both({
        drop: low(0.1),
        duplicate: low(0.2),
        delay: { probability: 0.2, minMs: 0, spreadMs: 50 },
      }),
  ];
  return kinds.filter(() => random.chance(0.3)).map((draw) => draw());
}
