// Taking in: words typed, a file in pieces, or a dictation recorded here. What was recorded stays on this device, encrypted, until the service has
// answered for it: a lost network, a closed window or a locked screen costs at most the current second.

import { $, Refused, ask as answer, renew } from "./desk.js";

const API = "/api/v1/encounters";
const CHUNK = 256 * 1024;
const page = document.querySelector("[data-take-in]");
const form = $("visit");

// ── asking the service ───────────────────────────────────────────────────────

async function ask(method, path, body, headers = {}) {
  const found = await answer(path, { method, body, headers });
  if (found.ok) return found.json();
  const problem = await found.json().catch(() => ({}));
  if (problem.code === "session_ended") problem.detail = "Your session has ended. Log in again in another window, then go on here: nothing is lost.";
  throw Object.assign(new Refused(problem), { status: found.status });
}

// Someone who logged in again in another window has another token: take it over, and try once more.
async function renewed(work) {
  try {
    return await work();
  } catch (refused) {
    if (!["forged", "session_ended"].includes(refused.code) || !(await renew("/new"))) throw refused;
    return work();
  }
}

const begin = (visit) => renewed(() => ask("POST", API, JSON.stringify(visit.about), { "Content-Type": "application/json", "Idempotency-Key": visit.key }));

// Bytes from `start`; answers how much is stored. What the service already has is passed over.
async function send(encounter, start, bytes, last) {
  try {
    return await renewed(() => ask("PUT", `${API}/${encounter}/recording?start=${start}&last=${last}`, bytes, { "Content-Type": "application/octet-stream" }));
  } catch (refused) {
    if (refused.code !== "out_of_step") throw refused;
    return ask("GET", `${API}/${encounter}/recording/stored`);
  }
}

// ── what the form says ───────────────────────────────────────────────────────

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

function about(suffix, text) {
  const given = { client: $("client").value, service_date: $("when").value || null, format: $("format").value, note_kind: $("kind").value, zone: zone(), suffix };
  return text === undefined ? given : { ...given, text };
}

function tell(words, bad = false) {
  const place = $("sending");
  place.textContent = words;
  place.className = bad ? "told bad" : "soft";
  if (bad) place.scrollIntoView({ block: "nearest" });
}

async function beside() {
  const given = new URLSearchParams({ client: $("client").value, format: $("format").value, kind: $("kind").value });
  const answer = await fetch(`/new?${given}`);
  if (!answer.ok || answer.redirected) return;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("beside");
  if (found) $("beside").replaceChildren(...found.childNodes);
}

// ── words, or a file ─────────────────────────────────────────────────────────

const key = () => form.elements.key.value;

async function whole(file) {
  const suffix = /\.[a-z0-9]{1,8}$/.exec(file.name.toLowerCase())?.[0] ?? "";
  if (!$("file").accept.split(",").includes(suffix)) throw new Error("Files of that ending are not known here. Give text, captions, a transcript or a recording.");
  if ([".txt", ".md", ".vtt", ".srt", ".json"].includes(suffix)) return (await begin({ key: key(), about: about(suffix, await file.text()) })).id;
  const { id } = await begin({ key: key(), about: about(suffix) });
  const bar = $("sent");
  bar.hidden = false;
  let { size } = await ask("GET", `${API}/${id}/recording/stored`);
  for (;;) {
    const end = Math.min(file.size, size + 16 * CHUNK);
    const stored = await patient(() => send(id, size, file.slice(size, end), end === file.size));
    if (stored.whole) return id;
    size = stored.size;
    bar.value = size / file.size;
    tell(`Sending: ${Math.round((100 * size) / file.size)} %`);
  }
}

// Until the network is back, or the service says no.
async function patient(work) {
  for (let wait = 1; ; wait = Math.min(30, wait * 2)) {
    try {
      return await work();
    } catch (fault) {
      if (fault instanceof Refused && fault.status < 500 && fault.status !== 429) throw fault;
      tell(`The service cannot be reached. It is tried again in ${wait} s; keep this page open.`, true);
      await new Promise((done) => setTimeout(done, wait * 1000));
    }
  }
}

async function submitted(event) {
  event.preventDefault();
  const file = $("file").files[0];
  const text = $("text").value;
  if (!file && !text.trim()) return tell("Type or paste what you want in the note, or choose a file.", true);
  if (file && text.trim()) return tell("Give words or a file, and not both: each becomes a draft of its own.", true);
  $("make").disabled = true;
  tell("Sending…");
  try {
    const id = file ? await whole(file) : (await patient(() => begin({ key: key(), about: about(".txt", text) }))).id;
    location.assign(`/work/${id}`);
  } catch (fault) {
    $("make").disabled = false;
    tell(fault.message, true);
  }
}

// ── kept on this device until it is answered for ─────────────────────────────

const asked = (request) => new Promise((done, no) => Object.assign(request, { onsuccess: () => done(request.result), onerror: () => no(request.error) }));

