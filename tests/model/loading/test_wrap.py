"""Whatever is passed instead of a causal language model with a tokenizer is refused in one line that helps."""

import json
import warnings

import pytest
import torch
import transformers as hf
from peft import LoraConfig, get_peft_model

from tests.models import VOCABULARY, byte_tokenizer, save, tiny
from workbench import load_model
from workbench.errors import BadArgument, BrokenModel, UnknownModel, WorkbenchError

SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
T5 = {
    "vocab_size": VOCABULARY,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 48,
    "num_layers": 2,
    "num_heads": 4,
    "decoder_start_token_id": 0,
}
OBJECTS = {
    "bert": (lambda: hf.BertModel(hf.BertConfig(**SMALL)), "no unembedding", "lacks 6.*saved as BertModel"),
    "bert_masked": (lambda: hf.BertForMaskedLM(hf.BertConfig(**SMALL)), "is not causal", "is not causal"),
    "xlm_r": (lambda: hf.XLMRobertaForMaskedLM(hf.XLMRobertaConfig(**SMALL)), "is not causal", "is not causal"),
    "t5": (
        lambda: hf.T5ForConditionalGeneration(hf.T5Config(**T5)),
        "encoder with a decoder",
        "encoder with a decoder",
    ),
    "mt5": (
        lambda: hf.MT5ForConditionalGeneration(hf.MT5Config(**T5)),
        "encoder with a decoder",
        "encoder with a decoder",
    ),
    "headless": (lambda: hf.LlamaModel(hf.LlamaConfig(**SMALL)), "no unembedding", "lacks 1.*saved as LlamaModel"),
    "classifier": (
        lambda: hf.LlamaForSequenceClassification(hf.LlamaConfig(**SMALL)),
        "no unembedding",
        "lacks 1.*saved as LlamaForSequenceClassification",
    ),
    "gpt2_headless": (
        lambda: hf.GPT2Model(hf.GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=4, tie_word_embeddings=False)),
        "no unembedding",
        "lacks 1.*saved as GPT2Model",
    ),
}


def assert_single_line(error):
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


@pytest.mark.parametrize("kind", list(OBJECTS))
def test_models_of_other_kinds(kind, tmp_path):
    make, in_memory, from_folder = OBJECTS[kind]
    module = make().eval()
    with pytest.raises(BrokenModel, match=in_memory) as error:
        load_model(module, tokenizer=byte_tokenizer())
    assert_single_line(error)
    module.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(BrokenModel, match=from_folder) as error:
        load_model(tmp_path)
    assert_single_line(error)


class Parallel(torch.nn.Module):
    """Like DistributedDataParallel, which needs a process group."""

    def __init__(self, module):
        super().__init__()
        self.module = module


def quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(tiny("llama"), {torch.nn.Linear}, dtype=torch.qint8)


def on_meta():
    with torch.device("meta"):
        return hf.LlamaForCausalLM(hf.LlamaConfig(**SMALL))


def half_of_it():
    module = tiny("llama")
    module.model.layers[0].half()
    return module


def adapted():
    return get_peft_model(tiny("llama"), LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: torch.nn.DataParallel(tiny("llama")), r"pass its .module \(LlamaForCausalLM\)"),
        (lambda: Parallel(tiny("llama")), r"pass its .module \(LlamaForCausalLM\)"),
        (lambda: load_model(tiny("llama"), tokenizer=byte_tokenizer()).bridge, "is wrapped already"),
        (lambda: load_model(tiny("llama"), tokenizer=byte_tokenizer()), "is a Model already"),
        (adapted, r"get_base_model\(\).*merge_and_unload\(\)"),
        (quantised, "has no weights that can be read; quantise it with quantization="),
        (lambda: torch.nn.Linear(3, 3), "is not a transformers model"),
        (torch.nn.Module, "is not a transformers model"),
        (on_meta, "on the meta device has no weights"),
        (half_of_it, "does not run on nine tokens"),
        (lambda: tiny("llama").double(), "dtype='float32'"),
        (lambda: hf.LlamaConfig(**SMALL), "a LlamaConfig is not a model"),
        (lambda: hf.LlamaForCausalLM, "is not a model"),
        (lambda: tiny("llama").state_dict(), "is not a model"),
        (lambda: None, "is not a model"),
    ],
)
def test_objects_that_are_no_plain_model(make, words):
    with pytest.raises(BrokenModel, match=words) as error:
        load_model(make(), tokenizer=byte_tokenizer())
    assert_single_line(error)


def test_float64_is_converted_on_request():
    model = load_model(tiny("llama").double(), tokenizer=byte_tokenizer(), dtype="float32")
    assert model.dtype == torch.float32


@pytest.mark.parametrize(
    ("tokenizer", "words"),
    [
        (None, "came without a tokenizer"),
        ("gpt2", "tokenizer='gpt2' is not a tokenizer"),
        (hf.PreTrainedTokenizerFast, "tokenizer=the class .* is not a tokenizer"),
        (byte_tokenizer().backend_tokenizer, "tokenizer=Tokenizer is not a tokenizer"),
        (len, "is not a tokenizer"),
    ],
)
def test_what_is_no_tokenizer(tokenizer, words, tmp_path):
    with pytest.raises(BrokenModel, match=words):
        load_model(tiny("llama"), tokenizer=tokenizer)
    if tokenizer is not None:
        with pytest.raises(BrokenModel, match=words):
            load_model(save("llama", tmp_path), tokenizer=tokenizer)


