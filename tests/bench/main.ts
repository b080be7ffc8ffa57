/**
 * `deno task bench`: what clusters of processes on this machine do, beside a bare replicated append measured in the same
 * run.
 *
 *     deno task bench [--quick] [--only PART,PART…] [--json FILE] [--html FILE]
 *                     [--seconds N] [--puts N] [--entries N] [--keys N] [--clerks N] [--appends N] [--members 3,5,7]
 *                     [--missed-mebibytes N] [--text-mebibytes N]
 *
 * The parts are the keys of `sections` below; `sizes.ts` says what the numbers mean.
 *
 * @module
 */
import { pageHtml } from "./page.ts";
import { type Findings, tableText } from "./report.ts";
import { concurrency } from "./sections/concurrency.ts";
import { clerkCount, keyCount, logLength, memberCount, oneKey, valueSizes } from "./sections/growth.ts";
import { mapReduce } from "./sections/mapreduce.ts";
import { catchUp, pauses, start } from "./sections/nodes.ts";
import { reads } from "./sections/reads.ts";
import { type BenchArguments, benchArguments, type Sizes } from "./sizes.ts";

const sections: Readonly<Record<string, (sizes: Sizes) => Promise<Findings>>> = {
  "concurrency": concurrency,
  "reads": reads,
  "log-length": logLength,
  "keys": keyCount,
  "clerks": clerkCount,
  "value-sizes": valueSizes,
  "one-key": oneKey,
  "members": memberCount,
  "start": start,
  "catch-up": catchUp,
  "pauses": pauses,
  "mapreduce": mapReduce,
};

async function run({ sizes, only, json, html }: BenchArguments): Promise<void> {
  const unknown = only.filter((name) => !(name in sections));
  if (unknown.length > 0) {
    throw new Error(`Cannot run ${unknown.join(", ")}: the parts are ${Object.keys(sections).join(", ")}`);
  }
  const found: (Findings & { readonly name: string })[] = [];
  for (const [name, section] of Object.entries(sections)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const findings = await section(sizes);
    found.push({ name, ...findings });
    for (const table of findings.tables) console.log(tableText(table));
  }
  const machine = { os: Deno.build.os, processors: navigator.hardwareConcurrency, deno: Deno.version.deno };
  if (json !== undefined) await Deno.writeTextFile(json, JSON.stringify({ machine, sizes, sections: found }, null, 2));
  const title = `Balsa on ${machine.os}, ${machine.processors} processors, Deno ${machine.deno}`;
  if (html !== undefined) await Deno.writeTextFile(html, pageHtml(title, found));
}

if (import.meta.main) {
  let words: BenchArguments;
  try {
    words = benchArguments(Deno.args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    Deno.exit(2);
  }
  await run(words);
}
