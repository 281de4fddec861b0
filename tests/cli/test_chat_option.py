"""`--chat` on the commands that take a corpus or pairs, and refusals of those that have none."""

import pytest

from tests.chats import chat_tokenizer
from tests.cli.test_commands import commands
from tests.models import tiny
from workbench.errors import BadArgument
from workbench.results.files import load_result
from workbench.results.make import provenance
from workbench.studies.heads.use import run_transfer, run_tune_mask
from workbench.studies.lens import run_lens
from workbench.studies.options import Options
from workbench.studies.patching.concepts import run_concepts, run_onsets
from workbench.text.chat import template_hash


@pytest.fixture(scope="module")
def talker(tmp_path_factory):
    """Folder of a tiny Llama whose tokenizer has a chat template."""
    folder = tmp_path_factory.mktemp("models") / "talker"
    tiny("llama").save_pretrained(folder)
    chat_tokenizer("gemma").save_pretrained(folder)
    return str(folder)


def test_commands_with_a_corpus_or_pairs_take_chat():
    has = {name for name, command in commands().items() if any("--chat" in one.opts for one in command.params)}
    heads = {"find", "knockout", "prune", "search", "kinds", "agreement", "shapley", "off-target"}
    neurons = {"classify", "stages", "knockout", "compare", "look", "routing"}
    patch = {"sweep", "path", "cross-position", "edges"}
    assert has == {
        "compare",
        "demo",
        *(f"heads {name}" for name in heads),
        *(f"neurons {name}" for name in neurons),
        *(f"patch {name}" for name in patch),
    }


def test_a_chat_has_a_folder_and_cells_of_its_own(run, talker, corpus, tmp_path):
    few = ("--languages", "de,ja", "--limit", "2", "--quiet")
    assert run("neurons", talker, corpus, *few).exit_code == 0
    done = run("neurons", talker, corpus, "--chat", *few)
    assert done.exit_code == 0, done.output
    folders = [next((tmp_path / "runs").glob(f"neurons-talker-texts.tsv-{end}??????")) for end in ("", "chat-")]
    plain, chat = (load_result(folder / "firing.nc") for folder in folders)
    record = provenance(chat)
    assert record["corpus"]["chat"] is True
    assert record["model"]["chat_template"] == template_hash(chat_tokenizer("gemma"))
    assert provenance(plain)["corpus"]["hash"] != record["corpus"]["hash"]
    assert (plain.tokens - chat.tokens == 2).all()  # the BOS of two texts
    assert "--chat" in (folders[1] / "report.html").read_text(encoding="utf-8")


def test_heads_and_patching_in_chat(run, talker, corpus, pairs, tmp_path):
    done = run(
        "heads", talker, corpus, "--chat", "--languages", "de,ja", "--limit", "2", "--quiet", "--out", tmp_path / "h"
    )
    assert done.exit_code == 0, done.output
    done = run("patch", talker, pairs, "--chat", "--limit", "2", "--quiet", "--out", tmp_path / "p")
    assert done.exit_code == 0, done.output
    for path in (tmp_path / "h" / "ablation.nc", tmp_path / "p" / "cross_layer.nc"):
        assert provenance(load_result(path))["corpus"]["chat"] is True


def test_a_model_without_a_template_is_refused_in_a_line(refused, model, corpus, pairs):
    for command in (("heads", model, corpus), ("patch", model, pairs)):
        assert "has no chat template; chat=False reads texts as they are" in refused(*command, "--chat")


def test_studies_without_a_chat_refuse_it(tmp_path):
    chat = Options(chat=True)
    for study in (
        lambda: run_lens("polyglot", source="de", target="fr", out=tmp_path, options=chat),
        lambda: run_concepts("polyglot", source="de-it", target="fr-zh", out=tmp_path, options=chat),
        lambda: run_onsets("polyglot", out=tmp_path, options=chat),
        lambda: run_tune_mask("polyglot", "words:de-fr", heads="fr", out=tmp_path, options=chat),
        lambda: run_transfer("polyglot", "none.jsonl", heads="fr", out=tmp_path, options=chat),
    ):
        with pytest.raises(BadArgument, match="cannot go through a chat template yet"):
            study()
