// The selection: the facts of a head with its numbers by language, or the neurons of a layer.
"use strict";

// Words on lines of about `width` letters, as plotly breaks them.
const lines = (words, width) => words.replace(new RegExp(`(.{${width},}?) `, "g"), "$1<br>");

const MOST = 80; // neurons of a class that are listed

const capital = (words) => words[0].toUpperCase() + words.slice(1);
const headWords = ({ language: place, layer, head }) =>
  `${page.languages[place].short}, layer ${page.layers[layer]}, head ${page.heads[head]}`;

// The facts of the selected head, as sentences.
function factWords() {
  const at = cell(state.language, state.layer, state.head);
  const facts = [];
  const profile = page.profile ? page.profile.measures : [];
  for (const k of new Set([...profile, state.measure])) {
    facts.push(`${page.measures[k].words}: ${numberWords(page.measures[k], at)}`);
  }
  const kind = kindWords(state.language, state.layer, state.head);
  if (kind) facts.push(`kind: ${kind.words}`);
  const role = roleWords(state.layer, state.head);
  if (role) facts.push(`role: ${role}`);
  return facts;
}

function drawHead() {
  const at = cell(state.language, state.layer, state.head);
  const name = page.languages[state.language].short;
  $("head-title").textContent = `Layer ${page.layers[state.layer]} · head ${page.heads[state.head]}, in ${name}`;
  const rows = [];
  const role = roleWords(state.layer, state.head);
  if (role) rows.push(["Role", role]);
  const kind = kindWords(state.language, state.layer, state.head);
  if (kind) rows.push(["Kind", kind.words]);
  for (const k of page.profile ? page.profile.measures : []) {
    rows.push([capital(page.measures[k].words), numberWords(page.measures[k], at)]);
  }
  $("facts").replaceChildren(...rows.flatMap(([title, words]) => [element("dt", title), element("dd", words)]));
}

function drawProfile() {
  $("numbers").hidden = !page.profile;
  if (!page.profile) return;
  const { data, layout } = clone({ data: page.profile.data, layout: page.profile.layout });
  const places = page.languages.map((_, place) => cell(place, state.layer, state.head));
  page.profile.measures.forEach((k, column) => {
    const [trace, measure] = [data[column], page.measures[k]];
    trace.x = places.map((at) => finite(measure.values[at]));
    trace.y = page.languages.map((entry) => (narrow.matches ? entry.short : entry.name));
    trace.marker.color = places.map((_, place) => (page.colours[place === state.language ? "chosen" : "others"]));
    trace.customdata = places.map((at) => ["low", "high", "p_value"].filter((name) => measure[name]).map((name) => measure[name][at]));
    if (measure.low) {
      trace.error_x.array = places.map((at) => measure.high[at] - measure.values[at]);
      trace.error_x.arrayminus = places.map((at) => measure.values[at] - measure.low[at]);
    }
  });
  for (const [name, axis] of Object.entries(layout)) {
    if (name.startsWith("yaxis")) delete axis.categoryarray;
    if (name.startsWith("xaxis") && narrow.matches) axis.title.text = lines(axis.title.text, 18);
  }
  Object.assign(layout, { template: template(), autosize: true });
  const plot = $("profile");
  plot.style.height = `${layout.height}px`;
  plot.setAttribute("aria-label", `Numbers of layer ${page.layers[state.layer]}, head ${page.heads[state.head]} by language; the table below holds them.`);
  Plotly.react(plot, data, layout, settings);
  drawTable(places);
}

function drawTable(places) {
  const measures = page.profile.measures.map((k) => page.measures[k]);
  const head = element("tr");
  head.append(element("th", "Language", { scope: "col" }));
  for (const measure of measures) {
    head.append(element("th", measure.label, { scope: "col" }));
    if (measure.low) head.append(element("th", measure.interval, { scope: "col" }));
    if (measure.p_value) head.append(element("th", `corrected p ${measure.tested}`, { scope: "col" }));
  }
  if (page.kinds) head.append(element("th", "kind", { scope: "col" }));
  const rows = places.map((at, place) => {
    const row = element("tr", "", { className: place === state.language ? "chosen" : "" });
    row.append(element("th", page.languages[place].name, { scope: "row" }));
    for (const measure of measures) {
      row.append(element("td", round(measure.values[at])));
      if (measure.low) row.append(element("td", `${round(measure.low[at])} to ${round(measure.high[at])}`));
      if (measure.p_value) row.append(element("td", round(measure.p_value[at], 2)));
    }
    if (page.kinds) row.append(element("td", kindWords(place, state.layer, state.head).kind, { className: "word" }));
    return row;
  });
  const [top, body] = [element("thead"), element("tbody")];
  top.append(head);
  body.append(...rows);
  $("table").replaceChildren(top, body);
}

// The neurons of the selected layer: {class: [[number, [language, ...]], ...]}, undefined without classes.
const neuronsOf = () => page.classes && page.classes.neurons[page.classes.layers.indexOf(page.layers[state.layer])];

