"""Attribution graphs: how embeddings, features and errors make up a prediction, by direct linear contributions."""

from typing import Any

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from workbench.arguments import checked, whole_number
from workbench.circuits.graphs.expand import Expanded, expand
from workbench.circuits.graphs.influence import Variant, scores, shares
from workbench.circuits.graphs.local_model import LocalModel, local_model
from workbench.circuits.graphs.targets import Targets, read_targets
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import Interrupted
from workbench.model.forward.alone import turn
from workbench.model.model import Model
from workbench.results.make import Variables, make_result
from workbench.text.tokens.pieces import token_texts


@checked
def graph(
    transcoder: Transcoder,
    model: Model,
    prompt: str,
    *,
    target: Any = None,
    max_features: int = 4096,
    variant: Variant = "paper",
    progress: bool = True,
) -> xr.Dataset:
    """Trace a prediction to embeddings, features and errors, through the model with its MLPs replaced by a transcoder.

    In the local model of the prompt, attention patterns and norms' denominators are constants, and each MLP's output is
    what features write, a bias, and an error, the rest. So what every active feature reads, and the prediction, is a
    sum of contributions. Nodes are the embedding of each position, active features, the error of each layer and
    position, one bias, and the targets. An edge is the contribution of its source to what its target reads: to a
    feature's pre-activation without b_enc, or to the product of a target's direction and the final normed state. It is
    checked that contributions sum to that.

    Args:
        transcoder: features of the model's MLPs.
        model: the model, in float32.
        prompt: the text before the prediction.
        target: None for the likeliest next tokens, at most 10 that reach 95 % of the probability and each counted by
            its probability; a word, or a token id; a pair (answer, foil) of these for the difference of their logits;
            a direction of the final normed state [d], or what `circuits.direction` gives. A token's direction is its
            unembedding less the mean over the vocabulary.
        max_features: features that become nodes; if more are active, those of most influence on the targets, ranked as
            the graph grows.
        variant: `paper` takes completeness over nodes that receive something; `released` counts embeddings and errors
            as fully explained nodes, as published code does.

    Returns:
        Over `edge`: `weight`, and `edge_source` and `edge_target`, numbers of nodes. Over `node`, in this order:
        features, errors, embeddings, the bias, targets: `kind`; `layer` (-1 for embeddings and the bias, the number of
        layers for targets); `position` (-1 for the bias); `feature`, its number in its layer (-1 for others);
        `activation` of features; `value`, what a feature or target reads, which the edges into it sum to; `influence`
        on the targets; `label`, the token of an embedding or the name of a target, with `token_id` (-1 where there is
        none), `probability` of a target's token and `target_weight`, what it counts. `token[place]`, the prompt's
        tokens. Attributes: `replacement`, the influence of embeddings over that of embeddings and errors;
        `completeness`, the mean share of what nodes receive that does not come from errors; `residue`, the largest gap
        between the sum of edges and a value, in units of typical values of its layer, before features are dropped;
        `active`, features; `dropped`, those beyond `max_features`, whose edges are left out; `influence`, the sum over
        all nodes.

    Raises:
        UnsupportedSite: the model cannot be made linear, or contributions do not sum to what is read.
        BadTranscoder: the transcoder is of a model of another shape.
        BadArgument: the target is none of the above.
        BadCorpus: the prompt is blank.
        TooLarge: the edges do not fit in memory; names how many features do.
        NotFinite: an edge is NaN or infinite.
        Interrupted: `partial` is None.

    Source:
        Ameisen et al. 2025, "Circuit Tracing" (transformer-circuits.pub/2025/attribution-graphs/methods.html), whose
        released code leaves out BOS and biases.

    Example:
        >>> graph = circuits.graph(transcoder, model, 'Deutsch: "Hund" - Français: "')                 # doctest: +SKIP
        >>> circuits.prune(graph).kind.to_series().value_counts()                                      # doctest: +SKIP
    """
    whole_number("max_features", max_features, at_least=1)
    model.require("linear")
    with turn(model), torch.no_grad():
        batch = model.batch(prompt)
        ids = batch.ids[0].tolist()
        targets = read_targets(model, prompt, ids, target, model.logits(batch)[0, -1])
        local = local_model(transcoder, model, batch)
        vectors = targets.vectors.to(local.frozen.final)
        total = min(max_features, local.n_features)
        bar = tqdm(total=total, desc=f"edges of {total} features", unit="feature", disable=not progress)
        try:
            expanded = expand(
                local, vectors, torch.as_tensor(targets.weights), max_features, size=local.stack, step=bar.update
            )
        except KeyboardInterrupt:
            raise Interrupted("interrupted: the graph is not finished, no partial result", None) from None
        finally:
            bar.close()
    options = {"prompt": prompt, "target": list(targets.names), **targets.record, "max_features": max_features}
    options |= {"variant": variant, "transcoder": transcoder.info}
    tokens = np.array(token_texts(model.tokenizer, ids), dtype=object)
    nodes = _nodes(local, expanded, targets, tokens)
    source, target, weight = _edges(local, expanded, len(targets.names))
    parts = shares(source, target, weight, nodes["target_weight"][1])
    influence = parts.influence()
    replacement, completeness = scores(parts, influence, nodes["kind"][1], variant)
    variables: Variables = {
        "weight": (("edge",), weight, "contribution of the source to what the target reads"),
        "edge_source": (("edge",), source, "number of the source node"),
        "edge_target": (("edge",), target, "number of the target node"),
        **nodes,
        "influence": (("node",), influence, "influence on the targets over all paths"),
        "token": (("place",), tokens, "token"),
    }
    attrs = {"replacement": replacement, "completeness": completeness, "residue": expanded.residue}
    attrs |= {"active": local.n_features, "dropped": local.n_features - len(expanded.features)}
    attrs |= {"influence": float(influence.sum()), "prompt": prompt, "variant": variant}
    return make_result(variables, {}, method="circuits.graph", parameters=options, model=model.info, attrs=attrs)


