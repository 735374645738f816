// Each DHT node: who and where it is, whom it knows, what it holds and how it fares.

import { bucketChart, sparkline } from "./charts.js";
import { h } from "./dom.js";
import { about, bytes, counted, duration, rate, share, whole } from "./format.js";
import { ageOf, badge, empty, figure, isLiving, nameOf, section } from "./parts.js";

const FAMILIES = { ipv4: "IPv4", ipv6: "IPv6" };

export function dhtNodes(fleet, history, now) {
  const processes = fleet.processes.filter(({ dht }) => dht);
  const cards = processes.flatMap((process) => process.dht.nodes.map((node, at) => card(process, node, at, { fleet, history, now })));
  const body = cards.length ? h("div", { class: "cards" }, cards) : empty("No DHT node has reported itself within the hour.");
  return section("dht", "DHT nodes", counted(processes.filter(isLiving).length, "process", "processes"), body);
}

function card(process, node, at, { fleet, history, now }) {
  return h(
    "article",
    { class: isLiving(process) ? "card" : "card gone", "data-instance": process.instance, "data-family": node.family },
    h("header", null, h("h3", null, nameOf(process.instance)), badge(process.state)),
    isLiving(process) ? null : h("p", { class: "note warn" }, `Silent for ${duration(process.silent_s)}; this is how it was.`),
    h("p", { class: "id" }, h("span", { class: "hidden" }, "Node id "), h("code", { "data-figure": "node_id" }, node.node_id)),
    h(
      "div",
      { class: "columns" },
      h(
        "div",
        null,
        identity(node),
        h("h4", null, "Contacts by bucket"),
        bucketChart(node.buckets),
        h("p", { class: "caption" }, "by leading bits shared with the node’s own id"),
        contacts(node),
      ),
      h("div", null, h("h4", null, "Traffic"), traffic(process, at, history, now), figures(process, node, fleet)),
    ),
    details(node),
  );
}

function identity(node) {
  return h(
    "dl",
    { class: "facts" },
    figure("External address", "external_address", node.external_address ?? "not known yet"),
    figure("Mode", "mode", node.read_only ? "read-only" : "server", { title: "Whether it answers strangers (BEP 43)" }),
    figure("Listens on", "listen", node.listen),
    figure("Family", "family", FAMILIES[node.family] ?? node.family),
  );
}

function contacts(node) {
  const of = (state) => node.buckets.reduce((sum, bucket) => sum + bucket[state], 0);
  const legend = (state) => h("li", { class: state }, h("span", { class: "swatch", "aria-hidden": "true" }), `${whole(of(state))} ${state}`);
  return h("ul", { class: "legend" }, ["good", "questionable", "bad"].map(legend));
}

function traffic(process, at, history, now) {
  const of = (name) => history.rate(process, (one) => one.dht.nodes[at]?.[name] ?? 0);
  const [received, sent] = isLiving(process) ? [of("datagrams_received"), of("datagrams_sent")] : [null, null];
  const key = `${process.instance} ${at}`;
  const lines = [
    { class: "one", points: history.series(`${key} in`, now, received) },
    { class: "two", points: history.series(`${key} out`, now, sent) },
  ];
  const words = `in ${rate(received)}/s, out ${rate(sent)}/s`;
  return [
    sparkline(lines, now, `Datagrams over the last five minutes; now ${words}`),
    h(
      "ul",
      { class: "legend" },
      h("li", { class: "one" }, h("span", { class: "swatch", "aria-hidden": "true" }), `in ${rate(received)} datagrams/s`),
      h("li", { class: "two" }, h("span", { class: "swatch", "aria-hidden": "true" }), `out ${rate(sent)} datagrams/s`),
    ),
  ];
}

function figures(process, node, fleet) {
  const { dht } = process;
  const canary = dht.canary_age_s === null ? "not yet" : `${duration(dht.canary_age_s)} ago`;
  const asked = Object.values(node.queries_sent).reduce((sum, count) => sum + count, 0);
  return h(
    "dl",
    { class: "figures" },
    figure("Contacts", "contacts", whole(node.contacts)),
    figure("Answer ratio", "answer_ratio", share(node.answer_ratio, 1), { title: "Share of its own queries of late that were answered" }),
    figure("Stored items", "stored_items", whole(node.stored_items), { title: "BEP 44 items held for others" }),
    figure("Stored", "stored_bytes", bytes(node.stored_bytes)),
    figure("Received", "received_bytes", bytes(node.received_bytes)),
    figure("Sent", "sent_bytes", bytes(node.sent_bytes)),
    figure("Queries", "queries_sent", about(asked), { title: "Its own, since it started" }),
    figure("Rejected", "rejected", about(node.rejected), { title: "Datagrams dropped or refused, since it started" }),
    figure("Network", "network_size", node.network_size === null ? "–" : `≈ ${about(node.network_size)}`, { title: "Nodes of the network, estimated" }),
    figure("Canary", "canary", canary, {
      title: "An item of its own, written to the DHT and read back",
      warn: dht.canary_age_s !== null && !dht.canary_success,
    }),
    figure("Partitions", "partitions", whole(process.bus.dht?.partitions ?? 0), { title: "Shares of all targets that it serves" }),
    figure("Uptime", "uptime", isLiving(process) ? duration(ageOf(process, fleet)) : "–"),
  );
}

function details(node) {
  const rows = [
    ...Object.entries(node.lookups).map(([kind, outcomes]) => [`Lookups: ${kind.replaceAll("_", " ")}`, said(outcomes)]),
    ["Own queries", said(node.queries_sent)],
    ["Queries timed out", whole(node.queries_timed_out)],
    ["Queries of others", said(node.queries_answered)],
  ];
  return h(
    "details",
    null,
    h("summary", null, "Lookups and queries since the start"),
    h("dl", { class: "counts" }, rows.map(([term, value]) => h("div", null, h("dt", null, term), h("dd", null, value)))),
  );
}

/** "replied 120, timed out 3", the most frequent first. */
function said(counts) {
  const parts = Object.entries(counts).sort(([, one], [, other]) => other - one);
  return parts.map(([name, count]) => `${name.replaceAll("_", " ")} ${whole(count)}`).join(", ") || "none";
}
