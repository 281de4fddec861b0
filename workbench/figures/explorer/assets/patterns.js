// Two patterns side by side. Pointing at a cell of one marks its row and column, and the linked ones in the other.
"use strict";

const sides = ["first", "second"];
const shown = {}; // by side: {text, n, rows, query}

const part = (side, what) => $(side).querySelector(what);

// The lower triangle of a head's pattern as rows with nothing above the diagonal; null where there is none.
function patternRows(code) {
  const { languages, layers, heads, texts, values } = page.patterns;
  const place = languages.indexOf(code);
  const layer = layers.indexOf(page.layers[state.layer]);
  const head = heads.indexOf(page.heads[state.head]);
  const text = place < 0 ? null : texts[state.sentence][place];
  if (!text || text.start < 0 || layer < 0 || head < 0) return { text, rows: null };
  const n = text.tokens.length;
  const size = (n * (n + 1)) / 2;
  let at = text.start + (layer * heads.length + head) * size;
  const rows = [];
  for (let query = 0; query < n; query += 1) {
    rows.push(Array.from({ length: n }, (_, key) => (key <= query ? values[at + key] / 255 : null)));
    at += query + 1;
  }
  return { text, rows };
}

function drawPattern(side, place) {
  const { code, name, tag, direction, short } = page.languages[place];
  const { text, rows } = patternRows(code);
  const plot = part(side, ".plot");
  delete plot.dataset.at;
  part(side, "figcaption").textContent = name;
  plot.classList.toggle("empty", !rows);
  if (!rows) {
    Plotly.purge(plot);
    plot.textContent = "No pattern of this head in this language.";
    plot.setAttribute("aria-label", plot.textContent);
    part(side, ".tokens").setAttribute("aria-label", plot.textContent);
    part(side, ".tokens").replaceChildren();
    shown[side] = null;
    return;
  }
  if (!plot.querySelector(".svg-container")) plot.textContent = "";
  const { data, layout } = clone(page.patterns.figure);
  const labels = text.labels;
  data[0].z = rows;
  data[0].text = rows.map((row, q) => row.map((_, k) => (k <= q ? `“${labels[q]}” ${q} attends to “${labels[k]}” ${k}` : "")));
  const every = Math.ceil(labels.length / (plot.clientWidth < 360 ? 34 : 44));
  const places = labels.map((_, k) => k).filter((k) => k % every === 0);
  const size = labels.length <= 16 ? 12 : labels.length <= 30 ? 10 : 8;
  for (const axis of [layout.xaxis, layout.yaxis]) {
    Object.assign(axis, { tickvals: places, ticktext: places.map((k) => labels[k]), tickfont: { size } });
  }
  Object.assign(layout, { template: template(), autosize: true, shapes: [] });
  Plotly.react(plot, data, layout, settings);
  plot.setAttribute("aria-label", `Attention of ${headWords(state)} on the ${short} sentence: ${text.tokens.length} tokens. The list below shows what each token attends to.`);
  shown[side] = { text, rows, n: text.tokens.length, name: short };
  const strip = part(side, ".tokens");
  strip.lang = tag;
  strip.dir = direction;
  strip.setAttribute("aria-label", `Tokens of the ${short} sentence. Arrow keys choose the query token; darker tokens get more of its attention.`);
  strip.replaceChildren(
    ...text.tokens.map((token, k) => {
      const span = document.createElement("span");
      span.textContent = token || "⋯";
      span.dataset.token = k;
      span.setAttribute("role", "option");
      return span;
    })
  );
}

// The token of the other sentence at the same relative position: first to first, last to last.
const linked = (place, from, to) => (from === to ? place : from < 2 ? 0 : Math.round((place * (to - 1)) / (from - 1)));

// Frames around a row, and around a column and a cell where key is given: white on black shows on every colour.
function bands(side, query, key) {
  const box = (x0, x1, y0, y1) => ({ type: "rect", x0: x0 - 0.5, x1: x1 + 0.5, y0: y0 - 0.5, y1: y1 + 0.5 });
  const boxes = [box(0, query, query, query)];
  if (key !== null) boxes.push(box(key, key, key, shown[side].n - 1), box(key, key, query, query));
  return boxes.flatMap((frame, k) => [
    { ...frame, line: { color: "#000000", width: k === 2 ? 5 : 3 } },
    { ...frame, line: { color: "#ffffff", width: k === 2 ? 2.5 : 1 } },
  ]);
}

