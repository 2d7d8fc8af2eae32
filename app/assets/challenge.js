/* Shows the emoji challenge on the CAPTCHA tab: opens its frame when the tab is looked at, and closes its camera when nobody does.
   `captcha/assets/frame.js` is inside; both speak the widget's messages. */
(() => {
  const PATIENCE = 4000; // ms from a loaded frame to its first word
  const GAME = "fersys-play";
  let shown = null;

  const base = () => (window.gradio_config?.root ? new URL(window.gradio_config.root, location.href).pathname.replace(/\/$/, "") : "");

  class Challenge {
    constructor(root) {
      this.root = root;
      new ResizeObserver(() => this.look()).observe(root);
      this.look();
    }

    part(name) { return this.root.querySelector(`[data-part="${name}"]`); }

    // A tab that is not looked at has no size.
    look() {
      const seen = this.root.getClientRects().length > 0;
      if (seen && !this.frame && this.root.dataset.page) this.open();
      else if (!seen && this.frame) this.tell({ kind: "reset" });
    }

    open() {
      const page = new URL(base() + this.root.dataset.page, location.href);
      page.searchParams.set("language", document.documentElement.lang);
      page.searchParams.set("theme", document.body.classList.contains("dark") ? "dark" : "light");
      const frame = (this.frame = document.createElement("iframe"));
      Object.assign(frame, { title: this.root.dataset.title, allow: "camera; clipboard-write", src: page });
      frame.addEventListener("load", () => setTimeout(() => this.ready || this.close(), PATIENCE));
      this.part("place").append(frame);
    }

    close() {
      this.part("waiting").hidden = true;
      this.part("closed").hidden = false;
    }

    tell(message) { this.frame.contentWindow?.postMessage({ fersysCaptcha: 1, ...message }, location.origin); }

    // What was pressed may have stood far above what comes next.
    grow(height) {
      this.frame.style.height = `${Math.max(height, 100)}px`;
      if (document.activeElement === this.frame) this.part("place").scrollIntoView({ block: "nearest" });
    }

    hear({ kind, height }) {
      if (kind === "height") this.grow(Number(height) || 0);
      if (kind !== "ready") return;
      this.ready = true;
      this.part("waiting").hidden = this.part("closed").hidden = true;
      this.frame.dataset.ready = "";
      this.frame.contentDocument.documentElement.style.setProperty("--paper", getComputedStyle(this.root).backgroundColor);
      this.tell({ kind: "settings" });
    }
  }

  function hear(event) {
    const frame = shown?.frame;
    if (frame && event.source === frame.contentWindow && event.origin === location.origin && event.data?.fersysCaptcha === 1) shown.hear(event.data);
  }

  // While a game of practice runs it has the tab to itself.
  function makeRoom() {
    const game = document.getElementById(GAME);
    if (shown) shown.root.hidden = Boolean(game) && game.dataset.state !== "intro";
  }

  // Gradio puts the tab into the page when it is first opened, and again when the language changes.
  function find() {
    const root = document.getElementById("fersys-challenge");
    if (root && root !== shown?.root && root.querySelector("[data-part=place]")) {
      shown = new Challenge(root);
      window.fersysChallenge = shown;
    }
    makeRoom();
  }

  function begin() {
    new MutationObserver(find).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-state"] });
    find();
  }

  addEventListener("message", hear);
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
