// The pages in a real Chromium, served by a real `countersign run`: make test-browser.
//   - every state is examined in light, in dark and 360 px wide: axe finds no violation, nothing stands out at the side;
//   - nothing is asked of another host, nothing is logged to the console, nothing breaks the content security policy;
//   - a test waits for what a person would see, never for a time.
// make test-browser PICTURES=DIR leaves a picture of every state there, for what only eyes can judge.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const { mkdtempSync, mkdirSync, readdirSync, rmSync } = require("node:fs");
const net = require("node:net");
const { tmpdir } = require("node:os");
const path = require("node:path");
const { after, before, test } = require("node:test");
const { setTimeout: pause } = require("node:timers/promises");
const axe = require("axe-core");
const { chromium } = require("playwright-core");

const pictures = process.env.PICTURES;
const chromiumFlags = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// What the pages say, by language.
const languages = path.resolve(__dirname, "../../web/public/languages");
const messages = Object.fromEntries(readdirSync(languages).map((name) => [path.parse(name).name, require(path.join(languages, name))]));

let countersign, browser;

before(async () => {
  if (pictures) mkdirSync(pictures, { recursive: true });
  countersign = await startCountersign();
  // Chromium's own sandbox does not start for root, whom CI runs as.
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", chromiumSandbox: false, args: chromiumFlags });
});

after(async () => {
  await browser?.close();
  await countersign?.stop();
});

// Before anybody registers.

walk("An inbox without mails says so", async (page, examine) => {
  await page.goto(countersign.inbox);
  await page.getByText("No mail yet.").waitFor();
  await examine("inbox-empty");
});

// A person.

walk("A person who mistypes the code sees how many tries are left, corrects it and is verified", async (page, examine) => {
  await page.goto(countersign.public);
  await examine("register");
  await register(page, "ada@example.com", "Ada");
  await title(page, "Enter your code");
  await examine("code");
  const { code } = await mailTo("ada@example.com");
  await enter(page, another(code));
  await alert(page, "This is not the code that we mailed. You have 4 tries left.");
  await blamed(page, "Code");
  await examine("code-wrong");
  await enter(page, `${code.slice(0, 3)} ${code.slice(3)}`);
  await title(page, "Address verified");
  await page.getByText("ada@example.com is yours.").waitFor();
  await examine("done");
});

walk("A person follows the mail's link, sees whom it is for, and is verified by a click", async (page, examine) => {
  await page.goto(countersign.public);
  await register(page, "grace@example.com", "Grace");
  await title(page, "Enter your code");
  const { link, verification } = await mailTo("grace@example.com");
  await page.goto(link);
  await title(page, "Verify your address");
  await page.getByText("Is grace@example.com your address, Grace?").waitFor();
  assert.equal(page.url(), countersign.public, "the link's secret stays in the address bar");
  await examine("link");
  assert.equal(await statusOf(verification), "pending", "the link verified without a click");
  await page.getByRole("button", { name: "Yes, verify my address" }).click();
  await title(page, "Address verified");
  assert.equal(await statusOf(verification), "verified");
});