function colourTokens(side, query, key) {
  const row = shown[side].rows[query];
  for (const span of part(side, ".tokens").children) {
    const k = Number(span.dataset.token);
    const chosen = k === query;
    span.setAttribute("aria-selected", chosen);
    span.tabIndex = chosen ? 0 : -1;
    const share = row[k] || 0;
    span.style.background = share >= 0.02 ? `rgba(var(--mark), ${(0.1 + 0.75 * share).toFixed(2)})` : "";
    span.style.outline = k === key ? "1px solid currentColor" : "";
    span.title = k <= query ? `attention ${attentionWords(share)}` : "comes later";
  }
}

// Mark a row, and a cell where key is given, on one side and what it is linked to on the other.
function point(side, query, key = null) {
  for (const each of sides) {
    if (!shown[each]) continue;
    const place = (k) => (each === side ? k : linked(k, shown[side].n, shown[each].n));
    const q = place(query);
    const k = key === null ? null : Math.min(place(key), q);
    shown[each].query = q;
    colourTokens(each, q, k);
    Plotly.relayout(part(each, ".plot"), { shapes: bands(each, q, k) });
  }
}

// "“Haus” (4) attends most to “Das” 0.45, “<s>” 0.20"
function attentionSentence(side, query) {
  const { text, rows, name } = shown[side];
  const token = (k) => `“${(text.tokens[k] || "⋯").trim() || "␣"}”`;
  const most = rows[query].map((share, k) => [share, k]).filter(([share]) => share >= 0.05).sort((a, b) => b[0] - a[0]);
  const words = most.slice(0, 3).map(([share, k]) => `${token(k)} ${attentionWords(share)}`);
  return `${name}, token ${query} ${token(query)} attends most to ${words.join(", ") || "nothing in particular"}.`;
}

function drawPatterns() {
  $("attention").hidden = !page.patterns;
  if (!page.patterns) return;
  drawPattern("first", state.language);
  drawPattern("second", state.beside);
  const side = shown.first ? "first" : "second";
  if (shown[side]) point(side, shown[side].n - 1);
}

function explainPatterns() {
  if (!page.patterns) return;
  const aligned = page.patterns.aligned ? "The sentences are translations of each other. " : "The sentences of this corpus are not translations of each other. ";
  $("pattern-hint").textContent =
    `A row is the query, the token that attends; a column is the key, the token it attends to. Point at a cell, or choose a token in the text: its position is marked in both. ${aligned}` +
    "Positions are linked by their relative place in the sentence, not by meaning.";
}

function watchPatterns() {
  for (const side of sides) {
    const plot = part(side, ".plot");
    plot.addEventListener("mouseleave", () => {
      delete plot.dataset.at;
      if (shown[side]) point(side, shown[side].query);
    });
    const pick = (event) => {
      const full = plot._fullLayout;
      if (!shown[side] || !full) return;
      const box = plot.getBoundingClientRect();
      const key = Math.round(full.xaxis.p2c(event.clientX - box.left - full.xaxis._offset));
      const query = Math.round(full.yaxis.p2c(event.clientY - box.top - full.yaxis._offset));
      const name = `${query} ${key}`;
      if (query < 0 || query >= shown[side].n || key < 0 || key > query || plot.dataset.at === name) return;
      plot.dataset.at = name;
      point(side, query, key);
    };
    plot.addEventListener("pointermove", pick);
    plot.addEventListener("click", pick);
    const strip = part(side, ".tokens");
    strip.addEventListener("pointerover", (event) => {
      if (event.target.dataset.token) point(side, Number(event.target.dataset.token));
    });
    strip.addEventListener("click", (event) => {
      if (!event.target.dataset.token) return;
      event.target.focus();
    });
    strip.addEventListener("focusin", (event) => {
      const query = Number(event.target.dataset.token);
      if (!shown[side] || Number.isNaN(query)) return;
      point(side, query);
      announce(attentionSentence(side, query));
    });
    strip.addEventListener("keydown", (event) => {
      const forward = strip.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
      const back = strip.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
      const to = { [forward]: 1, ArrowDown: 1, [back]: -1, ArrowUp: -1 }[event.key];
      const next = to && strip.children[Number(event.target.dataset.token) + to];
      if (!to) return;
      event.preventDefault();
      if (next) next.focus();
    });
  }
}
