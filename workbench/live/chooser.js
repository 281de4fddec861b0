// The chosen head under the arrow keys, and a sentence about it that screen readers speak.
// It also tells Python how wide the page is and whether it is dark, so that the figures can follow.
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };

function move(model, key) {
  const layer = model.get("layer") + STEPS[key][0];
  const head = model.get("head") + STEPS[key][1];
  if (layer < 0 || head < 0 || layer >= model.get("layers") || head >= model.get("heads")) return;
  model.set({ layer, head });
  model.save_changes();
}

function isDark() {
  const light = document.body.dataset.jpThemeLight; // JupyterLab's; other pages follow the system
  return light ? light === "false" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function render({ model, el }) {
  const pad = document.createElement("div");
  const status = document.createElement("p");
  pad.className = "wb-chooser";
  pad.tabIndex = 0;
  pad.hidden = !model.get("layers"); // no heads to choose among: the sentence alone
  pad.setAttribute("role", "application");
  pad.setAttribute("aria-label", "Chosen head: left and right change the head, up and down the layer");
  status.className = "wb-status";
  status.setAttribute("role", "status");
  el.append(pad, status);

  const show = () => {
    pad.textContent = `Layer ${model.get("layer")} · head ${model.get("head")}`;
    status.textContent = model.get("status");
  };
  model.on("change:layer change:head change:status", show);
  show();
  pad.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    move(model, event.key);
  });

  let waiting;
  const follow = () => {
    clearTimeout(waiting);
    if (!el.clientWidth) return; // a hidden tab
    const drawn = (el.closest(".wb-live") ?? document).querySelectorAll(".js-plotly-plot .svg-container").length;
    if (drawn < model.get("figures")) {
      waiting = setTimeout(follow, 200); // a figure whose script is still loading would miss the change
      return;
    }
    model.set({ width: el.clientWidth, dark: isDark() });
    model.save_changes();
  };
  const keepKeys = ({ target }) => {
    // JupyterLab takes the arrow keys to move between cells, from menus too, unless the element has this attribute.
    if (target === pad || (target.matches("select") && target.closest(".wb-live"))) {
      target.dataset.lmSuppressShortcuts = "true";
    }
  };
  document.addEventListener("focusin", keepKeys);
  const theme = new MutationObserver(follow);
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  const room = new ResizeObserver(follow);
  room.observe(el);
  return () => {
    clearTimeout(waiting);
    document.removeEventListener("focusin", keepKeys);
    theme.disconnect();
    room.disconnect();
  };
}

export default { render };