// One recording here: what it is of, and its pieces, each encrypted by a key that never leaves the browser.
class Kept {
  static async open() {
    const request = indexedDB.open("aside-unsent", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("visits", { keyPath: "key" });
      request.result.createObjectStore("pieces", { keyPath: ["key", "number"] });
    };
    Kept.db = await asked(request);
    return asked(Kept.db.transaction("visits").objectStore("visits").getAll());
  }

  static async begun(visit) {
    const secret = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    const kept = new Kept(visit.key, secret);
    await asked(Kept.put("visits", { key: visit.key, secret, person: page.dataset.person, sealed: await kept.seal(new TextEncoder().encode(JSON.stringify(visit.about))) }));
    return kept;
  }

  static put(store, value) {
    return Kept.db.transaction(store, "readwrite", { durability: "strict" }).objectStore(store).put(value);
  }

  constructor(name, secret) {
    Object.assign(this, { name, secret, count: 0 });
  }

  async seal(bytes) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    return { iv, body: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.secret, bytes) };
  }

  open({ iv, body }) {
    return crypto.subtle.decrypt({ name: "AES-GCM", iv }, this.secret, body);
  }

  async add(bytes) {
    const number = this.count++;
    await asked(Kept.put("pieces", { key: this.name, number, ...(await this.seal(bytes)) }));
  }

  async pieces() {
    const mine = IDBKeyRange.bound([this.name, 0], [this.name, Infinity]);
    const rows = await asked(Kept.db.transaction("pieces").objectStore("pieces").getAll(mine));
    this.count = rows.length ? rows.at(-1).number + 1 : 0;
    return Promise.all(rows.map((row) => this.open(row)));
  }

  async forget() {
    const change = Kept.db.transaction(["visits", "pieces"], "readwrite");
    change.objectStore("pieces").delete(IDBKeyRange.bound([this.name, 0], [this.name, Infinity]));
    await asked(change.objectStore("visits").delete(this.name));
  }
}

// Pieces on their way: a full chunk is sent as soon as there is one, the rest with the end.
class Sender {
  constructor(visit, kept, told) {
    Object.assign(this, { visit, kept, told, held: [], start: 0, length: 0, over: false });
  }

  add(bytes) {
    this.held.push(bytes);
    this.length += bytes.byteLength;
    if (this.length - this.start >= CHUNK) this.go().catch(() => {});
  }

  get unsent() {
    return this.length - this.start;
  }

  // Sends what there is; one at a time. Answers the encounter's id once all of it is stored.
  go() {
    this.under ??= this.turn().finally(() => (this.under = undefined));
    return this.under;
  }

  async turn() {
    this.id ??= (await begin(this.visit)).id;
    for (;;) {
      const last = this.over;
      if (!last && this.unsent < CHUNK) return undefined;
      const stored = await send(this.id, this.start, new Blob(this.held), last);
      this.passed(stored.size - this.start);
      this.told();
      if (stored.whole) {
        await this.kept.forget();
        return this.id;
      }
    }
  }

  // The service has answered for so many bytes more.
  passed(count) {
    this.start += count;
    while (count > 0) {
      const first = this.held[0];
      if (first.byteLength > count) {
        this.held[0] = first.slice(count);
        return;
      }
      count -= first.byteLength;
      this.held.shift();
    }
  }
}

// ── dictating ────────────────────────────────────────────────────────────────

const KINDS = [["audio/webm;codecs=opus", ".webm"], ["audio/mp4", ".m4a"], ["audio/ogg;codecs=opus", ".ogg"]];
const PAUSED = "Paused. Nothing is heard.";
let now = null;

function say(words, bad = false) {
  $("recording").textContent = words;
  $("recording").className = bad ? "told bad" : "soft";
}

async function dictate() {
  if (!$("client").reportValidity()) return;
  const [type, suffix] = KINDS.find(([kind]) => MediaRecorder.isTypeSupported(kind)) ?? KINDS[0];
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: true } });
  } catch {
    return say("The microphone is not open to this page. Allow it in the browser, then start again.", true);
  }
  const visit = { key: crypto.randomUUID(), about: about(suffix) };
  const kept = await Kept.begun(visit);
  now = { stream, kept, recorder: new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: 32000 }), seconds: 0, at: performance.now(), written: Promise.resolve() };
  now.sender = new Sender(visit, kept, told);
  now.recorder.addEventListener("dataavailable", ({ data }) => (now.written = now.written.then(() => taken(data))));
  now.recorder.addEventListener("stop", finish);
  stream.getTracks()[0].addEventListener("ended", () => now?.recorder.state !== "inactive" && now.recorder.stop());
  now.recorder.start(1000);
  listen(stream);
  lookOpen(true);
  awake();
  now.clock = setInterval(tick, 1000);
  say("Listening.");
}

async function taken(data) {
  if (!data.size) return;
  const bytes = await data.arrayBuffer();
  await now.kept.add(bytes);
  now.sender.add(bytes);
}

function told() {
  if (!now) return;
  const kb = Math.round(now.sender.unsent / 1000);
  if (!navigator.onLine) say(`No network. ${kb} kB wait on this device, encrypted, and are sent when it is back.`, true);
  else if (now.cut) say(now.recorder.state === "paused" ? PAUSED : "Listening.");
  now.cut = !navigator.onLine;
}

