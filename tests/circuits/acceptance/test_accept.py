"""The truth of a planted model is accepted; random sets, and a set that is true in one language, are rejected."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests.circuits.cases import model_of
from tests.patching.cases import make_pairs
from workbench.circuits.acceptance.units import units
from workbench.circuits.acceptance.verdict import Evidence, decide
from workbench.errors import BadArgument, BadPairs, BadResult, TooFewLanguages
from workbench.model.activations import tensors
from workbench.model.hooks import after, hooked
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import encode

CODES = ("de", "en", "fr", "it")
READERS = [(1, 0), (1, 1), (1, 2), (1, 3)]  # of German, English, French and Italian words
QUIET = {"progress": False}
FEW = {"controls": 7, "level": 0.87, **QUIET}  # a layer has seven other heads


@pytest.fixture(scope="module")
def made():
    """A head for each source language reads its words, so that no three of the four do the whole family."""
    return wb.planted.concepts(CODES, layers=4, heads=8, language_layer=2, entangled=True, concepts=12)


@pytest.fixture(scope="module")
def family(made):
    return family_of(made.words)


def family_of(words):
    pairs = zip(CODES, (*CODES[1:], CODES[0]), strict=True)
    return {code: wb.translation_pairs(words, source=code, target=other, shots=0, limit=8) for code, other in pairs}


def test_the_truth_is_accepted(made, family):
    result = wb.circuits.accept(made.model, family, [*READERS, (2, 0)], **QUIET)
    assert result.verdict == "accepted" and "every language" in result.reason and result.units == 5
    for leg in ("necessity", "sufficiency"):
        np.testing.assert_allclose(result[leg], 1, atol=1e-3)
        assert (result[f"{leg}_low"] <= result[leg] + 1e-9).all() and (result[f"{leg}_high"] > 0.99).all()
        assert (result[f"{leg}_control_mean"] < 0.9).all()
    assert (result.invariant == "yes").all() and (result.p_value == 1 / 21).all()
    assert (result.whole - result.nothing == result.task).all() and (result.task_low > 5).all()


def test_a_circuit_of_one_language_is_not_invariant(made, family):
    result = wb.circuits.accept(made.model, family, [READERS[0], (2, 0)], **QUIET)
    assert result.verdict == "rejected"
    assert result.reason.startswith("invariance fails: necessity holds in de, but necessity is less than 0.5")
    assert "invariance fails: sufficiency holds in de, but" in result.reason
    assert all(f"{code} (" in result.reason for code in CODES[1:])
    assert result.holds.sel(leg="necessity").values.tolist() == ["yes", "no", "no", "no"]
    assert (result.invariant == "no").all()


def test_all_readers_but_one_name_the_language_that_lacks(made, family):
    result = wb.circuits.accept(made.model, family, READERS[:3], **QUIET)
    assert result.verdict == "rejected" and "holds in de, en, fr, but" in result.reason
    assert result.holds.sel(leg="sufficiency").values.tolist() == ["yes", "yes", "yes", "no"]


def test_random_sets_are_rejected(made, family):
    generator, accepted = np.random.default_rng(1), 0
    for _ in range(20):
        chosen = generator.choice(8, 3, replace=False)
        result = wb.circuits.accept(made.model, family, [(1, int(head)) for head in chosen], controls=19, **QUIET)
        accepted += result.verdict == "accepted"
    assert accepted == 0


def test_idle_heads_fail_in_every_language(made, family):
    result = wb.circuits.accept(made.model, family, [(0, 1), (3, 2)], how="zero", **QUIET)
    assert result.verdict == "rejected" and result.reason.startswith("necessity fails: ")
    assert "sufficiency fails: " in result.reason


def test_shares_are_those_of_a_plain_loop(made, family):
    chosen = [(1, 0), (1, 1)]
    result = wb.circuits.accept(made.model, family, chosen, how="zero", **QUIET)
    scales = {"whole": np.ones((4, 8)), "nothing": np.zeros((4, 8))}
    scales["alone"] = np.zeros((4, 8))
    scales["alone"][1, :2] = 1
    scales["without"] = 1 - scales["alone"]
    for code, pairs in family.items():
        mean = {name: plain_mean(made.model, pairs, own) for name, own in scales.items()}
        gap = mean["whole"] - mean["nothing"]
        here = result.sel(language=code)
        assert here.necessity == pytest.approx((mean["whole"] - mean["without"]) / gap, abs=1e-4)
        assert here.sufficiency == pytest.approx((mean["alone"] - mean["nothing"]) / gap, abs=1e-4)
        assert here.task == pytest.approx(gap, abs=1e-4)


def plain_mean(model, pairs, scales):
    """The mean logit difference with head outputs scaled, a prompt at a time, by the output projection's rows."""
    values = []
    saved = [layer.self_attn.o_proj.weight.detach().clone() for layer in model.module.model.layers]
    for layer, own in zip(model.module.model.layers, scales, strict=True):
        columns = np.repeat(own, model.d_head)
        layer.self_attn.o_proj.weight.data *= model.module.lm_head.weight.new_tensor(columns)
    for pair in pairs:
        logits = model.logits(model.batch(pair.source))[0, -1]
        answer, foil = (model.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in
                        (pair.answer, pair.foil))  # fmt: skip
        values.append((logits[answer] - logits[foil]).item())
    for layer, weight in zip(model.module.model.layers, saved, strict=True):
        layer.self_attn.o_proj.weight.data = weight
    return np.mean(values)


