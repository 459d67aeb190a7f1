import { pageTest } from "./support/page.mjs";

pageTest("a password logs in, and what is typed is echoed", {}, async ({ page, driver, url, login, screenshot }) => {
  await page.goto(url);
  await screenshot("form");
  await driver.login(login);
  await driver.ready();
  const said = await driver.run("whoami");
  if (said !== login.user) throw new Error(said);
  await screenshot("terminal");
});