def _nodes(local: LocalModel, expanded: Expanded, targets: Targets, tokens: np.ndarray) -> Variables:
    """Features, errors by layer and position, embeddings by position, the bias, targets."""
    some = expanded.features.to(local.place.device)
    layers, positions, n_targets = local.n_layers, np.arange(local.n_positions), len(targets.names)
    layer = np.array(local.transcoder.layers)[local.place[some].cpu().numpy()]
    counts = (len(some), layers * len(positions), len(positions), 1, n_targets)

    def joined(*parts: Any) -> np.ndarray:
        return np.concatenate([np.broadcast_to(part, count) for part, count in zip(parts, counts, strict=True)])

    unknown, read = float("nan"), expanded.values.double().numpy()
    by_layer, again = np.repeat(np.arange(layers), len(positions)), np.tile(positions, layers)
    own, last = local.position[some].cpu().numpy(), len(positions) - 1
    number, activation = local.feature[some].cpu().numpy(), local.activation[some].double().cpu().numpy()
    none, names = np.array("", dtype=object), np.array(targets.names, dtype=object)
    kinds = [np.array(kind, dtype=object) for kind in ("feature", "error", "embedding", "bias", "target")]
    values = read[n_targets:], unknown, unknown, unknown, read[:n_targets]
    return {
        "kind": (("node",), joined(*kinds), "kind of node"),
        "layer": (("node",), joined(layer, by_layer, -1, -1, layers), "layer"),
        "position": (("node",), joined(own, again, positions, -1, last), "position"),
        "feature": (("node",), joined(number, -1, -1, -1, -1), "number of the feature in its layer"),
        "activation": (("node",), joined(activation, *[unknown] * 4), "activation"),
        "value": (("node",), joined(*values), "what it reads: a pre-activation without b_enc, or a target's value"),
        "label": (("node",), joined(none, none, tokens, none, names), "token, or name of the target"),
        "token_id": (("node",), joined(-1, -1, local.frozen.batch.ids[0].cpu().numpy(), -1, targets.tokens), "its id"),
        "probability": (("node",), joined(*[unknown] * 4, targets.probabilities), "probability of a target's token"),
        "target_weight": (("node",), joined(0.0, 0.0, 0.0, 0.0, targets.weights), "what a target counts"),
    }


def _edges(local: LocalModel, expanded: Expanded, n_targets: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, target and weight of every edge that is not 0, into features first, then into targets."""
    columns = torch.cat([expanded.features, torch.arange(local.n_features, local.n_sources)])
    rows = expanded.edges[:, columns].numpy()
    rows = np.concatenate([rows[n_targets:], rows[:n_targets]])
    target, source = rows.nonzero()
    weight = rows[target, source]
    n_features = len(expanded.features)
    moved = target + (target >= n_features) * (len(columns) - n_features)  # targets are the last nodes
    return source.astype(np.int32), moved.astype(np.int32), weight
