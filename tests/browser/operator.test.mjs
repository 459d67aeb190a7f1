// The operator's page on the admin listener, beside the terminal page whose sessions it shows.
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertAccessible } from "./support/axe.mjs";
import { DEADLINE } from "./support/driver.mjs";
import { serveOrigin } from "./support/origin.mjs";
import { openShell, pageTest } from "./support/page.mjs";

/** @typedef {import("playwright-core").Page} Page */
const TOKEN = "correct-horse-battery-staple";
/** The admin listener has a port of its own. */
const LOOPBACK = ["http://127.0.0.1:", "http://localhost:"];

/** Logs in on the terminal page, and opens the operator's in another tab. @param {import("./support/page.mjs").Fixtures} fixtures */
async function bothPages(fixtures) {
  await openShell(fixtures);
  const { page, bridge } = fixtures;
  const operator = await page.context().newPage();
  await operator.setViewportSize({ width: 1280, height: 900 });
  await operator.goto(`http://${bridge.admin}/`);
  await sessions(operator).waitFor({ timeout: DEADLINE });
  return operator;
}

/** The rows of the list of sessions. @param {Page} operator */
function sessions(operator) {
  return operator.locator("#sessions tbody tr");
}

/** @param {Page} operator @param {RegExp} pattern */
async function waitForText(operator, pattern) {
  await operator.getByText(pattern).first().waitFor({ timeout: DEADLINE });
}

pageTest("the operator ends a session after a question that names it, and its user sees why", {
  origins: LOOPBACK, settings: ["admin.show_users=true"],
}, async (fixtures) => {
  const { driver, page, login, screenshot } = fixtures;
  const operator = await bothPages(fixtures);
  const row = sessions(operator);
  await row.filter({ hasText: "active" }).waitFor({ timeout: DEADLINE });
  const text = await row.innerText();
  for (const part of ["127.0.0.1", login.server, login.user]) assert.ok(text.includes(part), `${part} in ${text}`);
  const id = await row.getByRole("rowheader").innerText();
  await waitForText(operator, /1 active, 0 logging in/);
  await assertAccessible(operator, "overview");
  let commands = 0;
  operator.on("request", (request) => {
    if (request.method() === "DELETE") commands += 1;
  });
  await row.getByRole("button", { name: "End session" }).click();
  const question = operator.getByRole("dialog");
  assert.match(await question.innerText(), new RegExp(`${id}[0-9a-f]{24}`));
  await assertAccessible(operator, "question");
  await question.getByRole("button", { name: "Keep it" }).click();
  await row.getByRole("button", { name: "End session" }).click();
  await question.getByRole("button", { name: "End session" }).click();
  await waitForText(operator, /is being ended/);
  await waitForText(operator, /There are no sessions/);
  assert.equal(commands, 1);
  await page.bringToFront();
  assert.match(await driver.ending(), /An administrator ended the session/);
  await page.getByRole("button", { name: "Reconnect" }).waitFor();
  await operator.bringToFront();
  await operator.locator("#failures").getByText("killed").waitFor({ timeout: DEADLINE });
  await screenshot("operator-ended");
});

pageTest("the bridge searches the list, and a session is shown in full", {
  origins: LOOPBACK,
}, async (fixtures) => {
  const operator = await bothPages(fixtures);
  const search = operator.getByLabel("Search");
  await search.fill("nobody-has-this");
  await waitForText(operator, /No session matches/);
  // The longest, in characters of the most bytes: only the list has another content.
  await search.fill("漢".repeat(200));
  await operator.waitForResponse(/search=.{1800}/, { timeout: DEADLINE });
  await waitForText(operator, /No session matches/);
  assert.equal(await operator.getByText("ready", { exact: true }).count(), 1);
  await search.fill(`127.0.0.1 ${fixtures.sshd.port}`);
  await sessions(operator).waitFor({ timeout: DEADLINE });
  await operator.getByLabel("Shard", { exact: true }).selectOption("shard 0");
  await operator.getByLabel("State").selectOption("connecting");
  await waitForText(operator, /No session matches/);
  await operator.getByLabel("State").selectOption("active");
  await sessions(operator).getByRole("rowheader").getByRole("button").click();
  const dialog = operator.getByRole("dialog");
  assert.match(await dialog.innerText(), /Sessions at this target\s+1/);
  await operator.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached", timeout: DEADLINE });
  assert.equal(await operator.evaluate(() => document.activeElement?.closest("th") !== null), true, "focus comes back");
  await operator.getByRole("button", { name: "Target" }).click();
  await operator.locator('th[aria-sort="ascending"]').getByText("Target").waitFor({ timeout: DEADLINE });
});

