/* The stage of the way with the camera: the face that is asked for, both rings, the hint, and what a screen reader hears. */

const STEADY = 250; // milliseconds for which a hint must last before it is shown: they flicker
const QUIET = 1500; // and between two that are spoken
const SLOW_SHOWN = 3000; // for which it is said that the connection is slow
const SLOW_EVERY = 9000; // from one time to the next
const SLOW = "slow-link";

export class Stage {
  /** `say` speaks to screen readers. */
  constructor({ main, settings, say }) {
    Object.assign(this, { main, settings, say, words: settings.words, spoken: 0 });
  }

  part(name) { return this.main.querySelector(`[data-part="${name}"]`); }

  open() {
    Object.assign(this, { nonce: "", step: 0, shown: [], hint: "", code: "", next: "", since: 0, told: "", slowAt: -Infinity });
    for (const name of ["picture", "dots"]) this.part(name).replaceChildren();
    for (const name of ["hint", "steps", "left"]) this.part(name).textContent = "";
    this.part("prompt-words").textContent = this.words.opening;
    this.part("picture").hidden = true;
    this.part("tick").classList.remove("shown");
    this.fill("ring", 0);
    this.fill("left-ring", 1);
  }

  fill(ring, share) { this.part(ring).style.setProperty("--share", share); }

  /** Show what the service said after a frame; `isSlow`: its answers come late. */
  show(view, isSlow) {
    if (view.prompt && view.nonce !== this.nonce) this.ask(view);
    this.fill("ring", view.progress);
    if (!view.prompt) return;
    const left = Math.max(0, Math.min(view.seconds_left, this.settings.answer_life - (performance.now() - this.began) / 1000));
    this.fill("left-ring", Math.min(1, left / this.settings.answer_life));
    this.part("left").textContent = this.words.left.replace("{seconds}", Math.ceil(left));
    this.advise(this.isSlowNow(isSlow) ? SLOW : view.hint);
  }

  ask({ nonce, prompt, step, steps }) {
    if (step > this.step) this.tick();
    Object.assign(this, { nonce, step, began: performance.now(), hint: "", code: "", next: "", told: "" });
    this.shown[step] = prompt.expression;
    const words = [this.words[`show_${prompt.expression}`], this.words[`turn_${prompt.turn}`]].filter(Boolean).join(" ");
    const picture = this.part("picture");
    const drawn = this.main.querySelector(`[data-picture="${prompt.expression} ${prompt.turn}"]`); // none if the page is older than the judge
    picture.replaceChildren(drawn?.content.cloneNode(true) ?? "");
    picture.setAttribute("aria-label", [this.words[`face_${prompt.expression}`], this.words[`faced_${prompt.turn}`]].filter(Boolean).join(", "));
    picture.hidden = false;
    this.main.dataset.asked = `${prompt.expression} ${prompt.turn}`;
    this.part("prompt-words").textContent = words;
    this.part("hint").textContent = this.words.hint_match_the_face;
    this.part("steps").textContent = this.words.step.replace("{step}", step + 1).replace("{steps}", steps);
    this.part("dots").replaceChildren(...Array.from({ length: steps }, (_, index) => {
      const dot = document.createElement("i");
      dot.className = index < step ? "past" : index === step ? "now" : "";
      return dot;
    }));
    this.spoken = performance.now();
    this.say(`${this.part("steps").textContent}: ${words}.`);
  }

  tick() {
    const tick = this.part("tick");
    tick.classList.remove("shown");
    void tick.offsetWidth; // or the movement would not begin anew
    tick.classList.add("shown");
  }

  /** For a while, and then not again for a while: the other hints are wanted too. */
  isSlowNow(isSlow) {
    const now = performance.now();
    if (isSlow && now - this.slowAt >= SLOW_EVERY) this.slowAt = now;
    return now - this.slowAt < SLOW_SHOWN;
  }

  advise(code) {
    const hint = this.words[`hint_${code.replaceAll("-", "_")}`] ?? this.words.hint_match_the_face;
    const now = performance.now();
    if (hint !== this.next) Object.assign(this, { next: hint, since: now });
    if (hint === this.hint || code === SLOW || now - this.since >= STEADY) {
      if (hint !== this.hint) this.part("hint").textContent = hint;
      Object.assign(this, { hint, code });
    }
    this.speak(now);
  }

  /** Say what is shown, once it is not too soon any more. */
  speak(now) {
    if (!this.code) this.told = "";
    if (!this.code || this.hint === this.told || now - this.spoken < QUIET) return;
    Object.assign(this, { told: this.hint, spoken: now });
    this.say(this.hint);
  }
}
