// Elements without markup: text goes in as text, whatever it holds, so a name can never become an element.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: `h("p", {class: "x"}, "text", child, [children])`. Attributes that are null or false are left out. */
export function h(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * Make `old` like `fresh` with as few changes as can be: what stays keeps its focus, its selection and its place, and
 * a live region speaks only when its words change.
 */
export function patch(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
  } else if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
  } else {
    patchAttributes(old, fresh);
    patchChildren(old, [...fresh.childNodes]);
  }
}

/** The same for all that is inside an element. */
export function patchChildren(parent, fresh) {
  const old = [...parent.childNodes];
  fresh.forEach((node, at) => (at < old.length ? patch(old[at], node) : parent.append(node)));
  old.slice(fresh.length).forEach((node) => node.remove());
}

function patchAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name); // a reader opened those details
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
