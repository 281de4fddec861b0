"""Steering what a model writes: equal to plain hooks, with and without a cache, from the first token or after it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import workbench as wb
from tests.steering.test_subspace import CORPUS, QUIET
from workbench.errors import BadArgument, BadCorpus, BadResult, UnsupportedSite
from workbench.model.forward.record import record

PROMPTS = ["Ein Hund lief", "Na", "The dog"]


@pytest.fixture(scope="module")
def german(wrapped):
    """Directions of each shape, of one language."""

    def made(kind):
        return wb.steering.directions(wrapped(kind), CORPUS, **QUIET).sel(language="de")

    return made


def steered_by_hand(model, prompt, vectors, tokens, start):
    """Greedy ids, one whole pass a token, with a plain hook that adds from position `start` on."""
    ids = model.batch(prompt).ids[0].tolist()
    first = len(ids) if start else 0
    handles = []
    for layer, vector in enumerate(torch.as_tensor(vectors, dtype=torch.float32)):

        def hook(module, args, output, vector=vector):
            states = (output[0] if isinstance(output, tuple) else output).clone()
            states[:, first:] += vector
            return (states, *output[1:]) if isinstance(output, tuple) else states

        handles.append(model.bridge.blocks[layer].register_forward_hook(hook))
    written = []
    for _ in range(tokens):
        batch = wb.text.Batch(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.int64), ("",), (0,))
        written.append(int(model.logits(batch)[0, -1].argmax()))
        if written[-1] == 2:
            break
        ids.append(written[-1])
    for handle in handles:
        handle.remove()
    return model.tokenizer.decode(written, skip_special_tokens=True)


@pytest.mark.parametrize("positions", ["all", "generated"])
@pytest.mark.parametrize("prompts", [PROMPTS, PROMPTS[:1]], ids=["padded", "not padded"])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3", "opt", "bloom", "qwen3_moe"])
def test_steering_equals_plain_hooks_with_and_without_a_cache(wrapped, german, kind, prompts, positions):
    """Generation drops a mask that hides nothing: then the cache says in which column a pass begins."""
    model = wrapped(kind)
    options = {"strength": 3.0, "layers": [0, 2], "tokens": 6, "positions": positions, **QUIET}
    written = wb.steering.steer(model, prompts, german(kind), **options)
    vectors = wb.steering.scaled(german(kind), strength=3.0, layers=[0, 2]).direction.values
    wanted = [steered_by_hand(model, prompt, vectors, 6, positions == "generated") for prompt in prompts]
    assert written.completion.tolist() == wanted
    assert set(written.target) == {"de"} and written.prompt.tolist() == prompts
    whole = replace(model, abilities={**model.abilities, "generate": False}, warned={"generate"})
    assert wb.steering.steer(whole, prompts, german(kind), **options).completion.tolist() == wanted
    assert written.completion.tolist() != wb.generate(model, prompts, tokens=6, **QUIET).text.tolist()


def test_generated_positions_leave_the_prompt_as_it_was(wrapped, german):
    model = wrapped("llama")
    added = wb.steering.scaled(german("llama"), strength=5.0)
    batch = model.batch(["Ein Hund lief", "Ein Tag"], side="left")
    clean, start = model.logits(batch), batch.ids.shape[1] - 3
    states = record(model, batch).residual
    with wb.model.edited(model, directions=added, first_position=start):
        logits, moved = model.logits(batch), record(model, batch).residual
    real = batch.mask[:, :start].bool()
    assert torch.equal(logits[:, :start][real], clean[:, :start][real])
    assert (logits[:, start:] - clean[:, start:]).abs().max() > 1e-2
    vector = torch.as_tensor(added.direction.values[0], dtype=torch.float32)
    assert torch.equal(moved[1][:, :start], states[1][:, :start])
    assert torch.equal(moved[1][:, start:], states[1][:, start:] + vector)
    first = {name: wb.steering.steer(model, PROMPTS, german("llama"), strength=5.0, tokens=1, positions=name, **QUIET)
             for name in ("all", "generated")}  # fmt: skip
    plain = wb.generate(model, PROMPTS, tokens=1, **QUIET).text.tolist()
    assert first["generated"].completion.tolist() == plain != first["all"].completion.tolist()


def test_a_rerun_does_not_know_its_columns(wrapped, german):
    model = wrapped("llama")
    added = wb.steering.scaled(german("llama"), strength=1.0)
    pairs = wb.load_pairs([{"source": "a b", "target": "c d", "answer": "e", "foil": "f"}])
    with (
        pytest.raises(UnsupportedSite, match="first_position=2, but this pass does not say"),
        wb.model.edited(model, directions=added, first_position=2),
    ):
        wb.patching.sweep(model, pairs, progress=False)


def test_strength_0_writes_as_without(wrapped, german):
    model = wrapped("llama")
    plain = wb.generate(model, PROMPTS, tokens=5, **QUIET).text.tolist()
    assert (
        wb.steering.steer(model, PROMPTS, german("llama"), strength=0, tokens=5, **QUIET).completion.tolist() == plain
    )


def test_prompts_of_every_form(wrapped, german):
    model = wrapped("llama")
    options = {"strength": 2.0, "tokens": 2, **QUIET}
    corpus = wb.steering.steer(model, CORPUS, german("llama"), **options)
    assert corpus.language.tolist() == [code for code in CORPUS.languages for _ in range(3)]
    table = pd.DataFrame({"prompt": ["Ein Hund", "Na"], "language": ["de", "de"], "source": "s"})
    answered = wb.steering.steer(model, table, german("llama"), **options)
    assert list(answered) == ["prompt", "language", "source", "completion", "target"]
    again = wb.steering.steer(model, answered, german("llama"), **options)
    assert again.completion.tolist() == answered.completion.tolist()
    made = wb.evaluation.respond(
        model,
        table,
        tokens=2,
        temperature=0,
        positions="generated",
        directions=wb.steering.scaled(german("llama"), strength=2.0),
        progress=False,
    )
    own = wb.steering.steer(model, table, german("llama"), positions="generated", **options)
    assert made.completion.tolist() == own.completion.tolist()
    assert wb.steering.steer(model, "Na", german("llama").drop_vars("language"), **options).target.tolist() == [""]


def test_a_sweep_of_a_task_under_a_direction(wrapped, german):
    model = wrapped("llama")
    rows = [
        {"id": str(i), "language": "de", "context": f"{i} und", "options": ["eins", "zwei"], "gold": i % 2}
        for i in range(4)
    ]
    task = wb.load_task(rows)
    added = wb.steering.scaled(german("llama"), strength=2.0, layers=1)
    result = wb.evaluation.accuracy(model, task, directions=added, progress=False)
    with wb.model.edited(model, directions=added):
        under = wb.evaluation.under(model, task, {"a": [(0, 1)]}, controls=1, progress=False)
    np.testing.assert_allclose(under.baseline, result.accuracy)


def test_what_does_not_fit_is_refused(wrapped, german):
    model, direction = wrapped("llama"), german("llama")
    for value in (float("inf"), float("nan")):
        with pytest.raises(BadArgument, match="strength="):
            wb.steering.steer(model, PROMPTS, direction, strength=value, **QUIET)
    with pytest.raises(BadArgument, match=r"layers=\[3\]; the layers are 0 to 2"):
        wb.steering.steer(model, PROMPTS, direction, strength=1, layers=[3], **QUIET)
    with pytest.raises(BadResult, match="belongs to another model"):
        wb.steering.steer(wrapped("gpt2"), PROMPTS, direction, strength=1, **QUIET)
    with pytest.raises(BadResult, match="belongs to another model"):
        wb.steering.steer(model, PROMPTS, direction.isel(d=slice(5)), strength=1, **QUIET)
    for unit in ("direction", "residual"):
        with pytest.raises(BadResult, match="NaN"):
            wb.steering.steer(model, PROMPTS, direction.where(direction.layer > 0), strength=1, unit=unit, **QUIET)
    every = wb.steering.directions(model, CORPUS, **QUIET)
    with pytest.raises(BadResult, match=r"of several languages with \.sel\(language=\)"):
        wb.steering.steer(model, PROMPTS, every, strength=1, **QUIET)
    with pytest.raises(BadCorpus, match="no column prompt"):
        wb.steering.steer(model, pd.DataFrame({"text": ["a"]}), direction, strength=1, **QUIET)
    with pytest.raises(BadCorpus, match="no rows"):
        wb.steering.steer(model, pd.DataFrame({"prompt": []}), direction, strength=1, **QUIET)
