"""Language confusion: each rule on responses by hand, with an identifier that reads its answer off the line."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from workbench.errors import BadArgument, BadCorpus


def stub(text: str):
    """The line's last two words are its language and score: "de 0.9" (its point is deleted as punctuation: 09)."""
    *_, code, score = text.split()
    return code, float(score) / 100


def rates(rows, *, identify=stub, **options):
    frame = pd.DataFrame(rows, columns=["source", "language", "completion"])
    return wb.evaluation.confusion(frame, identify=identify, **options)


def alone(completion, language="de", **options):
    return rates([("s", language, completion)], **options).squeeze()


def test_lines_of_four_tokens_are_skipped_and_of_five_count():
    four, five = alone("ein Satz en 90"), alone("ein Satz hier en 90")
    assert (four.skipped.item(), five.skipped.item()) == (1, 0)
    assert np.isnan(four.line_pass) and five.line_pass.item() == 0
    released = alone("ein Satz en 90", variant="released")
    assert released.line_pass.item() == released.lines_right.item() == 1


def test_the_bar_is_not_passed_by_its_own_score():
    assert alone("a b c de 30").line_pass.item() == 0
    assert alone("a b c de 31").line_pass.item() == 1
    assert alone("a b c de 31", bar=0.5).line_pass.item() == 0


def test_one_bad_line_of_two_fails_the_response():
    result = alone("a b c de 90\na b c en 90")
    assert (result.line_pass.item(), result.lines_right.item()) == (0, 0.5)


def test_text_after_the_next_question_is_not_read():
    assert alone("a b c de 90\nQ: what is it en 90").line_pass.item() == 1


def test_punctuation_goes_and_dashes_split():
    assert alone("a, «b» — c! de 90").line_pass.item() == 1  # the quotation marks are not ASCII
    assert alone("! ! ! de 90").skipped.item() == 1, "tokens that are punctuation are no tokens"
    assert alone("a—b c de 90").skipped.item() == 0
    assert alone("ب، ج، د ar 90", "ar").line_pass.item() == 1


def test_english_words_fail_in_russian_and_capitals_do_not():
    words = {"chat", "Chat", "and"}
    lower, upper = (alone(f"это {word} и ru 90", "ru", words=words) for word in ("chat", "Chat"))
    assert (lower.line_pass.item(), lower.word_pass.item(), lower.harmonic.item()) == (1, 0, 0)
    assert (upper.line_pass.item(), upper.word_pass.item(), upper.harmonic.item()) == (1, 1, 1)
    assert alone("это and и ru 90", "ru", words=words).word_pass.item() == 1, "three letters do not count"
    assert np.isnan(alone("das chat ist de 90", words=words).word_pass), "not defined in Latin script"
    assert np.isnan(alone("это chat и ru 90", "ru").word_pass), "there is no dictionary"


def test_means_are_over_sources_then_languages():
    rows = [("large", "de", "a b c de 90")] * 100 + [("small", "de", f"a b c {code} 90") for code in ("de", "en")]
    result = rates(rows)
    assert result.mean_line_pass.item() == result.overall_line_pass.item() == 0.75
    rows += [("large", "fr", "a b c en 90")]
    more = rates(rows)
    assert more.overall_line_pass.item() == (0.75 + 0) / 2
    assert np.isnan(more.line_pass.sel(source="small", language="fr")).all()


def test_harmonic_mean_and_intervals():
    words = {"chat"}
    good, foreign, english = "это да и ru 90", "это да и en 90", "это chat и ru 90"
    rows = [("s", "ru", text) for text in [good] * 6 + [foreign] * 2 + [english] * 2]
    result = rates(rows, words=words).squeeze()
    assert (result.line_pass.item(), result.word_pass.item()) == (0.8, 0.75)
    assert result.harmonic.item() == pytest.approx(2 * 0.8 * 0.75 / (0.8 + 0.75))
    wilson = stats.binomtest(8, 10).proportion_ci(method="wilson")
    assert (result.line_pass_low.item(), result.line_pass_high.item()) == pytest.approx((wilson.low, wilson.high))
    wilson = stats.binomtest(6, 8).proportion_ci(method="wilson")
    assert (result.word_pass_low.item(), result.word_pass_high.item()) == pytest.approx((wilson.low, wilson.high))
    drawn = np.random.default_rng([0, 0]).integers(0, 10, (1000, 10))
    means = np.isin(drawn, range(8, 10)).mean(1) + np.isin(drawn, range(6)).mean(1)
    assert result.lines_right_low.item() == pytest.approx(np.quantile(means, 0.025))
    wilson = stats.binomtest(8, 10).proportion_ci(method="wilson")
    for name in ("mean_line_pass", "overall_line_pass"):  # of one cell
        assert (result[f"{name}_low"].item(), result[f"{name}_high"].item()) == pytest.approx(wilson)


def tens(*right, code="de"):
    """Ten responses of each source a, b ...: so many of them in the language."""
    return [
        (chr(ord("a") + place), code, f"a b c {code if number < count else 'en'} 90")
        for place, count in enumerate(right)
        for number in range(10)
    ]


def ends(result, name):
    return np.array([result[f"{name}_{end}"].item() for end in ("low", "high")])