for (const [locale, language] of [["de-AT", "de"], ["zh-CN", "zh-Hans"]]) {
  for (const javaScriptEnabled of [true, false]) {
    const how = `${javaScriptEnabled ? "with" : "without"} JavaScript, in ${language}`;
    const state = (name) => `${name}-${language}${javaScriptEnabled ? "" : "-plain"}`;
    const says = (id, values) => say(language, id, values);

    walk(`A person ${how}, mistypes the code, corrects it and is verified`, async (page, see) => {
      const email = `${state("ada")}@example.com`.toLowerCase();
      await page.goto(countersign.public);
      await see(state("register"));
      await register(page, email, "Ada");
      await title(page, says("title.code"));
      await page.getByText(says("code.tries", { Count: 5 })).waitFor();
      await see(state("code"));
      const { code, text } = await mailTo(email);
      const [reference] = (await page.getByRole("main").innerText()).match(/\b[2-9B-Z]{3}\b/);
      assert.match(text, new RegExp(reference));
      await enter(page, another(code));
      await alert(page, says("problem.code_invalid", { Count: 4 }));
      await blamed(page, says("label.code"));
      await see(state("code-wrong"));
      await enter(page, code);
      await title(page, says("title.done"));
      await page.getByText(says("done", { Email: email })).waitFor();
      await see(state("done"));
    }, { locale, javaScriptEnabled });

    walk(`A person ${how}, follows the mail's link and is verified by a click`, async (page, see) => {
      const email = `${state("grace")}@example.com`.toLowerCase();
      await page.goto(countersign.public);
      await register(page, email, "Grace");
      const { link } = await mailTo(email);
      await follow(page, link);
      await title(page, says("title.link"));
      await page.getByText(says("link.question_name", { Email: email, Name: "Grace" })).waitFor();
      await see(state("link"));
      await page.getByRole("button", { name: says("button.link") }).click();
      await title(page, says("title.done"));
    }, { locale, javaScriptEnabled });

    walk(`A person ${how}, who did not ask for a mail, says so by a click and ends what a stranger began`, async (page, see) => {
      const email = `${state("emmy")}@example.com`.toLowerCase();
      await page.goto(countersign.public);
      await register(page, email, "Emmy");
      const { dispute, verification } = await mailTo(email);
      await follow(page, dispute);
      await title(page, says("title.dispute"));
      await page.getByText(says("dispute.question", { Email: email })).waitFor();
      await see(state("dispute"));
      assert.equal(await statusOf(verification), "pending", "the link ended it without a click");
      await page.getByRole("button", { name: says("button.dispute") }).click();
      await title(page, says("title.disputed"));
      await see(state("disputed"));
      await eventually("end of the verification", async () => (await statusOf(verification)) === "expired");
    }, { locale, javaScriptEnabled });
  }
}

walk("A person chooses a language, keeps what was typed, and is mailed in it", async (page, examine) => {
  for (const language of Object.keys(messages)) {
    await page.goto(countersign.public);
    await field(page, "E-mail address").fill(`${language}@example.com`);
    await page.getByRole("navigation", { name: "Language" }).getByRole("button", { name: messages[language].language }).click();
    await title(page, say(language, "title.register"));
    assert.equal(await languageOf(page), language);
    assert.equal(await field(page, say(language, "label.email")).inputValue(), `${language}@example.com`);
    await examine(`register-${language}`);
    await field(page, say(language, "label.first_name")).fill("Zoë");
    await page.getByRole("button", { name: say(language, "button.register") }).click();
    await title(page, say(language, "title.code"));
    await examine(`code-${language}`);
    const { id } = await mailTo(`${language.toLowerCase()}@example.com`);
    await page.goto(`${countersign.inbox}messages/${id}/html`);
    assert.equal(await languageOf(page), language);
    await look(page, `mail-${language}`);
  }
});

walk("A person without a mouse registers and verifies", async (page) => {
  const { keyboard } = page;
  await page.goto(countersign.public);
  await focused(page, "E-mail address");
  await keyboard.type("katherine@example.com");
  await keyboard.press("Tab");
  await focused(page, "First name");
  await keyboard.type("Katherine");
  await keyboard.press("Tab");
  await focused(page, "Last name");
  await keyboard.press("Tab");
  await focused(page, "Send me the code");
  await keyboard.press("Enter");
  await title(page, "Enter your code");
  await focused(page, "Code");
  await keyboard.type((await mailTo("katherine@example.com")).code);
  await keyboard.press("Tab");
  await focused(page, "Verify");
  await keyboard.press("Enter");
  await title(page, "Address verified");
  await focused(page, "Address verified");
});

walk("A wrong field is named by an error of its own and gets the focus", async (page, examine) => {
  await page.goto(countersign.public);
  await register(page, "ada@example.com", "<b>");
  await alert(page, "Please give a first name");
  await blamed(page, "First name");
  await examine("register-wrong");
  assert.equal(await field(page, "E-mail address").inputValue(), "ada@example.com");
});

