import json
import math

import pytest
import torch

import workbench as wb
from tests.merging import folders
from workbench.errors import BadArgument, NotFinite
from workbench.merging.recipes import sparsify

QUIET = {"progress": False}
TASK, LANGUAGE = (3.0, -1.0, 0.5, 0.0), (-2.0, -2.0, 0.4, 1.0)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A base of zeros, and experts whose every tensor repeats the same four differences."""
    folder = tmp_path_factory.mktemp("small")
    base = folders.filled(folders.tiny(folder / "model"), folder / "base", 0.0)
    for name, four in (("task", TASK), ("language", LANGUAGE)):
        own = {
            key: torch.tensor(four).repeat(tensor.numel() // 4).reshape(tensor.shape)
            for key, tensor in folders.weights(base).items()
        }
        folders.copy(base, folder / name, own)
    return wb.merging.pair(base, folder / "task", folder / "language")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """The shipped base and two experts of it, in float32."""
    folder = tmp_path_factory.mktemp("tuned")
    wide = [folders.tuned(folders.BASE, folder / str(seed), seed, dtype=torch.float32) for seed in (1, 2)]
    base = folders.tuned(folders.BASE, folder / "base", 0, size=0.0, dtype=torch.float32)
    return wb.merging.pair(base, *wide)


def repeated(folder):
    """The four numbers that every tensor of a folder repeats."""
    fours = torch.cat([tensor.reshape(-1, 4) for tensor in folders.weights(folder).values()])
    assert torch.equal(fours, fours[:1].expand_as(fours))
    return fours[0].tolist()


@pytest.mark.parametrize(
    ("how", "options", "expected"),
    [
        ("linear", {}, (0.5, -1.5, 0.45, 0.5)),
        ("linear", {"weights": (3.0, 1.0)}, (1.75, -1.25, 0.475, 0.25)),
        ("arithmetic", {}, (1.0, -3.0, 0.9, 1.0)),
        ("arithmetic", {"weights": (1.0, -1.0)}, (5.0, 1.0, 0.1, -1.0)),
        ("ties", {"density": 1.0}, (3.0, -1.5, 0.45, 1.0)),
    ],
)
def test_hand_made_differences(small, tmp_path, how, options, expected):
    merged = wb.merging.combine(small, how, out=tmp_path / "out", **options, **QUIET)
    assert repeated(merged) == pytest.approx(expected, abs=1e-6)


def test_ties_of_four_weights(small, tmp_path):
    """The taus as one vector of four: half of each remains, 3 and -1, -2 and -2."""
    source = {
        name: (lambda _, start, stop, four=four: torch.tensor(four)[start:stop])
        for name, four in (("task", TASK), ("language", LANGUAGE))
    }
    trimmed = [sparsify.Largest(one, lambda _: iter([(0, 4)]), 0.5)("x", 0, 4).tolist() for one in source.values()]
    assert trimmed == [[3.0, -1.0, 0.0, 0.0], [-2.0, -2.0, 0.0, 0.0]]
    merged = wb.merging.combine(small, "ties", density=0.5, out=tmp_path / "out", **QUIET)
    assert repeated(merged) == [3.0, -1.5, 0.0, 0.0]


def ties_by_sorting(pair, density, whole):
    """TIES, with everything in memory and whole sorted vectors."""
    base = folders.weights(pair.base.folder)
    trimmed = []
    for expert in pair.experts.values():
        own = folders.weights(expert.folder)
        tau = {name: (own[name].float() - base[name].float()).flatten() for name in sorted(base)}
        groups = [list(tau)] if whole else [[name] for name in tau]
        for names in groups:
            joined = torch.cat([tau[name] for name in names])
            order = joined.abs().argsort(descending=True, stable=True)
            joined[order[max(1, int(density * len(joined))) :]] = 0
            for name, part in zip(names, joined.split([len(tau[name]) for name in names]), strict=True):
                tau[name] = part
        trimmed.append(tau)
    merged = {}
    for name in base:
        both = torch.stack([tau[name] for tau in trimmed])
        sign = torch.where(both.sum(0) >= 0, 1.0, -1.0)
        agree = both.sign() == sign
        change = (both * agree).sum(0) / agree.sum(0).clamp(min=1)
        merged[name] = (base[name].float() + change.reshape(base[name].shape)).to(base[name].dtype)
    return merged


@pytest.mark.parametrize("scope", ["tensor", "vector"])
@pytest.mark.parametrize("density", [0.2, 0.77])
def test_ties_is_that_of_whole_sorted_vectors(tuned, tmp_path, monkeypatch, scope, density):
    monkeypatch.setattr("workbench.merging.checkpoint.PIECE", 5000)  # several pieces in most tensors
    merged = wb.merging.combine(tuned, "ties", density=density, scope=scope, out=tmp_path / "out", **QUIET)
    own, expected = folders.weights(merged), ties_by_sorting(tuned, density, scope == "vector")
    for name, tensor in expected.items():
        assert torch.allclose(own[name], tensor, atol=1e-7, rtol=0), name


def test_equal_sizes_remain_from_the_front():
    values = torch.tensor([1.0, -2.0, 2.0, 2.0, -2.0, 0.5])
    pieces = [(0, 2), (2, 4), (4, 6)]
    trim = sparsify.Largest(lambda _, start, stop: values[start:stop], lambda _: iter(pieces), 0.5)
    assert torch.cat([trim("x", *piece) for piece in pieces]).tolist() == [0.0, -2.0, 2.0, 2.0, 0.0, 0.0]


@pytest.mark.parametrize("rescale", ["density", "norm"])
def test_dare_drops_at_random_and_scales_up(tuned, tmp_path, rescale):
    options = {"density": 0.25, "rescale": rescale, "weights": (1.0, 0.0), **QUIET}
    merged = wb.merging.combine(tuned, "dare", out=tmp_path / "out", **options)
    own, base = folders.weights(merged), folders.weights(tuned.base.folder)
    for name, tensor in folders.weights(tuned.task.folder).items():
        tau, change = tensor - base[name], own[name] - base[name]
        remain = change != 0
        expected = 0.25 * tensor.numel()
        assert abs(int(remain.sum()) - expected) < 5 * math.sqrt(expected * 0.75) + 1
        if rescale == "density":
            assert torch.allclose(change[remain], 4 * tau[remain], atol=1e-5)
        else:
            assert float(change.abs().sum()) == pytest.approx(float(tau.abs().sum()), rel=1e-3)


def test_dare_is_a_function_of_the_seed_and_not_of_the_pieces(tuned, tmp_path, monkeypatch):
    merged = []
    for number, (seed, piece) in enumerate([(0, 2**20), (0, 999), (1, 2**20)]):
        monkeypatch.setattr("workbench.merging.checkpoint.PIECE", piece)
        merged.append(wb.merging.combine(tuned, "dare", seed=seed, out=tmp_path / str(number), **QUIET))
    data = [(folder / folders.WEIGHTS).read_bytes() for folder in merged]
    assert data[0] == data[1] != data[2]


@pytest.mark.parametrize(("how", "weights"), [("arithmetic", (1.0, 0.0)), ("linear", (0.0, 1.0)), ("ties", (1.0, 0.0))])
def test_one_expert_alone_gives_that_expert(tuned, tmp_path, how, weights):
    options = {"density": 1.0} if how == "ties" else {}
    merged = wb.merging.combine(tuned, how, weights=weights, out=tmp_path / "out", **options, **QUIET)
    expert = tuned.task if weights[0] else tuned.language
    own = folders.weights(merged)
    for name, tensor in folders.weights(expert.folder).items():
        assert torch.allclose(own[name], tensor, atol=1e-7, rtol=0)
    assert set(json.loads((merged / "merge.json").read_text())["tensors"].values()) == {how}


def test_no_base_where_none_is_needed(tuned, tmp_path):
    pair = wb.merging.pair(None, tuned.task.folder, tuned.language.folder)
    wb.merging.combine(pair, "linear", out=tmp_path / "out", **QUIET)
    with pytest.raises(BadArgument, match="how='ties' needs the model that both were tuned from"):
        wb.merging.combine(pair, "ties", out=tmp_path / "other", **QUIET)


@pytest.mark.parametrize(
    ("how", "options", "message"),
    [
        ("linear", {"weights": (1.0, -1.0)}, "sum to 0"),
        ("linear", {"weights": (1.0,)}, "weights has 1 entries"),
        ("arithmetic", {"density": 0.5}, "density=0.5 is an option of how='ties' and 'dare'"),
        ("ties", {"density": 0.0}, "density=0.0; give a finite number above 0"),
        ("dare", {"scope": "vector"}, "scope='vector' is an option of how='ties'"),
        ("ties", {"rescale": "norm"}, "rescale='norm' is an option of how='dare'"),
        ("lora", {}, "stacks two adapters, and these are whole models"),
        ("slerp", {}, "how='slerp'"),
    ],
)
def test_options_that_cannot_be(small, tmp_path, how, options, message):
    with pytest.raises(BadArgument, match=message):
        wb.merging.combine(small, how, out=tmp_path / "out", **options, **QUIET)


def test_weights_that_overflow_their_type_are_refused(small, tmp_path):
    with pytest.raises(NotFinite, match=r"too large for torch\.float16"):
        wb.merging.combine(small, "arithmetic", weights=(1e5, 0.0), dtype="float16", out=tmp_path / "out", **QUIET)
    assert not (tmp_path / "out").exists()
