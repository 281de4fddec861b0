(() => {
  "use strict";
  const themes = JSON.parse(document.getElementById("themes").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const settings = {
    responsive: true,
    displaylogo: false,
    plotlyServerURL: "", // no button of plotly may send a figure anywhere
    modeBarButtonsToRemove: ["sendChartToCloud", "lasso2d", "select2d"],
    modeBarButtonsToAdd: [
      {
        name: "svg",
        title: "Download as SVG",
        icon: Plotly.Icons.disk,
        click: (plot) => Plotly.downloadImage(plot, { format: "svg", filename: plot.id }),
      },
    ],
  };
  const printed = 680; // pixels of an A4 page between its margins
  const phone = window.matchMedia("(max-width: 600px)");
  const touched = window.matchMedia("(hover: none)");
  const GAP = 30; // pixels between rows of panels, for their titles
  const BARE = { title: { text: "" }, showticklabels: false, ticks: "" };
  const plots = [];
  const drawn = [];
  const theme = () => (dark.matches ? themes.dark : themes.light);

  // Panels of one kind below each other in two columns, for a phone; returns the height of the plot in pixels.
  function inColumns(layout, names, height) {
    const of = (name) => [layout[name], layout[name.replace("x", "y")], layout.annotations[names.indexOf(name)]];
    const rows = Math.ceil(names.length / 2);
    const panel = (layout.yaxis.domain[1] - layout.yaxis.domain[0]) * height;
    const total = rows * panel + (rows - 1) * GAP;
    const outer = ({ title, showticklabels, ticks }) => ({ title, showticklabels, ticks });
    const [left, lowest] = [outer(layout.yaxis), outer(of(names[names.length - 1])[0])];
    names.forEach((name, index) => {
      const [across, up, title] = of(name);
      const [row, column] = [Math.floor(index / 2), index % 2];
      const top = 1 - (row * (panel + GAP)) / total;
      Object.assign(across, index + 2 < names.length ? BARE : lowest, { domain: column ? [0.53, 1] : [0, 0.47] });
      Object.assign(up, column ? BARE : left, { domain: [Math.max(top - panel / total, 0), top] });
      Object.assign(title, { x: column ? 0.765 : 0.235, y: top });
    });
    return total;
  }

  // A layout as wide as a phone, the legend below and the colour scale above; null where panels differ.
  function forPhone({ data, layout: wide }) {
    const layout = structuredClone(wide);
    const names = Object.keys(layout).filter((name) => /^xaxis\d*$/.test(name)).sort((a, b) => (a.slice(5) || 1) - (b.slice(5) || 1));
    const alike = (layout.annotations || []).length === names.length && names.slice(1).every((name) => layout[name].matches);
    const { t = 40, b = 60 } = layout.margin || {};
    let height = (layout.height || 450) - t - b;
    if (names.length > 1 && !alike) return null;
    if (names.length > 1) height = inColumns(layout, names, height);
    const entries = new Set(data.filter((trace) => trace.showlegend !== false && trace.type !== "heatmap" || trace.showlegend).map((trace) => trace.name));
    const beside = [...entries].every((name) => name && name.length < 13) ? 2 : 1; // that fit beside each other
    const keys = entries.size > 1 || layout.legend ? 22 * Math.ceil(entries.size / beside) + 34 : 0;
    const scale = layout.coloraxis ? 44 : 0;
    if (keys) layout.legend = { ...layout.legend, orientation: "h", x: 0, xanchor: "left", y: 0, yref: "container", yanchor: "bottom", title: { ...(layout.legend || {}).title, side: "top" }, entrywidth: 0.98 / beside, entrywidthmode: "fraction" };
    if (scale) {
      const bar = layout.coloraxis.colorbar;
      const title = { ...bar.title, side: "right" };
      layout.coloraxis.colorbar = { ...bar, title, orientation: "h", x: 0, xanchor: "left", y: 1, yref: "container", yanchor: "top", lenmode: "fraction", len: 0.8, thickness: 9, ypad: 4 };
    }
    const margin = { l: 10, r: 12, t: scale + (names.length > 1 ? 26 : 12), b: b + keys };
    return Object.assign(layout, { width: null, margin, height: height + margin.t + margin.b });
  }

  function draw(plot, figure) {
    const small = phone.matches ? forPhone(figure) : null;
    const printedCells = figure.data.some((trace) => trace.texttemplate);
    const least = small && printedCells ? 44 * (small.xaxis.ticktext || []).length + 130 : 0;
    const layout = small || structuredClone(figure.layout);
    plot.style.minWidth = small ? `${least}px` : figure.least;
    plot.style.height = `${layout.height || 450}px`;
    return Plotly.react(plot, figure.data, { ...layout, template: theme(), autosize: !layout.width }, settings);
  }

  // A click on a head opens it in the explorer; where nothing can be pointed at, the second tap on a cell.
  function follow(plot) {
    let before = "";
    plot.on("plotly_click", ({ points: [point], event }) => {
      const head = new URLSearchParams({ layer: point.y, head: point.x, view: "head" });
      if (point.data.meta && point.data.meta.language) head.set("language", point.data.meta.language);
      const first = before !== String(head);
      before = String(head);
      if (first && touched.matches) return;
      window.open(`${plot.dataset.explorer}#${head}`, event.ctrlKey || event.metaKey ? "_blank" : "_self");
    });
  }

  for (const holder of document.querySelectorAll("script[data-figure]")) {
    const plot = document.getElementById(holder.dataset.figure);
    const figure = JSON.parse(holder.textContent);
    figure.least = plot.style.minWidth;
    plots.push([plot, figure]);
    drawn.push(draw(plot, figure));
    if (plot.dataset.explorer) follow(plot);
  }
  Promise.all(drawn).then(() => { document.documentElement.dataset.drawn = String(drawn.length); });

  phone.addEventListener("change", () => plots.forEach(([plot, figure]) => draw(plot, figure)));
  dark.addEventListener("change", () => plots.forEach(([plot]) => Plotly.relayout(plot, { template: theme() })));
  window.addEventListener("beforeprint", () =>
    plots.forEach(([plot]) => Plotly.relayout(plot, { template: themes.light, width: printed }))
  );
  window.addEventListener("afterprint", () =>
    plots.forEach(([plot, figure]) => draw(plot, figure))
  );
})();
