// The two shipped models read a text word by word.

import { chartPlace } from "./chart.js";
import { element, enliven, written } from "./dom.js";
import { alreadyRead, readOn } from "./reading.js";
import { modelOf, tensors, unpacked } from "./shipped.js";
import { say } from "./texts.js";
import { encode } from "./tokens.js";
import { atWord, ofReading, summary, wordButton } from "./word_view.js";

const PACE = 450; // milliseconds a word is shown when the words are played
const PAUSE = 150; // milliseconds without a key before a text is read
const STILL = 200; // milliseconds without a scroll after which the page stands still
const LONGEST = 40; // milliseconds of calculation before the page may answer again
const MARKED = 60; // words up to which each has a mark in the chart
const MARKS = ["round", "square"];

const curve = (steps) => steps.map((step, k) => [k + 1, step.probability]);
const content = (id) => document.getElementById(id).textContent;

/** Return the models and the vocabulary that stand in the page. */
export async function loaded({ models, special }) {
  const kinds = models.map(({ kind }) => kind);
  const buffers = await Promise.all(kinds.map((kind) => unpacked(content(`shipped-${kind}`))));
  const words = JSON.parse(content("shipped-vocabulary"));
  return {
    models: kinds.map((kind, k) => modelOf(kind, tensors(buffers[k]))),
    vocabulary: new Map(words.map((word, k) => [word, k + special])),
  };
}

/** The live part of the figure: the fields, what they are read to, and the word that is chosen. */
class Reader {
  constructor(figure, data) {
    this.figure = figure;
    this.data = data;
    this.names = data.models.map(({ name }) => name);
    this.shown = { words: [], numbers: [], left: 0, readings: data.models.map(() => []) };
    this.chosen = 0;
    this.turn = 0; // counts the texts that were begun, so that an older one is given up
    this.player = null;
    this.chart = chartPlace();
    this.makeFields();
    this.makeReading();
    const name = say("Both models read");
    this.live = enliven(figure, name, ...this.fields, this.status, this.reading);
  }

