"""Look at one neuron: where it is strongest in each language, what it does to the logits, what the methods call it."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, one_of, whole_number
from workbench.errors import BadArgument, BadResult, Interrupted
from workbench.model.activations import tensors
from workbench.model.batching import streamed, texts_per_batch
from workbench.model.effective_weights import project
from workbench.model.forward.alone import alone
from workbench.model.forward.fused_attention import fused
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.text.corpus import Corpus
from workbench.text.tokens.excerpts import Part, excerpt, packed

_SITES = ("gate", "neuron")
Strongest = dict[str, list[tuple[float, int, np.ndarray]]]
"""Language to its texts (peak, -row, values at their tokens), strongest first."""


# Long: the parameters are the neuron, what is shown of it, and how much of that.
@checked
@alone
def look(
    model: Model,
    corpus: Corpus,
    layer: int,
    neuron: int,
    *,
    classes: Mapping[str, xr.Dataset] | None = None,
    site: str = "gate",
    contexts: int = 4,
    window: int = 12,
    tokens: int = 10,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Find the texts of every language in which one neuron is strongest.

    Args:
        model: the model.
        corpus: the texts.
        layer: of the neuron.
        neuron: its number in the layer.
        classes: Results of `ternary`, `lape`, `experts`, `plnd` by the name under which to show what they say.
        site: `"gate"`, the value before the activation function, above zero where the neuron fires; or `"neuron"`, what
            the down projection reads (act(gate) * up on a gated MLP), which may be strong on both sides of zero.
        contexts: texts of each language, each shown around its strongest token.
        window: tokens shown on both sides of it.
        tokens: vocabulary entries at each end of the logit effect.
        seed: nothing is drawn here; recorded for symmetry with the other analyses.

    Returns:
        `text[language, context, piece]`, the characters of the tokens around the strongest one, strongest text first,
        empty after its end; `activation` in the same axes, NaN there; `peak[language, context]`;
        `row[language, context]`, of the text in the corpus, -1 where there are fewer; `fires[language]`, the share of
        tokens above zero, `mean[language]`, begin-of-sequence included, but in a chat of the texts' own tokens alone.
        `promoted[rank]` and `suppressed[rank]`, tokens whose logits the neuron raises and lowers most, with
        `promoted_by` and `suppressed_by`: the unembedding of its row of the down projection through the final norm's
        weights, for an activation of 1, without the norm's scale and the layers between. `label[method]`, what each of
        `classes` says.

    Raises:
        BadArgument: no such neuron, or an option out of range.
        BadResult: a Result of `classes` without membership, or of another model.
        UnsupportedSite: the neurons cannot be read, or the tokenizer does not say where its tokens come from.
        Interrupted: Ctrl-C; there is no partial result.

    Example:
        >>> card = look(model, corpus, 3, 17, classes={"ternary": ternary(counts)})             # doctest: +SKIP
        >>> wb.figures.neuron_card(card)                                                         # doctest: +SKIP
    """
    model.require("neuron")
    if not (0 <= layer < model.n_layers and 0 <= neuron < model.n_neurons):
        raise BadArgument(
            f"neuron {neuron} of layer {layer} does not exist; {model.name!r} has layers 0 to {model.n_layers - 1} and "
            f"neurons 0 to {model.n_neurons - 1}"
        )
    one_of("site", site, _SITES)
    for name, value in (("contexts", contexts), ("window", window), ("tokens", tokens)):
        whole_number(name, value, at_least=1)
    labels = {name: _label(name, result, layer, neuron, model) for name, result in (classes or {}).items()}
    strongest, fires, mean = _search(
        model, corpus, layer, neuron, site, contexts, texts_per_batch(batch_size), truncate, progress
    )
    variables = _contexts(model, corpus, strongest, site, contexts, window)
    variables["fires"] = (("language",), fires, "share of tokens above zero")
    variables["mean"] = (("language",), mean, "mean over tokens")
    effect = logit_effect(model, layer, neuron)
    order = np.argsort(-effect, kind="stable")
    for name, does, ids in (("promoted", "raises", order[:tokens]), ("suppressed", "lowers", order[::-1][:tokens])):
        texts = np.array([model.tokenizer.decode([token]) for token in ids.tolist()], dtype=object)
        variables[name] = (("rank",), texts, f"token whose logit the neuron {does}")
        by = "effect of an activation of 1, before the norm's scale [logits]"
        variables[f"{name}_by"] = (("rank",), effect[ids], by)
    if labels:
        variables["label"] = (("method",), np.array(list(labels.values()), dtype=object), "what the method calls it")
    return make_result(
        variables,
        {"language": list(corpus.languages), **({"method": list(labels)} if labels else {})},
        method="neurons.look",
        parameters={"layer": layer, "neuron": neuron, "site": site, "contexts": contexts, "window": window},
        model=model.info,
        corpus=corpus.info,
        seed=seed,
        attrs={"layer": layer, "neuron": neuron, "site": site},
    )


