"""`--deduplicate` and `--columns` on every command that takes a corpus, and in what is recorded of a run."""

import json

import pytest

from tests.cli.test_commands import commands
from workbench.cli.options import named_columns
from workbench.errors import BadArgument
from workbench.results.files import load_result
from workbench.results.make import provenance

ROWS = [
    ("Der Hund schläft im Garten.", "Le chien dort au jardin.", "a"),
    ("Wir trinken heute Tee.", "Nous buvons du thé.", "b"),
    ("Der Hund  schläft im Garten.", "Le chien dort au jardin.", "c"),
    ("Das Haus ist alt.", "La maison est vieille.", "d"),
    ("Sie liest ein Buch.", "Elle lit un livre.", "e"),
]
COLUMNS = "src=de,mt=fr,note="


@pytest.fixture
def table(tmp_path):
    """A TSV whose headers name no language, with a row that comes again."""
    path = tmp_path / "study.tsv"
    path.write_text("\n".join(map("\t".join, [("src", "mt", "note"), *ROWS])) + "\n", encoding="utf-8")
    return str(path)


def test_every_command_with_a_corpus_takes_them():
    for name, command in commands().items():
        names = {one.name for one in command.params}
        flags = {flag for one in command.params for flag in one.opts}
        wanted = "corpus" in names and name != "card"  # the corpus of a card is a folder of training texts
        assert ({"--deduplicate", "--columns"} <= flags) == wanted, name


def test_a_run_reads_the_columns_drops_repeats_and_says_how_to_do_it_again(run, model, table, tmp_path):
    given = ("--columns", COLUMNS, "--deduplicate")
    done = run("neurons", model, table, *given, "--quiet", "--out", tmp_path / "first")
    assert done.exit_code == 0, done.output
    record = provenance(load_result(tmp_path / "first" / "firing.nc"))["corpus"]
    assert record["counts"] == {"de": 4, "fr": 4} and "repeated" not in record
    recipe = json.loads((tmp_path / "first" / "report.json").read_text(encoding="utf-8"))["recipe"]
    assert f"--deduplicate --columns {COLUMNS}" in recipe["command"]
    assert "deduplicate=True, columns={'src': 'de', 'mt': 'fr', 'note': None}" in recipe["call"]
    words = recipe["command"].split()[1:]
    words[words.index("--out") + 1] = str(tmp_path / "again")
    done = run(*words, "--quiet")
    assert done.exit_code == 0, done.output
    assert provenance(load_result(tmp_path / "again" / "firing.nc"))["corpus"]["hash"] == record["hash"]


def test_repeats_stay_and_are_counted_where_nobody_asks(run, model, table, tmp_path):
    done = run("neurons", model, table, "--columns", COLUMNS, "--quiet", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    record = provenance(load_result(tmp_path / "run" / "firing.nc"))["corpus"]
    assert record["counts"] == {"de": 5, "fr": 5} and record["distinct"] == {"de": 4, "fr": 4}


def test_tables_take_them_too(run, table):
    done = run("languages", table, "--columns", COLUMNS, "--deduplicate")
    assert done.exit_code == 0, done.output
    assert "German" in done.stdout and "French" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if "German" in line or "French" in line]
    assert all("4" in row for row in rows), done.stdout


def test_what_columns_hold_is_read_or_refused(refused, model, table):
    assert named_columns(None) is None
    assert named_columns("src=de, note =") == {"src": "de", "note": None}
    assert named_columns("a=b=de") == {"a=b": "de"}
    for text in ("src", "src=de,src=fr", "=de", ""):
        with pytest.raises(BadArgument, match="each header once with what it holds"):
            named_columns(text)
    assert "such as src=en,note=" in refused("neurons", model, table, "--columns", "src")
    assert "'none'" in refused("neurons", model, table, "--columns", "none=de")
    assert "'xx'" in refused("neurons", model, table, "--columns", "src=xx,mt=fr,note=")