  makeFields() {
    const { examples } = this.data;
    const later = () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.read(this.text.value), PAUSE);
    };
    const copy = () => {
      this.text.value = this.select.value;
      this.read(this.text.value);
    };
    const options = examples.map((example) => element("option", {}, example));
    this.text = element("textarea", { rows: 3, spellcheck: "false", input: later });
    [this.text.value] = examples;
    this.select = element("select", { change: copy }, ...options);
    this.status = element("p", { class: "status", role: "status" }, say("Unpacking the models."));
    this.fields = [
      element("label", {}, say("Choose a sentence"), this.select),
      element("label", {}, say("or type a review"), this.text),
    ];
  }

  makeReading() {
    const chosen = () => this.choose(this.slider.value - 1);
    this.slider = element("input", { type: "range", min: 1, input: chosen });
    this.button = element("button", { type: "button", click: () => this.play() }, say("Play"));
    this.words = element("div", { class: "words", role: "group", "aria-label": say("Words") });
    this.caption = element("caption");
    this.rows = element("tbody");
    this.note = element("p", { class: "note" });
    const titles = this.data.models.map(({ kind, name }) =>
      element("th", { scope: "col", class: kind }, name),
    );
    const head = element("thead", {}, element("tr", {}, element("td"), ...titles));
    const table = element("table", {}, this.caption, head, this.rows);
    const label = element("label", {}, say("Word "), this.slider);
    this.reading = element(
      "div",
      { hidden: "" },
      this.chart.place,
      element("p", { class: "controls" }, this.button, label),
      this.words,
      element("div", { class: "scroll" }, table),
      this.note,
    );
  }

  /** Show one word after the other, or stop doing so. */
  play(wanted = this.player === null) {
    clearInterval(this.player);
    this.player = wanted ? setInterval(() => this.forward(), PACE) : null;
    this.button.textContent = wanted ? say("Stop") : say("Play");
    if (wanted) this.choose(0, true);
  }

  forward() {
    if (this.chosen + 1 < this.words.children.length) this.choose(this.chosen + 1, true);
    else this.play(false);
  }

  /** Show what the models do at word k. */
  choose(k, playing = false) {
    if (!playing && this.player !== null) this.play(false);
    this.chosen = k;
    const { words, readings } = this.shown;
    const now = readings.map((steps) => written(steps[k].probability));
    const told = now.map((value, m) => `${this.names[m]} ${value}`).join(say(", "));
    this.slider.value = k + 1;
    this.slider.setAttribute("aria-valuetext", `${k + 1}, ${words[k]}: ${told}`);
    for (const [at, button] of [...this.words.children].entries()) {
      button.setAttribute("aria-pressed", at === k);
      button.classList.toggle("ahead", at > k);
    }
    this.scrollTo(this.words.children[k]);
    this.caption.textContent = say("At “{0}”, word {1} of {2}", words[k], k + 1, words.length);
    this.rows.replaceChildren(...atWord(readings, k, this.data.models));
    this.draw();
  }

  scrollTo(button) {
    const low = button.offsetTop + button.offsetHeight - this.words.clientHeight;
    this.words.scrollTop = Math.min(button.offsetTop, Math.max(this.words.scrollTop, low));
  }

  draw() {
    const { words, readings } = this.shown;
    const lines = readings.flatMap((steps, m) => {
      const marker = words.length <= MARKED ? MARKS[m] : null;
      const line = { ...this.data.models[m], marker };
      return [
        { ...line, points: curve(steps), faint: true },
        { ...line, points: curve(steps.slice(0, this.chosen + 1)) },
      ];
    });
    this.chart.show({
      label: say("P(positive) after each of {0} words. {1}", words.length, this.status.textContent),
      x: { name: say("word, in reading order"), min: 1, max: words.length, whole: true },
      y: { name: say("P(positive)"), min: 0, max: 1 },
      lines,
      level: 0.5,
      at: this.chosen + 1,
    });
  }

  /** Show a reading as far as it has come; only a whole one is summed up. */
  present(next, whole) {
    this.shown = next;
    const read = next.readings[0].length;
    const buttons = next.words.slice(0, read).map((word, k) => {
      const now = next.readings.map((steps) => steps[k]);
      const known = next.numbers[k] !== this.data.unknown;
      return wordButton({ word, known, now }, this.data.models, () => this.choose(k));
    });
    this.words.replaceChildren(...buttons);
    this.slider.max = read;
    this.reading.hidden = false;
    if (whole) {
      this.status.textContent = summary(next.words, next.readings, this.data.models);
      this.note.textContent = ofReading(next, this.data, this.vocabulary.size);
    }
    this.choose(read - 1);
  }

  advance(readings, token) {
    for (const [m, steps] of readings.entries()) {
      steps.push(readOn(this.models[m], steps.at(-1), token, this.data.gates));
    }
  }

  async read(review) {
    if (!this.models) return;
    this.turn += 1;
    const { turn } = this;
    const next = encode(review, { ...this.data, vocabulary: this.vocabulary });
    if (!next.numbers.length) {
      this.play(false);
      this.reading.hidden = true;
      this.status.textContent = say("There is no word to read yet: type some.");
      return;
    }
    next.readings = alreadyRead(this.shown, next.numbers);
    let since = performance.now();
    for (const token of next.numbers.slice(next.readings[0].length)) {
      this.advance(next.readings, token);
      if (performance.now() - since > LONGEST) {
        this.present(next, false);
        await new Promise((resume) => {
          setTimeout(resume);
        });
        if (turn !== this.turn) return;
        since = performance.now();
      }
    }
    this.present(next, true);
  }

  async begin() {
    try {
      const { models, vocabulary } = await loaded(this.data);
      this.models = models;
      this.vocabulary = vocabulary;
    } catch {
      this.figure.classList.remove("is-live"); // where nothing can be unpacked, the picture stays
      return;
    }
    await this.read(this.text.value);
  }
}

/**
 * Let a figure read what is typed. The models are unpacked when it is near and the page stands
 * still: it grows then, and what a reader has just jumped to must not move away.
 */
export function mountReader(figure, data) {
  const reader = new Reader(figure, data);
  let timer;
  function moved() {
    clearTimeout(timer);
    timer = setTimeout(begin, STILL);
  }
  function begin() {
    const { top, bottom } = reader.live.getBoundingClientRect();
    if (bottom < -innerHeight || top > 2 * innerHeight) return;
    removeEventListener("scroll", moved);
    removeEventListener("resize", moved);
    reader.begin();
  }
  addEventListener("scroll", moved, { passive: true });
  addEventListener("resize", moved);
  begin();
}
