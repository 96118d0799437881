// The review page in a browser that runs scripts: acts without leaving the page, keys, evidence, sound. What was typed is never lost: it stays in its
// box until the service has answered for it.

import { $, ask, csrf, hush, renew, tell } from "./desk.js";

const main = $("main");
const desk = () => main.querySelector(".desk");
const here = () => main.querySelector(".here");
const open = (one) => one && one.checkVisibility();
const stops = () => [...main.querySelectorAll("[data-stop]")].filter(open);
const page = location.pathname;

// ── acts on their way ────────────────────────────────────────────────────────

const waiting = []; // what was done and is not answered for yet, in order
let busy = false;
let drawing = false;
let wait = 0;

// One form's act. `stays`: whoever typed goes on typing.
function send(form, submitter, stays = false) {
  const fields = [...new FormData(form, submitter)].filter(([name]) => name !== "csrf" && name !== "version");
  waiting.push({ name: nameOf(form), path: form.action, fields, stays });
  if (!busy) drain();
}

async function drain() {
  busy = true;
  main.setAttribute("aria-busy", "true");
  while (waiting.length) {
    const act = waiting[0];
    let answer, text;
    try {
      const body = new URLSearchParams([...act.fields, ["version", desk().dataset.version]]);
      answer = await ask(act.path, { method: "POST", body, headers: { "X-Aside-Fragment": "1" } });
      text = await answer.text();
    } catch {
      offline();
      break;
    }
    const html = answer.headers.get("content-type")?.startsWith("text/html");
    if (html && answer.status >= 500) {
      offline(); // a proxy's word that nobody is there
      break;
    }
    wait = 0;
    if (!html) {
      busy = false;
      await refused(JSON.parse(text), act);
      break;
    }
    waiting.shift();
    if (!answer.ok) waiting.length = 0; // what stands behind it was done to a page that is not so any more; what was typed is still there
    swap(text, act, !answer.ok);
  }
  main.removeAttribute("aria-busy");
  busy = false;
}

function offline() {
  wait = Math.min(30, wait * 2 || 2);
  tell("The service cannot be reached. What you did and typed is kept on this page, and sent when it is there again.", { bad: true, more: [{ label: "Try now", act: retry }] });
  setTimeout(retry, wait * 1000);
}

function retry() {
  if (!busy && waiting.length) {
    hush();
    drain();
  }
}
addEventListener("online", retry);

// No page came back: the session is over, the keys are locked, or the service has a fault. The act waits.
async function refused({ code, detail }, act) {
  const way = { session_ended: "/login", forged: "/login", locked: "/unlock", second_needed: "/second" }[code];
  if (way === "/login" && !act.renewed && (act.renewed = await renew(page).catch(() => false))) return retry();
  const again = { label: "Go on", act: () => ((act.renewed = false), retry()) };
  const forgo = { label: "Leave it", act: () => (waiting.length = 0) };
  if (way) tell(`${detail} What you typed is still here.`, { bad: true, more: [{ label: "In another window", href: way, apart: true }, again] });
  else tell(detail ?? "That did not work.", { bad: true, more: [again, forgo] });
}

// ── another page in place of this one ────────────────────────────────────────

function swap(html, act, failed) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const at = place();
  const kept = failed && fresh.content.querySelector("#again") ? typed(act) : typed(failed ? null : act);
  const opened = [...main.querySelectorAll("details[data-stays][open]")].map((one) => one.id);
  const said = $("said")?.scrollTop;
  const sound = $("sound");
  if (sound) fresh.content.querySelector("#sound")?.replaceWith(sound);
  drawing = true; // a box that is taken away loses the focus, and nobody has left it
  main.replaceChildren(fresh.content);
  drawing = false;
  for (const id of opened) if ($(id)) $(id).open = true;
  if ($("said") && said) $("said").scrollTop = said;
  restore(kept);
  drawn();
  if (failed) focus($("again-words") ?? $("problem"));
  else settle(at, act);
}

