"""Exact match, against greedy decoding."""

import numpy as np
import pytest
import torch

from workbench.laboratories.pretraining.documents import shipped_sources
from workbench.laboratories.pretraining.plan import make_schedule
from workbench.laboratories.pretraining.toy import pretrain, toy_tokenizer
from workbench.laboratories.pretraining.translation import directions, label, translates


def test_directions_and_their_labels():
    sources = shipped_sources(("de", "en", "fr"))
    assert [label(*way) for way in directions(sources)] == ["de-en", "de-fr", "en-de", "en-fr", "fr-de", "fr-en"]


@pytest.mark.parametrize("right", [True, False])
def test_the_answer_and_its_end_must_be_generated(right):
    """A module that always continues as the texts it has; every fourth answer is spoilt, or lacks its end."""
    sources = shipped_sources(("de", "en"), concepts=8)
    tokenizer = toy_tokenizer(sources)
    following = {}
    for number, (word, answer) in enumerate(zip(sources.words["de"], sources.words["en"], strict=True)):
        ids = [*tokenizer(f"de: {word}\nen: {answer}")["input_ids"], tokenizer.eos_token_id]
        if not right and number % 4 == 0:
            ids[-2] = tokenizer.bos_token_id
        if not right and number % 4 == 1:
            ids[-1] = tokenizer.bos_token_id
        following |= {tuple(ids[:end]): ids[end] for end in range(1, len(ids))}

    class Parrot(torch.nn.Module):
        device = torch.device("cpu")

        def forward(self, input_ids, use_cache):
            logits = torch.zeros(*input_ids.shape, len(tokenizer))
            for row, ids in enumerate(input_ids.tolist()):
                for end in range(1, len(ids) + 1):
                    logits[row, end - 1, following.get(tuple(ids[:end]), 0)] = 1
            return type("Output", (), {"logits": logits})

    found = translates(Parrot(), tokenizer, sources, "de", "en")
    assert found.tolist() == [right or number % 4 > 1 for number in range(8)]


def test_it_equals_greedy_decoding_of_a_trained_model():
    sources = shipped_sources(("de", "en"), concepts=8)
    tokenizer = toy_tokenizer(sources)
    plan = make_schedule("first", sources, tokenizer, tokens=12_000, share=0.9)
    model, losses = pretrain(plan, tokenizer, seed=0, progress=False)
    assert losses[-1] < losses[0]
    scored, greedy = translates(model, tokenizer, sources, "de", "en"), []
    for word, answer in zip(sources.words["de"], sources.words["en"], strict=True):
        ids = tokenizer(f"de: {word}\nen:", return_tensors="pt")["input_ids"]
        made = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, pad_token_id=2
        )
        text = tokenizer.decode(made[0, ids.shape[1] :])
        greedy.append(text.startswith(f" {answer}{tokenizer.eos_token}"))
    assert np.array_equal(scored, greedy)


def test_a_run_repeats_bit_for_bit():
    sources = shipped_sources(("de", "en"), concepts=8)
    tokenizer = toy_tokenizer(sources)
    plan = make_schedule("last", sources, tokenizer, tokens=1600, share=0.5)
    first, again, other = (pretrain(plan, tokenizer, seed=seed, progress=False)[1] for seed in (0, 0, 1))
    assert first == again != other
