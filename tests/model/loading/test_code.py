"""Models that can run code when they are loaded are refused until a caller allows it."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from transformers import dynamic_module_utils

from tests.models import byte_tokenizer, save, tiny
from workbench.errors import BrokenModel
from workbench.model.load import load_model
from workbench.studies.options import Options, common_key, open_model

CODE = '''"""A model that its folder brings."""

from pathlib import Path

import transformers

Path({mark!r}).touch()


class OwnConfig(transformers.LlamaConfig):
    model_type = "own"


class LlamaForCausalLM(transformers.LlamaForCausalLM):  # TransformerLens knows shapes by this name
    config_class = OwnConfig
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A Llama under a name that transformers does not know, with its code beside it, and what the code leaves."""
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = save("llama", tmp_path / "own")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own"}
    config["auto_map"] = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.LlamaForCausalLM"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(CODE.format(mark=str(tmp_path / "ran")))
    return folder, tmp_path / "ran"


def test_code_is_not_run_unless_that_is_allowed(own):
    folder, ran = own
    with pytest.raises(BrokenModel, match=r"brings Python code .* --trust-remote-code$"):
        load_model(folder)
    assert not ran.exists()


def test_code_is_run_where_that_is_allowed(own):
    folder, ran = own
    model = load_model(folder, trust_remote_code=True)
    assert ran.exists()
    expected = load_model(tiny("llama"), tokenizer=byte_tokenizer())
    tokens = torch.tensor([[1, 70, 80]])
    with torch.no_grad():
        assert torch.allclose(model.bridge(tokens), expected.bridge(tokens), atol=1e-5)


def test_other_code_is_another_model(own):
    folder, _ = own
    first = load_model(folder, trust_remote_code=True).digest
    (folder / "own.py").write_text((folder / "own.py").read_text() + "\n# changed\n")
    assert load_model(folder, trust_remote_code=True).digest != first


def test_allowing_both_changes_nothing_that_a_result_depends_on(tmp_path):
    folder = save("llama", tmp_path / "plain")
    plain, allowed = Options(), Options(allow_pickle=True, trust_remote_code=True)
    first, second = (open_model(str(folder), options) for options in (plain, allowed))
    assert common_key(first, plain) == common_key(second, allowed)


def test_pickled_weights_are_refused_at_the_command_line_until_the_option_is_there(tmp_path):
    folder = save("llama", tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    command = [sys.executable, "-m", "workbench.cli", "check", str(folder), "--quiet"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1 and "--allow-pickle" in refused.stderr
    assert subprocess.run([*command, "--allow-pickle"], capture_output=True, check=False).returncode == 0
