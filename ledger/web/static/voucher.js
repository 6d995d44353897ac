// The voucher form by keyboard, as accountants know it. It only moves and fills cells: what may be booked the service says.
import { kept } from "/desk/static/kept.js";

const form = document.querySelector("#entry"), lines = document.querySelector("#lines");
const most = Number(form.dataset.most);
const accounts = new Map([...document.querySelectorAll("#accounts option")].map((one) => [one.value, { name: one.textContent, dims: Number(one.dataset.dims) }]));
const cell = (row, name) => row.querySelector(`input[name$=".${name}"]`);
const kind = (input) => input.name.slice(input.name.indexOf(".") + 1);

// Money in fen as BigInt: nothing here is a float. null is nothing, or nothing that can be read.
const fen = (text) => {
  const match = /^(-?)(\d{1,14})(?:\.(\d{1,2}))?$/.exec(text.replaceAll(",", "").trim());
  if (!match) return null;
  const amount = BigInt(match[2]) * 100n + BigInt((match[3] || "").padEnd(2, "0"));
  return match[1] ? -amount : amount;
};
const yuan = (amount, grouped) => {
  const digits = String(amount < 0n ? -amount : amount).padStart(3, "0");
  const whole = digits.slice(0, -2);
  return `${amount < 0n ? "-" : ""}${grouped ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole}.${digits.slice(-2)}`;
};
const sum = (name, but) => [...lines.querySelectorAll(`input[name$=".${name}"]`)].reduce((all, one) => all + (one === but ? 0n : fen(one.value) ?? 0n), 0n);

const totals = () => {
  const debits = sum("debit"), credits = sum("credit");
  for (const [id, amount] of [["debits", debits], ["credits", credits]]) {
    const shown = document.querySelector(`#${id}`);
    shown.textContent = yuan(amount, true);
    shown.classList.toggle("red", amount < 0n);
  }
  const apart = debits - credits, told = document.querySelector("#balance");
  told.textContent = apart === 0n ? "借贷平衡" : `借贷相差 ${yuan(apart < 0n ? -apart : apart, true)}，${apart > 0n ? "借" : "贷"}方多`;
  told.classList.toggle("red", apart !== 0n);
};

// What an account asks for beside it; what it does not ask for is not sent, and comes back with the account.
const asks = (row) => {
  const account = cell(row, "account"), found = accounts.get(account.value.trim().split(" ")[0]);
  row.querySelector("output").textContent = found ? found.name : account.value.trim() ? "没有此末级科目" : "";
  for (const input of row.querySelectorAll("[data-bit]")) {
    const wanted = found && (found.dims & Number(input.dataset.bit)) !== 0;
    input.hidden = input.disabled = Boolean(found) && !wanted;
    if (!found) input.hidden = !input.value;
  }
};
const paint = (input) => input.classList.toggle("red", (fen(input.value) ?? 0n) < 0n);
const tidy = (input, grouped) => { const amount = fen(input.value); if (amount !== null) input.value = yuan(amount, grouped); paint(input); };

const addLine = () => {
  const last = lines.lastElementChild, n = lines.children.length;
  if (n >= most) return null;
  const row = last.cloneNode(true);
  row.firstElementChild.textContent = n + 1;
  for (const input of row.querySelectorAll("input")) { input.name = `l${n}.${kind(input)}`; input.value = ""; input.removeAttribute("autofocus"); input.classList.remove("red"); }
  lines.append(row);
  asks(row);
  return row;
};

const next = (input) => {
  const row = input.closest("tr");
  let cells = [...row.querySelectorAll("input")].filter((one) => !one.hidden && !one.disabled);
  if (kind(input) === "debit" && fen(input.value) !== null) cells = cells.filter((one) => kind(one) !== "credit");
  const following = cells[cells.indexOf(input) + 1];
  if (following) { following.focus(); return; }
  const below = row.nextElementSibling || addLine();
  if (below) cell(below, "memo").focus(); else form.querySelector("button").focus();
};

const copyMemo = (input) => {
  const above = input.closest("tr").previousElementSibling;
  input.value = above ? cell(above, "memo").value : "";
};

