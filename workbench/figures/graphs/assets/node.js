// The panel of the selected node: facts, effects, edges, contexts; and the table of all nodes.
"use strict";

const isolated = (text) => `\u2068${text}\u2069`;
const signed = (value) => (Number.isFinite(value) ? (value > 0 ? "+" : "") + round(value) : "–");
const capital = (words) => words[0].toUpperCase() + words.slice(1);

function facts(node) {
  const { kind, layer, position, token, feature, activation, influence, probability } = nodes();
  const rows = [["Kind", kind[node]]];
  if (layer[node] >= 0 && kind[node] !== "target") rows.push(["Layer", String(layer[node])]);
  if (kind[node] === "feature") rows.push(["Feature", String(feature[node])]);
  if (position[node] >= 0) rows.push(["Position", `${position[node]}, ${isolated(`“${token[node]}”`)}`]);
  for (const [name, values] of [["Activation", activation], ["Influence", influence], ["Probability", probability]]) {
    if (Number.isFinite(values[node]) && (kind[node] !== "target" || values !== influence)) rows.push([name, round(values[node])]);
  }
  return rows;
}

function drawNode() {
  const { name } = nodes();
  $("node-title").textContent = capital(name[state.node]);
  $("facts").replaceChildren(...facts(state.node).flatMap(([title, words]) => [element("dt", title), element("dd", words)]));
  drawEffects();
  drawEdges("incoming", "source", "Edges in");
  drawEdges("outgoing", "target", "Edges out");
  drawContexts();
}

function drawEffects() {
  const { direct, total, measured, kind } = nodes();
  const own = kind[state.node] !== "target";
  $("effects-title").hidden = $("effects").hidden = !own;
  if (!own) return;
  const seen = measured.some((value) => value !== null);
  const head = element("tr");
  for (const words of ["Target", "direct", "total", ...(seen ? ["measured"] : [])]) head.append(element("th", words, { scope: "col" }));
  const rows = graph().targets.map((target, k) => {
    const line = element("tr");
    line.append(element("th", target, { scope: "row" }));
    const values = [direct[state.node][k], total[state.node][k], ...(seen ? [k ? null : measured[state.node]] : [])];
    for (const value of values) line.append(element("td", signed(value)));
    return line;
  });
  const [top, body] = [element("thead"), element("tbody")];
  top.append(head);
  body.append(...rows);
  $("effects").replaceChildren(top, body);
}

// A list of the strongest edges on one side; each leads to the node at its other end.
function drawEdges(side, end, words) {
  const edges = edgesOf(state.node, end);
  const count = nodes()[side][state.node];
  $(`${side}-title`).textContent = `${words}: ${count ? `${edges.length} of ${count}` : "none"}`;
  $(side).replaceChildren(...edges.map(({ node, weight }) => {
    const item = element("li");
    const bar = element("span", "", { className: "bar" });
    bar.style.background = page.colours[weight > 0 ? "raises" : "lowers"];
    const button = element("button", nodes().name[node], { className: "link" });
    button.addEventListener("click", () => {
      select({ node });
      $("node-title").scrollIntoView({ block: "nearest" });
      const next = $(side).querySelector("button");
      if (next) next.focus(); // so that a key can go on
    });
    item.append(bar, element("span", signed(weight), { className: "number" }), button);
    return item;
  }));
}

function drawContexts() {
  const { kind, layer, feature } = nodes();
  const isFeature = kind[state.node] === "feature" && page.contexts;
  $("contexts").hidden = !isFeature;
  if (!isFeature) return;
  const languages = page.contexts[`${layer[state.node]}/${feature[state.node]}`];
  if (!languages) {
    $("languages").replaceChildren(element("p", "No contexts of this feature were given.", { className: "hint" }));
    return;
  }
  const largest = Math.max(...languages.flatMap(({ texts }) => texts.map(({ activation }) => activation)));
  $("languages").replaceChildren(...languages.flatMap((entry) => {
    const title = element("h4", `${entry.name} `);
    const percent = `${round(100 * entry.rate, 2)} % of tokens`;
    title.append(element("span", entry.texts.length ? `active at ${percent}` : "never active"));
    return [title, ...entry.texts.map((text) => context(text, entry, largest))];
  }));
}

// A text around its strongest token, which is marked; the stronger a token, the darker.
function context({ pieces, values, peak, activation, row: line }, { tag, direction }, largest) {
  const paragraph = element("p", "", { className: "context", dir: direction, title: `text ${line}, activation ${round(activation)}` });
  if (tag) paragraph.lang = tag;
  pieces.forEach((piece, k) => {
    const part = element(k === peak ? "mark" : "span", piece, { title: round(values[k]) });
    const share = largest ? Math.min(1, (values[k] || 0) / largest) : 0;
    if (share > 0.02) part.style.backgroundColor = `rgba(var(--mark), ${(0.08 + 0.5 * share).toFixed(2)})`;
    paragraph.append(part);
  });
  return paragraph;
}

function drawTable() {
  const { name, kind, activation, influence, direct, total } = nodes();
  const head = element("tr");
  const [target] = graph().targets;
  const columns = ["Node", "activation", "influence", ...(target ? [`direct effect on ${target}`, "total effect"] : [])];
  for (const words of columns) head.append(element("th", words, { scope: "col" }));
  const order = name.map((_, place) => place).sort((a, b) => (influence[b] || 0) - (influence[a] || 0));
  const rows = order.map((place) => {
    const line = element("tr");
    const first = element("th", "", { scope: "row" });
    const button = element("button", name[place], { className: "link" });
    button.addEventListener("click", () => select({ node: place }));
    first.append(button);
    const effects = kind[place] === "target" ? [NaN, NaN] : [direct[place][0], total[place][0]];
    line.append(first, element("td", round(activation[place])), element("td", round(influence[place])));
    if (target) line.append(...effects.map((value) => element("td", signed(value))));
    return line;
  });
  const [top, body] = [element("thead"), element("tbody")];
  top.append(head);
  body.append(...rows);
  $("table").replaceChildren(top, body);
}
