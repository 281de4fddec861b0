"""The child process: what it answers, what it cannot do, and that it leaves nothing behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.evaluation.text2cypher.test_refusal import HOSTILE
from workbench.errors import BadArgument, MissingExtra, WorkbenchWarning
from workbench.evaluation.text2cypher import engine as module
from workbench.evaluation.text2cypher.engine import Engine

GRAPH = [
    ("CREATE NODE TABLE Person(name STRING, born INT64, PRIMARY KEY(name))", {}),
    ("CREATE NODE TABLE City(name STRING, PRIMARY KEY(name))", {}),
    ("CREATE REL TABLE LIVES_IN(FROM Person TO City)", {}),
    ("CREATE (:Person {name: $n, born: 1980})", {"n": 'Ada "x" \';'}),
    ("CREATE (:Person {name: 'Bo'})", {}),
    ("CREATE (:City {name: 'Oslo'})", {}),
    ("MATCH (p:Person {name: 'Bo'}), (c:City) CREATE (p)-[:LIVES_IN]->(c)", {}),
]
ENDLESS = (
    "UNWIND range(1, 4000000) AS x UNWIND range(1, 1000) AS y WITH x + y AS z WHERE z % 7 = 3 RETURN sum(z * z % 11)"
)


@pytest.fixture(scope="module")
def engine():
    with Engine(GRAPH, timeout=5) as running:  # other tests may run on this machine
        yield running


pytestmark = pytest.mark.cypher


def test_rows_are_plain_values(engine):
    answer = engine.run("MATCH (p:Person) RETURN p.name AS name, p.born ORDER BY p.born")
    assert answer.columns == ["name", "p.born"]
    assert answer.rows == [['Ada "x" \';', 1980], ["Bo", None]]
    assert engine.run("RETURN 1.5, [1, 2], {a: 1}, date('2000-01-02'), true").rows == [
        [1.5, [1, 2], {"$map": {"a": 1}}, {"$date": "2000-01-02"}, True]
    ]


def test_nodes_come_as_label_and_properties(engine):
    rows = engine.run("MATCH (p:Person)-[r]->(c) RETURN p, c, r").rows
    assert rows[0][:2] == [{"$node": ["Person", {"name": "Bo"}]}, {"$node": ["City", {"name": "Oslo"}]}]
    assert rows[0][2]["$relationship"][0] == "LIVES_IN"
    assert engine.run("MATCH (n) RETURN n ORDER BY n.name").rows[1] == [{"$node": ["Person", {"name": "Bo"}]}]


@pytest.mark.parametrize("query", ["MATCH (p:Persn) RETURN p", "MATCH (p:Person) RETURN p.nme", "RETURN", "RETURN 1 +"])
def test_an_unknown_name_and_bad_syntax_are_errors(engine, query):
    answer = engine.run(query)
    assert answer.reason.startswith("error: ") and not answer.rows


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_query_never_reaches_the_process(engine, query):
    assert engine.run(query).reason.startswith("refused: ")


def test_the_graph_is_as_it_was(engine):
    assert engine.run("MATCH (n) RETURN count(n)").rows == [[3]]


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (p:Person) SET p.born = 100",
        "MATCH (p:Person) WITH p LIMIT 1SET p.born = 100",
        "MATCH (p:Person) WHERE p.born=1980SET p.born = 100",
        "MATCH (p:Person) WITH p LIMIT 1CREATE (:Person {name: 'x'})",
        "MERGE (:Person {name: 'x'})",
        "MATCH (p:Person) DETACH DELETE p",
        "DROP TABLE LIVES_IN",
        "ALTER TABLE Person ADD age INT64",
        "CREATE NODE TABLE Other(a INT64, PRIMARY KEY(a))",
        "CREATE MACRO plus(x) AS x + 1",
        "BEGIN TRANSACTION; MATCH (p:Person) SET p.born = 100; COMMIT",
    ],
)
def test_a_write_that_passes_the_refusal_changes_nothing(engine, query):
    asked = "MATCH (n) OPTIONAL MATCH (n)-[r]->(m) RETURN n, m ORDER BY n.name", "CALL show_tables() RETURN name"
    before = [engine.run_unchecked(each).rows for each in asked]
    assert engine.run_unchecked(query).reason.startswith("error: ")
    assert [engine.run_unchecked(each).rows for each in asked] == before
    assert len(before[0]) == len(before[1]) == 3


@pytest.fixture
def files(tmp_path):
    (tmp_path / "precious.csv").write_text("a\n1\n")
    return tmp_path


@pytest.mark.parametrize(
    "query",
    [
        "COPY (MATCH (p:Person) RETURN p.name) TO '{}/precious.csv'",
        "COPY (MATCH (p:Person) RETURN p.name) TO '{}/new.csv'",
        "RETURN 1; COPY (MATCH (p:Person) RETURN p.name) TO '{}/new.csv'",
        "LOAD FROM '{}/precious.csv' RETURN *",
        "COPY Person FROM '{}/precious.csv'",
        "ATTACH '{}/precious.csv' AS other (dbtype lbug)",
        "IMPORT DATABASE '{}'",
        "INSTALL httpfs",
        "LOAD EXTENSION '{}/precious.csv'",
    ],
)
def test_what_passes_the_refusal_still_cannot_touch_files_or_the_network(engine, files, query):
    assert engine.run_unchecked(query.format(files)).reason.startswith("error: ")
    assert {path.name: path.read_text() for path in files.iterdir()} == {"precious.csv": "a\n1\n"}


def test_a_query_without_end_is_stopped_and_the_next_one_runs():
    with Engine(GRAPH) as running:
        running.run("RETURN 1")
        start = time.monotonic()
        assert running.run(ENDLESS).reason == "timeout: more than 0.5 s"
        assert time.monotonic() - start < 5
        running.timeout = 30
        assert running.run("RETURN 1").rows == [[1]]


@pytest.mark.parametrize(
    "query", ["UNWIND range(1, 1000000000) AS x RETURN sum(x)", "UNWIND range(1, 2000000) AS x RETURN x"]
)
def test_memory_and_rows_have_an_end(engine, query):
    assert engine.run(query).reason
    assert engine.run("RETURN 1").rows == [[1]]


def test_a_deeply_nested_query_stops_at_most_its_process(engine):
    assert engine.run_unchecked("RETURN " + "(" * 50_000).reason
    assert engine.run("RETURN 1").rows == [[1]]


def test_a_process_that_is_killed_is_replaced(engine):
    engine.run("RETURN 1")
    engine._process.kill()
    engine._process.wait()
    assert engine.run("RETURN 1").reason == "error: the engine stopped"
    assert engine.run("RETURN 1").rows == [[1]]


def test_one_process_serves_many_queries_and_none_is_left():
    with Engine(GRAPH) as running:
        running.run("RETURN 1")
        process, folder = running._process, Path(running._folder.name)
        for number in range(50):
            assert running.run(f"RETURN {number}").rows == [[number]]
        assert running._process is process
        assert folder.is_dir() and not list(folder.iterdir())
    assert process.poll() is not None
    assert not folder.exists()


def test_the_process_ends_with_its_parent(tmp_path):
    code = (
        "import os, sys\nfrom workbench.evaluation.text2cypher.engine import Engine\n"
        f"engine = Engine({GRAPH!r})\nengine.run('RETURN 1')\n"
        "print(engine._process.pid, engine._folder.name, flush=True)\nos._exit(1)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path)
    number, folder = done.stdout.split()
    child = Path("/proc", number)
    deadline = time.monotonic() + 10
    while child.exists() and "Z" not in (child / "stat").read_text().split()[2] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists() or "Z" in (child / "stat").read_text().split()[2]
    assert not Path(folder).exists()


def test_the_child_sees_no_secrets(engine, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with Engine(GRAPH) as running:
        running.run("RETURN 1")
        environment = Path(f"/proc/{running._process.pid}/environ").read_text()
    assert "SECRET" not in environment


def test_a_graph_that_cannot_be_made_says_so():
    with Engine([("CREATE NODE TABLE", {})]) as running, pytest.raises(BadArgument, match="graph cannot be made"):
        running.run("RETURN 1")


def test_a_system_without_limits_says_so(monkeypatch, tmp_path):
    unlimited = tmp_path / "child.py"
    source = module._CHILD.read_text().replace("    import resource\n", "    raise ImportError\n")
    unlimited.write_text(source)
    monkeypatch.setattr(module, "_CHILD", unlimited)
    with Engine(GRAPH) as running, pytest.warns(WorkbenchWarning, match="no limits for a process"):
        assert running.run("RETURN 1").rows == [[1]]


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "1"])
def test_a_timeout_is_a_positive_number(timeout):
    with pytest.raises(BadArgument, match="timeout"):
        Engine(GRAPH, timeout=timeout)


def test_without_ladybug_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"babel-workbench\[cypher\]"):
        Engine(GRAPH)
