"""Model folders of others: what is loaded lies in the folder and is of an allowed kind; what is declared is there."""

import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from tests import hostile
from tests.hostile_files.models import honest, sharded, write_index
from workbench import load_model
from workbench.errors import BrokenModel, TooLarge, UnknownModel

WHY = {
    "pickled_in_index": r"model.safetensors.index.json names 'p.bin'; it may name files beside it, with .safetensors",
    "above": r"names '../secret/model.safetensors'",
    "absolute": r"model.safetensors.index.json names '/",
    "number": "names '3'",
    "absent": "no file 'nowhere.safetensors'",
    "link_out": "a model.safetensors that is a link out of the folder",
    "tokenizer_link_out": "a tokenizer.json that is a link out of the folder",
    "blobs_link_out": "a model.safetensors that is a link out of the folder",
    "named_weights": r"transformers_weights in config.json names '../secret/model.safetensors'",
    "named_pickle": "transformers_weights in config.json names 'adapter_model.bin'",
    "pipe_weights": "no .safetensors file",
    "huge_header": "weights that cannot be read",
    "huge_tensor": "weights that cannot be read",
    "config_list": "not a JSON object",
    "config_null": "not a JSON object",
    "config_deep": "not JSON",
    "config_deep_objects": "not JSON",
    "config_long_number": "not JSON",
    "config_no_text": "not JSON",
    "config_hidden_size_1000000": r"declares \d+,\d+,\d+,\d+ weights in its config and has \d+,\d+ bytes",
    "config_num_hidden_layers_1000000": "1000000 layers, and files with 30 tensors",
    "config_endless": "rms_norm_eps=inf",
    "gguf_many_layers": "says that it has 1000000 layers, and holds 30 tensors",
    "gguf_wide": r"declares \d+,\d+,\d+ weights in its config",
    "gguf_deep_arrays": "damaged: its header cannot be read",
    "gguf_tensors_upon_each_other": "is cut short",
    "config_text_part_layers": "1000000 layers, and files with 30 tensors",
    "config_picture_part_layers": "1000000 layers, and files with 30 tensors",
    "config_max_position_embeddings_0": "max_position_embeddings=0; it is a whole number from 1",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BABEL_WORKBENCH_CACHE", str(tmp_path / "cache-of-test"))


@pytest.mark.parametrize("build", hostile.MODELS, ids=lambda build: build.__name__)
def test_a_hostile_model_is_refused_with_its_reason(tmp_path, build):
    path = build(tmp_path)
    with pytest.raises((BrokenModel, TooLarge, UnknownModel), match=WHY.get(build.__name__, "'.*'")) as refused:
        load_model(path)
    assert len(str(refused.value)) < 1000 and "\n" not in str(refused.value)
    assert not (tmp_path / "ran").exists()


def test_a_model_in_parts_is_loaded_and_its_index_is_hashed(tmp_path):
    path = sharded(tmp_path)
    model = load_model(path)
    whole = load_model(honest(tmp_path))
    torch.testing.assert_close(model.module.state_dict(), whole.module.state_dict())
    digest = model.info["hash"]
    index = path / "model.safetensors.index.json"
    index.write_text(index.read_text() + " ")
    assert load_model(path).info["hash"] != digest


def test_links_within_the_folder_and_of_the_hubs_cache_are_followed(tmp_path):
    path = honest(tmp_path / "cache" / "snapshots", "commit")
    (tmp_path / "cache" / "blobs").mkdir()
    shutil.move(path / "model.safetensors", tmp_path / "cache" / "blobs" / "0123")
    (path / "model.safetensors").symlink_to("../../blobs/0123")
    (path / "tokenizer.json").rename(path / "words")
    (path / "tokenizer.json").symlink_to("words")
    assert load_model(path).n_layers == 3
    (tmp_path / "latest").symlink_to(path)
    assert load_model(tmp_path / "latest").n_layers == 3


def test_an_index_may_name_pickled_files_where_that_is_allowed(tmp_path):
    path = sharded(tmp_path)
    weights = {}
    for file in sorted(path.glob("*.safetensors")):
        weights |= load_file(file)
        file.unlink()
    torch.save(weights, path / "p.bin")
    write_index(path, dict.fromkeys(weights, "p.bin"))
    (path / "model.safetensors.index.json").rename(path / "pytorch_model.bin.index.json")
    with pytest.raises(BrokenModel, match=r"no .safetensors file; pickled weights need allow_pickle=True"):
        load_model(path)
    assert load_model(path, allow_pickle=True).n_layers == 3
    write_index(path, dict.fromkeys(weights, "../p.bin"))
    with pytest.raises(BrokenModel, match=r"names '../p.bin'"):
        load_model(path, allow_pickle=True)


def test_hostile_configs_take_little_memory(tmp_path):
    huge = [build for build in hostile.MODELS if build.__name__.endswith(("000000", "_wide", "_heads"))]
    assert len(huge) >= 10
    program = (
        "import resource, sys\n"
        "from workbench import load_model\n"
        "from workbench.errors import WorkbenchError\n"
        "load_model(sys.argv[1])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in sys.argv[2:]:\n"
        "    try: load_model(path)\n"
        "    except WorkbenchError: pass\n"
        "    else: print(path)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    paths = [str(path) for path in (honest(tmp_path), *(build(tmp_path) for build in huge))]
    ran = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True)
    (grown,) = ran.stdout.split()
    assert int(grown) * 1024 < 2e8, ran.stdout  # a hidden size of a million took 4.8 GB
