// The two-phone page: each phone follows its own event stream and acts through the sandbox's controls.

const TYPING_MS = 5000;
const EXAMPLE = "Invoice Jane Okafor 08012345678 75000 for logo design due tomorrow";
const OWNERS = [
  { id: "merchant", title: "Merchant's phone", number: "+2348031234567", empty: "You run a small business. Ask for an invoice:", example: EXAMPLE },
  { id: "customer", title: "Customer's phone", number: "+2348012345678", empty: "You are Jane. Your invoice will arrive here.", example: "" },
];
const TICKS = { sent: "✓", delivered: "✓✓", read: "✓✓" };

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function outsideLink(url, attributes, ...children) {
  return make("a", { href: url, target: "_blank", rel: "noopener", ...attributes }, ...children);
}

// WhatsApp's own marks: links and *bold*.
function formatted(text) {
  return text.split(/(https?:\/\/[^\s]+|\*[^*\n]+\*)/).map((part) => {
    if (/^https?:\/\//.test(part)) return outsideLink(part, {}, part);
    if (/^\*[^*]+\*$/.test(part)) return make("b", {}, part.slice(1, -1));
    return part;
  });
}

function sizeOf(bytes) {
  return bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

function fileCard(file) {
  const kind = file.filename.includes(".") ? file.filename.split(".").pop().slice(0, 4).toUpperCase() : "FILE";
  const label = make("span", {}, make("span", { class: "name" }, file.filename), make("span", { class: "size" }, `${kind} · ${sizeOf(file.size)}`));
  return outsideLink(file.url, { class: "file" }, make("span", { class: "kind", "aria-hidden": "true" }, kind), label);
}

class Phone {
  constructor(owner) {
    this.owner = owner;
    this.items = new Map();
    const section = document.getElementById("phone").content.cloneNode(true).querySelector("section");
    section.id = owner.id;
    section.setAttribute("aria-label", owner.title);
    const find = (selector) => section.querySelector(selector);
    Object.assign(this, { section, list: find("ol"), log: find(".log"), empty: find(".empty"), presence: find(".presence"), problem: find(".problem"), number: find(".number"), input: find("textarea") });
    find("h2").textContent = owner.title;
    const asked = new URLSearchParams(location.search).get(owner.id)?.trim();
    this.number.value = asked || localStorage.getItem(`number-${owner.id}`) || owner.number;
    this.number.dataset.testid = `${owner.id}-number`;
    this.number.addEventListener("change", () => this.connect());
    this.log.dataset.testid = `${owner.id}-messages`;
    this.log.setAttribute("aria-label", `Chat on the ${owner.id}'s phone`);
    this.input.dataset.testid = `${owner.id}-input`;
    this.input.setAttribute("aria-label", `Message from the ${owner.id}`);
    this.input.placeholder = "Message";
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        find("form").requestSubmit();
      }
    });
    this.input.addEventListener("input", () => this.fit());
    const send = find("form button");
    send.dataset.testid = `${owner.id}-send`;
    send.setAttribute("aria-label", `Send as the ${owner.id}`);
    find("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.sendLine();
    });
  }

  showEmpty() {
    this.empty.hidden = false;
    this.empty.textContent = this.owner.empty;
    if (!this.owner.example) return;
    const example = make("button", { type: "button" }, this.owner.example);
    example.addEventListener("click", () => {
      this.input.value = this.owner.example;
      this.fit();
      this.input.focus();
    });
    this.empty.append(example);
  }

  fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.max(46, this.input.scrollHeight + 2)}px`;
  }

  get path() {
    return `/_control/phones/${encodeURIComponent(this.number.value.replace(/[\s-]/g, ""))}`;
  }

  connect() {
    this.source?.close();
    this.items.clear();
    this.list.replaceChildren();
    this.showEmpty();
    this.fail("");
    this.loud = false;
    const valid = /^\+?[1-9]\d{7,14}$/.test(this.number.value.replace(/[\s-]/g, ""));
    this.number.setAttribute("aria-invalid", String(!valid));
    if (!valid) {
      this.presence.textContent = "";
      this.fail("Write the number in international form, such as +2348012345678.");
      return;
    }
    localStorage.setItem(`number-${this.owner.id}`, this.number.value);
    this.source = new EventSource(`${this.path}/events`);
    this.source.addEventListener("open", () => {
      this.presence.textContent = "online";
      setTimeout(() => { this.loud = true; }, 300);
    });
    this.source.addEventListener("error", () => { this.presence.textContent = "connecting…"; });
    this.source.addEventListener("message", (event) => this.show(JSON.parse(event.data)));
    this.source.addEventListener("typing", () => this.showTyping());
  }

  showTyping() {
    this.presence.textContent = "typing…";
    clearTimeout(this.typing);
    this.typing = setTimeout(() => { this.presence.textContent = "online"; }, TYPING_MS);
  }

  show(message) {
    const known = this.items.get(message.id);
    const item = this.render(message);
    this.items.set(message.id, item);
    if (known) {
      known.replaceWith(item);
      return;
    }
    // The offered line stays until the owner of the phone has written something: a code may have come before.
    if (message.direction === "inbound") {
      this.empty.hidden = true;
      this.empty.replaceChildren();
    }
    if (this.loud) item.classList.add("new");
    this.list.append(item);
    this.log.scrollTop = this.log.scrollHeight;
    if (message.direction === "outbound") {
      if (this.presence.textContent === "typing…") this.presence.textContent = "online";
      if (message.status !== "read") this.received();
    }
  }

  received() {
    if (this.section.offsetParent !== null && document.visibilityState === "visible") this.markRead();
    else if (this.section.offsetParent === null) countUnread(this.owner.id, 1);
  }

  // Waits a moment, as an eye does: `delivered` is told before `read`.
  markRead() {
    clearTimeout(this.reading);
    this.reading = setTimeout(() => this.post("read", {}), 700);
  }

  render(message) {
    const bubble = make("div", { class: "bubble" });
    const file = message.document ?? message.image ?? message.video ?? message.audio;
    if (file) bubble.append(fileCard({ filename: "Voice message", ...file }));
    if (message.header) bubble.append(make("p", { class: "header" }, message.header));
    if (message.text) bubble.append(make("p", {}, ...formatted(message.text)));
    if (message.deleted) bubble.append(make("p", { class: "footer" }, "You deleted this message"));
    if (message.footer) bubble.append(make("p", { class: "footer" }, message.footer));
    const mine = message.direction === "inbound";
    const at = new Date(message.at);
    const meta = make("div", { class: "meta" }, make("time", { datetime: message.at }, at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })));
    if (message.edited) meta.prepend(make("span", {}, "Edited"));
    if (mine) meta.append(make("span", { class: `ticks ${message.status}`, role: "img", "aria-label": message.status }, TICKS[message.status]));
    bubble.append(meta);
    const item = make("li", mine ? { class: "mine" } : {}, bubble);
    const choices = this.choices(message);
    if (choices.length) item.append(make("div", { class: "choices" }, ...choices));
    return item;
  }

  choices(message) {
    const buttons = (message.buttons ?? []).map((button) => {
      const element = make("button", { type: "button" }, button.title);
      if (button.description) element.append(make("small", {}, button.description));
      element.addEventListener("click", () => this.post("messages", { button_id: button.id }));
      return element;
    });
    const link = message.url_button;
    return link ? [...buttons, outsideLink(link.url, {}, link.display_text)] : buttons;
  }

  async sendLine() {
    const text = this.input.value.trim();
    if (text && await this.post("messages", { text })) {
      this.input.value = "";
      this.fit();
    }
    this.input.focus();
  }

  async post(what, body) {
    try {
      const answer = await fetch(`${this.path}/${what}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`The sandbox answered ${answer.status}: ${JSON.stringify((await answer.json()).detail)}`);
      this.fail("");
      return true;
    } catch (error) {
      this.fail(error.message);
      return false;
    }
  }

  fail(why) {
    this.problem.textContent = why;
    this.problem.hidden = !why;
  }
}

