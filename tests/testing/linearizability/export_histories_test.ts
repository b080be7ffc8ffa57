import { assert, assertEquals } from "@std/assert";
import { checkLinearizability, historyOf, parseHistory } from "../../../raft/testing/linearizability/mod.ts";
import { exportHistories, type VerdictLine } from "./export_histories.ts";
import { objectNames, provenHistory, waysToBeWrong } from "./provenance.ts";

Deno.test("exported: files that anybody can read again, and the verdict on each", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const lines = await exportHistories(`${directory}/histories`, 20, 7);
    const told = (await Deno.readTextFile(`${directory}/histories/verdicts.jsonl`)).trimEnd().split("\n");
    assertEquals(told.map((line): VerdictLine => JSON.parse(line)), lines);
    for (const [place, { file, object, made, verdict }] of lines.entries()) {
      const history = parseHistory(await Deno.readTextFile(`${directory}/histories/${file}`));
      const proven = provenHistory(7 + place);
      assertEquals([object, made], [proven.object, proven.made]);
      assertEquals(history.events, proven.events);
      assertEquals(checkLinearizability(history).kind, verdict);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("exported: what is right by construction is judged right, and every way to be wrong shows in every object", () => {
  const wrong = new Set<string>();
  let right = 0;
  for (let number = 1; number <= 2000; number++) {
    const { object, made, events } = provenHistory(number);
    const { kind } = checkLinearizability(historyOf(events));
    if (made === "correct") {
      assertEquals(kind, "linearizable", `history ${number}`);
      right++;
    } else if (kind === "notLinearizable") wrong.add(`${object} ${made}`);
  }
  assert(right > 500, `${right}`);
  const missing = objectNames.flatMap((object) => waysToBeWrong.map((made) => `${object} ${made}`))
    .filter((name) => !wrong.has(name));
  // On a lock a call does nothing when it is made again at once.
  assertEquals(missing, ["lock fault-twice"]);
});
