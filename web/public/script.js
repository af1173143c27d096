// What the script adds to plain forms: no reload, a countdown, and the mail's
// links, whose secret part stands behind the # and so never reaches a server
// log. What it says stands in the page, in the page's language.
"use strict";

// send posts a form and shows the page that answers.
async function send(action, fields, button) {
  if (button) button.disabled = true;
  try {
    const answer = await fetch(action, { method: "POST", body: new URLSearchParams(fields) });
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    if (button) button.disabled = false;
    complain("offline");
  }
}

function show(page) {
  const main = page.querySelector("main");
  if (!main) return complain("broken");
  document.title = page.title;
  document.documentElement.lang = page.documentElement.lang;
  document.documentElement.dir = page.documentElement.dir;
  const focus = main.querySelector("[autofocus]") ?? main.querySelector("h1");
  focus.removeAttribute("autofocus"); // it is for pages that are loaded
  document.querySelector("main").replaceWith(main);
  focus.focus();
  countDown();
}

// complain says what the server cannot say itself. The form stays as it is,
// its key too: sending it again is the same request.
function complain(what) {
  document.querySelector(".alert")?.remove();
  const alert = document.createElement("p");
  alert.className = "alert";
  alert.role = "alert";
  (document.querySelector("form") ?? document.querySelector("h1 + p")).before(alert);
  alert.textContent = document.querySelector("main").dataset[what];
}

// countDown holds a button back for as long as it would do nothing.
function countDown() {
  const button = document.querySelector("button[data-wait]");
  if (!button) return;
  const label = button.textContent;
  const end = Date.now() + 1000 * button.dataset.wait;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? button.dataset.waiting.replace("#", left) : label;
    if (left > 0 && button.isConnected) setTimeout(tick, 250);
  };
  tick();
}

// followLink takes the mail's link out of the address bar and shows what it is
// for, as if it had been pasted; doing it waits for a click.
function followLink() {
  if (!location.hash.includes(".")) return;
  const link = location.href;
  history.replaceState(null, "", location.pathname);
  send("/show", { step: "paste", link, locale: document.documentElement.lang });
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  const action = button?.hasAttribute("formaction") ? button.formAction : event.target.action;
  send(action, new FormData(event.target, button), button);
});
addEventListener("hashchange", followLink);
countDown();
followLink();
