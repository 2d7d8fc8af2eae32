// The Webcam tab: draws over the mirrored video what the models say of its faces. feed.js opens the camera when "Start" is
// pressed, and sends its frames; what the page says stands in its HTML (app/tabs/webcam.py), what comes back in
// app/live.py. A bench reads `window.fersysWebcam.updates`.
(() => {
  const { Feed } = window.fersysFeed;
  const SECONDS = 30; // of the timeline
  const MOST_ROWS = 200000; // of a recording: some 30 MB
  const LIVE = new Set(["live", "paused"]), STEPS = new Set(["connecting", "waiting", "asking"]);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const percent = (score) => (score > 0 && score < 0.005 ? "<1" : Math.round(100 * score)) + (document.documentElement.lang.startsWith("de") ? "\u00a0%" : "%");
  const decimal = (number) => number.toLocaleString(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const argmax = (scores) => scores.indexOf(Math.max(...scores));
  const stamp = () => new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");

  // A feed that can be held: the camera stays on, nothing is sent, and the seat may be lost meanwhile.
  class HeldFeed extends Feed {
    start(settings) { this.held = false; return super.start(settings); }
    async send(run) { if (!this.held) await super.send(run); }
    end(run, state) { if (!(this.held && state === "left")) super.end(run, state); }

    async resume(settings) {
      const run = this.run;
      if (!this.open && (!(await this.connect(run)) || this.run !== run)) return false;
      Object.assign(run, { busy: false, fresh: true });
      this.held = false;
      this.socket.send(JSON.stringify(settings));
      this.send(run);
      return true;
    }
  }

  // Shares of how long each expression led, over samples.
  function leader(samples) {
    const counts = new Map();
    for (const scores of samples) counts.set(argmax(scores), (counts.get(argmax(scores)) ?? 0) + 1);
    const [best, count] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [0, 0];
    return [best, samples.length ? count / samples.length : 0];
  }

  class View {
    constructor(root) {
      this.root = root;
      this.words = JSON.parse(root.dataset.words);
      this.looks = JSON.parse(root.dataset.looks);
      this.colors = JSON.parse(root.dataset.colors); // of faces, by number
      this.emotions = Object.keys(this.looks);
      this.video = this.part("video");
      this.feed = new HeldFeed(root.dataset.path, this.video, this);
      this.updates = 0;
      this.boxes = new Map();
      this.cells = this.collectCells();
      this.reset();
      root.addEventListener("click", (event) => this.click(event));
      root.addEventListener("input", (event) => event.target.dataset.do === "smooth" && this.settle());
      root.addEventListener("change", (event) => event.target.dataset.do === "model" && this.settle());
      new ResizeObserver(() => this.resized()).observe(root);
      this.showHalfLife();
    }

    part(name) { return this.root.querySelector(`[data-part="${name}"]`); }
    get state() { return this.root.dataset.state; }
    get live() { return LIVE.has(this.state); }
    get half() { return Number(this.root.querySelector("[data-do=smooth]").value); }
    get sides() { return [...this.root.querySelectorAll("[data-model]")].map((menu) => [menu.dataset.side, menu.value ?? menu.dataset.model]); }

    collectCells() {
      const cells = {};
      for (const [side] of this.sides) {
        const says = this.root.querySelector(`[data-says="${side}"]`);
        const rows = [...this.root.querySelectorAll(`td[data-side="${side}"]`)];
        cells[side] = {
          says, bars: rows.map((cell) => cell.querySelector("u")), shares: rows.map((cell) => cell.querySelector("span")), rows,
          ms: says.querySelector("[data-part=ms]"), emoji: says.querySelector("[data-part=emoji]"), verdict: says.querySelector("[data-part=verdict]"),
        };
      }
      return cells;
    }

    reset() {
      this.seen = [];
      this.history = new Map(); // id → [{ at, scores: { side: [7] } }]
      this.times = []; // when answers came
      this.trips = []; // ms there and back
      this.picked = null; // a face's number, if somebody chose one
      this.rows = null; // of a recording
      this.started = 0;
      for (const box of this.boxes.values()) box.remove();
      this.boxes.clear();
    }

    // States ---------------------------------------------------------------------------------------------------------

    show(state) {
      const before = this.state;
      this.root.dataset.state = state;
      for (const piece of this.root.querySelectorAll("[data-for]")) piece.hidden = piece.dataset.for !== (LIVE.has(state) ? "live" : state);
      this.part("paused").hidden = state !== "paused";
      this.rename("pause", state === "paused" ? this.words.resume : this.words.pause, state === "paused" ? "resume" : "pause");
      if (before !== state) this.moveFocus(before, state);
    }

    // Whoever pressed a button that is gone finds the next one under the finger; nobody else is moved.
    moveFocus(before, state) {
      const lost = document.activeElement === document.body || (this.root.contains(document.activeElement) && !document.activeElement.checkVisibility?.());
      if (!lost || before === "intro" && state === "intro") return;
      const shown = this.root.querySelector(`[data-for="${LIVE.has(state) ? "live" : state}"]:not([hidden]) button`);
      shown?.focus({ preventScroll: true });
    }

    rename(name, word, icon) {
      const button = this.root.querySelector(`.fersys-live-controls [data-do="${name}"]`);
      button.querySelector("[data-part=word]").textContent = word;
      button.querySelector("path").setAttribute("d", JSON.parse(this.root.dataset.icons)[icon]);
    }

    say(text) { this.part("said").textContent = text; }

    click(event) {
      const button = event.target.closest("[data-do], [data-face]");
      if (!button) return;
      if (button.dataset.face) return this.pick(Number(button.dataset.face));
      const actions = {
        start: () => this.start(), stop: () => this.stop("left", "stopped"), pause: () => this.pause(),
        snapshot: () => this.snapshot(), record: () => this.record(), big: () => this.enlarge(!this.big),
      };
      actions[button.dataset.do]?.();
    }

    // Start and stop -------------------------------------------------------------------------------------------------

    get settings() { return { models: this.sides.map(([, model]) => model), half_life: this.half }; }

    start() {
      this.finish();
      this.reset();
      this.feed.start(this.settings);
    }

    // What the feed tells: a step on the way, or how it ended.
    step(state) {
      if (state !== "live" && !STEPS.has(state)) return this.stop(state);
      this.show(state);
      if (state !== "live") return;
      this.started = performance.now();
      this.showHalfLife(); // by now the page's language stands
      this.ticking = setInterval(() => this.tick(), 100);
    }

    place(place) { this.part("place").textContent = fill(this.words.place, { place }); }

    finish() {
      this.feed.stop();
      clearInterval(this.ticking);
      if (this.rows) this.record();
    }

    // Release everything and say why.
    stop(state, words) {
      this.finish();
      if (this.big) this.enlarge(false);
      if (state === "left") this.part("left-words").textContent = this.words[words ?? "left"];
      this.show(state);
    }

    async pause() {
      if (this.state === "live") {
        this.feed.held = true;
        this.video.pause();
        return this.show("paused");
      }
      if (this.state !== "paused" || !(await this.feed.resume(this.settings))) return;
      this.show("live");
      this.times = [];
      this.video.play();
    }

    // Leaving the tab gives the root no size; so does being taken out of the page.
    resized() {
      if (!this.root.isConnected || !this.root.getClientRects().length) this.leave();
      else if (this.live) this.draw();
    }

    leave() {
      if (this.feed.run) this.stop("left");
    }

    // Frames ---------------------------------------------------------------------------------------------------------

    faces(told) {
      const now = performance.now(), { videoWidth, videoHeight } = this.video;
      this.updates += 1;
      this.times.push(now);
      this.trips.push(now - this.feed.run.sentAt);
      if (this.trips.length > 30) this.trips.shift();
      if (this.state !== "live") return;
      if (videoWidth) this.part("stage").style.setProperty("--ratio", videoWidth / videoHeight);
      this.told = told;
      this.seen = told.faces;
      this.remember(now);
      if (this.rows) this.note(now);
      this.drawFaces();
    }

    remember(now) {
      for (const face of this.seen) {
        const kept = this.history.get(face.id) ?? [];
        if (!this.history.has(face.id)) this.history.set(face.id, kept);
        kept.push({ at: now, scores: this.sides.map(([side, model]) => [side, face.scores[model]]).filter(([, scores]) => scores) });
      }
      for (const [id, kept] of this.history) {
        while (kept.length && now - kept[0].at > 1000 * SECONDS + 1000) kept.shift();
        if (!kept.length) this.history.delete(id);
      }
      this.now = now;
    }

    settle() {
      this.showHalfLife();
      if (this.feed.open && this.live) this.feed.socket.send(JSON.stringify(this.settings));
    }

    showHalfLife() {
      this.part("half-life").textContent = this.half ? fill(this.words.seconds, { seconds: decimal(this.half) }) : this.words.off;
      this.root.querySelector("[data-do=smooth]").setAttribute("aria-valuetext", this.part("half-life").textContent);
    }

    // What is drawn --------------------------------------------------------------------------------------------------

    // The chosen face: the one that was picked while it is there, else the largest.
    get chosen() {
      const picked = this.seen.find((face) => face.id === this.picked);
      return picked ?? this.seen.reduce((a, b) => (a && a.box[2] * a.box[3] >= b.box[2] * b.box[3] ? a : b), null);
    }

    pick(id) {
      this.picked = id;
      this.drawFaces();
      this.draw();
    }

    drawFaces() {
      const chosen = this.chosen;
      for (const [id, box] of this.boxes) if (!this.seen.some((face) => face.id === id)) { box.remove(); this.boxes.delete(id); }
      for (const face of this.seen) this.drawBox(face, face === chosen);
      this.part("none").hidden = this.seen.length > 0 || performance.now() - this.started < 1500;
      if (chosen) this.drawBars(chosen);
    }

    makeBox(id) {
      const box = document.createElement("button");
      box.type = "button";
      box.className = "fersys-live-box";
      box.dataset.face = id;
      box.style.setProperty("--color", this.colors[(id - 1) % this.colors.length]);
      box.innerHTML = `<b>${id}</b><span>${this.sides.map(([side]) => `<span data-side="${side}"><s>${this.words[`short_${side}`]}</s><em class="fersys-emoji"></em><small></small><i><u></u></i><q></q></span>`).join("")}</span>`;
      this.part("faces").append(box);
      this.boxes.set(id, box);
      return box;
    }

    drawBox(face, chosen) {
      const box = this.boxes.get(face.id) ?? this.makeBox(face.id);
      const [x, y, width, height] = face.box;
      const place = { left: `${100 * (1 - x - width)}%`, top: `${100 * y}%`, width: `${100 * width}%`, height: `${100 * height}%` };
      Object.assign(box.style, place);
      box.classList.toggle("fersys-live-above", y + height > 0.8); // the plate has no room below
      box.setAttribute("aria-pressed", String(chosen));
      const verdicts = this.sides.map(([side, model]) => this.drawLine(box.querySelector(`[data-side="${side}"]`), face, side, model));
      box.setAttribute("aria-label", `${fill(this.words.face, { number: face.id })}: ${verdicts.join(", ")}`);
    }

    // Plates stay inside the picture, and say less where there is no room for all of them.
    placePlates() {
      const stage = this.part("stage"), room = stage.clientWidth;
      stage.classList.toggle("fersys-live-crowded", this.boxes.size > 1 && room / this.boxes.size < 270);
      for (const box of this.boxes.values()) {
        const half = box.lastChild.offsetWidth / 2 + 4, middle = box.offsetLeft + box.offsetWidth / 2;
        const shift = half > room / 2 ? 0 : Math.max(half - middle, 0) + Math.min(room - half - middle, 0);
        box.style.setProperty("--shift", `${Math.round(shift)}px`);
      }
    }

    // One model's answer in the plate at a face.
    drawLine(line, face, side, model) {
      const scores = face.scores[model];
      line.hidden = !scores;
      if (!scores) return "";
      const best = argmax(scores), [word, emoji, color] = this.looks[this.emotions[best]];
      const said = face.certain[model] ? word : this.words.unsure;
      const [, sign, label, bar, share] = line.children;
      sign.textContent = face.certain[model] ? emoji : "🤔";
      label.textContent = said;
      bar.firstChild.style.cssText = `width:${100 * scores[best]}%;background:${color}`;
      share.textContent = percent(scores[best]);
      return `${this.words[`side_${side}`]} ${said}`;
    }

    drawBars(face) {
      for (const [side, model] of this.sides) {
        const scores = face.scores[model], cells = this.cells[side];
        if (!scores) continue;
        const best = argmax(scores), [word, emoji] = this.looks[this.emotions[best]], sure = face.certain[model];
        scores.forEach((score, index) => {
          cells.bars[index].style.transform = `scaleX(${score})`;
          cells.shares[index].textContent = percent(score);
          cells.rows[index].classList.toggle("fersys-top", index === best);
        });
        cells.emoji.textContent = sure ? emoji : "🤔";
        cells.verdict.textContent = sure ? word : this.words.unsure;
        cells.says.classList.toggle("fersys-live-unsure", !sure);
      }
      this.part("agree").textContent = this.agreement(face);
    }

    agreement(face) {
      const said = this.sides.map(([side, model]) => ({ side: this.words[`side_${side}`], scores: face.scores[model], sure: face.certain[model] }));
      if (said.length < 2 || said.some(({ scores }) => !scores)) return "";
      const [left, right] = said.map(({ scores }) => this.looks[this.emotions[argmax(scores)]][0]);
      if (!said[0].sure || !said[1].sure) return `≈ ${this.words.doubt}`;
      if (left === right) return `✓ ${fill(this.words.agree, { left })}`;
      return `≠ ${fill(this.words.differ, { left, right, left_side: said[0].side, right_side: said[1].side })}`;
    }

    // Ten times a second: what need not follow every frame.
    tick() {
      if (!this.root.isConnected) return this.leave();
      if (this.state !== "live") return;
      const now = performance.now();
      this.draw();
      this.count = (this.count ?? 0) + 1;
      if (this.count % 5 === 0) this.drawNumbers(now);
      if (this.count % 40 === 0) this.speak();
    }

    draw() {
      this.drawChips();
      this.placePlates();
      const chosen = this.chosen;
      this.root.classList.toggle("fersys-live-empty", !chosen);
      if (chosen) this.lastChosen = chosen.id;
      this.part("whose").textContent = this.lastChosen && this.history.has(this.lastChosen) ? fill(this.words.timeline_of, { number: this.lastChosen }) : "";
      for (const canvas of this.root.querySelectorAll("canvas[data-side]")) this.drawTimeline(canvas, this.history.get(this.lastChosen) ?? []);
    }

    drawChips() {
      const chosen = this.chosen?.id, chips = this.part("chips"), key = `${this.seen.map((face) => face.id)}|${chosen}`;
      if (chips.dataset.key === key) return;
      const focused = document.activeElement?.closest?.(".fersys-live-chips [data-face]")?.dataset.face;
      chips.dataset.key = key;
      chips.replaceChildren(...this.seen.map((face) => {
        const chip = document.createElement("button");
        Object.assign(chip, { type: "button", textContent: fill(this.words.face, { number: face.id }) });
        chip.dataset.face = face.id;
        chip.style.setProperty("--color", this.colors[(face.id - 1) % this.colors.length]);
        chip.setAttribute("aria-pressed", String(face.id === chosen));
        return chip;
      }));
      if (focused) chips.querySelector(`[data-face="${focused}"]`)?.focus({ preventScroll: true });
    }

    drawNumbers(now) {
      this.times = this.times.filter((time) => now - time <= 2000);
      const span = this.times.length > 1 ? (this.times.at(-1) - this.times[0]) / 1000 : 0;
      const rate = span ? Math.round((this.times.length - 1) / span) : 0;
      const trip = [...this.trips].sort((a, b) => a - b)[Math.floor(this.trips.length / 2)] ?? 0;
      const numbers = { round: Math.round(trip), find: Math.round(this.told?.find ?? 0) };
      this.part("meter").innerHTML = `<b>${fill(this.words.rate, { rate })}</b> <span>${fill(this.words.detail, numbers)}</span>`;
      for (const [side, model] of this.sides) {
        const ms = this.told?.models[model];
        this.cells[side].ms.textContent = ms === undefined ? "" : fill(this.words.model, { ms: ms < 10 ? decimal(ms) : Math.round(ms) });
      }
      if (this.rows) this.part("recording").textContent = `● ${fill(this.words.recording, { rows: this.rows.length - 1 })}`;
    }

    // For screen readers: the chosen face's answers, when they have changed, and not more often than every four seconds.
    speak() {
      const chosen = this.chosen;
      const text = chosen ? this.boxes.get(chosen.id)?.getAttribute("aria-label") ?? "" : this.part("none").hidden ? "" : this.part("none").textContent;
      if (text && text !== this.spoken) this.say((this.spoken = text));
      for (const canvas of this.root.querySelectorAll("canvas[data-side]")) canvas.setAttribute("aria-label", this.describe(canvas.dataset.side));
    }

    describe(side) {
      const samples = (this.history.get(this.lastChosen) ?? []).flatMap(({ scores }) => scores.filter(([name]) => name === side).map(([, values]) => values));
      const [best, share] = leader(samples);
      return samples.length ? fill(this.words.mostly, { side: this.words[`side_${side}`], emotion: this.looks[this.emotions[best]][0], share: percent(share) }) : "";
    }

    // Probabilities stacked over each other, now at the right edge; a gap where nobody was seen.
    drawTimeline(canvas, samples) {
      const ratio = Math.min(2, window.devicePixelRatio || 1), width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
      if (!width) return;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const pen = canvas.getContext("2d"), end = this.now ?? performance.now();
      pen.clearRect(0, 0, width, height);
      const points = samples
        .map(({ at, scores }) => ({ x: width * (1 - (end - at) / (1000 * SECONDS)), scores: scores.find(([side]) => side === canvas.dataset.side)?.[1] }))
        .filter(({ x, scores }) => scores && x >= -width / SECONDS);
      for (const run of this.runs(points, (width * 0.6) / SECONDS)) this.drawRun(pen, run, height);
      pen.fillStyle = getComputedStyle(canvas).color;
      pen.globalAlpha = 0.25;
      for (let second = 5; second < SECONDS; second += 5) pen.fillRect(Math.round(width * (1 - second / SECONDS)), 0, ratio, height);
      pen.globalAlpha = 1;
    }

    runs(points, gap) {
      const runs = [];
      for (const point of points) {
        const last = runs.at(-1)?.at(-1);
        if (!last || point.x - last.x > gap) runs.push([point]);
        else if (point.x - last.x >= 1) runs.at(-1).push(point);
      }
      return runs;
    }

    drawRun(pen, run, height) {
      let low = run.map(() => 0);
      this.emotions.forEach((emotion, index) => {
        const high = run.map(({ scores }, place) => low[place] + scores[index]);
        pen.fillStyle = this.looks[emotion][2];
        pen.beginPath();
        run.forEach(({ x }, place) => pen.lineTo(x, height * (1 - low[place])));
        for (let place = run.length - 1; place >= 0; place -= 1) pen.lineTo(run[place].x, height * (1 - high[place]));
        pen.fill();
        low = high;
      });
    }

    // Recording, snapshot, big view ----------------------------------------------------------------------------------

    record() {
      const button = this.root.querySelector("[data-do=record]");
      const begins = !this.rows;
      button.setAttribute("aria-pressed", String(begins));
      this.rename("record", begins ? this.words.save : this.words.record, begins ? "save" : "record");
      this.part("recording").hidden = !begins;
      this.part("recording").textContent = `● ${fill(this.words.recording, { rows: 0 })}`;
      if (begins) {
        this.rows = [["time", "face", "x", "y", "width", "height", "found", "model", "label", "certain", ...this.emotions].join(",")];
        this.recordedFrom = performance.now();
        return;
      }
      this.save(this.rows);
      this.rows = null;
    }

    // A row a face and model, boxes in pixels of the frame that was sent, as the camera sees it, not mirrored.
    note(now) {
      const time = ((now - this.recordedFrom) / 1000).toFixed(3), { width, height } = this.feed.canvas;
      for (const face of this.seen) {
        const [x, y, w, h] = face.box;
        const box = [x * width, y * height, w * width, h * height].map((value) => value.toFixed(1));
        for (const [model, scores] of Object.entries(face.scores)) {
          this.rows.push([time, face.id, ...box, face.found, this.quoted(model), this.emotions[argmax(scores)], face.certain[model], ...scores].join(","));
        }
      }
      if (this.rows.length > MOST_ROWS) this.record();
    }

    quoted(text) { return `"${text.replace(/^[=+\-@]/, "'$&").replaceAll('"', '""')}"`; }

    save(rows) {
      if (rows.length < 2) return this.announce(this.words.nothing);
      const link = document.createElement("a"), name = `fersys-webcam-${stamp()}.csv`;
      link.href = URL.createObjectURL(new Blob([rows.join("\r\n"), "\r\n"], { type: "text/csv" }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      this.announce(fill(this.words.saved, { name, rows: rows.length - 1 }));
    }

    // Said, and shown for a while where the recording's count stood.
    announce(text) {
      this.say(text);
      this.part("recording").hidden = false;
      this.part("recording").textContent = text;
      setTimeout(() => { if (!this.rows) this.part("recording").hidden = true; }, 4000);
    }

    // The camera's whole picture goes into the Image tab's drop zone, not mirrored; going there releases the camera.
    snapshot() {
      if (!this.video.videoWidth) return;
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: this.video.videoWidth, height: this.video.videoHeight });
      canvas.getContext("2d").drawImage(this.video, 0, 0);
      this.stop("left");
      openTab("image");
      window.fersysImage.give(canvas);
    }

    get big() { return this.root.classList.contains("fersys-live-big"); }

    enlarge(big) {
      this.root.classList.toggle("fersys-live-big", big);
      document.documentElement.classList.toggle("fersys-live-still", big);
      this.root.querySelector("[data-do=big]").setAttribute("aria-pressed", String(big));
      this.rename("big", big ? this.words.small : this.words.big, big ? "small" : "big");
      if (big) this.root.requestFullscreen?.().catch(() => {}); // without it the window is filled
      else if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
      if (this.live) this.draw();
    }
  }

  function openTab(name) {
    document.getElementById(`fersys-tab-${name}-button`)?.click();
  }

  let view = null;

  // Gradio puts the tab into the page when it is first opened, and again when the language changes.
  function find() {
    const root = document.getElementById("fersys-live");
    if (root && root !== view?.root && root.querySelector("[data-part=video]")) {
      view?.leave();
      view = window.fersysWebcam = new View(root);
      if (wantsBig()) view.enlarge(true);
    } else if (view && !view.root.isConnected) view.leave();
  }

  const wantsBig = () => new URLSearchParams(location.search).get("view") === "big";

  function begin() {
    if (wantsBig()) {
      const timer = setInterval(() => {
        const button = document.getElementById("fersys-tab-webcam-button");
        if (!button) return;
        clearInterval(timer);
        button.click();
      }, 100);
    }
    new MutationObserver(find).observe(document.body, { childList: true, subtree: true });
    find();
  }

  addEventListener("pagehide", () => view?.leave());
  document.addEventListener("visibilitychange", () => document.hidden && view?.live && view.leave());
  document.addEventListener("keydown", (event) => event.key === "Escape" && view?.big && view.enlarge(false));
  document.addEventListener("fullscreenchange", () => !document.fullscreenElement && view?.big && view.live && view.enlarge(false));
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
