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
    assert result.overall_line_pass_low.item() == pytest.approx(np.quantile(means, 0.025))


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
