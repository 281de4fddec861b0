"""Texts through chat templates: what is written, which tokens are the text's own, and one BOS."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import workbench as wb
from tests.borders import merging as merged
from tests.chats import CHATML, TEMPLATES, by_hand, chat_tokenizer, written
from tests.models import byte_tokenizer
from workbench.errors import BadArgument, BadCorpus, BadPairs, TooLarge, UnknownLanguage, UnsupportedSite
from workbench.text.batches import Encoded, batches, collate, encode, stream
from workbench.text.chat import Chat, template_hash
from workbench.text.corpus import Corpus

TEXTS = {
    "de": ("Der Hund schläft.", "assistant", " mit Rand \n"),
    "ja": ("犬は寝ている。", "user\n", "model"),
    "ar": ("الكلب نائم.", "[/INST]", "(again: "),
    "hi": ("कुत्ता सो रहा है।", "Be kind", "x"),
}
CORPUS = Corpus(TEXTS, aligned=True, source="test")


def encoded(tokenizer, corpus, **options):
    return encode(tokenizer, corpus, **{"max_length": 500, **options})


@pytest.mark.parametrize("user", ["", "Hallo", "assistant", "Der Hund schläft."])
@pytest.mark.parametrize("name", TEMPLATES)
def test_ids_and_own_tokens_are_those_of_the_pieces(name, user):
    found = encoded(chat_tokenizer(name), CORPUS.as_chat(user))
    assert len(found) == len(CORPUS)
    for text in found:
        assert (text.ids, text.counted) == by_hand(name, user, TEXTS[text.language][text.row])


@pytest.mark.parametrize("name", TEMPLATES)
def test_own_tokens_decode_to_the_text(name):
    tokenizer = chat_tokenizer(name)
    for text in encoded(tokenizer, CORPUS.as_chat("Hallo")):
        own = tokenizer.decode(text.ids[text.counted.start : text.counted.stop])
        assert own == written(name, "Hallo", TEXTS[text.language][text.row])[1]


@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize("writes", [True, False])
def test_never_two_bos_and_one_where_either_puts_it(writes, adds):
    template = ("{{ bos_token }}" if writes else "") + CHATML
    tokenizer = chat_tokenizer("chatml", bos=adds, template=template)
    for text in encoded(tokenizer, CORPUS.as_chat()):
        assert text.ids.count(tokenizer.bos_token_id) == int(writes or adds)
        assert (text.ids[0] == tokenizer.bos_token_id) == (writes or adds)
        assert text.counted.start > 0
    ids = Chat(tokenizer).tokens(Chat(tokenizer).prompt("Hallo", "prompt"))[0]
    assert ids.count(tokenizer.bos_token_id) == int(writes or adds)


def test_a_template_that_writes_two_bos_gets_one():
    tokenizer = chat_tokenizer("chatml", template="{{ bos_token + bos_token }}" + CHATML)
    assert (
        encoded(tokenizer, CORPUS.as_chat())[0].ids[:2]
        == encoded(chat_tokenizer("chatml"), CORPUS.as_chat())[0].ids[:2]
    )


@pytest.mark.parametrize("written", ["", "<bos>", "<eos><bos>", "<eos><bos><eos><bos>"])
def test_several_tokens_in_front_are_there_once(written):
    tokenizer = merged("<eos> <bos> $A")
    tokenizer.chat_template = written + "{% for m in messages %}{{ '#' + m['content'] }}{% endfor %}"
    text = encoded(tokenizer, Corpus({"de": ("abc",)}, False, "test").as_chat("u"))[0]
    assert text.ids == [2, 1, *merged("$A")("#u#abc")["input_ids"]]
    assert text.counted == range(5, 8)


def test_a_role_marker_that_is_also_bos_stays():
    tokenizer = chat_tokenizer("chatml", bos=False)
    tokenizer.bos_token = "<|im_start|>"
    text = encoded(tokenizer, CORPUS.as_chat())[0]
    assert text.ids[0] == tokenizer.bos_token_id
    assert text.ids.count(tokenizer.bos_token_id) == 3


def merging():
    """Byte tokens, and a merged one of a space and an a."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<unk>", *alphabet, "Ġa", "aa"])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[("Ġ", "a"), ("a", "a")], unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    inner.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>")


