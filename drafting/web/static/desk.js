// What every page of the desk does: it tells what was done, hides names, asks passkeys, and warns before the session ends.

const IDLE = 27 * 60_000; // three minutes before the session ends
const SHOWN = 9_000;

export const $ = (id) => document.getElementById(id);
const meta = () => document.querySelector("meta[name=csrf]");
export const csrf = () => meta()?.content ?? "";

// ── telling ──────────────────────────────────────────────────────────────────

let hushed;

// Words at the foot of the page; `more` are buttons ({ label, act }) and links ({ label, href, apart }). What is bad, or `stays`, waits for an answer.
export function tell(words, { bad = false, stays = bad, more = [] } = {}) {
  clearTimeout(hushed);
  const toast = $("toast");
  toast.className = bad ? "bad" : "";
  toast.replaceChildren(words, ...more.map(control));
  if (!stays) hushed = setTimeout(hush, SHOWN);
}

export function hush() {
  $("toast").replaceChildren();
}

function control({ label, act, href, apart }) {
  const made = document.createElement(href ? "a" : "button");
  made.textContent = label;
  if (href) made.href = href;
  if (apart) made.target = "_blank";
  if (act) {
    made.type = "button";
    made.addEventListener("click", () => (hush(), act()));
  }
  return made;
}

// ── asking the service ───────────────────────────────────────────────────────

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? "That did not work.");
    this.code = problem.code;
  }
}

let seen = Date.now();

// A request that the session answers for. Throws what fetch throws where there is no network.
export async function ask(path, init = {}) {
  const answer = await fetch(path, { ...init, headers: { "X-Aside-CSRF": csrf(), ...init.headers } });
  seen = Date.now();
  return answer;
}

async function post(path, body) {
  const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const answer = await ask(path, { method: "POST", ...init });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(told);
  return told;
}

// Whoever logged in again in another window has another token: this page takes it over. Answers whether there is one.
export async function renew(page) {
  const answer = await fetch(page);
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("meta[name=csrf]");
  if (answer.redirected || !answer.ok || !found) return false;
  meta().content = found.content;
  return true;
}

if (csrf()) {
  let warned = false;
  setInterval(() => {
    const idle = Date.now() - seen >= IDLE;
    if (idle && !warned) tell("You will soon be logged out, since nothing was done here for a while. Nothing that was saved is lost.", { stays: true, more: [{ label: "Stay", act: () => ask("/api/v1/session") }] });
    warned = idle;
  }, 15_000);
}

// ── names ────────────────────────────────────────────────────────────────────

const names = document.querySelector("[data-hide-names]");
if (names) {
  const root = document.documentElement;
  const press = () => names.setAttribute("aria-pressed", root.classList.contains("hide-names"));
  names.hidden = false;
  press();
  names.addEventListener("click", () => {
    const hidden = root.classList.toggle("hide-names");
    press();
    try {
      localStorage.setItem("aside-names", hidden ? "hidden" : "shown");
    } catch {
      // then it holds for this page
    }
  });
}

// ── passkeys ─────────────────────────────────────────────────────────────────

const WAYS = {
  prove: async () => {
    const { options } = await post("/api/v1/session/passkey/options");
    const found = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    await post("/api/v1/session/passkey", { credential: found.toJSON() });
  },
  register: async () => {
    const { options } = await post("/api/v1/account/passkeys/options");
    const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
    await post("/api/v1/account/passkeys", { credential: made.toJSON() });
  },
};

for (const place of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) continue;
  place.hidden = false;
  const button = place.querySelector("button");
  const status = place.querySelector("[role=status]");
  button.addEventListener("click", async () => {
    button.disabled = true;
    status.textContent = "Waiting for your passkey…";
    try {
      await WAYS[place.dataset.passkey]();
      location.assign(place.dataset.next);
    } catch (fault) {
      status.textContent = said(fault, place.dataset.next);
      button.disabled = false;
      button.focus();
    }
  });
}

function said(fault) {
  if (fault instanceof Refused) return fault.code === "not_proven" ? "Prove first that it is you: log in again, then come back." : fault.message;
  if (fault.name === "InvalidStateError") return "This device has a passkey of yours already.";
  if (fault.name === "NotAllowedError") return "No passkey was given. Try again, or use another way.";
  return "That did not work. Try again, or use another way.";
}
