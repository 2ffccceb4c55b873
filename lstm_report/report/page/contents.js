// Marks in the contents the section that is being read, and keeps the mark in sight.

/** Marks the section now, and whenever the page is scrolled or changes its size. */
export function markContents() {
  const links = [...document.querySelectorAll(".contents.wide li a")];
  const names = links.map((link) => decodeURIComponent(link.hash.slice(1)));
  const headings = names.map((name) => document.getElementById(name));
  let marked;

  function mark() {
    const line = innerHeight / 3;
    const here = headings.findLastIndex((heading) => heading.getBoundingClientRect().top < line);
    const link = links[here];
    if (link === marked) return;
    marked?.removeAttribute("aria-current");
    link?.setAttribute("aria-current", "location");
    link?.scrollIntoView({ block: "nearest", behavior: "instant" });
    marked = link;
  }

  addEventListener("scroll", mark, { passive: true });
  addEventListener("resize", mark);
  mark();
}
