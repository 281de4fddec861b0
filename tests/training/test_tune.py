"""Tuning further: what it reads, that it repeats, that it changes what it should and nothing else, what it refuses."""

import json
from hashlib import sha256

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from workbench.errors import BadArgument, BadCorpus, BrokenModel, NotFinite, TooLarge
from workbench.training.data.packing import packed_rows
from workbench.training.export import export_model
from workbench.training.pretrain import make_model
from workbench.training.tune import Tuning, encoded_document, marked_loss, train_rows, tune

TEXTS = ["Die Katze schläft unter dem Baum.", "Il gatto dorme.", "The cat doesn't sleep."]
PLAN = Tuning(steps=6, batch=2, length=24, rate=1e-2)


def hashes(folder):
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture
def base(recipe, tokenizer, tmp_path):
    folder = tmp_path / "base"
    export_model(folder, make_model(recipe, tokenizer), tokenizer, {"recipe": {"seed": 5}})
    return folder


def test_the_folder_repeats_and_the_base_stays(base, tmp_path):
    before = hashes(base)
    tune(base, TEXTS, out=tmp_path / "a", recipe=PLAN, progress=False)
    record = tune(base, TEXTS, out=tmp_path / "b", recipe=PLAN, progress=False)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b") and hashes(base) == before
    other = Tuning(steps=6, batch=2, length=24, rate=1e-2, seed=1)
    tune(base, TEXTS, out=tmp_path / "c", recipe=other, progress=False)
    assert hashes(tmp_path / "c")["model.safetensors"] != hashes(tmp_path / "a")["model.safetensors"]
    assert json.loads((tmp_path / "b" / "training.json").read_text()) == record
    assert record["recipe"] == {"seed": 5} and record["base"]["name"] == "base"
    assert record["tokens"] == 6 * 2 * 24 == record["loss"][-1]["tokens"]
    AutoModelForCausalLM.from_pretrained(tmp_path / "a")


def test_the_loss_falls(base, tmp_path):
    plan = Tuning(steps=30, batch=2, length=24, rate=1e-2)
    loss = [entry["loss"] for entry in tune(base, TEXTS, out=tmp_path / "a", recipe=plan, progress=False)["loss"]]
    assert loss[-1] < loss[0] - 1


def test_one_step_is_adamw_on_the_mean_loss_of_the_marked_tokens(recipe, tokenizer):
    document = ("Il gatto", " dorme.")
    rows = packed_rows(lambda: encoded_document(tokenizer, document), batch=1, length=12)
    ids, marks = (torch.from_numpy(values) for values in rows)
    tuned, plain = make_model(recipe, tokenizer), make_model(recipe, tokenizer)
    train_rows(tuned, lambda step: rows, Tuning(steps=1, batch=1, length=12, rate=1e-3), progress=False)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)
    first = [*(ids[0].tolist()), tokenizer.bos_token_id].index(tokenizer.bos_token_id, 1)  # a second document is masked
    logits = torch.cat(
        [plain(input_ids=part[None]).logits[0] for part in (ids[0, :first], ids[0, first:]) if len(part)]
    )
    places = [place for place in range(1, 12) if marks[0, place]]
    loss = torch.stack([cross_entropy(logits[place - 1], ids[0, place]) for place in places]).mean()
    torch.testing.assert_close(marked_loss(plain, ids, marks), loss, atol=1e-5, rtol=1e-5)
    loss.backward()
    optimizer.step()
    for (name, a), b in zip(tuned.named_parameters(), plain.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-3 / 2), name  # a step has the length of the rate


def test_the_loss_covers_answers_and_their_end(tokenizer):
    ids, marks = encoded_document(tokenizer, ("Il gatto", " dorme."))
    assert tokenizer.decode([token for token, mark in zip(ids, marks, strict=True) if mark]) == " dorme.</s>"
    ids, marks = encoded_document(tokenizer, "Il gatto")
    assert ids[0] == tokenizer.bos_token_id and marks == [False] + [True] * (len(ids) - 1)


def test_a_sequence_is_read_whole_before_anything_comes_again(base, tmp_path, monkeypatch):
    seen = []
    module = __import__("workbench.training.tune", fromlist=["tune"])

    def spy(tokenizer, document):
        seen.append(document)
        return encoded_document(tokenizer, document)

    monkeypatch.setattr(module, "encoded_document", spy)
    tune(base, TEXTS, out=tmp_path / "a", recipe=PLAN, progress=False)
    read = seen[len(TEXTS) :]  # after the check
    assert len(read) > 9 and all(sorted(read[i : i + 3]) == sorted(TEXTS) for i in range(0, len(read) - 3, 3))


def test_a_function_draws_from_the_seed(base, tmp_path):
    def draw(rng: np.random.Generator) -> str:
        return TEXTS[rng.integers(len(TEXTS))]

    a, b = (tune(base, draw, out=tmp_path / name, recipe=PLAN, progress=False) for name in "ab")
    assert a["loss"] == b["loss"] and hashes(tmp_path / "a") == hashes(tmp_path / "b")


def test_only_what_is_trainable_changes(base, tmp_path):
    record = tune(
        base, TEXTS, out=tmp_path / "a", recipe=PLAN, trainable=lambda name: ".layers.1.mlp." in name, progress=False
    )
    before, after = (load_file(folder / "model.safetensors") for folder in (base, tmp_path / "a"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys() and changed == {name for name in before if ".layers.1.mlp." in name}
    assert record["trained"] == sum(before[name].numel() for name in changed)


def test_all_weights_change_when_nothing_is_frozen(base, tmp_path):
    tune(base, TEXTS, out=tmp_path / "a", recipe=PLAN, progress=False)
    before, after = (load_file(folder / "model.safetensors") for folder in (base, tmp_path / "a"))
    assert all(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("documents", "problem"),
    [
        ([], "no documents"),
        (["a", " "], "document 1 is blank"),
        ([("a", "")], "document 0"),
        ([("a b " * 40, "c")], "fills"),
    ],
)
def test_documents_without_content_are_refused(base, tmp_path, documents, problem):
    with pytest.raises(BadCorpus, match=problem):
        tune(base, documents, out=tmp_path / "a", recipe=PLAN, progress=False)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "values", [{"steps": 0}, {"batch": 1.5}, {"length": 1}, {"rate": 0}, {"rate": float("nan")}, {"warmup": 1}]
)
def test_hyperparameters_have_bounds(values):
    with pytest.raises(BadArgument, match=next(iter(values))):
        Tuning(**values)


def test_bad_folders_and_lengths_are_refused(base, tmp_path):
    with pytest.raises(BadArgument, match="is the base"):
        tune(base, TEXTS, out=base.parent / "." / "base", recipe=PLAN, progress=False)
    with pytest.raises(BrokenModel, match=r"config\.json"):
        tune(tmp_path / "nothing", TEXTS, out=tmp_path / "a", recipe=PLAN, progress=False)
    with pytest.raises(TooLarge, match="64 tokens"):
        tune(base, TEXTS, out=tmp_path / "a", recipe=Tuning(length=65), progress=False)
    with pytest.raises(BadArgument, match="no parameter"):
        tune(base, TEXTS, out=tmp_path / "a", recipe=PLAN, trainable=lambda name: False, progress=False)


def test_a_loss_that_is_not_finite_names_the_step_and_writes_nothing(base, tmp_path):
    with pytest.raises(NotFinite, match=r"step [1-6] is"):
        tune(base, TEXTS, out=tmp_path / "a", recipe=Tuning(steps=6, batch=2, length=24, rate=1e30), progress=False)
    assert not (tmp_path / "a").exists()
