"""Planted concepts: a model in which it is known in which layer concept and language are written."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.planted.blank import BALLAST, STILL, TURN, Space, Writer
from workbench.planted.lexicon import codes, last_piece, make_words
from workbench.planted.planted import Planted, make_planted
from workbench.results.make import Variables
from workbench.text.corpus import Corpus
from workbench.text.languages import autonym
from workbench.text.words import translation_prompts

_POWER = BALLAST**2 + 3  # squared length of an embedding: the ballast and three dimensions
_SURE = 8.0  # weight of the unembedding for concept and language
_STRENGTH = 1.2  # what a head writes
_MATCH = 60.0  # score of what a head looks for
_NEAR = 1000.0  # its score for distance, times the cosine of a slow rotation: the nearest wins
_SLOW = 1  # the rotary pair that turns slowly
_REACH = 7.5  # tokens: what stands farther away, or matches by half, scores less than BOS


@checked
@torch.no_grad()
def concepts(
    languages: str | Sequence[str] = "de,en,fr,it",
    *,
    layers: int = 6,
    heads: int | None = None,
    concept_layer: int = 1,
    language_layer: int = 3,
    entangled: bool = False,
    noise: float = 0.0,
    concepts: int = 12,
    seed: int = 0,
) -> Planted:
    """Build a model that translates words, and writes concept and language in the layers that you choose.

    The grammar. Prompts of `wb.translation_prompts`: `Deutsch: "lupade" - Français: "`, with or without shots.

    The construction. Token: a word has a dimension that marks words, one for its language and one for its code; a
    language's name has one for that language; the quotation mark one of its own. Nothing writes there. Concept: from a
    quotation mark, a head in `concept_layer` attends to the nearest word and writes its concept to a second set of
    dimensions. Language: a head in `language_layer` attends to the nearest name and writes its language to a third. The
    unembedding of a word adds its concept and its language. So after `concept_layer` the last token has the concept,
    after `language_layer` the language, and before them it has neither. The norms rescale a position and mix no
    dimensions (`blank.blank`). Nearest: a rotary pair that turns slowly gives a score that falls with distance, and
    what is more than seven tokens away loses to BOS, so examples do not disturb.

    Additive (the default). A word's code is its concept, whatever its language: the mean of one concept's words from
    several languages still has the concept in full, and languages at part strength do not matter.

    Entangled. A word's code is a permutation of its concept that depends on its language, and there is a head for each
    language which attends to words where this language is written in full and undoes its permutation. Each language's
    words are read correctly, so patching from one source works as before. A mean over languages is no language in full:
    no head attends to it, so mean patching must fail.

    Args:
        languages: codes, at least two.
        layers: number of layers.
        heads: heads per layer; one for each language when None.
        concept_layer: where the concept is written.
        language_layer: where the language is written.
        entangled: whether the code of a concept depends on the language.
        noise: normal noise on every weight, relative to the root mean square of its matrix.
        concepts: how many concepts there are.
        seed: of permutations, decoys and noise.

    Returns:
        Planted, with `words` for `wb.patching.concepts`; `corpus` has, in each language, the prompts for translation
        into it, answered, from the language before. `truth` has `onset[aspect]` for `concept` and `language`, the first
        state that has it (state i is before layer i), and `member[aspect, layer]`, true at it.

    Raises:
        UnknownLanguage: a code that no language has.
        TooFewLanguages: fewer than two languages.
        BadArgument: a layer that does not exist, too few heads, or two languages whose names end alike.

    Source:
        The design of the experiments: Dumas et al. 2024 (arXiv 2411.08745).

    Example:
        >>> from workbench import planted
        >>> made = planted.concepts("de,en,fr,it", seed=1)                                       # doctest: +SKIP
        >>> wb.patching.concepts(made.model, made.words, source="de-fr", target="en-it").onset   # doctest: +SKIP
    """
    spoken = codes(languages)
    layers, concepts = whole_number("layers", layers, at_least=1), whole_number("concepts", concepts, at_least=3)
    for name, layer in (("concept_layer", concept_layer), ("language_layer", language_layer)):
        if not 0 <= whole_number(name, layer, at_least=0) < layers:
            raise BadArgument(f"{name}={layer} does not exist; the layers are 0 to {layers - 1}")
    readers = len(spoken) if entangled else 1
    needed = readers + (concept_layer == language_layer)
    width = whole_number("heads", max(len(spoken), needed) if heads is None else heads, at_least=1)
    if width < needed:
        raise BadArgument(f"heads={width}; this model needs {needed} in a layer")
    words = make_words(spoken, concepts)
    tokens = _tokens(spoken, words)

    space = Space()
    dims = _Dimensions(space, concepts, len(spoken))
    sizes = {"layers": layers, "heads": width, "copied": max(concepts, len(spoken)), "context": 1024}
    writer = Writer(tokens, space, seed=seed, power=_POWER, **sizes)
    rng = np.random.default_rng(seed)
    permuted = [rng.permutation(concepts) if entangled else np.arange(concepts) for _ in spoken]
    _write_tokens(writer, dims, tokens, words, permuted)
    for k, sought in enumerate(dims.word_language if entangled else [dims.word]):
        pairs = [(dims.code[permuted[k][c]], dims.concept[c]) for c in range(concepts)]
        _nearest(writer, concept_layer, k, dims.quote, sought, pairs)
    last = readers if concept_layer == language_layer else 0
    pairs = list(zip(dims.name_language, dims.language, strict=True))
    _nearest(writer, language_layer, last, dims.quote, dims.name, pairs)
    cells = [*((concept_layer, k) for k in range(readers)), (language_layer, last)]
    writer.decoys(dict.fromkeys(cells, _STRENGTH), copied=concepts)
    corpus = _texts(words, spoken)
    parameters = {"layers": layers, "heads": width, "concept_layer": concept_layer, "language_layer": language_layer,
               "entangled": entangled, "noise": noise, "concepts": concepts}  # fmt: skip
    kind = "entangled" if entangled else "additive"
    model = writer.loaded(f"planted concepts ({kind})", needs=["head", "restart"], noise=noise)
    onset = np.array([concept_layer, language_layer]) + 1
    member = onset[:, None] == np.arange(layers + 1)
    truth: Variables = {
        "onset": (("aspect",), onset, "first state that holds it [layers]"),
        "member": (("aspect", "layer"), member, "whether the state before this layer is the first that has it"),
    }
    coords = {"aspect": ["concept", "language"]}
    how = {"parameters": parameters, "seed": seed, "concept_layer": concept_layer, "language_layer": language_layer}
    return make_planted("concepts", model, corpus, words, truth, coords, **how)


class _Dimensions:
    """What the dimensions of the residual stream stand for."""

    def __init__(self, space: Space, concepts: int, languages: int):
        self.plain, self.quote, self.word, self.name = (space.take(1)[0] for _ in range(4))
        self.code, self.word_language = space.take(concepts), space.take(languages)
        self.name_language = space.take(languages)
        self.concept, self.language = space.take(concepts), space.take(languages)  # written by heads


def _tokens(spoken: list[str], words: pd.DataFrame) -> list[str]:
    """All tokens of the prompts; BadArgument where the names of two languages end alike."""
    names = [last_piece(autonym(code)) for code in spoken]
    if len(set(names)) < len(spoken):
        raise BadArgument(f"the names {', '.join(names)} end alike; plant other languages")
    pieces = [piece for code in spoken for piece in autonym(code).split()]
    return list(dict.fromkeys(['"', ":", "-", *pieces, *names, *words.to_numpy().ravel()]))


def _write_tokens(
    writer: Writer, dims: _Dimensions, tokens: list[str], words: pd.DataFrame, permuted: list[np.ndarray]
) -> None:
    """Embed and unembed all tokens; permuted [language][concept] are the codes of the words."""
    writer.embed("<bos>", {writer.space.bos: 3**0.5})
    for token in tokens:
        writer.embed(token, {dims.plain: 3**0.5})
    writer.embed('"', {dims.plain: 2**0.5, dims.quote: 1.0})
    for k, language in enumerate(words.columns):
        name = {dims.plain: 1.0, dims.name: 1.0, dims.name_language[k]: 1.0}
        writer.embed(last_piece(autonym(language)), name)
        for c, text in enumerate(words[language]):
            code = dims.code[permuted[k][c]]
            writer.embed(text, {dims.plain: 0.0, dims.word: 1.0, dims.word_language[k]: 1.0, code: 1.0})
            writer.unembed(text, {dims.concept[c]: _SURE, dims.language[k]: _SURE})


def _nearest(
    writer: Writer, layer: int, head: int, query_dim: int, key_dim: int, pairs: Sequence[tuple[int, int]]
) -> None:
    """From `query_dim`, attend to the nearest token with a full `key_dim`, or BOS, and copy."""
    writer.look(layer, head, query=[query_dim], key=[key_dim], score=_MATCH, bos=1.0 / 3**0.5)
    attention, root, start = writer.attention(layer), writer.width**0.5, head * writer.width
    slow, rest = start + _SLOW, start + writer.width // 2 + STILL[1]
    attention.q_proj.weight[slow, query_dim] = _NEAR * root  # the cosine of their distance
    attention.k_proj.weight[slow, key_dim] = 1.0
    least = _MATCH + _NEAR * np.cos(_REACH * TURN)
    attention.q_proj.weight[rest, query_dim] = (least - _MATCH / 2) * root
    writer.copy(layer, head, pairs, _STRENGTH)


def _texts(words: pd.DataFrame, spoken: list[str]) -> Corpus:
    """Answered prompts: row i translates concept i from the language before."""
    texts: dict[str, tuple[str, ...]] = {}
    for k, code in enumerate(spoken):
        prompts = translation_prompts(words, source=spoken[k - 1], target=code, shots=0)
        texts[code] = tuple(prompts[concept] + words[code].loc[concept] + '"' for concept in words.index)
    return Corpus(texts, aligned=True, source="planted concepts", ids=tuple(words.index))
