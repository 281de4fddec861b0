"""Routing against the plain loop, its invariances, and a router whose choice is known."""

import zlib
from itertools import combinations

import numpy as np
import pytest
import torch
import transformers as hf
from scipy import stats

from tests.models import _small, byte_tokenizer, tiny
from tests.oracles import routing as oracle
from workbench.errors import BadArgument, BadCounts, Interrupted, UnsupportedSite
from workbench.model.batching import streamed
from workbench.model.load import load_model
from workbench.neurons import expert_counts, lape, routing, ternary
from workbench.neurons.mixtures.divergence import exchange
from workbench.neurons.mixtures.routing import Counter
from workbench.results.files import load_result, save_result
from workbench.text.batches import Batch, pad
from workbench.text.corpus import Corpus

TEXTS = {"en": ("good morning", "a cat", "yes, of course"), "de": ("guten Morgen", "eine Katze", "ja")}
CORPUS = Corpus(TEXTS, aligned=True, source="test")
RULES = {
    "qwen3_moe": (oracle.softmax_top(2, normalised=False), [0, 1, 2]),
    "mixtral": (oracle.softmax_top(2, normalised=True), [0, 1, 2]),
    "olmoe": (oracle.softmax_top(2, normalised=False), [0, 1, 2]),
    "qwen2_moe": (oracle.softmax_top(2, normalised=False), [1]),
    "granitemoe": (oracle.top_softmax(2), [0, 1, 2]),
    "gpt_oss": (oracle.top_softmax(2), [0, 1, 2]),
    "deepseek_v3": (oracle.grouped_sigmoid(2, groups=4, taken=2, scale=2.5), [1, 2]),
}


def route(model, corpus=CORPUS, **options):
    return routing(model, corpus, progress=False, **{"permutations": 9, **options})


def uneven(kind):
    """A tiny model whose routers have a bias or a correction where their kind has one."""
    module = tiny(kind)
    generator = torch.Generator().manual_seed(1)
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith(("router.bias", "e_score_correction_bias")):
            value.data.copy_(torch.randn(value.shape, generator=generator) * 0.2)
    return module


@pytest.mark.parametrize("kind", RULES)
def test_counts_and_weights_are_those_of_the_plain_loop(kind):
    choose, layers = RULES[kind]
    wanted = oracle.routing(uneven(kind), byte_tokenizer(), TEXTS, choose, layers)
    result = route(load_model(uneven(kind), tokenizer=byte_tokenizer()))
    assert result.fired.dtype == result.tokens.dtype == np.int64
    for language, truth in wanted.items():
        cell = result.sel(language=language)
        assert int(cell.tokens) == truth["tokens"]
        for layer in layers:
            fired = np.array(truth["fired"][layer])
            np.testing.assert_array_equal(cell.fired[layer], fired)
            np.testing.assert_allclose(cell.share[layer], fired / fired.sum())
            np.testing.assert_allclose(
                cell.weight[layer], np.array(truth["weight"][layer]) / truth["tokens"], atol=1e-6
            )
    dense = [layer for layer in range(3) if layer not in layers]
    assert result.attrs["layers_without_router"] == (", ".join(map(str, dense)) or "none")
    assert result.experts_per_token.values.tolist() == [2 * (layer in layers) for layer in range(3)]
    for name in ("share", "weight", "share_low", "divergence", "divergence_p_value", "pair_divergence"):
        assert result[name].isel(layer=dense).isnull().all(), name
        assert result[name].isel(layer=layers, language=0, missing_dims="ignore").notnull().any(), name
    assert (result.fired.isel(layer=dense) == 0).all()


def test_divergence_is_that_of_the_plain_loop(wrapped):
    texts = {**TEXTS, "fr": ("bonjour à tous", "un chat", "oui")}
    result = route(wrapped("mixtral"), Corpus(texts, aligned=True, source="test"))
    share = result.share.values.tolist()
    for layer in range(3):
        whole = oracle.divergence([share[k][layer] for k in range(3)])
        assert float(result.divergence[layer]) == pytest.approx(whole)
        for i in range(3):
            for j in range(3):
                pair = oracle.divergence([share[i][layer], share[j][layer]])
                assert float(result.pair_divergence[i, j, layer]) == pytest.approx(pair, abs=1e-12)
    for name in ("pair_divergence", "pair_divergence_null", "pair_divergence_p_value"):
        table = result[name].transpose("layer", "language", "other").values
        np.testing.assert_array_equal(table, table.transpose(0, 2, 1))
    assert np.isnan(result.pair_divergence_p_value.values[[0, 1, 2], [0, 1, 2]]).all()
    assert (result.share_low <= result.share).all() and (result.share <= result.share_high).all()


