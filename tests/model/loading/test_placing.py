"""Where weights lie: several devices, weights on disk, a revision of the hub, what a module in memory has."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf

from tests.model.loading.test_adapter import adapter
from tests.models import byte_tokenizer, save, tiny
from workbench import heads, load_corpus, load_model
from workbench.errors import BadArgument

CORPUS = load_corpus(pd.DataFrame({"en": ["Hello there", "Good day"], "de": ["Hallo du", "Guten Tag"]}))
PARTS = ("model.embed_tokens", "model.layers.0", "model.layers.2", "model.norm", "model.rotary_emb", "lm_head")
SPREAD = dict.fromkeys(PARTS, "cpu") | {"model.layers.1": "disk"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save("llama", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def right(folder):
    return load_model(folder)


@pytest.mark.parametrize("device_map", ["auto", "cpu", {"": "cpu"}, SPREAD], ids=["auto", "cpu", "dict", "disk"])
def test_a_device_map_changes_no_number(device_map, folder, right):
    model = load_model(folder, device_map=device_map)
    assert model.abilities == right.abilities and model.digest == right.digest
    actual, expected = (heads.ablate(each, CORPUS, progress=False).delta.values for each in (model, right))
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_a_module_that_is_spread_stays_where_it_lies(folder, right, tmp_path):
    module = hf.AutoModelForCausalLM.from_pretrained(folder, device_map=SPREAD, offload_folder=str(tmp_path)).eval()
    with pytest.raises(BadArgument, match="is spread over several devices stays as it is"):
        load_model(module, tokenizer=byte_tokenizer(), device="cpu")
    model = load_model(module, tokenizer=byte_tokenizer())
    assert module.model.layers[1].mlp.up_proj.weight.is_meta
    actual, expected = (heads.ablate(each, CORPUS, progress=False).delta.values for each in (model, right))
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    norms = [model.down_weight(1), right.down_weight(1)]
    torch.testing.assert_close(*norms, atol=1e-6, rtol=1e-6)


def test_a_module_in_memory_keeps_its_type():
    model = load_model(tiny("llama").bfloat16(), tokenizer=byte_tokenizer())
    assert model.dtype == torch.bfloat16
    assert load_model(tiny("llama"), tokenizer=byte_tokenizer(), dtype="float16").dtype == torch.float16


def test_a_module_loaded_twice_gives_the_same_numbers_twice():
    module = tiny("llama")
    first, second = (load_model(module, tokenizer=byte_tokenizer()) for _ in range(2))
    deltas = [heads.ablate(model, CORPUS, progress=False).delta.values for model in (first, second, first)]
    np.testing.assert_array_equal(deltas[0], deltas[1])
    np.testing.assert_array_equal(deltas[0], deltas[2])
    assert first.abilities == second.abilities


def stored(cache: Path, name: str, revisions: dict[str, Path]) -> None:
    """Lay folders out as the hub's cache holds a repository: branch to commit, commit to files."""
    root = cache / "hub" / f"models--{name.replace('/', '--')}"
    for number, (branch, folder) in enumerate(revisions.items()):
        commit = f"{number + 1:040x}"
        (root / "refs").mkdir(parents=True, exist_ok=True)
        (root / "refs" / branch).write_text(commit)
        (root / "snapshots").mkdir(exist_ok=True)
        (root / "snapshots" / commit).symlink_to(folder)


LOAD = """
import json, sys
import torch, workbench as wb
out = []
for options in json.loads(sys.argv[1]):
    try:
        model = wb.load_model(**options)
        batch = model.batch("Hello")
        with torch.no_grad():
            out.append([model.revision, float(model.logits(batch).abs().sum())])
    except wb.errors.WorkbenchError as error:
        out.append([type(error).__name__, str(error)])
print(json.dumps(out))
"""


def test_revisions_and_adapters_of_the_hub(tmp_path):
    """In a process of its own: the place of the hub's cache is read once."""
    main, other = save("llama", tmp_path / "main"), save("llama", tmp_path / "other", seed=1)
    reference = adapter(tmp_path / "adapter", "group/model")
    stored(tmp_path / "cache", "group/model", {"main": main, "old": other})
    stored(tmp_path / "cache", "group/adapter", {"main": tmp_path / "adapter"})
    requests = [{"name": "group/model"}, {"name": "group/model", "revision": "old"}]
    requests += [{"name": "group/model", "revision": "none"}, {"name": "group/adapter"}]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(requests)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"},
    )
    first, old, missing, adapted = json.loads(done.stdout.splitlines()[-1])
    sums = []
    for module in (tiny("llama"), tiny("llama", seed=1), reference):
        ids = torch.tensor([byte_tokenizer()("Hello")["input_ids"]])
        with torch.no_grad():
            sums.append(float(module(input_ids=ids).logits.abs().sum()))
    assert [first[0], old[0]] == [f"{1:040x}", f"{2:040x}"]
    assert [first[1], old[1]] == pytest.approx(sums[:2], rel=1e-5)
    assert missing[0] == "UnknownModel"
    assert adapted[0].startswith("adapter ") and f"group/model ({1:040x})" in adapted[0]
    assert adapted[1] == pytest.approx(sums[2], rel=1e-5)
