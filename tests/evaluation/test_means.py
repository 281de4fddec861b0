"""Means of a table, by hand: over tasks and languages, over items, and with MNLI, SNLI and XNLI as one task."""

import numpy as np
import pytest

import workbench as wb
from workbench.evaluation.rules import written_summary
from workbench.results.make import make_result


def result(languages, correct, *, source="x"):
    """A Result of right answers [language, item]; None: the language lacks the item."""
    values = np.array(correct, dtype=float)
    numbers, attrs = written_summary(values, aligned=not np.isnan(values).any(), level=0.95, seed=0)
    return make_result(
        numbers,
        {"language": languages, "item": [str(n) for n in range(values.shape[1])]},
        method="evaluation.accuracy",
        parameters={},
        corpus={"source": source},
        attrs={"fixed_labels": 0, "item_kind": "generate", **attrs},
    )


def share(right, of):
    return [1] * right + [0] * (of - right)


def test_tasks_and_languages_count_once_and_items_once_beside():
    long = result(["de", "en"], [share(8, 10), share(6, 10)])
    short = result(["de", "en"], [share(1, 4), share(2, 4)])
    table = wb.evaluation.table({"long": long, "short": short})
    assert table.mean_accuracy.values == pytest.approx([0.525, 0.55])
    assert table.mean_accuracy_of_items.values == pytest.approx([9 / 14, 8 / 14])
    assert table.task_accuracy.values == pytest.approx([0.7, 0.375])
    assert table.task_accuracy_of_items.values == pytest.approx([14 / 20, 3 / 8])
    assert table.overall_accuracy.item() == pytest.approx(0.5375)
    assert table.overall_accuracy_of_items.item() == pytest.approx(17 / 28)
    assert table.overall_headroom.item() == pytest.approx(0.5375)
    assert table.task_accuracy_low.values.tolist() == [long.attrs["mean_low"], short.attrs["mean_low"]]
    assert table.attrs["one_task"] == "" and wb.figures.bars(table, "mean_accuracy").data


def test_a_language_that_lacks_a_task_has_no_mean_and_enters_none():
    table = wb.evaluation.table({"x": result(["de", "en"], [share(3, 4), share(1, 4)]), "y": result(["de"], [[1, 0]])})
    np.testing.assert_allclose(table.mean_accuracy, [0.625, np.nan])
    np.testing.assert_allclose(table.mean_accuracy_of_items, [4 / 6, np.nan])
    assert np.isnan(table.mean_accuracy_low.values[1]) and table.overall_accuracy.item() == pytest.approx(0.625)
    assert table.task_accuracy.values == pytest.approx([0.5, 0.5])
    apart = wb.evaluation.table({"x": result(["en"], [[1, 1]]), "y": result(["de"], [[1, 0]])})
    assert np.isnan(apart.overall_accuracy) and np.isnan(apart.overall_accuracy_of_items)


def test_items_that_a_language_lacks_are_not_wrong():
    task = result(["de", "en"], [[1, 1, None, None], [1, 0, 0, 0]])
    table = wb.evaluation.table({"x": task})
    assert table.task_accuracy.item() == pytest.approx(0.625) and table.task_accuracy_of_items.item() == 0.5


def test_mnli_snli_and_xnli_are_one_task():
    parts = {"mnli": share(1, 5), "x": share(4, 5), "XNLIDataset": share(3, 5)}
    table = wb.evaluation.table({name: result(["de"], [right]) for name, right in parts.items()})
    assert table.mean_accuracy.item() == pytest.approx(0.6)  # (0.4 + 0.8) / 2, and not 1.6 / 3
    assert table.mean_headroom.item() == pytest.approx(0.6) and table.overall_accuracy.item() == pytest.approx(0.6)
    assert table.mean_accuracy_of_items.item() == pytest.approx(8 / 15)
    assert table.attrs["one_task"] == "mnli, XNLIDataset"
    by_source = {
        "a": result(["de"], [[1, 1]], source="d/SNLIDataset_lighteval"),
        "b": result(["de"], [[0, 0]], source="xnli"),
    }
    assert wb.evaluation.table(by_source).attrs["one_task"] == "a, b"
    other = {"anli": result(["de"], [[1, 1]]), "xnlike": result(["de"], [[0, 0]]), "MNLI": result(["de"], [[0, 0]])}
    assert wb.evaluation.table(other).attrs["one_task"] == ""


def test_intervals_draw_each_items_languages_together():
    noisy, sure = share(80, 200), share(50, 50)
    table = wb.evaluation.table({"x": result(["de", "en"], [noisy] * 2), "y": result(["de", "en"], [sure] * 2)})
    wide = table.mean_accuracy_high.values - table.mean_accuracy_low.values
    assert wide == pytest.approx([2 * 1.96 * np.sqrt(0.4 * 0.6 / 200) / 2] * 2, rel=0.1)  # half of x's own
    whole = table.overall_accuracy_high.item() - table.overall_accuracy_low.item()
    assert whole == pytest.approx(wide[0])  # equal languages tell nothing more
    mixed = wb.evaluation.table(
        {"x": result(["de", "en"], [noisy, noisy[::-1]]), "y": result(["de", "en"], [sure] * 2)}
    )
    assert mixed.overall_accuracy_high.item() - mixed.overall_accuracy_low.item() < whole
    tight = wb.evaluation.table({"x": result(["de"], [noisy])}, level=0.5)
    assert tight.mean_accuracy_high.item() - tight.mean_accuracy_low.item() < wide[0]
