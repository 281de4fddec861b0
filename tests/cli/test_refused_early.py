"""Arguments that cannot be right are refused before a model is loaded: loading a large one takes minutes."""

import pytest

PARALLEL = ("polyglot", "parallel")
PAIRS = ("polyglot", "words:de-fr")
TASKS = ("polyglot", "words:de-fr")
ANSWER = '{"id": 1, "language": "de", "context": "a", "gold": "b"}\n'
WRONG = [
    *((command, PARALLEL, given, says) for command in (
        "heads find", "heads knockout", "heads search", "heads kinds", "heads agreement", "heads shapley",
        "heads off-target", "neurons classify", "neurons stages", "neurons knockout", "neurons routing",
    ) for given, says in (
        ("--languages de,xx", "UnknownLanguage: 'xx' is not in "),
        ("--limit 0", "BadArgument: limit=0; give a whole number from 1"),
    )),
    *((command, ("polyglot", "none.tsv"), "", "BadCorpus: there is no corpus") for command in (
        "heads find", "heads knockout", "heads search", "heads agreement", "heads shapley", "neurons classify",
        "neurons knockout",
    )),
    ("demo", (), "--corpus none.tsv", "BadCorpus: there is no corpus"),
    ("demo", (), "--limit 0", "BadArgument: limit=0"),
    ("heads prune", PARALLEL, "--keep xx", "UnknownLanguage: 'xx'"),
    ("heads prune", PARALLEL, "--keep de --drop de", "BadArgument: de cannot be kept and dropped"),
    ("heads prune", PARALLEL, "--keep de --budget -1", "BadArgument: budget=-1.0"),
    ("heads knockout", PARALLEL, "--share 2", "BadArgument: share=2.0"),
    ("heads knockout", PARALLEL, "--controls -1", "BadArgument: controls=-1"),
    ("heads search", PARALLEL, "--top 0", "BadArgument: top=0"),
    ("heads search", PARALLEL, "--confidence 1", "BadArgument: confidence=1.0"),
    ("heads search", PARALLEL, "--first 1", "BadArgument: first=1"),
    ("heads agreement", PARALLEL, "--methods zero,magic", "BadArgument: methods='magic'"),
    ("heads agreement", PARALLEL, "--reference magic", "BadArgument: reference 'magic'"),
    ("heads agreement", PARALLEL, "--top 1", "BadArgument: top=1.0"),
    ("heads shapley", PARALLEL, "--permutations 1", "BadArgument: permutations=1"),
    ("heads shapley", PARALLEL, "--tolerance -1", "BadArgument: tolerance=-1.0"),
    ("heads off-target", PARALLEL, "--scale 1", "BadArgument: scale=1.0"),
    ("heads off-target", PARALLEL, "--target xx!", "UnknownLanguage: 'xx!'"),
    ("heads off-target", PARALLEL, "--tokens 0", "BadArgument: tokens=0"),
    *((command, names, f"--heads {heads}", says) for command, names in (
        ("heads tune-mask", TASKS), ("heads transfer", ("polyglot", "conflicts.jsonl")), ("heads off-target", PARALLEL),
    ) for heads, says in (
        ("L9", "BadArgument: heads 'L9': name them, as in L2H1,L4H0"),
        ("sw", "UnknownLanguage: 'sw' is not in parallel"),
        ("de --controls 0", "BadArgument: controls=0"),
        ("de --share 0", "BadArgument: share=0.0"),
        ("de --limit 0", "BadArgument: limit=0"),
    )),
    ("heads tune-mask", TASKS, "--epochs 0", "BadArgument: epochs=0"),
    ("heads tune-mask", TASKS, "--rate 0", "BadArgument: rate=0.0"),
    ("heads tune-mask", ("polyglot", "none.jsonl"), "", "BadPairs: "),
    ("heads transfer", ("polyglot", "conflicts.jsonl"), "--scales 0,1", "BadArgument: scales='0,1'"),
    ("heads transfer", ("polyglot", "conflicts.jsonl"), "--scales nan", "BadArgument: scales='nan'"),
    ("heads transfer", ("polyglot", "none.jsonl"), "", "BadPairs: "),
    ("neurons stages", PARALLEL, "--top-rate 0", "BadArgument: top_rate=0.0"),
    ("neurons knockout", PARALLEL, "--top-rate 2", "BadArgument: top_rate=2.0"),
    ("neurons knockout", PARALLEL, "--method magic", "BadArgument: there is no method 'magic'"),
    ("neurons knockout", PARALLEL, "--controls -1", "BadArgument: controls=-1"),
    ("neurons routing", PARALLEL, "--permutations -1", "BadArgument: permutations=-1"),
    ("neurons compare", ("polyglot", *PARALLEL), "--trained xx", "UnknownLanguage: 'xx'"),
    ("neurons compare", ("polyglot", *PARALLEL), "--top-rate -1", "BadArgument: top_rate=-1.0"),
    ("neurons look", (*PARALLEL, "--", "-1", "0"), "", "BadArgument: layer=-1"),
    ("lens", ("polyglot",), "--source xx", "UnknownLanguage: 'xx' is not in this word list"),
    ("lens", ("polyglot",), "--languages de,xx", "UnknownLanguage: 'xx' is not in this word list"),
    ("lens", ("polyglot",), "--limit 0", "BadArgument: limit=0"),
    ("lens", ("polyglot",), "--shots -1", "BadArgument: shots=-1"),
    ("lens", ("polyglot",), "--words none.tsv", "BadCorpus: "),
    ("lens", ("polyglot",), "--tuned none.tsv", "BadCorpus: there is no corpus"),
    ("lens", ("polyglot",), "--text a --tuned none.tsv", "BadCorpus: there is no corpus"),
    ("lens", ("polyglot",), "--text a --answer=", "BadArgument: answer='' is empty"),
    ("lens", ("polyglot",), "--text a --foil= --out run", "BadArgument: foil='' is empty"),
    ("lens", ("polyglot",), "--text a --tuned none.tsv --out run", "BadCorpus: there is no corpus"),
    *((command, PAIRS, given, says) for command in (
        "patch sweep", "patch path", "patch cross-position", "patch edges",
    ) for given, says in (
        ("--limit 0", "BadArgument: limit=0"),
        ("--limit -1", "BadArgument: limit=-1"),
    )),
    ("patch sweep", ("polyglot", "none.tsv"), "", "BadPairs: "),
    ("patch sweep", ("polyglot", "words:de-xx"), "", "UnknownLanguage: 'xx'"),
    ("patch path", PAIRS, "--receiver z:4.2", "BadArgument: receiver=('z', 4, 2) is not a receiver"),
    ("patch path", PAIRS, "--receiver q:4", "BadArgument: receiver=('q', 4) is not a receiver"),
    ("patch path", PAIRS, "--receiver nowhere", "BadArgument: receiver='nowhere' is not a receiver"),
    ("patch cross-position", PAIRS, "--layer -1", "BadArgument: layer=-1"),
    ("patch edges", PAIRS, "--steps -1", "BadArgument: steps=-1"),
    ("patch concepts", ("polyglot",), "--source de-xx", "UnknownLanguage: 'xx'"),
    ("patch concepts", ("polyglot",), "--mean-over de,xx", "UnknownLanguage: 'xx'"),
    ("patch concepts", ("polyglot",), "--limit 0", "BadArgument: limit=0"),
    ("patch onsets", ("polyglot",), "--languages de", "TooFewLanguages: onsets compare languages"),
    ("patch onsets", ("polyglot",), "--languages de,xx", "UnknownLanguage: 'xx'"),
    ("patch onsets", ("polyglot",), "--limit 0", "BadArgument: limit=0"),
    ("confusion", PARALLEL, "--languages de,xx", "UnknownLanguage: 'xx' is not in "),
    ("confusion", PARALLEL, "--limit 0", "BadArgument: limit=0"),
    ("confusion", PARALLEL, "--identify magic", "BadArgument: identify='magic'"),
    ("confusion", PARALLEL, "--opening 0", "BadArgument: opening=0"),
    ("confusion", PARALLEL, "--temperature warm", "BadArgument: temperature='warm'"),
    ("confusion", PARALLEL, "--beams 0 --temperature 0", "BadArgument: beams=0"),
    ("confusion", PARALLEL, "--beams 4", "BadArgument: beams above 1 need temperature 0"),
    ("confusion", PARALLEL, "--tokens 0", "BadArgument: tokens=0"),
    ("confusion", PARALLEL, "--shots 1", "BadArgument: shots=1"),
    ("confusion", ("polyglot", "none.csv"), "", "BadCorpus: "),
    ("barriers", ("polyglot", "words"), "--languages de,xx", "UnknownLanguage: 'xx' is not in "),
    ("barriers", ("polyglot", "words"), "--variants full,magic", "BadArgument: variants='magic'"),
    ("barriers", ("polyglot", "words"), "--languages de --variants mixup", "BadArgument: mixup puts"),
    ("barriers", ("polyglot", "words"), "--pivot xx", "UnknownLanguage: "),
    ("barriers", ("polyglot", "words"), "--format magic", "BadArgument: format='magic'"),
    ("barriers", ("polyglot", "words"), "--languages de --limit 4 --shots 4", "BadTask: "),
    ("barriers", ("polyglot", "none.jsonl"), "", "BadTask: "),
    ("cypher", ("polyglot",), "--languages de,xx", "UnknownLanguage: 'xx' is not in "),
    ("cypher", ("polyglot",), "--prompt-languages xx", "UnknownLanguage: 'xx' is not in the prompts"),
    ("cypher", ("polyglot",), "--tokens 0", "BadArgument: tokens=0"),
    ("cypher", ("polyglot", "words"), "", "BadTask: words has no Cypher queries"),
    ("tokens", ("polyglot",), "--corpus none.tsv", "BadCorpus: there is no corpus"),
    ("tokens", ("polyglot", "polyglot"), "", "BadArgument: tokenizers="),
    ("tokens", ("polyglot",), "--measure magic", "BadArgument: measure='magic'"),
    ("tokens", ("polyglot",), "--limit 0", "BadArgument: limit=0"),
    ("compare", ("polyglot", "polyglot"), "--languages de,xx", "UnknownLanguage: 'xx' is not in "),
    ("compare", ("polyglot", "polyglot"), "--limit 0", "BadArgument: limit=0"),
    ("compare", ("polyglot", "polyglot"), "--top-rate 2", "BadArgument: top_rate=2"),
    ("compare", ("polyglot", "polyglot"), "--metric magic", "BadArgument: metric='magic'"),
    ("compare", ("polyglot", "polyglot"), "--pairs none.tsv", "BadPairs: "),
    ("compare", ("polyglot", "polyglot", "none.tsv"), "", "BadCorpus: "),
    ("merge compare", ("polyglot", "polyglot-aligned"), "--task none.tsv", "BadTask: "),
    ("merge compare", ("polyglot", "polyglot-aligned"), "--normalize magic", "BadArgument: normalize='magic'"),
    ("merge compare", ("polyglot", "polyglot-aligned"), "--limit 4 --shots 4", "BadTask: "),
    ("merge compare", ("polyglot",), "", "BadArgument: models="),
    ("merge difference", ("polyglot", "polyglot-aligned", "none/model"), "", "UnknownModel: "),
    ("merge difference", ("polyglot", *["polyglot-aligned"] * 2), "--floor none/model", "UnknownModel: "),
    ("merge difference", ("polyglot", *["polyglot-aligned"] * 2), "--top 2", "BadArgument: top=2.0"),
    *(("merge importance", ("polyglot-aligned", "polyglot"), given, says) for given, says in (
        ("--task none.tsv", "BadTask: "),
        ("--task words,words", "BadArgument: tasks="),
        ("--task answers.jsonl", "BadTask: answers.jsonl is of kind 'generate'"),
        ("--normalize magic", "BadArgument: normalize='magic'"),
        ("--limit 4 --shots 4", "BadTask: "),
        ("--groups q", "BadArgument: groups='q'"),
    )),
    ("card", ("polyglot",), "--corpus none", "BadArgument: --corpus none has no folder"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "names", "given", "says"), WRONG, ids=[f"{command} {given}" for command, _, given, _ in WRONG]
)
def test_it_is_refused_before_a_model_is_loaded(refused, tmp_path, monkeypatch, command, names, given, says):
    def load(*_, **__):
        raise AssertionError("a model would be loaded")

    for loader in ("studies.options.load_model", "model.load.load_model", "studies.cards.card.evaluate"):
        monkeypatch.setattr(f"workbench.{loader}", load)
    (tmp_path / "conflicts.jsonl").write_text('{"prompt": "a", "own": "b", "other": "c"}\n', encoding="utf-8")
    (tmp_path / "answers.jsonl").write_text(ANSWER, encoding="utf-8")
    needs_heads = command in ("heads tune-mask", "heads transfer", "heads off-target") and "--heads" not in given
    options = [*given.split(), *(("--heads", "de") if needs_heads else ())]
    assert refused(*command.split(), *options, *names).startswith(says)
