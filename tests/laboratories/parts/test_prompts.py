"""Prompts in front of a frozen model: against embeddings that are put together by hand."""

import copy
import hashlib

import pytest
import torch

from tests.models import tiny
from workbench.errors import BadArgument, TooLarge, UnsupportedSite
from workbench.laboratories.parts.pool import PromptPool, fixed_shares, in_languages, mean_embeddings
from workbench.laboratories.parts.prompted import install, remove, retrieved
from workbench.laboratories.parts.prompts import initial, prompts

KINDS = ("llama", "gpt2", "gemma3", "gemma2", "opt", "bloom")
IDS = torch.tensor([[1, 70, 71, 72, 73], [1, 90, 91, 0, 0], [1, 50, 0, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]])


def random_pool(module, count, length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    width = module.get_input_embeddings().weight.shape[1]
    return PromptPool(
        torch.randn(count, width, generator=generator), torch.randn(count, length, width, generator=generator)
    )


def logits(module, ids=IDS, mask=MASK):
    with torch.no_grad():
        return module(input_ids=ids, attention_mask=mask).logits


def by_hand(module, pool, ids, *, bos=1):
    """Logits of one text: its prompt is computed in plain loops and stands between its embeddings."""
    table = module.get_input_embeddings()
    with torch.no_grad():
        embedded = table(torch.tensor([ids]))[0]
        text = embedded[bos:]
        query = sum(text) / len(text)
        scores = [float(sum(query * key)) / len(query) ** 0.5 for key in pool.keys]
        highest = [2.718281828459045**score for score in scores]
        prompt = sum(
            each / sum(highest) * vectors for each, vectors in zip(highest, pool.prompts.detach(), strict=True)
        )
        rows = torch.cat([embedded[:bos], prompt, embedded[bos:]])[None]
        result = module(inputs_embeds=rows, use_cache=False).logits[0]
    length = pool.prompts.shape[1]
    return torch.stack([row for place, row in enumerate(result) if not bos <= place < bos + length])


def digest(module):
    return {
        name: hashlib.sha256(value.detach().numpy().tobytes()).hexdigest() for name, value in module.named_parameters()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_embeddings_put_together_by_hand(kind):
    module, reference = tiny(kind), tiny(kind)
    pool = random_pool(module, 3, 4)
    install(module, pool)
    result = logits(module)
    assert result.shape == (3, 5, 300)
    for row, length in enumerate(MASK.sum(1).tolist()):
        expected = by_hand(reference, pool, IDS[row, :length].tolist())
        assert torch.allclose(result[row, :length], expected, atol=1e-4)
    assert not torch.allclose(result, logits(reference), atol=1e-2)  # the prompt matters


@pytest.mark.parametrize("kind", KINDS)
def test_without_positions_nothing_changes_and_removing_restores_every_bit(kind):
    module = tiny(kind)
    before, weights = logits(module), digest(module)
    install(module, random_pool(module, 3, 0))
    assert torch.equal(logits(module), before)
    remove(module)
    install(module, random_pool(module, 3, 2))
    assert not torch.equal(logits(module), before)
    remove(module)
    assert torch.equal(logits(module), before)
    assert digest(module) == weights
    assert "forward" not in vars(module.get_decoder())
    assert module.config.use_cache and module.generation_config.use_cache
    remove(module)  # without prompts: nothing to do


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind):
    module = tiny(kind)
    install(module, random_pool(module, 3, 2))
    together = logits(module)
    for row, length in enumerate(MASK.sum(1).tolist()):
        alone = logits(module, IDS[row : row + 1, :length], MASK[row : row + 1, :length])[0]
        assert torch.allclose(together[row, :length], alone, atol=1e-5)
    with torch.no_grad():
        unmasked = module(input_ids=IDS).logits  # what is the padding token is no part of the query
    assert torch.allclose(unmasked[1, :3], together[1, :3], atol=1e-5)


def test_texts_without_bos_have_their_prompt_in_front():
    module, reference = tiny("gpt2"), tiny("gpt2")
    pool = random_pool(module, 2, 3)
    install(module, pool)
    ids = [60, 61, 62]
    result = logits(module, torch.tensor([ids]), torch.ones(1, 3, dtype=torch.long))[0]
    assert torch.allclose(result, by_hand(reference, pool, ids, bos=0), atol=1e-4)
    with pytest.raises(BadArgument, match="some texts of a batch begin with BOS"):
        logits(module, torch.tensor([[1, 5], [6, 7]]), torch.ones(2, 2, dtype=torch.long))


def test_positions_that_are_given_are_extended():
    module = tiny("gpt2")
    install(module, random_pool(module, 2, 3))
    with torch.no_grad():
        places = torch.arange(5).expand(3, -1)
        result = module(input_ids=IDS, attention_mask=MASK, position_ids=places).logits
    assert torch.equal(result, logits(module))


def test_hidden_states_have_the_original_positions():
    module = tiny("llama")
    install(module, random_pool(module, 2, 3))
    with torch.no_grad():
        output = module(input_ids=IDS, attention_mask=MASK, output_hidden_states=True)
    assert [tuple(states.shape) for states in output.hidden_states] == [(3, 5, 32)] * 4
    assert torch.equal(output.hidden_states[-1], module.model(input_ids=IDS, attention_mask=MASK).last_hidden_state)


def test_one_hot_keys_retrieve_their_prompt():
    keys = 1000.0 * torch.eye(4)
    values = torch.arange(24.0).reshape(4, 2, 3)
    pool = PromptPool(keys, values)
    assert torch.equal(pool.shares(torch.eye(4)), torch.eye(4))
    assert torch.equal(pool(torch.eye(4)), values)
    # By hand: q keys^T / sqrt 4 of q = (1, 0, 0, 0) and keys ln 9 * 2 * e0, 0, ...: 9 to 1 to 1 to 1.
    soft = PromptPool(2 * torch.log(torch.tensor(9.0)) * torch.eye(4)[:1].repeat(4, 1) * torch.eye(4)[:, :1], values)
    assert torch.allclose(soft.shares(torch.eye(4)[:1]), torch.tensor([[9, 1, 1, 1]]) / 12)


def test_a_query_is_the_mean_over_real_tokens_without_bos():
    embedded = torch.tensor([[[9.0, 9], [1, 2], [3, 4], [7, 7]], [[9, 9], [5, 5], [5, 5], [5, 5]]])
    real = torch.tensor([[False, True, True, False], [False] * 4])
    assert torch.equal(mean_embeddings(embedded, real), torch.tensor([[2.0, 3.0], [0.0, 0.0]]))


def test_a_pool_of_one_is_a_plain_prompt():
    module, reference = tiny("llama"), tiny("llama")
    pool = random_pool(module, 1, 4)
    install(module, pool)
    embedded = reference.get_input_embeddings()(IDS)
    plain = pool.prompts.expand(3, -1, -1)
    with torch.no_grad():
        rows = torch.cat([embedded[:, :1], plain, embedded[:, 1:]], 1)
        mask = torch.cat([MASK[:, :1], torch.ones(3, 4, dtype=torch.long), MASK[:, 1:]], 1)
        expected = reference(inputs_embeds=rows, attention_mask=mask, use_cache=False).logits
    expected = torch.cat([expected[:, :1], expected[:, 5:]], 1)
    assert torch.equal(logits(module)[MASK.bool()], expected[MASK.bool()])


def train(module, trainable, steps=3):
    """Train on IDS in a plain loop; the names of the parameters that were trained."""
    with trainable(module) as inside:
        chosen = {name: value for name, value in inside.named_parameters() if value.requires_grad}
        optimizer = torch.optim.AdamW(chosen.values(), lr=0.1, weight_decay=0.0)
        for _ in range(steps):
            with in_languages(inside, ["de", "ja", "de"]):
                output = inside(input_ids=IDS, attention_mask=MASK).logits[:, :-1]
            wanted = IDS[:, 1:].masked_fill(MASK[:, 1:] == 0, -100)
            torch.nn.functional.cross_entropy(output.transpose(1, 2), wanted).backward()
            optimizer.step()
            optimizer.zero_grad()
    return set(chosen)


@pytest.mark.parametrize(
    ("options", "trained"),
    [
        ({"pool": 3}, {"prompt_pool.keys", "prompt_pool.prompts"}),
        ({"pool": 3, "keys": "fixed"}, {"prompt_pool.prompts"}),
        ({"pool": 1}, {"prompt_pool.prompts"}),
        ({"pool": ["de", "ja"]}, {"prompt_pool.prompts"}),
    ],
)
def test_prompts_are_trained_and_everything_else_stays(options, trained):
    module = tiny("llama")
    base = digest(module)
    with prompts(**options, length=2, seed=0)(copy.deepcopy(module)) as inside:
        before = digest(inside)
    flags = [value.requires_grad for value in module.parameters()]
    assert train(module, prompts(**options, length=2, seed=0)) == trained
    after = digest(module)
    assert {name: after[name] for name in base} == base
    assert {name for name in before if before[name] != after[name]} == trained
    assert [value.requires_grad for name, value in module.named_parameters() if name in base] == flags
    module.eval()
    with in_languages(module, ["de", "ja", "de"]):
        changed = logits(module)  # outside, it goes on computing with the prompts
    remove(module)
    assert not torch.allclose(changed, logits(module), atol=1e-3)
    assert digest(module) == base


def test_training_lowers_the_loss_and_a_seed_repeats():
    def after(seed):
        module = tiny("llama")
        train(module, prompts(2, length=4, seed=seed), steps=20)
        return module.eval()

    first, again, other = after(0), after(0), after(1)
    assert torch.equal(logits(first), logits(again))
    assert not torch.equal(logits(first), logits(other))
    wanted = IDS[0, 1:]

    def loss(module):
        return torch.nn.functional.cross_entropy(logits(module)[0, :-1], wanted).item()

    assert loss(first) < loss(tiny("llama")) - 0.5


def test_a_length_of_zero_keeps_every_bit_and_a_pool_that_was_not_trained_is_taken_out():
    module = tiny("llama")
    before = logits(module)
    train(module, prompts(2, length=0))
    assert torch.equal(logits(module.eval()), before)
    for options in ({"pool": 2}, {"pool": 2, "keys": "fixed"}, {"pool": ["de"]}):
        other = tiny("llama")
        with prompts(**options)(other):
            assert other.prompted
        assert not hasattr(other, "prompted")
        assert torch.equal(logits(other), before)


def test_the_seed_of_the_training_is_that_of_the_pool():
    module = tiny("llama")

    def drawn(**options):
        return initial(module, (2, 3), train_keys=True, **options)

    torch.manual_seed(5)
    first, second = drawn(), drawn()
    torch.manual_seed(5)
    assert torch.equal(first.keys, drawn().keys)
    assert not torch.equal(first.keys, second.keys)
    assert torch.equal(drawn(seed=1).prompts, drawn(seed=1).prompts)


def test_a_language_selects_its_prompt():
    module = tiny("llama")
    install(module, initial(module, (2, 2), train_keys=False, languages=["de", "ja"], seed=0))
    with torch.no_grad():
        with in_languages(module, ["ja", "de", "ja"]):
            mixed = logits(module)
        with fixed_shares(module.prompt_pool, torch.tensor([[0.0, 1.0]] * 3)):
            second = logits(module)
        with in_languages(module, ["ja"]):
            assert torch.equal(logits(module), second)
    assert torch.equal(mixed[[0, 2]], second[[0, 2]])
    assert not torch.allclose(mixed[1], second[1], atol=1e-3)
    with pytest.raises(BadArgument, match="each language has its own prompt"):
        logits(module)
    with in_languages(tiny("llama"), ["fr"]):
        pass  # without prompts: nothing to do
    with pytest.raises(BadArgument, match=r"have no prompt \(has: de, ja\)"), in_languages(module, ["fr"] * 3):
        pass
    with pytest.raises(BadArgument, match="given for 2 texts, but 3 came"), in_languages(module, ["de", "ja"]):
        logits(module)


def test_shares_of_texts_sum_to_one_and_ignore_padding():
    module = tiny("llama")
    install(module, random_pool(module, 3, 2))
    shares = retrieved(module, IDS, MASK)
    assert torch.allclose(shares.sum(1), torch.ones(3))
    alone = retrieved(module, IDS[1:2, :3], MASK[1:2, :3])
    assert torch.allclose(shares[1], alone[0], atol=1e-6)


def test_generating_reads_whole_texts():
    module = tiny("llama")
    install(module, random_pool(module, 2, 2))
    text = IDS[:1]
    expected = text
    for _ in range(3):
        step = logits(module, expected, torch.ones_like(expected))[:, -1].argmax(-1, keepdim=True)
        expected = torch.cat([expected, step], 1)
    made = module.generate(
        input_ids=text, attention_mask=torch.ones_like(text), max_new_tokens=3, do_sample=False, eos_token_id=None
    )
    assert torch.equal(made, expected)
    with pytest.raises(BadArgument, match="use_cache=False"):
        module.generate(input_ids=text, attention_mask=torch.ones_like(text), max_new_tokens=3, use_cache=True)


def test_a_copy_has_prompts_of_its_own():
    module = tiny("llama")
    install(module, random_pool(module, 2, 2))
    before, other = logits(module), copy.deepcopy(module)
    with torch.no_grad():
        other.prompt_pool.prompts.mul_(3)
        other.model.embed_tokens.weight.mul_(2)
    assert torch.equal(logits(module), before)
    assert not torch.allclose(logits(other), before, atol=1e-3)


def test_what_prompts_cannot_do_is_refused():
    module = tiny("gpt2")
    install(module, random_pool(module, 2, 4))
    with pytest.raises(BadArgument, match="has prompts already"), prompts(2)(module):
        pass
    with pytest.raises(BadArgument, match="fill texts up on the right"):
        logits(module, IDS, MASK.flip(1))
    with pytest.raises(BadArgument, match="reads input_ids"):
        module(inputs_embeds=torch.zeros(1, 2, 32))
    with pytest.raises(BadArgument, match=r"shape \(3, 1, 5, 5\)"):
        logits(module, IDS, torch.ones(3, 1, 5, 5))
    with pytest.raises(BadArgument, match="positions of its own"):
        module(input_ids=IDS, attention_mask=MASK, output_attentions=True)
    with pytest.raises(TooLarge, match="up to 129 tokens; this model's context has 128"):
        logits(module, torch.ones(1, 125, dtype=torch.long), None)


@pytest.mark.parametrize(
    "bad", [{"pool": 0}, {"pool": []}, {"pool": ["de", "de"]}, {"length": -1}, {"keys": "none"}, {"sharpness": 0}]
)
def test_bad_options_are_refused(bad):
    with pytest.raises(BadArgument):
        prompts(**bad)


def test_a_model_that_reads_more_than_embeddings_is_refused():
    module = tiny("llama")
    original = module.model.forward

    def forward(input_ids=None, **named):
        output = original(input_ids, **named)
        if input_ids is not None:
            output.last_hidden_state = output.last_hidden_state + 1
        return output

    module.model.forward = forward
    with pytest.raises(UnsupportedSite, match="from embeddings than from tokens"), prompts(2)(module):
        pass
    assert not hasattr(module, "prompt_pool")
    assert module.model.forward is forward


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_a_pool_before_training_hardly_differs_from_bos_and_scores_texts_as_sharply_as_asked(kind):
    module = tiny(kind)
    pool = initial(module, (2000, 2), train_keys=True, sharpness=3.0, seed=0)
    pool.requires_grad_(False)
    module.requires_grad_(False)
    begin = module.get_input_embeddings()(torch.tensor([1]))
    assert float((pool.prompts - begin).std()) == pytest.approx(0.1 * float(begin.std()), rel=0.5)
    assert torch.allclose(pool.prompts.mean(0), begin.expand(2, -1), atol=float(0.02 * begin.abs().max()))
    ids = torch.randint(300, (50, 32), generator=torch.Generator().manual_seed(1))
    scores = module.get_input_embeddings()(ids).mean(1) @ pool.keys.T / 32**0.5
    assert float(scores.std(1).mean()) == pytest.approx(3, rel=0.1)
