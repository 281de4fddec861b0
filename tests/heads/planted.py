"""A Llama with hand-set weights in which it is known which head serves which language.

Two layers of four heads, no MLP. A text asks for its key again and again: "a?a?a?a". After a key comes the query,
which the unembedding knows from the key alone; after a query comes the key, which only a head can know, since it stands
elsewhere. Language `en` has keys a-d and the query "?", `de` keys m-p and "!", `fr` needs no head ("wxyzwxyz": each
letter follows from the one before). Every language also has ";" after which the digit of the text comes.
"""

import torch
import transformers as hf

from tests.models import VOCABULARY, byte_tokenizer
from workbench.text.corpus import Corpus

WIDTH = 64  # of the residual stream: one dimension per letter that is used, and one per copy of a key
KEYS = {"en": "abcd", "de": "mnop", "all": "12"}
QUERY = {"en": "?", "de": "!", "all": ";"}
HEAD = {"en": (0, 2), "de": (1, 1), "all": (1, 3)}  # (layer, head)
LETTERS = "abcdmnop12?!;wxyz"
COPIED = "abcdmnop12"


def planted() -> torch.nn.Module:
    """The model, in evaluation mode."""
    config = hf.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=4,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": 1e12},  # the last pair of dimensions does not turn
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    module = hf.LlamaForCausalLM(config).eval()
    token = {letter: byte_tokenizer()(letter, add_special_tokens=False)["input_ids"][0] for letter in LETTERS}
    place = {letter: i for i, letter in enumerate(LETTERS)}
    copy = {letter: 40 + i for i, letter in enumerate(COPIED)}
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "norm" not in name:
                parameter.zero_()
        embedding = module.model.embed_tokens.weight
        embedding.normal_(generator=torch.Generator().manual_seed(0))  # the probe at loading must see that heads work
        embedding[1] = 0  # BOS
        for letter in LETTERS:
            embedding[token[letter]] = 0
            embedding[token[letter], place[letter]] = 1
        for name, (layer, head) in HEAD.items():
            _plant(module.model.layers[layer].self_attn, head, KEYS[name], QUERY[name], place, copy)
        head = module.lm_head.weight
        for letter in COPIED:
            head[token[letter], copy[letter]] = 1.0
        for name, keys in KEYS.items():
            for letter in keys:
                head[token[QUERY[name]], place[letter]] = 1.5
        for one, following in zip("wxyz", "xyzw", strict=True):
            head[token[following], place[one]] = 1.0
    return module


def _plant(attention, head, keys, query, place, copy):
    """From the query on, this head looks at the keys and writes them down as copies."""
    width, shared = attention.head_dim, head // 2  # two query heads share a key and value head
    still = width // 2 - 1 + width // 2 * (head % 2)  # of the pair that does not turn, one dimension for each of them
    attention.q_proj.weight[head * width + still, place[query]] = 4.0
    for j, letter in enumerate(keys):
        attention.k_proj.weight[shared * width + still, place[letter]] = 1.0
        value = 4 * (head % 2) + j
        attention.v_proj.weight[shared * width + value, place[letter]] = 1.0
        attention.o_proj.weight[copy[letter], head * width + value] = 0.08


def texts() -> Corpus:
    """Four texts of each language, each with both queries of its own."""
    digits = ("1", "2", "1", "2")
    rows = {
        language: tuple(
            f"{digit}{key}?;{digit}{key}?{key}?;{digit};".replace("?", QUERY[language]) + digit
            for key, digit in zip(KEYS[language], digits, strict=True)
        )
        for language in ("en", "de")
    }
    rows["fr"] = tuple(f"{digit};{digit}wxyzwx;{digit};{digit}wxy;{digit}" for digit in digits)
    return Corpus(rows, aligned=False, source="planted")
