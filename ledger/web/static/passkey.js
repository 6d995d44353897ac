// Passkeys: a form marked data-passkey is sent once the person's authenticator has answered for it.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const known = (form) => (form.dataset.known || "").split(" ").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) }));

const made = async (form) => {
  const found = await navigator.credentials.create({ publicKey: {
    rp: { id: form.dataset.rp, name: "医保基金即时结算账本" },
    user: { id: bytes(form.dataset.handle), name: form.dataset.user, displayName: form.dataset.name },
    challenge: bytes(form.dataset.challenge),
    pubKeyCredParams: form.dataset.kinds.split(" ").map((alg) => ({ type: "public-key", alg: Number(alg) })),
    excludeCredentials: known(form),
    authenticatorSelection: { userVerification: "required" },
    attestation: "none",
  } });
  const answer = found.response;
  return { id: found.id, rawId: text(found.rawId), type: found.type, response: { clientDataJSON: text(answer.clientDataJSON), attestationObject: text(answer.attestationObject) } };
};

const signed = async (form) => {
  const found = await navigator.credentials.get({ publicKey: {
    rpId: form.dataset.rp, challenge: bytes(form.dataset.challenge), allowCredentials: known(form), userVerification: "required",
  } });
  const answer = found.response;
  return { id: found.id, response: { clientDataJSON: text(answer.clientDataJSON), authenticatorData: text(answer.authenticatorData), signature: text(answer.signature) } };
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  const problem = form.querySelector(".problem");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    problem.hidden = true;
    try {
      if (!window.PublicKeyCredential) throw new Error("此浏览器或此网址不能用通行密钥：须以https或localhost打开");
      if (form.dataset.passkey === "create") form.elements.made.value = JSON.stringify(await made(form));
      else form.elements.touch.value = JSON.stringify(await signed(form));
      form.submit();
    } catch (error) {
      problem.textContent = error.name === "NotAllowedError" ? "没有签名：已取消、超时，或设备上没有这把通行密钥" : error.name === "InvalidStateError" ? "这台设备上已有您的通行密钥" : error.message;
      problem.hidden = false;
      button.disabled = false;
    }
  });
}
