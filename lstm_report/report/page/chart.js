// Charts of lines, as wide as the place they stand in.

import { element, round, shape } from "./dom.js";

/** Return where a value lies between both ends of an axis, from 0 to 1. */
const part = (value, { min, max }) => (value - min) / (max - min || 1);

const MARGIN = { left: 52, right: 12, top: 10, bottom: 40 };

/** Return about `count` round numbers from min to max. */
export function ticks(min, max, count) {
  const rough = (max - min) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
}

function marker(line, x, y) {
  if (line.marker === "square") {
    return shape("rect", { x: x - 3, y: y - 3, width: 6, height: 6, class: "dot" });
  }
  return shape("circle", { cx: x, cy: y, r: 3.2, class: "dot" });
}

/** Return a line of help across the chart, of the class `kind`. */
function rule(kind, [x1, y1], [x2, y2]) {
  return shape("line", { x1, y1, x2, y2, class: kind });
}

function curve(line, scale) {
  const places = line.points.map(([x, y]) => [scale.x(x), scale.y(y)]);
  const group = shape("g", { class: `${line.kind}${line.faint ? " faint" : ""}` });
  group.append(shape("polyline", { points: places.join(" "), class: "line" }));
  if (line.marker) group.append(...places.map((place) => marker(line, ...place)));
  return group;
}

/** Return both axes: lines at round heights, round numbers at both sides, and the names. */
function axes({ x, y }, scale, { width, right, bottom, height }) {
  const across = ticks(x.min, x.max, Math.max(2, Math.min(10, width / 60)));
  const below = across.filter((value) => !x.whole || Number.isInteger(value));
  const beside = ticks(y.min, y.max, 5);
  const middle = (MARGIN.top + bottom) / 2;
  const turned = `rotate(-90 13 ${middle})`;
  const [centred, flush] = [{ "text-anchor": "middle" }, { "text-anchor": "end" }];
  const named = (value) => (y.percent ? `${round(100 * value)}%` : round(value));
  return [
    ...beside.map((value) => rule("grid", [MARGIN.left, scale.y(value)], [right, scale.y(value)])),
    ...beside.map((value) =>
      shape("text", { x: MARGIN.left - 6, y: scale.y(value) + 4, ...flush }, named(value)),
    ),
    ...below.map((value) =>
      shape("text", { x: scale.x(value), y: bottom + 16, ...centred }, round(value)),
    ),
    shape("text", { x: (MARGIN.left + right) / 2, y: height - 6, ...centred }, x.name),
    shape("text", { x: 13, y: middle, ...centred, transform: turned }, y.name),
  ];
}

/**
 * Return a chart.
 *
 * `x` and `y` are axes with `name`, `min` and `max`, and `whole` where only whole numbers count or
 * `percent`. A line has `name`, `points` (pairs of numbers), `kind` (a class that colours it),
 * `marker` ("round", "square" or none) and `faint`. `level` is a height that is marked, `at` a place
 * on the x axis.
 */
export function chart({ label, x, y, lines, level, at }, width, height = 240) {
  const place = { width, height, right: width - MARGIN.right, bottom: height - MARGIN.bottom };
  const scale = {
    x: (value) => MARGIN.left + part(value, x) * (place.right - MARGIN.left),
    y: (value) => place.bottom - part(value, y) * (place.bottom - MARGIN.top),
  };
  const rules = [];
  if (level !== undefined) {
    rules.push(rule("level", [MARGIN.left, scale.y(level)], [place.right, scale.y(level)]));
  }
  if (at !== undefined) {
    rules.push(rule("cursor", [scale.x(at), MARGIN.top], [scale.x(at), place.bottom]));
  }
  const curves = lines.map((line) => curve(line, scale));
  const named = { role: "img", "aria-label": label, width, height, class: "chart" };
  const box = { ...named, viewBox: `0 0 ${width} ${height}` };
  return shape("svg", box, ...axes({ x, y }, scale, place), ...rules, ...curves);
}

/** Return what the lines of a chart are called; lines without a name are left out. */
export function legend(lines) {
  const named = lines.filter((line) => line.name && !line.faint);
  const items = named.map((line) =>
    element("li", { class: `${line.kind} ${line.marker ?? ""}` }, line.name),
  );
  return element("ul", { class: "legend" }, ...items);
}

/** Return a place for a chart and a function that draws `described` there, now and when resized. */
export function chartPlace() {
  const place = element("div", { class: "chart-place" });
  let described = null;
  const draw = () => {
    if (!described || !place.clientWidth) return;
    place.replaceChildren(legend(described.lines), chart(described, place.clientWidth));
  };
  let width = 0;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    draw();
  }).observe(place);
  return {
    place,
    show(next) {
      described = next;
      draw();
    },
  };
}
