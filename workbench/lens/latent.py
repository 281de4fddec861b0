"""The language of the latent state: the probability of any word of each language at every layer during translation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadPairs
from workbench.lens.depth import depth_variables, entropy_and_rank
from workbench.lens.read import last_position
from workbench.lens.translations import LEVEL, Translations, name_states
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.results.statistics import interval, mean_of_known
from workbench.text.batches import Batch
from workbench.text.pairs import first_tokens


# Long: the parameters are the method's own options.
@checked
@alone
def latent(
    model: Model,
    words: pd.DataFrame | str = "words",
    *,
    source: str,
    target: str,
    languages: str | Sequence[str] | None = None,
    shots: int = 5,
    limit: int | None = None,
    tuned: xr.Dataset | None = None,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Read the last position of translation prompts at every layer: to which language do the likely words belong?

    `by_language` reads the right word of each language. Here any word counts: a token belongs to a language when it
    begins one of its words in the list, with or without a leading space, and no other language's. Tokens that begin
    words of several languages, many in related ones, are counted separately, as shared. A language with its own script
    has more tokens of its own; `chance` is what a language would get if all tokens were equally likely.

    Args:
        model: the model.
        words: frame of `load_words`, or what it reads.
        source: language to translate from.
        target: language to translate into.
        languages: those to compare; all of the words' when None. Fewer share fewer tokens.
        shots: translations shown before the question.
        limit: most concepts; all when None.
        tuned: what `tune` returned, to read with the tuned lens; the logit lens when None.

    Returns:
        `mass[language, layer]`, the probability of all tokens of a language, the mean over concepts;
        `share[language, layer]`, the share of concepts whose most likely token that begins a word is the language's;
        `shared[layer]` and `shared_share[layer]`, the same of the shared tokens; `entropy[layer]` and `rank[layer]` as
        in `depth`; each with its 95 % bootstrap interval over concepts (`mass_low` ...).
        `concept_mass[concept, language, layer]`, `concept_entropy`, `concept_rank`; `tokens[language]`, its own tokens,
        `collided[language]`, those it shares; `chance[language]`. Attributes: `asked`, the target; `lens`. Layer i is
        the state before layer i; n_layers is the model's output.

    Raises:
        UnknownLanguage: a language is not among the words.
        BadArgument: too few concepts for `shots`, or a `batch_size` below 1.
        BadPairs: no token belongs to one language alone.
        Interrupted: `partial` holds the concepts that were finished.

    Source:
        Wendler et al. 2024 (arXiv 2402.10588).

    Example:
        >>> wb.figures.curves(latent(model, source="de", target="fr"), "mass")                 # doctest: +SKIP
    """
    how = {"languages": languages, "shots": shots, "seed": seed, "limit": limit}
    made = Translations.make(model, words, source=source, target=target, batch_size=batch_size, **how)
    read, answers = made.languages, made.answers(model)
    begins = {code: _begins(model, made.frame[code].tolist()) for code in read}
    own = [sorted(_alone(begins, code)) for code in read]
    if not any(own):
        raise BadPairs(
            f"every token that begins a word of {', '.join(read)} begins another language's too; give fewer "
            "languages, or languages of other scripts"
        )
    groups = [*own, sorted(frozenset().union(*begins.values()).difference(*own))]  # the last one: shared tokens
    shape = (len(answers), len(groups), model.n_layers + 1)
    mass, best = np.full(shape, np.nan), np.full(shape, np.nan)
    sure = np.full((2, len(answers), model.n_layers + 1), np.nan)  # entropy and rank

    def run(batch: Batch) -> None:
        rows = list(batch.rows)
        mass[rows], best[rows], sure[:, rows] = _read(model, batch, groups, [answers[row] for row in rows], tuned)

    state = {"mass": mass, "best": best, "sure": sure}
    loop = made.read(model, run, state, what="latent language", progress=progress)
    counts = {
        "tokens": [len(tokens) for tokens in own],
        "collided": [len(begins[code]) - len(tokens) for code, tokens in zip(read, own, strict=True)],
        "chance": [len(tokens) / model.n_vocabulary for tokens in own],
    }
    parameters = {"source": made.source, "target": made.target, "shots": shots, "languages": read}
    variables = _variables(mass, _firsts(best), counts, seed, made.clusters)
    result = make_result(
        {**variables, **depth_variables(sure, seed, made.clusters)},
        {"language": read, "concept": list(made.prompts)},
        method="lens.latent",
        parameters={**parameters, "tuned": tuned is not None, "level": LEVEL},
        model=model.info,
        corpus=made.info(),
        seed=seed,
        attrs={"asked": made.target, "lens": "logit" if tuned is None else "tuned"},
    )
    name_states(result, model)
    result.mass.attrs["question"] = "Whose words would each layer say?"
    result.share.attrs["question"] = "In which language is each layer's most likely word?"
    return loop.result(result)


