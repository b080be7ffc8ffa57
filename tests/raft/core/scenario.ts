/**
 * Runs a scenario: a text in which each line that begins with `$` is a command to a cluster of cores, and the lines below it
 * are what it said and did. The texts are golden traces (as in etcd-io/raft's testdata): to be read, and compared exactly.
 *
 * Commands, with `N` a node:
 *
 *     cluster N...              a new cluster of these voters
 *     start N...                the same, the first of them leading already
 *     tick N [count]            lets the node's clock run; what it says stays under way
 *     settle                    delivers everything under way, and what follows from it, oldest first
 *     deliver N N               delivers what is under way from the first to the second, and nothing that follows
 *     lose N N                  loses that instead
 *     cut N / connect N         takes the node off the network / puts it back
 *     propose N text...         proposes commands
 *     read N context            asks for a linearizable read
 *     transfer N N              hands leadership to the second
 *     change N voters...        changes the voters
 *     compact N                 takes a snapshot of all that was applied
 *     restart N                 loses what was not written
 *     status                    shows every node
 *
 * @module
 */
import type { Message } from "../../../raft/core/message.ts";
import type { Entry, EntryId, NodeId } from "../../../raft/core/types.ts";
import { TestCluster } from "./cluster.ts";

function id({ index, term }: EntryId): string {
  return `${index}.${term}`;
}

function describeEntry(entry: Entry): string {
  switch (entry.kind) {
    case "command":
      return `${id(entry)} ${new TextDecoder().decode(entry.data)}`;
    case "noop":
      return `${id(entry)} no-op`;
    case "configuration": {
      const { voters, outgoing } = entry.configuration;
      return `${id(entry)} voters ${voters.join("")}${outgoing.length > 0 ? ` and ${outgoing.join("")}` : ""}`;
    }
  }
}

function describeFields(message: Message, showsRounds: boolean): string {
  const roundOf = ({ readRound }: { readonly readRound: number }): string => showsRounds ? ` round ${readRound}` : "";
  switch (message.type) {
    case "PreVote":
    case "RequestVote":
      return `last ${id(message.lastLog)}`;
    case "PreVoteReply":
    case "RequestVoteReply":
      return message.voteGranted ? "granted" : "refused";
    case "AppendEntries": {
      const entries = message.entries.length > 0 ? ` [${message.entries.map(describeEntry).join(", ")}]` : "";
      return `after ${id(message.prevLog)}${entries} commit ${message.leaderCommit}${roundOf(message)}`;
    }
    case "AppendEntriesReply": {
      if (message.success) return `match ${message.matchIndex}${roundOf(message)}`;
      return `refused after ${message.matchIndex}, try ${id(message.hint)}${roundOf(message)}`;
    }
    case "InstallSnapshot":
      return `snapshot ${id(message.snapshot.last)}`;
    case "InstallSnapshotReply":
      return `snapshot ${id(message.snapshot)} up to byte ${message.nextOffset}`;
    case "Reminder":
      return `match ${message.matchIndex}`;
    case "TimeoutNow":
      return "";
    case "ReadIndex":
      return `context ${message.context}`;
    case "ReadIndexReply":
      return `context ${message.context} index ${message.index}`;
  }
}

/** One line that says what a message says. */
function describeMessage(message: Message, showsRounds: boolean): string {
  const { from, to, type, term } = message;
  return `${from} -> ${to} ${type} term ${term} ${describeFields(message, showsRounds)}`.trimEnd();
}

/** The cluster of a scenario, and what was shown of it so far. */
class Stage {
  #cluster = new TestCluster(["a"]);
  #shownMessages = 0;
  /** Every heartbeat begins a round; they are of interest only where somebody reads. */
  #showsRounds = false;
  readonly #shownRoles: Map<NodeId, string> = new Map();
  readonly #shownApplied: Map<NodeId, number> = new Map();
  readonly #shownReads: Map<NodeId, number> = new Map();

