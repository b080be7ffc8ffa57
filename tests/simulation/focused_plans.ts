/**
 * Runs in which one family of faults comes at a high rate and everything else is left alone. Some mistakes show only when two or
 * three things meet within one election timeout: a mix of all faults hardly ever brings them together, and what else goes wrong
 * in it undoes half of them before the third is there. Each focus below says what is to meet.
 *
 * @module
 */
import {
  courseLongReordering,
  courseUnreliable,
  mergeFaults,
  type MsRange,
  type SeededRandom,
} from "../../raft/testing/mod.ts";
import type { Timing } from "../../raft/node/options.ts";
import { electionTimeoutMs } from "../../raft/node/options.ts";
import { diskErrorKinds, drawPlan, drawWalLimits, drawWorkload, type FaultPlan, type SwarmPlan } from "./swarm_plan.ts";

/** What a run can be focused on. */
export const focusNames = [
  ...["coups", "elections", "absences", "stragglers", "disks", "room", "chunks", "members", "leases"] as const,
  ...["features", "segments", "tails"] as const,
] as const;

/** The name of a focus. */
export type FocusName = typeof focusNames[number];

/** Those that came later have a draw of their own, so that the seeds of the others go on standing for the runs they stood for. */
const laterNames: readonly FocusName[] = ["segments", "tails"];

/** What a run is focused on unless it is told: runs of all sorts have features, too, and those here take long. */
const drawnNames = focusNames.filter((name) => name !== "features" && !laterNames.includes(name));

/** Share of the runs that are focused. Faults go on for so much of the mean time in them; the others make up for it. */
const focused = { share: 0.2, time: 1 / 6 };
const otherTime = (1 - focused.share * focused.time) / (1 - focused.share);

/** Draws a run, which is a focused one if `focus` says so; `meanChaosMs` is how long faults go on, averaged over all seeds. */
export function drawRun(random: SeededRandom, meanChaosMs: number, focus: FocusName | null = null): SwarmPlan {
  const isFocused = focus !== null || random.chance(focused.share);
  if (!isFocused) return drawPlan(random, meanChaosMs * otherTime);
  return focusedPlan(random, meanChaosMs * focused.time, focus ?? drawFocus(random));
}

function drawFocus(random: SeededRandom): FocusName {
  const drawn = random.pick(drawnNames);
  const later = random.stream("later focus");
  return later.chance(laterNames.length / (drawnNames.length + laterNames.length)) ? later.pick(laterNames) : drawn;
}

function focusedPlan(random: SeededRandom, chaosMs: number, focus: FocusName): SwarmPlan {
  const plan: SwarmPlan = {
    ...drawPlan(random, 0),
    chaosMs,
    nodes: random.pick([3, 3, 3, 4, 5]),
    maxRaftState: random.pick([-1, 4_000, 16_000]),
    workload: { ...drawWorkload(random, "hot"), hasDoubt: true },
    faults: noFaults,
  };
  return { ...plan, ...focuses[focus](random, plan) };
}

const noFaults: FaultPlan = {
  ...{ weather: [], partitions: 0, partitionKinds: [], resets: 0, kills: 0, powerCuts: 0, blackouts: 0 },
  ...{ crashesAtIo: 0, crashesAtStep: 0, pauses: 0, clockRates: 0, wallJumps: 0, clientKills: 0, slowDisks: 0 },
  ...{ diskErrors: 0, transfers: 0, memberships: 0, absences: 0, coups: 0, spoiltElections: 0, strandedChanges: 0 },
  ...{ diskErrorKinds, forgetfulRestarts: 0, mutedLeaders: 0, crashesAtSegment: 0, staleTails: 0 },
};

/** In half of all runs: an election timeout is ten times what a message takes, the least that will do (paper, section 5.6). */
function drawLongWires(random: SeededRandom, timing: Timing): MsRange | null {
  if (random.chance(0.5)) return null;
  const minMs = electionTimeoutMs(timing) / 10;
  return { minMs, maxMs: 1.02 * minMs };
}

type Focus = (random: SeededRandom, plan: SwarmPlan) => Partial<SwarmPlan>;