def test_p_values_are_corrected_over_pairs_and_layers(wrapped):
    languages = ("de", "en", "fr")
    texts = {language: written("abcdef"[i : i + 3], 5, 6, seed=i) for i, language in enumerate(languages)}
    result = route(wrapped("mixtral"), Corpus(texts, aligned=False, source="test"), permutations=39)
    counter = Counter(wrapped("mixtral"), Corpus(texts, aligned=False, source="test"))
    for batch in streamed(counter.model, Corpus(texts, aligned=False, source="test"), batch_size=4):
        counter.update(batch)
    options = {"aligned": False, "permutations": 39}
    raw = [
        exchange([counter.fired[a], counter.fired[b]], **options, seed=[0, zlib.crc32(f"{a}\n{b}".encode())])[2]
        for a, b in combinations(languages, 2)
    ]
    found = [result.pair_divergence_p_value.sel(language=a, other=b) for a, b in combinations(languages, 2)]
    assert np.ptp(raw) > 0
    np.testing.assert_allclose(found, stats.false_discovery_control(np.stack(raw).ravel()).reshape(3, 3))
    whole = exchange(list(counter.fired.values()), **options, seed=[0])[2]
    np.testing.assert_allclose(result.divergence_p_value, stats.false_discovery_control(whole))


@pytest.mark.parametrize("kind", ["mixtral", "deepseek_v3"])
def test_batches_order_and_company_change_nothing(kind, wrapped):
    model = wrapped(kind)
    whole, single = route(model), route(model, batch_size=1)
    for name in ("fired", "share", "share_low", "divergence_null", "pair_divergence_p_value"):
        np.testing.assert_array_equal(whole[name], single[name])
    np.testing.assert_allclose(whole.weight, single.weight, atol=1e-6)
    turned = route(model, Corpus({k: v[::-1] for k, v in TEXTS.items()}, aligned=True, source="test"))
    np.testing.assert_array_equal(whole.fired, turned.fired)
    other = route(model, CORPUS.select("de,en"))
    np.testing.assert_array_equal(whole.fired, other.fired.sel(language=["en", "de"]))
    np.testing.assert_array_equal(whole.pair_divergence_null[0, 1], other.pair_divergence_null[0, 1])


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_counts_nowhere_and_changes_no_other(side, wrapped):
    model = wrapped("qwen3_moe")
    encoded = model.encode(CORPUS)
    ids, mask = pad([text.ids for text in encoded], model.pad_id, side)
    counter = Counter(model, CORPUS)
    counter.update(Batch(ids, mask, tuple(t.language for t in encoded), tuple(t.row for t in encoded)))
    alone = Counter(model, CORPUS)
    for text in encoded:
        row = torch.tensor([text.ids])
        alone.update(Batch(row, torch.ones_like(row), (text.language,), (text.row,)))
    for language in CORPUS.languages:
        np.testing.assert_array_equal(counter.fired[language], alone.fired[language])
    np.testing.assert_allclose(counter.weight, alone.weight, atol=1e-6)
    assert counter.tokens.tolist() == alone.tokens.tolist() == [34, 27]  # bytes, and BOS in front of each text


# A router whose choice is known: language i's letters lie along dimension i, and layer l's gate sends that dimension to
# the experts ORDER[l][2 * i] and ORDER[l][2 * i + 1]; BOS lies along dimension 3.
LETTERS = {"de": "abcdef", "en": "ghijkl", "fr": "mnopqr"}
ORDER = [[0, 1, 2, 3, 4, 5, 6, 7], [7, 2, 5, 0, 3, 6, 1, 4], [4, 1, 6, 3, 0, 7, 2, 5]]