const tokenFile = join(mkdtempSync(join(tmpdir(), "sshard-token-")), "token");
writeFileSync(tokenFile, TOKEN, { mode: 0o600 });

pageTest("the token is typed once, and is kept in memory only", {
  origins: LOOPBACK, settings: [`admin.token_file=${tokenFile}`], expectConsole: [/401/],
}, async ({ page, bridge, screenshot }) => {
  const url = `http://${bridge.admin}/`;
  await page.goto(url);
  await waitForText(page, /admin\.token_file/);
  await assertAccessible(page, "token");
  await screenshot("operator-token");
  const enter = async (/** @type {string} */ token) => {
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
  };
  await enter("wrong-horse-battery-staple");
  await waitForText(page, /refused this token/);
  assert.equal(await page.getByLabel("Token").inputValue(), "");
  await enter("has a space");
  await waitForText(page, /without spaces/);
  await enter(TOKEN);
  await waitForText(page, /There are no sessions/);
  const kept = await page.evaluate(() => JSON.stringify([
    location.href, history.length, { ...localStorage }, { ...sessionStorage }, document.cookie, document.documentElement.outerHTML,
  ]));
  assert.ok(!kept.includes(TOKEN));
  assert.equal(page.url(), url);
  await page.getByRole("button", { name: "Forget token" }).click();
  await waitForText(page, /requires the token/);
});

pageTest("a drain is counted down, and the end of the bridge is shown", {
  origins: LOOPBACK, settings: ["server.drain_timeout=30s"], expectConsole: [/ERR_CONNECTION|ERR_EMPTY/],
}, async (fixtures) => {
  const operator = await bothPages(fixtures);
  await operator.getByRole("button", { name: "Drain…" }).click();
  const question = operator.getByRole("dialog");
  assert.match(await question.innerText(), /1 session has 30s to end/);
  await question.getByRole("button", { name: "Drain and stop the bridge" }).click();
  await waitForText(operator, /Draining: no new sessions\. 1 session is left, to be closed in \d+ s/);
  assert.equal(await operator.getByRole("button", { name: "Drain…" }).isDisabled(), true);
  // Its session ends with it, and the bridge with the last session.
  await fixtures.page.close();
  await waitForText(operator, /has exited after its drain.*no answer since \d\d:\d\d:\d\d/);
  await assertAccessible(operator, "not answering");
});

