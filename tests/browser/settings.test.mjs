// The settings: two pages of a browser that share them, and storage that takes none.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./support/driver.mjs";
import { pageTest } from "./support/page.mjs";
import { parts } from "./support/parts.mjs";

const { SettingsStore } = await parts("page", ["settings"]);

/** Settings that a page finds in the storage. @param {import("playwright-core").Page} page */
const stored = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("sshard.settings") ?? "{}").settings);

pageTest("a page that changes a setting keeps those that another page has changed since", {}, async ({ page, url }) => {
  const other = await page.context().newPage();
  for (const one of [page, other]) {
    await one.goto(url);
    await one.getByRole("button", { name: "Settings" }).click();
  }
  await other.getByLabel("Font size").fill("20");
  await other.getByRole("button", { name: "Done" }).click();
  // The pages have processes of their own.
  await until(async () => (await stored(page))?.fontSize === 20, "the change of the other page");
  await page.getByLabel("Theme").selectOption("light");
  const { fontSize, theme } = await stored(page);
  assert.deepEqual([fontSize, theme], [20, "light"]);
});

test("without storage, and with a full one, settings last as long as the page", () => {
  const refuse = () => { throw new Error("QuotaExceededError"); };
  const full = { getItem: () => JSON.stringify({ version: 1, settings: { fontSize: 9 } }), setItem: refuse };
  for (const [storage, fontSize] of /** @type {const} */ ([[undefined, 14], [full, 9]])) {
    Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true });
    const store = new SettingsStore({});
    store.set({ theme: "light" });
    store.set({ scrollback: 100 });
    const { current } = store;
    assert.deepEqual([current.theme, current.scrollback, current.fontSize], ["light", 100, fontSize]);
  }
});
