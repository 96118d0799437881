// Small things of the pages beside the review: the browser's time zone, copying, a draft's progress, the door of the private room.

const main = () => document.getElementById("main");

for (const field of document.querySelectorAll("input[data-zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || field.value;
}

// ── names in lists to choose from ────────────────────────────────────────────

function rename() {
  const hidden = document.documentElement.classList.contains("hide-names");
  for (const option of document.querySelectorAll("select[data-names] option[data-alias]")) {
    option.dataset.label ??= option.textContent;
    option.textContent = hidden ? option.dataset.alias : option.dataset.label;
  }
}
new MutationObserver(rename).observe(document.documentElement, { attributeFilter: ["class"] });
rename();

// ── copying ──────────────────────────────────────────────────────────────────

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    const status = button.parentElement.querySelector("[role=status]");
    try {
      await navigator.clipboard.writeText(field.value);
      status.textContent = "Copied";
    } catch {
      field.select();
      status.textContent = "Select it and copy by hand";
    }
  });
}

// ── how far a draft is ───────────────────────────────────────────────────────

async function again() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected || !answer.ok) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  main().replaceChildren(...page.getElementById("main").childNodes);
}

function follow() {
  const place = document.querySelector("[data-work]");
  if (!place) return;
  const stream = new EventSource(`/api/v1/encounters/${place.dataset.work}/events`);
  let failed = 0;
  stream.addEventListener("progress", async (event) => {
    failed = 0;
    const now = JSON.parse(event.data);
    const here = document.querySelector("[data-work]");
    if (!here) return stream.close();
    if (now.done || now.failure || (now.step ?? "") !== here.dataset.step) {
      if (now.done || now.failure) stream.close();
      return again();
    }
    const bar = here.querySelector("[data-share]");
    if (bar && now.share !== null) bar.value = now.share;
    const left = here.querySelector("[data-left]");
    if (left && now.left !== null) left.textContent = now.left < 45 ? "less than a minute left" : `about ${minutes(now.left)} left`;
  });
  stream.addEventListener("error", () => {
    if (++failed < 3) return;
    stream.close();
    setTimeout(() => location.reload(), 5000);
  });
}
const minutes = (seconds) => `${Math.max(1, Math.round(seconds / 60))} minute${Math.round(seconds / 60) > 1 ? "s" : ""}`;
follow();

// ── the private room closes ──────────────────────────────────────────────────

const room = document.querySelector("[data-idle]");
if (room) {
  const closes = Date.now() + room.dataset.idle * 1000;
  const shut = () => {
    if (Date.now() < closes) return;
    room.replaceChildren();
    location.reload();
  };
  setInterval(shut, 1000);
  document.addEventListener("visibilitychange", shut);
  addEventListener("pageshow", shut);
}
