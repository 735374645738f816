// What the page does beyond being read: copy, filter, show where one is. Without it nothing is missing but that.

const DONE_MS = 1500;

function make(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

// copy

async function copy(block, button) {
  const code = block.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    // only secure pages may write to the clipboard: elsewhere one key is left to press
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
  button.dataset.done = "";
  setTimeout(() => {
    button.textContent = "Copy";
    delete button.dataset.done;
  }, DONE_MS);
}

for (const block of document.querySelectorAll(".block")) {
  const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
  button.setAttribute("aria-label", `Copy: ${block.querySelector("pre").getAttribute("aria-label")}`);
  button.addEventListener("click", () => copy(block, button));
  block.append(button);
}

// the address that this page came from is where the calls go

const steps = document.querySelector("#first-steps code");
steps.textContent = steps.textContent.replace("http://127.0.0.1:8080", location.origin);

// filter

const contents = document.querySelector(".contents");
const filter = make("input", { type: "search", className: "filter", placeholder: "Filter  /" });
filter.setAttribute("aria-label", "Filter the contents");
contents.querySelector("nav").prepend(filter);

filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const group of contents.querySelectorAll("nav > ul > li")) {
    for (const entry of group.querySelectorAll("li")) {
      const link = entry.firstElementChild;
      entry.hidden = !`${link.textContent} ${link.title}`.toLowerCase().includes(wanted);
    }
    group.hidden = !group.querySelector("li:not([hidden])");
  }
});

addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey;
  if (event.key === "/" && !typing && contents.open) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === "Escape" && event.target === filter) {
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
    filter.blur();
  }
});

// narrow: the contents begin folded, and fold again when something was chosen

const narrow = matchMedia("(max-width: 60rem)");
const fold = () => { contents.open = !narrow.matches; };
narrow.addEventListener("change", fold);
fold();
contents.addEventListener("click", (event) => {
  if (narrow.matches && event.target.closest("a")) contents.open = false;
});

// where one is

const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
const places = [...links.keys()].map((id) => document.getElementById(id));
const TOP = 120;

function follow() {
  const here = places.findLast((place) => place.getBoundingClientRect().top < TOP) ?? places[0];
  for (const [id, link] of links) {
    if (id === here.id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

places.sort((one, other) => (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
let waiting = false;
addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; follow(); });
}, { passive: true });
follow();
