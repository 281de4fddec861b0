"""The graph as a Result: its nodes, its sums, its scores, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from tests.circuits.graphs.graph_cases import exact, relu_model
from tests.models import byte_tokenizer, tiny
from workbench.circuits import graph
from workbench.errors import BadTranscoder, Interrupted, TooLarge, UnsupportedSite

TEXT = "Guten Tag"


def sums(result):
    """What comes into each node, [node]."""
    return np.bincount(result.edge_target, result.weight.astype(float), result.sizes["node"])


def read(result):
    """Nodes that read something, by what they are, with the edges into each."""
    names = ["kind", "layer", "position", "feature", "token_id"]
    nodes = list(zip(*(result[name].values.tolist() for name in names), strict=True))
    into = {node: {} for node in nodes if node[0] in ("feature", "target")}
    ends = zip(result.edge_source.values, result.edge_target.values, result.weight.values, strict=True)
    for source, target, weight in ends:
        into[nodes[target]][nodes[source]] = float(weight)
    return into


@pytest.fixture(scope="module")
def traced():
    return graph(random_transcoder(3, 32), model_of(), TEXT, progress=False)


def test_edges_sum_to_what_is_read(traced):
    reads = np.isin(traced.kind, ["feature", "target"])
    np.testing.assert_allclose(sums(traced)[reads], traced.value.values[reads], atol=2e-5)
    assert np.isnan(traced.value.values[~reads]).all() and not sums(traced)[~reads].any()
    assert traced.attrs["residue"] < 1e-5 and traced.attrs["dropped"] == 0


def test_nodes_are_the_active_features_and_all_else(traced):
    model, transcoder = model_of(), random_transcoder(3, 32)
    states = wb.model.capture(model, TEXT, "mlp_in").mlp_in.values[0]
    active = [transcoder.encode(layer, torch.tensor(states[layer])).numpy() for layer in range(3)]
    expected = [(layer, *place) for layer in range(3) for place in np.argwhere(active[layer] > 0).tolist()]
    some = traced.isel(node=(traced.kind == "feature").values)
    assert (
        list(zip(*(some[name].values.tolist() for name in ("layer", "position", "feature")), strict=True)) == expected
    )
    np.testing.assert_allclose(some.activation, [active[i][p, f] for i, p, f in expected], rtol=1e-4)
    with_bias = some.value.values + transcoder.encoder_bias.numpy()[some.layer, some.feature]
    np.testing.assert_allclose(with_bias, some.activation, atol=1e-5)
    counts = traced.kind.to_series().value_counts()
    assert (counts["error"], counts["embedding"], counts["bias"], counts["target"]) == (30, 10, 1, 10)
    assert traced.token.values.tolist() == ["<bos>", *TEXT]
    assert traced.label.values[(traced.kind == "embedding").values].tolist() == traced.token.values.tolist()


def test_edges_lead_forwards_alone(traced):
    source, target = (traced.isel(node=traced[end].values) for end in ("edge_source", "edge_target"))
    reads = np.where(target.kind == "target", 3, target.layer)
    assert (source.layer.values < reads).all()
    assert (source.position.values <= target.position.values).all()
    assert (traced.weight != 0).all()


def test_default_targets_are_the_likeliest_tokens_by_their_probability(traced):
    logits = model_of().logits(TEXT)[0, -1].detach()
    some = traced.isel(node=(traced.kind == "target").values)
    best = logits.softmax(-1).topk(10)
    assert some.token_id.values.tolist() == best.indices.tolist()
    np.testing.assert_allclose(some.probability, best.values, rtol=1e-5)
    np.testing.assert_allclose(some.target_weight, best.values, rtol=1e-5)
    np.testing.assert_allclose(some.value, logits[best.indices] - logits.mean(), atol=1e-5)


def test_an_exact_transcoder_leaves_no_errors():
    model = relu_model()
    result = graph(exact(model), model, TEXT, progress=False)
    from_errors = result.kind.values[result.edge_source.values] == "error"
    assert np.abs(result.weight.values[from_errors]).max(initial=0) < 1e-5
    assert result.attrs["replacement"] == pytest.approx(1, abs=1e-5)
    assert result.attrs["completeness"] == pytest.approx(1, abs=1e-5)


def test_released_scores_flatter(traced):
    other = graph(random_transcoder(3, 32), model_of(), TEXT, variant="released", progress=False)
    assert other.attrs["replacement"] == traced.attrs["replacement"]
    assert other.attrs["completeness"] > traced.attrs["completeness"]


@pytest.mark.parametrize("most", [1, 60])
def test_features_beyond_the_most_are_counted_and_the_others_keep_their_edges(traced, most):
    result = graph(random_transcoder(3, 32), model_of(), TEXT, max_features=most, progress=False)
    features = int((result.kind == "feature").sum())
    assert features == most and result.attrs["dropped"] == traced.attrs["active"] - most
    whole = read(traced)
    for node, edges in read(result).items():
        assert edges == pytest.approx({source: whole[node][source] for source in edges}, abs=1e-5)
    assert result.attrs["residue"] < 1e-5


def test_features_are_chosen_by_influence(traced, monkeypatch):
    monkeypatch.setattr("workbench.circuits.graphs.local_model._MOST", 2)
    result = graph(random_transcoder(3, 32), model_of(), TEXT, max_features=40, progress=False)
    chosen = {node for node in read(result) if node[0] == "feature"}
    named = [node for node in read(traced) if node[0] == "feature"]
    best = np.argsort(-traced.influence.values[: len(named)])[:40]
    assert len(chosen & {named[number] for number in best}) >= 30  # ranked on the way, not at the end


def test_a_layer_without_a_transcoder_is_an_error():
    whole = random_transcoder(3, 32, kind="per_layer")
    parts = {
        name: getattr(whole, name)[[0, 2]]
        for name in (
            "encoder", "encoder_bias", "threshold", "decoder_bias", "input_scale", "output_scale"
        )
    }  # fmt: skip
    some = wb.circuits.Transcoder(
        kind="per_layer", layers=(0, 2), decoder=(whole.decoder[0], whole.decoder[2]), **parts
    )
    result = graph(some, model_of(), TEXT, progress=False)
    reads = np.isin(result.kind, ["feature", "target"])
    np.testing.assert_allclose(sums(result)[reads], result.value.values[reads], atol=2e-5)
    assert set(result.layer.values[(result.kind == "feature").values]) == {0, 2}


def test_it_is_stored_whole(traced, tmp_path):
    again = wb.load_result(wb.save_result(traced, tmp_path / "graph.nc"))
    assert again.identical(traced)


def test_without_active_features_all_is_errors_and_embeddings():
    silent = random_transcoder(3, 32)
    result = graph(replace(silent, threshold=silent.threshold + 1e6), model_of(), TEXT, progress=False)
    assert set(result.kind.values) == {"error", "embedding", "bias", "target"} and result.attrs["active"] == 0
    np.testing.assert_allclose(sums(result)[-10:], result.value.values[-10:], atol=2e-5)


@pytest.mark.parametrize("kind", ["opt", "xglm"])
def test_models_that_are_not_linear_are_refused(kind, wrapped):
    with pytest.raises(UnsupportedSite, match="'linear'"):
        graph(random_transcoder(3, 32), wrapped(kind), TEXT, progress=False)


def test_a_transcoder_of_another_model_is_refused():
    with pytest.raises(BadTranscoder, match="width 16"):
        graph(random_transcoder(3, 16), model_of(), TEXT, progress=False)


def test_narrow_types_do_not_sum():
    model = wb.load_model(tiny("llama"), tokenizer=byte_tokenizer(), dtype="bfloat16")
    with pytest.raises(UnsupportedSite, match="load it in float32"):
        graph(random_transcoder(3, 32), model, TEXT, progress=False)


def test_edges_that_do_not_fit_say_how_many_would():
    model = model_of()
    model.memory = 100_000
    with pytest.raises(TooLarge, match=r"max_features=\d+ would fit") as refusal:
        graph(random_transcoder(3, 32), model, TEXT, progress=False)
    fits = int(str(refusal.value).split("max_features=")[1].split()[0])
    assert graph(random_transcoder(3, 32), model, TEXT, max_features=fits, progress=False).attrs["dropped"] > 0


def test_it_can_be_stopped(monkeypatch):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.circuits.graphs.local_model.LocalModel.edges", stop)
    with pytest.raises(Interrupted):
        graph(random_transcoder(3, 32), model_of(), TEXT, progress=False)


@pytest.mark.parametrize(
    "sites", [("residual_post", "residual_post"), ("mlp_out", "mlp_out"), ("mlp_in", "residual_post")]
)
def test_features_of_other_sites_are_refused_in_a_line(sites):
    made = replace(random_transcoder(3, 32, kind="per_layer"), reads=sites[0], writes=sites[1])
    with pytest.raises(UnsupportedSite, match="read before an MLP"):
        graph(made, model_of(), TEXT, progress=False)


def test_a_direction_in_which_contributions_cancel_is_no_gap():
    model = model_of()
    final = model.states(model.batch(TEXT))[0, -1].detach()
    across = torch.randn(32, generator=torch.Generator().manual_seed(0))
    across -= (across @ final) / (final @ final) * final
    result = graph(random_transcoder(3, 32), model, TEXT, target=across, progress=False)
    target = result.isel(node=(result.kind == "target").values)
    assert abs(float(target.value[0])) < 1e-4 and result.attrs["residue"] < 1e-4
