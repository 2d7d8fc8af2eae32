/* Puts FER-Sys' CAPTCHA into a page: <div class="fersys-captcha" data-sitekey="…"></div> and this script, nothing else.
   With `?render=explicit` it waits for fersysCaptcha.render(element, options). */
(() => {
  "use strict";
  if (window.fersysCaptcha) return;
  const script = document.currentScript;
  const page = new URL("frame", script.src);
  const explicit = new URL(script.src).searchParams.get("render") === "explicit";
  const widgets = new Map(); // by id
  const OPTIONS = ["sitekey", "action", "cdata", "theme", "language", "callback", "expired-callback", "error-callback", "response-field-name"];
  const PATIENCE = 1000; // milliseconds from a loaded frame to its first word, which it says before; a browser that refuses to show it says nothing
  const SILENCE = 20000; // milliseconds for it to load
  const REFUSED = {
    en: "The CAPTCHA does not answer, or is not meant for this site's address.",
    de: "Das CAPTCHA antwortet nicht oder ist nicht für die Adresse dieser Website gedacht.",
  };

  function optionsOf(element, given) {
    const options = {};
    for (const name of OPTIONS) {
      const value = given[name] ?? element.getAttribute(`data-${name}`);
      if (value !== null && value !== undefined) options[name] = value;
    }
    return options;
  }

  function call(handler, value) {
    const found = typeof handler === "string" ? window[handler] : handler;
    if (typeof found === "function") found(value);
  }

  function frameOf(options) {
    const frame = document.createElement("iframe");
    const source = new URL(page);
    for (const name of ["sitekey", "theme", "language"]) if (options[name]) source.searchParams.set(name, options[name]);
    frame.title = "FER-Sys CAPTCHA";
    frame.allow = "camera";
    frame.sandbox = "allow-scripts allow-same-origin"; // a camera belongs to an origin
    frame.referrerPolicy = "origin";
    Object.assign(frame.style, { width: "100%", maxWidth: "302px", height: "152px", border: "0", borderRadius: "10px", display: "block" });
    frame.src = source;
    return frame;
  }

  function fieldOf(options) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: options["response-field-name"] || "fersys-captcha-response", autocomplete: "off" });
    return field;
  }

  function render(where, given = {}) {
    const element = typeof where === "string" ? document.querySelector(where) : where;
    if (!element) throw new Error(`fersysCaptcha.render: expected an element. Received: ${where}`);
    const known = [...widgets].find(([, widget]) => widget.element === element);
    if (known) return known[0];
    const options = optionsOf(element, given);
    const widget = { element, options, frame: frameOf(options), field: fieldOf(options), said: null, ready: false };
    const id = `fersys-captcha-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    widgets.set(id, widget);
    const refuseIn = (time) => setTimeout(() => widget.ready || refuse(widget), time);
    widget.frame.addEventListener("load", () => refuseIn(PATIENCE));
    refuseIn(SILENCE);
    element.replaceChildren(widget.frame, widget.field); // what stood there was for those who do not get this far
    return id;
  }

  function refuse(widget) {
    if (widget.said || !widget.element.contains(widget.frame)) return;
    widget.said = document.createElement("p");
    widget.said.role = "alert";
    widget.said.textContent = REFUSED[(widget.options.language || navigator.language).slice(0, 2)] || REFUSED.en;
    widget.frame.style.display = "none"; // a browser's own page about the failure; if the frame answers after all it comes back
    widget.element.append(widget.said);
    call(widget.options["error-callback"], "frame-refused");
  }

  const tell = (widget, message) => widget.frame.contentWindow?.postMessage({ fersysCaptcha: 1, ...message }, page.origin);

  // What the frame says, by kind.
  const HEARD = {
    ready(widget) {
      widget.ready = true;
      widget.said?.remove();
      widget.frame.style.display = "block";
      widget.field.value = "";
      tell(widget, { kind: "settings", action: widget.options.action || "", cdata: widget.options.cdata || "" });
    },
    height(widget, { height }) {
      widget.frame.style.height = `${Math.min(Math.max(Number(height) || 0, 100), 640)}px`;
    },
    token(widget, { token }) {
      widget.field.value = token;
      call(widget.options.callback, token);
    },
    expired(widget) {
      widget.field.value = "";
      call(widget.options["expired-callback"]);
    },
    error(widget, { code }) {
      widget.field.value = "";
      call(widget.options["error-callback"], code);
    },
  };

  window.addEventListener("message", (event) => {
    if (event.origin !== page.origin || event.data?.fersysCaptcha !== 1) return;
    const widget = [...widgets.values()].find((one) => one.frame.contentWindow === event.source);
    if (widget && Object.hasOwn(HEARD, event.data.kind)) HEARD[event.data.kind](widget, event.data);
  });

  const find = (id) => (id === undefined ? widgets.values().next().value : widgets.get(id));

  window.fersysCaptcha = {
    render,
    reset(id) {
      const widget = find(id);
      if (!widget) return;
      widget.field.value = "";
      tell(widget, { kind: "reset" });
    },
    getResponse: (id) => find(id)?.field.value ?? "",
    remove(id) {
      for (const part of ["frame", "field", "said"]) widgets.get(id)?.[part]?.remove();
      widgets.delete(id);
    },
  };

  const renderAll = () => document.querySelectorAll(".fersys-captcha").forEach((element) => render(element));
  const begin = () => {
    if (!explicit) renderAll();
    call(new URL(script.src).searchParams.get("onload"));
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
