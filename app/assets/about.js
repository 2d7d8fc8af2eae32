// About: code to copy names the address under which the visitor sees the page, and has a button that copies it.
(() => {
  const words = () => window.FERSYS_WORDS[document.documentElement.lang.slice(0, 2)] ?? window.FERSYS_WORDS.en;

  const copy = async (code, button) => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = words().about_copied;
    setTimeout(() => { button.textContent = words().about_copy; }, 2000);
  };

  const finish = (section) => {
    const here = new URL(".", document.baseURI).href.replace(/\/$/, "");
    section.querySelectorAll(".fersys-snippet").forEach((box) => {
      const code = box.querySelector("code");
      code.textContent = code.textContent.replaceAll(section.dataset.fersysUrl, here);
      if (!navigator.clipboard || box.querySelector("button")) return;  // no clipboard without https
      const button = Object.assign(document.createElement("button"), { type: "button", className: "fersys-copy", textContent: words().about_copy });
      button.addEventListener("click", () => copy(code, button));
      box.prepend(button);
    });
    section.dataset.fersysUrl = here;
  };

  // Gradio writes the tab when it is opened, and again in another language.
  new MutationObserver(() => {
    document.querySelectorAll("[data-fersys-url]").forEach((section) => {
      if (!section.querySelector(".fersys-copy") && section.querySelector(".fersys-snippet")) finish(section);
    });
  }).observe(document, { childList: true, subtree: true });
})();
