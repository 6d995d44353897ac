// A long form keeps what was typed: refused, it stays as it stands; come back to, it is filled again under the key it had, so that
// saving once more does nothing twice. What was typed is kept with this page's place in the browser's own history and nowhere else.
const say = (alert) => {
  const main = document.querySelector("main");
  main.querySelector(":scope > [role=alert]")?.remove();
  main.querySelector("h1").after(alert);
  alert.scrollIntoView({ block: "nearest" });
};
const told = (text) => {
  const alert = document.createElement("p");
  alert.className = "problem";
  alert.setAttribute("role", "alert");
  alert.textContent = text;
  return alert;
};

export const kept = (form, grow = () => {}) => {
  const remember = () => {
    const typed = [...form.elements].filter((one) => one.name && one.name !== "csrf" && one.type !== "submit").map((one) => [one.name, one.value]);
    history.replaceState({ ...history.state, kept: { by: form.dataset.kept, at: form.action, typed } }, "");
  };
  const before = history.state?.kept;
  if (before && before.by === form.dataset.kept && before.at === form.action) {
    grow(before.typed.map(([name]) => name));
    for (const [name, value] of before.typed) {
      const field = form.elements.namedItem(name);
      if (field instanceof HTMLElement) field.value = value;
    }
  }
  addEventListener("pagehide", remember);
  let under = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (under) return;
    under = true;
    remember();
    const buttons = [...form.querySelectorAll("button")];
    const body = new URLSearchParams(new FormData(form));
    for (const button of buttons) button.disabled = true;
    const again = () => { under = false; for (const button of buttons) button.disabled = false; };
    let answer, text;
    try {
      answer = await fetch(form.action, { method: "POST", body });
      text = answer.redirected ? "" : await answer.text();
    } catch { again(); say(told("未能送达：请检查网络后再存，同一张表不会存两次")); return; }
    if (answer.redirected) { location.assign(answer.url); return; }
    const page = new DOMParser().parseFromString(text, "text/html");
    again();
    const key = page.querySelector(`form[action="${CSS.escape(form.getAttribute("action"))}"] input[name=key]`);
    if (key) form.elements.namedItem("key").value = key.value;
    say(page.querySelector("main [role=alert]") || told(`未能办理（${answer.status}）`));
  });
};

for (const form of document.querySelectorAll("form[data-kept]:not(#entry)")) kept(form);
