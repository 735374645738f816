// What several parts of the page are made of.

import { h } from "./dom.js";

const STATES = {
  ready: { sign: "●", words: "ready" },
  not_ready: { sign: "▲", words: "not ready" },
  dead: { sign: "✕", words: "dead" },
  replaced: { sign: "○", words: "replaced" },
};

/** Processes that report themselves, ready or not. */
export function living(processes) {
  return processes.filter(isLiving);
}

export function isLiving({ state }) {
  return state === "ready" || state === "not_ready";
}

/** Seconds since a process started; both moments are the API's word. */
export function ageOf(process, fleet) {
  return (Date.parse(fleet.at) - Date.parse(process.started)) / 1000;
}

/** A state as a sign and a word: never by colour alone. */
export function badge(state) {
  const { sign, words } = STATES[state] ?? { sign: "?", words: state };
  return h("span", { class: `badge ${state}`, "data-figure": "state" }, h("span", { "aria-hidden": "true" }, sign), ` ${words}`);
}

/** `host#pid#random`: the host is what people look for. */
export function nameOf(instance) {
  const [host, ...rest] = instance.split("#");
  return h("span", { class: "instance" }, host, rest.length ? h("span", { class: "dim" }, `#${rest.join("#")}`) : null);
}

/** A part of the page under a heading. */
export function section(id, title, note, ...children) {
  return h(
    "section",
    { class: "part", id, "aria-labelledby": `${id}-title` },
    h("div", { class: "title" }, h("h2", { id: `${id}-title` }, title), note ? h("p", { class: "dim" }, note) : null),
    children,
  );
}

/** A term and its value, for a list of them; `name` is how programs find it. */
export function figure(term, name, value, { title = null, warn = false } = {}) {
  return h("div", { title }, h("dt", null, term), h("dd", { "data-figure": name, class: warn ? "warn" : null }, value));
}

/**
 * A table that becomes a list of cards on a phone. Columns: {title, cell(row)}, and
 * `number` to the right, `wide` over a whole card, `name` for programs. The roles say again what the
 * elements are, because a style that makes a table of blocks takes its meaning away.
 */
export function table(caption, columns, rows, keyOf) {
  return h(
    "table",
    { role: "table" },
    h("caption", { class: "hidden" }, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h("tr", { role: "row" }, columns.map(({ title, number }) => h("th", { role: "columnheader", scope: "col", class: number ? "number" : null }, title))),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) => h("tr", { role: "row", "data-row": keyOf(row) }, columns.map((column) => cell(column, row)))),
    ),
  );
}

function cell({ title, number, wide, name, cell: content }, row) {
  const kinds = [number && "number", wide && "wide"].filter(Boolean).join(" ");
  return h(
    "td",
    { role: "cell", "data-label": title, "data-figure": name ?? null, class: kinds || null },
    h("span", null, content(row)),
  );
}

/** What stands where there is nothing to show. */
export function empty(text) {
  return h("p", { class: "empty" }, text);
}
