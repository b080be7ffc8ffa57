/**
 * Callers that wait for a slot of the log.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { PendingCommands } from "../../../raft/rsm/pending.ts";
import { ManualClock } from "../node/support/manual_clock.ts";

function pending(): {
  readonly clock: ManualClock;
  readonly commands: PendingCommands<string>;
  readonly told: string[];
  wait(index: number, term: number, deadlineMs?: number): void;
} {
  const clock = new ManualClock();
  const commands = new PendingCommands<string>(clock, () => "n2");
  const told: string[] = [];
  return {
    ...{ clock, commands, told },
    wait(index, term, deadlineMs = Infinity) {
      commands.add({ index, term }, deadlineMs, (outcome) => {
        const detail = outcome.kind === "done" ? outcome.result : outcome.reason;
        told.push(`${index}@${term} ${outcome.kind} ${detail}`);
      });
    },
  };
}

Deno.test("a slot applied in the caller's term is done; in another term it is lost", () => {
  const { commands, told, wait } = pending();
  wait(5, 2);
  wait(6, 2);
  wait(7, 2);
  commands.executed(5, 2, "five");
  commands.executed(6, 3, "somebody else's");
  commands.taken(7, 3);
  assertEquals(told, ["5@2 done five", "6@2 notDone slotLost", "7@2 notDone slotLost"]);
  assertEquals(commands.size, 0);
});

Deno.test("an entry of a later term ends the wait for all slots behind it, of earlier terms only", () => {
  const decidedBy = (commit: (commands: PendingCommands<string>) => void): string[] => {
    const { commands, told, wait } = pending();
    wait(6, 2);
    wait(9, 2);
    wait(9, 3);
    commit(commands);
    assertEquals(commands.size, 1);
    return told;
  };
  const lost = ["6@2 notDone slotLost", "9@2 notDone slotLost"];
  assertEquals(decidedBy((commands) => commands.taken(6, 3)), lost);
  assertEquals(decidedBy((commands) => commands.executed(6, 3, "somebody else's")), lost);
});

Deno.test("callers of two terms may wait for one slot: each is judged by its own", () => {
  const decidedAs = (term: number): string[] => {
    const { commands, told, wait } = pending();
    wait(5, 2);
    wait(5, 4);
    assertEquals(commands.size, 2);
    commands.executed(5, term, "x");
    return told;
  };
  assertEquals(decidedAs(2), ["5@2 done x", "5@4 notDone slotLost"]);
  assertEquals(decidedAs(4), ["5@2 notDone slotLost", "5@4 done x"]);
});

Deno.test("a deadline ends the wait of those it belongs to, and of nobody else", async () => {
  const { clock, commands, told, wait } = pending();
  wait(5, 2, clock.monotonicMs() + 1_000);
  wait(6, 2, clock.monotonicMs() + 9_000);
  wait(7, 2);
  await clock.advance(900);
  assertEquals(told, []);
  await clock.advance(200);
  assertEquals(told, ["5@2 unknown timeout"]);
  await clock.advance(60_000);
  assertEquals(told, ["5@2 unknown timeout", "6@2 unknown timeout"]);
  commands.executed(5, 2, "late");
  commands.executed(7, 2, "seven");
  assertEquals(told.slice(2), ["7@2 done seven"]);
  await clock.advance(100);
  assertEquals(clock.pendingTimers, 0, "no timer while nobody waits");
});

Deno.test("an installed snapshot leaves those whose slot it covers without an answer", () => {
  const { commands, told, wait } = pending();
  wait(5, 2);
  wait(6, 2);
  wait(7, 2);
  commands.skipped(6);
  assertEquals(told, ["5@2 unknown compacted", "6@2 unknown compacted"]);
  assertEquals(commands.size, 1);
});

Deno.test("when the node stops everyone is told, once", () => {
  const { clock, commands, told, wait } = pending();
  wait(5, 2);
  wait(5, 4);
  commands.abandon();
  commands.abandon();
  assertEquals(told, ["5@2 unknown stopped", "5@4 unknown stopped"]);
  assertEquals(clock.pendingTimers, 0);
});
