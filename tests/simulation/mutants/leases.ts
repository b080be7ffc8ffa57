/**
 * Mistakes in leases: when they end, what goes with them, and what comes back.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const leases = "kv/leases.ts";
const machine = "kv/state_machine.ts";

/** See the module. All of them show where clients of single features are. */
export const leaseMutants: readonly Mutant[] = [
  {
    name: "lease-ends-without-its-keys",
    origin: "Gray and Cheriton 1989: a lease's end takes away what was given under it",
    file: machine,
    find: "return this.#deleteAll(this.#leases.expire(context.clusterTimeMs));",
    replace: 'return { kind: "done", number: this.#leases.expire(context.clusterTimeMs).length };',
    whyItMatters: "a member that died is listed for ever",
  },
  {
    name: "lease-kept-alive-after-its-end",
    origin: "whether a lease has ended is decided by cluster time, not by who comes first",
    file: leases,
    find: "const lease = this.#alive(id, nowMs);\n    if (lease === null) return false;",
    replace: "const lease = this.#leases.get(id) ?? null;\n    if (lease === null) return false;",
    whyItMatters: "a lease that was seen to be over comes back",
    provokes: ["lease"],
  },
  {
    name: "leases-lost-on-restore",
    origin: "whatever decides about results belongs into the snapshot",
    file: machine,
    find: "    this.#leases = leases;\n",
    replace: "    this.#leases = leases instanceof LeaseTable ? new LeaseTable(this.#options) : leases;\n",
    whyItMatters: "a replica that starts from a snapshot refuses leases that the others renew",
  },
  {
    name: "leases-ended-only-once",
    origin: "the leader must see to it that leases end, whatever became of its last attempt",
    file: "kv/lease_keeper.ts",
    find: "      this.#isProposing = false;\n",
    replace: "",
    whyItMatters: "keys outlive their leases until there is another leader",
    provokes: ["lease"],
  },
  {
    name: "put-leaves-the-lease",
    origin: "etcd: a put without a lease takes the key from the one it had",
    file: "kv/transaction.ts",
    find: "return tied(leases, write.key, 0, store.put(write.key, write.value));",
    replace: "return store.put(write.key, write.value);",
    whyItMatters: "a key that was made permanent goes with a lease that it no longer has",
  },
].map((mutant) => ({ ...mutant, focus: "features" }));
