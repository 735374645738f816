// The API's and the crypto service's replicas, and every process with its version and its age.

import { h } from "./dom.js";
import { about, counted, duration, rate, seconds, share, whole } from "./format.js";
import { ageOf, badge, empty, isLiving, living, nameOf, section, table } from "./parts.js";

const sumOf = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

export function apiReplicas(fleet, history) {
  const rows = living(fleet.processes).filter(({ api }) => api);
  const quantile = (q) => (one) => seconds(history.quantile(q, [one], (it) => it.api.seconds));
  const columns = [
    { title: "Replica", wide: true, cell: (one) => nameOf(one.instance) },
    { title: "Requests/s", number: true, cell: (one) => rate(history.rate(one, (it) => sumOf(it.api.requests))) },
    { title: "In flight", name: "in_flight", number: true, cell: (one) => whole(one.api.in_flight) },
    { title: "Half within", number: true, cell: quantile(0.5) },
    { title: "95 % within", number: true, cell: quantile(0.95) },
    { title: "Answered", name: "answered", number: true, cell: (one) => about(sumOf(one.api.requests)) },
    { title: "Refused", wide: true, number: true, cell: (one) => refused(one.api.requests) },
  ];
  return replicas("api", "API", rows, columns);
}

export function cryptoReplicas(fleet, history) {
  const rows = living(fleet.processes).filter(({ crypto }) => crypto);
  const columns = [
    { title: "Replica", wide: true, cell: (one) => nameOf(one.instance) },
    { title: "Operations/s", number: true, cell: (one) => rate(history.rate(one, (it) => sumOf(it.crypto.operations))) },
    { title: "Each takes", number: true, cell: ({ crypto }) => seconds(mean(crypto)) },
    { title: "Links at hand", number: true, cell: ({ crypto }) => share(crypto.cache_hits, crypto.cache_hits + crypto.cache_misses) },
    { title: "Done", name: "operations", number: true, cell: ({ crypto }) => about(sumOf(crypto.operations)) },
    { title: "Failed", number: true, cell: ({ crypto }) => refused(crypto.failures) },
  ];
  return replicas("crypto", "Crypto", rows, columns);
}

export function processes(fleet) {
  const columns = [
    { title: "Process", wide: true, cell: (one) => nameOf(one.instance) },
    { title: "State", cell: (one) => badge(one.state) },
    { title: "Service", cell: (one) => one.service },
    { title: "Version", cell: (one) => one.version },
    { title: "Up for", number: true, cell: (one) => (isLiving(one) ? duration(ageOf(one, fleet)) : "–") },
    { title: "Heard of", number: true, cell: (one) => (one.silent_s < 5 ? "just now" : `${duration(one.silent_s)} ago`) },
    { title: "Checks", cell: (one) => checks(one) },
  ];
  const gone = fleet.processes.filter((one) => !isLiving(one)).length;
  const note = [counted(fleet.processes.length - gone, "process", "processes"), gone ? `${whole(gone)} gone` : null].filter(Boolean).join(", ");
  const body = fleet.processes.length
    ? h("div", { class: "panel" }, table("Every process that reported itself within the hour", columns, fleet.processes, (one) => one.instance))
    : empty("Nobody has reported himself within the hour.");
  return section("processes", "Processes", note, body);
}

function replicas(id, title, rows, columns) {
  const body = rows.length ? h("div", { class: "panel" }, table(`${title} replicas`, columns, rows, (one) => one.instance)) : empty(`No process of ${title} is running.`);
  return section(id, `${title} replicas`, null, body);
}

function mean({ operations, seconds: spent }) {
  const done = sumOf(operations);
  return done ? spent / done : null;
}

/** How many, and what for: "12 (bad handle 9, conflict 3)". */
function refused(counts) {
  const codes = Object.entries(counts).filter(([code, count]) => code !== "ok" && count);
  if (!codes.length) return "0";
  const most = codes.sort(([, one], [, other]) => other - one).slice(0, 2);
  const words = most.map(([code, count]) => `${code.replaceAll("_", " ")} ${about(count)}`).join(", ");
  return [about(codes.reduce((sum, [, count]) => sum + count, 0)), h("small", null, ` ${words}`)];
}

function checks({ checks: found, state }) {
  if (state === "dead" || state === "replaced") return "–";
  const missing = Object.keys(found).filter((name) => !found[name]);
  return missing.length ? h("span", { class: "warn" }, `lacks ${missing.join(", ")}`) : Object.keys(found).join(", ");
}
