/* What happens inside the widget's frame: one state at a time; the page around it is told of a token and of nothing else. */
import { passByFace } from "./face.js";
import { Refusal } from "./service.js";
import { passByWork } from "./work.js";

const main = document.querySelector("main");
const settings = JSON.parse(main.dataset.settings);
const words = settings.words;
const part = (name) => main.querySelector(`[data-part="${name}"]`);

let site = null; // the page around us as the browser names it, and what it wants the token to say
let attempt = null; // an AbortController, while there is an attempt
let expiry = 0;
let lastWay = "choose";

// ---- the page around us

function tell(kind, more = {}) {
  if (site) window.parent.postMessage({ fersysCaptcha: 1, kind, ...more }, site.origin);
}

function meet(event) {
  const { action = "", cdata = "" } = event.data;
  site = { origin: event.origin, binding: { sitekey: settings.sitekey, hostname: hostOf(event.origin), action: String(action), cdata: String(cdata) } };
  tellHeight();
  if (settings.problem) fail(new Refusal(settings.problem));
  else show("choose");
}

function hostOf(origin) {
  try {
    return new URL(origin).hostname;
  } catch {
    return ""; // a page without an origin, such as a file
  }
}

function tellHeight() {
  tell("height", { height: Math.ceil(main.getBoundingClientRect().height) + 2 });
}

window.addEventListener("message", (event) => {
  if (event.source !== window.parent || event.data?.fersysCaptcha !== 1) return;
  if (event.data.kind === "settings" && !site) meet(event);
  if (event.data.kind === "reset" && site && event.origin === site.origin && !settings.problem) restart();
});

// ---- states

function show(state) {
  const moved = main.dataset.state !== state;
  main.dataset.state = state;
  for (const section of main.querySelectorAll("[data-for]")) section.hidden = section.dataset.for !== state;
  if (moved && document.hasFocus()) main.querySelector(`[data-for="${state}"] h1`)?.focus();
}

function say(text) {
  const said = part("said");
  if (said.textContent !== text) said.textContent = text;
}

function restart() {
  attempt?.abort();
  attempt = null;
  clearTimeout(expiry);
  say("");
  show("choose");
}

function fail(refusal) {
  complain(refusal);
  tell("error", { code: refusal.code });
}

function complain(refusal) {
  const text = words[`problem_${refusal.code.replaceAll("-", "_")}`] ?? words.problem_failed;
  const wait = refusal.wait > 1 ? ` ${words.wait.replace("{seconds}", Math.ceil(refusal.wait))}` : "";
  part("problem").textContent = text + wait;
  part("again").hidden = Boolean(settings.problem) || !site;
  show("problem");
}

function pass(token) {
  show("done");
  tell("token", { token });
  clearTimeout(expiry);
  expiry = setTimeout(expire, settings.token_life * 1000);
}

function expire() {
  complain(new Refusal("token-expired"));
  tell("expired");
}

/** Go one of the two ways; what it returns is the token. */
async function go(way, walk) {
  attempt?.abort();
  const mine = (attempt = new AbortController());
  lastWay = way;
  try {
    const token = await walk({ binding: site.binding, signal: mine.signal });
    if (attempt === mine) pass(token);
  } catch (error) {
    if (attempt !== mine || mine.signal.aborted) return;
    fail(error instanceof Refusal ? error : new Refusal("failed"));
  } finally {
    if (attempt === mine) attempt = null;
  }
}

function work() {
  show("work");
  onWorked(0);
  say(words.working);
  go("work", (given) => passByWork({ ...given, tries: settings.tries, onProgress: onWorked }));
}

function onWorked(share) {
  const percent = Math.floor(share * 100);
  part("work-bar").value = percent;
  part("work-percent").textContent = `${percent} %`;
  const quarter = Math.floor(share * 4) * 25;
  if (quarter) say(`${quarter} %`);
}

function face() {
  show("face");
  part("prompt-emoji").textContent = "";
  part("prompt-words").textContent = words.opening;
  part("steps").textContent = part("hint").textContent = "";
  part("ring").style.setProperty("--progress", 0);
  go("face", (given) => passByFace({ ...given, video: part("video"), onView }));
}

function onView(view) {
  const { prompt, step, steps } = view;
  part("ring").style.setProperty("--progress", view.progress);
  part("hint").textContent = words[`hint_${view.hint.replaceAll("-", "_")}`] ?? "";
  if (!prompt) return;
  const asked = [words[`show_${prompt.expression}`], words[`turn_${prompt.turn}`]].filter(Boolean).join(" ");
  part("prompt-emoji").textContent = settings.emoji[prompt.expression];
  part("prompt-words").textContent = asked;
  part("steps").textContent = words.step.replace("{step}", step + 1).replace("{steps}", steps);
  part("left").textContent = `${Math.ceil(view.seconds_left)} s`;
  say(`${part("steps").textContent}: ${asked}. ${part("hint").textContent}`);
}

const DO = {
  work,
  tell: () => show("tell"),
  face,
  back: restart,
  again: () => (lastWay === "choose" ? restart() : show(lastWay === "face" ? "tell" : "choose")),
};

main.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button && site && button.getAttribute("aria-disabled") !== "true") DO[button.dataset.do]();
});
main.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && ["work", "tell", "face"].includes(main.dataset.state)) restart();
});
new ResizeObserver(tellHeight).observe(main);

if (window.parent === window) fail(new Refusal("alone"));
else window.parent.postMessage({ fersysCaptcha: 1, kind: "ready" }, "*");
