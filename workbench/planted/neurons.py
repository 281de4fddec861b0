"""Planted neurons: a model in which it is known which neuron fires for one, some or all languages."""

from collections.abc import Sequence

import numpy as np
import torch

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.planted.blank import BALLAST, Space, Writer
from workbench.planted.lexicon import codes, make_words
from workbench.planted.planted import Planted, make_planted
from workbench.results.make import Variables
from workbench.text.corpus import Corpus

_POWER = BALLAST**2 + 2  # squared length of an embedding: the ballast, a concept, a language
_SURE = 4.0  # weight of the unembedding for what neurons wrote
_TOP, _BAR = 0.01, 0.95  # the published defaults that the numbers of neurons fit
_MOST = 0.4  # share of the concepts for which an ordinary neuron fires, at most
_LEAST = 0.7  # the same for a planted one, at least


@checked
@torch.no_grad()
def neurons(
    languages: str | Sequence[str] = "de,en,fr,it",
    *,
    layers: int = 4,
    neurons: int = 300,
    specific: int = 2,
    related: int | None = None,
    general: int | None = None,
    noise: float = 0.0,
    texts: int = 24,
    concepts: int = 20,
    seed: int = 0,
) -> Planted:
    """Build a model whose neurons fire for one, some or all languages, as you choose.

    The grammar. A text is a sequence of concepts, each as its word in the text's language; aligned texts have the same
    concepts. Nothing predicts which concept comes next, and everything which language.

    The construction. Token: a word is the sum of two dimensions, its concept's (shared by all languages) and its
    language's; nothing writes there. A neuron's gate is the sum over its languages' dimensions, plus the sum over its
    concepts', less one and a half: it fires for a word when language and concept are both its own, and the margin is
    one half. Its up projection reads the ballast, which is the same for all tokens. A planted neuron has one
    (*specific*), two (*related*) or all languages (*general*), and most of the concepts. An ordinary neuron has all
    languages and few concepts: its rates are the same in all languages. Language-out: specific and related neurons
    write to their languages' dimensions of a third set, which the unembedding of each word reads; general
    neurons to one dimension that all words share. Ordinary neurons write nothing. Heads write nothing.

    Why a neuron has exactly no effect on other languages. Its gate is below zero there, the activation is ReLU, and
    the norms are the identity on embeddings and only rescale a position later (`blank.blank`), which changes no sign:
    it writes exactly zero.

    The numbers. By default they are those for which the published settings (the lowest 1 % of entropies, a bar at 95 %
    of all rates) are exactly right: specific and related neurons are 1 % of all, and with the general ones
    they hold the highest 5 % of the rates. With other numbers take `top_rate` and `bar` from the truth's attributes.

    Args:
        languages: codes, at least two.
        layers: number of layers.
        neurons: neurons per layer.
        specific: neurons of each language alone.
        related: neurons of two languages, neighbours in the order given, in turn; as many as fill 1 % when None.
        general: neurons of all languages; as many as fill the highest 5 % of rates when None.
        noise: normal noise on every weight, relative to the root mean square of its matrix.
        texts: texts per language.
        concepts: how many concepts there are.
        seed: of places, concepts of neurons, texts, and noise.

    Returns:
        Planted. `truth` has `member[language, layer, neuron]`, the specific and related ones (those that LAPE and the
        ternary classes call members), `serves[language, layer, neuron]`, the same with the general ones, and
        `kind[layer, neuron]` in specific, related, general, other; attributes `top_rate` and `bar`.

    Raises:
        UnknownLanguage: a code that no language has.
        TooFewLanguages: fewer than two languages; related neurons need three.
        BadArgument: a number out of range, or more neurons planted than there are.

    Example:
        >>> from workbench import planted
        >>> made = planted.neurons("de,en,fr", seed=1)                        # doctest: +SKIP
        >>> wb.neurons.lape(wb.neurons.firing(made.model, made.corpus))       # doctest: +SKIP
    """
    spoken = codes(languages)
    shape = (whole_number("layers", layers, at_least=1), whole_number("neurons", neurons, at_least=1))
    texts, concepts = whole_number("texts", texts, at_least=1), whole_number("concepts", concepts, at_least=10)
    groups, rates = _groups(spoken, shape, whole_number("specific", specific, at_least=0), related, general)
    rng = np.random.default_rng(seed)
    places = rng.permutation(shape[0] * shape[1])[: len(groups)]
    serves = np.zeros((len(spoken), shape[0] * shape[1]), bool)
    for place, group in zip(places, groups, strict=True):
        serves[[spoken.index(code) for code in group], place] = True
    words = make_words(spoken, concepts)
    corpus = _texts(words, texts, seed)

    space = Space()
    concept, language = space.take(concepts), space.take(len(spoken))
    written, word = space.take(len(spoken)), space.take(1)[0]  # by neurons: the language, that a word comes
    sizes = {"layers": shape[0], "heads": 2, "neurons": shape[1], "copied": 4}
    writer = Writer(list(words.to_numpy().ravel()), space, seed=seed, power=_POWER, **sizes)
    writer.embed("<bos>", {space.bos: 2**0.5})
    for k, code in enumerate(spoken):
        for c, name in enumerate(words[code]):
            writer.embed(name, {concept[c]: 1.0, language[k]: 1.0})
            writer.unembed(name, {written[k]: _SURE, word: _SURE})
    fires = _fires(serves, concepts, rng)
    general_count = max(1, int(serves.all(0).sum()))
    for layer in range(shape[0]):
        mlp = writer.module.model.layers[layer].mlp
        here = slice(layer * shape[1], (layer + 1) * shape[1])
        mine = torch.tensor(serves[:, here].T)  # [neuron, language]
        ordinary, everywhere = ~mine.any(1), mine.all(1)
        some = ~ordinary & ~everywhere
        mlp.gate_proj.weight[:, concept] = torch.tensor(fires[:, here].T).float()
        mlp.gate_proj.weight[:, language] = (mine | ordinary[:, None]).float()
        mlp.gate_proj.weight[:, space.ballast] = -1.5 / BALLAST
        mlp.up_proj.weight[:, space.ballast] = 1 / BALLAST
        mlp.down_proj.weight[written] = (mine & some[:, None]).T.float() / max(specific, 1)
        mlp.down_proj.weight[word] = everywhere.float() / general_count
        mlp.down_proj.weight[space.hidden_out] = 0.0
    writer.decoys({}, copied=4)
    model = writer.loaded("planted neurons", needs=["neuron"], noise=noise)
    parameters = {"layers": shape[0], "neurons": shape[1], "specific": specific, "related": related,
                  "general": general, "noise": noise, "texts": texts, "concepts": concepts}  # fmt: skip
    truth, rate_of = _truth(serves, shape), {"top_rate": rates[0], "bar": rates[1]}
    coords = {"language": spoken}
    return make_planted("neurons", model, corpus, words, truth, coords, parameters=parameters, seed=seed, **rate_of)