walk("Two wrong fields are told both, and the first gets the focus", async (page, examine) => {
  await page.goto(countersign.public);
  await register(page, "ada..b@example.com", "<b>");
  await alert(page, "This address does not look right.");
  await alert(page, "Please give a first name");
  await blamed(page, "E-mail address");
  await described(page, "First name");
  await examine("register-both-wrong");
});

walk("A person who got no mail asks for it again, as soon as that makes sense", async (page, examine) => {
  await page.clock.install();
  await page.goto(countersign.public);
  await register(page, "rosalind@example.com", "Rosalind");
  const again = page.getByRole("button", { name: "Send it again" });
  await page.getByRole("button", { name: /^Send it again in \d+ s$/, disabled: true }).waitFor();
  await page.clock.fastForward("01:00");
  await page.getByRole("button", { name: "Send it again", exact: true, disabled: false }).click();
  await page.getByRole("status").filter({ hasText: "You asked for it again." }).waitFor();
  assert.equal(await again.isDisabled(), true);
  await examine("resent");
});

walk("Half a link is asked for again", async (page, examine) => {
  await page.goto(`${countersign.public}dispute#half.link`);
  await title(page, "Paste the link from your mail");
  await alert(page, "The link is not complete.");
  await examine("paste-wrong");
});

walk("A person who guesses too often is led back to the start", async (page, examine) => {
  await page.goto(countersign.public);
  await register(page, "mallory@example.com", "Mallory");
  const { code } = await mailTo("mallory@example.com");
  for (const left of ["4 tries", "3 tries", "2 tries", "one try"]) {
    await enter(page, another(code));
    await alert(page, `You have ${left} left.`);
  }
  await enter(page, another(code));
  await title(page, "Create your account");
  await alert(page, "no tries are left. Please start again.");
  await examine("locked");
});

walk("A form that did not get through can be sent again, and counts once", async (page, examine) => {
  await page.goto(countersign.public);
  await page.route("**/register", async (route) => {
    await route.fetch(); // arrives; the answer is lost
    await route.abort();
  }, { times: 1 });
  await register(page, "lost@example.com", "Lost");
  await alert(page, "There is no connection at the moment.");
  await examine("offline");
  await page.getByRole("button", { name: "Send me the code" }).click();
  await title(page, "Enter your code");
  await enter(page, (await mailTo("lost@example.com")).code);
  await title(page, "Address verified");
}, { logged: /net::ERR_FAILED/ });

// A developer.

walk("The inbox shows a mail as it came, and its link leads on", async (page, examine) => {
  await page.goto(countersign.public);
  await register(page, "hedy@example.com", "Hedy");
  await mailTo("hedy@example.com");
  await page.goto(countersign.inbox);
  await field(page, "Recipient").fill("hedy@");
  await page.getByRole("status").filter({ hasText: /^1 of / }).waitFor();
  await page.getByRole("listitem").getByRole("button", { name: "hedy@example.com" }).click();
  assert.equal(await page.locator("#html").getAttribute("sandbox"), "allow-popups allow-popups-to-escape-sandbox");
  const opened = page.waitForEvent("popup");
  await page.frameLocator("#html").getByRole("link", { name: "Verify without typing" }).click();
  await title(await opened, "Verify your address");
  await page.bringToFront();
  await examine("inbox");
  await page.getByRole("button", { name: "Text" }).click();
  await page.locator("#text").getByText("You asked to register hedy@example.com").waitFor();
  await examine("inbox-text");
});

walk("A hostile mail runs nothing, loads nothing and sends nothing", async (page) => {
  await deliver("eve@example.com", `<h1>Prize</h1><script>document.querySelector("h1").textContent = "Ran"</script>
    <img src="http://tracker.invalid/pixel.png" alt="" onerror="document.querySelector('h1').textContent = 'Ran'">
    <form action="http://tracker.invalid/"><button>Claim</button></form>`);
  await page.goto(countersign.inbox);
  await field(page, "Recipient").fill("eve@");
  await page.getByRole("listitem").getByRole("button", { name: "eve@example.com" }).click();
  const frame = page.frameLocator("#html");
  await frame.getByRole("button", { name: "Claim" }).click();
  assert.equal(await frame.getByRole("heading").textContent(), "Prize");
  await page.goto(new URL(await page.locator("#html").getAttribute("src"), countersign.inbox).href);
  await title(page, "Prize");
}, { logged: /violates the following Content Security Policy|Blocked (script execution|form submission)/ });

