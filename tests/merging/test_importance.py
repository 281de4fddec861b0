"""What an expert loses when groups of its tensors are put back."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument
from workbench.merging.diffing.put_back import places_of, put_back
from workbench.model.load import load_model
from workbench.results.statistics import interval
from workbench.text.tasks.task import Task

QUICK = {"progress": False, "batch_size": 8}


def module(changed=(), *, seed=7, size=0.3):
    """A llama of five layers, with the weights of these names moved at random."""
    torch.manual_seed(0)
    config = {**tiny("llama").config.to_dict(), "num_hidden_layers": 5}
    made = LlamaForCausalLM(LlamaConfig(**config)).float().eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if weight.dim() > 1 and "embed" not in name:
                torch.nn.init.normal_(weight, std=0.15, generator=torch.Generator().manual_seed(len(name)))
        for name, weight in made.named_parameters():
            if any(part in name for part in changed):
                weight += size * torch.randn_like(weight)
    return made


def loaded(changed=(), **how):
    return load_model(module(changed, **how), tokenizer=byte_tokenizer())


def questions(name, languages=("de", "en"), *, items=30, seed=0, aligned=True):
    """Items of random letters with four options."""
    rng = np.random.default_rng(seed)

    def word():
        return "".join(rng.choice(list("abcdefgh"), 4))

    context = {code: tuple(f"{code} {word()}" for _ in range(items)) for code in languages}
    options = {code: tuple(tuple(word() for _ in range(4)) for _ in range(items)) for code in languages}
    gold = tuple(frozenset({int(rng.integers(4))}) for _ in range(items))
    return Task(name, context, options, gold, tuple(f"{name}{n}" for n in range(items)), aligned=aligned)


def answered(model, task):
    """The task whose right options are those that the model picks; one language."""
    picks = wb.evaluation.accuracy(model, task, **QUICK).choice.values[0]
    gold = tuple(frozenset({int(pick)}) for pick in picks)
    return Task(task.name, task.context, task.options, gold, task.ids)


def test_a_task_planted_in_layer_3_peaks_there():
    expert, base = loaded(["layers.3."]), loaded()
    task = answered(expert, questions("task", ["de"]))
    other = answered(base, questions("other", ["de"], seed=1))
    result = wb.merging.importance(expert, base, {"task": task, "other": other}, **QUICK)
    assert result.group.values.tolist() == [*(f"layer {n}" for n in range(5)), "ends"]
    loss = result.loss.sel(task="task")
    assert loss.idxmax() == "layer 3"
    assert (loss.drop_sel(group="layer 3") == 0).all()
    assert loss.max() > 20
    assert result.low.sel(task="task", group="layer 3") > 0
    assert result.accuracy.sel(task="task") == 100
    assert np.isclose(result.whole.sel(task="task"), loss.max())
    assert result.loss.sel(task="other", group="layer 3") < 0  # the base is right, so that putting back helps
    assert np.isclose(result.accuracy.sel(task="other") - result.loss.sel(task="other", group="layer 3"), 100)


@pytest.mark.parametrize("aligned", [True, False])
def test_the_loss_is_the_difference_of_accuracies_measured_apart(aligned):
    expert, base = loaded([""]), loaded()
    task = questions("task", aligned=aligned)
    groups = {"attention": ["q", "k", "v", "o"], "layer 2": [2], "mlp 4": [(4, "up"), (4, "down"), (4, "gate")]}
    result = wb.merging.importance(expert, base, {"task": task}, groups, **QUICK)
    full = wb.evaluation.accuracy(expert, task, **QUICK)
    inside = {
        "attention": lambda name: "self_attn" in name,
        "layer 2": lambda name: "layers.2." in name,
        "mlp 4": lambda name: "layers.4.mlp" in name,
    }
    original = dict(module().named_parameters())
    for group, belongs in inside.items():
        mixed = module([""])
        with torch.no_grad():
            for name, weight in mixed.named_parameters():
                if belongs(name):
                    weight.copy_(original[name])
        part = wb.evaluation.accuracy(load_model(mixed, tokenizer=byte_tokenizer()), task, **QUICK)
        gap = 100 * (full.correct - part.correct).transpose("language", "item").values
        assert np.isclose(result.loss.sel(group=group, task="task"), gap.mean())
        low, high = interval(gap.mean(0), seed=3) if aligned else (None, None)
        if aligned:  # other draws of the same distribution
            assert abs(result.low.sel(group=group, task="task") - low) < 4
            assert abs(result.high.sel(group=group, task="task") - high) < 4
    assert np.isclose(result.accuracy[0], 100 * full.accuracy.mean())


def test_profiles_are_compared_with_another_seed_and_with_shuffled_data():
    expert, base = loaded(["layers"], size=0.2), loaded()
    tasks = {"a": questions("a", items=60), "b": questions("b", items=60, seed=5)}
    result = wb.merging.importance(expert, base, tasks, ceiling=loaded(["layers"], size=0.2), floor=loaded(), **QUICK)
    assert np.allclose(result.ceiling_correlation, 1)
    assert np.allclose(result.ceiling_loss, result.loss)
    assert (result.floor_loss == 0).all()
    assert np.isnan(result.floor_correlation).all()  # all its losses are equal
    assert np.allclose(np.diag(result.correlation), 1)
    assert np.isclose(result.correlation[0, 1], result.correlation[1, 0])
    between = result.correlation_low[0, 1], result.correlation_high[0, 1]
    assert between[0] < between[1]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bloom", "phi3", "qwen3_moe"])
def test_putting_all_back_gives_the_base_and_afterwards_the_expert_byte_for_byte(kind):
    expert, base = (load_model(tiny(kind, seed), tokenizer=byte_tokenizer()) for seed in (1, 0))
    texts = ["Der Hund", "Es"]
    logits, own = base.logits(texts), expert.logits(texts)
    stored = {name: weight.detach().clone() for name, weight in expert.module.named_parameters()}
    places = places_of(expert)
    with put_back(expert, base, set(places)):
        assert torch.equal(expert.logits(texts), logits)
    with pytest.raises(KeyboardInterrupt), put_back(expert, base, set(places)):
        raise KeyboardInterrupt
    for name, weight in expert.module.named_parameters():
        assert torch.equal(weight, stored[name])
    assert torch.equal(expert.logits(texts), own)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bloom", "phi3"])
def test_each_group_of_a_layer_matters(kind):
    """A group that is put back changes the logits: it is not a copy that the model does not read."""
    expert, base = (load_model(tiny(kind, seed), tokenizer=byte_tokenizer()) for seed in (1, 0))
    own, places = expert.logits("Der Hund"), places_of(expert)
    weighty = {place for name, place in places.items() if name.endswith("weight") and place[1] != "norm"}
    for place in weighty:
        with put_back(expert, base, {name for name, other in places.items() if other == place}):
            assert not torch.equal(expert.logits("Der Hund"), own), place
    assert len(weighty) > 6


def test_bad_input_is_refused():
    expert, base = loaded([""]), loaded()
    task = questions("task")
    with pytest.raises(BadArgument, match=r"groups: .* has no 'tail'"):
        wb.merging.importance(expert, base, {"task": task}, ["q", "tail"], **QUICK)
    with pytest.raises(BadArgument, match="two or more"):
        wb.merging.importance(expert, base, {"task": task}, ["q"], **QUICK)
    with pytest.raises(BadArgument, match="'whole' is all parameters"):
        wb.merging.importance(expert, base, {"task": task}, {"whole": [0], "rest": [1, 2]}, **QUICK)
    other = load_model(tiny("llama"), tokenizer=byte_tokenizer())
    with pytest.raises(BadArgument, match=r"layers\.3\..* missing .*tuned from"):
        wb.merging.importance(expert, other, {"task": task}, **QUICK)
