"""Identifiers on sentences written for these tests, of known languages, of unknown ones, and on what is no language."""

import functools
import unicodedata
from collections import Counter

import pytest

import workbench as wb
from workbench.errors import BadArgument
from workbench.text.corpus import Corpus
from workbench.text.identification.identify import by_lingua, by_trigrams

KNOWN = {
    "ar": "ذهب أخي إلى السوق واشترى الخبز والحليب.",
    "de": "Mein Bruder ging zum Markt und kaufte Brot und Milch.",
    "en": "My brother went to the market and bought bread and milk.",
    "es": "Mi hermano fue al mercado y compró pan y leche.",
    "fi": "Veljeni meni torille ja osti leipää ja maitoa.",
    "fr": "Mon frère est allé au marché et a acheté du pain et du lait.",
    "hi": "मेरा भाई बाज़ार गया और रोटी और दूध खरीदा।",
    "it": "Mio fratello è andato al mercato e ha comprato pane e latte.",
    "ja": "兄は市場へ行って、パンと牛乳を買いました。",
    "ru": "Мой брат пошёл на рынок и купил хлеб и молоко.",
    "tr": "Kardeşim pazara gitti ve ekmek ile süt aldı.",
    "zh": "我的哥哥去市场买了面包和牛奶。",
}
OTHER_SCRIPTS = {
    "ko": "형은 시장에 가서 빵과 우유를 샀습니다.",
    "el": "Ο αδελφός μου πήγε στην αγορά και αγόρασε ψωμί.",
    "th": "พี่ชายของฉันไปตลาดและซื้อขนมปัง",
    "he": "אחי הלך לשוק וקנה לחם וחלב.",
    "ta": "என் அண்ணன் சந்தைக்குச் சென்று ரொட்டி வாங்கினான்.",
    "te": "నా అన్న మార్కెట్‌కు వెళ్లి రొట్టె కొన్నాడు.",
    "bn": "আমার ভাই বাজারে গিয়ে রুটি ও দুধ কিনল।",
    "ka": "ჩემი ძმა ბაზარში წავიდა და პური იყიდა.",
    "hy": "Եղբայրս գնաց շուկա և հաց գնեց։",
    "am": "ወንድሜ ወደ ገበያ ሄዶ ዳቦ ገዛ።",
    "km": "បងប្រុសខ្ញុំទៅផ្សារទិញនំប៉័ង",
    "my": "အစ်ကိုက ဈေးသွားပြီး ပေါင်မုန့် ဝယ်တယ်",
    "si": "මගේ සහෝදරයා වෙළඳපොළට ගොස් පාන් මිලදී ගත්තා.",
    "lo": "ອ້າຍຂອງຂ້ອຍໄປຕະຫຼາດຊື້ເຂົ້າຈີ່",
}
OTHER_LANGUAGES = {
    "vi": "Anh trai tôi đã đi chợ và mua bánh mì với sữa.",
    "pl": "Mój brat poszedł na targ i kupił chleb oraz żółty ser.",
    "cs": "Můj bratr šel na trh a koupil chléb, mléko a čerstvé ryby.",
    "uk": "Мій брат пішов на ринок і купив хліб, їжу та інші речі.",
    "hu": "A bátyám elment a piacra, és kenyeret meg tejet vett.",
    "kk": "Ағам базарға барып, нан мен сүт сатып алды.",
}
NONE = (
    *("", " ", "12 345", "3.14 - 2,718 = ?", "١٢٣٤", "😀🎉 👍🏽", "... !?", "a", "no", "->", "\u200d\ufe0f", "№ 7"),
    *("xqzkj wvbrt", "dlkfj sldkfj slkdfj", "zzzz zzzzz zzzz", "qkzv xjwp bnmr tgfh", "Xkcd fghj mnbv"),
    "asdf jkl qwerty asdfgh",
    *("щщъ ъщж цщъх", "ᚠᚢᚦᚨᚱᚲ", "𐎀𐎁𐎂𐎃"),
)


@functools.cache
def trigrams():
    return by_trigrams(wb.load_corpus("parallel"))


@pytest.mark.parametrize(("language", "text"), KNOWN.items())
def test_known_languages_are_told_apart(language, text):
    assert trigrams()(text) == language
    assert trigrams()(f"{text.upper()} 123 😀") == language


@pytest.mark.parametrize(("language", "text"), (OTHER_SCRIPTS | OTHER_LANGUAGES).items())
def test_other_languages_are_none_of_these(language, text):
    assert trigrams()(text) is None


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_language_is_none_of_these(text):
    assert trigrams()(text) is None


def test_held_out_sentences_are_seldom_given_up():
    corpus = wb.load_corpus("parallel")
    identify = by_trigrams(corpus.split("train"))
    found = Counter(
        {True: "right", None: "none"}.get((got := identify(text)) and got == language, "wrong")
        for language, texts in corpus.split("test").texts.items()
        for text in texts
    )
    assert found["none"] <= 7 and found["right"] >= 0.98 * found.total()  # of 720


def test_composed_and_decomposed_letters_are_the_same():
    for language, text in KNOWN.items():
        assert trigrams()(unicodedata.normalize("NFD", text)) == language


def test_a_script_counts_by_most_of_its_letters():
    assert trigrams()("The Greek word λόγος came up in the market.") == "en"
    assert trigrams()("Ο αδελφός μου πήγε στην αγορά (my brother).") is None


def test_the_fewest_letters_are_the_callers_choice():
    corpus = Corpus({"de": ("ja nein", "ja ja"), "en": ("yes no", "no no")}, False, "test")
    assert by_trigrams(corpus)("ja") is None
    assert by_trigrams(corpus, least=2)("ja") == "de"
    for wrong in (0, -1, True, 1.5, None):
        with pytest.raises(BadArgument, match="least="):
            by_trigrams(corpus, least=wrong)


def test_lingua_says_none_too():
    identify = by_lingua(list(KNOWN))
    assert {code: identify(text) for code, text in KNOWN.items()} == {code: code for code in KNOWN}
    assert {identify(text) for text in OTHER_SCRIPTS.values()} == {None}
    assert {identify(text) for text in ("", "12 345", "😀", "a", "1 a 2")} == {None}
    assert by_lingua(["de", "en"], margin=0.9)("in") is None
    for wrong in (-0.1, 1, "x", True):
        with pytest.raises(BadArgument, match="margin="):
            by_lingua(["de", "en"], margin=wrong)


@pytest.mark.parametrize("text", [None, 3, b"Haus", ["Haus"]])
def test_an_identifier_takes_a_text(text):
    for identify in (by_trigrams(wb.load_corpus(languages="de,en")), by_lingua(["de", "en"])):
        with pytest.raises(BadArgument, match=r"text=.*; give a text"):
            identify(text)
