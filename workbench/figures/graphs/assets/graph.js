// The picture of a graph: the selected node and its edges stand out, everything else steps back.
"use strict";

const state = { graph: 0, node: 0 };
const visited = []; // nodes before the selected one, of this graph
const graph = () => page.graphs[state.graph];
const nodes = () => graph().nodes;

// Edges of a node, strongest first: {node, weight}; `end` is "source" for edges into it and "target" for edges out of it.
function edgesOf(node, end) {
  const { edges } = graph();
  const own = edges[end === "source" ? "target" : "source"];
  const found = [];
  own.forEach((place, k) => { if (place === node) found.push({ node: edges[end][k], weight: edges.weight[k] }); });
  return found.slice(0, page.listed);
}

// The edges of the selected node as lines of their own, a colour a sign, and a ring around the node.
function highlight() {
  const { x, y } = nodes();
  const near = [...edgesOf(state.node, "source"), ...edgesOf(state.node, "target")];
  const line = (sign) => {
    const own = near.filter(({ weight }) => (weight > 0) === (sign === "raises"));
    const ends = (axis) => own.flatMap(({ node }) => [axis[state.node], axis[node], null]);
    return { x: ends(x), y: ends(y), mode: "lines", line: { color: page.colours[sign], width: 3 } };
  };
  const ink = theme() === "dark" ? "#ffffff" : "#000000";
  const ring = { symbol: "circle-open", size: 30, color: ink, line: { width: 3 } };
  const extra = [line("raises"), line("lowers"), { x: [x[state.node]], y: [y[state.node]], mode: "markers", marker: ring }];
  return extra.map((trace) => ({ ...trace, type: "scatter", hoverinfo: "skip", showlegend: false }));
}

function drawGraph() {
  const { data: traces, layout } = clone(graph().figure);
  const data = traces.filter((trace) => trace.mode === "lines" || trace.customdata); // else a point in the middle of an edge may hide a node
  const first = data.findIndex((trace) => trace.customdata); // nodes lie on the edges of the selected one
  for (const trace of data) if (trace.mode === "lines") trace.opacity *= 0.65;
  data.splice(first, 0, ...highlight());
  const box = $("plot-box").clientWidth;
  const width = Math.max(layout.width - layout.margin.r, box);
  Object.assign(layout, { template: template(), width, showlegend: false });
  layout.margin = { ...layout.margin, t: 8, r: 24 };
  const plot = $("plot");
  plot.style.width = `${width}px`;
  layout.height -= 56; // the title and the legend stand on the page
  plot.style.height = `${layout.height}px`;
  return Plotly.react(plot, data, layout, { ...settings, responsive: false }).then(scrollToNode);
}

// Where the picture is wider than the window, the selected node comes into view.
function scrollToNode() {
  const [box, { xaxis }] = [$("plot-box"), $("plot")._fullLayout];
  const at = xaxis._offset + xaxis.l2p(nodes().x[state.node]);
  if (at < box.scrollLeft + 40 || at > box.scrollLeft + box.clientWidth - 40) box.scrollLeft = at - box.clientWidth / 2;
}

// The node of a number in the whole graph.
const placeOf = (number) => nodes().number.indexOf(number);

// Nodes of a height, from the left.
function row(y) {
  const { layer, x } = nodes();
  return layer.map((_, place) => place).filter((place) => layer[place] === y).sort((a, b) => x[a] - x[b]);
}

// The node that an arrow key leads to; the same one at the border.
function neighbour(key) {
  const { layer, x } = nodes();
  const here = layer[state.node];
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const beside = row(here);
    const at = beside.indexOf(state.node) + (key === "ArrowRight" ? 1 : -1);
    return beside[Math.min(beside.length - 1, Math.max(0, at))];
  }
  const up = key === "ArrowUp";
  const heights = [...new Set(layer)].filter((other) => (up ? other > here : other < here)).sort((a, b) => (up ? a - b : b - a));
  if (!heights.length) return state.node;
  return row(heights[0]).reduce((best, place) => (Math.abs(x[place] - x[state.node]) < Math.abs(x[best] - x[state.node]) ? place : best));
}

function watchGraph() {
  $("plot").on("plotly_click", ({ points }) => {
    const node = points.find((point) => point.customdata !== undefined);
    if (node) select({ node: placeOf(node.customdata) });
  });
  $("plot-box").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = nodes().kind.indexOf("target");
    const moves = { Home: target, Backspace: visited.length ? visited.at(-1) : state.node };
    const node = event.key.startsWith("Arrow") ? neighbour(event.key) : moves[event.key];
    if (node === undefined) return;
    event.preventDefault();
    if (event.key === "Backspace" && visited.length) {
      visited.pop();
      select({ node }, false);
    } else if (node !== state.node) select({ node });
  });
}
