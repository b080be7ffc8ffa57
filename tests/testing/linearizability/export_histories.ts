/**
 * `deno run -A tests/testing/linearizability/export_histories.ts DIRECTORY [--count N] [--seed S]`: writes N histories (10,000
 * unless told otherwise) for other checkers to judge, so that anybody can compare them with ours.
 *
 * Each is a file of events, `00001.jsonl` and so on, in the format of `deno task check-history`. `verdicts.jsonl` has a line for
 * each: `{"file", "object", "made", "verdict"}`.
 *
 * | object | its calls and answers |
 * |---|---|
 * | `register` | the table in `raft/testing/linearizability/register_model.ts` |
 * | `versioned` | that in `versioned_model.ts` |
 * | `lock` | that in `lock_model.ts`, leases do not run out |
 *
 * What a comparison must know besides: events are in order, their times only repeat it. Every key is an object of its own. A
 * call that ends with `fail` did nothing; one that ends with `info`, or does not end, takes effect at any time after its
 * invocation, or never, and has no answer. An `acquire` of that kind gives out a token that nobody was told.
 *
 * `made` says how the history came about. "correct": clients of an atomic object, so the verdict must be "linearizable".
 * Anything else: something went wrong, in the object (`fault-…`) or in writing it down, which may or may not show. The verdict
 * is "linearizable", "notLinearizable" or "undecided".
 *
 * So it was compared with Porcupine (github.com/anishathalye/porcupine): its models of the three objects were written from those
 * tables, calls without an end were ended behind all others, and an `acquire` whose token is unknown chose any whole number
 * (a `NondeterministicModel`; those that the history names, and the least one that it does not, are enough).
 *
 * @module
 */
import { parseArgs } from "node:util";
import { checkLinearizability, formatHistory, historyOf } from "../../../raft/testing/linearizability/mod.ts";
import { provenHistory } from "./provenance.ts";

/** What is said of one history. */
export interface VerdictLine {
  readonly file: string;
  readonly object: string;
  readonly made: string;
  readonly verdict: string;
}

/** Writes the histories of the numbers from `seed` on; returns what `verdicts.jsonl` says of them. */
export async function exportHistories(directory: string, count: number, seed: number): Promise<VerdictLine[]> {
  await Deno.mkdir(directory, { recursive: true });
  const lines: VerdictLine[] = [];
  const width = Math.max(5, String(count).length);
  for (let place = 0; place < count; place++) {
    const { object, made, events } = provenHistory(seed + place);
    const file = `${String(place + 1).padStart(width, "0")}.jsonl`;
    await Deno.writeTextFile(`${directory}/${file}`, formatHistory(events));
    lines.push({ file, object, made, verdict: checkLinearizability(historyOf(events)).kind });
  }
  const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
  await Deno.writeTextFile(`${directory}/verdicts.jsonl`, text);
  return lines;
}

/** How often each verdict was given, by object and by how histories were made. */
function tally(lines: readonly VerdictLine[]): string {
  const counts = new Map<string, number>();
  for (const { object, made, verdict } of lines) {
    const name = `${object.padEnd(10)} ${made.padEnd(32)} ${verdict}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort().map(([name, times]) => `${String(times).padStart(7)}  ${name}`).join("\n");
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new TypeError(`Cannot export: --${name} must be a whole number above 0: found "${text}"`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { count: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
    allowPositionals: true,
  });
  const [directory, ...others] = positionals;
  if (directory === undefined || others.length > 0) throw new TypeError("Cannot export: name one directory");
  const lines = await exportHistories(directory, whole("count", values.count), whole("seed", values.seed));
  console.log(`${tally(lines)}\n${lines.length} histories in ${directory}`);
  const misjudged = lines.filter(({ made, verdict }) => made === "correct" && verdict !== "linearizable");
  for (const { file, verdict } of misjudged) console.error(`${file} is correct, the checker says: ${verdict}`);
  if (misjudged.length > 0) Deno.exit(1);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
