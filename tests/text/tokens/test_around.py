"""What a tokenizer puts in front of and behind every text, for templates that say so by hand."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.borders import merging
from tests.models import byte_tokenizer, tiny
from workbench.model.load import load_model
from workbench.studies.tables import model_table
from workbench.text.batches import batches, encode
from workbench.text.chat import adds_bos
from workbench.text.corpus import Corpus
from workbench.text.tokens.around import around

IDS = {"<pad>": 0, "<bos>": 1, "<eos>": 2, "<unk>": 3}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("front", "behind"),
    [
        ((), ()),
        (("<bos>",), ()),
        (("<eos>",), ()),  # XGLM
        (("<unk>", "<bos>"), ()),  # GLM: [gMASK] <sop>
        (("<bos>", "<bos>"), ("<eos>",)),
        ((), ("<eos>",)),
        ((), ("<pad>", "<eos>")),
    ],
)
def test_it_is_what_the_template_says(front, behind, named):
    tokenizer = merging(" ".join([*front, "$A", *behind]), named=named)
    assert around(tokenizer) == (tuple(IDS[one] for one in front), tuple(IDS[one] for one in behind))
    assert adds_bos(tokenizer) == (named and front[:1] == ("<bos>",))


def test_a_model_says_what_stands_around_its_texts(tmp_path):
    tokenizer = merging("<eos> <bos> $A <pad>")
    model = load_model(tiny("llama"), tokenizer=tokenizer)
    assert (model.front, model.behind, model.adds_bos) == ((2, 1), (0,), False)
    tiny("llama").save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert model_table(str(tmp_path)).value["in front of every text"] == "<eos> <bos>"


def test_texts_without_what_stands_around_them():
    corpus = Corpus({"de": ("ab", "b"), "en": ("b",)}, False, "test")
    bare = byte_tokenizer(bos=False)
    texts = encode(merging("<eos> <bos> $A <pad> <eos>", merges=()), corpus, max_length=9)
    assert [text.ids for text in texts] == [[2, 1, *bare(text)["input_ids"]] for text in ("ab", "b", "b")]
    assert [text.front for text in texts] == [2, 2, 2]
    for side in ("left", "right"):
        batch = next(batches(texts, batch_size=3, pad_id=0, side=side))
        assert batch.counted.sum(1).tolist() == [2, 2, 3]  # the first of those in front, and the text's own
        assert (batch.counted * (batch.ids == 1)).sum() == 0
        assert (batch.counted * (batch.ids == 2)).sum() == 3


def test_a_text_that_ends_in_a_written_end_keeps_it():
    corpus = Corpus({"de": ("ab<eos>",)}, False, "test")
    for template in ("$A", "$A <eos>"):
        assert encode(merging(template), corpus, max_length=9)[0].ids.count(IDS["<eos>"]) == 1


def test_words_that_a_tokenizer_does_not_know_are_no_front():
    inner = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1, "Haus": 2}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    plain = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>")
    assert around(plain) == ((), ())
    inner.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    assert around(PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>", bos_token="<s>")) == ((1,), ())


def test_special_tokens_that_come_unbidden_count_too():
    class Stubborn:
        """Adds what it adds whether it is asked to or not."""

        all_special_ids, unk_token_id = (1, 2), None

        def __call__(self, text, add_special_tokens=True):
            return {"input_ids": [2, 1, *map(ord, text), 2]}

    assert around(Stubborn()) == ((2, 1), (2,))
