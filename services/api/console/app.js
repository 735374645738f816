// The page: asks for the fleet every two seconds and shows it. When the API is away it says so, and goes on by itself.

import { forgetKey, get, hasKey, keepKey } from "./api.js";
import { bus } from "./bus.js";
import { h, patchChildren } from "./dom.js";
import { health } from "./health.js";
import { History } from "./history.js";
import { dhtNodes } from "./nodes.js";
import { overview } from "./overview.js";
import { apiReplicas, cryptoReplicas, processes } from "./replicas.js";
import { themes } from "./theme.js";

const EVERY_MS = 2000;
const HIDDEN_EVERY_MS = 20_000;
const LETTERS = 10;
const LETTERS_EVERY_S = 30;

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;

const NO_SCOPE = "This key may not look at the fleet: it lacks the scope admin.";
const WRONG_KEY = "The API does not know this key, or it has expired.";
const NO_KEY = "An API key is made of letters, digits and signs, without spaces.";

const element = (id) => document.getElementById(id);
const history = new History();
let letters = { count: 0, taken: 0, list: [] };
let timer = 0;
let asking = false;

/** Ask and show, again and again; never twice at the same time. */
async function turn() {
  if (asking) return;
  window.clearTimeout(timer);
  asking = true;
  let pause = EVERY_MS;
  try {
    pause = await round();
  } finally {
    asking = false;
    if (pause !== null) timer = window.setTimeout(turn, pause);
  }
}

/** Milliseconds until the next round; null when nothing helps but a key. */
async function round() {
  const pause = document.hidden ? HIDDEN_EVERY_MS : EVERY_MS;
  try {
    const fleet = await get("v1/fleet");
    await readLetters(fleet);
    askForKey(false);
    show(fleet, performance.now() / 1000);
    connection("live", "live");
  } catch (error) {
    if (error.status === UNAUTHORIZED || error.status === FORBIDDEN) {
      refuse(error.status);
      return null;
    }
    if (error.status === undefined) throw error;
    connection("reconnecting", error.status ? `reconnecting: ${error.message}` : "reconnecting");
    return Math.max(pause, (error.retryAfter ?? 0) * 1000);
  }
  return pause;
}

/** The dead letters: read again when there are others than before, and now and then, as old ones make room. */
async function readLetters(fleet) {
  const count = Object.values(fleet.dead_letters).reduce((sum, of) => sum + of, 0);
  const now = performance.now() / 1000;
  const old = now - letters.taken > LETTERS_EVERY_S;
  if (count !== letters.count || (count && old)) {
    const { letters: list } = await get(`v1/fleet/dead-letters?limit=${LETTERS}`);
    letters = { count, taken: now, list };
  }
}

/** Show an answer that came at `now` (seconds, by the page's own clock). */
function show(fleet, now) {
  history.take(fleet.processes, now);
  const older = now - letters.taken;
  const aged = letters.list.map((letter) => ({ ...letter, age_s: letter.age_s + older }));
  const page = element("fleet");
  patchChildren(page, [
    health(fleet),
    overview(fleet, history, now),
    dhtNodes(fleet, history, now),
    bus(fleet, aged),
    apiReplicas(fleet, history),
    cryptoReplicas(fleet, history),
    processes(fleet),
  ]);
  page.setAttribute("aria-busy", "false");
  document.title = fleet.healthy ? "Scout console" : `(${fleet.problems.length}) Scout console`;
}

function connection(state, words) {
  const shown = element("connection");
  if (shown.textContent !== words) shown.textContent = words;
  shown.dataset.state = state;
  document.body.dataset.connection = state;
}

/** Show the form for the key or hide it. */
function askForKey(wanted, message = "") {
  element("key-form").hidden = !wanted;
  element("forget").hidden = !hasKey();
  element("key-message").hidden = !message;
  element("key-message").textContent = message;
  if (wanted) patchChildren(element("fleet"), []);
}

function refuse(status) {
  const message = !hasKey() ? "" : status === FORBIDDEN ? NO_SCOPE : WRONG_KEY;
  forgetKey();
  askForKey(true, message);
  connection("locked", "locked");
  element("key").focus();
}

element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = element("key");
  const text = input.value.trim();
  input.value = "";
  if (keepKey(text)) turn();
  else askForKey(true, NO_KEY);
});

element("forget").addEventListener("click", () => {
  forgetKey();
  window.location.reload();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && element("key-form").hidden) turn();
});

themes(element("theme"));
patchChildren(element("fleet"), [h("p", { class: "empty loading" }, "Asking the fleet how it is …")]);
turn();
