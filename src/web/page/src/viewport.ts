// Height of the page on phones: in Safari the on-screen keyboard covers the layout viewport, and the key row with it.

/** Height in which only what is needed for typing is shown, in CSS pixels: an on-screen keyboard leaves so little. */
const LOW = 240;

/** Keeps the page as high as its visible part, and scrolled to the top. A page zoomed by fingers stays as it is. */
export function followVisualViewport(): void {
  const viewport = window.visualViewport;
  if (viewport === null || viewport === undefined) {
    return;
  }
  const follow = () => {
    if (viewport.scale > 1.01) {
      return;
    }
    document.documentElement.style.setProperty("--height", `${viewport.height}px`);
    document.documentElement.classList.toggle("low", viewport.height < LOW);
    if (viewport.offsetTop > 0) {
      scrollTo(0, 0);
    }
  };
  viewport.addEventListener("resize", follow);
  viewport.addEventListener("scroll", follow);
  follow();
}
