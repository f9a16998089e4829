"""What of a page a telephone does not show."""

from __future__ import annotations

from typing import Any

PHONE = {"width": 390, "height": 844}

CUT_OFF = """() => {
  const CARDS = "#list, .stack";  // on a telephone; they stay within their box, too
  const edge = (node) => {
    const box = node.parentElement.closest(CARDS)?.parentElement;
    return box ? box.getBoundingClientRect().right : innerWidth;
  };
  const within = (node) => {
    if (node.parentElement.closest(".skip, .unseen")) return true;
    if (node.parentElement.closest(CARDS)) return false;
    for (let up = node.parentElement; up && up !== document.body; up = up.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(up).overflowX)) return true;
    }
    return false;
  };
  const out = (part, most) => [...part.getClientRects()].some(
    (one) => one.width && (one.right > most + 0.5 || one.left < -0.5));
  const beyond = [], words = document.createRange();
  const all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = all.nextNode(); node; node = all.nextNode()) {
    const text = node.nodeType === Node.TEXT_NODE;
    if (text ? !node.data.trim() : node.matches(".skip, .unseen")) continue;
    if (text) words.selectNodeContents(node);
    if (out(text ? words : node, edge(node)) && !within(node)) beyond.push(text ? node.data : node.outerHTML);
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  return { beyond: beyond.slice(0, 5).map((one) => one.slice(0, 120)), scrolls: scrollWidth > clientWidth };
}"""


def cut_off(page: Any) -> list[str]:
    """What of a page lies beyond the sides of the screen where nobody can scroll to it, hidden or not.

    Words are looked at themselves: a box may be narrower than what is written in it.
    """
    found = page.evaluate(CUT_OFF)
    return [*found["beyond"], *(["the page scrolls to the side"] if found["scrolls"] else [])]