  run(line: string): string[] {
    const [command = "", ...words] = line.split(" ");
    this.#act(command, words);
    return command === "status" ? this.#status() : this.#news();
  }

  #act(command: string, words: string[]): void {
    const cluster = this.#cluster;
    const [first = "", second = ""] = words;
    switch (command) {
      case "cluster":
        this.#cluster = new TestCluster(words);
        for (const id of words) this.#shownRoles.set(id, "follower 0");
        return;
      case "start":
        this.#cluster = new TestCluster(words);
        this.#cluster.elect(first);
        this.#cluster.tick(1, [first]);
        this.#news();
        return;
      case "tick":
        for (let tick = 0; tick < Number(second || 1); tick++) cluster.step(first, { type: "tick", nowMs: 0 });
        return;
      case "settle":
        return cluster.settle();
      case "deliver":
      case "lose": {
        const isWanted = (message: Message): boolean => message.from === first && message.to === second;
        const wanted = cluster.network.filter(isWanted);
        cluster.network = cluster.network.filter((message) => !isWanted(message));
        for (const message of command === "deliver" ? wanted : []) cluster.step(second, { type: "message", message });
        return;
      }
      case "cut":
      case "connect":
        return cluster.setConnected(first, command === "connect");
      case "propose":
        return cluster.propose(first, ...words.slice(1));
      case "read":
        this.#showsRounds = true;
        return cluster.step(first, { type: "readIndex", context: Number(second) });
      case "transfer":
        return cluster.step(first, { type: "transferLeader", to: second });
      case "change": {
        const change = { type: "changeConfiguration", proposalId: 1, learners: [], clusterTimeMs: 0 } as const;
        return cluster.step(first, { ...change, voters: words.slice(1) });
      }
      case "compact":
        return cluster.node(first).compact();
      case "restart":
        this.#shownApplied.set(first, 0);
        return cluster.node(first).restart();
      case "status":
        return;
      default:
        throw new Error(`no command ${command}`);
    }
  }

  /** Messages sent, roles changed, entries applied and reads answered since the last command. */
  #news(): string[] {
    const lines = this.#cluster.sent.slice(this.#shownMessages).map((message) =>
      describeMessage(message, this.#showsRounds)
    );
    this.#shownMessages = this.#cluster.sent.length;
    for (const [id, node] of this.#cluster.nodes) {
      const { role, currentTerm } = node.raft.status();
      const state = `${role} ${currentTerm}`;
      if (this.#shownRoles.get(id) !== state) lines.push(`${id} is ${role} of term ${currentTerm}`);
      this.#shownRoles.set(id, state);
      const applied = node.applied.slice(this.#shownApplied.get(id) ?? 0);
      if (applied.length > 0) lines.push(`${id} applies ${applied.map(describeEntry).join(", ")}`);
      this.#shownApplied.set(id, node.applied.length);
      for (const read of node.readStates.slice(this.#shownReads.get(id) ?? 0)) {
        lines.push(`${id} read ${read.context}: ${read.kind === "ready" ? `at index ${read.index}` : "refused"}`);
      }
      this.#shownReads.set(id, node.readStates.length);
    }
    return lines;
  }

  #status(): string[] {
    return [...this.#cluster.nodes].map(([name, node]) => {
      const { role, currentTerm, last, commitIndex, snapshot } = node.raft.status();
      const base = snapshot.last.index > 0 ? ` snapshot ${id(snapshot.last)}` : "";
      return `${name} ${role} term ${currentTerm} last ${id(last)} commit ${commitIndex}${base}`;
    });
  }
}

/** Each line once, with how often it came. */
function withoutRepeats(said: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of said) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => `  ${line}${count > 1 ? ` (${count} times)` : ""}`);
}

/** The scenario with what the commands really do below each of them; remarks (`#`) and empty lines stay. */
export function playScenario(text: string): string {
  const stage = new Stage();
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("$ ")) lines.push(line, ...withoutRepeats(stage.run(line.slice(2))));
    else if (line === "" || line.startsWith("#")) lines.push(line);
  }
  return lines.join("\n");
}
