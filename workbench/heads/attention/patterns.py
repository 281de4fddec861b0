"""Patterns: the attention of every head on a few texts, in every language, with its tokens."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument, TooLarge
from workbench.model.activations import tensors
from workbench.model.batching import by_length, texts_per_batch
from workbench.model.forward.alone import alone
from workbench.model.memory import budget
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.results.resuming.stoppable import Stoppable
from workbench.text.batches import Batch, Encoded
from workbench.text.corpus import Corpus
from workbench.text.tokens.pieces import pieces

_COPIES = 4  # of one text's patterns that exist at one time, about: all layers, and a layer's scores, mask, softmax


@checked
@alone
def patterns(
    model: Model,
    corpus: Corpus,
    *,
    sentences: Sequence[int] = (0, 1, 2),
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """The attention pattern of every head on some texts of every language.

    Patterns are as the model has them: after grouped keys, position biases, soft caps, windows and the softmax. Each
    row sums to one over the tokens that the query may see. In an aligned corpus text i means the same in every
    language, so two languages can be compared; in another the attribute `aligned` is 0 and only the numbers are shared.

    Args:
        model: the model.
        corpus: texts by language.
        sentences: which texts of each language, counted from 0.
        seed: nothing is drawn here; recorded for symmetry with the other analyses.

    Returns:
        `pattern[sentence, language, layer, head, query, key]`, probabilities in float32, 0 where the query may not
        attend and NaN after the text's end; `token[sentence, language, position]`, what each token adds to the text
        (joined they are the text; empty after its end, and where a later token completes the character);
        `length[sentence, language]` in tokens. `sentence` holds the given numbers; attribute `aligned`.

    Raises:
        BadArgument: no sentences, one twice, or one that a language does not have; a bad `batch_size`.
        UnsupportedSite: the architecture has no attention pattern that can be read.
        TooLarge: a text exceeds the context and `truncate` is off, or the patterns exceed the memory.
        Interrupted: Ctrl-C; `partial` holds the texts that were finished, NaN elsewhere.

    Example:
        >>> result = wb.heads.patterns(model, corpus.select("de,ja"), sentences=[4])             # doctest: +SKIP
        >>> wb.figures.heatmap(result, "pattern", sentence=4, language="ja", layer=2, head=5)    # doctest: +SKIP
    """
    size = texts_per_batch(batch_size)
    model.require("pattern")
    chosen = _chosen(corpus, sentences)
    try:
        encoded = model.encode(chosen, truncate=truncate)
    except TooLarge as error:
        raise TooLarge(f"of the sentences {', '.join(map(str, sentences))}, {error}") from None
    longest = max(len(text.ids) for text in encoded)
    fits = _fits(model, len(encoded), longest)
    place = {language: k for k, language in enumerate(corpus.languages)}
    shape = (len(sentences), len(place))
    attention = np.full((*shape, model.n_layers, model.n_heads, longest, longest), np.nan, np.float32)
    done = np.zeros((), dtype=np.int64)  # texts
    batches = list(by_length(model, encoded, batch_size=min(size, fits)))

    def finished() -> str:
        return f"interrupted; finished {done} of {len(encoded)} texts; the others are NaN in .partial"

    with Stoppable("attention patterns", len(encoded), "text", finished, progress=progress) as loop:
        for batch in loop.steps(batches, {"found": attention, "done": done}):
            _read(model, batch, place, attention)
            done += len(batch)
    axes = ("sentence", "language", "layer", "head", "query", "key")
    pattern = (axes, attention, "attention from the query to the key [share]")
    result = make_result(
        {"pattern": pattern, **_words(model, encoded, place, (*shape, longest))},
        {"sentence": list(sentences), "language": list(corpus.languages)},
        method="heads.patterns",
        parameters={"sentences": list(sentences), "batch_size": size, "truncate": truncate},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
        attrs={"aligned": int(corpus.aligned)},
    )
    return loop.result(result)


def _fits(model: Model, texts: int, longest: int) -> int:
    """How many texts of so many tokens fit side by side; TooLarge where the patterns of all do not fit."""
    bytes_each = 4 * model.n_layers * model.n_heads * longest**2
    given = budget(model) // 2
    if bytes_each * texts > given:
        raise TooLarge(
            f"{texts} texts of up to {longest} tokens have {bytes_each * texts / 1e9:.1f} GB of patterns "
            f"and {given / 1e9:.1f} GB are free for them; give fewer or shorter sentences, or corpus.select(languages)"
        )
    return max(1, given // (_COPIES * bytes_each))


def _chosen(corpus: Corpus, sentences: Sequence[int]) -> Corpus:
    """The corpus of these sentences, in their order."""
    if not len(sentences) or len(set(sentences)) < len(sentences):
        raise BadArgument(f"sentences={list(sentences)!r}; give one number or more, each once, such as (0, 1, 2)")
    for language, count in corpus.counts.items():
        for row in sentences:
            if not 0 <= row < count:
                raise BadArgument(
                    f"sentence {row!r} is not in {corpus.source}, which has 0 to {count - 1} in {language!r}"
                )
    texts = {language: tuple(rows[row] for row in sentences) for language, rows in corpus.texts.items()}
    return replace(corpus, texts=texts, dropped=0, ids=())


def _read(model: Model, batch: Batch, place: dict[str, int], attention: np.ndarray) -> None:
    """Write the patterns of a batch into `attention`, without padding."""
    batch = batch.to(model.device)
    seen = tensors(model, batch, [("pattern", layer) for layer in range(model.n_layers)])
    for sample, (language, row) in enumerate(zip(batch.languages, batch.rows, strict=True)):
        real = batch.mask[sample].bool()
        length = int(real.sum())
        for layer in range(model.n_layers):
            values = seen["pattern", layer][sample][:, real][:, :, real]
            attention[row, place[language], layer, :, :length, :length] = values.float().cpu().numpy()


def _words(model: Model, encoded: Sequence[Encoded], place: dict[str, int], shape: tuple[int, ...]) -> Variables:
    """Tokens and lengths of the texts."""
    token, length = np.full(shape, "", dtype=object), np.zeros(shape[:2], np.int64)
    for text in encoded:
        at = text.row, place[text.language]
        length[at] = len(text.ids)
        token[at][: len(text.ids)] = pieces(model.tokenizer, text.ids)
    return {
        "token": (("sentence", "language", "position"), token, "what the token adds to the text"),
        "length": (("sentence", "language"), length, "length of the text [tokens]"),
    }
