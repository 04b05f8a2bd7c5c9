/** One bar: what it stands for and how high it is. */
export interface Bar {
  label: string;
  value: number;
}

export interface ChartOptions {
  /** Of the elements; unique in the document. */
  id: string;
  title: string;
  /** What the chart says, for those who do not see it. */
  description: string;
  bars: Bar[];
}

const size = { width: 720, height: 220 } as const;
const plot = { left: 64, right: 8, top: 12, bottom: 28 } as const;
const inner = {
  width: size.width - plot.left - plot.right,
  height: size.height - plot.top - plot.bottom,
} as const;

/** A bar chart as an SVG element that needs nothing from elsewhere. */
export function drawChart({ id, title, description, bars }: ChartOptions): string {
  const ticks = pickTicks(Math.max(...bars.map(({ value }) => value), 0));
  const top = ticks.at(-1) ?? 1;
  const y = (value: number) => round(plot.top + inner.height * (1 - value / top));
  return [
    `<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-labelledby="${id}-t ${id}-d">`,
    `<title id="${id}-t">${escapeText(title)}</title>`,
    `<desc id="${id}-d">${escapeText(description)}</desc>`,
    ...ticks.map((tick) => drawTick(tick, y(tick))),
    ...bars.map((bar, index) => drawBar(bar, index, bars.length, y)),
    ...drawLabels(bars),
    "</svg>",
  ].join("\n");
}

function drawTick(tick: number, y: number): string {
  return `<line class="grid" x1="${plot.left}" x2="${
    size.width - plot.right
  }" y1="${y}" y2="${y}"/>` +
    `<text class="axis" x="${plot.left - 6}" y="${y + 4}" text-anchor="end">${tick}</text>`;
}

function drawBar(
  { label, value }: Bar,
  index: number,
  count: number,
  y: (value: number) => number,
): string {
  const step = inner.width / count;
  const gap = Math.min(step * 0.25, 4);
  const height = round(y(0) - y(value));
  return `<rect class="bar" x="${round(plot.left + index * step + gap / 2)}" y="${y(value)}" ` +
    `width="${round(step - gap)}" height="${height}"><title>${
      escapeText(label)
    }: ${value}</title></rect>`;
}

/** The first, the middle and the last one: more would run into each other. */
function drawLabels(bars: Bar[]): string[] {
  const last = bars.length - 1;
  const step = inner.width / Math.max(bars.length, 1);
  const chosen = new Map<number, string>([[0, "start"]]);
  if (last > 1) chosen.set(Math.floor(last / 2), "middle");
  if (last > 0) chosen.set(last, "end");
  return [...chosen].map(([index, anchor]) => {
    const shift = anchor === "start" ? 0 : anchor === "end" ? step : step / 2;
    const x = round(plot.left + index * step + shift);
    return `<text class="axis" x="${x}" y="${size.height - 8}" text-anchor="${anchor}">` +
      `${escapeText(bars[index]?.label ?? "")}</text>`;
  });
}

/** From 0 to at least `highest` in whole, round steps: three to six ticks. */
function pickTicks(highest: number): number[] {
  const rough = Math.max(highest, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(
    1,
    [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? 1,
  );
  const whole = Math.ceil(step);
  const count = Math.max(1, Math.ceil(highest / whole));
  return Array.from({ length: count + 1 }, (_each, index) => index * whole);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Text that may stand in an element or a quoted attribute. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
