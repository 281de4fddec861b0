"""Tasks written for lm-eval, and logs in its layout read back; the rows here are written for these tests."""

import json

import numpy as np
import pytest

import workbench as wb
from tests.models import byte_tokenizer
from tests.oracles.evaluation import tokens
from workbench.errors import BadTask
from workbench.evaluation.scoring.encode import encode_options

ROWS = [
    {"id": str(n), "language": language, "context": f"Q{n}?", "options": ["ab", "abcd"], "gold": n % 2}
    for language in ("de", "en")
    for n in range(3)
]


def log(folder, name, scores, *, filters=("none",), empty=()):
    """A log of rows with these scores; the target of item n is n % 2."""
    lines = []
    for number, own in enumerate(scores):
        pairs = [(f"Q{number}?", text) for text in (" ab", " abcd")] + [
            ("", text) for text in (" ab", " abcd") if empty
        ]
        values = [*own, *(empty[number] if empty else ())]
        for name_of in filters:
            lines.append(
                {
                    "doc_id": number,
                    "doc": {},
                    "target": str(number % 2),
                    "arguments": {f"gen_args_{i}": {"arg_0": c, "arg_1": t} for i, (c, t) in enumerate(pairs)},
                    "filtered_resps": [[str(value), "False"] for value in values],
                    "filter": name_of,
                    "metrics": ["acc"],
                    "acc": float(np.argmax(own) == number % 2),
                }
            )
    path = folder / f"samples_{name}_2026-01-02T03-04-05.678.jsonl"
    path.write_text("\n".join(map(json.dumps, lines[::-1])) + "\n", encoding="utf-8")  # unsorted
    return path


