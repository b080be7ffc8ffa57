/**
 * Lab 2 of 2024: the key/value store on a single server. Balsa's single server is a cluster of one.
 *
 * In the course an append answers what the value was before; here it answers nothing, and what it did is seen by the reads
 * between the appends, each of which must be equal to the client's own account. The tests of memory stand in `memory.ts`.
 *
 * @module
 */
import type { LabCase } from "../harness/lab_test_case.ts";
import { genericCase } from "./kvraft_generic.ts";
import { unreliableOneKeyCase } from "./one_key.ts";

/** Much is to be done in a second, but less than the 10,000 calls of a Go program that sends nothing over a network. */
const oneClient = { peers: 1, clientsMs: 1_000, latency: { minMs: 0.1, maxMs: 0.6 } };
const fiveClients = { ...oneClient, clients: 5, latency: { minMs: 0.5, maxMs: 3 } };

/** The tests of the suite, in its order. */
export const kvsrvCases: readonly LabCase[] = [
  genericCase("TestBasic2", oneClient, "kvsrv"),
  genericCase("TestConcurrent2", fiveClients, "kvsrv"),
  genericCase("TestUnreliable2", { ...fiveClients, isUnreliable: true }, "kvsrv"),
  unreliableOneKeyCase("kvsrv", "TestUnreliableOneKey2", 1),
];
