// The bus between the services: what waits, what was given up, and why.

import { h } from "./dom.js";
import { duration, whole } from "./format.js";
import { empty, living, section, table } from "./parts.js";

const SERVICE = [
  { title: "Service", wide: true, name: "service", cell: (row) => row.name },
  { title: "Replicas", name: "replicas", number: true, cell: (row) => whole(row.replicas) },
  { title: "Waiting", name: "lag", number: true, cell: (row) => whole(row.lag) },
  { title: "In hand", name: "pending", number: true, cell: (row) => whole(row.pending) },
  { title: "Taken over", name: "redelivered", number: true, cell: (row) => whole(row.redelivered) },
  { title: "Given up", name: "given_up", number: true, cell: (row) => whole(row.givenUp) },
  { title: "Dead letters", name: "dead_letters", number: true, cell: (row) => whole(row.deadLetters) },
];

const LETTER = [
  { title: "Given up", cell: (letter) => `${duration(letter.age_s)} ago` },
  { title: "Shard", cell: (letter) => letter.shard },
  { title: "Operation", wide: true, cell: (letter) => letter.operation || "unreadable" },
  { title: "Reason", cell: (letter) => letter.reason.replaceAll("_", " ") },
  { title: "Deliveries", number: true, cell: (letter) => whole(letter.deliveries) },
  { title: "Request id", wide: true, cell: (letter) => h("code", null, letter.request_id || "–") },
];

export function bus(fleet, letters) {
  const rows = services(fleet);
  const kept = Object.values(fleet.dead_letters).reduce((sum, count) => sum + count, 0);
  return section(
    "bus",
    "The bus",
    null,
    rows.length ? h("div", { class: "panel" }, table("Services on the bus", SERVICE, rows, (row) => row.name)) : empty("Nobody serves the bus."),
    h("div", { class: "title" }, h("h3", null, "Latest dead letters"), h("p", { class: "dim", "data-figure": "dead_letters_kept" }, kept ? `${whole(kept)} kept` : "none kept")),
    letters.length
      ? h("div", { class: "panel" }, table("Requests that were given up, the newest first", LETTER, letters, (letter) => letter.request_id))
      : empty("No request has been given up."),
  );
}

/** Every service that living processes answer for, or that has left dead letters. */
function services(fleet) {
  const alive = living(fleet.processes);
  const names = new Set([...alive.flatMap(({ bus: of }) => Object.keys(of)), ...Object.keys(fleet.dead_letters).map(serviceOf)]);
  return [...names].sort().map((name) => {
    const replicas = alive.map(({ bus: of }) => of[name]).filter(Boolean);
    const sum = (figure) => replicas.reduce((total, replica) => total + figure(replica), 0);
    return {
      name,
      replicas: replicas.length,
      lag: Math.max(0, ...replicas.map(({ lag }) => lag)),
      pending: Math.max(0, ...replicas.map(({ pending }) => pending)),
      redelivered: sum((replica) => replica.redelivered),
      givenUp: sum((replica) => Object.values(replica.dead_letters).reduce((total, count) => total + count, 0)),
      deadLetters: Object.entries(fleet.dead_letters).reduce((total, [shard, count]) => total + (serviceOf(shard) === name ? count : 0), 0),
    };
  });
}

/** `dht:7` is a shard of `dht`. */
function serviceOf(shard) {
  return shard.split(":")[0];
}