def _groups(
    spoken: list[str], shape: tuple[int, int], specific: int, related: int | None, general: int | None
) -> tuple[list[tuple[str, ...]], tuple[float, float]]:
    """The languages of every planted neuron, and the top_rate and bar that select exactly them."""
    total, kinds = shape[0] * shape[1], len(spoken)
    alone = [(code,) for code in spoken for _ in range(specific)]
    if related is None:
        related = max(0, round(_TOP * total) - len(alone)) if kinds > 2 else 0
    pairs = [(spoken[i % kinds], spoken[(i + 1) % kinds]) for i in range(whole_number("related", related, at_least=0))]
    if pairs and kinds < 3:
        raise BadArgument(f"related={related} of two languages would be general; plant at least three languages")
    few = alone + pairs
    planted = len(alone) + 2 * len(pairs)
    if general is None:
        general = max(1, (total * kinds - round(_BAR * total * kinds) - planted) // kinds)
    every = [tuple(spoken)] * whole_number("general", general, at_least=0)
    if not few:
        raise BadArgument("specific=0 and related=0 plant nothing that a method looks for")
    if len(few) + len(every) > total // 2:
        raise BadArgument(f"{len(few) + len(every)} of {total} neurons would be planted; at most half can be")
    rates = len(few) / total, 1 - (planted + kinds * len(every)) / (total * kinds)
    return few + every, rates


def _fires(serves: np.ndarray, concepts: int, rng: np.random.Generator) -> np.ndarray:
    """For which concepts each neuron fires: [concept, neuron]."""
    planted = np.asarray(serves.any(0))
    many = rng.integers(round(_LEAST * concepts), concepts + 1, len(planted))
    few = rng.integers(1, round(_MOST * concepts) + 1, len(planted))
    count = np.where(planted, many, few)
    return rng.random((concepts, len(planted))).argsort(axis=0).argsort(axis=0) < count


def _texts(words, rows: int, seed: int) -> Corpus:
    """Aligned texts of as many words as there are concepts, drawn anew for every word."""
    texts: dict[str, tuple[str, ...]] = {}
    for code in words.columns:
        rng = np.random.default_rng(seed)  # the same draws in every language
        texts[code] = tuple(" ".join(words[code].iloc[rng.integers(len(words), size=len(words))]) for _ in range(rows))
    return Corpus(texts, aligned=True, source="planted neurons")


def _truth(serves: np.ndarray, shape: tuple[int, int]) -> Variables:
    count, every = serves.sum(0), len(serves)
    kind = np.select([count == every, count > 1, count == 1], ["general", "related", "specific"], "other")
    axes = ("language", "layer", "neuron")
    return {
        "member": (axes, (serves & (count < every)).reshape(-1, *shape), "fires for this language, not for all"),
        "serves": (axes, serves.reshape(-1, *shape), "planted to fire for this language"),
        "kind": (axes[1:], kind.astype(object).reshape(shape), "how many languages the neuron fires for"),
    }
