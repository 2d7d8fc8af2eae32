/* What comes after a pass by face: confetti, and on the tab a streak, the fastest time and a text to share. Only these numbers are kept in this browser. */

const SCRAPS = 36;
const RAIN = 2600; // milliseconds
const HUES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];
const STREAK = "fersys-challenge-streak";
const LONGEST = "fersys-challenge-longest";
const FASTEST = "fersys-challenge-fastest"; // tenths of a second

// Storage may be forbidden, or hold anything.
function read(name) {
  try { return Math.max(0, Math.floor(Number(localStorage.getItem(name)))) || 0; } catch { return 0; }
}

function keep(name, number) {
  try { localStorage.setItem(name, String(number)); } catch { /* then it is not kept */ }
}

/** Seconds in the page's language, to a tenth. */
export function seconds(milliseconds) {
  return (milliseconds / 1000).toLocaleString(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

export function rain(sky) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  sky.replaceChildren(...Array.from({ length: SCRAPS }, (_, index) => {
    const scrap = document.createElement("i");
    const { style } = scrap;
    style.left = `${Math.round(100 * Math.random())}%`;
    style.background = HUES[index % HUES.length];
    style.animationDelay = `${Math.round(400 * Math.random())}ms`;
    style.setProperty("--drift", `${Math.round(60 * Math.random() - 30)}px`);
    style.setProperty("--turn", `${Math.round(540 * Math.random())}deg`);
    return scrap;
  }));
  setTimeout(() => sky.replaceChildren(), RAIN);
}

export function breakStreak() {
  if (document.documentElement.dataset.place === "tab") keep(STREAK, 0);
}

/** Count a pass and show it; only on the tab. */
export function showResult({ part, words, emoji, shown, took }) {
  const streak = read(STREAK) + 1;
  const longest = Math.max(streak, read(LONGEST));
  const tenths = Math.max(1, Math.round(took / 100));
  const fastest = Math.min(tenths, read(FASTEST) || Infinity);
  for (const [name, number] of [[STREAK, streak], [LONGEST, longest], [FASTEST, fastest]]) keep(name, number);
  part("copied").textContent = "";
  part("streak").textContent = streak;
  part("longest").textContent = longest;
  part("fastest").textContent = `${seconds(fastest * 100)} s`;
  const row = shown.map((name) => emoji[name]).join("");
  part("share").value = words.shared.replace("{row}", row).replace("{seconds}", seconds(took)).replace("{streak}", streak);
}

export async function copy({ part, words }) {
  const field = part("share");
  try { await navigator.clipboard.writeText(field.value); } catch {
    field.select();
    if (!document.execCommand("copy")) return;
  }
  part("copied").textContent = words.copied;
}
