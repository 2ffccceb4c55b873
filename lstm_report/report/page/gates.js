// A cell of one unit whose gates are set by hand, with the equations of the models' cells.

import { followGates } from "./cells.js";
import { chartPlace } from "./chart.js";
import { accompany, element, enliven, round, slider, written } from "./dom.js";
import { say } from "./texts.js";

const START = 0.9; // where the slider of a single gate begins
const ORDER = ["f", "i", "g", "o"];
const NAMES = {
  i: say("input gate"),
  f: say("forget gate"),
  g: say("candidate"),
  o: say("output gate"),
};

const listed = (values) =>
  say("{0} and {1}", values.slice(0, -1).map(round).join(say(", ")), round(values.at(-1)));

/** Let a slider set the one gate that is free; the values of the figure stay beside it. */
export function mountGate(figure, { gates, symbol, steps, c, quantity, name, values }) {
  const { place, show } = chartPlace();
  const told = element("p", { class: "status", role: "status" });

  /** Return the state after each step, the one before the first step included where it counts. */
  function follow(value) {
    const filled = steps.map((step) =>
      Object.fromEntries(Object.entries(step).map(([gate, kept]) => [gate, kept ?? value])),
    );
    const states = followGates(filled, c, gates).map((step, k) => [k + 1, step[quantity][0]]);
    return quantity === "c" ? [[0, c], ...states] : states;
  }
  const beside = values.map((value) => ({ kind: "beside", points: follow(value) }));

  function set(value) {
    const points = follow(value);
    const [last, state] = points.at(-1);
    told.textContent = say(
      "With {0} = {1}, the {2} is {3} after {4} steps. Pale: {0} = {5}.",
      symbol, written(value), name, written(state, 3), last, listed(values),
    );
    show({
      label: told.textContent,
      x: { name: say("time step t"), min: 0, max: steps.length, whole: true },
      y: { name, min: 0, max: 1 },
      lines: [...beside, { kind: "moved", marker: "round", points }],
    });
  }

  const title = element("span", {}, `${NAMES[symbol[0]]} `, element("var", {}, symbol));
  const moved = slider(title, { min: 0, max: 1, step: 0.01, value: START }, set);
  enliven(figure, say("Move {0}", symbol), element("p", { class: "controls" }, moved.label), told, place);
  set(START);
}

/** Four sliders that set the gates of each word that a unit reads, and what it then holds. */
class Story {
  constructor({ gates, story }) {
    this.gates = gates;
    this.story = story;
    this.words = story.map(({ word }) => word);
    this.chart = chartPlace();
    this.told = element("p", { class: "status", role: "status" });
    const options = this.words.map((word, k) =>
      element("option", { value: k }, `${k + 1}. ${word}`),
    );
    this.select = element("select", { change: () => this.choose() }, ...options);
    this.sliders = ORDER.map((gate) => this.sliderOf(gate));
  }

  sliderOf(gate) {
    const title = element("span", {}, `${NAMES[gate]} `, element("var", {}, gate));
    const range = { min: gate === "g" ? -1 : 0, max: 1, step: 0.01, value: 0 };
    return slider(title, range, (value) => {
      this.wanted[this.select.value][gate] = value;
      this.draw();
    });
  }

  /** Move the sliders to the gates of the word that is chosen. */
  choose() {
    for (const [k, gate] of ORDER.entries()) {
      this.sliders[k].put(this.wanted[this.select.value][gate]);
    }
  }

  /** Set all gates as the table has them. */
  reset() {
    this.wanted = this.story.map((step) => ({ ...step }));
    this.choose();
    this.draw();
  }

  draw() {
    const { words } = this;
    const steps = followGates(this.wanted, 0, this.gates);
    const [c, h] = ["c", "h"].map((name) => steps.map((step, k) => [k + 1, step[name][0]]));
    const each = words.map(
      (word, k) => `${word} (c = ${written(c[k][1])}, h = ${written(h[k][1])})`,
    );
    this.told.textContent = say("After each word: {0}", each.join(say(", ")));
    const all = [...c, ...h].map(([, value]) => value);
    this.chart.show({
      label: this.told.textContent,
      x: { name: say("word"), min: 1, max: words.length, whole: true },
      y: { name: say("state"), min: Math.min(-1, ...all), max: Math.max(1, ...all) },
      level: 0,
      lines: [
        { kind: "cell", name: say("cell state c"), marker: "round", points: c },
        { kind: "hidden", name: say("hidden state h"), marker: "square", points: h },
      ],
    });
  }
}

/** Let sliders set the gates of a story that is told in a table. */
export function mountStory(figure, data) {
  const made = new Story(data);
  const again = element("button", { type: "button", click: () => made.reset() }, say("As in the table"));
  accompany(
    figure,
    say("Set the gates of each word"),
    element("label", {}, say("Set the gates at the word"), made.select),
    element("div", { class: "sliders" }, ...made.sliders.map(({ label }) => label)),
    element("p", { class: "controls" }, again),
    made.chart.place,
    made.told,
  );
  made.reset();
}
