// The lens of sentences: the token that every layer would predict after each token of a text.
"use strict";

function drawLens() {
  const { grids, hover, words } = page.lens.texts[state.text];
  const { data, layout, question, under } = clone(grids[state.shade]);
  $("lens-title").textContent = question;
  $("lens-under").textContent = under;
  for (const trace of data) trace.hovertext = hover;
  Plotly.react($("lens"), data, { ...layout, template: template() }, settings);
  $("lens").setAttribute("aria-label", words);
}

const lensWords = () => page.lens.texts[state.text].words;
