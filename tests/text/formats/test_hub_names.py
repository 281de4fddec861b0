"""Data sets by the spelling of the hub, out of folders that are laid out as the hub's are: no network is asked."""

import json

import datasets
import huggingface_hub.constants
import pytest
from typer.testing import CliRunner

import workbench as wb
from workbench.cli import app
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage
from workbench.text.formats.hub_names import HubName, parsed

TEXTS = {
    "deu_Latn": {"dev": ["Der Hund schläft.", "Es regnet."], "devtest": ["Das Haus ist alt."]},
    "fra_Latn": {"dev": ["Le chien dort.", "Il pleut."], "devtest": ["La maison est vieille."]},
    "notes": {"dev": ["a", "b"], "devtest": ["c"]},
}


@pytest.fixture(autouse=True)
def _offline(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def laid_out(folder, texts):
    """A folder as the hub has it: a config each, its splits named in the card."""
    card = ["---", "configs:"]
    for config, splits in texts.items():
        card += [f"- config_name: {config}", "  data_files:"]
        for split, rows in splits.items():
            path = folder / config / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [json.dumps({"id": row, "sentence": text}, ensure_ascii=False) for row, text in enumerate(rows)]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            card += [f"  - split: {split}", f"    path: {config}/{split}.jsonl"]
    (folder / "README.md").write_text("\n".join([*card, "---", ""]), encoding="utf-8")
    return folder


@pytest.fixture
def flores(tmp_path):
    return laid_out(tmp_path / "flores", TEXTS)


def test_a_name_is_taken_apart():
    assert parsed("hf:facebook/flores:deu_Latn+fra_Latn") == HubName("facebook/flores", ("deu_Latn", "fra_Latn"), None)
    assert parsed("hf:a/b:c:dev") == HubName("a/b", ("c",), "dev")
    assert parsed("hf:a/b::dev") == HubName("a/b", (), "dev")
    assert parsed("hf:a/b") == parsed("hf:a/b:") == parsed("hf:a/b::") == HubName("a/b", (), None)
    for wrong in ("hf:", "hf::de", "hf:a/b:de+", "hf:a/b:de+de", "hf:a/b:de:dev:more"):
        with pytest.raises(BadArgument, match=r"is no data set of the hub; write hf:owner/name"):
            wb.load_corpus(wrong)


def test_configs_are_languages_and_rows_are_aligned_by_id(flores):
    corpus = wb.load_corpus(f"hf:{flores}:deu_Latn+fra_Latn:dev")
    assert corpus.texts == {"de": tuple(TEXTS["deu_Latn"]["dev"]), "fr": tuple(TEXTS["fra_Latn"]["dev"])}
    assert corpus.aligned
    assert corpus.source == f"hf:{flores}:deu_Latn+fra_Latn:dev"
    assert wb.load_corpus(f"hf:{flores}:deu_Latn", languages="German").languages == ("de",)


def test_a_split_is_one_of_the_data_sets_own(flores):
    name = f"hf:{flores}:deu_Latn+fra_Latn"
    first, other = wb.load_corpus(name), wb.load_corpus(name, split="devtest")
    assert first.counts == {"de": 2, "fr": 2}
    assert other.texts == {"de": ("Das Haus ist alt.",), "fr": ("La maison est vieille.",)}
    assert wb.load_corpus(f"{name}:devtest").texts == other.texts
    assert wb.load_corpus(f"{name}:devtest", split="devtest").texts == other.texts
    with pytest.raises(BadArgument, match=r"split='dev', but .* says 'devtest'; give it once"):
        wb.load_corpus(f"{name}:devtest", split="dev")
    with pytest.raises(BadArgument, match=r"split='train' is not in .*has: dev, devtest"):
        wb.load_corpus(name, split="train")


def test_one_config_may_be_a_table(tmp_path):
    folder = tmp_path / "wide"
    laid_out(folder, {"pairs": {"train": []}})
    rows = [{"de": "Es regnet.", "en": "It rains."}, {"de": "Es schneit.", "en": "It snows."}]
    (folder / "pairs" / "train.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    expected = {"de": ("Es regnet.", "Es schneit."), "en": ("It rains.", "It snows.")}
    for name in (f"hf:{folder}", f"hf:{folder}:pairs", f"hf:{folder}::train"):
        corpus = wb.load_corpus(name)
        assert (corpus.texts, corpus.aligned) == (expected, True)


def test_what_is_not_there_is_named(flores):
    with pytest.raises(BadCorpus, match=r"has the configs deu_Latn, fra_Latn, notes; name some, such as hf:.*:deu"):
        wb.load_corpus(f"hf:{flores}")
    with pytest.raises(BadCorpus, match=r"no config 'ita_Latn' \(has: deu_Latn, fra_Latn, notes\)"):
        wb.load_corpus(f"hf:{flores}:ita_Latn")
    with pytest.raises(UnknownLanguage, match="read as one language each, and 'notes' is none"):
        wb.load_corpus(f"hf:{flores}:deu_Latn+notes")
    for absent in (f"hf:{flores}/nothing", "hf:nobody-at-all/nothing-here"):
        with pytest.raises(BadCorpus, match=r"cannot load the data set hf:.*nothing") as error:
            wb.load_corpus(absent)
        assert "\n" not in str(error.value)


def test_code_of_a_repository_is_never_run(tmp_path):
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / "script.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(BadCorpus, match="cannot load the data set"):
        wb.load_corpus(f"hf:{folder}")
    assert not (tmp_path / "ran").exists()


def test_the_library_is_named_where_it_lacks(flores, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(BadCorpus, match=r"needs the library datasets: pip install 'babel-workbench\[datasets\]'"):
        wb.load_corpus(f"hf:{flores}:deu_Latn")


def test_the_command_line_takes_it(flores):
    done = CliRunner().invoke(app, ["languages", f"hf:{flores}:deu_Latn+fra_Latn:devtest"])
    assert done.exit_code == 0, done.output
    assert "German" in done.output and "Français" in done.output
    refused = CliRunner().invoke(app, ["languages", f"hf:{flores}:deu_Latn+notes"])
    assert refused.exit_code == 2
    reading, line = refused.stderr.splitlines()
    assert reading.startswith("workbench languages: reading hf:") and line.startswith("UnknownLanguage: ")


def test_a_list_of_texts_is_in_the_language_that_is_named():
    corpus = wb.load_corpus(["Es regnet.", "Na ja."], languages="German")
    assert (corpus.texts, corpus.aligned, corpus.source) == ({"de": ("Es regnet.", "Na ja.")}, False, "list")
    assert wb.load_corpus(("Es regnet.",), languages=["deu_Latn"]).languages == ("de",)
    for languages in (None, "de,fr", []):
        with pytest.raises(BadCorpus, match=r"says no language; give \{'de': \[...\]\}, or the list with languages="):
            wb.load_corpus(["Es regnet."], languages=languages)
    with pytest.raises(UnknownLanguage, match="'xx'"):
        wb.load_corpus(["Es regnet."], languages="xx")
    with pytest.raises(BadCorpus, match="blank"):
        wb.load_corpus(["Es regnet.", " "], languages="de")