const focuses: Readonly<Record<FocusName, Focus>> = {
  // A leader that was deposed does not know, and what confirmed its reads before is still on its way to it.
  coups: () => ({ faults: { ...noFaults, coups: 20 } }),

  // A node with the longest log and the lowest term meets one with a short log and a high term, and there is no third.
  // Wires may be longer than a tick: then all who do not hear a leader campaign before they hear of each other, if nothing but
  // chance keeps their clocks apart.
  elections: (random, { timing }) => ({
    truces: 4,
    latency: drawLongWires(random.stream("wires"), timing),
    faults: { ...noFaults, spoiltElections: 40 },
  }),

  // While a follower is away the leader replaces the snapshot that it was about to send; while it restores one, entries come.
  absences: (random, { disk }) => ({
    truces: 2,
    disk: { ...disk, read: { minMs: 0, maxMs: random.pick([0, 20]) } },
    maxRaftState: 1_000,
    faults: { ...noFaults, absences: 20, kills: random.pick([0, 5]) },
  }),

  // Snapshots and entries overtake each other on disks that stall, in front of leaders that do not know what followers have.
  disks: (random) => ({
    maxRaftState: random.pick([1_000, 2_000]),
    faults: {
      ...noFaults,
      weather: [courseUnreliable, mergeFaults(courseUnreliable, { reply: { duplicate: 0.2 } })],
      ...{ slowDisks: 20, partitions: 4, partitionKinds: ["isolateLeader"], transfers: 8, absences: 6 },
    },
  }),

  // A part of a batch is written when the disk is full, the batch is tried again, and nodes die before, between and after.
  room: (random) => ({
    maxRaftState: random.pick([1_000, 2_000]),
    walLimits: drawWalLimits(random.stream("segments")),
    faults: {
      ...noFaults,
      diskErrors: 40,
      diskErrorKinds: ["full", "fullAndCrash", "fullAndCrash", "room"],
      kills: 10,
      powerCuts: 5,
    },
  }),

  // Followers have what the leader believes they lack: answers are late, and every few entries make a snapshot.
  stragglers: (random, { workload }) => {
    const delay = { probability: 0.8, minMs: 0, spreadMs: random.between(50, 300), shape: "low" } as const;
    return {
      nodes: random.pick([3, 5, 5, 7]),
      maxRaftState: 1_000,
      workload: { ...workload, thinkMs: 2 * workload.thinkMs, paddingBytes: 200 },
      faults: {
        ...noFaults,
        weather: [{ request: { delay }, reply: { delay } }, courseLongReordering],
        ...{ partitions: 8, partitionKinds: ["isolate", "isolateLeader", "groups"], kills: 8, slowDisks: 4 },
      },
    };
  },

  // A snapshot of several chunks is on its way; chunks are lost, repeated and late, and whoever receives them dies in between.
  chunks: (random, { workload }) => ({
    maxRaftState: 1_000,
    ballastBytes: random.between(1.1e6, 2.3e6),
    workload: { ...workload, ...drawWorkload(random, "plain") },
    faults: {
      ...noFaults,
      weather: [
        mergeFaults(courseUnreliable, { request: { duplicate: 0.3 } }),
        { request: { duplicate: 0.5, delay: { probability: 0.2, minMs: 0, spreadMs: 300 } } },
      ],
      ...{ absences: 20, kills: 10, powerCuts: 4 },
    },
  }),

  // Changes of members that cannot be agreed on, asked for again and again.
  members: () => ({ faults: { ...noFaults, strandedChanges: 25, memberships: 15 } }),

  // Leaders that read by lease are paused, deaf, or heard by nobody, while whoever heard them forgets it, or is told to campaign.
  // Now and then hardly anything is written: only then can somebody be elected who has not heard the leader for a while.
  leases: (random, { workload }) => ({
    nodes: random.pick([3, 3, 4, 5, 5]),
    workload: { ...workload, reads: random.pick([0.5, 0.98]) },
    leaseReads: random.pick([0.7, 1]),
    timing: {
      ...{ tickMs: 25, heartbeatTicks: random.pick([1, 2]), electionTimeoutTicks: 12 + random.integer(12) },
      clockDriftBound: random.pick([1, 1.1, 1.5]),
    },
    faults: {
      ...noFaults,
      ...{ pauses: 10, forgetfulRestarts: 20, mutedLeaders: 10, kills: 5 },
      ...{ partitions: 6, partitionKinds: ["isolateLeader", "groups"] },
      ...{ coups: random.pick([0, 15]), clockRates: random.pick([0, 20]), slowDisks: random.pick([0, 10]) },
    },
  }),

  // The power goes right behind the first batch of a segment, everywhere at once or where there is nobody else.
  segments: (random) => ({
    nodes: random.pick([1, 1, 2, 3]),
    maxRaftState: random.pick([-1, 1_000, 4_000]),
    walLimits: drawWalLimits(random),
    faults: { ...noFaults, powerCuts: 20, blackouts: 10, crashesAtIo: 10, crashesAtSegment: 20 },
  }),

  // What a leader has that nobody else has is long, and others go on from where it begins: a snapshot ends in the middle of it.
  tails: (random, { workload }) => ({
    nodes: random.pick([3, 3, 5]),
    maxRaftState: random.pick([1_000, 2_000]),
    workload: {
      ...workload,
      clients: 5,
      pipeline: 8,
      thinkMs: random.pick([500, 1_000]),
      reads: 0.1,
      timeoutMs: Infinity,
    },
    faults: { ...noFaults, staleTails: 30 },
  }),

  // Locks and leases end early for the cluster, not for their holders; leaders with other clocks follow each other.
  features: (random, { chaosMs }) => ({
    chaosMs: 2 * chaosMs,
    features: { share: 1, names: ["locks", "leases", "watches"], most: 3 },
    faults: {
      ...noFaults,
      ...{ clockRates: random.pick([0, 20]), wallJumps: random.pick([0, 20, 40]), pauses: 10, kills: 5 },
      ...{ partitions: 8, partitionKinds: ["isolateLeader"], clientKills: 5, transfers: 10 },
    },
  }),
};