@pytest.mark.parametrize(("end", "own"), [(" ", " abc"), (":", "abc"), ("a", "aabc")])
def test_a_token_across_the_border_belongs_to_what_follows(end, own):
    tokenizer = merging()
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] + '" + end + "' + m['content'] + '|' }}{% endfor %}"
    text = encoded(tokenizer, Corpus({"de": ("abc",)}, False, "test").as_chat("u"))[0]
    assert tokenizer.decode(text.ids[text.counted.start : text.counted.stop]) == own
    assert tokenizer.decode(text.ids) == f"user{end}u|assistant{end}abc|"


def test_a_text_without_a_token_of_its_own_is_refused():
    tokenizer = merging()
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] + ':' + m['content'] + 'a|' }}{% endfor %}"
    with pytest.raises(BadCorpus, match=r"text 0 in 'de' has no token of its own to predict"):
        encoded(tokenizer, Corpus({"de": ("a",)}, False, "test").as_chat())


def test_long_texts_are_refused_or_cut_in_the_text():
    tokenizer, corpus = chat_tokenizer("gemma"), Corpus({"de": ("abcdefgh",)}, False, "test").as_chat()
    whole = encoded(tokenizer, corpus)[0]
    with pytest.raises(TooLarge, match="truncate=True would cut it"):
        encoded(tokenizer, corpus, max_length=len(whole.ids) - 1)
    cut = encoded(tokenizer, corpus, max_length=whole.counted.start + 3, truncate=True)[0]
    assert (len(cut.ids), cut.counted) == (whole.counted.start + 3, range(whole.counted.start, whole.counted.start + 3))
    with pytest.raises(BadCorpus, match="the chat template takes them up"):
        encoded(tokenizer, corpus, max_length=whole.counted.start, truncate=True)


def test_a_tokenizer_that_cannot_is_refused():
    with pytest.raises(BadArgument, match="has no chat template; chat=False reads texts as they are"):
        encoded(byte_tokenizer(), CORPUS.as_chat())
    slow = chat_tokenizer("chatml")
    slow.__class__ = type("Slow", (type(slow),), {"is_fast": False})
    with pytest.raises(UnsupportedSite, match="a fast tokenizer does"):
        encoded(slow, CORPUS.as_chat())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("m['content'] | replace('u', 'v')", r"text 0 in 'de': the chat template changes the text: 'Der Hund"),
        ("m['role']", "leaves texts out or rewrites them"),
        ("raise_exception('no answers here')", "rejects a user turn and an answer: no answers here"),
    ],
)
def test_a_template_that_will_not_have_the_text_is_refused(content, message):
    tokenizer = chat_tokenizer("chatml", template="{% for m in messages %}{{ " + content + " }}{% endfor %}")
    with pytest.raises((BadArgument, BadCorpus), match=message):
        encoded(tokenizer, CORPUS.as_chat())
    with pytest.raises((BadArgument, BadPairs)):
        Chat(tokenizer).prompt("Der Hund", "pair 0")


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_prompt_ends_where_the_answer_begins(name):
    chat = Chat(chat_tokenizer(name))
    prompt = chat.prompt('Deutsch: "Hund"', "prompt")
    assert prompt.text[prompt.start : prompt.end] == 'Deutsch: "Hund"'
    before = written(name, 'Deutsch: "Hund"', "chien")[0]
    assert before.startswith(prompt.text)
    if name != "twice":
        assert chat.with_answer('Deutsch: "Hund"', "chien", "prompt") == before + "chien"
        assert before.removeprefix(prompt.text).strip() == ""


def test_named_templates_and_hashes():
    tokenizer = chat_tokenizer("chatml")
    one = template_hash(tokenizer)
    tokenizer.chat_template = {"default": CHATML, "tool_use": "x"}
    assert template_hash(tokenizer) == one != template_hash(chat_tokenizer("gemma"))
    assert template_hash(byte_tokenizer()) is None
    assert encoded(tokenizer, CORPUS.as_chat())[0].ids == encoded(chat_tokenizer("chatml"), CORPUS.as_chat())[0].ids


