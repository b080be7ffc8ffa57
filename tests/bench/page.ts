/**
 * The findings of a benchmark as one self-contained HTML page: charts as inline SVG, no script, nothing from the network.
 *
 * @module
 */
import { type Chart, escapeHtml, type Findings, shownNumber, tableHtml } from "./report.ts";

const width = 640;
const height = 320;
const left = 80;
const bottom = 270;
const top = 20;
const right = 470;
const colors = ["#0b6e99", "#c4512c", "#4a8a2a", "#7a4fa3", "#a8862b", "#555555"];

/** Powers of ten from at or below `least` to at or above `most`. */
function decades(least: number, most: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    ticks.push(10 ** power);
  }
  if (ticks.length === 1) ticks.push(10 * (ticks[0] ?? 1));
  return ticks;
}

/** Both axes are logarithmic: figures of this kind differ by factors. */
export function chartSvg({ title, xLabel, yLabel, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points).filter(([x, y]) => x > 0 && y > 0);
  if (points.length === 0) return "";
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const xTicks = decades(Math.min(...xs), Math.max(...xs));
  const yTicks = decades(Math.min(...ys), Math.max(...ys));
  const place = (ticks: readonly number[], from: number, to: number) => (value: number): number => {
    const [first, last] = [Math.log10(ticks[0] ?? 1), Math.log10(ticks.at(-1) ?? 10)];
    return Math.round((from + (to - from) * (Math.log10(value) - first) / (last - first)) * 10) / 10;
  };
  const [atX, atY] = [place(xTicks, left, right), place(yTicks, bottom, top)];
  const parts = [
    ...xTicks.map((tick) =>
      `<line x1="${atX(tick)}" y1="${top}" x2="${atX(tick)}" y2="${bottom}" class="grid"/>` +
      `<text x="${atX(tick)}" y="${bottom + 16}" text-anchor="middle">${shownNumber(tick)}</text>`
    ),
    ...yTicks.map((tick) =>
      `<line x1="${left}" y1="${atY(tick)}" x2="${right}" y2="${atY(tick)}" class="grid"/>` +
      `<text x="${left - 6}" y="${atY(tick) + 4}" text-anchor="end">${shownNumber(tick)}</text>`
    ),
    ...lines.map(({ name, points: own }, at) => {
      const color = colors[at % colors.length];
      const shown = own.filter(([x, y]) => x > 0 && y > 0).map(([x, y]) => `${atX(x)},${atY(y)}`);
      const dots = shown.map((point) => {
        const [x, y] = point.split(",");
        return `<circle cx="${x}" cy="${y}" r="3" fill="${color}"/>`;
      });
      return `<polyline points="${shown.join(" ")}" fill="none" stroke="${color}" stroke-width="2"/>${dots.join("")}` +
        `<text x="${right + 10}" y="${top + 14 + 18 * at}" fill="${color}">${escapeHtml(name)}</text>`;
    }),
    `<text x="${(left + right) / 2}" y="${height - 12}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
    `<text x="${left}" y="${top - 6}">${escapeHtml(yLabel)}</text>`,
  ];
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>\n` +
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">\n${
      parts.join("\n")
    }\n</svg></figure>\n`;
}

const style = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.15rem .8rem;text-align:right}
td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f3f3f3}figure{margin:1rem 0}
svg{width:100%;max-width:${width}px;font-size:12px}.grid{stroke:#ddd}`;

/** The page. */
export function pageHtml(title: string, findings: readonly Findings[]): string {
  const body = findings.map(({ tables, charts }) => tables.map(tableHtml).join("") + charts.map(chartSvg).join(""));
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body.join("")}</body>
</html>
`;
}