pageTest("a bridge that hangs is shown as not answering since a time, and as ready once it answers", {
  origins: LOOPBACK, expectConsole: [/ERR_/],
}, async ({ page, bridge }) => {
  await page.goto(`http://${bridge.admin}/`);
  await waitForText(page, /There are no sessions/);
  const pid = /** @type {number} */ (bridge.child.pid);
  process.kill(pid, "SIGSTOP");
  try {
    await waitForText(page, /Not answering since \d\d:\d\d:\d\d .*No answer within 5 s/);
    await page.getByText("not answering", { exact: true }).waitFor({ timeout: DEADLINE });
    assert.equal(await page.getByRole("button", { name: "Reload configuration…" }).isDisabled(), true);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await page.getByText("ready", { exact: true }).waitFor({ timeout: DEADLINE });
  assert.equal(await page.getByText(/Not answering since/).count(), 0);
});

pageTest("a hidden page sends no requests, and one at once when it is visible again", {
  origins: LOOPBACK,
}, async ({ page, bridge }) => {
  // Headless Chromium hides no tab: the property is mocked.
  await page.addInitScript(() => {
    Object.defineProperty(document, "hidden", { get: () => /** @type {any} */ (globalThis).isHidden === true });
  });
  const see = (/** @type {boolean} */ isHidden) => page.evaluate((value) => {
    Object.assign(globalThis, { isHidden: value });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
  await page.goto(`http://${bridge.admin}/`);
  await waitForText(page, /There are no sessions/);
  await see(true);
  // What was under way when it was hidden.
  await page.waitForLoadState("networkidle");
  let asked = 0;
  page.on("request", () => { asked += 1; });
  // Longer than two pauses: nothing to wait for but the time itself.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 5000)));
  assert.equal(asked, 0);
  const request = page.waitForRequest(/stats/, { timeout: DEADLINE });
  await see(false);
  await request;
});

const evilOrigin = await serveOrigin();

pageTest("a page of another origin can neither frame the page nor end a session", {
  origins: LOOPBACK, expectConsole: [/frame|CORS|ERR_|blocked/i],
}, async (fixtures) => {
  const operator = await bothPages(fixtures);
  const { bridge, page } = fixtures;
  const id = await operator.evaluate(async () => (await (await fetch("api/v1/sessions")).json()).sessions[0].id);
  const evil = await page.context().newPage();
  await evil.goto(evilOrigin.replace("127.0.0.1", "localhost"));
  await evil.evaluate(async (address) => {
    const frame = document.createElement("iframe");
    frame.src = `http://${address}/`;
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
    document.body.append(frame);
    await loaded;
  }, bridge.admin);
  assert.ok(!evil.frames().some((frame) => frame.url().startsWith(`http://${bridge.admin}`)), "the page is framed");
  const outcomes = await evil.evaluate(async ({ address, session }) => {
    const target = `http://${address}/api/v1/sessions/${session}`;
    /** @type {RequestInit[]} */
    const tries = [
      { method: "DELETE", headers: { "X-Sshard-Admin": "1" } }, { method: "DELETE" },
      { method: "POST", mode: "no-cors", body: "x" }, { mode: "no-cors" }, {},
    ];
    const outcomes = [];
    for (const init of tries) {
      outcomes.push(await fetch(target, init).then((answer) => answer.status, () => "refused"));
    }
    return outcomes;
  }, { address: bridge.admin, session: id });
  // 0 is an answer that the page may not read.
  assert.ok(outcomes.every((outcome) => outcome === "refused" || outcome === 0), outcomes.join());
  await evil.close();
  await page.bringToFront();
  assert.equal(await fixtures.driver.run("echo alive"), "alive");
});

pageTest("a refused query concerns the list alone", {
  origins: LOOPBACK, expectConsole: [/400/],
}, async (fixtures) => {
  const operator = await bothPages(fixtures);
  await operator.route(/search=/, (route) => route.continue({ url: route.request().url().replace("search=", "unknown=") }));
  await operator.getByLabel("Search").fill("x");
  await waitForText(operator, /The list is not up to date: Unknown parameter "unknown"/);
  assert.equal(await operator.getByText("ready", { exact: true }).count(), 1);
  assert.equal(await sessions(operator).count(), 1);
  await operator.getByLabel("Search").fill("");
  await operator.getByText(/The list is not up to date/).waitFor({ state: "detached", timeout: DEADLINE });
});

pageTest("every width shows the target of a session, and a link leads below the bar", {
  origins: LOOPBACK, settings: ["admin.show_users=true"],
}, async (fixtures) => {
  const operator = await bothPages(fixtures);
  const target = sessions(operator).locator(".target");
  for (const width of [768, 769, 880, 960, 961, 1024, 1248, 1249]) {
    await operator.setViewportSize({ width, height: 700 });
    assert.equal(await operator.evaluate(() => document.documentElement.scrollWidth), width);
    const text = await target.evaluate((cell) => ({ needs: cell.scrollWidth, has: cell.clientWidth }));
    assert.ok(text.needs <= text.has, `${width}: ${JSON.stringify(text)}`);
    await operator.getByRole("link", { name: "Failures" }).click();
    const heading = operator.locator("#failures h2");
    const isCovered = await heading.evaluate((element) => {
      const { left, top } = element.getBoundingClientRect();
      return document.elementFromPoint(left + 2, top + 2) !== element;
    });
    assert.equal(isCovered, false, `${width}: the heading is under the bar`);
  }
});

pageTest("the page is readable on a phone and in both colour schemes, without a layout shift", {
  origins: LOOPBACK, context: { viewport: { width: 390, height: 844 }, colorScheme: "light" },
}, async ({ page, bridge, screenshot }) => {
  await page.addInitScript(() => {
    Object.assign(globalThis, { shift: 0 });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { value, hadRecentInput } = /** @type {any} */ (entry);
        if (!hadRecentInput) /** @type {any} */ (globalThis).shift += value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(`http://${bridge.admin}/`);
  await waitForText(page, /There are no sessions/);
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme });
    await assertAccessible(page, `phone, ${colorScheme}`);
  }
  await page.setViewportSize({ width: 320, height: 640 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  await page.setViewportSize({ width: 390, height: 844 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  assert.ok(await page.evaluate(() => /** @type {any} */ (globalThis).shift) < 0.05);
  await screenshot("operator-phone");
});
