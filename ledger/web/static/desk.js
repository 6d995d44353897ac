// The pages work without this: it sends a form once, and gives the keys that accountants expect.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}

// Back to a page that the browser kept: its forms may be sent again, under the same key, which does nothing twice.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

for (const link of document.querySelectorAll("nav a")) {
  if (new URL(link.href).pathname === location.pathname) link.setAttribute("aria-current", "page");
}

const typing = (element) => element instanceof HTMLInputElement || element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement;
const follow = (key) => { const link = document.querySelector(`a[data-key="${CSS.escape(key)}"]`); if (link) link.click(); return Boolean(link); };
let gone = false;
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing(document.activeElement)) { document.activeElement.blur(); return; }
  if (typing(event.target)) return;
  if (event.key === "/") {
    const field = document.querySelector(".filters input:not([type=hidden]), .filters select");
    if (field) { event.preventDefault(); field.focus(); }
  } else if (event.key === "g") { gone = true; setTimeout(() => { gone = false; }, 1500); }
  else if (gone) { gone = false; follow(event.key); }
  else if (["PageUp", "PageDown", "n"].includes(event.key) && follow(event.key)) event.preventDefault();
});
