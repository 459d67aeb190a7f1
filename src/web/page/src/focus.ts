// The focus, which decides where keys go: nothing that happens by itself moves it out of what the user types into.

/** Returns true if the focus is in `element` or nowhere, so that moving it within `element` diverts no key. */
export function mayTakeFocus(element: HTMLElement): boolean {
  const active = document.activeElement;
  return !element.hidden && (active === null || active === document.body || element.contains(active));
}

/** Waits until the focus comes into `element`, or `signal` aborts. */
export function focusWithin(element: HTMLElement, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      element.removeEventListener("focusin", end);
      signal.removeEventListener("abort", end);
      resolve();
    };
    element.addEventListener("focusin", end);
    signal.addEventListener("abort", end);
  });
}
