"""Tokenizers with tokens that run across borders and any tokens in front and behind; where tokens end, by bytes."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")
MERGES = (("Ġ", "b"), ("Ġ", "s"), ("Ġ", "h"), ("Ġ", "H"), ("Ġb", "l"), (":", "Ġ"), ("n", "d"), ("nd", '"'))


def merging(template="<bos> $A", *, merges=MERGES, trim=True, bos="<bos>", named=True):
    """One token a byte, and some merged ones; `template` says what the tokenizer adds, `trim` how it counts spaces."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*SPECIAL, *alphabet, *(one + other for one, other in merges)]
    vocabulary = {token: i for i, token in enumerate(words)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges), unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False, trim_offsets=trim)
    inner.decoder = decoders.ByteLevel()
    special = [(token, i) for i, token in enumerate(SPECIAL)]
    inner.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=trim, add_prefix_space=False),
            processors.TemplateProcessing(template, special_tokens=special),
        ]
    )
    names = {"bos_token": bos, "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"} if named else {}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **names)


def before(tokenizer, text, border):
    """How many tokens end at or before a border, from the bytes that each stands for; special tokens have none."""
    place, count = 0, 0
    for token in tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]):
        place += 0 if token in SPECIAL else len(token)  # every byte is one character of a byte-level token
        if place > len(text[:border].encode()):
            break
        count += 1
    return count
