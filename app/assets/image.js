// The Image tab: hands pasted, example and camera pictures to the drop zone, and shows what is chosen of an answer.
// The answer holds every picture, face and model; choosing asks nobody. Only the heat map is asked for.
(() => {
  const zone = () => document.querySelector("#fersys-upload input[type=file]");
  const chosen = {}; // side -> model, kept from one answer to the next

  function hand(files) {
    const input = zone();
    if (!input || !files.length) return;
    const given = new DataTransfer();
    for (const file of files) given.items.add(file);
    input.files = given.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("paste", (event) => {
    if (zone()?.offsetParent === null && !document.querySelector("#fersys-upload")?.offsetParent) return; // another tab is open
    hand([...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/")));
  });

  async function tryExample(button) {
    const answer = await fetch(button.dataset.example);
    if (answer.ok) hand([new File([await answer.blob()], button.dataset.example.split("/").pop(), { type: "image/jpeg" })]);
  }

  // --- files: what cannot be looked at is not uploaded, and said; all else goes on to Gradio ---
  const HEIC = /\.(heic|heif)$/i; // for which some browsers know no type
  const MOST_NAMED = 5; // refused files by name: beyond them the count in the title must do

  function receive(event, files) {
    const { sent, refused } = sift(files);
    refuse(refused);
    if (!refused.length && files.every((file) => file.type)) return look();
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === "drop") event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true })); // Gradio's frame still waits for it
    else event.target.value = "";
    hand(sent);
    refuse(refused); // again: handing on says that all is well
  }

  // Limits stand on the page, written by the server that holds them.
  function sift(files) {
    const { megabytes, most, together } = document.querySelector("#fersys-looking").dataset, sent = [], refused = [];
    for (const file of files) {
      const room = Number(together) - sent.reduce((sum, one) => sum + one.size, file.size);
      if (!file.type.startsWith("image/") && !HEIC.test(file.name)) refused.push([file, "image_refused_kind"]);
      else if (file.size > Number(megabytes) * 1024 ** 2) refused.push([file, "image_refused_size"]);
      else if (sent.length >= Number(most) || room < 0) refused.push([file, "image_refused_most"]);
      else sent.push(file.type ? file : new File([file], file.name, { type: "image/heic" }));
    }
    return { sent, refused };
  }

  function refuse(refused) {
    const place = document.querySelector("#fersys-refused");
    if (!refused.length) return place?.replaceChildren();
    const { megabytes, most, together } = document.querySelector("#fersys-looking").dataset;
    const card = Object.assign(document.createElement("section"), { className: "fersys-message", role: "alert" }), list = document.createElement("ul");
    const title = Object.assign(document.createElement("h2"), { textContent: filled(refused.length > 1 ? "image_refused_several" : "image_refused", { count: refused.length }) });
    for (const [file, key] of refused.slice(0, MOST_NAMED)) {
      const values = { name: file.name, size: Math.ceil(file.size / 1024 ** 2), megabytes, most, together: Math.floor(Number(together) / 1e6) };
      list.append(Object.assign(document.createElement("li"), { textContent: filled(key, values) }));
    }
    card.append(title, list);
    place?.replaceChildren(card);
  }

  function filled(key, values) {
    return words(key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  // --- waiting: from the choice of files to the answer, or to the error that Gradio shows ---
  function look() {
    document.documentElement.dataset.fersysLooking = "";
    const status = document.querySelector("#fersys-looking");
    if (status) status.textContent = words("image_looking");
  }

  function done() {
    delete document.documentElement.dataset.fersysLooking;
    const status = document.querySelector("#fersys-looking");
    if (status) status.textContent = "";
  }

  // --- choosing ---
  function press(buttons, wanted) {
    for (const button of buttons) button.setAttribute("aria-pressed", String(wanted(button)));
  }

  function pickShot(button) {
    const number = button.dataset.pickShot, answer = button.closest(".fersys-answer");
    press(answer.querySelectorAll("[data-pick-shot]"), (one) => one.dataset.pickShot === number);
    for (const shot of answer.querySelectorAll("[data-shot]")) shot.hidden = shot.dataset.shot !== number;
    uncover();
  }

  function pickFace(button) {
    const number = button.dataset.pickFace, shot = button.closest(".fersys-shot");
    press(shot.querySelectorAll("[data-pick-face]"), (one) => one.dataset.pickFace === number);
    for (const card of shot.querySelectorAll("[data-face]")) card.hidden = card.dataset.face !== number;
    uncover();
  }

  // A plate that would cover another, or another's face, is left with its number; the chosen face's word is tried first.
  function uncover() {
    const boxes = [...document.querySelectorAll(".fersys-shot:not([hidden]) .fersys-box")];
    for (const box of boxes) box.classList.add("fersys-short");
    boxes.sort((one, other) => (other.ariaPressed === "true") - (one.ariaPressed === "true"));
    for (const box of boxes) {
      const taken = boxes.filter((other) => other !== box).flatMap((other) => [area(other), area(other.firstElementChild)]);
      box.classList.remove("fersys-short");
      box.classList.toggle("fersys-short", taken.some((other) => overlap(area(box.firstElementChild), other)));
    }
  }

  const area = (part) => part.getBoundingClientRect();
  const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

  function show(answer) {
    for (const select of answer.querySelectorAll("select[data-choose]")) {
      const names = [...select.options].map((option) => option.value), wanted = chosen[select.dataset.choose];
      select.value = names.includes(wanted) ? wanted : names[0];
    }
    for (const shot of answer.querySelectorAll(".fersys-shot")) showModels(shot);
    uncover();
  }

  function showModels(shot) {
    const now = {};
    for (const part of shot.querySelectorAll("thead [data-side]")) now[part.dataset.side] ??= part.dataset.model;
    for (const select of shot.querySelectorAll("select[data-choose]")) now[select.dataset.choose] = select.value;
    for (const part of shot.querySelectorAll("[data-side]")) part.hidden = part.dataset.model !== now[part.dataset.side];
    for (const line of shot.querySelectorAll("[data-cnn]")) line.hidden = line.dataset.cnn !== now.cnn || line.dataset.deepface !== now.deepface;
    for (const box of shot.querySelectorAll(".fersys-box")) name(box, shot, now.cnn);
    for (const looked of shot.querySelectorAll(".fersys-looked")) if (looked.dataset.shown !== now.cnn) forget(looked);
  }

  function name(box, shot, model) {
    const word = shot.querySelector(`[data-face="${box.dataset.pickFace}"] thead [data-model="${CSS.escape(model ?? "")}"] [data-word]`)?.dataset.word;
    if (word === undefined) return;
    box.querySelector("em").textContent = word;
    box.setAttribute("aria-label", `${box.getAttribute("aria-label").split(":")[0]}: ${word}`);
  }

  // --- heat map ---
  function forget(looked) {
    delete looked.dataset.shown;
    looked.querySelector(".fersys-heat").replaceChildren();
  }

  async function askForHeat(button) {
    const looked = button.closest(".fersys-looked"), card = looked.closest(".fersys-card"), place = looked.querySelector(".fersys-heat");
    const model = card.querySelector('thead [data-side="cnn"]:not([hidden])')?.dataset.model;
    if (!model || button.disabled) return;
    button.disabled = true;
    looked.dataset.shown = model;
    place.replaceChildren(paragraph(words("image_heat_wait")));
    const said = await ask({ model, face: looked.dataset.seen });
    button.disabled = false;
    if (looked.dataset.shown === model) place.replaceChildren(...figure(said, looked.dataset.seen));
  }

  async function ask(question) {
    try {
      const answer = await fetch("fersys/heat", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) });
      const said = await answer.json();
      return said.text || said.error ? said : { error: words("image_heat_failed") };
    } catch {
      return { error: words("image_heat_failed") };
    }
  }

  function figure(said, seen) {
    if (!said.overlay) return [paragraph(said.text ?? said.error)];
    const pictures = document.createElement("div");
    pictures.className = "fersys-layers";
    for (const [source, alt] of [[seen, said.alt], [said.overlay, ""]]) pictures.append(Object.assign(new Image(), { src: source, alt }));
    return [pictures, paragraph(said.text)];
  }

  function paragraph(text) {
    return Object.assign(document.createElement("p"), { textContent: text });
  }

  function words(key) {
    const language = document.documentElement.lang.slice(0, 2);
    return (window.FERSYS_WORDS[language] ?? window.FERSYS_WORDS.en)[key];
  }

  // --- camera ---
  let stream = null;
  const parts = (name) => document.querySelector("#fersys-camera").querySelectorAll(`[data-${name}]`);

  function step(name, error) {
    for (const part of parts("step")) part.hidden = part.dataset.step !== name;
    for (const button of parts("act")) button.hidden = (button.dataset.act === "take" && name !== "live") || (button.dataset.act === "open" && (name === "live" || name === "wait"));
    if (name !== "error") return;
    const known = [...parts("error")].find((part) => part.dataset.error === error) ?? parts("error")[0];
    for (const part of parts("error")) part.hidden = part !== known;
  }

  function release() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    const video = document.querySelector("#fersys-camera video");
    if (video) video.srcObject = null;
  }

  async function openCamera() {
    const dialog = document.querySelector("#fersys-camera"), video = dialog.querySelector("video");
    if (!navigator.mediaDevices?.getUserMedia) return step("error", "insecure");
    step("wait");
    try {
      const opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 720 } }, audio: false });
      if (!dialog.open) return opened.getTracks().forEach((track) => track.stop()); // closed while the browser asked
      release();
      stream = opened;
      video.srcObject = stream;
      await video.play();
      step("live");
      dialog.querySelector('[data-act="take"]').focus();
    } catch (error) {
      release();
      step("error", error.name);
    }
  }

  function takePhoto() {
    const dialog = document.querySelector("#fersys-camera"), video = dialog.querySelector("video");
    if (!video.videoWidth) return;
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    dialog.close();
    window.fersysImage.give(canvas);
  }

  function give(canvas) {
    canvas.toBlob((blob) => blob && hand([new File([blob], "snapshot.jpg", { type: "image/jpeg" })]), "image/jpeg", 0.92);
  }

  const acts = { open: openCamera, take: takePhoto, close: () => document.querySelector("#fersys-camera").close() };

  function openDialog() {
    const dialog = document.querySelector("#fersys-camera");
    step("ask");
    dialog.addEventListener("close", release, { once: true });
    dialog.showModal();
  }

  // --- one listener of each kind for everything, since answers come and go ---
  const clicks = [
    ["[data-pick-shot]", pickShot],
    ["[data-pick-face]", pickFace],
    ["[data-heat]", askForHeat],
    ["[data-example]", tryExample],
    ["[data-camera]", openDialog],
    ["#fersys-camera [data-act]", (button) => acts[button.dataset.act]()],
  ];
  document.addEventListener("click", (event) => {
    for (const [selector, act] of clicks) {
      const found = event.target.closest?.(selector);
      if (found) return void act(found);
    }
  });

  document.addEventListener("change", (event) => event.target === zone() && event.target.files.length && receive(event, [...event.target.files]), true);

  document.addEventListener("change", (event) => {
    const select = event.target.closest?.("select[data-choose]");
    if (!select) return;
    chosen[select.dataset.choose] = select.value;
    show(select.closest(".fersys-answer"));
  });

  document.addEventListener("drop", (event) => event.target.closest?.("#fersys-upload") && event.dataTransfer?.files.length && receive(event, [...event.dataTransfer.files]), true);

  document.addEventListener("keydown", (event) => {
    const button = event.target.closest?.(".fersys-chips button, .fersys-strip button");
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!button || !way) return;
    const all = [...button.parentElement.children], next = all[(all.indexOf(button) + way + all.length) % all.length];
    event.preventDefault();
    next.focus();
    next.click();
  });

  window.addEventListener("resize", uncover);

  document.addEventListener("visibilitychange", () => document.hidden && document.querySelector("#fersys-camera")?.open && document.querySelector("#fersys-camera").close());

  // Gradio mends the page where a new answer differs from the last, so that what was chosen there may be left over.
  function begin(answer) {
    for (const part of answer.querySelectorAll("[data-shot]")) part.hidden = part.dataset.shot !== "1";
    for (const part of answer.querySelectorAll("[data-face]")) part.hidden = part.dataset.face !== "1";
    press(answer.querySelectorAll("[data-pick-shot]"), (one) => one.dataset.pickShot === "1");
    press(answer.querySelectorAll("[data-pick-face]"), (one) => one.dataset.pickFace === "1");
    for (const looked of answer.querySelectorAll(".fersys-looked")) forget(looked);
    show(answer);
  }

  let last = null;
  new MutationObserver((changes) => {
    const answer = document.querySelector(".fersys-answer");
    if (answer && answer.dataset.answer !== last) {
      last = answer.dataset.answer;
      begin(answer);
      done();
    }
    if (changes.some((change) => [...change.addedNodes].some((node) => node.matches?.(".toast-body.error") || node.querySelector?.(".toast-body.error")))) done();
  }).observe(document.documentElement, { childList: true, subtree: true, attributeFilter: ["data-answer"] });

  for (const key of ["drop", "choose", "looking"]) document.documentElement.style.setProperty(`--fersys-${key}`, JSON.stringify(words(`image_${key}`)));

  window.fersysImage = { hand, give, done };
})();
