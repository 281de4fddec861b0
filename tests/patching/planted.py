"""A GPT-2 with hand-set weights of which it is known in which layer it writes the concept and in which the language.

Prompts are `Deutsch: "w" - Français: "`, nine tokens, a token a word. In one layer a head of the last token looks at
the shown word and writes its concept; in another a head looks at the name of the language asked for and writes it; the
unembedding adds the two. In the entangled model a concept's direction depends on the language in which it is shown.
"""

import pandas as pd
import torch
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers

LANGUAGES = ("de", "fr", "es", "ru")
NAMES = {"de": "Deutsch", "fr": "Français", "es": "Español", "ru": "Русский"}
CONCEPTS = 7
WORDS = pd.DataFrame(
    {code: [f"{code}{i}word" for i in range(CONCEPTS)] for code in LANGUAGES},
    index=pd.Index([f"concept {i}" for i in range(CONCEPTS)], name="concept"),
)
LAYERS = 5
_WIDTH = 64
_SHOWN, _NAMED, _CONCEPT, _LANGUAGE, _PLACE, _FLAT = 0, 8, 16, 24, 32, 48


def tokenizer():
    """A token per word, name and mark; nothing is added."""
    texts = [f"{code}{i}word" for code in LANGUAGES for i in range(CONCEPTS)]
    tokens = ["<pad>", "<unk>", '"', ":", "-", *NAMES.values(), *texts]
    made = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    return hf.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", unk_token="<unk>")


def planted(*, concept_layer=1, language_layer=3, entangled=False):
    """The model, in evaluation mode."""
    ids = tokenizer().get_vocab()
    config = hf.GPT2Config(
        vocab_size=len(ids),
        n_embd=_WIDTH,
        n_layer=LAYERS,
        n_head=4,
        n_positions=16,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    module = hf.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "ln_" not in name:
                parameter.zero_()
        words, places = module.transformer.wte.weight, module.transformer.wpe.weight
        words[:, _FLAT:].normal_(std=0.01, generator=torch.Generator().manual_seed(0))
        for place in range(16):
            places[place, _PLACE + place] = 2.0
        for b, code in enumerate(LANGUAGES):
            words[ids[NAMES[code]], _NAMED + b] = 2.0
            for a in range(CONCEPTS):
                word = ids[f"{code}{a}word"]
                words[word, _SHOWN + (a + b * entangled) % CONCEPTS] = 2.0
                module.lm_head.weight[word, _CONCEPT + a] = 8.0
                module.lm_head.weight[word, _LANGUAGE + b] = 8.0
        _look(module, concept_layer, 0, 3, _SHOWN, _CONCEPT, CONCEPTS)
        _look(module, language_layer, 1, 6, _NAMED, _LANGUAGE, len(LANGUAGES))
        for layer in range(LAYERS):  # so that the checks at loading see heads and neurons matter
            block = module.transformer.h[layer]
            for weight in (block.attn.c_attn.weight[:, 2 * _WIDTH :], block.attn.c_proj.weight, block.mlp.c_fc.weight):
                weight[-14:, -14:].normal_(std=0.02, generator=torch.Generator().manual_seed(layer))
            block.mlp.c_proj.weight[:, -14:].normal_(std=0.01, generator=torch.Generator().manual_seed(layer))
        module.lm_head.weight[:, -14:].normal_(std=0.05, generator=torch.Generator().manual_seed(1))
    return module


def _look(module, layer, head, place, read, write, count):
    """From position 8, this head looks at `place` and copies `count` dimensions."""
    attention = module.transformer.h[layer].attn
    width = _WIDTH // 4
    at = head * width
    attention.c_attn.weight[_PLACE + 8, at] = 20.0
    attention.c_attn.weight[_PLACE + place, _WIDTH + at] = 20.0
    for i in range(count):
        attention.c_attn.weight[read + i, 2 * _WIDTH + at + i] = 1.0
        attention.c_proj.weight[at + i, write + i] = 3.0
