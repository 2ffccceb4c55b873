// Elements of the page. Every text becomes a node of text, so that none can be taken for markup.

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Return an element of HTML; an attribute that is a function listens to the event of its name. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Return an element of a drawing. */
export function shape(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

/** Return a number as the report writes it, with a true minus sign. */
export function written(value, digits = 2) {
  return value
    .toFixed(digits)
    .replace(/^-(0\.?0*)$/, "$1")
    .replace("-", "\u2212");
}

/** Return a number as short as it can be written to six digits. */
export function round(value) {
  return String(Number(value.toFixed(6))).replace("-", "\u2212");
}

/** Return a slider: its label, which shows the value, and `put`, which moves it from outside. */
export function slider(title, { min, max, step, value }, changed) {
  const shown = element("span", { class: "value", "aria-hidden": "true" }, written(value));
  const input = element("input", { type: "range", min, max, step, value });
  input.addEventListener("input", () => {
    shown.textContent = written(input.valueAsNumber);
    changed(input.valueAsNumber);
  });
  const put = (wanted) => {
    input.value = wanted;
    shown.textContent = written(wanted);
  };
  return { label: element("label", { class: "slider" }, title, input, shown), put };
}

/** Put a live part in the place of a figure's picture, on the screen alone. */
export function enliven(figure, name, ...children) {
  const live = element("div", { class: "live", role: "group", "aria-label": name }, ...children);
  figure.classList.add("is-live");
  figure.prepend(live);
  return live;
}

/** Put a live part below a figure or table, which stays. */
export function accompany(figure, name, ...children) {
  figure.append(element("div", { class: "live", role: "group", "aria-label": name }, ...children));
}
