/* The way with the camera: frames go out one at a time, and what comes back says what to show next. */
import { Refusal, ask, pause } from "./service.js";

const SIZE = { width: { ideal: 640 }, height: { ideal: 480 } };
const QUALITY = 0.85; // of a JPEG
const PACE = 0.07; // seconds between an answer and the next frame: about ten frames a second
const SKIPPED = new Set(["busy", "rate-limited"]); // this frame is lost, the challenge is not
const BEHIND = new Set(["wrong-step", "stale-sequence", "conflict"]); // ask where we stand
const CAMERA_CODES = { NotAllowedError: "camera-refused", SecurityError: "camera-refused", NotFoundError: "camera-absent", NotReadableError: "camera-busy" };

/** Return the token; `onOpen` hears that the camera is open, `onView` what the service says after each frame, `video` shows the camera. */
export async function passByFace({ binding, video, signal, onOpen, onView }) {
  const camera = await openCamera();
  try {
    if (signal.aborted) throw new Refusal("cancelled");
    video.srcObject = camera;
    await video.play().catch(() => { throw new Refusal(signal.aborted ? "cancelled" : "camera-busy"); });
    onOpen();
    return await playChallenge({ binding, video, camera, signal, onView });
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

async function playChallenge({ binding, video, camera, signal, onView }) {
  const canvas = document.createElement("canvas");
  let view = await ask("v1/challenges", { body: binding, signal });
  const headers = { "Captcha-Secret": view.secret };
  const path = `v1/challenges/${view.id}`;
  let sequence = 0;
  while (view.state === "open") {
    onView(view);
    await pause(PACE, signal);
    if (!camera.active) throw new Refusal("camera-absent");
    const body = await grab(video, canvas);
    const step = { ...headers, "Captcha-Step": view.nonce, "Captcha-Sequence": String((sequence += 1)) };
    view = await ask(`${path}/frames`, { body, headers: step, signal }).catch((refusal) => recover(refusal, { view, path, headers, signal }));
  }
  onView(view);
  if (view.state !== "passed") throw new Refusal(view.reason || "refused");
  return view.token;
}

/** What to go on with after a frame that was not taken. */
async function recover(refusal, { view, path, headers, signal }) {
  if (BEHIND.has(refusal.code)) return ask(path, { headers, signal });
  if (!SKIPPED.has(refusal.code)) throw refusal;
  await pause(Math.min(refusal.wait || 0.5, 5), signal);
  return view;
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
