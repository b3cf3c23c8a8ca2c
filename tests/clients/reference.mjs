// Reads the reference page as a visitor would and tries out an operation. Says as JSON what it saw; the test judges.
//   node reference.mjs <url of the server> <access token> <body of create-crew>
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

// Headers that nobody sends who does not ask for them.
const OPTIONAL = ["if-match", "idempotency-key", "prefer"];
const [url, token, body] = process.argv.slice(2);
const CREATE_CREW = "krugo/tag/crews/POST/create-crew";
// One of each other dialect.
const READ = [
  "rentals/tag/propertycatalog/POST/propertycatalog-api/v1/listingcalendars",
  "open-event/tag/users/GET/v1/users",
  "eventbookings/tag/me/GET/me/mutes",
  "keyper/tag/connectorcnct/GET/v1/ConnectorCnct/TicketSystemsForService",
];
const WIDE = { viewport: { width: 1400, height: 900 }, colorScheme: "light" };
const NARROW = { viewport: { width: 375, height: 812 }, colorScheme: "dark" };

const seen = { requests: [], errors: [], operations: {} };
const browser = await chromium.launch({ executablePath: chromiumPath() });

// Of the system, under the name that it has there.
function chromiumPath() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const paths = process.env.PATH.split(delimiter).flatMap((dir) => names.map((name) => join(dir, name)));
  return paths.find(existsSync) ?? names[0];
}

async function visitor(options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(60_000);
  context.on("request", (request) => seen.requests.push(request.url()));
  context.on("weberror", (error) => seen.errors.push(error.error().message));
  context.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  return context;
}

// The page at the link of an operation, and the operation on it. Each time anew, as from a link elsewhere.
async function open(context, link) {
  const page = await context.newPage();
  await page.goto(`${url}/docs#${link}`, { waitUntil: "networkidle" });
  const operation = page.locator(`[id="${link}"]`);
  await operation.getByRole("heading").first().waitFor();
  // It stands at the top once all before it is rendered.
  await page.waitForFunction((id) => Math.abs(document.getElementById(id).getBoundingClientRect().top) < 200, link);
  return { page, operation };
}

async function read(context, link) {
  const { page, operation } = await open(context, link);
  seen.operations[link.split("/")[0]] = await operation.innerText();
  await page.close();
}

async function tryOut(context) {
  const { page, operation } = await open(context, CREATE_CREW);
  await page.getByPlaceholder("Token").fill(token);
  seen.operations.krugo = await operation.innerText();
  await operation.getByRole("button", { name: /Test Request/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator(".cm-content").first().click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(body);
  const answered = page.waitForResponse((response) => response.request().method() === "POST");
  await dialog.getByRole("button", { name: /^Send post request/ }).click();
  const response = await answered;
  const answer = await response.json();
  await dialog.getByText(`"${answer.id ?? answer.message}"`).waitFor();
  seen.sent = {
    url: response.url(),
    authorization: await response.request().headerValue("authorization"),
    optional: Object.keys(await response.request().allHeaders()).filter((name) => OPTIONAL.includes(name)),
    status: response.status(),
    answer,
  };
  await page.close();
}

async function lookNarrowly() {
  const { page, operation } = await open(await visitor(NARROW), CREATE_CREW);
  seen.narrow = {
    width: await page.evaluate(() => document.documentElement.scrollWidth),
    background: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    text: await operation.evaluate((element) => getComputedStyle(element).color),
  };
}

// What the policy is for: a script that reaches out is not let. Apart, as this is an error on the page.
async function reachOut() {
  const page = await browser.newPage();
  await page.goto(`${url}/docs`, { waitUntil: "commit" });
  seen.refused = await page.evaluate(
    () =>
      new Promise((resolve) => {
        document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
        setTimeout(() => resolve("nothing"), 5_000);
        fetch("http://127.0.0.1:9/").catch(() => null);
      }),
  );
}

// One after the other: side by side, on a machine with much to do, none of them would end in time.
const wide = await visitor(WIDE);
await tryOut(wide);
for (const link of READ) await read(wide, link);
await lookNarrowly();
await reachOut();
await browser.close();
console.log(JSON.stringify(seen));