def _search(
    model: Model, corpus: Corpus, layer: int, neuron: int, site: str, count: int, size: int, cut: bool, progress: bool
) -> tuple[Strongest, np.ndarray, np.ndarray]:
    """The strongest texts; per language the share of tokens above zero, and the mean."""
    strongest: Strongest = {language: [] for language in corpus.languages}
    sums = np.zeros((3, len(strongest)))
    done = 0
    try:
        with tqdm(total=len(corpus), desc="looking", unit="text", disable=not progress) as bar:
            for batch in streamed(model, corpus, batch_size=size, truncate=cut):
                batch = batch.to(model.device)
                with torch.no_grad(), fused(model):
                    values = tensors(model, batch, [(site, layer)])[site, layer]
                values = values.reshape(*batch.ids.shape, -1)[..., neuron].float().cpu().numpy()
                for row, language, activations, mask in zip(
                    batch.rows, batch.languages, values, batch.counted.bool().cpu().numpy(), strict=True
                ):
                    real = activations[mask].astype(np.float64)
                    sums[:, corpus.languages.index(language)] += (len(real), (real > 0).sum(), real.sum())
                    inner = real[1:] if model.front and not corpus.chat else real  # begin-of-sequence is no context
                    peak = abs(_strongest(inner, site)) if site == "neuron" else _strongest(inner, site)
                    texts = [*strongest[language], (peak, -row, real)]
                    strongest[language] = sorted(texts, key=lambda text: text[:2], reverse=True)[:count]
                    done += 1
                bar.update(len(batch))
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted after {done} of {len(corpus)} texts; the strongest may be among the rest"
        ) from None
    return strongest, *(sums[1:] / sums[0])


def _contexts(
    model: Model,
    corpus: Corpus,
    strongest: Strongest,
    site: str,
    count: int,
    window: int,
) -> Variables:
    """Pieces of text around the strongest token of each text."""
    shape = (len(strongest), count)
    peak, row = np.full(shape, np.nan), np.full(shape, -1)
    excerpts: dict[tuple[int, ...], list[Part]] = {}
    for k, (language, texts) in enumerate(strongest.items()):
        for place, (top, minus_row, values) in enumerate(texts):
            peak[k, place], row[k, place] = top, -minus_row
            excerpts[k, place], _ = excerpt(
                *(model.tokenizer, corpus, language, -minus_row, values),
                front=len(model.front),
                window=window,
                strongest=partial(_strongest, site=site),
            )
    text, activation = packed(excerpts, shape)
    axes = ("language", "context", "piece")
    return {
        "text": (axes, text, "characters of the tokens"),
        "activation": (axes, activation, "the neuron at these tokens"),
        "peak": (axes[:2], peak, "strongest value in the text"),
        "row": (axes[:2], row, "row of the text in the corpus"),
    }


def _strongest(values: np.ndarray, site: str) -> float:
    """The highest of some gates, or the activation farthest from zero."""
    return float(values[(values if site == "gate" else abs(values)).argmax()])


@torch.no_grad()
def logit_effect(model: Model, layer: int, neuron: int) -> np.ndarray:
    """Unembedding of a neuron's row of the down projection through the final norm's scale, [vocabulary].

    Raises:
        UnsupportedSite: the final norm does more than scale.
    """
    direction = model.down_weight(layer)[neuron].float()
    scale, centred = model.norm_scale()
    direction = direction.to(scale.device)
    direction = direction - direction.mean() if centred else direction
    return project(model.module.get_output_embeddings(), direction * scale).cpu().numpy()


def _label(name: str, result: xr.Dataset, layer: int, neuron: int, model: Model) -> str:
    """What a Result says of the neuron: its class where it has one, and the languages it belongs to."""
    has_member = isinstance(result, xr.Dataset) and "member" in result
    if not has_member or not {"layer", "neuron"} <= set(result.member.dims):
        raise BadResult(f"classes[{name!r}] has no member[language, layer, neuron]")
    sizes = result.member.sizes["layer"], result.member.sizes["neuron"]
    if sizes != (model.n_layers, model.n_neurons):
        raise BadResult(f"classes[{name!r}] has {sizes[0]} layers of {sizes[1]} neurons: it belongs to another model")
    cell = result.isel(layer=layer, neuron=neuron)
    languages = [str(code) for code in cell["language"].values[cell.member.values.astype(bool)]]
    kind = str(cell.kind.values) if "kind" in cell else ("language neuron" if languages else "none")
    return f"{kind} ({', '.join(languages)})" if languages else kind
