"""The soft mask against AdamW by hand, its controls, its file, and W_O that holds it."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

import workbench as wb
from tests.heads.cases import model, module
from tests.models import byte_tokenizer, tiny
from tests.oracles import heads as oracle
from tests.oracles import heads_soft_mask
from workbench.errors import BadArgument, BadPairs, BadResult
from workbench.model.load import load_model
from workbench.text.tasks.questions import read_tasks

QUESTIONS = [
    {"prompt": f"{a}+{b}=", "answer": f"{a + b}."}
    for a, b in ((1, 2), (3, 4), (2, 2), (5, 1), (4, 4), (2, 7), (1, 1), (3, 3))
]
CELLS = [(0, 1), (2, 3)]


def tune(kind="llama", questions=QUESTIONS, heads=CELLS, **options):
    return wb.heads.tune_mask(model(kind), questions, heads=heads, **{"progress": False, "controls": 2, **options})


def ids():
    tokenizer = byte_tokenizer()
    return [
        (tokenizer(q["prompt"])["input_ids"], tokenizer(q["answer"], add_special_tokens=False)["input_ids"])
        for q in QUESTIONS
    ]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_the_mask_is_that_of_adamw_by_hand_and_is_measured_on_held_out_questions(kind):
    found = tune(kind, epochs=2, rate=0.05, decay=0.1, batch_size=3, seed=4)
    order = np.random.default_rng(4).permutation(8)
    train, test = order[:4], sorted(order[4:])
    generator = np.random.default_rng([4, 1])
    epochs = [generator.permutation(train) for _ in range(2)]
    values = heads_soft_mask.train(module(kind), ids(), CELLS, 0.05, epochs, 3, decay=0.1)
    mask = np.ones((3, 4))
    for cell, value in zip(CELLS, values, strict=True):
        mask[cell] = value
    np.testing.assert_allclose(found["mask"], mask, atol=1e-4)
    assert abs(values - 1).max() > 0.05
    for condition, one in (("none", np.ones((3, 4))), ("tuned", mask)):
        with torch.no_grad():
            answers = [
                heads_soft_mask.answer_loss(module(kind), *ids()[row], torch.tensor(one, dtype=torch.float32))
                for row in test
            ]
        np.testing.assert_allclose(
            found.sample_loss.sel(condition=condition), [float(a[0]) for a in answers], atol=1e-3
        )
        assert found.correct.sel(condition=condition).values.tolist() == [float(a[1]) for a in answers]
    assert found.attrs["trained_on"] == found.attrs["held_out"] == 4
    np.testing.assert_allclose(found.saved[0], found.loss[0] - found.loss[1])
    np.testing.assert_allclose(found.loss.sel(condition="random"), found.random_loss.mean())


def test_only_the_chosen_entries_move_and_the_weights_do_not():
    m = load_model(tiny("llama"), tokenizer=byte_tokenizer())
    before = {name: value.clone() for name, value in m.module.state_dict().items()}
    found = wb.heads.tune_mask(m, QUESTIONS, heads=CELLS, decay=0.5, rate=0.1, progress=False, controls=1)
    moved = found["mask"].values != 1
    assert {tuple(cell) for cell in np.argwhere(moved)} == set(CELLS)
    assert all(torch.equal(value, before[name]) for name, value in m.module.state_dict().items())
    assert all(parameter.requires_grad for parameter in m.module.parameters() if parameter.is_floating_point())


def test_training_lowers_the_loss_that_it_trains_on():
    found = tune(epochs=30, rate=0.05, batch_size=4, heads=[(i, j) for i in range(3) for j in range(4)], controls=1)
    assert found.train_loss[-1] < found.train_loss[0] - 0.1


def test_a_mask_file_is_small_and_knows_its_model(tmp_path):
    found = tune(rate=0.1)
    path = wb.heads.save_mask(found, tmp_path / "mask.json")
    assert path.stat().st_size < 400
    np.testing.assert_allclose(wb.heads.load_mask(model("llama"), path), found["mask"], atol=1e-6)
    for other in (model("gpt2"), load_model(tiny("llama", seed=1), tokenizer=byte_tokenizer())):
        with pytest.raises(BadResult, match="belongs to another model"):
            wb.heads.load_mask(other, path)
    held = json.loads(path.read_text())
    path.write_text(json.dumps({**held, "format": 9}))
    with pytest.raises(BadResult, match="newer"):
        wb.heads.load_mask(model("llama"), path)
    path.write_text("{}")
    with pytest.raises(BadResult, match="not a mask file"):
        wb.heads.load_mask(model("llama"), path)
    with pytest.raises(BadResult, match="tune_mask"):
        wb.heads.save_mask(found.drop_vars("mask"), path)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "bloom"])
def test_the_mask_folds_into_the_output_projection(kind, tmp_path):
    mask = torch.rand(3, 4, generator=torch.Generator().manual_seed(0)) * 2
    wb.heads.fold_mask(model(kind), mask, tmp_path / "folded")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "folded").eval()
    text = byte_tokenizer()("Der Hund")["input_ids"]
    with torch.no_grad(), oracle.edited(module(kind), lambda layer, z: z * mask[layer][:, None]):
        wanted = module(kind)(torch.tensor([text])).logits
    torch.testing.assert_close(again(torch.tensor([text])).logits.detach(), wanted, atol=1e-5, rtol=0)
    with pytest.raises(BadArgument, match=r"\[2, 4\]"):
        wb.heads.fold_mask(model(kind), mask[:2], tmp_path / "other")


def test_questions_are_read_from_pairs_json_and_lists(tmp_path):
    xquad = {
        "data": [
            {"paragraphs": [{"context": "It rains.", "qas": [{"question": "What?", "answers": [{"text": "rain"}]}]}]}
        ]
    }
    path = tmp_path / "xquad.en.json"
    path.write_text(json.dumps(xquad))
    assert read_tasks(path)[0].prompt == "It rains.\nWhat?\n" and read_tasks(path)[0].answer == "rain"
    xquad["data"][0]["paragraphs"][0]["qas"][0]["answers"] = []
    path.write_text(json.dumps(xquad))
    with pytest.raises(BadPairs, match="question 0 has no answer"):
        read_tasks(path)
    pairs = wb.translation_pairs(wb.load_words(), source="de", target="fr", shots=1, limit=3)
    assert [q.answer for q in read_tasks(pairs)] == [pair.answer for pair in pairs]
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(q) for q in QUESTIONS))
    assert len(read_tasks(tmp_path / "q.jsonl")) == 8
    inside = {"prompt": "one\u2028line\x85of text", "answer": "yes"}
    (tmp_path / "q.ndjson").write_text(json.dumps(inside, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_tasks(tmp_path / "q.ndjson")[0].prompt == inside["prompt"]
    for bad in ([], 3, [{"prompt": "a"}], tmp_path / "none.json"):
        with pytest.raises(BadPairs):
            read_tasks(bad)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": []}, "names none"),
        ({"heads": [(3, 0)]}, "layers 0 to 2"),
        ({"questions": QUESTIONS[:3]}, "at least 4"),
        ({"rate": 0}, "rate=0"),
        ({"held_out": 1}, "held_out=1"),
        ({"controls": 0}, "controls=0"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(BadArgument, match=message):
        tune(**options)
