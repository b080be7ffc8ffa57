/**
 * Repairs a log with holes from whoever has intact copies of what is missing, damaged nodes included.
 *
 * A node that knows where its log ends, and its term and vote, has forgotten nothing that it cannot name: once it has the
 * missing entries again it *is* the node that it was, keeps its identity, and may vote and acknowledge as if nothing had
 * happened. So no quorum is needed, and no leader:
 *
 * 1. It reads what is left (`storage/salvage.ts`). Its end and its hard state must be certain; otherwise it cannot know
 *    what it promised, and has to come back as somebody else (`rejoin/`).
 * 2. While it looks for the rest it listens, says "repairing" to clients and peers, and lends what it has to others in need
 *    ({@link RepairDesk}). It votes for nobody and acknowledges nothing.
 * 3. It asks every other node which terms stand where in its log. All these logs, and those that damage has cut off from
 *    what became of them, learn from each other as far as any two certainly agree, until nothing is new.
 * 4. Whoever holds an entry whose index and term are known is asked for it: index and term name one entry, for good.
 * 5. When nothing is missing the log is written anew, atomically (`writePatchedLog`), and the node starts.
 *
 * Why nothing foreign comes in: an entry is taken only for a slot whose term is certain, and that is certain only from its
 * own log or from one that must be the same up to there; an uncommitted entry that conflicts with its own is beyond the
 * point of agreement, whoever holds it. Why nothing is forgotten: the end of its log is known, every slot up to it is
 * filled with the very entry that was there, or the node does not start.
 *
 * If the last batch may have been lost unnoticed, it has to be found out first: see `suspect_tail.ts`.
 *
 * What cannot be repaired this way: entries that nobody has any more, or that everybody else has compacted. The node then
 * needs a quorum, from which it takes a snapshot under a new identity (`rejoin/open_storage.ts`). Where there is none it
 * refuses to start, and says which entries are missing and who was asked.
 *
 * @module
 */
import type { LogIndex, NodeId } from "../core/types.ts";
import type { Clock } from "../node/clock.ts";
import { KnownLog, learnFromEachOther, type TermRun } from "../storage/known_log.ts";
import { missingEntries, type Salvage } from "../storage/salvage.ts";
import type { Hello } from "../wire/hello.ts";
import type { Network } from "../wire/network.ts";
import { AskedPeer } from "./ask.ts";
import type { LogReport } from "./protocol.ts";

/** Whom to ask, and how. */
export interface RepairOptions {
  /** Where the other members are, by name. */
  readonly others: Readonly<Record<string, string>>;
  /** What to say, to the node of this name. */
  readonly helloTo: (name: NodeId) => Hello;
  /** Time. */
  readonly clock: Clock;
  /** Sockets. */
  readonly network: Network;
  /** For one peer to be reached, in milliseconds. */
  readonly timeoutMs: number;
}

/** What one round of asking everybody brought. */
export interface RepairRound {
  /** What is still missing, as ranges from first to last; empty when the log can be patched. */
  readonly missing: readonly (readonly [LogIndex, LogIndex])[];
  /** Who answered, by name. */
  readonly answered: readonly string[];
  /** What they reported. */
  readonly reports: readonly LogReport[];
  /** Who lent something, by name. */
  readonly lenders: readonly string[];
  /** The leaders that those who answered follow. */
  readonly leaders: readonly NodeId[];
  /** What a node said that will not have this one any more, or null. */
  readonly retired: string | null;
}

/** A peer that has told what it knows. */
interface Lender {
  readonly name: string;
  readonly peer: AskedPeer;
  readonly report: LogReport;
}

/** Asks everybody once, and takes what is missing; what was taken stays taken. */
export async function repairRound(salvaged: Salvage, options: RepairOptions): Promise<RepairRound> {
  const answered: string[] = [];
  const leaders: NodeId[] = [];
  let retired: string | null = null;
  using peers = new DisposableStack();
  const lenders: Lender[] = [];
  await Promise.all(
    Object.entries(options.others).map(async ([name, address]) => {
      const { network, clock, timeoutMs, helloTo } = options;
      const peer = await AskedPeer.dial(network, address, helloTo(name), clock, timeoutMs);
      if (!(peer instanceof AskedPeer)) {
        if (peer.kind === "refused" && peer.reply?.errorCode === "retired") {
          retired = `${name} says: ${peer.reply.message}`;
        }
        return;
      }
      peers.use(peer);
      const { leader } = peer.hello.knowledge ?? { leader: "" };
      if (leader !== "") leaders.push(leader);
      const reply = await peer.ask({ kind: "report" }).catch(() => null);
      if (reply?.kind !== "report") return;
      answered.push(name);
      lenders.push({ name, peer, report: reply.report });
    }),
  );
  // In one order, whoever answered first: what is learnt does not depend on it, and what is asked of whom is repeatable.
  lenders.sort((one, other) => one.name < other.name ? -1 : 1);
  const theirs = lenders.flatMap(({ report }) => report.logs).map((runs) => KnownLog.of(runs, salvaged.last.index));
  learnFromEachOther([salvaged.log, ...salvaged.former, ...theirs]);
  const used: string[] = [];
  for (const { name, peer, report } of lenders) {
    if (await borrow(salvaged, peer, report.held)) used.push(name);
  }
  const reports = lenders.map(({ report }) => report);
  return { missing: missingEntries(salvaged), answered: answered.sort(), reports, lenders: used, leaders, retired };
}

/** Takes from one peer what is missing and what it has; returns whether that was anything. */
async function borrow(salvaged: Salvage, peer: AskedPeer, held: readonly TermRun[]): Promise<boolean> {
  let taken = false;
  for (const wanted of wantedRuns(salvaged, held)) {
    let { first } = wanted;
    while (first <= wanted.last) {
      const reply = await peer.ask({ kind: "entries", ...wanted, first }).catch(() => null);
      if (reply?.kind !== "entries") return taken;
      const before = first;
      for (const entry of reply.entries) {
        if (entry.index !== first || entry.term !== wanted.term || first > wanted.last) return taken;
        salvaged.entries.take(entry);
        taken = true;
        first++;
      }
      // What it had when it was asked first may be compacted meanwhile.
      if (first === before) break;
    }
  }
  return taken;
}

/** The missing entries whose term is known and that somebody holds, as runs. */
function wantedRuns(salvaged: Salvage, held: readonly TermRun[]): TermRun[] {
  const runs: TermRun[] = [];
  for (const [from, to] of missingEntries(salvaged)) {
    for (const run of held) {
      for (let index = Math.max(from, run.first); index <= Math.min(to, run.last); index++) {
        if (salvaged.log.terms.get(index) !== run.term || salvaged.entries.find({ index, term: run.term })) continue;
        const last = runs.at(-1);
        if (last !== undefined && last.term === run.term && last.last === index - 1) {
          runs[runs.length - 1] = { ...last, last: index };
        } else runs.push({ term: run.term, first: index, last: index });
      }
    }
  }
  return runs;
}
