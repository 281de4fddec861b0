"""Corpora that hang a reader, fill its memory, or hold in a cell what is no text."""

import gzip
import json
import os


def _file(name, content):
    def build(folder):
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    build.__name__ = name.replace(".", "_").replace("-", "_")
    build.__doc__ = f"A file {name} that cannot be."
    return build


def _rows(name, *items):
    return _file(name, "\n".join(map(json.dumps, items)) + "\n")


def pipe(folder):
    """A pipe: whoever opens it waits."""
    os.mkfifo(folder / "pipe.tsv")
    return folder / "pipe.tsv"


def device(folder):
    """A link to a device that never ends."""
    (folder / "device.tsv").symlink_to("/dev/zero")
    return folder / "device.tsv"


def dangling(folder):
    """A link to nothing."""
    (folder / "dangling.tsv").symlink_to(folder / "nowhere.tsv")
    return folder / "dangling.tsv"


def link_to_itself(folder):
    """A link that leads to itself."""
    (folder / "loop.tsv").symlink_to(folder / "loop.tsv")
    return folder / "loop.tsv"


def a_folder(folder):
    """A folder with the name of a table."""
    (folder / "folder.tsv").mkdir()
    return folder / "folder.tsv"


def long_path(folder):
    """A path that is longer than a file system takes."""
    return folder / ("x" * 5000 + ".tsv")


def damaged_gzip(folder):
    """The beginning of a packed file."""
    (folder / "damaged.tsv.gz").write_bytes(gzip.compress(b"de\tfr\na\tb\n")[:-5])
    return folder / "damaged.tsv.gz"


_DEEP = json.loads("[" * 900 + "]" * 900)
TEXTS = [
    pipe,
    device,
    dangling,
    link_to_itself,
    a_folder,
    long_path,
    damaged_gzip,
    _file("deep.jsonl", "[" * 100_000),
    _file("deep-objects.jsonl", '{"a":' * 100_000),
    _file("deep-text.jsonl", '{"language": "de", "text": ' + json.dumps(_DEEP) + "}"),
    _file("deep-language.jsonl", '{"text": "a", "language": ' + json.dumps(_DEEP) + "}"),
    _file("long-number.jsonl", '{"language": "de", "text": ' + "9" * 5000 + "}"),
    _rows("list-language.jsonl", {"language": ["de"], "text": "a"}),
    _rows("dict-text.jsonl", {"language": "de", "text": {"a": 1}}),
    _rows("long-list.jsonl", {"language": "de", "text": [1] * 100_000}),
    _rows("long-code.jsonl", {"language": "x" * 10**6, "text": "a"}),
    _rows("lists-by-language.jsonl", {"de": ["a"], "fr": {"x": 1}}),
    _rows("sparse.jsonl", *({f"name{number}": "a"} for number in range(20_000))),
    _rows("many-names.jsonl", {f"name{number}": "a" for number in range(20_000)}),
    _file("question-ids.de.json", '{"data": [{"paragraphs": [{"context": "a", "qas": [{"id": [1]}]}]}]}'),
    _file("context-dict.de.json", '{"data": [{"paragraphs": [{"context": {"a": 1}, "qas": []}]}]}'),
    _file("deep.de.json", '{"data": ' + "[" * 100_000),
    _file("wide.tsv", "\t".join(f"c{number}" for number in range(100_000)) + "\n" + "\t".join("x" * 100_000) + "\n"),
    _file("long-header.tsv", "x" * 10**6 + "\tb\na\tb\n"),
    _file("twice.tsv", "\t".join(["de"] * 50_000) + "\na\n"),
    _file("zeros.tsv", bytes(1000)),
    _file("latin.tsv", "de\tfr\nä\tb\n".encode("latin-1")),
]
