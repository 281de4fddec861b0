// What every page has: its data, its theme, and what its parts are made of.
"use strict";

const $ = (id) => document.getElementById(id);
const page = {};

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const round = (value, digits = 3) => (Number.isFinite(value) ? String(Number(value.toPrecision(digits))) : "–");
const element = (name, text = "", options = {}) => Object.assign(document.createElement(name), { textContent: text, ...options });
const announce = (words) => { $("status").textContent = words; };

async function unpacked(id) {
  const stream = new Blob([bytes($(id).textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

async function readData(id = "data") {
  Object.assign(page, await unpacked(id));
}

const toSvg = {
  name: "svg",
  title: "Download as SVG",
  icon: Plotly.Icons.disk,
  click: (plot) => Plotly.downloadImage(plot, { format: "svg", filename: plot.id || "figure" }),
};
const settings = { responsive: true, displaylogo: false, modeBarButtons: [[toSvg]], plotlyServerURL: "" };
const narrow = window.matchMedia("(max-width: 600px)");
const theme = () => document.documentElement.dataset.theme;
const template = () => page.themes[theme()];
const clone = (value) => JSON.parse(JSON.stringify(value));

// Follow the system or the reader's choice; draw again when either changes, or the window becomes narrow or wide.
function watchTheme(draw) {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const use = () => {
    const choice = $("theme").value;
    document.documentElement.dataset.theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
  };
  const redraw = () => {
    use();
    draw();
  };
  use();
  $("theme").addEventListener("change", redraw);
  dark.addEventListener("change", redraw);
  narrow.addEventListener("change", redraw);
}

$("down").addEventListener("click", () => $("detail").scrollIntoView({ block: "start" }));
