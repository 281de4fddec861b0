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
  const plots = [];
  const drawn = [];
  const theme = () => (dark.matches ? themes.dark : themes.light);

  for (const holder of document.querySelectorAll("script[data-figure]")) {
    const plot = document.getElementById(holder.dataset.figure);
    const figure = JSON.parse(holder.textContent);
    figure.layout.template = theme();
    figure.layout.autosize = !figure.layout.width;
    plots.push([plot, figure.layout.width || null]);
    drawn.push(Plotly.newPlot(plot, figure.data, figure.layout, settings));
  }
  Promise.all(drawn).then(() => { document.documentElement.dataset.drawn = String(drawn.length); });

  dark.addEventListener("change", () => plots.forEach(([plot]) => Plotly.relayout(plot, { template: theme() })));
  window.addEventListener("beforeprint", () =>
    plots.forEach(([plot]) => Plotly.relayout(plot, { template: themes.light, width: printed }))
  );
  window.addEventListener("afterprint", () =>
    plots.forEach(([plot, width]) => Plotly.relayout(plot, { template: theme(), width, autosize: !width }))
  );
})();
