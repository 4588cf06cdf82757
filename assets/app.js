// Comforts for pages that work without them: each block finds its own elements by data attribute.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, selector, run) => document.addEventListener(type, (event) => {
    const element = event.target.closest?.(selector);
    if (element) run(element, event);
  });

  // Says a short sentence in the corner and to screen readers.
  const say = (message) => {
    const region = document.getElementById("live");
    if (!region) return;
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.textContent = message;
    region.replaceChildren(toast);
    setTimeout(() => toast.remove(), 4000);
  };

  // Theme: system, light, dark, kept in a cookie so that the server writes it and nothing flashes.
  const themes = ["system", "light", "dark"];
  const root = document.documentElement;
  const nameTheme = (button) => button.setAttribute("aria-label", `Theme: ${root.dataset.theme ?? "system"}`);
  all("[data-theme-toggle]").forEach(nameTheme);
  on("click", "[data-theme-toggle]", (button) => {
    const next = themes[(themes.indexOf(root.dataset.theme ?? "system") + 1) % themes.length];
    if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${next}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    nameTheme(button);
    say(`Theme: ${next}`);
  });

  // Copy: the text of the element that data-copy names, or the value it carries.
  on("click", "[data-copy]", async (button) => {
    const source = button.closest("[data-copy-root]");
    const text = button.dataset.copy || all("[data-copy-text]", source).find((e) => e.offsetParent)?.textContent || "";
    try { await navigator.clipboard.writeText(text); } catch { say("Copying is not allowed here: select the text instead"); return; }
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1600);
    say("Copied");
  });

  // Dialogs: a link with data-dialog opens the dialog; without script it leads to the page that does the same.
  const open = (dialog) => {
    dialog.showModal();
    (dialog.querySelector("[aria-invalid]") ?? dialog.querySelector(".dialog-body :is(input:not([type=hidden]), select, textarea)"))?.focus();
  };
  on("click", "[data-dialog]", (link, event) => {
    const dialog = document.getElementById(link.dataset.dialog);
    if (!dialog?.showModal || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.closest("details.menu")?.removeAttribute("open");
    open(dialog);
  });
  on("click", "[data-dialog-close]", (button) => button.closest("dialog")?.close());
  document.addEventListener("click", (event) => {
    if (event.target instanceof HTMLDialogElement && event.target.matches(".dialog")) {
      const box = event.target.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside && event.detail) event.target.close();
    }
  });
  all("dialog[data-open]").forEach(open);

  // Danger: forms and buttons with data-confirm ask once more.
  document.addEventListener("submit", (event) => {
    const asks = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (asks && !window.confirm(asks)) { event.preventDefault(); return; }
    // A second press while the answer is under way sends nothing twice.
    if (event.target.method !== "post" || event.defaultPrevented) return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "true";
  });
  window.addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));

  // Filters apply as soon as a select changes.
  on("change", "form[data-auto-submit] select", (select) => select.form.requestSubmit());

  // Rows: «select all», shift for a range, and the counter of the bulk bar.
  let lastSelected = null;
  const count = (block) => {
    const boxes = all("[data-select]", block);
    const chosen = boxes.filter((box) => box.checked).length;
    const every = block.querySelector("[data-select-all]");
    if (every) { every.checked = chosen > 0 && chosen === boxes.length; every.indeterminate = chosen > 0 && chosen < boxes.length; }
    const label = block.querySelector("[data-bulk-count]");
    if (label) label.textContent = `${chosen} selected`;
  };
  on("change", "[data-select-all]", (every) => {
    const block = every.closest(".table-block");
    all("[data-select]", block).forEach((box) => { box.checked = every.checked; });
    count(block);
  });
  on("click", "[data-select]", (box, event) => {
    const block = box.closest(".table-block");
    const boxes = all("[data-select]", block);
    if (event.shiftKey && boxes.includes(lastSelected)) {
      const [from, to] = [boxes.indexOf(lastSelected), boxes.indexOf(box)].sort((a, b) => a - b);
      boxes.slice(from, to + 1).forEach((other) => { other.checked = box.checked; });
    }
    lastSelected = box;
    count(block);
  });
  on("click", "[data-select-none]", (button) => {
    const block = button.closest(".table-block");
    all("[data-select]", block).forEach((box) => { box.checked = false; });
    count(block);
  });
  all(".table-block").forEach(count);

  // Code examples: the language chosen once is the language everywhere.
  const language = (() => { try { return localStorage.getItem("language"); } catch { return null; } })();
  const choose = (name) => all("[data-language]").forEach((radio) => { if (radio.dataset.language === name) radio.checked = true; });
  if (language) choose(language);
  on("change", "[data-language]", (radio) => {
    choose(radio.dataset.language);
    try { localStorage.setItem("language", radio.dataset.language); } catch { /* private window: not kept */ }
  });

  // Times: the server writes UTC, the reader sees their own zone; «ago» keeps the full time as its title.
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const units = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const ago = (date) => {
    const seconds = (date - Date.now()) / 1000;
    const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
    return relative.format(Math.round(seconds / size), unit);
  };
  all("time[data-time]").forEach((time) => {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.valueOf())) return;
    const kind = time.dataset.time;
    time.title = full.format(date);
    time.textContent = kind === "ago" ? ago(date) : kind === "day" ? day.format(date) : full.format(date);
  });

  // Menus close on a press elsewhere and on Escape.
  document.addEventListener("click", (event) => all("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") all("details.menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
  });
  on("click", "[data-dismiss]", (button) => button.closest(".toast")?.remove());
})();
