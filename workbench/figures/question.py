"""The question that a figure answers, which is its title, and the line under it."""

from collections.abc import Iterable, Mapping
from html import unescape
from typing import Any

import xarray as xr

from workbench.errors import BadResult
from workbench.figures.drawing.choose import Chosen, choose
from workbench.figures.drawing.labels import axis_title, describe, escape, is_language, short_name, value_label
from workbench.results.make import ROLE, SCORE, provenance

# variable, an axis it must have (or None) -> question; the first that fits is taken.
_QUESTIONS: tuple[tuple[str, str | None, str], ...] = (
    ("importance", None, "Which attention heads matter for {language}?"),
    ("gradient", None, "Which heads raise or lower the loss of {language}?"),
    ("delta", "group", "What does switching a group off cost each language?"),
    ("delta", "head", "What does switching one head off cost {language}?"),
    ("delta", "neuron", "What does switching one neuron off cost {language}?"),
    ("p_value", None, "Where is the effect more than chance?"),
    ("role", None, "Which heads serve one language, several, or all?"),
    ("kind", "neuron", "Which neurons serve one language, several, or all?"),
    ("member", "head", "Which attention heads belong to {language}?"),
    ("member", "neuron", "Which neurons belong to {language}?"),
    ("fired", None, "How often does each neuron fire in {language}?"),
    ("entropy", "neuron", "Which neurons fire for few languages, which for all?"),
    ("entropy", "head", "How widely does each head spread its attention in {language}?"),
    ("entropy", "layer", "How uncertain is each layer about the next word?"),
    ("score", "neuron", "How language-specific is each neuron?"),
    ("share", "kind", "Which kinds of neurons fill each layer?"),
    ("effect", "target_position", "From which position to which does the answer travel?"),
    ("effect", "target_layer", "From which layer to which does the answer travel?"),
    ("effect", "head", "Which heads carry the answer?"),
    ("effect", "position", "Where in the prompt, and at which layer, is the answer?"),
    ("effect", "layer", "At which layer does the answer move?"),
    ("probability", "language", "In which language does each layer already know the answer?"),
    ("accuracy", "variant", "What is lost when parts of a question change their language?"),
    ("drop", "variant", "What is lost when parts of a question change their language?"),
    ("accuracy", "language", "How many questions does the model answer right in each language?"),
    ("agreement", "language_a", "Does the model pick the same option in two languages?"),
    ("excess", "language_a", "Do picks agree across languages beyond what the accuracies imply?"),
    ("line_pass", "language", "How often is the whole answer in the language that is due?"),
    ("tokens_per_word", "tokenizer", "How many tokens does a word take in each language?"),
    ("parity", "tokenizer", "How many more tokens does the same text take than in the pivot?"),
    ("kl", "mode", "What do predictions lose when all outputs are replaced at once?"),
    ("kl", "language", "How far apart are the two models' outputs in each language?"),
    ("distance", "head", "How far back does each head look in {language}?"),
    ("distance", "layer", "In which layer do the states of the two models part?"),
    ("harmonic", "strength", "At which layer and strength does it write in the language, and on the subject?"),
    ("necessity", "language", "How much of the task is lost without the circuit, in each language?"),
    ("sufficiency", "language", "How much of the task does the circuit do alone, in each language?"),
    ("probability", "answer", "Which concept, in which language, does patching each layer give?"),
)
_UNITS = {"head", "neuron"}


def question(chosen: Chosen) -> str:
    """The question a variable answers: its own attribute `question`, a known one, or what is drawn over which axes."""
    name = str(chosen.values.name)
    if own := chosen.values.attrs.get("question"):
        return escape(own)
    plain = name.removeprefix("pair_").removeprefix("sample_")
    for variable, axis, text in _QUESTIONS:
        if variable == plain and (axis is None or axis in chosen.dims or axis in chosen.fixed):
            return text.format(language=_language(chosen))
    what = escape(name.replace("_", " "))
    if chosen.values.attrs.get(ROLE) == SCORE and (unit := _UNITS & {*chosen.dims, *chosen.fixed}):
        return f"Which {unit.pop()}s stand out for {_language(chosen)} by {what}?"
    axes = " and ".join(axis_title(chosen.values, dim).lower() for dim in chosen.dims if not is_language(dim))
    if not any(map(is_language, chosen.dims)):
        return f"How does {what} change with {axes}?"
    return f"How does {what} differ between languages{axes and f', by {axes}'}?"


def plain_question(result: xr.Dataset, variable: str, **select: Any) -> str:
    """The question that a figure of this variable answers, as plain text for a heading outside the figure."""
    return unescape(question(choose(result, variable, select)).replace("<br>", " "))


def subtitle(result: xr.Dataset, chosen: Chosen, *, role: str = "", notes: Iterable[str] = ()) -> str:
    """What the colour means, what was selected, which model and corpus: one line, broken where long."""
    parts = [f"{role}: {describe(chosen.values)}"] if role else []
    parts += [
        value_label(dim, value) if is_language(dim) else f"{axis_title(chosen.values, dim)} {value_label(dim, value)}"
        for dim, value in chosen.fixed.items()
    ]
    parts += [*origin(result), *notes]
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) > 110:
            lines.append("")
        lines[-1] += (" · " if lines[-1] else "") + part
    return "<br>".join(lines)


def _language(chosen: Chosen) -> str:
    code = chosen.fixed.get("language")
    if code is not None:
        return value_label("language", code, short=True)
    return "each language" if "language" in chosen.dims else "the languages"


def origin(result: xr.Dataset) -> list[str]:
    """Model and corpus out of the result's provenance, which other Datasets may not have."""
    named = [f"{part} {escape(name)}" for part, name, _ in made_of(result)]
    before = model_before(recorded(result))
    return [*named[:1], f"before {escape(before)}", *named[1:]] if before and named else named


def model_before(record: Mapping[str, Any]) -> str:
    """The short name of the first of two models that a result compares, in its provenance; empty for other results."""
    given = record.get("parameters")
    before = given.get("before") if isinstance(given, Mapping) else None
    return short_name(before["name"]) if isinstance(before, Mapping) and before.get("name") else ""


def made_of(result: xr.Dataset) -> list[tuple[str, str, str]]:
    """The model and the corpus in a result's provenance: each with what it is, its name and its hash."""
    record, parts = recorded(result), (("model", "name"), ("corpus", "source"))
    abouts = [(part, key, record.get(part) or {}) for part, key in parts]
    return [
        (part, short_name(about[key]), str(about.get("hash", about[key])))
        for part, key, about in abouts
        if about.get(key)
    ]


def recorded(result: xr.Dataset) -> dict[str, Any]:
    """The provenance of a result; empty for a Dataset that has none, or a damaged one."""
    try:
        return provenance(result)
    except BadResult:
        return {}