def test_a_log_gives_the_accuracy_that_it_states(tmp_path):
    path = log(tmp_path, "xcopa_it", [(-1, -2), (-4, -6), (-3, -1)])
    result = wb.evaluation.from_lm_eval(path)
    stated = [json.loads(line)["acc"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert result.accuracy.item() == np.mean(stated) == pytest.approx(1 / 3)
    assert result["language"].values.tolist() == ["it"]
    assert wb.evaluation.choose(result, normalize="characters").choice.values.tolist() == [[0, 1, 1]]  # a tie


def test_logs_of_two_languages_join(tmp_path):
    paths = [log(tmp_path, f"xcopa_{code}", [(-1, -2), (-2, -1)], empty=[(-1, -1), (-1, -3)]) for code in ("it", "tr")]
    result = wb.evaluation.from_lm_eval(paths)
    assert result["language"].values.tolist() == ["it", "tr"] and result.accuracy.values.tolist() == [1, 1]
    assert wb.evaluation.choose(result, normalize="unconditional").choice.values.tolist() == [[0, 1], [0, 1]]


def test_logs_of_belebele_are_in_the_languages_that_their_scripts_stand_after(tmp_path):
    paths = [log(tmp_path, f"belebele_{code}", [(-1, -2), (-2, -1)]) for code in ("deu_Latn", "fra_Latn", "zho_Hant")]
    result = wb.evaluation.from_lm_eval(paths)
    assert result["language"].values.tolist() == ["de", "fr", "zh-Hant"]


def changed(path, **changes):
    rows = [{**json.loads(line), **changes} for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filtered_resps": [[-3.2]]}, "no options with log-probabilities"),
        ({"arguments": [["Q", " ab"], ["Q", " abcd"]]}, "no options with log-probabilities"),
        ({"filtered_resps": ["5"], "metrics": ["bleu"], "bleu": [["5"], "5"]}, "its first metric, 'bleu', is .*5"),
        ({"filtered_resps": ["5"], "metrics": ["f1"], "f1": 0.4}, "its first metric, 'f1', is 0.4; expected 1"),
        ({"filtered_resps": ["5"], "metrics": ["f1"]}, "its first metric, 'f1', is None"),
        ({"filtered_resps": ["5"], "metrics": []}, "its first metric, None"),
        ({"filtered_resps": ["5"], "doc_id": 7}, "the id 7 comes more than once"),
    ],
    ids=["rolling", "old layout", "bleu", "f1", "absent", "none", "twice"],
)
def test_logs_of_other_types_metrics_and_layouts_are_refused(tmp_path, changes, message):
    path = changed(log(tmp_path, "xcopa_it", [(-1, -2), (-4, -6)]), **changes)
    with pytest.raises(BadTask, match=message):
        wb.evaluation.from_lm_eval(path)


def test_one_of_several_filters_must_be_named(tmp_path):
    path = log(tmp_path, "mgsm_de", [(-1, -2)], filters=("strict", "flexible"))
    with pytest.raises(BadTask, match="has the filters flexible, strict; name one"):
        wb.evaluation.from_lm_eval(path)
    assert wb.evaluation.from_lm_eval(path, filter="strict").sizes["item"] == 1


def test_a_log_of_generated_answers(tmp_path):
    rows = [
        {
            "doc_id": n,
            "target": "5",
            "arguments": {},
            "filtered_resps": ["5"],
            "filter": "f",
            "metrics": ["exact_match"],
        }
        for n in range(4)
    ]
    path = tmp_path / "samples_mgsm_de_2026-01-02T03-04-05.jsonl"
    lines = [json.dumps({**row, "exact_match": float(n < 3)}) for n, row in enumerate(rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    result = wb.evaluation.from_lm_eval(path)
    assert result.accuracy.item() == 0.75 and result.correct.values.tolist() == [[1, 1, 1, 0]]


@pytest.mark.parametrize(("marked", "delimiter"), [((1, 2), ""), ((), " "), ((2,), "")])
def test_what_is_written_reads_as_we_read_it_after_quotation_marks(tmp_path, wrapped, marked, delimiter):
    rows = [
        {"language": "en", "context": f"Item {n} is{' “' if n in marked else ''}", "options": ["a", "b"], "gold": 0}
        for n in (1, 2)
    ]
    task = wb.load_task(rows)
    (name,) = wb.evaluation.to_lm_eval(task, tmp_path)
    assert f"target_delimiter: {json.dumps(delimiter)}" in (tmp_path / f"{name}.yaml").read_text(encoding="utf-8")
    written = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    theirs = [
        tokens(byte_tokenizer(), row["context"], delimiter + option) for row in written for option in row["options"]
    ]
    ours = [(list(option.context), list(option.tail)) for option in encode_options(wrapped("llama"), task)]
    assert theirs == ours
    if len(marked) == 1:
        with pytest.raises(BadTask, match="one delimiter for all"):
            wb.evaluation.to_lm_eval(task, tmp_path, unconditional=True)


@pytest.mark.parametrize(("text", "message"), [('{"a": 1}\n', "is no sample log"), ("{", "not JSON")])
def test_what_is_no_log_is_refused(tmp_path, text, message):
    (tmp_path / "x.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(BadTask, match=message):
        wb.evaluation.from_lm_eval(tmp_path / "x.jsonl")


def test_written_rows_are_what_the_model_reads(tmp_path):
    task = wb.load_task(ROWS)
    names = wb.evaluation.to_lm_eval(task, tmp_path, format="letters", shots=1)
    assert names == ["rows_letters_de", "rows_letters_en"]
    rows = [json.loads(line) for line in (tmp_path / "rows_letters_de.jsonl").read_text(encoding="utf-8").splitlines()]
    shot = "Q0?\nA. ab\nB. abcd\nAnswer: A\n\n"
    assert rows[0] == {"id": "1", "context": f"{shot}Q1?\nA. ab\nB. abcd\nAnswer:", "options": ["A", "B"], "gold": 1}
    text = (tmp_path / "rows_letters_de.yaml").read_text(encoding="utf-8")
    assert 'target_delimiter: " "' in text and str(tmp_path / "rows_letters_de.jsonl") in text
    with pytest.raises(BadTask, match="of kind 'generate'"):
        wb.evaluation.to_lm_eval(wb.load_task([{"language": "en", "context": "a", "gold": "b"}]), tmp_path)


def paired(folder, accs, *, options=2, contexts=True, scores=((-1, -2), (-2, -1), (-1, -3))):
    """A log in the layout of XWinograd: a context for each option, the continuation as target."""
    lines = []
    for number, (acc, own) in enumerate(zip(accs, scores, strict=True)):
        pairs = {
            f"gen_args_{i}": {"arg_0": f"Q{number}, name {i if contexts else ''}", "arg_1": " was late."}
            for i in range(options)
        }
        row = {"doc_id": number, "target": "was late.", "arguments": pairs, "filter": "none", "metrics": ["acc"]}
        values = [*own, *[-9] * (options - 2)]
        lines.append({**row, "filtered_resps": [[str(value), "False"] for value in values]})
        if acc is not None:
            lines[-1]["acc"] = acc
    path = folder / "samples_xwinograd_en_2026-01-02T03-04-05.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def test_where_contexts_differ_the_gold_follows_from_what_lm_eval_counted_as_right(tmp_path):
    result = wb.evaluation.from_lm_eval(paired(tmp_path, [1.0, 1.0, 0.0]))
    assert result.correct.values.tolist() == [[1, 1, 0]]
    assert result.gold.values.tolist() == [[True, False], [False, True], [False, True]]


@pytest.mark.parametrize(
    "how", [{"accs": [None] * 3}, {"accs": [1.0] * 3, "options": 3}, {"accs": [1.0] * 3, "contexts": False}]
)
def test_a_log_that_does_not_tell_its_golds_is_refused(tmp_path, how):
    with pytest.raises(BadTask, match=r"item 0: the log does not tell which of its . options is right"):
        wb.evaluation.from_lm_eval(paired(tmp_path, **how))


def test_an_accuracy_that_the_scores_contradict_is_refused(tmp_path):
    path = log(tmp_path, "xcopa_it", [(-1, -2), (-4, -6)])
    path.write_text(path.read_text(encoding="utf-8").replace('"acc": 0.0', '"acc": 1.0'), encoding="utf-8")
    with pytest.raises(BadTask, match=r"item 1: its acc is 1.0, and option 0 has the highest score"):
        wb.evaluation.from_lm_eval(path)