const counted = (number) => number.toLocaleString("en");

function layerWords() {
  const classes = neuronsOf();
  const layer = `Layer ${page.layers[state.layer]}`;
  if (!classes) return `${layer} has ${page.heads.length} heads; its neurons are not in this page.`;
  const counts = Object.entries(classes).map(([name, neurons]) => `${counted(neurons.length)} ${name}`);
  const all = Object.values(classes).reduce((sum, neurons) => sum + neurons.length, 0);
  return `${layer} has ${counted(page.classes.size)} neurons: ${counts.join(", ")}; ${counted(page.classes.size - all)} are in no class.`;
}

// Whole numbers from 0, at most five of them.
const countAxis = (axis, most) =>
  Object.assign(axis, { range: [0, Math.max(most, 1) * 1.05], dtick: Math.ceil(Math.max(most, 1) / 4) });

// The chosen measure of every head of the layer by language, with the heads' roles: rows are heads.
function drawLayerHeads() {
  $("layer-heads").hidden = !page.measures.length;
  $("neurons-title").hidden = !page.measures.length || !page.classes;
  if (!page.measures.length) return;
  const measure = page.measures[state.measure];
  const largest = measure.values.reduce((most, value) => Math.max(most, Number.isFinite(value) ? Math.abs(value) : 0), 0) || 1;
  $("layer-heads-title").textContent = `Heads of layer ${page.layers[state.layer]} by language: ${measure.label}`;
  const names = ["Head", ...page.languages.map((entry) => entry.short), ...(page.roles ? ["Role"] : [])];
  const [top, body, titles] = [element("thead"), element("tbody"), element("tr")];
  titles.append(...names.map((name) => element("th", name, { scope: "col", className: name === "Role" ? "word" : "" })));
  top.append(titles);
  page.heads.forEach((name, head) => {
    const [row, title] = [element("tr"), element("th", "", { scope: "row" })];
    const open = element("button", `head ${name}`, { className: "link", onclick: () => select({ head, view: "head" }) });
    title.append(open);
    row.append(title);
    page.languages.forEach((_, place) => {
      const at = cell(place, state.layer, head);
      const value = measure.values[at];
      const sure = measure.low && (measure.low[at] > 0 || measure.high[at] < 0);
      const box = element("td", round(value) + (sure ? "*" : ""), { title: numberWords(measure, at) });
      const tint = value < 0 ? "--below" : "--mark";
      if (Number.isFinite(value)) box.style.background = `rgba(var(${tint}), ${((0.6 * Math.abs(value)) / largest).toFixed(3)})`;
      row.append(box);
    });
    if (page.roles) row.append(element("td", roleWords(state.layer, head) || "–", { className: "word" }));
    body.append(row);
  });
  $("layer-table").replaceChildren(top, body);
}

function drawLayer() {
  drawLayerHeads();
  $("layer-facts").textContent = layerWords();
  const classes = neuronsOf();
  $("classes").hidden = !classes || Object.values(classes).every((neurons) => !neurons.length);
  $("neurons").replaceChildren();
  if ($("classes").hidden) return;
  const { data, layout } = clone(page.classes.figure);
  data[0].x = data[0].text = Object.values(classes).map((neurons) => neurons.length);
  for (const trace of data.slice(1)) {
    const owners = (classes[trace.name] || []).flatMap(([, codes]) => codes);
    trace.x = page.classes.languages.map((code) => owners.filter((owner) => owner === code).length);
    if (narrow.matches) trace.y = page.classes.languages.map((code) => language(code).short);
  }
  countAxis(layout.xaxis, Math.max(...data[0].x));
  countAxis(layout.xaxis2, Math.max(...data[1].x.map((count, k) => count + data[2].x[k])));
  Object.assign(layout, { template: template(), autosize: true });
  const plot = $("classes");
  plot.style.height = `${layout.height}px`;
  plot.setAttribute("aria-label", `${layerWords()} The lists below name them.`);
  Plotly.react(plot, data, layout, settings);
  for (const [name, neurons] of Object.entries(classes)) {
    if (!neurons.length) continue;
    const heading = element("h3");
    heading.append(element("span", "", { className: "dot", ariaHidden: "true" }), `${name} (${neurons.length})`);
    heading.firstChild.style.background = page.classes.colours[name];
    const list = element("dl");
    for (const [title, numbers] of byLanguages(neurons)) {
      const rest = numbers.length > MOST ? ` … and ${numbers.length - MOST} more` : "";
      list.append(element("dt", title), element("dd", numbers.slice(0, MOST).join(", ") + rest));
    }
    $("neurons").append(heading, list);
  }
}

// [[“German”, [12, 45]], ...] of neurons with the same languages.
function byLanguages(neurons) {
  const groups = new Map();
  for (const [number, codes] of neurons) {
    const title = codes.length ? codes.map((code) => language(code).short).join(", ") : "neurons";
    groups.set(title, [...(groups.get(title) || []), number]);
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}