// What a page that has just been drawn needs.
function drawn() {
  lit = [];
  for (const one of main.querySelectorAll("[data-keys]")) one.hidden = false;
  for (const one of main.querySelectorAll("input[data-zone]")) one.value = Intl.DateTimeFormat().resolvedOptions().timeZone || one.value;
  const done = $("done");
  if (!done) return;
  const undo = main.querySelector("button[data-key=u]");
  const back = { label: "Undo", act: () => main.querySelector("button[data-key=u]")?.click() };
  tell(done.textContent, { more: done.dataset.href ? [{ label: "Look there", href: done.dataset.href }] : undo ? [back] : [] });
  done.remove();
}

// A form is known again by what it does, and to what.
const nameOf = (form) => ["verb", "sentence", "section", "for", "flag", "risk"].map((name) => form.elements[name]?.value ?? "").join(" ") + (form.id || "");
const boxes = (form) => [...form.elements].filter((box) => box.name && box.type !== "hidden" && box.type !== "password" && box.tagName !== "BUTTON");
const changed = (box) => {
  if (box.type === "checkbox") return box.checked !== box.defaultChecked;
  if (box.tagName === "SELECT") return [...box.options].some((o) => o.selected !== o.defaultSelected) && box.selectedIndex !== 0;
  return box.value !== box.defaultValue;
};

// What was typed and is not answered for. Of the form that was sent, only what was typed since.
function typed(act) {
  const found = [];
  for (const form of main.querySelectorAll("form[data-swap]:not(#act, #switching)")) {
    const sent = act && nameOf(form) === act.name ? new Map(act.fields) : null;
    for (const box of boxes(form)) {
      if (changed(box) && !(sent && (box.type === "checkbox" || sent.get(box.name) === box.value))) found.push({ form: nameOf(form), box });
    }
  }
  return found;
}

function restore(kept) {
  let last = null;
  const forms = new Map([...main.querySelectorAll("form[data-swap]")].map((form) => [nameOf(form), form]));
  for (const { form, box } of kept) {
    const now = boxes(forms.get(form) ?? document.createElement("form")).find((b) => b.name === box.name && (b.type !== "checkbox" || b.value === box.value));
    if (!now) continue;
    if (box.type === "checkbox") now.checked = box.checked;
    else now.value = box.value;
    unfold(now);
    last = now;
  }
  return last;
}

