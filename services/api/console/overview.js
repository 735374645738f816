// The cluster's pulse: what all processes do together, each as a figure and the last five minutes of it.

import { sparkline } from "./charts.js";
import { h } from "./dom.js";
import { about, bytes, counted, rate, seconds, share, whole } from "./format.js";
import { living } from "./parts.js";

const sum = (values) => values.reduce((total, value) => total + value, 0);
const sumOf = (counts) => sum(Object.values(counts));
const maxOf = (values) => Math.max(0, ...values);

export function overview(fleet, history, now) {
  const alive = living(fleet.processes);
  const context = { alive, history, now };
  return h(
    "section",
    { class: "overview", "aria-label": "The cluster's pulse" },
    requests(context),
    operations(context, "dht", "DHT operations"),
    operations(context, "crypto", "Crypto operations"),
    traffic(context),
    waiting(context),
    kept(context),
  );
}

function requests({ alive, history, now }) {
  const apis = alive.filter(({ api }) => api);
  const failed = (one) => sumOf(one.api.requests) - (one.api.requests.ok ?? 0);
  const perSecond = history.total(apis, (one) => sumOf(one.api.requests));
  const wrong = history.total(apis, failed);
  const slow = history.quantile(0.95, apis, (one) => one.api.seconds);
  return tile("Requests", "requests", rate(perSecond), "/s", note([`p95 ${seconds(slow)}`, `${share(wrong ?? 0, perSecond)} refused`]), [
    { class: "one", points: history.series("requests", now, perSecond) },
    { class: "wrong", points: history.series("failed", now, wrong) },
  ], now);
}

function operations({ alive, history, now }, part, title) {
  const doing = alive.filter((one) => one[part]);
  const perSecond = history.total(doing, (one) => sumOf(one[part].operations));
  const wrong = history.total(doing, (one) => sumOf(one[part].failures));
  const words = [counted(doing.length, "process", "processes"), `${share(wrong ?? 0, perSecond)} failed`];
  return tile(title, part, rate(perSecond), "/s", note(words), [
    { class: "one", points: history.series(part, now, perSecond) },
    { class: "wrong", points: history.series(`${part} failed`, now, wrong) },
  ], now);
}

function traffic({ alive, history, now }) {
  const nodes = alive.filter(({ dht }) => dht);
  const of = (figure) => history.total(nodes, (one) => sum(one.dht.nodes.map((node) => node[figure])));
  const [received, sent] = [of("received_bytes"), of("sent_bytes")];
  const all = received === null ? "–" : `${bytes(received + sent)}`;
  return tile("DHT traffic", "traffic", all, received === null ? "" : "/s", note([`in ${text(received)}`, `out ${text(sent)}`]), [
    { class: "one", points: history.series("received", now, received) },
    { class: "two", points: history.series("sent", now, sent) },
  ], now);
}

function waiting({ alive, history, now }) {
  const services = [...new Set(alive.flatMap(({ bus }) => Object.keys(bus)))];
  const most = (figure) => sum(services.map((name) => maxOf(alive.map(({ bus }) => bus[name]?.[figure] ?? 0))));
  const [lag, pending] = [most("lag"), most("pending")];
  return tile("Waiting on the bus", "lag", whole(lag), counted(lag, "request").replace(/^\S+/, ""), note([`${whole(pending)} in hand`]), [
    { class: "one", points: history.series("lag", now, lag) },
  ], now);
}

function kept({ alive, history, now }) {
  const nodes = alive.filter(({ dht }) => dht);
  const items = maxOf(nodes.map(({ dht }) => dht.kept_items));
  const overdue = maxOf(nodes.map(({ dht }) => dht.kept_overdue));
  const words = h("p", { class: overdue ? "note warn" : "note", "data-figure": "kept_overdue" }, overdue ? `${whole(overdue)} overdue` : "none overdue");
  return tile("Kept items", "kept_items", items < 1e5 ? whole(items) : about(items), "", words, [
    { class: "one", points: history.series("kept", now, items) },
    { class: "wrong", points: history.series("overdue", now, overdue) },
  ], now);
}

function tile(title, name, value, unit, words, lines, now) {
  const label = `${title} over the last five minutes; now ${value} ${unit}`;
  return h(
    "article",
    { class: "tile", "data-tile": name },
    h("h2", null, title),
    h("p", { class: "value" }, h("span", { "data-figure": name }, value), unit ? h("span", { class: "unit" }, ` ${unit.trim()}`) : null),
    words,
    sparkline(lines, now, label),
  );
}

function note(words) {
  return h("p", { class: "note" }, words.join(" · "));
}

function text(value) {
  return value === null ? "–" : `${bytes(value)}/s`;
}
