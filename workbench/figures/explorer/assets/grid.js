// The grid of heads: a panel a language. The cursor moves with the arrow keys, the selection with Enter or a click.
"use strict";

const gridLayout = () => page.grid.layouts[narrow.matches ? 1 : 0];

let cursor = null; // {language, layer, head}: places on the axes

// Where plotly puts a coordinate: at its own number, or one after the other where the numbers have holes.
const whole = (names) => names.every((name, k) => name === names[0] + k);
const position = (names, place) => (whole(names) ? names[place] : place);
const onAxis = (names, x) => Math.min(position(names, names.length - 1), Math.max(position(names, 0), Math.round(x))); // edges too
const placeOf = (names, x) => names.findIndex((_, place) => position(names, place) === onAxis(names, x));

function drawGrid() {
  const measure = page.measures[state.measure];
  const { data, layout } = clone({ data: page.grid.data, layout: gridLayout() });
  const rows = (read) => page.layers.map((_, layer) => page.heads.map((_, head) => read(layer, head)));
  data.forEach((trace, panel) => {
    trace.z = rows((layer, head) => finite(measure.values[cell(panel, layer, head)]));
    trace.customdata = rows((layer, head) => measure.companions.map((name) => measure[name][cell(panel, layer, head)]));
    trace.hovertemplate = measure.hover.replace("#", page.languages[panel].name);
  });
  for (const note of layout.annotations || []) {
    const named = page.languages.find((entry) => entry.name === note.text);
    if (named && narrow.matches) note.text = named.short;
  }
  Object.assign(layout, { template: template(), autosize: true, shapes: outlines(), coloraxis: measure.colours[theme()] });
  layout.plot_bgcolor = measure.complete ? "rgba(0,0,0,0)" : page.colours.missing;
  $("grid").style.height = `${layout.height}px`;
  $("heads").classList.toggle("fits", $("heads").offsetHeight + 64 < window.innerHeight); // else it cannot be scrolled
  return Plotly.react($("grid"), data, layout, settings);
}

function outlines() {
  const ink = theme() === "dark" ? "#ffffff" : "#000000";
  const paper = theme() === "dark" ? "#000000" : "#ffffff";
  const shapes = [];
  const frame = (panel, layer, head, width, dash, last = head) => {
    const y = position(page.layers, layer);
    const axes = { xref: panel ? `x${panel + 1}` : "x", yref: panel ? `y${panel + 1}` : "y" };
    const ends = { x0: position(page.heads, head) - 0.5, x1: position(page.heads, last) + 0.5 };
    const edges = { type: "rect", ...ends, y0: y - 0.5, y1: y + 0.5, ...axes };
    shapes.push({ ...edges, line: { color: paper, width: width + 2 } }); // one of the two lines shows on any colour
    shapes.push({ ...edges, line: { color: ink, width, dash } });
  };
  page.languages.forEach((_, panel) => {
    if (state.view === "layer") frame(panel, state.layer, 0, 2, "solid", page.heads.length - 1);
    else frame(panel, state.layer, state.head, panel === state.language ? 3 : 1, "solid");
  });
  if (cursor) frame(cursor.language, cursor.layer, cursor.head, 2, "dot");
  return shapes;
}

const drawOutlines = () => Plotly.relayout($("grid"), { shapes: outlines() });

// What lies under a mouse event: a head {language, layer, head}, a layer's number {layer}, or null.
function under(event) {
  const box = $("grid").getBoundingClientRect();
  const [left, top] = [event.clientX - box.left, event.clientY - box.top];
  const full = $("grid")._fullLayout;
  for (let panel = 0; panel < page.languages.length; panel += 1) {
    const across = full[panel ? `xaxis${panel + 1}` : "xaxis"];
    const up = full[panel ? `yaxis${panel + 1}` : "yaxis"];
    const [x, y] = [left - across._offset, top - up._offset];
    if (y < 0 || y > up._length) continue;
    const layer = placeOf(page.layers, up.p2c(y));
    if (x >= 0 && x <= across._length) return { language: panel, layer, head: placeOf(page.heads, across.p2c(x)) };
    if (left < full.xaxis._offset) return { layer };
  }
  return null;
}

// A step of the cursor; past the edge of a panel comes the next panel.
function step(right, up) {
  const [layers, heads, languages] = [page.layers.length, page.heads.length, page.languages.length];
  const at = cursor || { language: state.language, layer: state.layer, head: state.head };
  const columns = gridLayout().meta.columns;
  let [panel, head, layer] = [at.language, at.head + right, at.layer + (whole(page.layers) ? up : -up)]; // named from the top
  if (head < 0 || head >= heads) {
    const next = panel + right;
    if (next < 0 || next >= languages || Math.floor(next / columns) !== Math.floor(panel / columns)) head = at.head;
    else [panel, head] = [next, (head + heads) % heads];
  }
  if (layer < 0 || layer >= layers) {
    const next = panel - up * columns;
    if (next < 0 || next >= languages) layer = at.layer;
    else [panel, layer] = [next, (layer + layers) % layers];
  }
  cursor = { language: panel, layer, head };
  drawOutlines();
  announce(`At ${headWords(cursor)}: ${numberWords(page.measures[state.measure], cell(panel, layer, head))}. Enter selects.`);
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function watchGrid() {
  const box = $("grid-box");
  box.addEventListener("click", (event) => {
    const hit = under(event);
    if (!hit) return;
    cursor = null;
    if (hit.head === undefined) select({ layer: hit.layer, view: "layer" });
    else select({ ...hit, view: "head" });
  });
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) step(...STEPS[event.key]);
    else if (event.key === "Enter" || event.key === " ") {
      const chosen = cursor || {};
      cursor = null;
      select({ ...chosen, view: "head" });
    } else if (event.key === "l" || event.key === "L") select({ layer: cursor ? cursor.layer : state.layer, view: "layer" });
    else return;
    event.preventDefault();
  });
  box.addEventListener("blur", () => {
    if (!cursor) return;
    cursor = null;
    drawOutlines();
  });
}