walk("What the listeners say of their calls can be read everywhere", async (page, examine) => {
  for (const [name, url] of [["docs", `${countersign.public}docs`], ["docs-internal", new URL("/docs", countersign.inbox).href]]) {
    await page.goto(url);
    await page.getByRole("heading", { name: "The API" }).waitFor();
    await page.locator("summary").first().click();
    await examine(name);
  }
});

// walk runs a test in a browser context of its own. What may be logged is what the test expects, and that the server
// refused what was typed.
function walk(name, way, { logged, ...options } = {}) {
  test(name, { timeout: 60_000 }, async () => {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(15_000);
    const complaints = [];
    context.on("weberror", (e) => complaints.push(e.error().stack));
    context.on("console", (message) => {
      const refusal = message.text().includes("the server responded with a status of 422 ");
      if (!refusal && !logged?.test(message.text())) complaints.push(message.text());
    });
    const asked = (request) => {
      const blocked = request.failure()?.errorText === "csp"; // never left, and the console tells
      if (!blocked && !ours(request.url())) complaints.push(`asked for ${request.url()}`);
    };
    context.on("requestfinished", asked);
    context.on("requestfailed", asked);
    try {
      const page = await context.newPage();
      await way(page, (state) => (options.javaScriptEnabled === false ? look : examine)(page, state));
    } finally {
      await context.close();
    }
    assert.deepEqual(complaints, []);
  });
}

function ours(url) {
  return url.startsWith(countersign.public) || url.startsWith(new URL("/", countersign.inbox).href);
}