const phones = new Map(OWNERS.map((owner) => [owner.id, new Phone(owner)]));
const tabs = [...document.querySelectorAll("[role=tab]")];

function countUnread(id, more) {
  const badge = document.querySelector(`#tab-${id} .unread`);
  const count = more ? Number(badge.textContent || 0) + more : 0;
  badge.textContent = count || "";
  badge.hidden = !count;
}

function choose(id) {
  for (const tab of tabs) {
    const chosen = tab.id === `tab-${id}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  for (const [name, phone] of phones) phone.section.classList.toggle("chosen", name === id);
  countUnread(id, 0);
  const phone = phones.get(id);
  phone.log.scrollTop = phone.log.scrollHeight;
  if (phone.items.size) phone.markRead();
}

for (const tab of tabs) {
  tab.addEventListener("click", () => choose(tab.getAttribute("aria-controls")));
  tab.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = tabs.find((candidate) => candidate !== tab);
    other.focus();
    other.click();
  });
}
document.querySelector("main").append(...[...phones.values()].map((phone) => phone.section));
document.addEventListener("visibilitychange", () => {
  for (const phone of phones.values()) if (document.visibilityState === "visible" && phone.section.offsetParent !== null) phone.markRead();
});
choose("merchant");
for (const phone of phones.values()) phone.connect();