def test_batches_mark_what_counts_on_either_side():
    texts = [Encoded([5, 6, 7, 8], "de", 0, range(2, 3)), Encoded([5, 6], "de", 1, range(1, 2)), Encoded([9], "de", 2)]
    assert collate(texts, 0).counted.tolist() == [[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    assert collate(texts, 0, "left").counted.tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    assert collate(texts[2:], 0).counted is not None
    plain = next(batches(texts[2:], batch_size=1, pad_id=0))
    assert plain.counted is plain.mask
    tokenizer, corpus = chat_tokenizer("llama"), CORPUS.as_chat("Hallo")
    streamed = [text for window in stream(tokenizer, corpus, max_length=500) for text in window]
    assert sorted(streamed, key=lambda one: (one.language, one.row)) == sorted(
        encoded(tokenizer, corpus), key=lambda one: (one.language, one.row)
    )


def test_an_opening_has_the_templates_beginning_and_the_first_tokens():
    text = Encoded([5, 6, 7, 8, 9], "de", 0, range(2, 4))
    assert text.opening() == Encoded([5, 6, 7, 8], "de", 0, range(2, 4))
    assert text.opening(1) == Encoded([5, 6, 7], "de", 0, range(2, 3))
    assert Encoded([5, 6], "de", 0).opening(1).ids == [5]
    assert Encoded([5, 6], "de", 0).opening().ids == [5, 6]


def test_a_corpus_records_its_chat():
    plain = wb.load_corpus("parallel", languages="de,ja", limit=4)
    chat = wb.load_corpus("parallel", languages="de,ja", limit=4, chat=True)
    assert "chat" not in plain.info
    assert chat.info["chat"] is True
    assert chat.info["user"] == {"de": "", "ja": ""}
    assert len({plain.hash, chat.hash, plain.as_chat("Hallo").hash}) == 3
    assert chat.hash == plain.as_chat().hash == wb.load_corpus(plain, chat=True).hash
    assert wb.load_corpus(chat).chat
    assert "chat" in repr(chat)
    for part in (chat.select("de"), chat.limit(2), chat.split("train")):
        assert part.chat
    assert chat.as_chat("Hallo").select("ja").info["user"] == {"ja": "Hallo"}
    own = wb.load_corpus(plain, chat={"de": "Sag etwas.", "ja": "何か言って。"})
    assert own.user == {"de": "Sag etwas.", "ja": "何か言って。"}
    with pytest.raises(BadArgument, match="chat=None; give True or False or a text or a dict of texts"):
        wb.load_corpus(plain, chat=None)
    with pytest.raises(UnknownLanguage, match=r"no user turn is given for ja \(has: de\)"):
        plain.as_chat({"de": "Sag etwas."})


def test_translation_pairs_are_turns():
    words = wb.load_words(languages=["de", "fr"])
    plain = wb.translation_pairs(words, source="de", target="fr", limit=4)
    chat = wb.translation_pairs(words, source="de", target="fr", limit=4, chat=True)
    assert list(plain) == list(chat)
    assert chat.chat and chat.info["chat"] is True and chat.hash != plain.hash
    assert "chat" not in plain.info
    assert wb.load_pairs(plain, chat=True).hash == chat.hash
    assert wb.load_pairs(chat).chat
    tokenizer = chat_tokenizer("mistral")
    for pair in wb.translation_pairs(words, source="de", target="fr", limit=4, tokenizer=tokenizer, chat=True):
        one = Chat(tokenizer)
        assert len(one.tokens(one.prompt(pair.source, ""))[0]) == len(one.tokens(one.prompt(pair.target, ""))[0])
    with pytest.raises(BadArgument, match="has no chat template"):
        wb.translation_pairs(words, source="de", target="fr", tokenizer=byte_tokenizer(), chat=True)