function tick() {
  const at = performance.now();
  if (now.recorder.state === "recording") now.seconds += (at - now.at) / 1000;
  now.at = at;
  $("timer").textContent = [now.seconds / 60, now.seconds % 60].map((n) => String(Math.floor(n)).padStart(2, "0")).join(":");
  told();
}

function pause() {
  tick();
  const paused = now.recorder.state === "paused";
  now.recorder[paused ? "resume" : "pause"]();
  $("pause").textContent = paused ? "Pause" : "Go on";
  say(paused ? "Listening." : PAUSED);
}

async function finish() {
  const { stream, clock, sound, lock, sender } = now;
  clearInterval(clock);
  stream.getTracks().forEach((track) => track.stop());
  sound.close();
  lock?.release();
  lookOpen(false);
  $("record").disabled = true;
  say("Sending what is left…");
  await now.written;
  sender.over = true;
  try {
    await sender.under?.catch(() => {});
    const id = await patient(() => sender.go());
    now = null;
    location.assign(`/work/${id}`);
  } catch (fault) {
    now = null;
    $("record").disabled = false;
    say(`${fault.message} What you said is kept on this device, encrypted.`, true);
    await leftovers();
  }
}

function lookOpen(open) {
  $("record").setAttribute("aria-pressed", String(open));
  $("record").querySelector("span").textContent = open ? "End and make the draft" : "Start dictating";
  for (const id of ["pause", "timer", "level"]) $(id).hidden = !open;
  for (const id of ["client", "when", "kind", "format", "make"]) $(id).disabled = open;
}

function listen(stream) {
  now.sound = new AudioContext();
  const meter = now.sound.createAnalyser();
  meter.fftSize = 1024;
  now.sound.createMediaStreamSource(stream).connect(meter);
  const wave = new Float32Array(meter.fftSize);
  const draw = () => {
    if (!now) return;
    meter.getFloatTimeDomainData(wave);
    const loud = Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length);
    $("level").value = now.recorder.state === "recording" ? Math.min(1, loud * 4) : 0;
    setTimeout(draw, 100);
  };
  draw();
}

async function awake() {
  if (now && document.visibilityState === "visible") now.lock = await navigator.wakeLock?.request("screen").catch(() => null);
}

// ── what an earlier visit to this page left ──────────────────────────────────

async function leftovers() {
  const mine = (await Kept.open()).filter((row) => row.person === page.dataset.person);
  const place = $("unsent");
  place.hidden = !mine.length;
  if (!mine.length) return;
  const words = document.createElement("p");
  words.textContent = mine.length === 1 ? "A dictation on this device was not sent to its end." : `${mine.length} dictations on this device were not sent to their end.`;
  const row = document.createElement("div");
  row.className = "row";
  row.append(button("Send now", () => sendAll(mine), "main"), button("Destroy", () => destroyAll(mine, row)));
  place.replaceChildren(words, row);
}

function button(text, does, kind = "") {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, className: kind });
  made.addEventListener("click", does);
  return made;
}

async function sendAll(rows) {
  try {
    let id;
    for (const row of rows) {
      const kept = new Kept(row.key, row.secret);
      const visit = { key: row.key, about: JSON.parse(new TextDecoder().decode(await kept.open(row.sealed))) };
      id = await restored(visit, kept);
    }
    location.assign(rows.length === 1 ? `/work/${id}` : "/");
  } catch (fault) {
    $("unsent").firstChild.textContent = `${fault.message} It stays on this device, encrypted.`;
  }
}

async function restored(visit, kept) {
  const sender = new Sender(visit, kept, () => {});
  for (const bytes of await kept.pieces()) {
    sender.held.push(bytes);
    sender.length += bytes.byteLength;
  }
  sender.id = (await begin(visit)).id;
  const { size } = await ask("GET", `${API}/${sender.id}/recording/stored`);
  sender.passed(Math.min(size, sender.length));
  sender.over = true;
  return sender.go();
}

async function destroyAll(rows, row) {
  row.replaceChildren(
    button("Yes, destroy what I said", async () => {
      for (const one of rows) await new Kept(one.key, one.secret).forget();
      await leftovers();
    }, "danger"),
    button("Keep it", leftovers),
  );
}

// ── begun ────────────────────────────────────────────────────────────────────

if (form) {
  form.addEventListener("submit", submitted);
  document.querySelector("[data-look]").hidden = true;
  for (const id of ["client", "format"]) $(id).addEventListener("change", beside);
  if (navigator.mediaDevices && window.MediaRecorder && crypto.subtle) {
    $("recorder").hidden = false;
    $("record").addEventListener("click", () => (now ? now.recorder.stop() : dictate()));
    $("pause").addEventListener("click", pause);
    document.addEventListener("visibilitychange", awake);
    addEventListener("online", () => now?.sender.go().catch(() => {}));
    addEventListener("beforeunload", (event) => now && event.preventDefault());
    leftovers();
  }
}
