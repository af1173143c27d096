// Shows the newest mails and asks for more every second while the page is seen. Nothing of a mail becomes part of this
// page but as text; its HTML is shown in a sandboxed frame without an origin.
"use strict";

const shown = 200;
const element = (id) => document.getElementById(id);
let messages = [];
let chosen = "";
let tag = "";

function visible() {
  const wanted = element("filter").value.trim().toLowerCase();
  return messages.filter((m) => !wanted || m.to.some((to) => to.toLowerCase().includes(wanted)));
}

function line(message) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.id = message.id;
  button.setAttribute("aria-current", String(message.id === chosen));
  const subject = document.createElement("strong");
  subject.textContent = message.subject || "(no subject)";
  const time = document.createElement("time");
  time.dateTime = message.received_at;
  time.textContent = new Date(message.received_at).toLocaleTimeString();
  const to = document.createElement("span");
  to.textContent = message.to.join(", ");
  button.append(subject, time, to);
  button.addEventListener("click", () => open(message.id, true));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function list() {
  const held = document.activeElement?.dataset?.id;
  const mails = visible();
  element("list").replaceChildren(...mails.map(line));
  if (held) element("list").querySelector(`[data-id="${CSS.escape(held)}"]`)?.focus();
  element("empty").hidden = messages.length > 0;
  const count = messages.length === 1 ? "1 mail" : `${messages.length} mails`;
  const all = messages.length < shown ? count : `the newest ${count}`;
  element("count").textContent = mails.length < messages.length ? `${mails.length} of ${all}` : all;
  if (!chosen && mails.length > 0) open(mails[0].id, false);
}

function open(id, moved) {
  const message = messages.find((m) => m.id === id);
  if (!message) return;
  chosen = id;
  for (const button of element("list").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.id === id));
  }
  element("subject").textContent = message.subject || "(no subject)";
  element("to").textContent = message.to.join(", ");
  element("from").textContent = message.from;
  element("received").textContent = new Date(message.received_at).toLocaleString();
  element("text").textContent = message.text;
  element("html").src = message.html ? `messages/${encodeURIComponent(id)}/html` : "about:blank";
  element("views").hidden = !message.html;
  show(message.html ? "html" : "text");
  element("mail").hidden = false;
  if (moved) element("mail").focus();
}

function show(view) {
  element("html").hidden = view !== "html";
  element("text").hidden = view !== "text";
  for (const button of element("views").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
}

async function poll() {
  try {
    if (!document.hidden) {
      const answer = await fetch(`messages?limit=${shown}`, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        messages = await answer.json();
        list();
      } else if (answer.status !== 304) {
        element("count").textContent = `The inbox answers ${answer.status}.`;
      }
    }
  } catch {
    tag = "";
    element("count").textContent = "The inbox does not answer; trying again.";
  }
  setTimeout(poll, 1000);
}

element("filter").addEventListener("input", list);
element("views").addEventListener("click", (event) => {
  if (event.target.dataset.view) show(event.target.dataset.view);
});
element("list").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...element("list").querySelectorAll("button")];
  buttons[buttons.indexOf(document.activeElement) + step]?.focus();
});
poll();
