/**
 * `balsa demo`: the guided tour.
 *
 * @module
 */
import { DemoCluster } from "../demo/demo_cluster.ts";
import { Narrator } from "../demo/narrator.ts";
import {
  compareReplicas,
  concurrentClients,
  electLeader,
  loseLeader,
  manyKeys,
  putGetAppend,
  splitNetwork,
} from "../demo/story.ts";
import { exitFailed, exitOk } from "../failure.ts";
import type { Output } from "../output.ts";
import { renderDuration } from "../render.ts";

const chapters = [
  electLeader,
  putGetAppend,
  manyKeys,
  loseLeader,
  concurrentClients,
  splitNetwork,
  compareReplicas,
];

/** Runs the tour; returns {@link exitFailed} if anything it claims turned out wrong. */
export async function runDemo(output: Output): Promise<number> {
  const start = performance.now();
  const narrator = new Narrator(output);
  output.result(
    narrator.colors.strong("A tour of Balsa: real nodes, real files and real sockets, in this one process."),
  );
  {
    await using cluster = await DemoCluster.start(5);
    await using clerk = cluster.clerk();
    for (const chapter of chapters) await chapter({ narrator, cluster, clerk });
  }
  const tookMs = renderDuration(performance.now() - start);
  if (narrator.failed > 0) {
    output.result(
      narrator.colors.bad(`\n${narrator.failed} of ${narrator.claims} claims turned out wrong (${tookMs}).`),
    );
    return exitFailed;
  }
  output.result(`\nAll ${narrator.claims} claims held; done in ${tookMs}. Try it yourself: deno task start`);
  return exitOk;
}
