// Opens the camera and sends its frames over the socket of app/live.py: one at a time, the latest only. What comes back
// goes to the owner: `step(name)` for each step ("connecting", "waiting", "asking", "live") and each way it may end,
// `place(number)` in the queue, `faces(told)` for each answer. Nothing opens before `start()`; `stop()` releases it all.
(() => {
  const WIDTH = 640, HEIGHT = 480, QUALITY = 0.8; // of a frame that is sent
  const PATIENCE = 10000; // ms until the server must answer and the camera must give a picture
  const PROBLEMS = { NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "absent", OverconstrainedError: "absent" };
  const CLOSED = { 1013: "full", 1011: "failed", 1003: "failed", 1001: "left" };

  const base = () => (window.gradio_config?.root ? new URL(window.gradio_config.root, location.href).pathname.replace(/\/$/, "") : "");

  class Feed {
    constructor(path, video, owner) {
      Object.assign(this, { path, video, owner, canvas: document.createElement("canvas"), run: null });
    }

    get live() { return Boolean(this.run?.live); }

    async start(settings) {
      this.stop();
      const run = (this.run = {}); // what belongs to an earlier run finds out by this
      if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) return this.end(run, "insecure");
      this.owner.step("connecting");
      if (!(await this.connect(run)) || this.run !== run) return;
      this.owner.step("asking");
      if (!(await this.openCamera(run)) || this.run !== run) return;
      if (!this.open && (!(await this.connect(run)) || this.run !== run)) return; // the question took longer than a seat is held
      run.live = true;
      this.owner.step("live");
      this.socket.send(JSON.stringify(settings));
      this.watch(run);
    }

    connect(run) {
      return new Promise((resolve) => {
        const socket = (this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${base()}${this.path}`));
        const timer = setTimeout(() => socket.close(), PATIENCE);
        socket.onmessage = ({ data }) => {
          if (this.run !== run) return;
          clearTimeout(timer);
          const told = JSON.parse(data);
          if (told.type === "wait") { this.owner.step("waiting"); this.owner.place(told.place); }
          else if (told.type === "ready") { this.open = true; resolve(true); }
          else this.take(run, told);
        };
        socket.onclose = ({ code }) => {
          clearTimeout(timer);
          if (this.socket !== socket) return;
          const asking = this.open && !run.live; // the camera's question is still open: a new seat is asked for later
          this.open = false;
          resolve(false);
          if (!asking) this.end(run, CLOSED[code] ?? "lost");
        };
      });
    }

    async openCamera(run) {
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" }, audio: false });
        if (this.run !== run) return stream.getTracks().forEach((track) => track.stop());
        this.stream = stream;
        stream.getVideoTracks()[0].onended = () => this.end(run, "unplugged");
        this.video.srcObject = stream;
        await Promise.race([this.video.play(), new Promise((_, reject) => setTimeout(() => reject(new DOMException("", "AbortError")), PATIENCE))]);
        return true;
      } catch (error) {
        this.end(run, PROBLEMS[error.name] ?? "busy");
        return false;
      }
    }

    watch(run) {
      const next = () => (this.video.requestVideoFrameCallback ? this.video.requestVideoFrameCallback(seen) : requestAnimationFrame(seen));
      const seen = () => {
        if (this.run !== run) return;
        run.fresh = true;
        this.send(run);
        next();
      };
      next();
      run.timer = setInterval(() => {
        if (!this.video.isConnected) this.stop();
        else if (run.busy && performance.now() - run.sentAt > PATIENCE) this.end(run, "lost");
      }, 500);
    }

    async send(run) {
      const { videoWidth, videoHeight } = this.video;
      if (run.busy || !run.fresh || !this.open || !videoWidth) return;
      Object.assign(run, { busy: true, fresh: false, sentAt: performance.now() });
      const scale = Math.min(1, WIDTH / Math.max(videoWidth, videoHeight), videoWidth >= videoHeight ? HEIGHT / videoHeight : 1);
      const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
      if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
      this.pen ??= this.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
      this.pen.drawImage(this.video, 0, 0, width, height);
      const frame = await new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", QUALITY));
      if (this.run === run && this.open && frame) this.socket.send(frame);
      else run.busy = false;
    }

    take(run, told) {
      run.busy = false;
      this.owner.faces(told);
      if (this.run === run) this.send(run);
    }

    // It ended by itself.
    end(run, state) {
      if (this.run !== run) return;
      this.stop();
      this.owner.step(state);
    }

    stop() {
      clearInterval(this.run?.timer);
      const { stream, socket } = this;
      this.run = this.stream = this.socket = null;
      this.open = false;
      stream?.getTracks().forEach((track) => { track.onended = null; track.stop(); });
      this.video.srcObject = null;
      socket?.close();
    }
  }

  window.fersysFeed = { Feed, base };
})();
