// The focus, which decides where keys go: nothing that happens by itself moves it out of what the user types into.

/** Returns true if the focus is in `element` or nowhere, so that moving it within `element` diverts no key. */
export function mayTakeFocus(element: HTMLElement): boolean {
  if (element.hidden || document.querySelector("dialog[open]") !== null) {
    return false;
  }
  const active = document.activeElement;
  return active === null || active === document.body || element.contains(active);
}