@pytest.fixture(scope="module")
def even(made):
    """Pairs whose prompts have one length."""
    tokenizer, pairs = made.model.tokenizer, zip(CODES, (*CODES[1:], CODES[0]), strict=True)
    return {
        code: wb.translation_pairs(made.words, source=code, target=other, shots=0, limit=8, tokenizer=tokenizer)
        for code, other in pairs
    }


def test_patching_transfers_the_answer(made, even):
    result = wb.circuits.accept(made.model, even, READERS, how="patch", **QUIET)
    assert result.verdict == "accepted"
    np.testing.assert_allclose(result.sufficiency, 1, atol=0.02)
    np.testing.assert_allclose(result.nothing, -result.whole, atol=0.1)  # the target run prefers the foil as much
    one = wb.circuits.accept(made.model, even, READERS[:1], how="patch", **FEW)
    assert one.verdict == "rejected" and "holds in de, but" in one.reason


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "neox"])
@pytest.mark.parametrize("kind", ["head", "neuron"])
def test_a_patched_unit_is_that_of_a_plain_hook(kind, architecture):
    model, pairs = model_of(architecture), make_pairs([6, 6, 5, 4])
    swapped = wb.load_pairs(
        [{"source": p.target, "target": p.source, "answer": p.foil, "foil": p.answer} for p in pairs]
    )
    prompts = encode(model, pairs)
    width = model.n_heads if kind == "head" else model.n_neurons
    parts = units(model, {kind: np.eye(1, model.n_layers * width, dtype=bool).reshape(-1, width)}, how="patch",
                  batch_size=2)  # fmt: skip
    cells = [0, 1, width, width + 2]
    sets = np.ones((len(cells), parts.member.size), dtype=bool)
    sets[np.arange(len(cells)), cells] = False
    values = parts.measure(prompts, metric_for_pairs(model, prompts, "logit_difference").metric)(sets)
    for row, cell in enumerate(cells):
        layer, unit = divmod(cell, width)
        scales = patched_run(model, kind, layer, unit, swapped)
        np.testing.assert_allclose(values[row], scales, atol=1e-4)


def patched_run(model, kind, layer, unit, swapped):
    """The logit difference of each pair's target prompt with one unit of the source run, a prompt at a time."""
    values = []
    for pair in swapped:
        given = tensors(model, model.batch(pair.source), [(kind, layer)])[kind, layer]

        def put(states, given=given):
            size = model.d_head if kind == "head" else 1
            changed = states.reshape(*states.shape[:2], -1, size).clone()
            changed[:, :, unit] = given.reshape(changed.shape)[:, :, unit]
            return changed.reshape(states.shape)

        with hooked([after(model.hook_point(kind, layer), put)]), torch.no_grad():
            logits = model.logits(pair.target)[0, -1]
        answer, foil = (model.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in
                        (pair.answer, pair.foil))  # fmt: skip
        values.append((logits[foil] - logits[answer]).item())
    return values


