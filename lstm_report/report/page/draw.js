// The experiment of the source, one run of each model, repeated with runs drawn from the records.

import { chartPlace } from "./chart.js";
import { accompany, element, written } from "./dom.js";
import { say } from "./texts.js";

const KEPT = 8; // draws that stay in sight
const MARKS = ["round", "square"];

const percent = (value) => `${written(100 * value)}%`;
const points = (value) => say("{0} points", written(100 * Math.abs(value)));
const drawn = (count) => Math.floor(Math.random() * count);

/** Return how often each of two models wins among pairs of accuracies, and by `least` or more. */
export function tally(pairs, least) {
  const differences = pairs.map(([first, second]) => first - second);
  return {
    first: differences.filter((value) => value > 0).length,
    second: differences.filter((value) => value < 0).length,
    asStated: differences.filter((value) => value >= least).length,
  };
}

/** Return the axis of accuracies that holds all curves of all runs. */
function heights(models) {
  const all = models.flatMap(({ runs }) => runs.flatMap(({ curve }) => curve));
  return {
    min: Math.floor(20 * Math.min(...all)) / 20,
    max: Math.ceil(20 * Math.max(...all)) / 20,
  };
}

class Draw {
  constructor({ models, stated, study }) {
    this.models = models;
    this.stated = stated;
    this.study = study;
    this.past = [];
    this.heights = heights(models);
    this.chart = chartPlace();
    this.told = element("p", { class: "status", role: "status" });
    this.counts = element("p", { class: "note" });
    this.rows = element("tbody");
    this.selects = models.map(({ runs }) => {
      const options = runs.map(({ seed }, k) => element("option", { value: k }, say("seed {0}", seed)));
      return element("select", { change: () => this.show() }, ...options);
    });
  }

  /** Return the run of each model that is chosen. */
  chosen() {
    return this.models.map(({ runs }, m) => runs[this.selects[m].value]);
  }

  draw() {
    for (const [m, { runs }] of this.models.entries()) this.selects[m].value = drawn(runs.length);
    this.past.unshift(this.chosen());
    this.show();
  }

  /** Show the chosen pair, beside those that were drawn. */
  show() {
    const pair = this.chosen();
    this.told.textContent = this.inWords(pair);
    this.counts.textContent = this.inNumbers();
    this.rows.replaceChildren(...this.past.slice(0, KEPT).map((entry, k) => this.row(entry, k)));
    this.curves(pair);
  }

  winner([first, second]) {
    if (first.accuracy === second.accuracy) return say("neither");
    return say("the {0}", this.models[first.accuracy > second.accuracy ? 0 : 1].name);
  }

  inWords(pair) {
    const [one, other] = pair.map(({ seed }, m) => say("{0} of seed {1}", this.models[m].name, seed));
    const [mine, its] = pair.map(({ accuracy }) => percent(accuracy));
    const gap = points(pair[0].accuracy - pair[1].accuracy);
    const [first, second] = pair.map(({ best }) => best);
    const found = say(
      "The {0} classifies {1} of the test reviews correctly, the {2} {3}: ahead is {4}, by {5}. " +
        "Their best epochs are {6} and {7}. ",
      one, mine, other, its, this.winner(pair), gap, first, second,
    );
    const stated = say(
      "In the source’s one pair, ahead is the {0}, by {1}, and the best epoch of both is {2}.",
      this.models[0].name, points(this.stated.difference), this.stated.best,
    );
    return found + stated;
  }

  inNumbers() {
    const [mine, every] = this.models.map(({ runs }) => runs.map(({ accuracy }) => accuracy));
    const all = mine.flatMap((first) => every.map((second) => [first, second]));
    const past = this.past.map((pair) => pair.map(({ accuracy }) => accuracy));
    const [one, other] = this.models.map(({ name }) => name);
    const told = (pairs, which) => {
      const { first, second, asStated } = tally(pairs, this.stated.difference);
      return say(
        "Of {0}, the {1} is ahead in {2}, by what the source states or more in {3}; the {4} is " +
          "ahead in {5}. ",
        which, one, first, asStated, other, second,
      );
    };
    const drawnHere =
      past.length === 1 ? say("the pair drawn here") : say("the {0} pairs drawn here", past.length);
    const recorded = say("all {0} pairs of results/{1}", all.length, this.study);
    return (told(past, drawnHere) + told(all, recorded)).trim();
  }

  row(pair, k) {
    const texts = pair.map(({ seed, accuracy }) => say("{0} (seed {1})", percent(accuracy), seed));
    const cells = [...texts, this.winner(pair)].map((text) => element("td", {}, text));
    return element("tr", {}, element("th", { scope: "row" }, `${this.past.length - k}`), ...cells);
  }

  curves(pair) {
    const lines = pair.map(({ curve }, m) => ({
      ...this.models[m],
      marker: MARKS[m],
      points: curve.map((accuracy, k) => [k + 1, accuracy]),
    }));
    this.chart.show({
      label: say("Validation accuracy over the epochs. {0}", this.told.textContent),
      x: {
        name: say("epoch"),
        min: 1,
        max: Math.max(...pair.map(({ curve }) => curve.length)),
        whole: true,
      },
      y: { name: say("validation accuracy"), percent: true, ...this.heights },
      lines,
    });
  }
}

/** Let the reader draw one run of each model, below the figure of all pairs. */
export function mountDraw(figure, data) {
  const made = new Draw(data);
  const titles = data.models.map(({ kind, name }) =>
    element("th", { scope: "col", class: kind }, name),
  );
  const first = element("th", { scope: "col" }, say("draw"));
  const last = element("th", { scope: "col" }, say("ahead"));
  const head = element("thead", {}, element("tr", {}, first, ...titles, last));
  const caption = element("caption", {}, say("The last draws"));
  const button = element(
    "button",
    { type: "button", click: () => made.draw() },
    say("Draw one run of each"),
  );
  const fields = made.selects.map((select, m) =>
    element("label", { class: data.models[m].kind }, `${data.models[m].name} `, select),
  );
  accompany(
    figure,
    say("Draw one run of each model"),
    element("p", { class: "controls" }, button, ...fields),
    made.told,
    made.chart.place,
    made.counts,
    element(
      "div",
      { class: "scroll" },
      element("table", { class: "draws" }, caption, head, made.rows),
    ),
  );
  made.draw();
}
