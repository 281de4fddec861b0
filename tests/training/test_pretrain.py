"""Runs repeat, resume and export exactly."""

import json
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from workbench.training.checkpoint import load_checkpoint, save_checkpoint
from workbench.training.data.mixture import Shares
from workbench.training.loss import chunked_cross_entropy
from workbench.training.optimizer import orthogonalize, schedule
from workbench.training.pretrain import Run, document_mask, main, make_mixture, make_model, train


def make_run(recipe, tokenizer, corpus, words_file):
    return Run(recipe, make_model(recipe, tokenizer), make_mixture(recipe, tokenizer, corpus, words_file))


def test_a_run_repeats_and_resumes_bit_for_bit(recipe, tokenizer, corpus, words_file, tmp_path):
    first, again, broken, resumed = (make_run(recipe, tokenizer, corpus, words_file) for _ in range(4))
    losses = [first.step() for _ in range(3)]
    assert losses == [again.step() for _ in range(3)]
    broken.step()
    save_checkpoint(tmp_path / "last.pt", broken.state())
    resumed.restore(load_checkpoint(tmp_path / "last.pt"))
    assert losses[1:] == [resumed.step() for _ in range(2)]
    assert resumed.progress == 1.0
    for one, two in zip(first.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, two)
    assert losses[2] < losses[0]


def test_a_checkpoint_is_whole_or_absent(tmp_path):
    assert load_checkpoint(tmp_path / "last.pt") is None
    save_checkpoint(tmp_path / "last.pt", {"done": 1})
    save_checkpoint(tmp_path / "last.pt", {"done": 2})
    assert load_checkpoint(tmp_path / "last.pt") == {"done": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_the_export_loads_with_transformers(recipe, tokenizer, corpus, words_file, tmp_path):
    run = make_run(recipe, tokenizer, corpus, words_file)
    train(run, tokenizer, folder=tmp_path / "runs", out=tmp_path / "model")
    model, report = AutoModelForCausalLM.from_pretrained(tmp_path / "model", output_loading_info=True)
    loaded = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert not any(report.values())
    assert model.config.architectures == ["LlamaForCausalLM"]
    ids = loaded("Die Katze 猫", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        run.model.set_attn_implementation("sdpa")  # as the loaded one
        expected = run.model.to(torch.bfloat16)(input_ids=ids).logits
        assert torch.equal(model(input_ids=ids).logits, expected)
    record = json.loads((tmp_path / "model" / "training.json").read_text())
    assert (record["steps"], record["tokens"]) == (3, 3 * 4 * 32)
    assert (tmp_path / "runs-loss.html").stat().st_size > 1000


def test_the_command_makes_a_tokenizer_and_goes_on_where_it_stopped(corpus, words_file, tmp_path):
    options = f"--corpus {corpus} --words {words_file} --checkpoint {tmp_path / 'run'} --device cpu --vocabulary 600"
    options += " --width 16 --inner 24 --layers 1 --heads 2 --batch 2 --length 16 --resume"
    main(f"{options} --steps 1".split())
    main(f"{options} --steps 2 --out {tmp_path / 'model'}".split())
    assert load_checkpoint(tmp_path / "run" / "last.pt")["done"] == 2
    assert len(AutoTokenizer.from_pretrained(tmp_path / "model")) == 600


def test_no_token_looks_into_another_document(recipe, tokenizer, corpus, words_file):
    run = make_run(recipe, tokenizer, corpus, words_file)
    one, two = (tokenizer(text)["input_ids"] for text in ("Die Katze", "The cat sleeps"))
    bos = tokenizer.bos_token_id
    packed = document_mask(torch.tensor([one + two]), bos, torch.float32)
    model = run.model.model
    with torch.no_grad():
        together = model(input_ids=torch.tensor([one + two]), attention_mask=packed).last_hidden_state
        alone = model(input_ids=torch.tensor([two])).last_hidden_state
    torch.testing.assert_close(together[:, len(one) :], alone, atol=1e-5, rtol=1e-5)


def test_prompts_grow_and_become_fewer(recipe, tokenizer, corpus, words_file):
    run = make_run(
        replace(recipe, steps=10, grow_from=0.2, grow_to=0.6, first_concepts=2, concepts=6),
        tokenizer,
        corpus,
        words_file,
    )
    seen = []
    for run.done in range(10):
        seen.append(run.concepts)
    assert seen == [2, 2, 2, 3, 4, 5, 6, 6, 6, 6]
    first, last = Shares(0.8, 0.6, 0.1), Shares(0.4, 0.2, 0.1)
    assert first.towards(last, 0.0) == first
    assert first.towards(last, 0.5) == Shares(pytest.approx(0.6), pytest.approx(0.4), pytest.approx(0.1))


def test_chunked_loss_equals_the_plain_one():
    torch.manual_seed(0)
    hidden, weight = torch.randn(7, 4, requires_grad=True), torch.randn(11, 4, requires_grad=True)
    labels = torch.randint(0, 11, (7,))
    plain = cross_entropy(hidden @ weight.T, labels)
    expected = torch.autograd.grad(2 * plain, (hidden, weight))
    chunked = chunked_cross_entropy(hidden, weight, labels, chunk=3)
    torch.testing.assert_close(chunked, plain)
    torch.testing.assert_close(torch.autograd.grad(2 * chunked, (hidden, weight)), expected)


def test_orthogonalize_brings_singular_values_near_one():
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(2, 12, 30)))
    assert values.min() > 0.3 and values.max() < 1.4


def test_schedule_goes_up_stays_and_comes_down():
    assert schedule(0.0) < 0.1
    assert schedule(0.3) == 1.0
    assert abs(schedule(0.675) - 0.5) < 1e-12
    assert schedule(1.0) == 0.0
