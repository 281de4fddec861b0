"""Files of MuBench: languages and modes from names, written for these tests in its published layout."""

import json

import pytest

import workbench as wb
from workbench.errors import BadCorpus, BadTask
from workbench.text.tasks.mubench import mubench_files

CODES = ("de", "id", "is", "zh")  # id and is are words too, which no other file name is read as


def write(folder, *names, ids=(1, 2)):
    for name in names:
        rows = [{"_id": number, "prompt": f"{name}\nA: x\nB：y\n?", "label": number % 2} for number in ids]
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


@pytest.mark.parametrize("mode", ["en_template", "local_template", "lighteval", "mix_2", "mix_lighteval_12"])
def test_files_of_a_folder_join_by_language(tmp_path, mode):
    write(tmp_path, *(f"XNLIDataset_{mode}_{code}.json" for code in CODES), "README.json")
    task = wb.load_task(tmp_path)
    assert task.languages == CODES and task.ids == ("1", "2") and task.aligned
    assert task.context["id"][0].startswith(f"XNLIDataset_{mode}_id")
    assert wb.load_task(tmp_path, languages="zh,is").languages == ("zh", "is")
    assert wb.load_task(tmp_path / f"XNLIDataset_{mode}_is.json").languages == ("is",)


def test_a_configuration_may_be_a_folder(tmp_path):
    write(tmp_path, *(f"SNLIDataset_lighteval_{code}/test-00000-of-00001.json" for code in CODES))
    write(tmp_path, "SNLIDataset_lighteval_de/dev.json", ids=(7,))
    task = wb.load_task(tmp_path)
    assert task.languages == CODES and task.ids == ("1", "2")
    assert wb.load_task(tmp_path / "SNLIDataset_lighteval_zh").languages == ("zh",)
    write(tmp_path, "SNLIDataset_lighteval_de/test-2.json")
    with pytest.raises(BadTask, match="has 3 files, of which 2 are for tests"):
        wb.load_task(tmp_path)


def test_one_of_several_tasks_and_modes_is_named(tmp_path):
    for config in ("MMLUDataset_mix_2", "MMLUDataset_lighteval", "MMLUDataset_mix_lighteval_2", "SNLIDataset_mix_2"):
        write(tmp_path, *(f"{config}_{code}.json" for code in ("de", "zh")))
    with pytest.raises(BadTask, match=r"MMLUDataset_lighteval, MMLUDataset_mix_2, .* name one with split="):
        wb.load_task(tmp_path)
    with pytest.raises(BadTask, match="name one"):
        wb.load_task(tmp_path, split="mix_2")  # of two tasks
    with pytest.raises(BadTask, match="name one"):
        wb.load_task(tmp_path, split="mix_3")
    for split, name in (
        ("lighteval", "MMLUDataset_lighteval"),  # exactly, although mix_lighteval_2 has the word too
        ("MMLUDataset_mix_2", "MMLUDataset_mix_2"),
        ("SNLI", "SNLIDataset_mix_2"),
    ):
        task = wb.load_task(tmp_path, split=split)
        assert task.languages == ("de", "zh") and task.context["de"][0].startswith(f"{name}_de")
        assert task.name == name


def test_two_files_of_a_language_and_other_names(tmp_path):
    write(tmp_path, "XDataset_lighteval_zh.json", "XDataset_lighteval_zho.json")
    with pytest.raises(BadCorpus, match="are both in 'zh'"):
        wb.load_task(tmp_path)
    other = tmp_path / "other"
    write(other, "XDataset_other_zh.json", "xnli_de.json", "XDataset_lighteval_qq.json")
    assert {mubench_files(path)[0] for path in (other, other / "xnli_de.json", tmp_path / "no")} == {""}
