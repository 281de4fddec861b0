"""Training: what changes and what may not, by SHA-256; and the loss of every step, against a plain loop in torch."""

import hashlib
import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch
import transformers

import workbench as wb
from tests.laboratories.cases import base, materials, recipe
from workbench.errors import BadArgument, BadCorpus, BrokenModel, NotFinite
from workbench.laboratories.parts.objectives import answers
from workbench.laboratories.recipe import Example
from workbench.laboratories.training.batches import endless, example_batches
from workbench.laboratories.training.loop import train

LAB = wb.laboratories
MADE = materials()
STEPS = {"steps": 3, "rate": 1e-2}


def digest(module):
    """SHA-256 of every tensor by name, also of tied ones."""
    every = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers())}
    return {name: hashlib.sha256(value.detach().numpy().tobytes()).hexdigest() for name, value in every.items()}


def changed(module, before):
    after = digest(module)
    assert after.keys() == before.keys()
    return {name for name in before if after[name] != before[name]}


def weights_of(module, *parts):
    return {name for name, _ in module.named_parameters(remove_duplicate=False) if any(part in name for part in parts)}


@pytest.mark.parametrize(
    ("kind", "trainable", "parts"),
    [
        ("llama", LAB.everything(), ("",)),
        ("llama", LAB.layers([1]), (".layers.1.",)),
        ("llama", LAB.layers([0, 2]), (".layers.0.", ".layers.2.")),
        ("llama", LAB.embeddings(), ("embed_tokens",)),
        ("gpt2", LAB.embeddings(), ("wte", "lm_head")),  # tied
        ("gpt2", LAB.embeddings(untie=True), ("wte",)),
        ("llama", LAB.lora(rank=2, targets=["q_proj", "v_proj"]), ("q_proj", "v_proj")),
        ("llama", LAB.head_mask(), ("o_proj",)),
        ("gpt2", LAB.head_mask(), ("attn.c_proj.weight",)),
    ],
)
def test_what_is_trained_changes_and_everything_else_stays_byte_for_byte(kind, trainable, parts):
    module = base(kind)
    before = digest(module)
    train(module, recipe(trainable=trainable, **STEPS), MADE)
    assert changed(module, before) == weights_of(module, *parts)
    assert not module.training


@pytest.mark.parametrize(
    "trainable",
    [
        LAB.everything(),
        LAB.layers([1]),
        LAB.embeddings(),
        LAB.lora(rank=2, targets=["q_proj"]),
        LAB.head_mask(),
        LAB.prompts(2),
    ],
)
def test_no_step_leaves_every_byte_and_every_logit(trainable):
    module, ids = base(), torch.tensor([[1, 70, 71, 72]])
    before, logits = digest(module), base()(input_ids=ids).logits
    assert len(train(module, recipe(trainable=trainable, steps=0), MADE)) == 0
    assert changed(module, before) == set()
    assert torch.equal(module(input_ids=ids).logits, logits)


@pytest.mark.parametrize("trainable", [LAB.everything(), LAB.lora(rank=2, targets=["q_proj"]), LAB.prompts(2, 2)])
def test_a_seed_gives_the_same_weights_and_another_seed_others(trainable):
    def trained(seed):
        module = base()
        losses = train(module, recipe(trainable=trainable, **STEPS), MADE, seed=seed)
        return digest(module), losses.tolist()

    assert trained(0) == trained(0)
    assert trained(0)[0] != trained(1)[0]


def plain_loop(module, given, seed):
    """The same training in torch alone; the losses."""
    rng = np.random.default_rng(seed)
    stream = example_batches(
        endless(given.data, MADE, rng), MADE.tokenizer, tokens=given.batch * given.length, length=given.length
    )
    module.requires_grad_(True)
    module.train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=given.rate, betas=(0.9, 0.98), weight_decay=0.0)
    rising, losses = math.ceil(given.warmup * given.steps), []
    for step in range(given.steps):
        batch = next(stream)
        logits = module(input_ids=batch.ids, attention_mask=batch.mask).logits
        nats = []
        for row, marks in enumerate(batch.marks):
            for place in marks.nonzero().flatten().tolist():
                nats.append(-logits[row, place - 1].log_softmax(-1)[batch.ids[row, place]])
        loss = torch.stack(nats).mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        factor = step / rising if step < rising else (given.steps - step) / (given.steps - rising)
        for group in optimizer.param_groups:
            group["lr"] = given.rate * factor
        optimizer.step()
    return losses


def test_losses_and_weights_are_those_of_a_plain_loop():
    given = recipe(steps=5, rate=3e-3, warmup=0.3)
    mine, theirs = base(), base()
    losses, expected = train(mine, given, MADE, seed=3), plain_loop(theirs, given, 3)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert losses[-1] < losses[0]
    for (name, own), other in zip(mine.named_parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(own, other, atol=2e-4), name


def test_a_single_step_trains():
    module = base()
    before = digest(module)
    train(module, recipe(steps=1), MADE)
    assert changed(module, before)


def test_other_draws_do_not_depend_on_a_training():
    module = base()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train(module, recipe(steps=1), MADE)
    assert torch.equal(torch.rand(1), expected)


def test_several_gpus_divide_no_batch(monkeypatch):
    losses = train(base(), recipe(**STEPS), MADE)
    made = transformers.TrainingArguments.__post_init__

    def on_two(self):
        made(self)
        self._n_gpu = 2

    monkeypatch.setattr(transformers.TrainingArguments, "__post_init__", on_two)
    assert train(base(), recipe(**STEPS), MADE).tolist() == losses.tolist()


def test_a_module_of_few_bits_is_refused():
    with pytest.raises(BrokenModel, match=r"in torch\.bfloat16, in which small updates are lost"):
        LAB.read_base(base().to(torch.bfloat16), MADE.tokenizer)


def test_a_loss_that_is_not_finite_names_the_step():
    calls = []

    def breaking(module, batch):
        calls.append(1)
        return answers()(module, batch) * (float("inf") if len(calls) == 3 else 1)

    with pytest.raises(NotFinite, match=r"small: the loss of step 3 is inf; try a lower rate than 0.0003"):
        train(base(), recipe(objective=breaking, steps=4), MADE)
    assert len(calls) == 3


def test_a_frozen_tensor_that_changes_is_an_error_also_below_prompts():
    def meddling(module, batch):
        with torch.no_grad():
            module.model.layers[0].mlp.up_proj.weight[0, 0] += 1e-3
        return answers()(module, batch)

    for trainable in (LAB.layers([1]), LAB.prompts(2)):
        with pytest.raises(BrokenModel, match=r"layers\.0\.mlp\.up_proj\.weight is not trained, and changed"):
            train(base(), recipe(objective=meddling, trainable=trainable, steps=1), MADE)


@contextmanager
def nothing(module):
    """A trainable part that selects no parameter."""
    module.requires_grad_(False)
    yield module


def test_nothing_to_train_and_empty_data_are_refused():
    with pytest.raises(BadArgument, match="selects no parameter"):
        train(base(), recipe(trainable=nothing), MADE)
    with pytest.raises(BadCorpus, match="data are empty"):
        train(base(), recipe(data=lambda made, rng: []), MADE)
    filtered = recipe(data=lambda made, rng: [one for one in [Example("Hund")] if one.language == "fi"])
    with pytest.raises(BadCorpus, match="filtered out"):
        train(base(), filtered, MADE)
