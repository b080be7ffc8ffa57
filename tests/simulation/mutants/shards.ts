/**
 * Mistakes in the sharded store: in the moves of shards between groups, and in how clients follow them.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const group = "kv/shards/shard_group.ts";
const copies = "kv/shards/shard_copies.ts";
const snapshot = "kv/shards/group_snapshot.ts";
const service = "kv/shards/group_service.ts";
const mover = "kv/shards/mover.ts";
const router = "kv/shards/shard_router.ts";
const controller = "kv/shards/controller.ts";
const reader = "kv/shards/copy_reader.ts";
const configurations = "kv/shards/shard_config.ts";

const rules = "rules of shard_group.ts";

const mutants: readonly Omit<Mutant, "swarm">[] = [
  {
    name: "gained-shard-served-at-once",
    origin: rules,
    file: group,
    find: "      gaining.set(shard, new GainingShard(home.group, home.servers, this.#options));\n",
    replace: "      serving.set(shard, new HostedShard(new KvStateMachine(this.#options)));\n",
    whyItMatters: "the new owner serves an empty shard",
    provokes: ["linearizability"],
  },
  {
    name: "lost-shard-served-on",
    origin: "rule 2 of shard_group.ts",
    file: group,
    find: "        state.serving.delete(shard);\n",
    replace: "",
    whyItMatters: "two groups execute commands for one shard",
  },
  {
    name: "lost-shard-still-read",
    origin: "rule 2 of shard_group.ts",
    file: group,
    find: "    const hosted = this.#state.serving.get(shard);\n    return hosted === undefined ? null",
    replace: "    const hosted = this.#state.serving.get(shard) ??\n" +
      "      [...this.#state.lost.values()].find((copy) => copy.shard === shard)?.hosted;\n" +
      "    return hosted === undefined ? null",
    whyItMatters: "a read at the former owner misses what the new one has written",
  },
  {
    name: "next-configuration-before-the-shards-have-come",
    origin: "rule 1 of shard_group.ts",
    file: group,
    find: '    if (state.gaining.size > 0) return { kind: "refused", reason: "notSettled" };\n',
    replace: "",
    also: [{
      file: mover,
      find: "while (this.#leads && machine.state.gaining.size === 0) {",
      replace: "while (this.#leads) {",
    }],
    whyItMatters: "a shard that is passed on is not there to be fetched",
  },
  {
    name: "configuration-skipped",
    origin: "rule 1 of shard_group.ts",
    file: group,
    find: "    if (next.number !== this.number + 1)",
    replace: "    if (next.number <= this.number)",
    also: [{
      file: mover,
      find: "const configuration = await configurations.at(number, { timeoutMs: 4 * askTimeoutMs });",
      replace: "const configuration = await configurations.at(number + 1, { timeoutMs: 4 * askTimeoutMs }) ??\n" +
        "          await configurations.at(number, { timeoutMs: 4 * askTimeoutMs });",
    }],
    whyItMatters: "a group does not lose a shard at the number at which another one asks for it",
  },
  {
    name: "dropped-before-it-is-whole",
    origin: "rule 3 of shard_group.ts",
    file: group,
    find: '      case "more":\n        return accepted;\n',
    replace: '      case "more": {\n' +
      "        const early: Obligation = { shard, frozenAt, group: copy.group, servers: copy.servers };\n" +
      "        obligations.set(copyKey(early), early);\n" +
      "        return accepted;\n      }\n",
    whyItMatters: "the former owner drops the only copy while it is on its way",
  },
  {
    name: "drop-of-another-copy",
    origin: "rule 3 of shard_group.ts",
    file: group,
    find: "        this.#state.lost.delete(copyKey(command));\n",
    replace:
      "        for (const [key, copy] of this.#state.lost) if (copy.shard === command.shard) this.#state.lost.delete(key);\n",
    whyItMatters: "the confirmation of an old move takes the copy that a new one needs",
  },
  {
    name: "sequence-begun-anew",
    origin: "thesis 6.3: ids of sessions are unique",
    file: copies,
    find: "new HostedShard(machine, sequence, clusterTimeMs) };",
    replace: "new HostedShard(machine, 0, clusterTimeMs) };",
    whyItMatters: "a session opened after the move has the id of one that was opened before",
  },
  {
    name: "sessions-left-behind",
    origin: "thesis 6.3: the sessions are a part of the state",
    file: copies,
    find: "      machine.adopt(this.#reader.end());\n",
    replace: "      machine.adopt({ ...this.#reader.end(), sessions: new SessionTable() });\n",
    also: [{
      file: copies,
      find: "import { type FrozenState, SnapshotReader,",
      replace: 'import { SessionTable } from "../sessions.ts";\nimport { type FrozenState, SnapshotReader,',
    }],
    whyItMatters: "a call that is repeated after its shard has moved is not known there",
  },
  {
    name: "piece-taken-outside-the-log",
    origin: "everything that happens to a shard is a command in the group's log (shard_group.ts)",
    file: mover,
    find: '      const result = await this.#submit({ kind: "install", number, piece });\n',
    replace: "      copy.take(piece);\n" +
      '      const result = await this.#submit({ kind: "install", number, piece });\n',
    whyItMatters: "the leader takes a piece twice, and has another shard than its followers",
  },
  {
    name: "last-piece-taken-for-all",
    origin: "rule 4 of shard_group.ts",
    file: reader,
    find: "    this.#fill(1);\n    this.#latest =",
    replace: "    this.#latest =",
    whyItMatters: "a shard ends where a slice of it does",
  },
  {
    name: "coming-pieces-not-in-the-snapshot",
    origin: "a snapshot holds the whole state (Raft section 7)",
    file: snapshot,
    find: "      content: copy.pieces,\n",
    replace: "      content: [],\n",
    whyItMatters: "a replica that restores a snapshot lacks the pieces that came before",
  },
  {
    name: "lost-shards-not-in-the-snapshot",
    origin: "a snapshot holds the whole state (Raft section 7)",
    file: snapshot,
    find: "    ...[...lost.values()].sort(byName).map(",
    replace: "    ...[...lost.values()].filter(({ shard }) => shard < 0).sort(byName).map(",
    whyItMatters: "a group that restarts has nothing to give to the new owner",
  },
  {
    name: "obligations-not-in-the-snapshot",
    origin: "a snapshot holds the whole state (Raft section 7)",
    file: snapshot,
    find: "    ...[...obligations.values()].sort(byName).map(",
    replace: "    ...[...obligations.values()].filter(({ shard }) => shard < 0).sort(byName).map(",
    whyItMatters: "former owners are never told that they can drop what they keep",
  },
  {
    name: "sequence-not-in-the-snapshot",
    origin: "a snapshot holds the whole state (Raft section 7)",
    file: snapshot,
    find: "keep(new HostedShard(machine, count, timeMs));",
    replace: "keep(new HostedShard(machine, Math.min(count, 1), timeMs));",
    whyItMatters: "ids of sessions are given again after a restart",
  },
  {
    name: "fetch-from-who-is-behind",
    origin: "rule 1 of shard_group.ts",
    file: service,
    find: "    if (machine.number < number) return unavailable(",
    replace: "    if (machine.number < 0) return unavailable(",
    also: [{
      file: service,
      find: "    if (copy.shard !== shard || copy.frozenAt > number) continue;\n",
      replace: "    if (copy.shard !== shard) continue;\n",
    }, {
      file: service,
      find: "    const copy = lostAt(machine.state.lost.values(), shard, number);\n",
      replace: "    const hosted = machine.state.serving.get(shard);\n" +
        "    const copy = hosted === undefined\n      ? lostAt(machine.state.lost.values(), shard, number)\n" +
        "      : { shard, frozenAt: number, to: 0, hosted };\n",
    }],
    whyItMatters: "a replica that has not applied the configuration gives out a shard that still changes",
  },
  {
    name: "oldest-copy-given",
    origin: "rule 3 of shard_group.ts",
    file: service,
    find: "copy.frozenAt > found.frozenAt) found = copy;",
    replace: "copy.frozenAt < found.frozenAt) found = copy;",
    whyItMatters: "a shard that was lost twice goes back to what it was the first time",
  },
  {
    name: "drop-confirmed-unasked",
    origin: "rule 3 of shard_group.ts",
    file: mover,
    find: "isDone(reply) ? true : null",
    replace: "isDone(reply) || true",
    whyItMatters: "a copy stays for ever when the first server that was asked does not lead",
  },
  {
    name: "wrong-group-taken-for-done",
    origin: "rule 2 of shard_group.ts",
    file: group,
    find: '      if (hosted === undefined) return { kind: "wrongGroup", number: this.number };\n',
    replace: '      if (hosted === undefined) return { kind: "done", number: 1 };\n',
    whyItMatters: "a write that came behind the configuration is acknowledged and lost",
  },
  {
    name: "read-without-a-quorum",
    origin: "thesis 6.4",
    file: service,
    find: "    replica.readWith(query, consistency, (outcome) => {",
    replace: '    replica.readWith(query, consistency === "stale" ? consistency : "stale", (outcome) => {',
    whyItMatters: "a server that lags, or a group that has lost the shard, answers with what it has",
  },
  {
    name: "configuration-never-looked-up-again",
    origin: "clients refetch when they are refused",
    file: router,
    find: "    if (code === wrongGroupCode) {\n",
    replace: "    if (code === wrongGroupCode && reply.length > 2) {\n",
    whyItMatters: "a client does not understand that its shard is elsewhere",
  },
  {
    name: "change-without-a-comparison",
    origin: "controllers may work at the same time",
    file: controller,
    find: "    return this.#clerk.transaction({ compare: [compare], then }, options);\n",
    replace: "    return this.#clerk.transaction({ compare: number === 0 ? [compare] : [], then }, options);\n",
    whyItMatters: "two controllers write different configurations under one number",
  },
  {
    name: "abandoned-placement-forgotten",
    origin: "shards that belong to nobody keep their data",
    file: configurations,
    find: "  const abandoned = isEmpty ? { shards: lastShards, groups: lastGroups } : null;\n",
    replace:
      "  const abandoned = isEmpty && lastShards.length === 0 ? { shards: lastShards, groups: lastGroups } : null;\n",
    whyItMatters: "when the last group has left the next one begins with nothing",
  },
];

/** See the module. */
export const shardMutants: readonly Mutant[] = mutants.map((mutant) => ({ ...mutant, swarm: "shards" }));
