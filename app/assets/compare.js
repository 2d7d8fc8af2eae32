// The Compare tab: draws what app/exhibits.py sends, for the models and images that are chosen. Nothing is asked of other hosts.
(() => {
  const chosen = { a: null, b: null, split: "test", measure: "f1", damage: null, cell: null };
  const SVG = "http://www.w3.org/2000/svg", SPLITS = ["test", "test_clean", "test_strict", "test_ferplus", "validation", "train"];
  let data = null, asked = null, cellNumber = 0;

  // --- words and numbers ---
  const language = () => (document.documentElement.lang.slice(0, 2) in window.FERSYS_WORDS ? document.documentElement.lang.slice(0, 2) : "en");
  function words(key, values = {}) {
    const text = window.FERSYS_WORDS[language()][`compare_${key}`] ?? window.FERSYS_WORDS.en[`compare_${key}`] ?? "";
    return Object.entries(values).reduce((filled, [name, value]) => filled.replaceAll(`{${name}}`, value), text);
  }
  // What the report says in English, unless the visitor reads another language and it is translated.
  const told = (key, english) => (language() === "en" ? english : words(key) || english);
  const number = (value, digits) => new Intl.NumberFormat(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  const whole = (value) => new Intl.NumberFormat(language()).format(value);
  const percent = (share, digits = 1) => (share == null ? "–" : number(100 * share, digits) + (language() === "de" ? "\u00a0%" : "%"));
  const points = (share) => (share < 0 ? "−" : "+") + number(Math.abs(100 * share), 1);
  const chance = (p) => (p < 0.0001 ? `p < ${number(0.0001, 4)}` : `p = ${number(p, 4)}`);
  const emotion = (name, part = 1) => JSON.parse(root().dataset.emotions)[name][part]; // 0: its emoji

  // --- figures ---
  const model = (name) => data.report.models.find((one) => one.model === name);
  const result = (name) => model(name)?.splits[chosen.split];
  const curve = (name) => data.curves[name]?.[chosen.split];
  const pair = () => [["a", chosen.a], ["b", chosen.b]];

  // --- parts of a page ---
  function element(tag, attributes = {}, ...inside) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...inside.filter((part) => part !== null && part !== undefined));
    return made;
  }
  function shape(tag, attributes = {}, text = null) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== null) made.textContent = text;
    return made;
  }
  function canvas(place, height, label) {
    const width = Math.max(260, place.clientWidth);
    const made = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    made.wide = width;
    made.put = (tag, attributes, text) => made.appendChild(shape(tag, attributes, text));
    return made;
  }
  function table(heads, rows, open = false) {
    const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
    const body = rows.map(([first, ...rest]) => element("tr", {}, element("th", { scope: "row" }, first), ...rest.map((text) => element("td", {}, text))));
    const made = element("table", { class: "fersys-table" }, element("thead", {}, head), element("tbody", {}, ...body));
    const box = element("div", { class: "fersys-scroll", tabindex: "0", role: "region", "aria-label": words("as_table") }, made);
    return open ? box : element("details", {}, element("summary", {}, words("as_table")), box);
  }
  function legend(names = pair()) {
    return element("p", { class: "fersys-key" }, ...names.map(([side, name]) => element("span", {}, element("i", { class: `fersys-sign-${side}`, "aria-hidden": "true" }), name)));
  }
  // A mark tells the sides apart without colour: a full circle and an empty square.
  function mark(side, x, y, size = 5.5) {
    if (side === "a") return shape("circle", { cx: x, cy: y, r: size, class: "fersys-a" });
    if (side === "b") return shape("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size, class: "fersys-b" });
    return shape("circle", { cx: x, cy: y, r: size - 1, class: "fersys-other" });
  }
  const sideOf = (name) => (name === chosen.a ? "a" : name === chosen.b ? "b" : "other");

  // The name of a row: before it, or above it where there is no room.
  function title(svg, text, y, strong, narrow) {
    svg.put("text", { x: 0, y: narrow ? y - 13 : y + 5, class: strong ? "fersys-name fersys-strong" : "fersys-name" }, text);
  }

  // A horizontal scale at the bottom of a chart; returns where a value lies.
  function across(svg, from, to, left, right, height, format = (value) => percent(value, 0)) {
    const at = (value) => left + ((value - from) / (to - from)) * (svg.wide - left - right);
    const step = svg.wide - left - right < 300 ? 0.2 : 0.1;
    for (let value = from; value <= to + 1e-9; value += step) {
      svg.put("line", { x1: at(value), x2: at(value), y1: 4, y2: height - 22, class: "fersys-grid" });
      svg.put("text", { x: at(value), y: height - 6, class: "fersys-tick", "text-anchor": "middle" }, format(value));
    }
    return at;
  }

  // --- the charts ---
  const draw = {
    overview(place) {
      const shown = data.report.models.filter((one) => one.splits[chosen.split]), narrow = place.clientWidth < 480, row = narrow ? 44 : 34;
      const height = shown.length * row + 34, label = narrow ? 20 : 190, low = chosen.split === "train" ? 0.5 : 0.4;
      const svg = canvas(place, height, words("overview_alt", { best: best(shown) }));
      const at = across(svg, low, 1, label, 62, height);
      shown.forEach((one, index) => {
        const found = one.splits[chosen.split], y = index * row + (narrow ? 32 : 20), side = sideOf(one.model);
        title(svg, one.model, y, side !== "other", narrow);
        svg.put("line", { x1: at(found.ci95.accuracy[0]), x2: at(found.ci95.accuracy[1]), y1: y, y2: y, class: `fersys-range fersys-${side}` });
        svg.append(mark(side, at(found.accuracy), y));
        svg.put("text", { x: svg.wide, y: y + 5, class: "fersys-value", "text-anchor": "end" }, percent(found.accuracy));
      });
      const human = data.report.references.find((one) => one.model === "human raters");
      if (human && chosen.split !== "train") svg.put("line", { x1: at(human.accuracy), x2: at(human.accuracy), y1: 4, y2: height - 22, class: "fersys-human" });
      place.append(svg, human && chosen.split !== "train" ? element("p", { class: "fersys-lead" }, words("human", { share: percent(human.accuracy, 0) })) : "");
      const row95 = (found, key) => `${percent(found[key])} (${percent(found.ci95[key][0])}–${percent(found.ci95[key][1])})`;
      place.append(table([words("model"), words("images"), words("accuracy"), words("macro_f1"), words("weighted_f1")],
        shown.map((one) => { const found = one.splits[chosen.split]; return [one.model, whole(found.n), row95(found, "accuracy"), row95(found, "macro_f1"), row95(found, "weighted_f1")]; })));
    },

    contamination(place) {
      const given = data.report.contamination, kinds = ["train", "paper_28821", "test", "test_strict"];
      const narrow = place.clientWidth < 480, row = narrow ? 48 : 40, height = given.rows.length * row + 34;
      const value = (one, kind) => (kind === "paper_28821" ? one[kind].mean : one[kind]);
      const svg = canvas(place, height, words("contamination_alt")), at = across(svg, 0.4, 1, narrow ? 16 : 190, 24, height);
      svg.put("line", { x1: at(given.paper.accuracy), x2: at(given.paper.accuracy), y1: 4, y2: height - 22, class: "fersys-human" });
      given.rows.forEach((one, index) => {
        const y = index * row + (narrow ? 34 : 22), values = kinds.map((kind) => value(one, kind));
        title(svg, one.model, y, one.model === given.as_published, narrow);
        svg.put("line", { x1: at(Math.min(...values)), x2: at(Math.max(...values)), y1: y, y2: y, class: "fersys-range fersys-other" });
        values.forEach((one_, place_) => svg.append(kindMark(place_, at(one_), y)));
      });
      const signs = kinds.map((kind, index) => {
        const small = shape("svg", { width: 16, height: 16, "aria-hidden": "true" });
        small.append(kindMark(index, 8, 8));
        return element("span", {}, small, words(`images_${kind}`));
      });
      place.append(element("p", { class: "fersys-key" }, ...signs), svg, element("p", { class: "fersys-lead" }, words("paper_line", { share: percent(given.paper.accuracy, 0) })));
      const heads = ["train", "paper_28821", "validation", "test", "test_clean", "test_strict"];
      place.append(table([words("model"), ...heads.map((kind) => words(`images_${kind}`))], given.rows.map((one) => [one.model, ...heads.map((kind) => percent(value(one, kind)))])));
    },

    confusion(place) {
      place.append(element("div", { class: "fersys-matrices" }, ...pair().map(([side, name]) => matrix(side, name))), element("div", { class: "fersys-cell", "data-cell": "", role: "status" }, words("cell_hint")));
      if (chosen.cell) askCell(place, chosen.cell);
    },

    expressions(place) {
      const row = 46, height = 7 * row + 30, label = Math.min(140, place.clientWidth * 0.34), [left, right] = [result(chosen.a), result(chosen.b)];
      place.append(choices("measure", ["f1", "precision", "recall"].map((key) => [key, words(key)])), element("p", { class: "fersys-lead" }, words(`${chosen.measure}_lead`)), legend());
      const svg = canvas(place, height, words("expressions_alt", { measure: words(chosen.measure) })), at = across(svg, 0, 1, label, 24, height);
      data.emotions.forEach((name, index) => {
        const y = index * row + 22, support = left?.per_class[name].support ?? right?.per_class[name].support;
        svg.put("text", { x: 0, y: y + 1, class: "fersys-name fersys-strong" }, emotion(name));
        svg.put("text", { x: 0, y: y + 15, class: "fersys-tick" }, words("count", { count: whole(support) }));
        pair().forEach(([side, who], offset) => {
          const found = result(who);
          if (!found) return;
          const level = y + (offset ? 8 : -8), [low, high] = found.ci95[`${name}_${chosen.measure}`] ?? [found.per_class[name][chosen.measure], found.per_class[name][chosen.measure]];
          svg.put("line", { x1: at(low), x2: at(high), y1: level, y2: level, class: `fersys-range fersys-${side}` });
          svg.append(mark(side, at(found.per_class[name][chosen.measure]), level));
        });
      });
      place.append(svg, table([words("expression"), ...["precision", "recall", "f1"].flatMap((key) => pair().map(([, who]) => `${words(key)}, ${who}`))],
        data.emotions.map((name) => [emotion(name), ...["precision", "recall", "f1"].flatMap((key) => pair().map(([, who]) => percent(result(who)?.per_class[name][key])))])));
    },

    pair(place) {
      const found = compared();
      if (!found) return place.append(element("p", {}, words(chosen.a === chosen.b ? "same" : "no_pair")));
      const n = result(chosen.a).n, both = Math.round(result(chosen.a).accuracy * n) - found.onlyA, neither = n - both - found.onlyA - found.onlyB;
      const parts = [["both", both], ["only_a", found.onlyA], ["only_b", found.onlyB], ["neither", neither]], svg = canvas(place, 44, words("pair_alt"));
      let x = 0;
      for (const [key, count] of parts) {
        const width = (count / n) * svg.wide;
        svg.put("rect", { x, y: 4, width, height: 36, class: `fersys-part fersys-part-${key}` });
        if (width > 38) svg.put("text", { x: x + width / 2, y: 27, class: `fersys-part-text fersys-part-text-${key}`, "text-anchor": "middle" }, whole(count));
        x += width;
      }
      const list = element("ul", { class: "fersys-parts" }, ...parts.map(([key, count]) => element("li", {}, element("i", { class: `fersys-part-${key}`, "aria-hidden": "true" }), `${words(`pair_${key}`, { a: chosen.a, b: chosen.b })}: `, element("b", {}, whole(count)))));
      const real = found.holm < 0.05, ahead = found.difference > 0 ? chosen.a : chosen.b;
      const verdict = words(real ? "pair_real" : "pair_chance", { ahead, points: number(Math.abs(100 * found.difference), 1), p: chance(found.holm) });
      place.append(svg, list, element("p", { class: "fersys-agree" }, verdict), element("p", { class: "fersys-lead" }, words("pair_test", { p: chance(found.p), holm: chance(found.holm), low: points(found.low), high: points(found.high) })));
    },

    calibration(place) {
      const size = Math.min(place.clientWidth, 430), height = size * 0.86, svg = canvas(place, height, words("calibration_alt"));
      const frame = grid(svg, Math.max(260, size), height, words("axis_confidence"), words("axis_right"));
      svg.put("line", { x1: frame.x(0), y1: frame.y(0), x2: frame.x(1), y2: frame.y(1), class: "fersys-diagonal" });
      for (const [side, who] of pair()) path(svg, side, (curve(who)?.bins ?? []).filter(([count]) => count >= 20).map(([, sure, right]) => [frame.x(sure), frame.y(right)]));
      const errors = pair().map(([, who]) => [who, ...["ece", "nll", "brier"].map((key) => { const found = model(who)?.calibration.splits[chosen.split]; return found ? `${number(found.before[key], 3)} → ${number(found.after[key], 3)}` : "–"; })]);
      place.append(legend(), svg, table([words("model"), "ECE", "NLL", "Brier"], errors, true), element("p", { class: "fersys-lead" }, words("calibration_note")));
    },

    risk(place) {
      const size = Math.min(place.clientWidth, 430), height = size * 0.86, svg = canvas(place, height, words("risk_alt"));
      const frame = grid(svg, Math.max(260, size), height, words("axis_coverage"), words("axis_wrong"), 0.5);
      for (const [side, who] of pair()) {
        path(svg, side, (curve(who)?.risk ?? []).map(([share, wrong]) => [frame.x(share), frame.y(wrong)]), false);
        const sure = model(who)?.certainty?.splits?.[chosen.split];
        if (sure?.accuracy != null) svg.append(mark(side, frame.x(sure.coverage), frame.y(1 - sure.accuracy), 6.5));
      }
      const rows = pair().map(([, who]) => { const found = model(who)?.risk_coverage[chosen.split], sure = model(who)?.certainty?.splits?.[chosen.split];
        return [who, ...["0.5", "0.7", "1"].map((share) => percent(found?.risk_at[share])), sure ? percent(sure.coverage) : "–", sure ? percent(sure.accuracy) : "–"]; });
      place.append(legend(), svg, table([words("model"), ...[50, 70, 100].map((share) => words("wrong_of", { share })), words("answered"), words("right_then")], rows, true));
    },

    robustness(place) {
      const given = data.report.robustness, known = pair().filter(([, who]) => given?.models[who]);
      if (!known.length) return place.append(element("p", {}, words("no_robustness")));
      chosen.damage ??= Object.keys(given.corruptions)[0];
      place.append(choices("damage", Object.keys(given.corruptions).map((key) => [key, words(`damage_${key}`)])), legend(known));
      const height = 250, svg = canvas(place, height, words("robustness_alt")), strengths = given.corruptions[chosen.damage].strengths;
      const marks = strengths.map((one) => number(one, one < 1 && one > 0 ? 2 : one % 1 ? 1 : 0));
      const frame = grid(svg, svg.wide, height, words(`unit_${chosen.damage}`), words("axis_accuracy"), 1, [words("none"), ...marks]);
      for (const [side, who] of known) path(svg, side, [given.models[who].clean, ...given.models[who].accuracy[chosen.damage]].map((value, index) => [frame.x(index / strengths.length), frame.y(value)]));
      place.append(svg, table([words("model"), words("none"), ...marks], known.map(([, who]) => [who, percent(given.models[who].clean), ...given.models[who].accuracy[chosen.damage].map((value) => percent(value))])));
    },

    learning(place) {
      const known = pair().filter(([, who]) => data.history[who]);
      if (!known.length) return place.append(element("p", {}, words("no_learning")));
      const longest = Math.max(...known.map(([, who]) => data.history[who].length)), height = 260, svg = canvas(place, height, words("learning_alt"));
      const frame = grid(svg, svg.wide, height, words("axis_epoch"), words("axis_accuracy"), 1, [0, 0.25, 0.5, 0.75, 1].map((share) => whole(Math.max(1, Math.round(share * longest)))));
      for (const [side, who] of known) for (const [column, kind] of [[0, "train"], [1, "val"]]) {
        const line = path(svg, side, data.history[who].map((one, index) => [frame.x(index / Math.max(1, longest - 1)), frame.y(one[column])]), false);
        line?.classList.add(`fersys-${kind}`);
      }
      place.append(legend(known), svg, element("p", { class: "fersys-lead" }, words("learning_note")));
    },

    models(place) {
      place.append(table([words("model"), words("what"), words("parameters"), words("operations"), words("megabytes"), words("milliseconds")], data.report.models.map((one) => {
        const speed = data.report.speed?.models[one.model];
        return [one.model, told(`about_${one.model}`, one.about), `${number(one.params / 1e6, 2)} M`, `${whole(Math.round(one.macs / 1e6))} M`, number(one.serving_megabytes, 1), speed ? number(speed.one, 1) : "–"];
      }), true));
      place.append(element("h3", {}, words("said")), table([words("who"), words("accuracy"), words("macro_f1"), words("disgust_f1"), words("note")],
        data.report.references.map((one, index) => [told(`reference_${index}`, one.model), percent(one.accuracy), percent(one.macro_f1), percent(one.disgust_f1), told(`reference_note_${index}`, one.note)]), true));
    },
  };

  function best(shown) {
    const first = shown.reduce((one, other) => (other.splits[chosen.split].accuracy > one.splits[chosen.split].accuracy ? other : one));
    return `${first.model}, ${percent(first.splits[chosen.split].accuracy)}`;
  }

  function kindMark(index, x, y) {
    return [
      () => shape("path", { d: `M${x} ${y - 7}L${x + 7} ${y + 5}H${x - 7}Z`, class: "fersys-kind fersys-kind-0" }),
      () => shape("rect", { x: x - 5, y: y - 5, width: 10, height: 10, class: "fersys-kind fersys-kind-1" }),
      () => shape("circle", { cx: x, cy: y, r: 5.5, class: "fersys-kind fersys-kind-2" }),
      () => shape("path", { d: `M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z`, class: "fersys-kind fersys-kind-3" }),
    ][index]();
  }

  // A square field with both scales; `most` is the top of the upright one, `marks` replace the numbers of the other.
  function grid(svg, width, height, below, beside, most = 1, marks = null) {
    const [left, right, top, bottom] = [64, 24, 10, 44];
    const x = (value) => left + value * (width - left - right), y = (value) => height - bottom - (value / most) * (height - top - bottom);
    for (let step = 0; step <= 5; step += 1) {
      const value = step / 5;
      svg.put("line", { x1: left, x2: width - right, y1: y(value * most), y2: y(value * most), class: "fersys-grid" });
      svg.put("text", { x: left - 6, y: y(value * most) + 4, class: "fersys-tick", "text-anchor": "end" }, percent(value * most, 0));
      if (!marks) svg.put("text", { x: x(value), y: height - bottom + 16, class: "fersys-tick", "text-anchor": "middle" }, percent(value, 0));
    }
    marks?.forEach((text, index) => svg.put("text", { x: x(index / (marks.length - 1)), y: height - bottom + 16, class: "fersys-tick", "text-anchor": "middle" }, text));
    svg.put("text", { x: x(0.5), y: height - 6, class: "fersys-tick", "text-anchor": "middle" }, below);
    svg.put("text", { x: 0, y: 0, transform: `translate(11 ${y(most / 2)}) rotate(-90)`, class: "fersys-tick", "text-anchor": "middle" }, beside);
    return { x, y };
  }

  function path(svg, side, places, marked = true) {
    if (!places.length) return null;
    const line = svg.put("path", { d: `M${places.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`, class: `fersys-curve fersys-${side}` });
    if (marked) for (const [x, y] of places) svg.append(mark(side, x, y, 4.5));
    return line;
  }

  function choices(key, options) {
    return element("div", { class: "fersys-choice", role: "group" }, ...options.map(([value, text]) => element("button", { type: "button", "data-set": key, value, "aria-pressed": String(chosen[key] === value) }, text)));
  }

  function compared() {
    for (const one of data.report.pairs[chosen.split] ?? []) {
      const turned = one.first === chosen.b && one.second === chosen.a;
      if (!turned && !(one.first === chosen.a && one.second === chosen.b)) continue;
      const [low, high] = one.accuracy.ci95, sign = turned ? -1 : 1;
      return { onlyA: turned ? one.only_second : one.only_first, onlyB: turned ? one.only_first : one.only_second, p: one.p, holm: one.p_holm,
        difference: sign * one.accuracy.value, low: turned ? -high : low, high: turned ? -low : high };
    }
    return null;
  }

  // --- confusion matrices ---
  function matrix(side, name) {
    const found = result(name), box = element("div", { class: "fersys-matrix" });
    box.append(element("h3", {}, element("i", { class: `fersys-sign-${side}`, "aria-hidden": "true" }), name));
    if (!found) return box;
    const head = element("tr", {}, element("td", { class: "fersys-corner-words" }, words("truth_said")), ...data.emotions.map((one) => element("th", { scope: "col", title: emotion(one) }, element("span", { class: "fersys-emoji", "aria-hidden": "true" }, emotion(one, 0)), element("span", { class: "fersys-word" }, emotion(one)))));
    const rows = found.confusion_matrix.map((counts, truth) => element("tr", {}, element("th", { scope: "row" }, emotion(data.emotions[truth])), ...counts.map((count, said) => element("td", {}, cellButton(name, truth, said, counts)))));
    box.append(element("table", { "data-matrix": name }, element("thead", {}, head), element("tbody", {}, ...rows)));
    return box;
  }
  function cellButton(name, truth, said, counts) {
    const of = counts.reduce((sum, count) => sum + count, 0), share = of ? counts[said] / of : 0, one = chosen.cell;
    const pressed = Boolean(one && one.name === name && one.truth === truth && one.said === said);
    const label = words("cell_label", { truth: emotion(data.emotions[truth]), said: emotion(data.emotions[said]), count: whole(counts[said]), of: whole(of), share: percent(share, 0) });
    const made = element("button", { type: "button", "data-pick": `${truth},${said}`, "aria-pressed": String(pressed), "aria-label": label, title: label, tabindex: truth + said === 0 ? "0" : "-1", class: share > 0.4 ? "fersys-deep" : "" }, number(100 * share, 0));
    made.style.setProperty("--depth", `${(share > 0.4 ? 55 + 45 * share : 100 * share).toFixed(1)}%`); // so that white on dark and black on light can be read
    return made;
  }

  function pick(button) {
    const [truth, said] = button.dataset.pick.split(",").map(Number), name = button.closest("[data-matrix]").dataset.matrix;
    chosen.cell = { name, truth, said };
    for (const other of root().querySelectorAll("[data-pick]")) other.setAttribute("aria-pressed", String(other === button));
    askCell(button.closest("[data-draw]"), chosen.cell);
  }

  async function askCell(place, cell) {
    const box = place.querySelector("[data-cell]"), mine = (cellNumber += 1), counts = result(cell.name)?.confusion_matrix[cell.truth];
    if (!counts) return;
    const known = { truth: emotion(data.emotions[cell.truth]), said: emotion(data.emotions[cell.said]), model: cell.name, count: whole(counts[cell.said]), of: whole(counts.reduce((sum, one) => sum + one, 0)) };
    const back = result(cell.name).confusion_matrix[cell.said][cell.truth];
    const lines = [element("b", {}, words(cell.truth === cell.said ? "cell_right" : "cell_wrong", known)), cell.truth === cell.said ? null : element("p", {}, words("cell_back", { ...known, back: whole(back) }))];
    box.replaceChildren(...lines.filter(Boolean));
    const asked_ = new URLSearchParams({ model: cell.name, split: chosen.split, truth: data.emotions[cell.truth], said: data.emotions[cell.said] });
    const answer = await fetch(`fersys/compare/cell?${asked_}`).catch(() => null);
    if (mine !== cellNumber || !answer?.ok) return;
    const more = await answer.json();
    if (mine !== cellNumber || !more.count) return;
    box.append(element("p", {}, words("cell_sure", { ...known, sure: percent(more.confidence, 0), truthShare: percent(more.truth, 0) })), others(more, known));
  }

  function others(more, known) {
    const row = (counts) => data.emotions.map((_, index) => (counts[index] ? whole(counts[index]) : "·"));
    const rows = Object.entries(more.others).sort(([one], [other]) => (sideOf(one) > sideOf(other) ? 1 : -1)).map(([name, counts]) => [name, ...row(counts)]);
    const made = table([words("model"), ...data.emotions.map((one) => emotion(one))], [...rows, [words("cell_second"), ...row(more.second)]], true);
    made.setAttribute("aria-label", words("cell_others", known));
    return element("div", {}, element("p", {}, words("cell_others", known)), made);
  }

  // --- the whole ---
  const root = () => document.querySelector("#fersys-compare");

  function redraw() {
    for (const card of root().querySelectorAll("[data-chart]")) {
      const place = card.querySelector("[data-draw]");
      place.replaceChildren();
      if (!place.clientWidth) continue; // another slide is shown
      draw[card.dataset.chart](place);
      place.querySelectorAll(".fersys-scroll").forEach((box, index) => box.setAttribute("aria-label", `${card.querySelector("h2").textContent}: ${words("as_table")} ${index + 1}`));
    }
  }

  function fill() {
    const names = data.report.models.map((one) => one.model), splits = SPLITS.filter((split) => data.report.models.some((one) => one.splits[split]));
    chosen.a ??= names[0];
    chosen.b ??= names.includes("fersys-deepface") ? "fersys-deepface" : names[1] ?? names[0];
    if (!splits.includes(chosen.split)) chosen.split = splits[0];
    for (const select of root().querySelectorAll("select[data-choice]")) {
      const key = select.dataset.choice, options = key === "split" ? splits.map((one) => [one, words(`split_${one}`)]) : names.map((one) => [one, one]);
      select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
      select.value = chosen[key];
    }
  }

  async function begin() {
    const here = root();
    if (here.dataset.begun) return;
    here.dataset.begun = "true";
    try {
      asked ??= fetch("fersys/compare.json").then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))));
      data = await asked;
      here.querySelector("[data-status]").hidden = true;
      here.querySelector(".fersys-charts").hidden = false;
      fill();
      watch(here);
    } catch {
      asked = null;
      here.querySelector("[data-status]").textContent = words("failed");
    }
  }

  function watch(here) {
    let width = 0;
    new ResizeObserver(() => {
      const now = here.querySelector(".fersys-charts").clientWidth;
      if (now && now !== width) { width = now; redraw(); }
    }).observe(here.querySelector(".fersys-charts"));
  }

  // --- projector ---
  function big(on) {
    const here = root();
    here.classList.toggle("fersys-big", on);
    if (on) here.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) document.exitFullscreen();
    if (on) turnTo(here.querySelector("[data-chart]"));
    redraw();
  }

  function turnTo(card) {
    for (const one of root().querySelectorAll("[data-chart]")) one.classList.toggle("fersys-slide", one === card);
    redraw();
  }

  function turn(way) {
    const all = [...root().querySelectorAll("[data-chart]")], now = all.findIndex((one) => one.classList.contains("fersys-slide"));
    turnTo(all[(now + way + all.length) % all.length]);
  }

  // --- listeners ---
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("#fersys-compare button");
    if (!button || !data) return;
    if (button.dataset.pick) pick(button);
    else if (button.dataset.set) reset(button.dataset.set, button.value);
    else if (button.dataset.turn) turn(Number(button.dataset.turn));
    else if ("big" in button.dataset) big(!root().classList.contains("fersys-big"));
  });

  function reset(key, value) {
    chosen[key] = value;
    redraw();
    root().querySelector(`[data-set="${key}"][value="${CSS.escape(value)}"]`)?.focus({ preventScroll: true });
  }

  document.addEventListener("change", (event) => {
    const select = event.target.closest?.("#fersys-compare select[data-choice]");
    if (!select) return;
    chosen[select.dataset.choice] = select.value;
    if (select.dataset.choice !== "split" && chosen.cell && ![chosen.a, chosen.b].includes(chosen.cell.name)) chosen.cell = null;
    redraw();
  });

  document.addEventListener("keydown", (event) => {
    const here = root(), cell = event.target.closest?.("[data-pick]");
    if (cell) return moveCell(cell, event);
    if (!here?.classList.contains("fersys-big") || event.target.closest?.("select, .fersys-scroll")) return;
    if (event.key === "ArrowRight" || event.key === "PageDown") turn(1);
    else if (event.key === "ArrowLeft" || event.key === "PageUp") turn(-1);
    else if (event.key === "Escape") big(false);
  });

  function moveCell(cell, event) {
    const way = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!way) return;
    event.preventDefault();
    const place = cell.dataset.pick.split(",").map((one, index) => Math.max(0, Math.min(6, Number(one) + way[index])));
    const next = cell.closest("table").querySelector(`[data-pick="${place}"]`);
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement && root()?.classList.contains("fersys-big")) big(false);
  });

  // Gradio writes the tab when it is opened, and again in another language.
  new MutationObserver(() => { if (root()?.offsetParent && !root().dataset.begun) begin(); }).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["style", "class", "lang"] });

  window.fersysCompare = { chosen };
})();
