/**
 * Word count as one plain process: reads the files named on its command line, after the one it writes to.
 *
 * @module
 */
import { jobFromModule, runSequential } from "../../mapreduce/mod.ts";
import * as wordCount from "../../mapreduce/samples/word_count.ts";

if (import.meta.main) {
  const [output = "", ...inputs] = Deno.args;
  await Deno.writeTextFile(output, await runSequential(jobFromModule(wordCount, "word_count"), inputs));
}
