// Two small charts in plain SVG. Colours come from the style sheet; what they show is also said in words.

import { svg } from "./dom.js";
import { WINDOW_S } from "./history.js";

const WIDTH = 240;
const HEIGHT = 44;
const TOP = 4;
const SPAN_MIN_S = 60;

/**
 * Lines over the last minutes: `lines` are [{class, points: [{at, value}]}]; `now` in seconds. The first minutes of a
 * page are drawn larger, until there are five.
 */
export function sparkline(lines, now, label) {
  const points = lines.flatMap((one) => one.points);
  const highest = Math.max(...points.map(({ value }) => value), 0);
  const span = Math.min(WINDOW_S, Math.max(SPAN_MIN_S, ...points.map(({ at }) => now - at)));
  const x = (at) => (WIDTH * (1 - (now - at) / span)).toFixed(1);
  const y = (value) => (HEIGHT - 1 - (highest ? (value / highest) * (HEIGHT - 1 - TOP) : 0)).toFixed(1);
  return svg(
    "svg",
    { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    svg("line", { class: "baseline", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }),
    lines.filter(worthDrawing).map((one) => line(one.class, one.points, x, y)),
  );
}

/** What has gone wrong never is no line along the ground. */
function worthDrawing({ class: name, points }) {
  return points.length > 1 && (name !== "wrong" || points.some(({ value }) => value));
}

function line(name, points, x, y) {
  const path = `M${points.map(({ at, value }) => `${x(at)} ${y(value)}`).join("L")}`;
  const closed = `${path}L${x(points.at(-1).at)} ${HEIGHT}L${x(points[0].at)} ${HEIGHT}Z`;
  return [svg("path", { class: `area ${name}`, d: closed }), svg("path", { class: `line ${name}`, d: path })];
}

const STATES = ["good", "questionable", "bad"];
const BAR = 12;
const GAP = 3;
const BARS_HEIGHT = 84;
const ABOVE = 10;
const BELOW = 12;
const FEWEST = 18;
const TICKS = 4;

/** The routing table: a bar for each bucket with its count, the farthest bucket first; what is good at the bottom. */
export function bucketChart(buckets) {
  const slots = Math.max(FEWEST, ...buckets.map(({ index }) => index + 1));
  const scale = (BARS_HEIGHT - ABOVE) / Math.max(1, ...buckets.map(sizeOf));
  const width = slots * (BAR + GAP) - GAP;
  const text = buckets.map((bucket) => `${bucket.index}: ${describe(bucket)}`).join("; ");
  return svg(
    "svg",
    {
      class: "buckets",
      viewBox: `0 0 ${width} ${BARS_HEIGHT + BELOW}`,
      role: "img",
      "aria-label": `Contacts by bucket. ${text || "None."}`,
    },
    svg("line", { class: "baseline", x1: 0, x2: width, y1: BARS_HEIGHT + 0.5, y2: BARS_HEIGHT + 0.5 }),
    buckets.map((bucket) => bar(bucket, scale)),
    Array.from({ length: Math.ceil(slots / TICKS) }, (_, at) => label(at * TICKS, BARS_HEIGHT + BELOW - 1, at * TICKS)),
  );
}

function bar(bucket, scale) {
  const x = bucket.index * (BAR + GAP);
  let top = BARS_HEIGHT;
  const parts = STATES.filter((state) => bucket[state]).map((state) => {
    const height = Math.max(bucket[state] * scale, 2);
    top -= height;
    return svg("rect", { class: state, x, y: top.toFixed(1), width: BAR, height: height.toFixed(1) });
  });
  const title = svg("title", null, `bucket ${bucket.index}: ${describe(bucket)}`);
  return svg("g", null, title, parts, label(bucket.index, top - 3, sizeOf(bucket)));
}

/** A number in the middle of a slot. */
function label(index, y, number) {
  return svg("text", { x: index * (BAR + GAP) + BAR / 2, y: y.toFixed(1), "text-anchor": "middle" }, String(number));
}

function describe(bucket) {
  return STATES.filter((state) => bucket[state]).map((state) => `${bucket[state]} ${state}`).join(", ");
}

function sizeOf(bucket) {
  return STATES.reduce((sum, state) => sum + bucket[state], 0);
}
