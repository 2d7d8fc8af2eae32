/* What happens inside the widget's frame: one state at a time; the page around it is told of a token and of nothing else. */
import { passByFace } from "./face.js";
import { breakStreak, copy, rain, seconds, showResult } from "./result.js";
import { Refusal } from "./service.js";
import { Stage } from "./stage.js";
import { passByWork } from "./work.js";

const main = document.querySelector("main");
const settings = JSON.parse(main.dataset.settings);
const words = settings.words;
const part = (name) => main.querySelector(`[data-part="${name}"]`);
const isOnTab = document.documentElement.dataset.place === "tab";
const ANSWERED = new Set(["refused", "expired"]); // attempts that were made, and did not count
const OWNERS = new Set(["missing-sitekey", "invalid-sitekey", "invalid-hostname", "invalid-action", "invalid-cdata", "insecure"]); // no visitor can help these

let site = null; // the page around us as the browser names it, and what it wants the token to say
let attempt = null; // an AbortController, while there is an attempt
let isTried = false; // whether that one has shown its first frame
let expiry = 0;
let lastWay = "choose";
let lastCode = "";
let began = 0;

// ---- the page around us

function tell(kind, more = {}) {
  if (site) window.parent.postMessage({ fersysCaptcha: 1, kind, ...more }, site.origin);
}

function meet(event) {
  const { action = "", cdata = "" } = event.data;
  site = { origin: event.origin, binding: { sitekey: settings.sitekey, hostname: settings.hostname || hostOf(event.origin), action: String(action), cdata: String(cdata) } };
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
  drop();
  clearTimeout(expiry);
  say("");
  lastWay = "choose";
  show("choose");
}

/** Break off what is under way: who has begun cannot save a streak by not ending it. */
function drop() {
  if (attempt && isTried) breakStreak();
  attempt?.abort();
  attempt = null;
}

function fail(refusal) {
  if (isTried && (ANSWERED.has(refusal.code) || refusal.code === "camera-absent")) breakStreak(); // who pulls the plug gives up as well
  complain(refusal);
  tell("error", { code: refusal.code });
}

/** Words for a code; the way without a camera has some of its own. */
function wordsFor(code) {
  const action = site?.binding.action;
  if (code === "invalid-action" && !action) return words.problem_missing_action;
  const name = code.replaceAll("-", "_");
  const text = (lastWay === "work" && words[`problem_work_${name}`]) || words[`problem_${name}`] || words.problem_failed;
  return text.replace("{action}", () => action);
}

/** Show the buttons that can help: once more, and the way that was not gone. */
function offerWays(code) {
  const canHelp = !settings.problem && site && !OWNERS.has(code);
  const helps = { again: canHelp, work: lastWay === "face" && (canHelp || (code === "insecure" && window.isSecureContext)), tell: lastWay === "work" && canHelp };
  const buttons = [...part("ways").children];
  for (const button of buttons) button.hidden = !helps[button.dataset.do];
  part("ways").hidden = buttons.every((button) => button.hidden);
}

function complain(refusal) {
  const text = wordsFor(refusal.code);
  const wait = refusal.wait > 1 ? ` ${words.wait.replace("{seconds}", Math.ceil(refusal.wait))}` : "";
  lastCode = refusal.code;
  part("problem").textContent = text + wait;
  part("problem-title").textContent = refusal.code === "token-expired" ? words.once_more : words.failed;
  offerWays(refusal.code);
  show("problem");
}

function pass(token) {
  const took = performance.now() - began;
  show("done");
  part("time").textContent = words[`took_${lastWay}`].replace("{seconds}", seconds(took));
  if (isOnTab) for (const name of ["result", "copy", "copied"]) main.querySelector(`[data-part="${name}"]`).hidden = lastWay !== "face";
  if (lastWay === "face") celebrate(took);
  say(`${words.passed} ${part("time").textContent}`);
  tell("token", { token });
  if (!isOnTab) expiry = setTimeout(expire, settings.token_life * 1000); // on the tab nobody waits for the token
}

function celebrate(took) {
  rain(part("confetti"));
  if (isOnTab) showResult({ part, words, emoji: settings.emoji, shown: stage.shown, took });
}

function expire() {
  complain(new Refusal("token-expired"));
  tell("expired");
}

/** Go one of the two ways; what it returns is the token. */
async function go(way, walk) {
  drop();
  clearTimeout(expiry);
  isTried = false;
  const mine = (attempt = new AbortController());
  lastWay = way;
  began = performance.now();
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

const stage = new Stage({ main, settings, say });

function face() {
  show("face");
  stage.open();
  const heard = { onOpen: () => (began = performance.now()), onSend: () => (isTried = true), onView: (view, isSlow) => stage.show(view, isSlow) };
  go("face", (given) => passByFace({ ...given, ...heard, video: part("video") }));
}

/** Nobody is watched who does not look: the camera is closed with the page, whatever is shown. */
function leave() {
  if (!attempt || lastWay !== "face") return;
  drop();
  fail(new Refusal("left"));
}

/** Who was told already, and tried, need not be told again. */
function again() {
  if (lastWay === "work") return work();
  if (lastWay === "face") return ANSWERED.has(lastCode) || lastCode === "left" ? face() : show("tell");
  return restart();
}

const DO = { work, tell: () => show("tell"), face, back: restart, again, replay: () => (lastWay === "face" ? face() : restart()), copy: () => copy({ part, words }) };

main.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button && site && button.getAttribute("aria-disabled") !== "true") DO[button.dataset.do]();
});
main.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && (attempt || main.dataset.state === "tell")) restart();
});
document.addEventListener("visibilitychange", () => document.hidden && leave());
window.addEventListener("pagehide", leave);
new ResizeObserver(tellHeight).observe(main);

if (window.parent === window) fail(new Refusal("alone"));
else window.parent.postMessage({ fersysCaptcha: 1, kind: "ready" }, "*");
