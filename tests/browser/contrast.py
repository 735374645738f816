"""Whether text can be read: its contrast with what lies behind it (WCAG 2.2, "Contrast (Minimum)", level AA)."""

from __future__ import annotations

from playwright.sync_api import Page

ENOUGH = 4.5
"""Of text of usual size; large text would do with 3."""

_FAINT = """(enough) => {
  const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const pixel = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) =>
    0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = pixel(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = element.closest("svg") ? style.fill : style.color;
    const [light, dark] = [luminance(pixel(ink)), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < enough) faint.push(`${ratio.toFixed(2)}: ${walker.currentNode.data.trim()}`);
  }
  return faint;
}"""


def faint_text(page: Page) -> list[str]:
    """What has too little contrast, with its ratio; opacity is not looked at, so don't fade text by it."""
    found: list[str] = page.evaluate(_FAINT, ENOUGH)
    return found
