"""Pairs as turns of a chat: the answer is read where the assistant begins, and the metric's tokens are what follows."""

from functools import cache

import numpy as np
import pytest
import torch

import workbench as wb
from tests.chats import by_hand, chat_tokenizer
from tests.models import byte_tokenizer, tiny
from tests.patching.cases import make_pairs, token
from workbench.errors import BadArgument, TooLarge
from workbench.model.load import load_model
from workbench.patching import circuit, cross_layer, cross_position, sweep
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import batches, encode
from workbench.results.make import provenance
from workbench.text.chat import template_hash
from workbench.text.pairs import Pair, Pairs

PAIRS = wb.load_pairs(make_pairs([9, 12, 7, 9]), chat=True)


@cache
def model(name):
    return load_model(tiny("llama"), tokenizer=chat_tokenizer(name))


def turns(name, prompt):
    """Token ids of a prompt as the user's turn, up to where the assistant begins: those before the answer."""
    ids, own = by_hand(name, prompt, "x")
    space = name == "mistral"  # which the template writes with the answer
    return ids[: own.start - space]


@torch.no_grad()
def last(name, prompt):
    return tiny("llama")(torch.tensor([turns(name, prompt)])).logits[0, -1]


@pytest.mark.parametrize("name", ["chatml", "gemma", "llama", "mistral"])
def test_runs_end_where_the_assistant_begins(name):
    prompts = encode(model(name), PAIRS)
    assert list(prompts.source) == [turns(name, pair.source) for pair in PAIRS]
    assert list(prompts.target) == [turns(name, pair.target) for pair in PAIRS]


@pytest.mark.parametrize("name", ["chatml", "gemma", "llama"])
def test_the_metric_reads_what_the_assistant_begins_with(name):
    read = metric_for_pairs(model(name), encode(model(name), PAIRS), "logit_difference").tokens
    assert read["answer"] == [token(pair.answer) for pair in PAIRS]
    found = sweep(model(name), PAIRS, site="residual", progress=False)
    for row, pair in enumerate(PAIRS):
        for run, prompt in (("source", pair.source), ("target", pair.target)):
            logits = last(name, prompt)
            wanted = float(logits[read["answer"][row]] - logits[read["foil"][row]])
            np.testing.assert_allclose(float(found[f"{run}_value"][row]), wanted, atol=1e-4)


def test_a_template_that_writes_the_first_token_is_refused():
    with pytest.raises(wb.errors.BadPairs, match="both begin with the token ' '"):
        metric_for_pairs(model("mistral"), encode(model("mistral"), PAIRS), "logit_difference")


def test_nll_is_of_the_prompts_own_tokens():
    m = model("gemma")
    prompts = encode(m, PAIRS)
    for batch in batches(m, prompts, 3):
        for row, counted, ids in zip(batch.rows, batch.target.counted, batch.target.ids, strict=True):
            own = ids[counted.bool()].tolist()
            assert m.tokenizer.decode(own) == PAIRS[row].target
    found = cross_layer(m, PAIRS, metric="nll", progress=False)
    for row, pair in enumerate(PAIRS):
        ids = turns("gemma", pair.target)
        start = 2 + len("user\n")  # behind BOS and <start_of_turn>
        with torch.no_grad():
            logits = tiny("llama")(torch.tensor([ids])).logits[0].log_softmax(-1)
        own = range(start, start + len(pair.target.encode()))
        wanted = -float(torch.stack([logits[p - 1, ids[p]] for p in own]).mean())
        np.testing.assert_allclose(float(found.target_value[row]), wanted, atol=1e-4)


def test_other_sweeps_take_chats_and_record_them():
    m = model("chatml")
    turned = sweep(m, PAIRS, direction="noising", progress=False)
    assert turned.sizes["pair"] == len(PAIRS)
    assert cross_position(m, PAIRS, layer=1, progress=False).sizes["pair"] == len(PAIRS)
    assert circuit(m, PAIRS, controls=1, progress=False) is not None
    record = provenance(turned)
    assert record["corpus"]["chat"] is True
    assert record["model"]["chat_template"] == template_hash(chat_tokenizer("chatml"))
    single = sweep(m, PAIRS, batch_size=1, progress=False)
    np.testing.assert_allclose(sweep(m, PAIRS, progress=False).effect, single.effect, atol=1e-3)


def test_what_cannot_be_read_is_refused():
    with pytest.raises(BadArgument, match="no chat template"):
        sweep(load_model(tiny("llama"), tokenizer=byte_tokenizer()), PAIRS, progress=False)
    long = Pairs((Pair("a" * 200, "b" * 200, "x", "y"),), "long", chat=True)
    with pytest.raises(TooLarge, match=r"pair 0, source: \d+ tokens, the model takes 128"):
        encode(model("gemma"), long)