function unfold(one) {
  for (let fold = one.parentElement?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

// ── where one is ─────────────────────────────────────────────────────────────

function place() {
  const at = document.activeElement;
  const stop = (main.contains(at) && at.closest("[data-stop]")) || here();
  return {
    id: main.contains(at) && at !== main ? at.id : "",
    does: at?.form?.id === "act" ? at.value : "",
    from: at?.selectionStart,
    to: at?.selectionEnd,
    stop: stop?.id,
    card: Boolean(stop?.matches(".card")),
    number: stops().indexOf(stop),
    away: Boolean(at) && at !== document.body && !main.contains(at),
  };
}

// The focus goes where it was; where that is gone, to what came in its place.
function settle(at, act) {
  if (at.away) return $(at.stop)?.classList.add("here");
  const same = at.id && $(at.id);
  if (same && act.stays) unfold(same);
  if (open(same)) {
    focus(same);
    if (act.stays && at.from != null) same.setSelectionRange(at.from, at.to);
    return;
  }
  const again = at.does && [...main.querySelectorAll("button[form=act]")].find((b) => b.value === at.does && open(b));
  const list = stops();
  const after = list[Math.min(at.number, list.length - 1)];
  if (at.card) focus(main.querySelector("[data-first]") ?? $("next") ?? $("sign"));
  else if (at.stop) focus(open($(at.stop)) ? again || $(at.stop) : after);
}

// Onto a place of the page, unfolded and in sight.
function focus(one) {
  if (!one) return;
  unfold(one);
  const target = one.id === "head" ? one.querySelector(one.open ? "#confirm" : "summary") : one;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest" });
}

function reach(one) {
  if (one?.id === "head") one.open = true;
  focus(one);
}

document.addEventListener("focusin", ({ target }) => {
  const stop = target.closest?.("[data-stop]");
  if (!stop || stop === here()) return;
  here()?.classList.remove("here");
  stop.classList.add("here");
  light(evidence(stop));
});

function step(by) {
  const list = [...main.querySelectorAll("[data-stop]")];
  let at = here() ? list.indexOf(here()) + by : by > 0 ? 0 : list.length - 1;
  while (list[at] && !open(list[at])) at += by;
  focus(list[at]);
}

// ── what it rests on ─────────────────────────────────────────────────────────

let lit = [];
const evidence = (stop) => (stop.dataset.evidence ?? stop.querySelector("[data-evidence]")?.dataset.evidence ?? "").split(" ").filter(Boolean);

function light(ids) {
  for (const one of lit) one.classList.remove("lit");
  lit = ids.map((id) => $(`s-${id}`)).filter(Boolean);
  for (const one of lit) one.classList.add("lit");
  const said = $("said");
  if (lit.length && said.scrollHeight > said.clientHeight) said.scrollTop = lit[0].offsetTop - said.offsetTop - said.clientHeight / 3;
}

function show(stop) {
  if (!stop) return;
  light(evidence(stop));
  if (lit.length) lit[0].scrollIntoView({ block: "nearest" });
}

// ── sound ────────────────────────────────────────────────────────────────────

let aloud = false; // whether it may be heard, asked once
let from = null;

function play(at) {
  const sound = $("sound");
  if (!sound) return;
  if (!aloud) {
    from = at;
    $("aloud").hidden = false;
    $("aloud").querySelector("button").focus();
    return;
  }
  if (at !== null) sound.currentTime = at;
  sound.play();
}

document.addEventListener(
  "play",
  ({ target }) => {
    if (aloud || target !== $("sound")) return;
    target.pause();
    play(null);
  },
  true,
);

function listen(stop) {
  const first = stop?.querySelector("[data-play]") ?? $(`s-${evidence(stop ?? document.body)[0]}`)?.closest("p").querySelector("[data-play]");
  if (first) play(Number(first.dataset.play));
}

// ── the pointer ──────────────────────────────────────────────────────────────

document.addEventListener("click", (event) => {
  const at = event.target;
  const sound = at.closest("[data-play]");
  if (sound) return play(Number(sound.dataset.play));
  if (at.dataset.aloud) {
    aloud = at.dataset.aloud === "yes";
    $("aloud").hidden = true;
    if (aloud) play(from);
    return focus(here());
  }
  if (at.closest("[data-keys]")) return $("keys").showModal();
  const count = at.closest("[data-show]");
  if (count) {
    event.preventDefault();
    return show(count.closest("[data-stop]"));
  }
  const go = at.closest("[data-go]");
  if (go) {
    event.preventDefault();
    return reach($(go.hash.slice(1)));
  }
  const span = at.closest("#said span[id]");
  if (span && getSelection().isCollapsed) focus(stops().find((stop) => evidence(stop).includes(span.id.slice(2))));
});

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (form.matches("[data-swap]")) {
    event.preventDefault();
    return send(form, submitter);
  }
  if (!form.closest("#bar")) return;
  const [left] = typed(null);
  if (!waiting.length && !left) return;
  event.preventDefault();
  if (left) unfold(left.box);
  focus(left?.box);
  tell(left ? "There are words here that you typed and did not save." : "Something is still on its way. Sign when it is saved.", { stays: true });
});

// ── typing ───────────────────────────────────────────────────────────────────

const SAVED = "[data-sentence] [data-edit]";

// Leaving the box saves the sentence; an empty one is left as it was.
document.addEventListener("focusout", ({ target, relatedTarget }) => {
  const fold = !drawing && target.isConnected && target.closest?.(SAVED);
  if (!fold || target.tagName !== "TEXTAREA" || (relatedTarget && target.form.contains(relatedTarget))) return;
  if (changed(target) && target.value.trim() && !waiting.some((act) => act.name === nameOf(target.form))) send(target.form, null, true);
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") document.activeElement?.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
});
addEventListener("beforeunload", (event) => {
  if (waiting.length || typed(null).length || $("again")) event.preventDefault();
});

// Esc: without saving, and with a way back.
function leave(fold) {
  if (!fold) return;
  const stop = fold.closest("[data-stop]");
  const left = typed(null).filter(({ box }) => fold.contains(box)).map(({ form, box }) => ({ form, box: { name: box.name, type: box.type, value: box.value, checked: box.checked } }));
  for (const form of fold.querySelectorAll("form")) form.reset();
  fold.open = false;
  focus(stop ?? fold.querySelector("summary"));
  if (left.length) tell("Left as it was.", { more: [{ label: "Take my words back", act: () => focus(restore(left)) }] });
}

