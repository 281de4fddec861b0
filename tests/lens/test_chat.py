"""A tuned lens learns from, and is measured on, the answers' own tokens of a chat."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests.chats import by_hand, chat_tokenizer
from tests.models import tiny
from workbench.model.load import load_model
from workbench.text.corpus import Corpus

TEXTS = {"de": ("guten Tag", "ja", "nein"), "ja": ("犬です", "水", "はい")}


@torch.no_grad()
def divergence(text):
    """Mean KL of the logit lens in front of layer 1 from the output, over an answer's own tokens, on a bare module."""
    module = tiny("llama")
    ids, own = by_hand("gemma", "", text)
    output = module(torch.tensor([ids]), output_hidden_states=True)
    truth = output.logits[0, list(own)].log_softmax(-1)
    read = module.lm_head(module.model.norm(output.hidden_states[1][0, list(own)])).log_softmax(-1)
    return float((truth.exp() * (truth - read)).sum(-1).mean())


def test_a_lens_is_measured_on_the_answers_alone():
    model = load_model(tiny("llama"), tokenizer=chat_tokenizer("gemma"))
    corpus = Corpus(TEXTS, aligned=True, source="test").as_chat()
    found = wb.lens.tune(model, corpus, steps=0, held_out=0.8, progress=False)
    each = {divergence(text) for texts in TEXTS.values() for text in texts}
    total, value = sum(each), float(found.kl_logit[1])
    assert any(np.isclose(value * 5, total - one, atol=1e-3) for one in each), "five of six texts are measured"


def test_the_live_explorer_reads_plain_texts():
    model = load_model(tiny("llama"), tokenizer=chat_tokenizer("gemma"))
    with pytest.raises(wb.errors.BadArgument, match="without chat=True"):
        wb.live.explorer(model, sentences=Corpus(TEXTS, aligned=True, source="test").as_chat())
