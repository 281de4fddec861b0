"""Where two tunings differ: by hand on planted changes, and against chance."""

import numpy as np
import pytest
import torch
from scipy.stats import hypergeom

import workbench as wb
from tests.merging.folders import copy, tiny, tuned, weights
from workbench.errors import BadArgument
from workbench.merging.difference import by_chance

PLACES = {"gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj"}
PLACES |= {group: f"self_attn.{group}_proj" for group in "qkvo"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("base") / "base")


def changed(base, folder, change):
    """A copy of the base with `change(name, tensor)` added to each tensor."""
    return copy(base, folder, {name: tensor + change(name, tensor) for name, tensor in weights(base).items()})


def noise(seed, only="", size=0.01):
    def change(name, tensor):
        generator = torch.Generator().manual_seed(seed)
        return size * torch.randn(tensor.shape, generator=generator) * (only in name)

    return change


def alternating(start):
    """Every second weight, from the first or from the second on."""

    def change(name, tensor):
        flat = torch.zeros(tensor.numel())
        flat[start::2] = 0.5
        return flat.reshape(tensor.shape)

    return change


def compared(base, task, language, **how):
    return wb.merging.difference(wb.merging.pair(base, task, language), progress=False, **how)


def test_equals_a_loop_over_all_weights(base, tmp_path):
    task, language = tuned(base, tmp_path / "task", 1), tuned(base, tmp_path / "language", 2)
    result = compared(base, task, language, top=0.1)
    tables = [weights(folder) for folder in (base, task, language)]
    for layer in range(3):
        for group, part in PLACES.items():
            old, first, second = (table[f"model.layers.{layer}.{part}.weight"].double().flatten() for table in tables)
            taus = [(first - old).float().numpy(), (second - old).float().numpy()]
            cell = result.sel(layer=layer, group=group)
            rms = [np.sqrt((tau.astype(float) ** 2).mean()) / np.sqrt((old.numpy() ** 2).mean()) for tau in taus]
            assert np.allclose(cell["size"], rms, rtol=1e-4)
            expected = taus[0] @ taus[1] / np.linalg.norm(taus[0]) / np.linalg.norm(taus[1])
            assert np.isclose(cell.cosine, expected, atol=1e-5)
            count = int(0.1 * len(old))
            sets = [set(np.argsort(-abs(tau), kind="stable")[:count].tolist()) for tau in taus]
            shared, either = len(sets[0] & sets[1]), len(sets[0] | sets[1])
            assert cell.selected.values.tolist() == [count, count]
            assert np.isclose(cell.overlap, shared / either)
            chance = hypergeom(len(old), count, count)
            assert np.isclose(cell.expected_overlap, chance.mean() / (2 * count - chance.mean()))
            assert np.isclose(cell.z, (shared - chance.mean()) / chance.std())
    old, first = (table["model.embed_tokens.weight"].double() for table in tables[:2])
    embedding = result.sel(tensor="model.embed_tokens.weight")
    rms = ((first - old) ** 2).mean().sqrt() / (old**2).mean().sqrt()
    assert np.isclose(embedding.tensor_size.sel(expert="task"), float(rms), rtol=1e-4)
    assert set(result.tensor.values) == {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"}


def test_disjoint_changes_have_cosine_and_overlap_0(base, tmp_path):
    even, odd = (changed(base, tmp_path / str(start), alternating(start)) for start in (0, 1))
    result = compared(base, even, odd)
    assert (result.cosine == 0).all()
    assert (result.overlap == 0).all()
    assert (result.z < 0).all()


def test_equal_changes_have_cosine_and_overlap_1(base, tmp_path):
    task = tuned(base, tmp_path / "task", 1)
    result = compared(base, task, task)
    assert np.allclose(result.cosine, 1)
    assert (result.overlap == 1).all()
    assert (result.z > 5).all()


def test_scaling_changes_nothing(tmp_path):
    base = tiny(tmp_path / "base")
    base = copy(base, tmp_path / "zero", {name: torch.zeros_like(tensor) for name, tensor in weights(base).items()})
    task, double = (changed(base, tmp_path / f"by{size}", noise(1, size=size)) for size in (0.25, 0.5))
    language = changed(base, tmp_path / "language", noise(2))
    results = [compared(base, expert, language) for expert in (task, double)]
    for name in ("cosine", "overlap", "expected_overlap", "z", "tensor_overlap"):
        assert np.allclose(results[0][name], results[1][name], equal_nan=True), name
    assert np.isnan(results[0]["size"]).all()  # the base is 0


def test_chance_is_hypergeometric():
    expected, deviation = by_chance(1000, 50, 50)
    assert expected == 2.5
    assert round(deviation, 3) == 1.503
    assert np.isclose(deviation, hypergeom(1000, 50, 50).std())
    assert np.isclose(by_chance(1000, 30, 70)[1], hypergeom(1000, 30, 70).std())
    assert by_chance(10, 10, 10) == (10, 0)


def test_a_change_planted_in_one_layer_peaks_there(base, tmp_path):
    task = changed(base, tmp_path / "task", noise(1, "layers.2.mlp"))
    result = compared(base, task, tuned(base, tmp_path / "language", 2))
    size = result["size"].sel(expert="task")
    assert set(size.group.values[(size > 0).any("layer")].tolist()) == {"gate", "up", "down"}
    assert (size.sel(group="up") > 0).values.tolist() == [False, False, True]
    assert np.isnan(result.cosine.sel(layer=0)).all()  # the task changed nothing there
    assert np.isfinite(result.cosine.sel(layer=2, group="up"))


def test_ceiling_and_floor_are_compared_with_the_task(base, tmp_path):
    shared = noise(1, "layers", size=0.02)
    task, again, floor, language = (
        changed(
            base,
            tmp_path / name,
            lambda name, tensor, own=own, part=part: part * shared(name, tensor) + own(name, tensor),
        )
        for name, own, part in (
            ("task", noise(11), 1),
            ("again", noise(12), 1),
            ("floor", noise(13), 0),
            ("language", noise(14), 0.5),
        )
    )
    result = compared(base, task, language, ceiling=again, floor=floor).isel(layer=1)
    assert result.expert.values.tolist() == ["task", "language", "ceiling", "floor"]
    large = result.sel(group="up")
    assert large.floor_cosine < large.cosine < large.ceiling_cosine
    assert large.floor_overlap < large.overlap < large.ceiling_overlap
    assert abs(large.floor_z) < 4 < large.ceiling_z


def test_masks_that_a_file_stores_are_no_weights(tmp_path):
    base = tiny(tmp_path / "base", "gpt2")
    mask = {"transformer.h.0.attn.bias": torch.tril(torch.ones(8, 8)).to(torch.uint8)[None, None]}
    experts = [tuned(base, tmp_path / str(seed), seed) for seed in (1, 2)]
    masked = [
        copy(folder, tmp_path / f"masked-{number}", {**weights(folder), **mask})
        for number, folder in enumerate([base, *experts])
    ]
    assert compared(*masked).drop_attrs().identical(compared(base, *experts).drop_attrs())


def test_a_base_is_needed_and_top_is_a_share(base, tmp_path):
    task = tuned(base, tmp_path / "task", 1)
    with pytest.raises(BadArgument, match="needs the model that both were tuned from"):
        compared(None, task, task)
    for top in (0.0, 1.5):
        with pytest.raises(BadArgument, match="top="):
            compared(base, task, task, top=top)