@pytest.fixture(scope="module")
def planted():
    torch.manual_seed(0)
    shape = {"num_key_value_heads": 2, "head_dim": 8, "moe_intermediate_size": 16}
    module = hf.Qwen3MoeForCausalLM(hf.Qwen3MoeConfig(**_small(**shape, num_experts=8, num_experts_per_tok=2))).float()
    with torch.no_grad():
        embedding = module.model.embed_tokens.weight.normal_()
        for i, letters in enumerate(LETTERS.values()):
            for letter in letters:
                embedding[byte_tokenizer(bos=False)(letter)["input_ids"][0]] = torch.eye(32)[i]
        embedding[1] = torch.eye(32)[3]
        for layer, order in zip(module.model.layers, ORDER, strict=True):
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.experts.down_proj.normal_(std=1e-6)  # what experts write changes no later choice
            layer.mlp.gate.weight.zero_()
            for place, expert in enumerate(order):
                layer.mlp.gate.weight[expert, place // 2] = 10 - place % 2
    return load_model(module.eval(), tokenizer=byte_tokenizer())


def written(letters, texts, length, seed):
    generator = np.random.default_rng(seed)
    return tuple("".join(generator.choice(list(letters), length)) for _ in range(texts))


@pytest.fixture(scope="module")
def known():
    texts = {language: written(letters, 8, 9, seed) for seed, (language, letters) in enumerate(LETTERS.items())}
    return Corpus(texts, aligned=True, source="planted")


def test_a_planted_router_is_read_exactly(planted, known):
    result = route(planted, known, permutations=199)
    wanted = np.zeros((3, 3, 8))
    for i in range(3):
        for layer, order in enumerate(ORDER):
            wanted[i, layer, order[2 * i : 2 * i + 2]] = 0.9 / 2  # nine letters
            wanted[i, layer, order[6:]] = 0.1 / 2  # and BOS
    np.testing.assert_allclose(result.share, wanted)
    np.testing.assert_allclose(result.share_low, wanted)  # every text has the same share
    apart = 0.9 * np.log2(3)  # of a token in ten nothing is learned
    np.testing.assert_allclose(result.divergence, apart)
    np.testing.assert_allclose(result.pair_divergence[0, 1], 0.9)
    assert (result.divergence_p_value < 0.02).all() and (
        result.pair_divergence_p_value.isel(language=0, other=1) < 0.05
    ).all()
    assert (result.divergence_null < 0.5).all()


def test_lape_finds_planted_experts(planted, known):
    counts = expert_counts(route(planted, known))
    assert counts.fired.dims == ("language", "layer", "neuron")
    found = lape(counts, top_rate=0.75, bar=0.7)  # 18 of 24 experts; 18 of 72 rates are high
    wanted = np.zeros((3, 3, 8), dtype=bool)
    for i in range(3):
        for layer, order in enumerate(ORDER):
            wanted[i, layer, order[2 * i : 2 * i + 2]] = True
    np.testing.assert_array_equal(found.member, wanted)
    kinds = ternary(counts, top_rate=0.75, bar=0.7).kind
    assert ((kinds == "specific") == wanted.any(0)).all()


@pytest.mark.parametrize("aligned", [True, False])
def test_labels_that_mean_nothing_are_not_found(planted, aligned):
    letters = "".join(LETTERS.values())
    texts = {language: written(letters, 16, 9, seed) for seed, language in enumerate(LETTERS)}
    result = route(planted, Corpus(texts, aligned=aligned, source="shuffled"), permutations=199)
    assert (result.divergence > 0).all()  # of finite samples never 0, but no more than exchanging labels leaves
    assert (result.divergence_p_value > 0.05).all() and (result.pair_divergence_p_value.min() > 0.05).all()
    np.testing.assert_allclose(result.divergence, result.divergence_null, rtol=0.9)


def test_layers_without_a_router_are_no_neurons(wrapped):
    counts = expert_counts(route(wrapped("deepseek_v3")))
    assert counts.layer.values.tolist() == [1, 2]
    found = lape(counts, top_rate=0.2)
    assert found.entropy.sizes == {"layer": 2, "neuron": 8}
    assert found.layer.values.tolist() == [1, 2]


def test_other_counts_are_refused(wrapped):
    with pytest.raises(BadCounts, match="experts are counted by `routing`"):
        expert_counts(lape(expert_counts(route(wrapped("mixtral"))), top_rate=0.2))


def test_one_language_and_no_test(wrapped):
    result = route(wrapped("mixtral"), CORPUS.select("de"))
    assert result.divergence.isnull().all() and result.share.notnull().all()
    result = route(wrapped("mixtral"), permutations=0)
    assert result.divergence.notnull().all()
    assert result.divergence_p_value.isnull().all() and result.divergence_null.isnull().all()


def test_what_is_refused(wrapped):
    with pytest.raises(UnsupportedSite, match="it is dense"):
        route(wrapped("llama"))
    with pytest.raises(BadArgument, match="permutations=-1"):
        route(wrapped("mixtral"), permutations=-1)
    with pytest.raises(BadArgument, match="level=2"):
        route(wrapped("mixtral"), level=2)


def test_a_result_is_saved_whole(wrapped, tmp_path):
    result = route(wrapped("qwen2_moe"))
    save_result(result, tmp_path / "routing.nc")
    again = load_result(tmp_path / "routing.nc")
    assert again.identical(result) or again.equals(result)
    assert expert_counts(again).fired.equals(expert_counts(result).fired)


def test_an_interrupt_keeps_the_finished_batches(wrapped, monkeypatch):
    update, calls = Counter.update, []

    def interrupted(self, batch):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        update(self, batch)

    monkeypatch.setattr(Counter, "update", interrupted)
    with pytest.raises(Interrupted, match="after 2 of 6 texts") as caught:
        route(wrapped("mixtral"), batch_size=1)
    partial = caught.value.partial
    assert int(partial.tokens.sum()) == sum(len(b.ids[0]) for b in calls[:2])
    assert int(partial.fired.sel(layer=0).sum()) == 2 * int(partial.tokens.sum())
