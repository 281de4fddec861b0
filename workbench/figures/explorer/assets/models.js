// The menu of models, in a page of several: each has data of its own, which are unpacked when it is chosen.
"use strict";

let latest = 0; // the model chosen last, whose data may still be on their way

const modelNames = () => (page.models || []).map((entry) => entry.name);

// The model in the address; where it names none of them, the one that is shown.
function modelInAddress() {
  const place = modelNames().indexOf(new URLSearchParams(location.hash.slice(1)).get("model"));
  return place < 0 ? state.model : place;
}

// Names and numbers by which what is selected is looked up in another model.
const ALIKE = {
  language: () => page.languages.map((entry) => entry.code),
  beside: () => page.languages.map((entry) => entry.code),
  layer: () => page.layers,
  head: () => page.heads,
  measure: () => page.measures.map((measure) => measure.label),
  sentence: () => (page.patterns ? page.patterns.sentences : []),
  text: () => (page.lens ? page.lens.texts.map((entry) => entry.label) : []),
  shade: () => (page.lens ? page.lens.colours : []),
};

const selectedNames = () => Object.fromEntries(Object.entries(ALIKE).map(([name, axis]) => [name, axis()[state[name]]]));

// The place of the number that is nearest to another; -1 where there is none.
function nearest(numbers, number) {
  const away = numbers.map((other) => Math.abs(other - number));
  return away.indexOf(Math.min(...away));
}

// Select what has these names in the model that is shown: the nearest layer and head, else its first selection.
function selectAlike(names) {
  for (const name of Object.keys(ALIKE)) state[name] = 0;
  first();
  const beside = state.beside;
  for (const [name, axis] of Object.entries(ALIKE)) {
    const place = ["layer", "head"].includes(name) ? nearest(axis(), names[name]) : axis().indexOf(names[name]);
    if (place >= 0) state[name] = place;
  }
  if (state.beside !== state.language) return;
  state.beside = beside === state.language ? (state.language + 1) % Math.max(1, page.languages.length) : beside;
}

// Show a model with what is selected now, and then a change of that, read once its data are there.
async function chooseModel(place, change = () => ({})) {
  latest = place;
  if (place === state.model) {
    select(change());
    return;
  }
  const data = await unpacked(page.models[place].block);
  if (latest !== place) return; // another was chosen meanwhile
  const names = selectedNames();
  Object.assign(page, data);
  unpackArrays();
  state.model = place;
  cursor = null;
  selectAlike(names);
  Object.assign(state, change(), { model: place });
  describeModel();
  arrange();
  draw();
  announce(`${page.models[place].name}. ${selectedWords()}`);
}

// What the model and its corpus are, and the notes at the end.
function describeModel() {
  const lines = page.about.map(([key, value]) => {
    const line = element("span");
    line.append(element("b", key), ` ${value}`);
    return line;
  });
  document.querySelector(".about").replaceChildren(...lines);
  $("notes").replaceChildren(...page.notes.map((note) => element("p", note)));
}

// In a page of several models, the data of the one in the address, else of the first.
async function readModel() {
  if (!page.models) return;
  fill("model", modelNames());
  state.model = latest = modelInAddress();
  await readData(page.models[state.model].block);
  describeModel();
}

function watchModels() {
  if (page.models) $("model").addEventListener("change", () => chooseModel(Number($("model").value)));
}