def wilson_of(right, of):
    return np.array(stats.binomtest(right, of).proportion_ci(method="wilson"))


def test_a_mean_of_sources_that_vary_is_drawn_again():
    result = rates(tens(8, 5)).squeeze()
    drawn = [np.random.default_rng([0, cell]).integers(0, 10, (1000, 10)) for cell in (0, 1)]
    means = (np.isin(drawn[0], range(8)).mean(1) + np.isin(drawn[1], range(5)).mean(1)) / 2
    assert ends(result, "mean_line_pass") == pytest.approx(np.quantile(means, (0.025, 0.975)))
    assert ends(result, "overall_line_pass") == pytest.approx(np.quantile(means, (0.025, 0.975)))


@pytest.mark.parametrize("right", [0, 10])
def test_sources_that_are_all_right_or_wrong_have_wilsons_interval_of_their_responses(right):
    result = rates(tens(right, right, right)).squeeze()
    for name in ("mean_line_pass", "overall_line_pass", "mean_lines_right"):
        assert ends(result, name) == pytest.approx(wilson_of(3 * right, 30))
    assert ends(result.sel(source="a"), "lines_right") == pytest.approx(wilson_of(right, 10))
    unequal = rates([("a", "de", "a b c de 90")] * 100 + [("b", "de", "a b c de 90")] * 2)
    assert ends(unequal, "mean_line_pass") == pytest.approx(wilson_of(7, 7)), "4 / (1 / 100 + 1 / 2) = 7.8 responses"


def test_a_source_that_does_not_vary_is_not_taken_as_certain():
    result = rates(tens(10, 5)).squeeze()
    away = [wilson_of(10, 10) - 1, wilson_of(5, 10) - 0.5]
    spread = np.sqrt(away[0] ** 2 + away[1] ** 2) / 2
    assert ends(result, "mean_line_pass") == pytest.approx([0.75 - spread[0], 0.75 + spread[1]])
    languages = rates(tens(10) + tens(0, code="fr")).squeeze()
    away = [wilson_of(10, 10) - 1, wilson_of(0, 10)]
    spread = np.sqrt(away[0] ** 2 + away[1] ** 2) / 2
    assert ends(languages, "overall_line_pass") == pytest.approx([0.5 - spread[0], 0.5 + spread[1]])


def test_no_rate_of_responses_that_are_alike_is_certain():
    plain = rates([("s", "ru", "это да и ru 90")] * 10, words={"chat"}).squeeze()
    assert plain.harmonic.item() == 1
    for prefix in ("", "mean_", "overall_"):
        assert ends(plain, f"{prefix}harmonic") == pytest.approx(wilson_of(10, 10)), "both rates have this interval"
    half = rates([("s", "de", "a b c de 90\na b c en 90")] * 5).squeeze()
    assert half.lines_right.item() == 0.5
    assert ends(half, "lines_right") == pytest.approx([wilson_of(2, 5)[0], wilson_of(3, 5)[1]]), "rounded outwards"
    alone_there = rates([("s", "de", "a b c de 90")]).squeeze()
    assert ends(alone_there, "overall_lines_right") == pytest.approx(wilson_of(1, 1))
    released = rates([("s", "de", "kurz")], variant="released").squeeze()
    assert released.overall_line_pass.item() == 1 and np.isnan(ends(released, "overall_line_pass")).all()
    assert np.isnan(ends(released, "line_pass")).all() and np.isnan(ends(released, "lines_right")).all()


def test_an_identifier_without_scores_and_codes_in_other_spellings():
    assert alone("eins zwei drei vier fünf", identify=lambda text: "deu").line_pass.item() == 1
    assert alone("eins zwei drei vier fünf", identify=lambda text: None).line_pass.item() == 0


def test_chinese_and_japanese_are_segmented():
    def chinese(text):
        return "zh"

    assert alone("你好吗朋友", "zh", identify=chinese).skipped.item() == 0, "five characters"
    assert alone("你好吗朋友", "zh", identify=chinese, segment={"zh": lambda text: [text]}).skipped.item() == 1
    assert alone("我要 chat 好吗", "zh", identify=chinese, words={"chat"}).word_pass.item() == 0


def test_released_files_are_read(tmp_path):
    path = tmp_path / "outputs.csv"
    path.write_text(
        "model,completion,task,source,language\n"
        'm,"a b c de 90\na b c en 90",monolingual,okapi,de\n'
        "m,,monolingual,okapi,de\n",
        encoding="utf-8",
    )
    result = wb.evaluation.confusion(path, identify=stub)
    assert result.task.values.tolist() == ["monolingual"]
    assert (result.responses.item(), result.skipped.item(), result.line_pass.item()) == (2, 1, 0)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(BadCorpus, match="no column 'completion'"):
        wb.evaluation.confusion(pd.DataFrame({"source": ["s"], "language": ["de"]}), identify=stub)
    with pytest.raises(BadCorpus, match="no rows"):
        rates([])
    with pytest.raises(BadArgument, match="bar=2"):
        alone("a", bar=2)
    with pytest.raises(BadArgument, match="variant='paper2'"):
        alone("a", variant="paper2")
