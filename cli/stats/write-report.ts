import { type Bar, drawChart, escapeText } from "./draw-chart.ts";
import { formatShare, metrics, type Stats } from "./metrics.ts";

/** Days a chart draws one by one; longer periods are drawn by the week. */
const mostBars = 92;

const style = `
:root { color-scheme: light dark; --ink: #1a1d21; --soft: #5b6470; --line: #d9dde2; --bar: #2f6fde;
  --paper: #fff; --card: #f6f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a3abb5; --line: #3a4048;
  --bar: #7aa7ff; --paper: #16181b; --card: #1f2226; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 0 0 .5rem; font-size: 1.1rem; }
p { margin: .25rem 0 1.5rem; color: var(--soft); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem;
  margin: 0 0 2rem; }
dl div { padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.5rem; font-weight: 600; }
section { margin: 0 0 2rem; } svg { display: block; width: 100%; height: auto; }
.grid { stroke: var(--line); } .axis { fill: var(--soft); font: 11px system-ui, sans-serif; }
.bar { fill: var(--bar); }
@media (max-width: 36rem) { .axis { font-size: 19px; } }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding: .5rem 0; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
summary { cursor: pointer; } :focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; }
@media print { body { max-width: none; } section { break-inside: avoid; } }
`;

/**
 * The statistics as one HTML page: charts drawn in SVG, every figure in a table as well, no script
 * and nothing loaded from elsewhere, which its content security policy holds it to.
 */
export function writeReport(stats: Stats, writtenAt: Date): string {
  const title = `Heimdex, ${stats.from} to ${stats.to}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeText(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeText(title)}</h1>
<p>Days of UTC. Written ${writtenAt.toISOString().slice(0, 16).replace("T", " ")} UTC.${
    stats.uncounted > 0 ? ` ${stats.uncounted} newer events are not counted yet.` : ""
  }</p>
${drawSummary(stats)}
${metrics.map((metric) => drawMetric(stats, metric)).join("\n")}
${drawTable(stats)}
</main>
</body>
</html>
`;
}

function drawSummary({ totals, onboarding_rate }: Stats): string {
  const figures = [
    ...metrics.map(({ type, title }) => [title, totals[type].toLocaleString("en")]),
    ["Onboarding rate", formatShare(onboarding_rate)],
  ];
  const cards = figures.map(([name = "", value = ""]) =>
    `<div><dt>${escapeText(name)}</dt><dd>${escapeText(value)}</dd></div>`
  );
  return `<dl>\n${cards.join("\n")}\n</dl>`;
}

function drawMetric(stats: Stats, { type, title, noun }: typeof metrics[number]): string {
  const daily = stats.days.map(({ day, [type]: { events } }) => ({ label: day, value: events }));
  const weekly = daily.length > mostBars;
  const bars = weekly ? sumWeeks(daily) : daily;
  const most = bars.reduce((best, bar) => bar.value > best.value ? bar : best, {
    label: "",
    value: 0,
  });
  const span = weekly ? "week" : "day";
  const description = most.value === 0
    ? `No ${noun} from ${stats.from} to ${stats.to}`
    : `${stats.totals[type]} ${noun} from ${stats.from} to ${stats.to}, ` +
      `most in the ${span} of ${most.label}: ${most.value}`;
  const heading = `${title} a ${span}`;
  return `<section>\n<h2>${escapeText(heading)}</h2>\n${
    drawChart({ id: type, title: heading, description, bars })
  }\n</section>`;
}

/** Each bar is named by its first day; what is left over of the days is the first bar. */
function sumWeeks(days: Bar[]): Bar[] {
  const weeks: Bar[] = [];
  const begun = days.length % 7;
  days.forEach(({ label, value }, index) => {
    const week = weeks.at(-1);
    if (!week || index % 7 === begun) weeks.push({ label, value });
    else week.value += value;
  });
  return weeks;
}

function drawTable({ days }: Stats): string {
  const head = metrics.map(({ title }) => `<th scope="col">${escapeText(title)}</th>`).join("");
  const rows = days.map((one) => {
    const cells = metrics.map(({ type }) => `<td>${one[type].events}</td>`).join("");
    return `<tr><th scope="row">${one.day}</th>${cells}</tr>`;
  });
  return `<details>
<summary>All figures as a table</summary>
<div class="wide" role="region" aria-label="All figures" tabindex="0">
<table>
<caption>Events a day</caption>
<thead><tr><th scope="col">Day</th>${head}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
</div>
</details>`;
}
