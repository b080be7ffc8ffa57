/**
 * Judges a share of all damages to a directory and counts how they ended. Shares are taken in turn, so that several
 * threads are done at about the same time.
 *
 * @module
 */
import { buildShape, type Damage, judge, type Shape, type ShapeSize, withUnacknowledged } from "./damage.ts";
import { damageKinds, flipsBeforeTail, tornTails } from "./damage_kinds.ts";

/** How the damages of one kind ended. Every count is at least 0, and they add up to `cases`. */
export interface DamageTally {
  /** The kind. */
  readonly name: string;
  cases: number;
  /** Opened with everything. */
  whole: number;
  /** Refused, with the place. */
  refused: number;
  /** Opened without a write that was never acknowledged. */
  dropped: number;
  /** Opened with something else. */
  silent: number;
  /** Failed with an error that does not name the damage. */
  crashes: number;
  /** The first violations, for people. */
  readonly violations: string[];
}

/** Which part of the cases is to be judged: those whose number leaves `index` when divided by `count`. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

const mostViolationsShown = 5;

/** What must not happen in a kind besides silence and crashes. */
type Forbidden = "dropped" | "refused";

async function run(
  name: string,
  shape: Shape,
  damages: Iterable<Damage>,
  share: Share,
  forbidden: readonly Forbidden[],
): Promise<DamageTally> {
  const tally: DamageTally = {
    name,
    cases: 0,
    whole: 0,
    refused: 0,
    dropped: 0,
    silent: 0,
    crashes: 0,
    violations: [],
  };
  let at = 0;
  for (const damage of damages) {
    if (at++ % share.count !== share.index) continue;
    const verdict = await judge(shape, damage);
    tally.cases++;
    const isForbidden = forbidden.some((kind) => kind === verdict.kind);
    if (verdict.kind === "silent" || isForbidden) tally.silent++;
    else if (verdict.kind === "crash") tally.crashes++;
    else tally[verdict.kind]++;
    if (!isForbidden && verdict.kind !== "silent" && verdict.kind !== "crash") continue;
    if (tally.violations.length < mostViolationsShown) {
      tally.violations.push(`${damage.what}: ${JSON.stringify(verdict)}`);
    }
  }
  return tally;
}

/**
 * Damages a directory of the given size in every way. Where everything is acknowledged, nothing may be dropped; where the
 * last write is not, a torn one must open without an operator, and damage before it must not.
 */
export async function runDamage(size: ShapeSize, share: Share): Promise<DamageTally[]> {
  const shape = await buildShape(size);
  const tallies: DamageTally[] = [];
  for (const { name, damages } of damageKinds) {
    tallies.push(await run(name, shape, damages(shape.files), share, ["dropped"]));
  }
  const torn = await withUnacknowledged(shape);
  tallies.push(await run("unacknowledged tail torn or damaged", torn, tornTails(torn), share, ["refused"]));
  const name = "every bit before such a tail";
  tallies.push(await run(name, torn, flipsBeforeTail(torn), share, ["dropped"]));
  return tallies;
}

/** Adds up what several shares found. */
export function addTallies(shares: readonly (readonly DamageTally[])[]): DamageTally[] {
  const [first = [], ...others] = shares;
  return first.map((tally, kind) => {
    const sum = { ...tally, violations: [...tally.violations] };
    for (const other of others) {
      const more = other[kind];
      if (more === undefined) continue;
      for (const count of ["cases", "whole", "refused", "dropped", "silent", "crashes"] as const) {
        sum[count] += more[count];
      }
      sum.violations.push(...more.violations);
    }
    return sum;
  });
}
