/**
 * A last batch that looks as if it had never finished, when no witness confirms it: probably a write that a loss of power cut
 * short, perhaps one that was acknowledged and damaged later. It may have held entries, and a term and a vote.
 *
 * *Entries.* If an entry in it was committed, a majority had it, and so somebody else has it. Among all the others the most
 * up-to-date log (paper, section 5.4.1) holds everything that was committed. If that log contains this node's last entry,
 * the node takes over what follows, as if it had come from that term's leader; otherwise nothing that was lost can have
 * been committed. Entries that were never in its own log do no harm: what it then has is a log that existed, and it has
 * acknowledged it to nobody.
 *
 * When not all others answer in time, a quorum has to do, or a cluster that lost power with torn tails would not start
 * while one member is down. What is then left to chance takes two faults at once: that the batch was acknowledged and
 * damaged in the moment before the power went, *and* that whoever else had it is among those who do not answer.
 *
 * *Term and vote.* Whoever asked for a vote had made that term durable before (Figure 2, "Candidates"; thesis section 3.8).
 * So this node has voted in no term beyond the highest that any other node knows of. It goes on in that term, and counts
 * as having voted in it, for itself: it will vote for nobody else there, and in later terms it has not voted yet.
 *
 * @module
 */
import { type EntryId, identityOf } from "../core/types.ts";
import { agreement } from "../storage/known_log.ts";
import type { Salvage } from "../storage/salvage.ts";
import type { LogReport } from "./protocol.ts";

/** Whether so many of the others make a majority together with this node. */
export function isQuorum(answered: number, others: number): boolean {
  return 2 * (answered + 1) > others + 1;
}

/** What a node with a suspect tail goes on from, given what others report. What is missing then must still be fetched. */
export function settleSuspectTail(salvaged: Salvage, reports: readonly LogReport[]): Salvage {
  const { meta, log, hardState } = salvaged;
  let { last } = salvaged;
  for (const { logs: [terms = []] } of reports) {
    const end = terms.at(-1);
    if (end === undefined) continue;
    const theirs = { index: end.last, term: end.term };
    const containsOurs = agreement(log.runs, terms) >= salvaged.last.index;
    if (containsOurs && isLater(theirs, last)) last = theirs;
  }
  log.know(last);
  const currentTerm = Math.max(hardState.currentTerm, last.term, ...reports.map((report) => report.currentTerm));
  const hasVoted = currentTerm === hardState.currentTerm && hardState.votedFor !== null;
  const votedFor = hasVoted ? hardState.votedFor : identityOf(meta.nodeId, meta.incarnation);
  return { ...salvaged, last, hardState: { currentTerm, votedFor }, isTailSuspect: false };
}

function isLater(one: EntryId, other: EntryId): boolean {
  return one.term > other.term || (one.term === other.term && one.index > other.index);
}
