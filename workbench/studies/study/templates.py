"""Study files to begin with: for each question a commented one that runs on the shipped model."""

from pathlib import Path

from workbench.errors import BadArgument, CannotWrite
from workbench.results.files import write_whole

_HEAD = """\
# {title}
# `workbench study check FILE` says what it costs, `workbench study run FILE` runs it, and runs it on after a stop.
question = "{question}"
models = [{models}]            # shipped, packaged (gemma-3-270m), folders, GGUF files or hub names
corpora = ["parallel"]         # shipped, folders of <language>.txt, TSV, CSV, JSONL files, or hf:owner/name
{texts}seeds = [0]                    # every analysis runs once with each

[options]                      # of every analysis; see `workbench heads find --help`
memory = "1GB"                 # for activations: a fixed amount makes batches, and so all digits, alike everywhere
# dtype = "bfloat16"
# device = "cuda"
"""
_SOME = """\
languages = ["ar", "de", "en", "fr", "hi", "ja"]   # leave out for all
limit = 20                     # first texts of each language, or first pairs; leave out for all
"""
_ROUTES = (("de-it", "fr-zh"), ("en-es", "ru-ja"), ("ar-tr", "hi-fi"))
_ATLAS = (
    """
# An entry of the atlas is of all languages: claims are compared over them. When the study was run:
# workbench atlas add runs/atlas atlas.toml --licence "..."

[[analyses]]
run = "heads"
ablation_texts = 20            # sentences of each language: a pass for every head; leave out for all

[[analyses]]
run = "neurons"

[[analyses]]
run = "neuron_knockout"
limit = 40
controls = 20
"""
    + "".join(
        f"""
[[analyses]]
run = "lens"
name = "lens-{source}-{target}"
source = "{source}"
target = "{target}"
limit = 96
"""
        for source, target in (("de", "fr"), ("en", "zh"), ("ar", "ru"))
    )
    + "".join(
        f"""
[[analyses]]
run = "concepts"
name = "concepts-{source}-{target}"
source = "{source}"
target = "{target}"
limit = 96
"""
        for source, target in _ROUTES
    )
    + """
[[analyses]]
run = "steer"
identify = "trigram"

[[analyses]]
run = "tokens"
tokenizers = "polyglot"        # the model's own

[[analyses]]
run = "evaluate"
tasks = "words"
"""
)
_ANALYSES: dict[str, tuple[str, list[str], str]] = {
    "heads": (
        "Which attention heads serve which language?",
        ["polyglot"],
        """
[[analyses]]
run = "heads"                  # any function of wb.studies without its run_: importance, ablation, roles

[[analyses]]
run = "kinds"                  # what each head attends to

[[analyses]]
run = "agreement"              # do the methods agree on the heads?
methods = "zero,lahis,michel"
""",
    ),
    "neurons": (
        "Which neurons serve which language?",
        ["polyglot"],
        """
[[analyses]]
run = "neurons"                # counts, ternary classes and LAPE

[[analyses]]
run = "stages"                 # where the model's stages begin and end
""",
    ),
    "patching": (
        "Where does a concept become a word of a language?",
        ["polyglot"],
        """
[[analyses]]
run = "patch"
pairs = "words:de-fr"          # a TSV or JSONL of pairs, or translation pairs of the shipped words

[[analyses]]
run = "lens"
source = "de"
target = "fr"
""",
    ),
    "removal": (
        "What breaks without the heads and neurons of a language, and for whom?",
        ["polyglot"],
        """
[[analyses]]
run = "head_knockout"
controls = 20                  # random groups of as many heads in the same layers

[[analyses]]
run = "neuron_knockout"
controls = 20
""",
    ),
    "before-and-after": (
        "What did alignment change, by language?",
        ["polyglot", "polyglot-aligned"],
        """
[[analyses]]
run = "neurons"

[[analyses]]
run = "compare"                # names its models itself, so it runs once
before = "polyglot"
after = "polyglot-aligned"

[[analyses]]
run = "head_knockout"
controls = 10
""",
    ),
    "atlas": (
        "How does the model handle twelve languages?",
        ["polyglot"],
        _ATLAS,
    ),
    "evaluation": (
        "What can the model do in each language, and what does it lose without a language's heads?",
        ["polyglot"],
        """
[[analyses]]
run = "heads"

[[analyses]]
run = "evaluate"
tasks = "words"                # or a JSONL file, a folder of them, lm_eval:NAME
groups = "@heads/roles"        # the result `roles` of the analysis `heads` above, of the same model
controls = 10
""",
    ),
}
QUESTIONS = tuple(_ANALYSES)


def write_template(question: str, path: str | Path) -> Path:
    """Write a commented study file.

    Args:
        question: one of `QUESTIONS`.
        path: the file; one that is there is not replaced.

    Raises:
        BadArgument: no such question.
        CannotWrite: there is such a file.
    """
    if question not in _ANALYSES:
        raise BadArgument(f"there is no study of {question!r} (has: {', '.join(QUESTIONS)})")
    path = Path(path).expanduser()
    if path.exists():
        raise CannotWrite(f"{path} is there already; choose another name")
    sentence, models, analyses = _ANALYSES[question]
    names = ", ".join(f'"{model}"' for model in models)
    texts = "" if question == "atlas" else _SOME
    head = _HEAD.format(title=f"A study of {question}.", question=sentence, models=names, texts=texts)
    return write_whole(path, head + analyses)
