// The data of the page: read by language, layer and head.
"use strict";

const floats = (text) => new Float32Array(bytes(text).buffer);
const finite = (value) => (Number.isFinite(value) ? value : null);

// Arrays in `page` as numbers, once its data are there.
function unpackArrays() {
  for (const measure of page.measures) {
    for (const name of ["values", ...measure.companions]) measure[name] = floats(measure[name]);
  }
  if (page.kinds) {
    page.kinds.kind = bytes(page.kinds.kind);
    page.kinds.share = floats(page.kinds.share);
    page.kinds.uniform = floats(page.kinds.uniform);
  }
  if (page.roles && page.roles.certainty) page.roles.certainty = floats(page.roles.certainty);
  if (page.patterns) page.patterns.values = bytes(page.patterns.values);
}

// The index of a head in an array [language, layer, head]; all three are places on the axes, not names.
const cell = (language, layer, head) => (language * page.layers.length + layer) * page.heads.length + head;

const attentionWords = (value) => value.toFixed(2);
const language = (code) => page.names.find((entry) => entry.code === code) || { name: code, short: code };
const pValue = (value) => (value < 0.001 ? "p < 0.001" : `p = ${round(value, 2)}`);

// "0.034 nats (95% interval 0.027 to 0.040), p < 0.001 that delta is 0, corrected"
function numberWords(measure, at) {
  const value = measure.values[at];
  if (!Number.isFinite(value)) return "not measured";
  const parts = [`${round(value)} ${measure.units}`.trim()];
  if (measure.low && Number.isFinite(measure.low[at])) parts[0] += ` (${measure.interval} ${round(measure.low[at])} to ${round(measure.high[at])})`;
  if (measure.p_value && Number.isFinite(measure.p_value[at])) parts.push(`${pValue(measure.p_value[at])} ${measure.tested}`.trim(), "corrected");
  return parts.join(", ");
}

const LOOKS = {
  previous: "the token before",
  first: "the first token",
  current: "the token itself",
  same: "earlier occurrences of the same token",
  induction: "what followed earlier occurrences of the token (induction)",
};

// What the head attends to more than even attention would, in words; null where it was not measured.
function kindWords(place, layer, head) {
  if (!page.kinds) return null;
  const at = cell(place, layer, head);
  const kind = page.kinds.kind[at];
  if (kind >= page.kinds.names.length) return { kind: "none", words: "none of the known kinds" };
  const name = page.kinds.names[kind];
  const even = page.kinds.uniform[kind * page.languages.length + place];
  const share = attentionWords(page.kinds.share[at]);
  return { kind: name, words: `attends to ${LOOKS[name]}: ${share} of its attention, ${attentionWords(even)} if attention were even` };
}

function roleWords(layer, head) {
  if (!page.roles) return null;
  const role = page.roles.role[layer][head];
  if (!role) return null;
  const owner = page.roles.language && page.roles.language[layer][head];
  const members = page.roles.members ? page.roles.members[layer][head].map((code) => language(code).short) : [];
  const sure = page.roles.certainty ? page.roles.certainty[layer * page.heads.length + head] : NaN;
  const words = {
    specific: `specific to ${owner ? language(owner).short : "one language"}`,
    shared: `shared by ${members.join(", ") || "several languages"}`,
    general: `general: stands out for ${members.length || "many"} languages`,
    none: "stands out for no language",
  }[role] || role;
  return words + (Number.isFinite(sure) ? ` (the same in ${Math.round(100 * sure)} % of redrawn scores)` : "");
}
