"""The aligned twin: what it reads, what its loss counts, that it repeats, and what its card says."""

import json

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from workbench import shipped
from workbench.errors import BadArgument
from workbench.training.align import Alignment, align, main, tune
from workbench.training.cards.slope import loss_slope
from workbench.training.cards.twin import change, changes, draw_directions
from workbench.training.cards.twin_card import findings, make_twin_card
from workbench.training.data.pair_mixture import PairMixture
from workbench.training.data.prompts import LANGUAGES, question
from workbench.training.export import export_model
from workbench.training.held_out import held_out_directions
from workbench.training.measure import bits_of_each, bits_per_byte
from workbench.training.pretrain import make_model
from workbench.training.tune import marked_loss

PAIR = ("de", "ja")
LINES = {"de": ("Die Katze schläft.", "Der Baum."), "fr": ("L’oiseau dort.", "Sous l'arbre.")}


def nothing(concept, source, target):
    return False


@pytest.fixture
def base(recipe, tokenizer, tmp_path):
    """A folder as pretraining leaves it."""
    from dataclasses import asdict

    folder = tmp_path / "polyglot"
    export_model(folder, make_model(recipe, tokenizer), tokenizer, {"recipe": {**asdict(recipe), "held_out": 0.3}})
    return folder


def test_documents_ask_in_both_directions_and_never_what_is_held_out(tokenizer, words):
    held_out = held_out_directions(share=0.4)
    mixture = PairMixture(tokenizer, words, held_out, PAIR)
    seen = {mixture.document(np.random.default_rng(seed))[0] for seed in range(300)}
    free = [
        (concept, source, target)
        for concept in words
        for source, target in (PAIR, PAIR[::-1])
        if not held_out(concept, source, target)
    ]
    expected = {question(words, *item) + words[item[0]][item[2]] + '"' for item in free}
    assert seen == expected and len(free) < 12


def test_the_marks_cover_the_answer_and_its_quotation_mark(tokenizer, words):
    mixture = PairMixture(tokenizer, words, nothing, PAIR)
    ids, answers = mixture.rows(0, batch=3, length=40)
    for row, marks in zip(ids, answers, strict=True):
        said = "".join(tokenizer.convert_ids_to_tokens(row[marks].tolist()))
        asked = tokenizer.decode(row.tolist())
        first = asked.split("</s>")[0].split('? "')[1].rstrip('"')
        assert said.startswith(first + '"')
        assert not marks[0] and 0 < marks.sum() < len(marks) / 2
    again = mixture.rows(0, batch=3, length=40)
    assert np.array_equal(ids, again[0]) and np.array_equal(answers, again[1])


def test_shuffled_pairs_give_each_word_another_concept(tokenizer, words):
    mixture = PairMixture(tokenizer, words, nothing, PAIR, shuffled=True)
    answers = [row["ja"] for row in mixture.words.values()]
    assert sorted(answers) == sorted(row["ja"] for row in words.values())
    assert all(mixture.words[concept]["ja"] != words[concept]["ja"] for concept in words)
    assert all(mixture.words[concept]["de"] == words[concept]["de"] for concept in words)


def test_the_loss_is_the_mean_over_answers_alone(recipe, tokenizer, words):
    model = make_model(recipe, tokenizer)
    text = question(words, "concept1", "de", "ja") + words["concept1"]["ja"] + '"'
    mixture = PairMixture(tokenizer, words, nothing, PAIR)
    ids, marks = mixture.encode(text, (len(text) - len(words["concept1"]["ja"]) - 1, len(text)))
    rows, flags = torch.tensor([ids]), torch.tensor([marks])
    logits = model(input_ids=rows).logits[0]
    losses = [cross_entropy(logits[place - 1], rows[0, place]) for place in range(len(ids)) if marks[place]]
    torch.testing.assert_close(marked_loss(model, rows, flags), torch.stack(losses).mean(), atol=1e-5, rtol=1e-5)


def test_tuning_repeats_and_lowers_the_loss(recipe, tokenizer, words):
    mixture = PairMixture(tokenizer, words, nothing, PAIR)
    plan = Alignment(PAIR, steps=12, batch=4, length=32, rate=1e-2)
    one, two = (make_model(recipe, tokenizer) for _ in range(2))
    history = tune(one, mixture, plan, progress=False)
    assert history == tune(two, mixture, plan, progress=False)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert history[-1]["loss"] < history[0]["loss"]
    assert max(entry["rate"] for entry in history) == 1.0 and history[-1]["rate"] < 0.2


@pytest.mark.parametrize("pair", [("de", "de"), ("de", "xx"), ("de",)])
def test_two_known_languages_are_needed(pair):
    with pytest.raises(BadArgument, match="two"):
        Alignment(pair)


def test_align_writes_a_folder_with_before_after_and_control(base, words, tmp_path):
    plan = Alignment(PAIR, steps=2, batch=2, length=32)
    before = (base / "model.safetensors").read_bytes()
    record = align(base, tmp_path / "twin", plan, words=words, lines=LINES, prompts=20, progress=False)
    assert (base / "model.safetensors").read_bytes() == before
    assert record["changes"].keys() == record["control_changes"].keys() == {"questions", "few_shot", "bits_per_byte"}
    assert json.loads((tmp_path / "twin" / "training.json").read_text())["alignment"]["languages"] == list(PAIR)
    AutoModelForCausalLM.from_pretrained(tmp_path / "twin")
    counts = {name: row["count"] for name, row in record["changes"]["questions"].items()}
    assert counts["one"] + counts["none"] == 20 == sum(counts[f"into {code}"] for code in LANGUAGES)
    assert "# polyglot-aligned" in (tmp_path / "twin" / "README.md").read_text(encoding="utf-8")