const money = (event, input) => {
  const row = input.closest("tr"), name = kind(input), other = cell(row, name === "debit" ? "credit" : "debit");
  if (event.key === "=") {
    const amount = name === "debit" ? sum("credit", other) - sum("debit", input) : sum("debit", other) - sum("credit", input);
    other.value = "";
    input.value = amount === 0n ? "" : yuan(amount, false);
  } else if (event.key === " ") {
    [input.value, other.value] = [other.value, input.value];
    tidy(other, true);
    other.focus();
  } else if (event.key === "-") {
    input.value = input.value.startsWith("-") ? input.value.slice(1) : `-${input.value}`;
  } else return;
  event.preventDefault();
  paint(input); paint(other); totals();
};

form.addEventListener("keydown", (event) => {
  const input = event.target;
  if (event.key === "F8" || (event.ctrlKey && event.key === "s")) { event.preventDefault(); form.requestSubmit(form.querySelector("button:not([name])")); return; }
  if (!(input instanceof HTMLInputElement) || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Enter") {
    event.preventDefault();
    if (input.closest("#lines")) next(input);
    else { const all = [...form.querySelectorAll("input:not([type=hidden]), button:not([name])")].filter((one) => !one.hidden && !one.disabled); all[all.indexOf(input) + 1]?.focus(); }
  } else if (event.key === "F7") { event.preventDefault(); look(input.closest("#lines tr")); }
  else if (input.classList.contains("money")) money(event, input);
});
form.addEventListener("input", (event) => {
  const input = event.target, row = input.closest("#lines tr");
  if (!row) return;
  if (kind(input) === "memo" && (input.value === "//" || input.value === "..")) copyMemo(input);
  if (kind(input) === "account") asks(row);
  if (input.classList.contains("money")) { paint(input); totals(); }
});
form.addEventListener("focusin", ({ target }) => {
  if (target.classList.contains("money")) { tidy(target, false); target.select(); }
});
form.addEventListener("focusout", ({ target }) => { if (target.classList.contains("money")) tidy(target, true); });

const dialog = document.querySelector("#lookup"), wanted = document.querySelector("#wanted"), found = document.querySelector("#found");
let asking = null;
const list = () => {
  const words = wanted.value.trim();
  const fits = [...accounts].filter(([code, { name }]) => code.startsWith(words) || name.includes(words)).slice(0, 12);
  found.replaceChildren(...fits.map(([code, { name }], n) => {
    const one = document.createElement("li");
    one.textContent = `${code} ${name}`;
    one.dataset.code = code;
    one.setAttribute("role", "option");
    one.setAttribute("aria-selected", String(n === 0));
    return one;
  }));
};
const look = (row) => {
  if (!row) return;
  asking = row;
  wanted.value = cell(row, "account").value;
  if (accounts.has(wanted.value)) wanted.value = "";
  list();
  dialog.showModal();
  wanted.focus();
};
const take = (one) => {
  if (!one || !asking) return;
  const account = cell(asking, "account");
  account.value = one.dataset.code;
  asks(asking);
  dialog.close();
  account.focus();
};
wanted.addEventListener("input", list);
found.addEventListener("click", (event) => take(event.target.closest("li")));
dialog.addEventListener("keydown", (event) => {
  const chosen = found.querySelector("[aria-selected=true]");
  if (event.key === "Enter") { event.preventDefault(); take(chosen); return; }
  const beside = event.key === "ArrowDown" ? chosen?.nextElementSibling : event.key === "ArrowUp" ? chosen?.previousElementSibling : null;
  if (!beside) return;
  event.preventDefault();
  chosen.setAttribute("aria-selected", "false");
  beside.setAttribute("aria-selected", "true");
});

form.querySelector("button[name=more]").addEventListener("click", (event) => {
  event.preventDefault();
  let row = null;
  for (let n = 0; n < 5; n += 1) row = addLine() && row || lines.lastElementChild;
  cell(row, "memo").focus();
});
kept(form, (names) => { while (names.includes(`l${lines.children.length}.memo`) && addLine()); });
for (const row of lines.children) { asks(row); for (const input of row.querySelectorAll(".money")) tidy(input, true); }
totals();
