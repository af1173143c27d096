// The mails, as `countersign mail preview` writes them: make test-browser.
//   - every kind in every language, with and without a code, and once with another's name, colour and logo, passes a check
//     against what Gmail, Outlook and Apple Mail show (caniemail.com); what they may leave out is listed, with why that does no harm;
//   - each is looked at in light, in dark and 360 px wide: axe finds nothing that cannot be read, nothing stands out at the side;
//   - nothing is asked of any host.
// make test-browser PICTURES=DIR leaves the pictures there.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { mkdirSync, mkdtempSync, readdirSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const path = require("node:path");
const { after, before, test } = require("node:test");
const axe = require("axe-core");
const { caniemail } = require("caniemail");
const { chromium } = require("playwright-core");

const pictures = process.env.PICTURES;
const templates = path.resolve(__dirname, "../../mail/templates");
const languages = readdirSync(path.join(templates, "layout")).filter((name) => name.endsWith(".tmpl")).map((name) => path.parse(name).name);
const kinds = readdirSync(templates).filter((name) => name !== "layout");

// What one or another mail program leaves out, and what happens then.
const spared = {
  "color-scheme CSS property": "the program darkens the mail by its own rules, or does not",
  "color-scheme meta tag": "the same",
  "@media": "the mail stays light, or is darkened by the program's own rules",
  "<style> element": "the same: all else stands in the elements",
  "<body> element": "its colour is that of the table within, too",
  "display:none": "the line for the inbox is one pixel high, and of its background's colour",
  "max-height property": "the line for the inbox is not displayed there",
  "overflow": "the same",
  "border-radius": "corners are square",
  "target attribute": "links open in a window of their own anyway",
  "role attribute": "a screen reader there may say that there is a table",
  "word-break": "a long link is cut by the program, or makes the mail wider",
};

let browser, context, dir;

before(async () => {
  if (pictures) mkdirSync(pictures, { recursive: true });
  dir = mkdtempSync(path.join(tmpdir(), "countersign-mails-"));
  // Chromium's own sandbox does not start for root, whom CI runs as.
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", chromiumSandbox: false, args: ["--disable-gpu"] });
  context = await browser.newContext();
});

after(async () => {
  await browser?.close();
  rmSync(dir, { recursive: true });
});

for (const language of languages) {
  for (const kind of kinds) {
    test(`${kind} in ${language} is shown whole everywhere`, () => examine(`${kind}-${language}`, preview(kind, language)));
  }
  test(`A mail with nothing but a link in ${language} is shown whole everywhere`, () =>
    examine(`link-only-${language}`, preview("verify_account", language, "--link-only")));
}

for (const color of ["#ffd400", "#ffffff", "#000000"]) {
  test(`A mail with a logo and a button of ${color} is shown whole everywhere`, async () => {
    const logo = path.join(dir, "logo.png");
    const page = await context.newPage();
    await page.setContent(`<b style="font:italic 900 40px sans-serif;color:#888">ACME</b>`);
    await page.locator("b").screenshot({ path: logo, omitBackground: true });
    await page.close();
    const env = { MAIL_PRODUCT: "Acme & Sons", MAIL_COLOR: color, MAIL_LOGO: logo, MAIL_SUPPORT: "help@example.com" };
    const html = preview("verify_account", "en", env);
    assert.match(html, /<img src="data:image\/png;base64,/);
    await examine(`brand-${color.slice(1)}`, html);
  });
}

test("What mail programs do not show is found", () => {
  const bad = `<p style="display:flex;position:fixed">a</p><video src="a.mp4"></video>`;
  assert.deepEqual(missing(bad), ["<video> element", "display:flex", "position"]);
});

test("What is spared is needed", () => {
  const found = new Set(kinds.flatMap((kind) => unshown(preview(kind, "en"))));
  assert.deepEqual(Object.keys(spared).filter((title) => !found.has(title)), []);
});

// preview returns the HTML of a sample; the last argument may be settings.
function preview(kind, language, ...args) {
  const env = typeof args.at(-1) === "object" ? args.pop() : {};
  const command = ["mail", "preview", kind, "--locale", language, "--html", ...args];
  return execFileSync(path.resolve(__dirname, "../../bin/countersign"), command, { cwd: dir, env, encoding: "utf8" });
}

// unshown returns the titles of what one of the mail programs does not know at all.
function unshown(html) {
  const { issues } = caniemail({ clients: ["gmail.*", "outlook.*", "apple-mail.*"], html });
  return [...new Set([...issues.errors.values()].flat().map((issue) => issue.title))].sort();
}

function missing(html) {
  return unshown(html).filter((title) => !(title in spared));
}

// examine checks a mail and looks at it.
async function examine(name, html) {
  assert.deepEqual(missing(html), [], name);
  const page = await context.newPage();
  const asked = [];
  page.on("request", (request) => request.url().startsWith("data:") || asked.push(request.url()));
  await page.setContent(html);
  await page.evaluate(axe.source);
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [800, 360]) {
      await page.setViewportSize({ width, height: 740 });
      const { violations } = await page.evaluate(() => window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] }));
      const found = violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html} (${v.help})`));
      assert.deepEqual(found, [], `${name}, ${colorScheme}`);
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(sideways, 0, `${name} stands out at the side of ${width} px`);
      if (pictures) await page.screenshot({ path: path.join(pictures, `mail-${name}-${colorScheme}-${width}.png`), fullPage: true });
    }
  }
  await page.close();
  assert.deepEqual(asked, []);
}
