// Gives each live figure of the page its part; what is not live needs no script.

import { markContents } from "./contents.js";
import { mountDraw } from "./draw.js";
import { mountGate, mountStory } from "./gates.js";
import { mountReader } from "./reader.js";
import { showReferences } from "./references.js";

const PARTS = { draw: mountDraw, gate: mountGate, reader: mountReader, story: mountStory };

for (const [anchor, data] of Object.entries(
  JSON.parse(document.getElementById("live").textContent),
)) {
  PARTS[data.part](document.getElementById(anchor), data);
}

markContents();
showReferences();