// examine looks at a state with axe, too, which needs JavaScript in the page.
async function examine(page, state) {
  await page.evaluate(axe.source);
  await look(page, state, async (colorScheme) => {
    const { violations } = await page.evaluate(() => window.axe.run());
    const found = violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html} (${v.help})`));
    assert.deepEqual(found, [], `${state}, ${colorScheme}`);
  });
}

// look takes the pictures of a state, and says that nothing of it stands out at the side of a telephone.
async function look(page, state, closely = async () => {}) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await closely(colorScheme);
    await picture(page, `${state}-${colorScheme}`);
  }
  const size = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(sideways, 0, `${state} is wider than a telephone`);
  await picture(page, `${state}-narrow`);
  await page.setViewportSize(size);
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
}

// What a person does and sees.

// say returns a message as the pages have it.
function say(language, id, values = {}) {
  const message = id.split(".").reduce((group, name) => group[name], messages[language]);
  const text = (values.Count === 1 && message.one) || message.other || message;
  return text.replace(/{{\.(\w+)}}/g, (_, name) => values[name]);
}

function languageOf(page) {
  return page.locator("html").getAttribute("lang");
}

async function register(page, email, firstName) {
  const language = await languageOf(page);
  await field(page, say(language, "label.email")).fill(email);
  await field(page, say(language, "label.first_name")).fill(firstName);
  await page.getByRole("button", { name: say(language, "button.register") }).click();
}

async function enter(page, code) {
  const language = await languageOf(page);
  await field(page, say(language, "label.code")).fill(code);
  await page.getByRole("button", { name: say(language, "button.verify") }).click();
}

// follow opens a mail's link: without a script to read it, it is pasted.
async function follow(page, link) {
  await page.goto("about:blank"); // else only what stands behind the # would change
  await page.goto(link);
  if (page.url() !== link) return;
  const language = await languageOf(page);
  await field(page, say(language, "label.link")).fill(link);
  await page.getByRole("button", { name: say(language, "button.paste") }).click();
}

function field(page, label) {
  return page.getByRole("textbox", { name: label, exact: true }).or(page.getByRole("searchbox", { name: label, exact: true }));
}

function title(page, text) {
  return page.getByRole("heading", { level: 1, name: text }).waitFor();
}

function alert(page, text) {
  return page.getByRole("alert").filter({ hasText: text }).waitFor();
}

// blamed says that a field is described as wrong, and focused.
async function blamed(page, label) {
  await described(page, label);
  await focused(page, label);
}

// described says that a field is marked as wrong, and described by a sentence of the alert.
async function described(page, label) {
  const wrong = field(page, label);
  assert.equal(await wrong.getAttribute("aria-invalid"), "true");
  await page.getByRole("alert").locator(`#${await wrong.getAttribute("aria-describedby")}`).waitFor();
}

// focused waits until the element that goes by this name has the focus.
async function focused(page, name) {
  const focus = page.locator(":focus");
  await page.getByLabel(name).or(page.getByText(name, { exact: true })).and(focus).waitFor();
}

// What stands behind the pages.

// mailTo waits for the mail with the code.
async function mailTo(email) {
  const mail = await eventually(`a mail to ${email}`, async () => {
    const mails = await (await fetch(`${countersign.inbox}messages`)).json();
    return mails.find((m) => m.to.includes(email));
  });
  const link = mail.text.match(/^http.*\/#(.*)\..*$/m);
  return { id: mail.id, text: mail.text, code: mail.text.match(/\d{6}/)[0], link: link[0], verification: link[1], dispute: mail.text.match(/^http.*\/dispute#.*$/m)[0] };
}

async function statusOf(id) {
  return (await (await fetch(`${countersign.public}api/verifications/${id}`)).json()).status;
}

// another returns a code that is not this one.
function another(code) {
  return code.replace(/^\d/, (digit) => (Number(digit) + 1) % 10);
}

// deliver sends HTML to the inbox as any mail server does.
async function deliver(to, html) {
  const relay = net.connect(countersign.smtpPort, "127.0.0.1");
  const lines = ["EHLO localhost", "MAIL FROM:<eve@example.org>", `RCPT TO:<${to}>`, "DATA",
    `Subject: You won\r\nContent-Type: text/html\r\n\r\n${html.replace(/\r?\n/g, "\r\n")}\r\n.`, "QUIT"];
  for await (const reply of relay.setEncoding("utf8")) {
    assert.match(reply, /^[23]/);
    if (lines.length) relay.write(`${lines.shift()}\r\n`);
  }
}

async function startCountersign() {
  const dir = mkdtempSync(path.join(tmpdir(), "countersign-browser-"));
  const [http, internal, kafka, smtp] = await freePorts(4);
  const env = {
    PATH: process.env.PATH, HOME: dir, STATE_DIR: path.join(dir, "state"),
    HTTP_ADDR: `127.0.0.1:${http}`, INTERNAL_ADDR: `127.0.0.1:${internal}`,
    RATE_LIMIT: "off", EMBEDDED_KAFKA_ADDR: `127.0.0.1:${kafka}`, EMBEDDED_SMTP_ADDR: `127.0.0.1:${smtp}`,
  };
  const child = spawn(path.resolve(__dirname, "../../bin/countersign"), ["run"], { cwd: dir, env });
  const ended = once(child, "exit");
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
  await eventually("readiness", async () => {
    assert.equal(child.exitCode, null, "countersign ended");
    return (await fetch(`http://127.0.0.1:${internal}/readyz`).catch(() => null))?.ok;
  }).catch((error) => {
    kill();
    throw new Error(`${error.message}\n${log}`);
  });
  return {
    public: `http://127.0.0.1:${http}/`,
    inbox: `http://127.0.0.1:${internal}/inbox/`,
    smtpPort: smtp,
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(kill, 5_000);
      const [code] = await ended;
      clearTimeout(late);
      process.off("exit", kill);
      rmSync(dir, { recursive: true });
      assert.equal(code, 0, log);
    },
  };
}

// freePorts returns ports of loopback that nothing listens on.
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

// eventually returns what is found within 20 seconds.
async function eventually(what, find) {
  for (const end = Date.now() + 20_000; Date.now() < end; await pause(50)) {
    const found = await find();
    if (found) return found;
  }
  assert.fail(`no ${what} within 20 seconds`);
}
