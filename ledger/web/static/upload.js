// A file on its way: how far it is, and a refusal that leaves the form, with the file chosen, as it stands. Without this the form is sent plainly.
const say = (form, alert) => {
  form.closest("main").querySelector(":scope > [role=alert]")?.remove();
  const told = document.createElement("div");
  if (typeof alert === "string") { told.className = "problem"; told.setAttribute("role", "alert"); told.textContent = alert; }
  document.querySelector("main h1").after(typeof alert === "string" ? told : alert);
};

for (const form of document.querySelectorAll("form[data-upload]")) {
  const progress = form.querySelector("progress"), button = form.querySelector("button");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.disabled) return;
    const file = form.elements.file.files[0];
    if (file.size > Number(form.dataset.upload)) { say(form, `文件有${file.size}字节，此页至多收${form.dataset.upload}字节：更大的请系统管理员接入`); return; }
    const request = new XMLHttpRequest();
    const done = () => { button.disabled = false; progress.hidden = true; };
    request.open("POST", form.action);
    request.upload.addEventListener("progress", ({ loaded, total }) => { progress.value = total ? (100 * loaded) / total : 0; });
    request.addEventListener("error", () => { done(); say(form, "未能送达：请检查网络后再传，同一表单不会办两次"); });
    request.addEventListener("load", () => {
      if (request.responseURL.split("?")[0] !== form.action.split("?")[0]) { location.assign(request.responseURL); return; }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const alert = page.querySelector("main [role=alert]");
      if (request.status < 400 && page.querySelector("main")) {
        document.querySelector("main").replaceWith(page.querySelector("main"));
        // what came asks for a signature: its script, which a page put in so does not run
        if (document.querySelector("form[data-passkey]")) { import("/desk/static/passkey.js"); document.querySelector("form[data-passkey] button").focus(); }
        return;
      }
      done();
      say(form, alert || `未能办理（${request.status}）`);
    });
    button.disabled = true;
    progress.hidden = false;
    request.send(new FormData(form));
  });
}