def test_the_result_of_a_circuit_search_is_a_circuit(made, family):
    search = wb.patching.circuit(made.model, family["de"], drop=0.3, controls=1, **QUIET)
    result = wb.circuits.accept(made.model, family, search, **FEW)
    assert result.units == int(search.member.sum()) and result.verdict == "rejected"
    assert "holds in de" in result.reason


def test_edges_give_the_heads_that_they_join(made, family, even):
    edges = wb.patching.edges(made.model, even["de"], sample=3, **QUIET)
    result = wb.circuits.accept(made.model, family, edges, top=1, **FEW)
    strongest = np.abs(edges.effect).fillna(0).stack(cell=("sender", "receiver")).idxmax().item()
    assert "head 1.0" in strongest and '"heads": [[1, 0]]' in result.attrs["provenance"]


def test_refusals(made, family):
    one = {"de": family["de"]}
    with pytest.raises(TooFewLanguages):
        wb.circuits.accept(made.model, one, READERS, **QUIET)
    with pytest.raises(BadArgument, match="no p-value"):
        wb.circuits.accept(made.model, family, READERS, controls=5, **QUIET)
    with pytest.raises(BadArgument, match="7 other sets"):
        wb.circuits.accept(made.model, family, [(1, 0)], **QUIET)
    with pytest.raises(BadArgument, match="does not exist"):
        wb.circuits.accept(made.model, family, [(9, 0)], **QUIET)
    with pytest.raises(BadArgument, match="transcoder="):
        wb.circuits.accept(made.model, family, {"features": [(0, 0)]}, **QUIET)
    with pytest.raises(BadArgument, match="heads, neurons"):
        wb.circuits.accept(made.model, family, {"layers": [(0, 0)]}, **QUIET)
    with pytest.raises(BadArgument, match="some of them, not all"):
        wb.circuits.accept(made.model, family, [], **QUIET)
    with pytest.raises(BadResult, match="this has"):
        wb.circuits.accept(made.model, family, made.truth, **QUIET)
    few = {**family, "it": wb.load_pairs(family["it"].to_frame().head(2))}
    with pytest.raises(BadPairs, match="it: 2 pairs"):
        wb.circuits.accept(made.model, few, READERS, **QUIET)


def evidence(low, high, p=0.01):
    low, high = np.array(low), np.array(high)
    return Evidence((low + high) / 2, low, high, p, 0.5)


@pytest.mark.parametrize(
    ("necessity", "damage", "verdict", "words"),
    [
        (evidence([0.6, 0.7], [0.9, 0.9]), [2.0, 3.0], "accepted", "every language"),
        (evidence([0.4, 0.7], [0.9, 0.9]), [2.0, 3.0], "undecided", "may be more or less than 0.5"),
        (evidence([0.1, 0.7], [0.4, 0.9]), [2.0, 3.0], "rejected", "invariance fails: necessity holds in fr, but"),
        (evidence([0.1, 0.1], [0.4, 0.4]), [2.0, 3.0], "rejected", "necessity fails: necessity is less"),
        (evidence([0.6, 0.7], [0.9, 0.9], p=0.1), [2.0, 3.0], "rejected", "random sets do as much"),
        (evidence([0.6, 0.7], [0.9, 0.9]), [2.0, -1.0], "undecided", "does not damage the task in fr"),
    ],
)
def test_the_rule(necessity, damage, verdict, words):
    both = {"necessity": necessity, "sufficiency": evidence([0.6, 0.6], [0.7, 0.7])}
    decision, reason, _ = decide(both, ["de", "fr"], np.array(damage), 0.95)
    assert decision == verdict and words in reason
