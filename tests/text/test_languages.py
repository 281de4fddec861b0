import pytest

from workbench.errors import UnknownLanguage
from workbench.text import languages


@pytest.mark.parametrize(
    ("code", "standard"),
    [("de", "de"), ("DE", "de"), ("deu", "de"), ("en_US", "en-US"), ("zh-hant", "zh-Hant"), ("iw", "he")],
)
def test_codes_take_their_standard_form(code, standard):
    assert languages.check(code) == standard


@pytest.mark.parametrize("code", ["xx", "zzz", "q", "", "germanic", "topic", "und", "de,en", None, 7, float("nan")])
def test_what_is_no_language_is_refused_by_name(code):
    with pytest.raises(UnknownLanguage, match="BCP-47"):
        languages.check(code)
    assert not languages.known(code)


def test_names_scripts_and_labels_of_the_twelve():
    found = [
        (code, languages.name(code), languages.autonym(code), languages.script(code)) for code in languages.DEFAULT
    ]
    assert found == [
        ("ar", "Arabic", "العربية", "Arab"),
        ("de", "German", "Deutsch", "Latn"),
        ("en", "English", "English", "Latn"),
        ("es", "Spanish", "Español", "Latn"),
        ("fi", "Finnish", "Suomi", "Latn"),
        ("fr", "French", "Français", "Latn"),
        ("hi", "Hindi", "हिन्दी", "Deva"),
        ("it", "Italian", "Italiano", "Latn"),
        ("ja", "Japanese", "日本語", "Jpan"),
        ("ru", "Russian", "Русский", "Cyrl"),
        ("tr", "Turkish", "Türkçe", "Latn"),
        ("zh", "Chinese", "中文", "Hans"),
    ]
    assert languages.label("de") == "German · Deutsch"
    assert languages.label("en") == "English"


def test_a_script_without_capitals_keeps_its_letters():
    assert languages.autonym("ka") == "ქართული"


@pytest.mark.parametrize(
    ("standard", "spellings"),
    [
        ("zh", "zh zho cmn chi cmn_Hans zho_Hans zh-CN zh-Hans zh-hans-cn Chinese 中文 zh_CN"),
        ("zh-Hant", "zh-Hant zho_Hant cmn_Hant zh-TW zh_tw"),
        ("ar", "ar ara arb arb_Arab Arabic العربية"),
        ("de", "de DE deu ger deu_Latn de-DE German german Deutsch"),
        ("fa", "fa fas per pes pes_Arab Persian Farsi"),
        ("nb", "nb nob nob_Latn"),
        ("ms", "ms msa zsm zsm_Latn"),
        ("sw", "sw swa swh_Latn Kiswahili"),
        ("sr", "sr srp srp_Cyrl sr-Cyrl sr-RS"),
        ("sr-Latn", "sr-Latn srp_Latn sr_latn"),
        ("pt-BR", "pt-BR pt_BR por-BR"),
        ("pt-PT", "pt-PT por_PT"),
        ("ko", "ko kor kor_Hang Korean"),
        ("ja", "ja jpn jpn_Jpan ja-JP"),
        ("yue", "yue yue_Hant"),
        ("lv", "lv lav lvs_Latn"),
        ("uz", "uz uzn_Latn"),
        ("ar-Latn", "arb_Latn"),
        ("id", "id ID ind ind_Latn in"),
    ],
)
def test_all_spellings_of_a_language_meet(standard, spellings):
    assert {languages.check(code) for code in spellings.split()} == {standard}


TAKEN = "de DE deu cmn_Hans pt-BR German fil yue sr_Latn taq_Tfng tl"
LEFT = "seg len age doc src ref key pos dev all new num xx doc_id is_valid score text language iw in"


def test_only_the_list_is_taken_unasked():
    assert all(map(languages.listed, TAKEN.split()))
    assert not any(map(languages.listed, LEFT.split()))


def test_match_takes_what_is_near_only_when_there_is_one():
    assert languages.match("cmn_Hans", ["en", "zh"]) == "zh"
    assert languages.match("German", ["deu", "en"]) == "deu"
    assert languages.match("l1", ["l0", "l1"]) == "l1"
    with pytest.warns(UserWarning, match="'pt' is not there; 'pt-BR'"):
        assert languages.match("pt", ["en", "pt-BR"]) == "pt-BR"
    assert languages.match("pt", ["pt-BR", "pt-PT"]) is None
    assert languages.match("pt-PT", ["pt-BR"]) is None
    assert languages.match("zh-Hant", ["zh"]) is None
    with pytest.raises(UnknownLanguage, match="both 'de' and 'deu'"):
        languages.match("German", ["de", "deu"])


def test_a_list_is_no_language():
    assert not languages.known(["de"])