def _read(
    model: Model, batch: Batch, groups: list[list[int]], answers: list[list[int]], tuned: xr.Dataset | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read one batch of prompts at every layer.

    Returns:
        Sum and maximum of each group's probabilities, both [sample, group, layer]; entropy and rank [2, sample, layer].
    """
    mass, best = np.full((2, len(batch), len(groups), model.n_layers + 1), np.nan)
    sure = np.full((2, len(batch), model.n_layers + 1), np.nan)
    for layer, probabilities in last_position(model, batch, tuned):
        sure[:, :, layer] = entropy_and_rank(probabilities, answers)
        for group, tokens in enumerate(groups):
            if tokens:
                own = probabilities[:, tokens].double()
                mass[:, group, layer], best[:, group, layer] = own.sum(-1).cpu(), own.amax(-1).cpu()
    return mass, best, sure


def _begins(model: Model, words: list[str]) -> frozenset[int]:
    """Every token that begins a word of one language."""
    return frozenset().union(*(first_tokens(model.tokenizer, str(word)) for word in words))


def _alone(begins: dict[str, frozenset[int]], language: str) -> frozenset[int]:
    """The tokens that begin this language's words and no other's."""
    return begins[language].difference(*(theirs for code, theirs in begins.items() if code != language))


def _firsts(best: np.ndarray) -> np.ndarray:
    """1 for the group with the most likely token, divided equally among groups that tie: [concept, group, layer].

    0 for the other groups; NaN for those without tokens.
    """
    level = best == np.nanmax(best, axis=1, keepdims=True, initial=-1.0)
    return np.where(np.isnan(best), np.nan, level / np.maximum(level.sum(1, keepdims=True), 1))


def _variables(
    mass: np.ndarray, first: np.ndarray, counts: dict[str, list[float]], seed: int, clusters: np.ndarray
) -> Variables:
    """Means over the finished concepts, and their intervals; of languages, and of the last group, shared tokens."""
    axes = ("language", "layer")
    variables: Variables = {
        "concept_mass": (("concept", *axes), mass[:, :-1], "probability of all tokens of the language [probability]"),
        "tokens": (("language",), counts["tokens"], "tokens that begin words of this language alone [tokens]"),
        "collided": (("language",), counts["collided"], "tokens that begin words of other languages too [tokens]"),
        "chance": (("language",), counts["chance"], "its share of all tokens [probability]"),
    }
    for name, also, values, text in (
        ("mass", "shared", mass, "probability of all tokens of the language, mean over concepts [probability]"),
        ("share", "shared_share", first, "share of concepts whose most likely word is the language's"),
    ):
        mean = mean_of_known(values)
        low, high = interval(values, seed=seed, level=LEVEL, clusters=clusters[:, None, None])
        for end, numbers, words in (
            ("", mean, text),
            ("_low", low, "lower end of the 95 % bootstrap interval over concepts"),
            ("_high", high, "upper end of the 95 % bootstrap interval over concepts"),
        ):
            variables[name + end] = (axes, numbers[:-1], words)
            variables[also + end] = (("layer",), numbers[-1], words.replace("the language", "several languages"))
    return variables
