/**
 * A history as a picture: one self-contained HTML page, without scripts and without anything from the network.
 *
 * @module
 */
import { chooseSpecification, type Verdict } from "./checker.ts";
import type { History, Operation } from "./history.ts";
import { drawLanes } from "./html_lanes.ts";
import { escapeHtml, shorten } from "./text.ts";
import { keyOf } from "./model.ts";
import type { Specification } from "./specification.ts";

/** How to draw a history. */
export interface DrawOptions {
  /** The heading. Default: "History". */
  readonly title?: string;
  /** What the history was checked against, if it was not left to the checker to choose. */
  readonly specification?: Specification;
}

/**
 * Draws a history and what the checker found: a section per key, in it a lane per process, in it a bar per call. Bars carry
 * their place in the linearization; where there is none, the longest part that can be explained is numbered and the call that
 * cannot be is red. Throws {@linkcode ModelError} as the checker does.
 *
 * @example
 * ```ts
 * import { checkLinearizability, drawHistory, HistoryRecorder } from "@balsa/balsa/testing";
 *
 * const recorder = new HistoryRecorder(() => performance.now() * 1e6);
 * recorder.begin({ f: "put", key: "color", value: "blue" }).ok();
 * recorder.begin({ f: "get", key: "color" }).ok("red");
 * const history = recorder.history();
 * const page: string = drawHistory(history, checkLinearizability(history), { title: "A wrong color" });
 * console.log(page.length);
 * ```
 */
export function drawHistory(history: History, verdict: Verdict, options: DrawOptions = {}): string {
  const title = escapeHtml(options.title ?? "History");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
<p class="verdict ${verdict.kind}">${escapeHtml(describeVerdict(history, verdict))}</p>
${legend}
${sections(history, verdict, options.specification).join("\n")}
</body>
</html>
`;
}

function describeVerdict(history: History, verdict: Verdict): string {
  if (verdict.kind !== "linearizable") return verdict.explanation;
  return `Linearizable: ${verdict.order.length} of ${history.operations.length} calls, in the order numbered, ` +
    "explain every answer.";
}

function sections(history: History, verdict: Verdict, specification: Specification | undefined): string[] {
  const partitions = new Map<string, Operation[]>();
  for (const operation of history.operations) {
    const partition = specification?.partitionKey(operation) ?? keyOf(operation);
    const members = partitions.get(partition);
    if (members === undefined) partitions.set(partition, [operation]);
    else members.push(operation);
  }
  // Sets keep their order, so the position of a call among its partition's is its place in that partition's linearization.
  const order = new Set(orderOf(verdict).map((operation) => operation.index));
  const wrong = verdict.kind === "linearizable" ? undefined : verdict.partition;
  const names = [...partitions.keys()].sort((left, right) => Number(right === wrong) - Number(left === wrong));
  return names.map((name) => {
    const operations = partitions.get(name) ?? [];
    const { describe } = specification ?? chooseSpecification(operations);
    const byIndex = new Map(operations.map((operation) => [operation.index, operation]));
    const lanes = drawLanes({
      operations,
      order: [...order].flatMap((index) => byIndex.get(index) ?? []),
      offending: verdict.kind === "notLinearizable" && name === wrong ? verdict.offending.index : undefined,
      describe,
    });
    return `<section>\n<h2>Key <code>${escapeHtml(name)}</code>${remark(verdict, name)}</h2>\n${lanes}\n</section>`;
  });
}

function orderOf(verdict: Verdict): readonly Operation[] {
  if (verdict.kind === "linearizable") return verdict.order;
  return verdict.kind === "notLinearizable" ? verdict.longestPartial : [];
}

function remark(verdict: Verdict, partition: string): string {
  if (verdict.kind === "linearizable") return "";
  if (partition !== verdict.partition) return ` <small>no order shown</small>`;
  if (verdict.kind === "undecided") return ` <small>not decided</small>`;
  return ` <small>not linearizable; explained up to ${escapeHtml(shorten(verdict.stateAfterPartial, 300))}</small>`;
}

const legend = `<ul class="legend">
<li><span class="swatch placed"></span>in the order, at the dot</li>
<li><span class="swatch offending"></span>cannot be explained</li>
<li><span class="swatch rest"></span>not in the order</li>
<li><span class="swatch unknown"></span>fate unknown: may take effect later, or never</li>
<li><span class="swatch failed"></span>failed: no effect</li>
<li>Across: the order of invocations and returns, not time. Point at a bar for its times.</li>
</ul>`;

const style = `
:root { color-scheme: light dark; --ink: #1d2430; --paper: #fff; --line: #d5dae1; --placed: #bfe3c6; --offending: #e5484d;
  --rest: #e3e7ec; --failed: #f3e3c3; --dot: #14743a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171c; --line: #39414d; --placed: #1f5130;
  --offending: #c62f35; --rest: #333b46; --failed: #54431f; --dot: #6fd68f; } }
body { margin: 1.5rem; font: 14px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; } small { font-weight: normal; opacity: .75; }
code { overflow-wrap: anywhere; }
.verdict { padding: .6rem .8rem; border-left: 4px solid var(--line); overflow-wrap: anywhere; }
.verdict.linearizable { border-color: var(--dot); } .verdict.notLinearizable { border-color: var(--offending); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; list-style: none; font-size: 12px; }
.swatch { display: inline-block; width: 1.6em; height: .9em; margin-right: .4em; border-radius: 2px; }
.swatch.placed { background: var(--placed); } .swatch.offending { background: var(--offending); }
.swatch.rest { background: var(--rest); } .swatch.failed { background: var(--failed); }
.swatch.unknown { border: 1px dashed var(--ink); box-sizing: border-box; }
.lanes { overflow-x: auto; border: 1px solid var(--line); border-radius: 4px; }
svg { display: block; font: 11px ui-monospace, monospace; }
svg text { fill: var(--ink); } .lane { stroke: var(--line); }
.placed rect { fill: var(--placed); } .rest rect { fill: var(--rest); } .failed rect { fill: var(--failed); }
.unknown rect { stroke: var(--ink); stroke-dasharray: 3 3; }
.offending rect { fill: var(--offending); } .offending text { fill: #fff; font-weight: bold; }
.dot { fill: var(--dot); } svg .number { fill: var(--dot); font-weight: bold; text-anchor: middle; }
.break { stroke: var(--offending); stroke-width: 2; stroke-dasharray: 5 3; }
`;
