// Shows what a reference refers to beside the reference: a figure, a table or an equation.

import { element } from "./dom.js";

const REFERENCES = 'article a:is([href^="#fig-"], [href^="#tbl-"], [href^="#equation-"])';
const DELAY = 150; // milliseconds until what is pointed at is shown, or no longer
const GAP = 8; // pixels between a reference and what is shown

/** Return a copy of what stands at an anchor, without names that stand in the page already. */
function copied(target) {
  const copy = target.cloneNode(true);
  for (const more of copy.querySelectorAll(".live, .data")) more.remove();
  for (const named of [copy, ...copy.querySelectorAll("[id]")]) named.removeAttribute("id");
  for (const still of copy.querySelectorAll("[tabindex], a")) {
    still.removeAttribute("tabindex");
    still.removeAttribute("href");
  }
  copy.classList.remove("is-live");
  return copy;
}

class Preview {
  constructor() {
    this.box = element("div", { class: "preview", popover: "manual", role: "tooltip" });
    this.box.id = "preview";
    this.box.addEventListener("mouseenter", () => clearTimeout(this.timer));
    this.box.addEventListener("mouseleave", () => this.later(() => this.hide()));
    this.link = null;
    document.body.append(this.box);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.hide();
    });
  }

  later(act) {
    clearTimeout(this.timer);
    this.timer = setTimeout(act, DELAY);
  }

  show(link) {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!target) return;
    this.hide();
    this.link = link;
    this.box.replaceChildren(copied(target));
    this.box.showPopover();
    link.setAttribute("aria-describedby", this.box.id);
    this.place(link.getBoundingClientRect());
  }

  /** Put the box below the reference, or above it where there is more room. */
  place(line) {
    this.box.style.maxHeight = "none";
    const { width, height } = this.box.getBoundingClientRect();
    const below = innerHeight - line.bottom - GAP;
    const above = line.top - GAP;
    const under = height <= below || below >= above;
    this.box.style.maxHeight = `${Math.max(under ? below : above, 0) - GAP}px`;
    const tall = Math.min(height, Math.max(under ? below : above, 0) - GAP);
    const left = Math.min(line.left, document.documentElement.clientWidth - width - GAP);
    this.box.style.left = `${Math.max(left, GAP)}px`;
    this.box.style.top = `${under ? line.bottom + GAP : line.top - GAP - tall}px`;
  }

  /** Stay beside the reference while the page moves, as long as it is in sight or has the focus. */
  follow() {
    if (!this.link) return;
    const line = this.link.getBoundingClientRect();
    if (line.bottom > 0 && line.top < innerHeight) this.place(line);
    else if (document.activeElement !== this.link) this.hide();
  }

  hide() {
    clearTimeout(this.timer);
    this.link?.removeAttribute("aria-describedby");
    this.link = null;
    if (this.box.matches(":popover-open")) this.box.hidePopover();
  }
}

/** Let references show what they refer to while they are pointed at or hold the focus. */
export function showReferences() {
  if (!("popover" in HTMLElement.prototype)) return;
  const preview = new Preview();
  for (const link of document.querySelectorAll(REFERENCES)) {
    link.addEventListener("mouseenter", () => preview.later(() => preview.show(link)));
    link.addEventListener("mouseleave", () => preview.later(() => preview.hide()));
    link.addEventListener("focus", () => {
      if (link.matches(":focus-visible")) preview.show(link);
    });
    link.addEventListener("blur", () => preview.hide());
    link.addEventListener("click", () => preview.hide());
  }
  addEventListener("scroll", () => preview.follow(), { passive: true });
}
