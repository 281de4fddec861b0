import pytest

import workbench as wb

WORDS = "concept\ten\tde\tfr\tes\n" + "".join(
    f"c{i}\t{a}en\t{a.upper()}de\t{i}fr\t{s}es\n" for i, (a, s) in enumerate(zip("bcdfghk", "!?+*(=<", strict=True))
)


def test_concepts_write_a_cell_for_each_experiment_and_go_on(run, model, tmp_path):
    (tmp_path / "words.tsv").write_text(WORDS, encoding="utf-8")
    arguments = (
        "patch",
        "concepts",
        model,
        "--words",
        tmp_path / "words.tsv",
        "--source",
        "en-de",
        "--target",
        "es-fr",
    )
    more = ("--mean-over", "en,es", "--shots", "1", "--limit", "3", "--out", tmp_path / "run", "--quiet")
    printed = run(*arguments, *more)
    assert printed.exit_code == 0, printed.output
    for name in ("last", "concept", "mean"):
        assert wb.load_result(tmp_path / "run" / f"{name}.nc").sizes["pair"] == 3
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "3 pairs of concepts; 0 concepts collide" in text
    before = (tmp_path / "run" / "mean.nc").stat().st_mtime_ns
    assert run(*arguments, *more).exit_code == 0
    assert (tmp_path / "run" / "mean.nc").stat().st_mtime_ns == before


def test_onsets(run, model, tmp_path):
    (tmp_path / "words.tsv").write_text(WORDS, encoding="utf-8")
    printed = run(
        *("patch", "onsets", model, "--words", tmp_path / "words.tsv", "--languages", "de,fr", "--shots", "1"),
        *("--limit", "2", "--out", tmp_path / "run", "--quiet"),
    )
    assert printed.exit_code == 0, printed.output
    assert wb.load_result(tmp_path / "run" / "onsets_last.nc").sizes["source_language"] == 2
    assert "Over 2 ordered pairs of languages" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_route_that_is_none_is_refused(refused, model):
    assert refused("patch", "concepts", model, "--source", "de-de").startswith("BadArgument: 'de-de' is not a language")


@pytest.mark.parametrize(
    ("command", "more", "said"),
    [
        ("path", ("--receiver", "q:2.1"), "Which heads reach the receiver q of head 2.1?"),
        ("cross-position", ("--layer", "1"), "At layer 1, which source position"),
        ("edges", ("--steps", "1"), "Along which edges does the answer pass?"),
    ],
)
def test_routes_write_a_cell_and_a_report(run, model, pairs, tmp_path, command, more, said):
    printed = run("patch", command, model, pairs, *more, "--limit", "2", "--out", tmp_path / "run", "--quiet")
    assert printed.exit_code == 0, printed.output
    result = wb.load_result(tmp_path / "run" / f"{command.replace('-', '_')}.nc")
    assert result.sizes["pair"] == 2
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert said in text
    assert "Which prompts are patched?" in text
    assert "clean and the corrupted run" in text
    assert len(wb.load_pairs(tmp_path / "run" / "pairs.csv")) == 2
    assert f"workbench patch {command}" in text


def test_routes_that_are_none_are_refused(refused, model, pairs):
    assert "write final, residual:4, q:4.2" in refused("patch", "path", model, pairs, "--receiver", "q:x")
    assert refused("patch", "path", model, pairs, "--receiver", "z:1.1").startswith("BadArgument: receiver=('z', 1, 1)")
    assert refused("patch", "cross-position", model, pairs, "--layer", "3").startswith(
        "BadArgument: layer=3; give a whole number from 0 to 2"
    )
    assert refused("patch", "edges", model, pairs, "--steps", "-1").startswith("BadArgument: steps=-1")


def test_lens_writes_cells_and_a_report(run, model, corpus, tmp_path):
    (tmp_path / "words.tsv").write_text(WORDS, encoding="utf-8")
    how = ("--words", tmp_path / "words.tsv", "--source", "en", "--target", "fr", "--shots", "1", "--limit", "3")
    printed = run("lens", model, *how, "--tuned", corpus, "--out", tmp_path / "run", "--quiet")
    assert printed.exit_code == 0, printed.output
    for name in ("lens", "latent"):
        assert wb.load_result(tmp_path / "run" / f"{name}.nc").sizes["concept"] == 3
    assert wb.load_result(tmp_path / "run" / "tuned.nc").sizes["layer"] == 3
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Whose words would each layer say?" in text
    assert "workbench lens" in text


def test_lens_reads_a_text_in_the_terminal(run, model, tmp_path):
    printed = run("lens", model, "--text", "ab cd", "--text", "é")
    assert printed.exit_code == 0, printed.output
    for part in ("output", "embedding", "0 <bos>", "3 ␣", "The model's first choice is the next token of the text"):
        assert part in printed.output
    assert not (tmp_path / "runs").exists()


def test_lens_writes_a_text_and_a_report(run, model, corpus, tmp_path):
    how = ("--text", "a cat", "--answer", "x", "--foil", "y", "--tuned", corpus, "--out", tmp_path / "run")
    printed = run("lens", model, *how, "--quiet")
    assert printed.exit_code == 0, printed.output
    assert printed.output.split() == [str(tmp_path / "run" / name) for name in ("sentence.nc", "report.html")]
    result = wb.load_result(tmp_path / "run" / "sentence.nc")
    assert result.attrs["lens"] == "tuned" and "logit_difference" in result
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "What would each layer say next" in text and "workbench lens" in text and "--answer x" in text


def test_lens_takes_words_of_texts_alone(refused, model):
    assert refused("lens", model, "--answer", "x").startswith("BadArgument: --answer and --foil are for the texts")
    assert refused("lens", model, "--text", " ").startswith("BadCorpus")
