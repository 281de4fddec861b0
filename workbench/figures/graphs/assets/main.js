// The selection of the page, in the address after the #, so that a link shows the same.
"use strict";

function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  const at = Number(address.get("graph") || 0);
  const chosen = page.graphs[at] ? at : 0;
  const node = page.graphs[chosen].nodes.number.indexOf(Number(address.get("node") ?? -1));
  return { graph: chosen, node: node >= 0 ? node : first(chosen) };
}

// The first target, from which everything can be followed back.
const first = (at) => Math.max(0, page.graphs[at].nodes.kind.indexOf("target"));

// Change the selection, show it and announce it.
function select(change, remember = true) {
  const other = change.graph !== undefined && change.graph !== state.graph;
  if (other) visited.length = 0;
  else if (remember && change.node !== undefined && change.node !== state.node) visited.push(state.node);
  Object.assign(state, change);
  $("graph").value = state.graph;
  $("picture-title").textContent = `How the prompt leads to ${graph().targets.join(", ")}`;
  $("note").textContent = graph().note;
  if (other || !$("table").rows.length) drawTable();
  drawNode();
  const drawing = drawGraph();
  history.replaceState(null, "", `#${new URLSearchParams([["graph", state.graph], ["node", nodes().number[state.node]]])}`);
  const words = facts(state.node).slice(1).map(([title, value]) => `${title.toLowerCase()} ${value}`).join("; ");
  announce(`${capital(nodes().name[state.node])}: ${words}.`);
  return drawing;
}

async function begin() {
  await readData();
  $("graph").replaceChildren(...page.graphs.map(({ name }, value) => element("option", name, { value })));
  $("graph").addEventListener("change", () => {
    const at = Number($("graph").value);
    select({ graph: at, node: first(at) });
  });
  $("legend").replaceChildren(...page.legend.map(([words, letter, colour]) => {
    const entry = element("span");
    const symbol = element("b", `${letter} `);
    symbol.style.color = colour;
    entry.append(symbol, words);
    return entry;
  }));
  $("main").hidden = false;
  watchTheme(drawGraph);
  Object.assign(state, readAddress());
  await select({});
  watchGraph();
  window.addEventListener("hashchange", () => select(readAddress()));
  document.documentElement.dataset.drawn = "yes";
}

begin();
