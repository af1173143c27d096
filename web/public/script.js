// What the script adds to plain forms: no reload, a countdown, and the mail's
// link, whose secret part stands behind the # and so never reaches a server log.
"use strict";

// send posts a form and shows the page that answers.
async function send(action, fields, button) {
  if (button) button.disabled = true;
  try {
    const answer = await fetch(action, { method: "POST", body: new URLSearchParams(fields) });
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    if (button) button.disabled = false;
    complain("There is no connection at the moment. Please try again.");
  }
}

function show(page) {
  const main = page.querySelector("main");
  if (!main) return complain("Something went wrong on our side. Please try again.");
  document.title = page.title;
  document.querySelector("main").replaceWith(main);
  (main.querySelector("[autofocus]") ?? main.querySelector("h1")).focus();
  countDown();
}

// complain says what the server cannot say itself. The form stays as it is,
// its key too: sending it again is the same request.
function complain(text) {
  document.querySelector(".alert")?.remove();
  const alert = document.createElement("p");
  alert.className = "alert";
  alert.role = "alert";
  (document.querySelector("form") ?? document.querySelector("h1 + p")).before(alert);
  alert.textContent = text;
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
    button.textContent = left > 0 ? `${label} in ${left} s` : label;
    if (left > 0 && button.isConnected) setTimeout(tick, 250);
  };
  tick();
}

// followLink takes the mail's link, /#<verification>.<token>, out of the
// address bar and shows whom it is for; verifying waits for a click.
function followLink() {
  const [id, token] = location.hash.slice(1).split(".");
  if (!id || !token) return;
  history.replaceState(null, "", location.pathname);
  send("/link", { verification_id: id, token });
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target.action, new FormData(event.target), event.submitter);
});
addEventListener("hashchange", followLink);
countDown();
followLink();
