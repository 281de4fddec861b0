"""Groups of features: read, and random ones that match them in layer and in how often they fire."""

import zlib
from collections.abc import Mapping

import numpy as np
import xarray as xr

from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument, BadCounts, BadResult
from workbench.neurons.counts.rates import read_rates
from workbench.results import groups as units
from workbench.results.groups import Groups

_DECILES = 10
_SHARE = 0.01  # of the features, taken from a score


def read_feature_groups(transcoder: Transcoder, groups: Groups) -> dict[str, np.ndarray]:
    """The features of every group: name -> [place in the transcoder's layers, feature] bool.

    Args:
        transcoder: the features.
        groups: a Result with `member[language, layer, feature]` or a score in these axes, or (layer, feature) pairs by
            group, with the model's numbers of the layers.

    Raises:
        BadResult: of another transcoder's shape or layers.
        BadArgument: no group, or a feature that does not exist.
    """
    layers, width = list(transcoder.layers), transcoder.n_features
    if isinstance(groups, xr.Dataset):
        if "layer" in groups.coords and groups["layer"].values.tolist() != layers:
            raise BadResult(f"the groups have the layers {groups['layer'].values.tolist()}, the transcoder {layers}")
        return units.read_groups(groups, len(layers), width, unit="feature", share=_SHARE)
    if isinstance(groups, Mapping):
        groups = {name: list(pairs) for name, pairs in groups.items()}
        for name, pairs in groups.items():
            for pair in pairs:
                if not units.is_pair(pair) or pair[0] not in layers or not 0 <= pair[1] < width:
                    raise BadArgument(
                        f"{pair!r} in group {str(name)!r} is no (layer, feature): there are layers {layers} and "
                        f"features 0 to {width - 1}"
                    )
        groups = {name: [(layers.index(pair[0]), pair[1]) for pair in pairs] for name, pairs in groups.items()}
    return units.read_groups(groups, len(layers), width, unit="feature", share=_SHARE)


def read_feature_rates(transcoder: Transcoder, firing: xr.Dataset) -> xr.DataArray:
    """Rates of features, [language, layer, feature], from counts of this transcoder.

    Raises:
        BadCounts: the counts cannot be what they claim to be, or are not of this transcoder's features.
    """
    rates = read_rates(firing, prefix=False)
    shape, layers = (len(transcoder.layers), transcoder.n_features), list(transcoder.layers)
    if rates.unit != "feature" or rates.shape != shape or rates.coords.get("layer", layers) != layers:
        counted = f"{list(rates.shape)} {rates.unit}s"
        raise BadCounts(f"the counts are of {counted}, the transcoder has {list(shape)} features in layers {layers}")
    values = rates.rate.reshape(-1, *shape)
    return xr.DataArray(values, {"language": firing["language"].values}, ("language", "layer", "feature"))


def read_matched(transcoder: Transcoder, source: xr.Dataset) -> np.ndarray:
    """What random groups match, [layer, feature]: mean rates of counts, or the influence that features have in a graph.

    Features that are not active on a graph's prompt have 0.

    Raises:
        BadCounts: the counts cannot be what they claim to be, or are not of this transcoder's features.
        BadResult: the graph is of another transcoder.
    """
    if "influence" not in source or "kind" not in source:
        return read_feature_rates(transcoder, source).values.mean(0)
    mine = source.kind.values == "feature"
    layers, features = source.layer.values[mine].astype(int), source.feature.values[mine].astype(int)
    if not set(layers.tolist()) <= set(transcoder.layers) or features.max(initial=0) >= transcoder.n_features:
        raise BadResult(f"the graph has features that {transcoder!r} lacks: it is of another transcoder")
    influence = np.zeros((len(transcoder.layers), transcoder.n_features))
    places = [transcoder.layers.index(layer) for layer in layers.tolist()]
    np.add.at(influence, (places, features), source.influence.values[mine])
    return influence


def matched_groups(
    name: str, mask: np.ndarray, rate: np.ndarray, count: int, *, seed: int, beside: np.ndarray | None = None
) -> np.ndarray:
    """Random groups outside a group, each feature in the layer and the decile of rates of one of the group's.

    Deciles are of the layer's features that fire; where one has too few features left, those of the nearest rate are
    taken. The draws depend on the seed and the group's name alone.

    Args:
        name: of the group.
        mask: its features, [layer, feature] bool.
        rate: how often each fires, [layer, feature].
        count: of groups to draw.
        seed: of the draws.
        beside: features that are not drawn either, [layer, feature] bool.

    Returns:
        [draw, layer, feature] bool.

    Raises:
        BadArgument: a layer has fewer features outside the group than in it.
    """
    drawn = np.zeros((count, *mask.shape), dtype=bool)
    barred = mask if beside is None else mask | beside
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    for layer in np.flatnonzero(mask.any(1)).tolist():
        own, others = np.flatnonzero(mask[layer]), np.flatnonzero(~barred[layer])
        if len(others) < len(own):
            raise BadArgument(
                f"group {name!r} has {len(own)} of the {mask.shape[1]} features of layer {layer}: too few are left to "
                "draw a random group of that size from; make the group smaller, or set controls=0"
            )
        fires = rate[layer][rate[layer] > 0]
        edges = np.quantile(fires, np.linspace(0, 1, _DECILES + 1)[1:-1]) if len(fires) else np.zeros(0)
        decile = np.where(rate[layer] > 0, np.searchsorted(edges, rate[layer]), -1)
        for draw in range(count):
            left = generator.permutation(others)
            for feature in generator.permutation(own).tolist():
                same = np.flatnonzero(decile[left] == decile[feature])
                near = np.abs(rate[layer, left] - rate[layer, feature])
                place = int(same[0]) if len(same) else int(near.argmin())
                drawn[draw, layer, left[place]] = True
                left = np.delete(left, place)
    return drawn
