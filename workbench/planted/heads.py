"""Planted heads: a model in which it is known which head serves which language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, UnknownLanguage
from workbench.planted.blank import BALLAST, Space, Writer
from workbench.planted.head_texts import SLIP, fillers, make_texts, mark
from workbench.planted.lexicon import codes, make_words
from workbench.planted.planted import Planted, make_planted
from workbench.results.make import Variables
from workbench.text.languages import meaning

_POWER = BALLAST**2 + 1  # squared length of an embedding: the ballast and one dimension of its own
_SURE = 8.0  # weight of the unembedding for what a head wrote
_NEXT = 4.0  # weight of what follows from the token itself
_SLIP = 6.0  # the same, for a slip after a mark
_STRENGTH = 0.6  # what one head writes, where it is alone
_TOO_SURE = 0.1  # nats that a text loses when both of two redundant heads write


@dataclass(frozen=True)
class Service:
    """What a head does, or each of two redundant ones: where they are, and the languages they serve."""

    cells: tuple[tuple[int, int], ...]
    languages: tuple[str, ...]


@checked
@torch.no_grad()
def heads(
    languages: str | Sequence[str] = "de,en,fr,it",
    *,
    layers: int = 3,
    heads: int = 6,
    serves: Mapping[tuple[int, int], Iterable[str]] | None = None,
    redundant: bool = False,
    noise: float = 0.0,
    texts: int = 24,
    concepts: int = 6,
    seed: int = 0,
) -> Planted:
    """Build a model whose heads serve the languages that you choose.

    The grammar. A text is about one concept. It has the concept's word in its language, and then, repeatedly, a mark
    and the word: `lupade ask0 lupade um2de ask3 lupade`. Each mark belongs to one head. What follows a word is known
    from the word; what follows a mark is the word, which is elsewhere: only the mark's head can provide it.

    The construction. Token: every word, mark and filler has a dimension of its own, which nothing ever writes. Concept
    and language: two more sets of dimensions, which no embedding has and heads write. The head of a mark has queries
    that read this mark's dimension, keys that read the dimensions of the words of its languages, and values that carry
    those to the concept and the language of the word; the unembedding of a word adds the two. From any other token the
    head attends to BOS, whose value is zero. Rotation does not matter: what is compared lies in rotary pairs that do
    not turn. There is no MLP.

    Why a head has exactly no effect on other languages. Its values read only dimensions of words of its languages. In
    a text of another language all of these are exactly zero, so its output is the zero vector at every position,
    whatever its attention; zeroing it changes no bit and the slope of the loss in its mask is exactly zero. The
    norms cannot undo this: they rescale a position and mix no dimensions (`blank.blank`). Other ablations (mean,
    resample) do disturb other languages, because they put the output for foreign texts in.

    Redundant heads. With `redundant` two heads serve each mark, and after one mark in four a slip stands instead of the
    word, so that overconfidence costs loss. Strengths are such that the loss with both is 0.1 nats above the loss with
    either: each suffices, together they are slightly overconfident. So ablating one alone lowers the loss and the
    slopes are positive: a method that tests heads one at a time takes both for useless, while without both the loss
    rises much. Ablating them together, or Shapley values, finds them. The absolute slope detects them too, since
    together they overshoot; it does not show whether they help or harm.

    Args:
        languages: codes, at least two.
        layers: number of layers.
        heads: heads per layer.
        serves: (layer, head) to the languages it serves; by default, in drawn places, a head for each language, one for
            the first two and one for all. With `redundant` each has a twin in a drawn place.
        redundant: plant every service twice.
        noise: normal noise on every weight, relative to the root mean square of its matrix.
        texts: texts per language.
        concepts: how many concepts texts are about.
        seed: of places, texts, decoys and noise.

    Returns:
        Planted. `truth` has `member[language, layer, head]`, `role[layer, head]` in specific, shared, general, none,
        and `service[layer, head]`, which numbers the heads that do something (-1: none); twins have one number.

    Raises:
        UnknownLanguage: a code that no language has, or one in `serves` that is not planted.
        TooFewLanguages: fewer than two languages.
        BadArgument: a number out of range, a head in `serves` that does not exist, or more services than heads.

    Example:
        >>> from workbench import planted
        >>> made = planted.heads("de,en,fr", seed=1)                          # doctest: +SKIP
        >>> wb.heads.importance(made.model, made.corpus)                      # doctest: +SKIP
    """
    spoken = codes(languages)
    shape = (whole_number("layers", layers, at_least=1), whole_number("heads", heads, at_least=1))
    texts, concepts = whole_number("texts", texts, at_least=1), whole_number("concepts", concepts, at_least=2)
    rng = np.random.default_rng(seed)
    services = _services(spoken, shape, serves, redundant, rng)
    words = make_words(spoken, concepts)
    corpus = make_texts(words, [service.languages for service in services], rows=texts, slips=redundant, seed=seed)
    marks = [mark(i) for i in range(len(services))]
    tokens = [*words.to_numpy().ravel(), *marks, *(filler for code in spoken for filler in fillers(code)), SLIP]

    space = Space()
    own = dict(zip(tokens, space.take(len(tokens)), strict=True))
    concept, language = space.take(concepts), space.take(len(spoken))  # written by heads
    copied = concepts + len(spoken)
    writer = Writer(tokens, space, seed=seed, power=_POWER, layers=shape[0], heads=shape[1], copied=copied)
    writer.embed("<bos>", {space.bos: 1.0})
    for token in tokens:
        writer.embed(token, {own[token]: 1.0})
    for k, code in enumerate(spoken):
        following = [name for name, service in zip(marks, services, strict=True) if code in service.languages]
        for token, after in product([*words[code], *fillers(code)], [*following, *fillers(code)]):
            writer.unembed(after, {own[token]: _NEXT})
        for word, dimension in zip(words[code], concept, strict=True):
            writer.unembed(word, {dimension: _SURE, language[k]: _SURE})
    if redundant:
        writer.unembed(SLIP, {own[name]: _SLIP for name in marks})
    strength = _twin_strength(len(writer.tokens), concepts, len(spoken)) if redundant else _STRENGTH
    for service, name in zip(services, marks, strict=True):
        served = [(k, code) for k, code in enumerate(spoken) if code in service.languages]
        read = {language[k]: [own[word] for word in words[code]] for k, code in served}
        _write_service(writer, service, own[name], read, concept, strength)
    writer.decoys({cell: strength for service in services for cell in service.cells}, copied=copied)
    model = writer.loaded("planted heads", needs=["head"], noise=noise)
    parameters = {"layers": shape[0], "heads": shape[1], "redundant": redundant, "noise": noise, "texts": texts,
                  "concepts": concepts}  # fmt: skip
    truth, coords = _truth(spoken, shape, services), {"language": spoken}
    how = {"parameters": parameters, "seed": seed, "services": len(services)}
    return make_planted("heads", model, corpus, words, truth, coords, **how)


def _write_service(
    writer: Writer, service: Service, mark: int, read: Mapping[int, list[int]], concept: list[int], strength: float
) -> None:
    """From a mark, look at the words of some languages and copy their concept and language.

    `mark` and `concept` are dimensions; `read` maps the dimension that heads write for a language to those of its
    words, in the order of the concepts.
    """
    pairs = [pair for words in read.values() for pair in zip(words, concept, strict=True)]
    pairs += [(word, language) for language, words in read.items() for word in words]
    for layer, head in service.cells:
        writer.look(layer, head, query=[mark], key=[word for words in read.values() for word in words])
        writer.copy(layer, head, pairs, strength)


def _services(
    spoken: list[str],
    shape: tuple[int, int],
    serves: Mapping[tuple[int, int], Iterable[str]] | None,
    redundant: bool,
    rng: np.random.Generator,
) -> list[Service]:
    """Where each service is planted; places that are not given are drawn."""
    groups = [(code,) for code in spoken] + ([tuple(spoken[:2])] if len(spoken) > 2 else []) + [tuple(spoken)]
    given: list[tuple[tuple[int, int] | None, tuple[str, ...]]] = [(None, group) for group in groups]
    if serves is not None:
        given = [(cell, tuple(meaning(code, spoken)[0] or code for code in works)) for cell, works in serves.items()]
    if not given:
        raise BadArgument("serves={} plants nothing; give a (layer, head) its languages")
    taken = {cell for cell, _ in given if cell is not None}
    for cell, works in given:
        strange = [code for code in works if code not in spoken]
        if strange or not works:
            raise UnknownLanguage(f"serves {cell} has {strange or 'no language'}; planted are {', '.join(spoken)}")
        if cell is not None and not (len(cell) == 2 and 0 <= cell[0] < shape[0] and 0 <= cell[1] < shape[1]):
            raise BadArgument(f"serves has head {cell}; there are {shape[0]} layers of {shape[1]} heads")
    free = [cell for cell in np.ndindex(*shape) if cell not in taken]
    need = sum((cell is None) + redundant for cell, _ in given)
    if need > len(free):
        raise BadArgument(f"{need} heads are to be placed and {len(free)} are free; use more layers or heads")
    drawn = [free[i] for i in rng.permutation(len(free))[:need]]
    return [
        Service(tuple(([cell] if cell else [drawn.pop()]) + ([drawn.pop()] if redundant else [])), works)
        for cell, works in given
    ]


def _twin_strength(vocabulary: int, concepts: int, languages: int) -> float:
    """What each of two redundant heads must write so that both together lose `_TOO_SURE` nats against one."""
    near, far = concepts + languages - 2, vocabulary - concepts - languages

    def loss(written: float) -> float:
        shrunk = (_POWER / (_POWER + 2 * written**2)) ** 0.5  # by the final norm
        right, half, slip = (shrunk * score for score in (2 * _SURE * written, _SURE * written, _SLIP))
        total = np.log(np.exp(right) + near * np.exp(half) + np.exp(slip) + far)
        return float(total - 0.75 * right - 0.25 * slip)

    low, high = 0.05, 3.0  # the excess rises in between
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if loss(2 * middle) - loss(middle) > _TOO_SURE else (middle, high)
    return high


def _truth(spoken: list[str], shape: tuple[int, int], services: list[Service]) -> Variables:
    member = np.zeros((len(spoken), *shape), bool)
    number = np.full(shape, -1)
    for i, service in enumerate(services):
        for cell in service.cells:
            number[cell] = i
            member[[spoken.index(code) for code in service.languages], *cell] = True
    count = member.sum(0)
    role = np.select([count == len(spoken), count > 1, count == 1], ["general", "shared", "specific"], "none")
    return {
        "member": (("language", "layer", "head"), member, "whether the head serves the language"),
        "role": (("layer", "head"), role.astype(object), "role of the head among the languages"),
        "service": (("layer", "head"), number, "number of what the head does; twins share it, -1 is nothing"),
    }
