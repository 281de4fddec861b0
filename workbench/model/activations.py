"""Activations of texts at named sites, as a labelled Result."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked
from workbench.errors import UnsupportedSite
from workbench.model.forward.alone import alone
from workbench.model.hooks import after, hooked
from workbench.model.model import Model
from workbench.model.sites import SITES, kind
from workbench.results.make import Variables, make_result
from workbench.text.batches import Batch
from workbench.text.characters import tokenizable
from workbench.text.tokens.pieces import pieces

_VARIABLES = {"head": "z", "neuron": "activation"}  # where the tensor is not named as its axis


@checked
@alone
def capture(model: Model, texts: str | Sequence[str], sites: str | Sequence[str]) -> xr.Dataset:
    """Run texts and return their activations at the requested sites.

    Args:
        model: the model.
        texts: one text or several; shorter ones are padded on the right, and padding is NaN in the Result.
        sites: kinds of site, e.g. `"pattern"` or `["residual", "pattern", "neuron"]`.

    Returns:
        One variable per site, [sample, layer, ...]: `residual[sample, layer, position, dimension]`,
        `pattern[sample, layer, head, query, key]`, `z[sample, layer, position, head, head_dimension]` for `"head"`,
        `activation[sample, layer, position, neuron]` for `"neuron"` (act(gate) * up on a gated MLP), `gate` (before
        the activation: a neuron fires where it is above zero). `token[sample, position]` is the
        token at each position.

    Raises:
        UnsupportedSite: no such kind of site, or this architecture lacks it.
        BadArgument: not texts, or not names of sites.
        BadCorpus: no text, or a blank one.

    Example:
        >>> capture(model, "Good morning", "pattern").pattern.dims             # doctest: +SKIP
        ('sample', 'layer', 'head', 'query', 'key')
    """
    sites = [sites] if isinstance(sites, str) else list(sites)
    batch = model.batch(texts)
    activations = tensors(model, batch, [(site, layer) for site in sites for layer in range(model.n_layers)])
    variables: Variables = {}
    real = batch.mask.bool().cpu().numpy()
    for site in sites:
        axes = kind(site).axes
        values = np.stack([_shaped(model, site, activations[site, i]) for i in range(model.n_layers)], 1)
        if "position" in axes:
            values[~np.broadcast_to(real[:, None], values.shape[:3])] = np.nan
        else:  # a pattern: [sample, layer, head, query, key]
            values[~np.broadcast_to(real[:, None, None, :, None] & real[:, None, None, None, :], values.shape)] = np.nan
        name = _VARIABLES.get(site, site)
        variables[name] = (("sample", "layer", *axes[1:]), values, f"{site.replace('_', ' ')} activation")
    tokens = [
        [*pieces(model.tokenizer, ids[row].tolist()), *[""] * int((~row).sum())]
        for ids, row in zip(batch.ids.cpu(), real, strict=True)
    ]
    variables["token"] = (("sample", "position"), np.array(tokens, dtype=object), "token")
    texts = list(map(tokenizable, [texts] if isinstance(texts, str) else texts))
    return make_result(variables, {}, method="capture", parameters={"texts": texts, "sites": sites}, model=model.info)


@alone
@torch.no_grad()
def tensors(model: Model, batch: Batch, sites: Sequence[tuple[str, int]]) -> dict[tuple[str, int], torch.Tensor]:
    """The raw activations at (kind, layer) sites in one forward pass; each site must run exactly once.

    Raises:
        UnsupportedSite: a site does not exist, or did not run exactly once.
    """
    for site, _ in sites:
        if site not in SITES:
            kind(site)
    seen: dict[tuple[str, int], list[torch.Tensor]] = {place: [] for place in sites}
    with hooked([after(model.hook_point(*place), outputs.append) for place, outputs in seen.items()]):
        model.states(batch)
    for place, outputs in seen.items():
        if len(outputs) != 1:
            raise UnsupportedSite(
                f"{place} ran {len(outputs)} times in one pass of {model.name!r}; a site must run exactly once"
            )
    return {place: outputs[0] for place, outputs in seen.items()}


def _shaped(model: Model, site: str, values: torch.Tensor) -> np.ndarray:
    if kind(site).axes[-1] == "head_dimension":
        values = values.reshape(*values.shape[:2], -1, model.d_head)
    return values.float().cpu().numpy()