// ── keys ─────────────────────────────────────────────────────────────────────

function edit(stop) {
  const fold = stop?.querySelector("[data-edit], [data-own]");
  if (stop?.id === "head") return focus(stop.querySelector("input:not([type=hidden])"));
  if (!fold) return stop?.querySelector("button, a")?.focus();
  fold.open = true;
  const box = fold.querySelector("textarea");
  focus(box);
  box.setSelectionRange(box.value.length, box.value.length);
}

// Where there is something to accept: here, or the next place that has it.
function accept() {
  const button = here()?.querySelector("[data-key=a]");
  if (button) return button.click();
  const list = stops().filter((stop) => stop.querySelector("[data-key=a]"));
  const after = list.find((stop) => here() && here().compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING);
  focus(after ?? list[0]);
}

// The card that is decided first must be in sight before a key decides on it.
function decide(key) {
  const card = main.querySelector("[data-first]");
  if (!card) return;
  const { top, bottom } = card.getBoundingClientRect();
  const seen = top >= 0 && bottom <= innerHeight;
  const on = !here() || here() === card;
  focus(card);
  if (!seen || !on) return;
  card.querySelector(`[data-key=${key}]`).click();
}

function answer(key) {
  const risk = here()?.closest("[data-risk]") ?? main.querySelector("[data-risk]:not(.answered)");
  if (!risk) return;
  if (here() !== risk) return focus(risk);
  if (key === "4") return edit(risk);
  risk.querySelector(`[data-key="${key}"]`).click();
}

// What blocks next, after the place where one is.
function next() {
  const places = [...$("bar").querySelectorAll(".what > ul [data-go]")].map((link) => $(link.hash.slice(1))).filter(Boolean);
  const at = places.findIndex((one) => one === here() || here()?.contains(one));
  reach(places[(at + 1) % places.length] ?? $("sign"));
}

function keep(stop) {
  const fold = stop?.querySelector("[data-keep]");
  if (!fold) return;
  fold.open = true;
  fold.querySelector("input[name=why]").focus();
}

let going = 0;
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  arrowdown: () => step(1),
  arrowup: () => step(-1),
  e: () => show(here()),
  l: () => listen(here()),
  enter: () => edit(here()),
  a: accept,
  m: () => keep(here()),
  r: () => decide("r"),
  p: () => decide("p"),
  x: () => decide("x"),
  n: next,
  u: () => main.querySelector("button[data-key=u]")?.click(),
  f: () => $("format").focus(),
  g: () => (going = Date.now()),
  q: () => Date.now() - going < 1500 && location.assign("/"),
  "?": () => $("keys").showModal(),
  1: () => answer("1"),
  2: () => answer("2"),
  3: () => answer("3"),
  4: () => answer("4"),
};

const singles = () => {
  try {
    return localStorage.getItem("aside-keys") !== "off";
  } catch {
    return true;
  }
};

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.defaultPrevented || event.isComposing || event.altKey || $("keys").open) return;
  const box = target.closest("textarea, select, audio, input:not([type=checkbox])");
  if (key === "Escape") return leave(target.closest("details.tools[open], details.add[open], details[data-keep][open]"));
  if ((event.metaKey || event.ctrlKey) && key === "Enter") {
    event.preventDefault();
    const own = box?.form?.matches("[data-swap]") ? box.form : $("sign")?.form;
    return own ? own.requestSubmit(own.querySelector("button.main")) : next();
  }
  if (box || event.metaKey || event.ctrlKey) return;
  const name = key.toLowerCase();
  if (name.length === 1 && !singles()) return;
  const still = target === document.body || target === main || target.matches("[data-stop]");
  if (!KEYS[name] || (name.length > 1 && !(still && (name !== "enter" || target.matches("[data-stop]"))))) return;
  event.preventDefault();
  KEYS[name]();
});

document.addEventListener("change", ({ target }) => {
  if (target.id !== "singles") return;
  try {
    localStorage.setItem("aside-keys", target.checked ? "on" : "off");
  } catch {
    // then it holds nowhere
  }
});

if (desk() && csrf()) {
  drawn();
  $("singles").checked = singles();
  if (location.search) history.replaceState(null, "", page + location.hash);
}
