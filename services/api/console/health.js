// The answer at the top: is the fleet healthy, and if not, what is wrong?

import { h } from "./dom.js";
import { counted } from "./format.js";
import { living } from "./parts.js";

export function health(fleet) {
  const { problems } = fleet;
  const state = problems.length ? "bad" : "good";
  return h(
    "section",
    { class: `health ${state}`, role: "status", "aria-live": "polite", "data-healthy": String(fleet.healthy) },
    h("p", { class: "sign", "aria-hidden": "true" }, problems.length ? "!" : "✓"),
    h("div", null, h("p", { class: "sentence" }, sentence(problems)), details(fleet)),
  );
}

function sentence(problems) {
  if (problems.length === 0) return "The fleet is healthy.";
  return problems.length === 1 ? problems[0].text : `${problems.length} things are wrong.`;
}

function details({ problems, processes }) {
  if (problems.length > 1) return h("ul", null, problems.map(({ text }) => h("li", null, text)));
  const alive = living(processes);
  const services = [...new Set(alive.map(({ service }) => service))].sort();
  const crowd = services.map((name) => `${alive.filter(({ service }) => service === name).length} ${name}`).join(", ");
  const versions = [...new Set(alive.map(({ version }) => version))].sort();
  return h("p", { class: "dim" }, `${counted(alive.length, "process", "processes")}: ${crowd}. Version ${versions.join(" and ")}.`);
}
