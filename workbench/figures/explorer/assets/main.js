// The state of the page: what is selected, in the address after the #, so that a link shows the same.
"use strict";

const state = { model: 0, measure: 0, language: 0, beside: 1, layer: 0, head: 0, sentence: 0, text: 0, shade: 0, view: "head" };

// Names in the address, and the axis on which each is a place.
const NAMES = {
  model: modelNames,
  layer: () => page.layers,
  head: () => page.heads,
  language: () => page.languages.map((entry) => entry.code),
  beside: () => page.languages.map((entry) => entry.code),
  sentence: () => (page.patterns ? page.patterns.sentences : []),
  colour: () => page.measures.map((_, k) => k),
  text: () => (page.lens ? page.lens.texts.map((_, k) => k) : []),
  shade: () => (page.lens ? page.lens.colours.map((_, k) => k) : []),
};
const MENUS = ["measure", "language", "beside", "sentence", "layer", "text", "shade"]; // by what each changes
// The tabs, and whether there is something to show in each.
const VIEWS = { head: () => page.measures.length, layer: () => page.measures.length || page.classes, lens: () => page.lens };
const views = () => Object.keys(VIEWS).filter((view) => VIEWS[view]());
const keyOf = (name) => (name === "colour" ? "measure" : name);

// The selection in the address, as a change of the state that is not applied yet.
function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  const change = {};
  for (const [name, axis] of Object.entries(NAMES)) {
    const place = axis().findIndex((value) => String(value) === address.get(name));
    if (place >= 0) change[keyOf(name)] = place;
  }
  if (Object.hasOwn(VIEWS, address.get("view"))) change.view = address.get("view");
  return change;
}

function writeAddress() {
  const parts = Object.entries(NAMES).filter(([, axis]) => axis().length).map(([name, axis]) => [name, axis()[state[keyOf(name)]]]);
  history.replaceState(null, "", `#${new URLSearchParams([...parts, ["view", state.view]])}`);
}

// The head that matters most, and beside its language the one for which it matters least.
function first() {
  state.beside = Math.min(1, page.languages.length - 1);
  if (!page.measures.length) {
    state.view = "layer";
    return;
  }
  const values = page.measures[0].values;
  const heads = page.layers.length * page.heads.length;
  let best = 0;
  values.forEach((value, at) => { if (value > values[best] || (Number.isNaN(values[best]) && !Number.isNaN(value))) best = at; });
  state.language = Math.floor(best / heads);
  state.layer = Math.floor((best % heads) / page.heads.length);
  state.head = best % page.heads.length;
  const here = page.languages.map((_, place) => values[cell(place, state.layer, state.head)]);
  const least = here.indexOf(Math.min(...here.filter(Number.isFinite)));
  if (least >= 0 && least !== state.language) state.beside = least;
  else if (state.beside === state.language) state.beside = (state.language + 1) % page.languages.length;
}

function show() {
  if (!views().includes(state.view)) [state.view = "head"] = views();
  for (const view of Object.keys(VIEWS)) {
    $(`tab-${view}`).setAttribute("aria-selected", state.view === view);
    $(`tab-${view}`).tabIndex = state.view === view ? 0 : -1;
    $(`panel-${view}`).hidden = state.view !== view;
  }
  for (const name of MENUS) $(name).value = state[name];
  if (page.models) $("model").value = state.model;
  if (state.view === "layer") drawLayer();
  else if (state.view === "lens") drawLens();
  else {
    drawHead();
    drawPatterns();
    drawProfile();
  }
  writeAddress();
}

// Change the selection, show it and announce it.
function select(change) {
  const before = state.measure;
  Object.assign(state, change);
  if (page.measures.length) {
    if (before === state.measure) drawOutlines();
    else drawGrid();
  }
  show();
  announce(selectedWords());
}

// What is selected, in words.
function selectedWords() {
  const words = { layer: layerWords, lens: lensWords, head: () => `${headWords(state)}. ${factWords().join("; ")}.` };
  return words[state.view]();
}

const fill = (name, labels) => $(name).replaceChildren(...labels.map((label, k) => element("option", label, { value: k })));

function watch() {
  document.addEventListener("keydown", (event) => {
    const by = { "[": -1, "]": 1 }[event.key];
    const typed = event.getModifierState("AltGraph") || !(event.ctrlKey || event.metaKey); // some keyboards need AltGr
    if (!by || !typed || !page.languages.length) return;
    const count = page.languages.length;
    cursor = null;
    select({ language: (state.language + by + count) % count });
  });
  for (const name of MENUS) $(name).addEventListener("change", () => select({ [name]: Number($(name).value) }));
  for (const view of Object.keys(VIEWS)) {
    const tab = $(`tab-${view}`);
    tab.addEventListener("click", () => select({ view }));
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const step = event.key === "ArrowRight" ? 1 : views().length - 1;
      const other = views()[(views().indexOf(view) + step) % views().length];
      if (other === view) return;
      select({ view: other });
      $(`tab-${other}`).focus();
    });
  }
  window.addEventListener("hashchange", () => chooseModel(modelInAddress(), readAddress));
}

// The menus and parts that the data in `page` have.
function arrange() {
  fill("measure", page.measures.map((measure) => measure.label));
  fill("language", page.languages.map((entry) => entry.name));
  fill("beside", page.languages.map((entry) => entry.name));
  fill("layer", page.layers.map(String));
  const texts = page.patterns ? page.patterns.texts : [];
  fill("sentence", texts.map((row, s) => `${page.patterns.sentences[s]} · ${sentenceWords(row)}`));
  fill("text", page.lens ? page.lens.texts.map((entry) => entry.label) : []);
  fill("shade", page.lens ? page.lens.colours : []);
  $("second").hidden = page.languages.length < 2;
  $("heads").hidden = $("tab-head").hidden = !page.measures.length;
  $("tab-layer").hidden = !VIEWS.layer();
  $("tab-lens").hidden = !page.lens;
  explainPatterns();
}

async function draw() {
  const drawing = page.measures.length ? drawGrid() : null;
  show();
  await drawing;
}

async function begin() {
  await readData();
  await readModel();
  unpackArrays();
  first();
  Object.assign(state, readAddress());
  arrange();
  $("main").hidden = false;
  watchTheme(draw);
  await draw();
  watchGrid();
  watchPatterns();
  watchModels();
  watch();
  announce(selectedWords());
  document.documentElement.dataset.drawn = "yes";
}

// A sentence in English, else in the first language; without the tokenizer's own marks.
function sentenceWords(row) {
  const place = Math.max(0, page.patterns.languages.indexOf("en"));
  const words = row[place].tokens.filter((token) => !/^<.*>$/.test(token)).join("").trim();
  return words.length > 70 ? `${words.slice(0, 69)}…` : words;
}

begin();
