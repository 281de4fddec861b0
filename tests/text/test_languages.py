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