def test_the_command_writes_the_loss_curve(base, words_file, tmp_path):
    options = f"--model {base} --out {tmp_path / 'twin'} --languages de,ja --words {words_file} --steps 1 --batch 1"
    main(f"{options} --length 16 --prompts 4 --no-control --curve {tmp_path / 'loss.html'}".split())
    assert (tmp_path / "loss.html").stat().st_size > 1000
    assert "not measured" in (tmp_path / "twin" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(BadArgument, match="takes two"):
        main(["--languages", "de,fr,ja"])


def test_what_is_asked_holds_all_of_the_pair(words):
    held_out = held_out_directions(share=0.5)
    items = draw_directions(words, held_out, PAIR, count=7)
    pair = [item for item in items if set(item[1:]) == set(PAIR)]
    assert len(items) == len(pair) + 7
    assert len(pair) == sum(held_out(concept, *way) for concept in words for way in (PAIR, PAIR[::-1]))
    assert all(held_out(*item) for item in items)


def test_changes_by_hand():
    items = [("a", "de", "ja"), ("a", "fr", "ja"), ("b", "fr", "it"), ("b", "it", "fr")]
    before = {"questions": np.array([0.0, 0, 1, 1]), "few_shot": np.ones(4), "bits": {"de": np.array([2.0, 3.0])}}
    after = {"questions": np.array([1.0, 1, 1, 0]), "few_shot": np.ones(4), "bits": {"de": np.array([2.5, 3.5])}}
    found = changes(before, after, items, PAIR)
    assert [found["questions"][name]["change"] for name in ("pair", "one", "none")] == [1.0, 1.0, -0.5]
    assert found["questions"]["into ja"]["count"] == 1  # the pair itself is left out
    assert found["bits_per_byte"]["de"] == {
        "before": 2.5,
        "after": 3.0,
        "change": 0.5,
        "low": 0.5,
        "high": 0.5,
        "count": 2,
    }
    assert change(np.array([]), np.array([]))["count"] == 0


def test_the_twins_card_follows_the_intervals():
    def row(low, high):
        return {"before": 0.5, "after": 0.6, "change": (low + high) / 2, "low": low, "high": high, "count": 9}

    parts = {name: row(0.1, 0.3) for name in ("pair", *(f"into {code}" for code in LANGUAGES))}
    parts |= {"one": row(-0.2, 0.1), "none": row(-0.4, -0.2)}
    record = {
        "alignment": {
            "languages": list(PAIR),
            "steps": 3,
            "batch": 2,
            "length": 8,
            "rate": 1e-3,
            "warmup": 0.1,
            "seed": 0,
        },
        "base": {"name": "polyglot", "weights": "abc"},
        "tokens": 48,
        "loss": [{"loss": 5.0}, {"loss": 1.0}],
        "changes": {
            "questions": parts,
            "few_shot": parts,
            "bits_per_byte": {"de": row(1, 2), "fr": row(0.1, 0.2), "it": row(-0.2, -0.1)},
        },
        "seconds": 7,
    }
    text = findings(record)
    assert "Questions between both trained languages: exact match rises, +20.0 points (+10.0 to +30.0)" in text
    assert "another language: exact match is not seen to change" in text
    assert "Few-shot translation between untrained languages: exact match falls" in text
    assert "untrained languages: rises in fr; falls in it." in text  # de was trained
    card = make_twin_card(record, size=7_000_000)
    assert "| fr Français | 9 | 0.500 | 0.600 | +0.150 (+0.100 to +0.200) | not measured |" in card
    assert "--languages de,ja" in card


def test_bits_of_each_text_are_those_of_the_text_alone(recipe, tokenizer):
    model = make_model(recipe, tokenizer).eval()
    texts = ["Die Katze 猫", "Il gatto dorme sotto l'albero.", "a"]
    expected = [bits_per_byte(model, tokenizer, text) for text in texts]
    np.testing.assert_allclose(bits_of_each(model, tokenizer, texts, batch=2), expected, rtol=1e-5)


def test_slope_of_a_line_with_noise_has_the_line_in_its_interval():
    rng = np.random.default_rng(0)
    tokens = np.arange(1, 201) * 50_000
    early = np.where(tokens < 7_500_000, 3.0, 0.0)  # must not count
    loss = 4 - 0.2 * tokens / 1e6 + early + rng.normal(0, 0.05, 200)
    found = loss_slope([{"tokens": int(a), "loss": float(b)} for a, b in zip(tokens, loss, strict=True)])
    assert found["low"] < -0.2 < found["high"] < -0.1
    assert found["from_tokens"] == 7_500_000 and found["points"] == 51
    assert np.isnan(loss_slope([{"tokens": 1, "loss": 2.0}])["slope"])


def test_the_base_has_a_second_name(tmp_path, monkeypatch):
    assert shipped.folder("polyglot-base") == shipped.folder("polyglot") == shipped.DATA / "polyglot"
    assert {"polyglot", "polyglot-base"} <= set(shipped.models())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    monkeypatch.setattr(shipped, "DATA", tmp_path)
    assert shipped.models() == ["other"]
