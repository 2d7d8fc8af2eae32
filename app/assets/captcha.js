// The CAPTCHA tab's two practice games: make the face that an emoji shows (camera), and guess what a drawn face shows (none).
// What the page says stands in its HTML (app/tabs/captcha.py), the rules come from app/practice.py; feed.js has the camera.
(() => {
  const HALF_LIFE = 0.2; // seconds, of the smoothing: a game must answer quickly
  const LEAK = 0.5; // how fast the ring empties, against how fast it fills
  const NEAR = 0.55; // share of what is needed from which it is "a bit more"
  const BESTS = { make: "fersys.practice.make", guess: "fersys.practice.guess" };
  const STILL = matchMedia("(prefers-reduced-motion: reduce)");
  const SCRAPS = 26; // of confetti
  const NARROW = 800; // pixels, as in captcha.css

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const argmax = (scores) => scores.indexOf(Math.max(...scores));
  const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

  // The rules, without a page --------------------------------------------------------------------------------------

  // How full the ring is after `seconds` in which the face matched or did not.
  const advance = (held, matches, seconds, hold) => Math.min(1, Math.max(0, held + ((matches ? 1 : -LEAK) * seconds) / hold));

  const bonus = (seconds, rules) => Math.round(rules.bonus * Math.max(0, 1 - seconds / rules.quick));

  // What the next face is worth, with so many right ones in a row before it.
  const worth = (streak, seconds, rules) => rules.points + rules.streak * Math.min(streak, rules.longest) + bonus(seconds, rules);

  // Expressions to ask for: random, and never the same twice in a row.
  function deal(rules, hard, random = Math.random) {
    const names = Object.keys(rules.asked).filter((name) => hard || !rules.asked[name].hard);
    const dealt = [];
    while (dealt.length < rules.faces) {
      const left = names.filter((name) => name !== dealt.at(-1));
      dealt.push(left[Math.floor(random() * left.length)]);
    }
    return dealt;
  }

  class Score {
    constructor(rules, kind) { Object.assign(this, { rules, kind, points: 0, streak: 0, longest: 0, marks: [] }); }

    get done() { return this.marks.length; }
    get right() { return this.marks.filter(({ right }) => right).length; }
    get best() { return readBest(this.kind); }

    // Note how a face went, and return what it brought.
    note(expression, right, seconds) {
      const earned = right ? worth(this.streak, seconds, this.rules) : 0;
      this.marks.push({ expression, right });
      this.points += earned;
      this.streak = right ? this.streak + 1 : 0;
      this.longest = Math.max(this.longest, this.streak);
      return earned;
    }
  }

  // The one thing that is kept, in this browser alone: a number a game. Storage may be forbidden.
  function readBest(kind) {
    try { return Math.max(0, Math.floor(Number(localStorage.getItem(BESTS[kind])))) || 0; } catch { return 0; }
  }

  function keepBest(kind, points) {
    try { localStorage.setItem(BESTS[kind], String(points)); } catch { /* then it is not kept */ }
  }

  // The page -------------------------------------------------------------------------------------------------------

  class Play {
    constructor(root) {
      this.root = root;
      for (const name of ["words", "looks", "rules"]) this[name] = JSON.parse(root.dataset[name]);
      this.emotions = Object.keys(this.looks);
      this.feed = new window.fersysFeed.Feed(root.dataset.path, this.part("video"), this);
      this.last = "make";
      root.addEventListener("click", (event) => this.click(event));
      new ResizeObserver(() => this.resized()).observe(root);
      this.showBests();
    }

    part(name) { return this.root.querySelector(`[data-part="${name}"]`); }
    parts(name) { return this.root.querySelectorAll(`[data-part="${name}"]`); }
    get state() { return this.root.dataset.state; }
    get hard() { return this.part("hard").checked; }
    name(expression) { return this.looks[expression][0]; }

    show(state) {
      if (this.state === state) return;
      this.root.dataset.state = state;
      for (const piece of this.root.querySelectorAll("[data-for]")) piece.hidden = !piece.dataset.for.split(" ").includes(state);
      const lost = document.activeElement === document.body || this.root.contains(document.activeElement);
      this.bringIntoView();
      if (lost) this.root.querySelector(`[data-for~="${state}"]:not([hidden]) [data-focus]`)?.focus({ preventScroll: true });
    }

    // What was pressed may have stood far below what comes next.
    bringIntoView() {
      if (this.root.getBoundingClientRect().top < 0 || (innerWidth <= NARROW && this.state !== "intro")) this.root.scrollIntoView({ block: "start" });
    }

    say(text) { this.part("said").textContent = text; }

    click(event) {
      const button = event.target.closest("[data-do]");
      if (!button || button.getAttribute("aria-disabled") === "true") return;
      const actions = {
        make: () => this.startMaking(), guess: () => this.startGuessing(), again: () => (this.last === "make" ? this.startMaking() : this.startGuessing()),
        skip: () => this.skip(), stop: () => this.home(), home: () => this.home(), next: () => this.deal(),
        answer: () => this.answer(button.dataset.expression), copy: () => this.copy(), big: () => this.enlarge(!this.big),
      };
      actions[button.dataset.do]?.();
    }

    // Keys count while the game has the focus, or nothing has.
    key(event) {
      const at = document.activeElement;
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || !this.root.getClientRects().length || (at !== document.body && !this.root.contains(at))) return;
      if (event.key === "Escape" && this.big) this.enlarge(false);
      else if (this.state === "guess" && /^[1-7]$/.test(event.key)) this.answer(this.emotions[event.key - 1]);
      else if (this.state === "live" && event.key.toLowerCase() === "s") this.skip();
    }

    home() {
      this.feed.stop();
      if (this.big) this.enlarge(false);
      this.score = this.card = null;
      this.showBests();
      this.show("intro");
    }

    showBests() {
      for (const line of this.root.querySelectorAll("[data-best]")) {
        const points = readBest(line.dataset.best);
        line.hidden = !points;
        line.textContent = fill(this.words.best, { points });
      }
    }

    showScore() {
      const { score } = this, numbers = { points: score.points, streak: score.streak, best: Math.max(score.best, score.points), step: Math.min(score.done + 1, score.rules.faces) };
      for (const [name, number] of Object.entries(numbers)) for (const part of this.parts(name)) part.textContent = number;
      for (const part of this.parts("progress")) part.style.setProperty("--done", score.done / score.rules.faces);
    }

    // Leaving the tab gives the root no size; so does being taken out of the page.
    resized() {
      if (!this.root.isConnected || !this.root.getClientRects().length) this.leave();
    }

    leave() {
      if (!this.feed.run) return;
      this.feed.stop();
      this.show("left");
    }

    // Making faces: the feed's owner -------------------------------------------------------------------------------

    startMaking() {
      this.last = "make";
      this.score = new Score(this.rules, "make");
      this.asked = deal(this.rules, this.hard);
      this.feed.start({ half_life: HALF_LIFE });
    }

    // A step of the camera, or how it ended.
    step(name) {
      this.show(name);
      if (name === "live") this.ask();
    }

    place(number) { this.part("place").textContent = fill(this.words.place, { place: number }); }

    ask() {
      if (this.score.done >= this.asked.length) return this.finish();
      this.wanted = this.asked[this.score.done];
      const [word, sign] = this.looks[this.wanted];
      Object.assign(this, { held: 0, since: performance.now(), at: performance.now(), hint: "" });
      this.root.dataset.asked = this.wanted;
      this.part("wanted").textContent = sign;
      this.part("wanted").setAttribute("aria-label", word);
      this.part("word").textContent = word;
      this.part("needed").style.left = `${100 * this.rules.asked[this.wanted].needed}%`;
      this.part("tip").textContent = this.words[`tip_${this.wanted}`];
      this.showScore();
      this.drawRing();
      this.say(fill(this.words.make, { expression: word, step: this.score.done + 1, faces: this.asked.length }));
    }

    faces(told) {
      if (this.state !== "live") return;
      const now = performance.now(), seconds = Math.min(0.5, (now - this.at) / 1000); // a pause holds no face
      this.at = now;
      const face = told.faces.reduce((a, b) => (a && a.box[2] * a.box[3] >= b.box[2] * b.box[3] ? a : b), null);
      const scores = face ? Object.values(face.scores) : [];
      const match = scores.length ? mean(scores.map((row) => row[this.emotions.indexOf(this.wanted)])) : 0;
      const needed = this.rules.asked[this.wanted].needed;
      this.held = advance(this.held, match >= needed, seconds, this.rules.hold);
      this.drawFace(face);
      this.drawMatch(match, needed, scores, told.faces.length);
      this.drawRing();
      if (this.held >= 1) this.made((now - this.since) / 1000);
      else if (now - this.since > 1000 * this.rules.patience) { this.feed.stop(); this.show("idle"); }
    }

    drawFace(face) {
      const box = this.part("box");
      box.hidden = !face;
      if (!face) return;
      const [x, y, width, height] = face.box;
      Object.assign(box.style, { left: `${100 * (1 - x - width)}%`, top: `${100 * y}%`, width: `${100 * width}%`, height: `${100 * height}%` });
    }

    drawMatch(match, needed, scores, count) {
      const seen = scores.length ? argmax(this.emotions.map((_, index) => mean(scores.map((row) => row[index])))) : 0;
      const key = !count ? "nobody" : count > 1 ? "crowd" : match >= needed ? "hold" : match >= NEAR * needed ? "more" : "seen";
      this.part("match").style.transform = `scaleX(${match})`;
      this.part("share").textContent = `${Math.round(100 * match)}%`;
      this.root.dataset.match = match >= needed ? "yes" : "no";
      const hint = fill(this.words[`hint_${key}`], { expression: this.name(this.emotions[seen]) });
      if (hint !== this.part("hint").textContent) this.part("hint").textContent = hint;
      const kind = key === "seen" ? "" : hint;
      if (kind && kind !== this.hint && (key === "nobody" || key === "hold")) this.say(kind);
      this.hint = kind || this.hint;
    }

    drawRing() { this.part("ring").style.strokeDashoffset = String(100 * (1 - this.held)); }

    made(seconds) {
      const earned = this.score.note(this.wanted, true, seconds);
      this.toast(fill(this.words.earned, { points: earned }), this.looks[this.wanted][1]);
      this.ask();
    }

    skip() {
      if (this.state !== "live") return;
      this.score.note(this.wanted, false, 0);
      this.toast(this.words.skipped, "⏭️");
      this.ask();
    }

    toast(text, sign) {
      const toast = this.part("toast");
      toast.querySelector("span").textContent = sign;
      toast.querySelector("b").textContent = text;
      toast.hidden = false;
      clearTimeout(this.toasting);
      this.toasting = setTimeout(() => { toast.hidden = true; }, 1400);
    }

    // Guessing -----------------------------------------------------------------------------------------------------

    async startGuessing() {
      this.feed.stop();
      this.last = "guess";
      this.score = new Score(this.rules, "guess");
      this.show("dealing");
      const asked = (this.asking = {});
      const language = document.documentElement.lang.slice(0, 2);
      let hand = null;
      try {
        const answer = await fetch(`${window.fersysFeed.base()}${this.root.dataset.faces}?language=${language}`, { signal: AbortSignal.timeout(10000) });
        if (answer.ok) hand = await answer.json();
      } catch { /* said below */ }
      if (this.asking !== asked || this.state !== "dealing") return;
      if (!hand) return this.show("nofaces");
      this.hand = hand;
      this.deal();
    }

    deal() {
      if (this.score.done >= this.hand.cards.length) return this.finish();
      this.card = this.hand.cards[this.score.done];
      this.shown = performance.now();
      this.root.dataset.answered = "";
      const face = this.part("face");
      face.innerHTML = this.card.svg; // ours: the server drew it
      face.setAttribute("aria-label", fill(this.words.face, { seen: this.card.seen }));
      for (const button of this.root.querySelectorAll("[data-do=answer]")) {
        button.removeAttribute("data-mark");
        button.removeAttribute("aria-disabled");
        button.querySelector("[data-part=mark]").textContent = "";
      }
      this.part("why").hidden = true;
      this.showScore();
      this.show("guess");
      this.bringIntoView();
      face.focus({ preventScroll: true });
      this.say(fill(this.words.which, { step: this.score.done + 1, faces: this.hand.cards.length }));
    }

    answer(expression) {
      if (this.state !== "guess" || this.root.dataset.answered) return;
      const { expression: truth, seen } = this.card, right = expression === truth;
      const earned = this.score.note(truth, right, (performance.now() - this.shown) / 1000);
      this.root.dataset.answered = right ? "right" : "wrong";
      for (const button of this.root.querySelectorAll("[data-do=answer]")) this.mark(button, truth, expression);
      const title = right ? fill(this.words.right, { expression: this.name(truth), points: earned }) : fill(this.words.wrong, { expression: this.name(truth) });
      this.part("verdict").textContent = title;
      this.part("verdict-sign").textContent = this.looks[truth][1];
      this.part("seen").textContent = fill(this.words.because, { seen });
      this.part("instead").textContent = right ? "" : fill(this.words.instead, { expression: this.name(expression), seen: this.hand.signs[expression] });
      this.part("why").hidden = false;
      this.showScore();
      for (const part of this.parts("step")) part.textContent = this.score.done;
      const last = this.score.done >= this.hand.cards.length;
      const next = this.root.querySelector("[data-do=next]");
      next.textContent = last ? this.words.result : this.words.next;
      next.focus({ preventScroll: true });
      this.part("why").scrollIntoView({ block: "nearest", behavior: STILL.matches ? "auto" : "smooth" });
      this.say([title, this.part("seen").textContent, this.part("instead").textContent].join(" "));
    }

    mark(button, truth, chosen) {
      const { expression } = button.dataset, kind = expression === truth ? "right" : expression === chosen ? "wrong" : "other";
      button.dataset.mark = kind;
      button.setAttribute("aria-disabled", "true");
      button.querySelector("[data-part=mark]").textContent = { right: "✓", wrong: "✗", other: "" }[kind];
    }

    // The end ------------------------------------------------------------------------------------------------------

    finish() {
      this.feed.stop();
      const { score } = this, former = score.best, record = score.points > former;
      if (record) keepBest(score.kind, score.points);
      const values = { right: score.right, faces: score.done, points: score.points, streak: score.longest };
      const good = score.right >= 0.75 * score.done;
      this.part("end-title").textContent = this.words[score.right === score.done ? "end_all" : good ? "end_good" : "end_some"];
      this.part("end-sign").textContent = good ? "🎉" : "💪";
      this.part("end-line").textContent = fill(this.words[`end_${score.kind}`], values);
      this.part("end-points").textContent = score.points;
      this.part("end-streak").textContent = score.longest;
      this.part("end-best").textContent = Math.max(former, score.points);
      this.part("record").hidden = !record || !former;
      this.part("marks").replaceChildren(...score.marks.map((mark) => this.markOf(mark)));
      this.part("share-text").value = this.shareText(values);
      this.part("copied").textContent = "";
      this.show("end");
      this.say(`${this.part("end-title").textContent} ${this.part("end-line").textContent}`);
      if (good) this.celebrate();
    }

    markOf({ expression, right }) {
      const item = document.createElement("li"), [word, sign] = this.looks[expression];
      item.className = right ? "fersys-play-hit" : "fersys-play-miss";
      item.setAttribute("aria-label", `${word}: ${this.words[right ? "yes" : "no"]}`);
      item.innerHTML = `<span class="fersys-emoji" aria-hidden="true">${sign}</span><b aria-hidden="true">${right ? "✓" : "–"}</b>`;
      return item;
    }

    shareText(values) {
      const row = this.score.marks.map(({ expression, right }) => (right ? this.looks[expression][1] : "▫️")).join("");
      return `${fill(this.words[`share_${this.score.kind}`], values)}\n${row}`;
    }

    async copy() {
      const field = this.part("share-text");
      try { await navigator.clipboard.writeText(field.value); } catch {
        field.select();
        if (!document.execCommand("copy")) return;
      }
      this.part("copied").textContent = this.words.copied;
    }

    celebrate() {
      if (STILL.matches) return;
      const rain = this.part("confetti");
      rain.replaceChildren(...Array.from({ length: SCRAPS }, (_, index) => {
        const scrap = document.createElement("i");
        const color = Object.values(this.looks)[index % this.emotions.length][2];
        scrap.style.cssText = `left:${Math.round(100 * Math.random())}%;background:${color};--drift:${Math.round(80 * Math.random() - 40)}px;--turn:${Math.round(540 * Math.random())}deg;animation-delay:${Math.round(500 * Math.random())}ms`;
        return scrap;
      }));
      clearTimeout(this.raining);
      this.raining = setTimeout(() => rain.replaceChildren(), 3200);
    }

    get big() { return this.root.classList.contains("fersys-play-big"); }

    enlarge(big) {
      this.root.classList.toggle("fersys-play-big", big);
      document.documentElement.classList.toggle("fersys-play-still", big);
      for (const button of this.root.querySelectorAll("[data-do=big]")) button.setAttribute("aria-pressed", String(big));
      if (big) this.root.requestFullscreen?.().catch(() => {}); // without it the window is filled
      else if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    }
  }

  let play = null;

  // Gradio puts the tab into the page when it is first opened, and again when the language changes.
  function find() {
    const root = document.getElementById("fersys-play");
    if (root && root !== play?.root && root.querySelector("[data-part=video]")) {
      play?.leave();
      play = new Play(root);
      Object.assign(window.fersysCaptcha, { play });
    } else if (play && !play.root.isConnected) play.leave();
  }

  function begin() {
    new MutationObserver(find).observe(document.body, { childList: true, subtree: true });
    find();
  }

  window.fersysCaptcha = { advance, bonus, worth, deal, Score };
  addEventListener("pagehide", () => play?.leave());
  document.addEventListener("visibilitychange", () => document.hidden && play?.feed.live && play.leave());
  document.addEventListener("keydown", (event) => play?.key(event));
  document.addEventListener("fullscreenchange", () => !document.fullscreenElement && play?.big && play.enlarge(false));
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