def logits(model):
    with torch.no_grad():
        return model.logits(model.batch("Grüße an alle"))


def test_training_mode_changes_no_number():
    torch.manual_seed(0)
    config = hf.GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    module = hf.GPT2LMHeadModel(config)  # with dropout
    model = load_model(module.train(), tokenizer=byte_tokenizer())
    right = logits(model)
    module.train()
    torch.testing.assert_close(logits(model), right, atol=0, rtol=0)
    again = load_model(module, tokenizer=byte_tokenizer())
    torch.testing.assert_close(logits(again), right, atol=1e-6, rtol=1e-6)
    assert again.abilities == model.abilities


def deepseek(**changes):
    config = hf.DeepseekV3Config(
        **SMALL,
        q_lora_rank=8,
        kv_lora_rank=8,
        qk_nope_head_dim=8,
        qk_rope_head_dim=4,
        v_head_dim=8,
        n_routed_experts=4,
        num_experts_per_tok=2,
        n_group=1,
        topk_group=1,
        moe_intermediate_size=16,
        first_k_dense_replace=1,
        **changes,
    )
    torch.manual_seed(0)
    return hf.AutoModelForCausalLM.from_config(config).eval()


def test_a_configuration_that_does_not_run_is_named():
    with pytest.raises(BrokenModel, match=r"does not run on nine tokens .*size of tensor a"):
        load_model(deepseek(), tokenizer=byte_tokenizer())
    model = load_model(deepseek(num_key_value_heads=4), tokenizer=byte_tokenizer())
    assert model.parity["logits"] < 1e-5


NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_hidden_layers": 10**6}, "config.json with 1000000 layers, and files with 30 tensors"),
        ({"num_hidden_layers": 0}, "num_hidden_layers=0; it is a whole number from 1"),
        ({"num_hidden_layers": 2}, "holds 9 weights that its config.json has no place for"),
        ({"hidden_size": -1}, "hidden_size=-1; it is a whole number from 1"),
        ({"hidden_size": "32"}, "hidden_size='32'"),
        ({"vocab_size": 0}, "vocab_size=0"),
        ({"vocab_size": 10**9}, r"declares 64,000,\d+,\d+ weights in its config and has \d+,\d+ bytes of them"),
        ({"vocab_size": 400}, "of other shapes than its config.json gives them"),
        ({"num_attention_heads": 0}, "num_attention_heads=0"),
        ({"num_attention_heads": 3}, "cannot be loaded: .*multiple of the number of attention heads"),
        ({"num_key_value_heads": 1}, "of other shapes"),
        ({"intermediate_size": -3}, "intermediate_size=-3"),
        ({"model_type": "unknown"}, "cannot be loaded: .*unknown"),
        ({"model_type": None}, "cannot be loaded: .*None"),
        ({"rms_norm_eps": NAN}, "rms_norm_eps=NaN"),
        ({"hidden_act": "nothing"}, "nothing"),
        ({"head_dim": 0}, "head_dim=0; it is a whole number from 1"),
        ({"pad_token_id": 9999}, "cannot be loaded"),
        ({"is_encoder_decoder": True}, "encoder with a decoder"),
        ({"dtype": "float99"}, "float99"),
    ],
    ids=str,
)
def test_configurations_that_cannot_be(changes, words, tmp_path):
    path = save("llama", tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(BrokenModel, match=words) as error:
        load_model(tmp_path)
    assert_single_line(error)


@pytest.mark.parametrize("text", ["[1]", "{}", '"text"', "", "\x00"])
def test_configurations_that_are_none(text, tmp_path):
    (save("llama", tmp_path) / "config.json").write_text(text)
    with pytest.raises(BrokenModel):
        load_model(tmp_path)


def test_options_that_exclude_each_other_or_are_not_to_be_had_here(tmp_path):
    folder = save("llama", tmp_path)
    for options, words in (
        ({"quantization": "3bit"}, "it is None, '4bit' or '8bit'"),
        ({"device_map": "auto", "device": "cpu"}, "exclude each other"),
        ({"device_map": 2.5}, "give 'auto', or a dict"),
        ({"revision": "main"}, "is for names on the hub"),
        ({"device": "meta"}, "cannot be used here"),
    ):
        with pytest.raises(BadArgument, match=words):
            load_model(folder, **options)
    for options in ({"quantization": "4bit"}, {"device_map": "auto"}, {"revision": "main"}):
        with pytest.raises(BadArgument, match="a module in memory is taken as it is"):
            load_model(tiny("llama"), tokenizer=byte_tokenizer(), **options)


@pytest.mark.parametrize("how", ["4bit", "8bit"])
def test_quantisation_without_a_gpu_says_what_works(how, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadArgument, match=r"needs an NVIDIA GPU.*dtype='bfloat16'"):
        load_model(save("llama", tmp_path), quantization=how)


@pytest.mark.parametrize("method", ["bitsandbytes", "gptq", "awq"])
def test_checkpoints_that_are_quantised_need_their_readers(method, tmp_path):
    path = save("llama", tmp_path) / "config.json"
    settings = {"quant_method": method, "bits": 4, "group_size": 128, "load_in_4bit": True, "zero_point": True}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"quantization_config": settings}))
    with pytest.raises(WorkbenchError) as error:
        load_model(tmp_path)
    assert_single_line(error)


def test_names_that_nothing_has():
    for name in ("", "./nothing", "a/b/c", "no-such-model"):
        with pytest.raises((UnknownModel, BrokenModel)) as error:
            load_model(name)
        assert "\n" not in str(error.value)
