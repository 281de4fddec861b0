"""Training: the loss against a plain loop, planted directions found again, and what is refused."""

import math

import pytest
import torch

import workbench as wb
from tests.chats import by_hand, chat_tokenizer
from tests.circuits.cases import model_of
from tests.models import tiny
from workbench.circuits.transcoders.sampling import Sampler
from workbench.circuits.transcoders.train import fit
from workbench.circuits.transcoders.weights import Recipe, Weights
from workbench.errors import BadArgument, NotFinite
from workbench.model.activations import tensors
from workbench.results.resuming.progress import storing_progress
from workbench.text.batches import Batch
from workbench.text.corpus import Corpus

TEXTS = Corpus({"de": ("Der Hund", "Es regnet heute"), "en": ("The dog", "It rains")}, aligned=True, source="test")


def recipe(**changes):
    given = {"kind": "cross_layer", "features": 6, "steps": 10, "batch": 8, "rate": 2e-3, "sparsity": 0.8}
    given |= {"pull": 1e-2, "threshold": 0.03, "width": 1.0, "window": "threshold"}
    return Recipe(**{**given, **changes})


def generator(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", ["cross_layer", "per_layer"])
def test_loss_is_that_of_the_definition(kind):
    read, written = torch.randn(2, 3, 9, 4, generator=generator(0))
    weights = Weights(recipe(kind=kind), read, written, generator(1))
    loss, unexplained, active = weights.loss(read, written, 0.5)
    made = weights.transcoder({})
    total, missed, count = 0.0, [0.0] * 3, 0
    for token in range(9):
        on = [made.encode(layer, read[layer, token]) for layer in range(3)]
        for layer in range(3):
            gap = written[layer, token] - made.output(layer, on)
            missed[layer] += float((gap * made.output_scale[layer]).square().sum())
            h = made.preactivation(layer, read[layer, token])
            for feature in range(6):
                length = math.sqrt(float(made.decoder[layer][feature].square().sum()))
                total += 0.5 * math.tanh(4 * float(on[layer][feature]) * length)
                total += 1e-2 * max(0.0, float(made.threshold[layer, feature] - h[feature])) * length
                count += int(on[layer][feature] > 0)
    assert float(loss.detach()) == pytest.approx((total + sum(missed)) / 9, rel=1e-4)
    scaled = written * made.output_scale[:, None, None]
    variance = (scaled - scaled.mean(1, keepdim=True)).square().sum((1, 2))
    assert float(unexplained) == pytest.approx(float((torch.tensor(missed) / variance).mean()), rel=1e-4)
    assert float(active) == pytest.approx(count / 27)


def test_a_tenth_of_the_tokens_turns_each_feature_on_before_training():
    read, written = torch.randn(2, 2, 1000, 8, generator=generator(0))
    weights = Weights(recipe(features=20), read, written, generator(1))
    made = weights.transcoder({})
    for layer in range(2):
        torch.testing.assert_close(
            (made.encode(layer, read[layer]) > 0).float().mean(0), torch.full((20,), 0.1), atol=2e-3, rtol=0
        )
    torch.testing.assert_close(made.input_scale * read.norm(dim=-1).mean(1), torch.full((2,), 8**0.5))


def test_rates_and_penalties_follow_their_course():
    course = recipe(steps=1000)
    assert course.rate_at(0) == pytest.approx(2e-3 / 50)
    assert course.rate_at(500) == course.rate_at(799) == pytest.approx(2e-3)
    assert course.rate_at(900) == pytest.approx(1e-3)
    assert [course.sparsity_at(step) for step in (0, 475, 950, 999)] == pytest.approx([0, 0.4, 0.8, 0.8])


def test_planted_directions_are_found_again():
    draw = generator(0)
    reads = torch.linalg.qr(torch.randn(16, 16, generator=draw)).Q[:8]
    writes = torch.linalg.qr(torch.randn(16, 16, generator=draw)).Q[:8]

    on = (torch.rand(20_000, 8, generator=draw) < 0.1) * (0.5 + torch.rand(20_000, 8, generator=draw))

    def states(count, draw):
        some = on[torch.randint(20_000, (count,), generator=draw)]
        return (some @ reads)[None], (some @ writes)[None]

    given = recipe(features=16, steps=2000, batch=512, rate=1e-2, sparsity=8.0, pull=1e-4)
    weights = Weights(given, *states(20_000, draw), generator(2))
    fit(weights, states, False, draw)
    found = torch.nn.functional.normalize(weights.transcoder({}).decoder[0][:, 0], dim=1)
    assert (writes @ found.T).max(1).values.min() > 0.95


def test_shares_are_shares_of_tokens():
    model = model_of()
    short = Corpus({"de": ("ab",) * 5}, aligned=False, source="short")
    long = Corpus({"de": ("xyxyxyxyxyxyxyxy",) * 5}, aligned=False, source="long")
    sampler = Sampler(model, [short, long], [0.5, 0.5], 64)
    draw = generator(0)
    seen = [0, 0]
    for _ in range(2000):
        place = int(torch.multinomial(sampler.row_shares, 1, generator=draw))
        seen[place] += len(sampler.rows[place][0].ids) - sampler.rows[place][0].front
    assert seen[0] / sum(seen) == pytest.approx(0.5, abs=0.03)


def test_texts_are_read_in_pieces_without_what_stands_before_them():
    model = model_of()
    sampler = Sampler(model, [Corpus({"de": ("abcdefghij",)}, aligned=False, source="x")], [1.0], 4)
    assert [len(row.ids) - row.front for row in sampler.rows[0]] == [4, 4, 2]
    read, written = sampler.states(7, generator(0))
    assert read.shape == written.shape == (model.n_layers, 7, model.d_model)


def test_a_transcoder_of_a_model_comes_with_its_record():
    model = model_of()
    options = {"steps": 5, "batch": 16, "features": 8, "length": 8, "progress": False}
    made = wb.circuits.train(model, TEXTS, **options)
    again = wb.circuits.train(model, TEXTS, **options)
    assert made.digest == again.digest
    assert made.record["tokens"] == 80 and made.record["parameters"]["features"] == 8
    assert len(made.record["curve"]) == 5 and set(made.record["curve"][0]) == {"step", "loss", "unexplained", "active"}
    assert made.digest != wb.circuits.train(model, TEXTS, seed=1, **options).digest
    assert wb.circuits.train(model, [TEXTS, TEXTS], shares=[1, 3], kind="per_layer", **options).kind == "per_layer"


def test_what_cannot_be_trained_is_refused():
    model = model_of()
    with pytest.raises(BadArgument, match="1 corpora: give a share for each"):
        wb.circuits.train(model, TEXTS, shares=[1, 2])
    with pytest.raises(BadArgument, match="steps"):
        wb.circuits.train(model, TEXTS, steps=0)
    with pytest.raises(NotFinite, match="the loss of step"):
        wb.circuits.train(model, TEXTS, rate=1e30, steps=30, batch=8, features=4, progress=False)


@pytest.mark.parametrize("length", [64, 5])
def test_of_a_chat_the_answers_are_read(length):
    model = wb.load_model(tiny("llama"), tokenizer=chat_tokenizer("chatml"))
    chat = Corpus({"de": ("guten Tag",)}, aligned=False, source="chat").as_chat("Hallo")
    plain = Corpus({"de": ("ja",)}, aligned=False, source="plain")
    ids, own = by_hand("chatml", "Hallo", "guten Tag")
    expected = []
    for start in range(1, len(ids), length):
        states = tensors(model, batch_of([ids[0], *ids[start : start + length]]), [("mlp_in", 0)])["mlp_in", 0][0]
        expected += [states[1 + place - start] for place in own if start <= place < start + length]
    sampler = Sampler(model, [chat], [1.0], length)
    read, _ = sampler.states(200, generator(0))
    distances = torch.cdist(read[0], torch.stack(expected), compute_mode="donot_use_mm_for_euclid_dist")
    assert distances.min(1).values.max() < 1e-4 and distances.min(0).values.max() < 1e-4
    mixed = Sampler(model, [chat, plain], [0.5, 0.5], length).states(400, generator(0))[0][0]
    bos = tensors(model, batch_of(ids[:1]), [("mlp_in", 0)])["mlp_in", 0][0]
    assert torch.cdist(mixed, bos).min() > 1e-2


def batch_of(ids):
    return Batch(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long), ("",), (0,))


def test_a_finished_training_that_is_resumed_has_the_same_record(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.results.resuming.progress._LEAST", 0.0)
    monkeypatch.setattr("workbench.results.resuming.progress._SHARE", 1e9)
    model = model_of()
    options = {"steps": 5, "batch": 16, "features": 8, "length": 8, "progress": False}
    made = []
    for _ in range(2):
        with storing_progress(tmp_path / "steps", "key"):
            made.append(wb.circuits.train(model, TEXTS, **options))
    assert made[0].digest == made[1].digest
    assert made[0].record == made[1].record
