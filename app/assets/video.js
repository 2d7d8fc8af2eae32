// The Video tab: sends a video up, shows the news of the work as they come down, and then the answer.
// Ending the request ends the work: cancelling, choosing another video and leaving the page all do. See app/screening.py.
(() => {
  const page = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const tab = () => document.querySelector("#fersys-video");
  const part = (name) => tab().querySelector(`[data-${name}]`);
  let request = null, addresses = [], begun = 0, pendingName = "";

  function words(key, values = {}) {
    const language = document.documentElement.lang.slice(0, 2);
    const text = (window.FERSYS_WORDS[language] ?? window.FERSYS_WORDS.en)[`video_${key}`];
    return Object.entries(values).reduce((filled, [name, value]) => filled.replace(`{${name}}`, value), text);
  }

  function show(state) {
    tab().dataset.state = state;
    const focus = { failed: "[data-when=failed] [data-again]", done: "[data-answer]", start: "input[type=file]", working: "[data-cancel]" }[state];
    tab().querySelector(focus)?.focus({ preventScroll: true });
  }

  function say(news, left = "") {
    if (part("news").textContent !== news) part("news").textContent = news; // a screen reader speaks what changes
    part("left").textContent = left;
  }

  function bar(share) {
    const progress = tab().querySelector("progress");
    if (share === null) progress.removeAttribute("value");
    else progress.value = share;
  }

  function fail(text) {
    part("why").textContent = text;
    show("failed");
  }

  // --- up ---
  function take(file) {
    if (!file || request) return;
    if (file.size > Number(tab().dataset.most)) return fail(words("too_large"));
    if (file.size === 0) return fail(words("empty"));
    begin(file.name, words("uploading"), 0);
    send(file);
  }

  function begin(name, news, share) {
    forget();
    pendingName = name;
    part("name").textContent = name;
    show("working");
    say(news);
    bar(share);
  }

  function send(file) {
    const asked = new URLSearchParams([...tab().querySelectorAll("select[data-ask]")].map((select) => [select.dataset.ask, select.value]));
    const sent = new XMLHttpRequest(); // it tells how much has gone up; fetch does not
    let read = 0, ended = false;
    request = sent;
    sent.upload.onprogress = (event) => bar(event.loaded / event.total);
    sent.upload.onload = () => { say(words("reading")); bar(null); };
    sent.onprogress = () => {
      const end = sent.responseText.lastIndexOf("\n");
      for (const line of sent.responseText.slice(read, Math.max(read, end)).split("\n")) if (line) ended = hear(JSON.parse(line)) || ended;
      read = Math.max(read, end + 1);
    };
    sent.onload = () => {
      if (request !== sent) return;
      if (sent.status !== 200) hear(refusal(sent));
      else sent.onprogress();
      request = null;
      if (!ended && sent.status === 200) fail(words("lost"));
    };
    sent.onerror = () => { if (request !== sent) return; request = null; fail(words("lost")); };
    sent.open("POST", `fersys/video?${asked}`);
    sent.setRequestHeader("Content-Type", "application/octet-stream");
    sent.setRequestHeader("X-Fersys-Page", page);
    sent.send(file);
  }

  function refusal(answer) {
    try {
      const said = JSON.parse(answer.responseText);
      return { state: "failed", text: said.text ?? said.detail ?? words("lost") };
    } catch {
      return { state: "failed", text: answer.status === 413 ? words("too_large") : words("lost") };
    }
  }

  // --- down ---
  const hears = {
    waiting: (news) => { say(words(news.place === 1 ? "waiting_one" : "waiting", { place: news.place })); bar(null); return false; },
    working: (news) => { work(news); return false; },
    done: (news) => { finish(news); return true; },
    failed: (news) => { fail(news.text); return true; },
  };
  const hear = (news) => hears[news.state](news);

  function work(news) {
    begun ||= Date.now();
    say(words("looking"), progressWords(news));
    bar(news.of ? Math.min(1, news.done / news.of) : null);
  }

  function progressWords(news) {
    const frames = news.of ? words("frames", { done: Math.min(news.done, news.of), of: news.of }) : words("frames_so_far", { done: news.done });
    const passed = (Date.now() - begun) / 1000;
    if (!news.of || passed < 3 || news.done < 10) return frames;
    const left = Math.ceil((passed / news.done) * (news.of - news.done));
    return `${frames} · ${left < 60 ? words("seconds_left", { seconds: Math.max(1, left) }) : words("minutes_left", { minutes: Math.ceil(left / 60) })}`;
  }

  async function finish(news) {
    const answer = part("answer");
    answer.innerHTML = news.html; // made and escaped by our own server
    try {
      if (news.video) {
        const [video, table] = await Promise.all([fetchFile(news.video), fetchFile(news.table)]);
        answer.querySelector("[data-video-link]").href = video;
        answer.querySelector("[data-video-link]").download = named(news.video.file);
        answer.querySelector("[data-table-link]").href = table;
        answer.querySelector("[data-table-link]").download = named(news.table.file);
        play(answer, video);
      }
      show("done");
    } catch {
      fail(words("lost"));
    }
  }

  async function fetchFile(file) {
    const answer = await fetch(`fersys/video/${file.name}`);
    if (!answer.ok) throw new Error(answer.status);
    const address = URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: file.kind }));
    addresses.push(address);
    return address;
  }

  const named = (file) => `${pendingName.replace(/\.[^.]*$/, "") || "video"}-${file}`;

  function play(answer, address) {
    const video = answer.querySelector("video[data-film]");
    video.addEventListener("error", () => { answer.querySelector("[data-unplayable]").hidden = false; });
    for (const event of ["timeupdate", "seeked", "loadedmetadata"]) video.addEventListener(event, () => follow(video));
    video.src = address;
  }

  // --- the answer ---
  function follow(video) {
    const share = video.duration ? Math.min(1, video.currentTime / video.duration) : 0;
    for (const track of tab().querySelectorAll(".fersys-track")) {
      track.style.setProperty("--now", share);
      const scores = (track.scores ??= JSON.parse(track.dataset.course));
      const column = Math.min(scores[0][0].length - 1, Math.floor(share * scores[0][0].length));
      for (const output of track.querySelectorAll("output")) {
        output.textContent = scores.map((model) => model[output.dataset.emotion][column]).map((value) => (value < 0 ? "–" : `${value}${document.documentElement.lang.startsWith("de") ? "\u00a0%" : "%"}`)).join(" · ");
      }
    }
  }

  function pickTrack(button) {
    for (const one of tab().querySelectorAll("[data-pick-track]")) one.setAttribute("aria-pressed", String(one === button));
    for (const track of tab().querySelectorAll("[data-track]")) track.hidden = track.dataset.track !== button.dataset.pickTrack;
  }

  function seek(lanes, event) {
    const chart = lanes.querySelector("svg").getBoundingClientRect(), video = tab().querySelector("video[data-film]");
    if (!video?.duration) return;
    video.currentTime = Math.max(0, Math.min(1, (event.clientX - chart.left) / chart.width)) * video.duration;
  }

  function forget() {
    for (const address of addresses) URL.revokeObjectURL(address);
    addresses = [];
    begun = 0;
    part("answer").replaceChildren();
  }

  function cancel() {
    const ended = request;
    request = null;
    ended?.abort();
    show("start");
  }

  function again() {
    forget();
    show("start");
  }

  async function tryExample() {
    if (request) return;
    begin("example.webm", words("reading"), null);
    const asked = (request = new AbortController());
    try {
      const answer = await fetch("fersys/example.webm", { signal: asked.signal });
      if (!answer.ok) throw new Error(answer.status);
      const video = await answer.blob();
      if (request === asked) send(video);
    } catch {
      if (request === asked) { request = null; fail(words("lost")); }
    }
  }

  // --- one listener of each kind, since Gradio writes the tab when it is opened, and again in another language ---
  const clicks = [["[data-cancel]", cancel], ["[data-again]", again], ["[data-try]", tryExample], ["[data-pick-track]", pickTrack]];
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#fersys-video")) return;
    for (const [selector, act] of clicks) {
      const found = event.target.closest(selector);
      if (found) return void act(found);
    }
    const lanes = event.target.closest(".fersys-lanes");
    if (lanes) seek(lanes, event);
  });

  document.addEventListener("change", (event) => {
    const input = event.target.closest?.("#fersys-video input[type=file]");
    if (!input) return;
    take(input.files[0]);
    input.value = "";
  });

  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const zone = event.target.closest?.("#fersys-video .fersys-drop");
      if (!zone) return;
      event.preventDefault();
      zone.classList.toggle("fersys-over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files[0]);
    });
  }

  window.fersysVideo = { take, cancel };
})();
