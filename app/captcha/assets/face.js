/* The way with the camera: frames go out one at a time, and what comes back says what to show next. */
import { Refusal, ask, pause } from "./service.js";

const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };
const QUALITY = 0.85; // of a JPEG
const PACE = 0.07; // seconds between an answer and the next frame: about ten frames a second
const SKIPPED = { busy: 0.15, "rate-limited": 0.5 }; // this frame is lost, the challenge is not: seconds to wait if the service does not say
const BEHIND = new Set(["wrong-step", "stale-sequence", "conflict"]); // ask where we stand
const ASKED_AGAIN = [0.3, 0.8, 2]; // seconds to wait before each question where we stand, once no answer came
const SLOW = 600; // milliseconds from a frame to its answer, in the median
const TIMED = 5; // of so many frames
const CAMERA_CODES = { NotAllowedError: "camera-refused", SecurityError: "camera-refused", NotFoundError: "camera-absent", NotReadableError: "camera-busy" };

/**
 * Return the token; `video` shows the camera.
 * `onOpen` hears that the camera is open, `onSend` that a frame goes out, `onView` what the service says after each, and whether the way there is slow.
 */
export async function passByFace({ video, signal, onOpen, ...given }) {
  const camera = await openCamera();
  try {
    if (signal.aborted) throw new Refusal("cancelled");
    video.srcObject = camera;
    await video.play().catch(() => { throw new Refusal(signal.aborted ? "cancelled" : "camera-busy"); });
    onOpen();
    return await playChallenge({ ...given, video, camera, signal });
  } finally {
    camera.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  }
}

async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) throw new Refusal("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...SIZE, facingMode: "user" }, audio: false });
  } catch (error) {
    throw new Refusal(CAMERA_CODES[error.name] ?? "camera-absent");
  }
}

async function playChallenge({ binding, video, camera, signal, onSend, onView }) {
  const canvas = document.createElement("canvas");
  let view = await ask("v1/challenges", { body: binding, signal });
  const headers = { "Captcha-Secret": view.secret };
  const path = `v1/challenges/${view.id}`;
  const taken = []; // milliseconds of the last frames
  let sequence = 0;
  while (view.state === "open") {
    onView(view, isSlow(taken));
    await pause(PACE, signal);
    if (!camera.active) throw new Refusal("camera-absent");
    const body = await grab(video, canvas);
    sequence = Math.max(sequence, view.sequence) + 1;
    const step = { ...headers, "Captcha-Step": view.nonce, "Captcha-Sequence": String(sequence) };
    const sentAt = performance.now();
    onSend();
    try {
      view = await ask(`${path}/frames`, { body, headers: step, signal });
      taken.push(performance.now() - sentAt);
    } catch (refusal) {
      view = await recover(refusal, { view, path, headers, signal });
    }
  }
  onView(view, false);
  if (view.state !== "passed") throw new Refusal(view.reason || "refused");
  return view.token;
}

function isSlow(taken) {
  const last = taken.slice(-TIMED).sort((one, two) => one - two);
  return last.length === TIMED && last[(TIMED - 1) / 2] > SLOW;
}

/** What to go on with after a frame that was not taken, or whose answer was lost. */
async function recover(refusal, { view, path, headers, signal }) {
  if (BEHIND.has(refusal.code)) return ask(path, { headers, signal });
  if (refusal.code === "network") return askAgain(refusal, { path, headers, signal });
  if (!(refusal.code in SKIPPED)) throw refusal;
  await pause(Math.min(refusal.wait || SKIPPED[refusal.code], 5), signal);
  return view;
}

/** Where we stand, after no answer came: the network may be back, and the lost answer may have been the last. */
async function askAgain(refusal, { path, headers, signal }) {
  for (const seconds of ASKED_AGAIN) {
    await pause(seconds, signal);
    try {
      return await ask(path, { headers, signal });
    } catch (again) {
      if (again.code !== "network") throw again;
    }
  }
  throw refusal;
}

function grab(video, canvas) {
  const scale = Math.min(1, 640 / Math.max(video.videoWidth, video.videoHeight, 1));
  canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
  canvas.getContext("2d", { alpha: false }).drawImage(video, 0, 0, canvas.width, canvas.height); // as it is, not mirrored
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Refusal("failed"))), "image/jpeg", QUALITY);
  });
}
