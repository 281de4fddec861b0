"""Hostile queries are refused by their text, and what only looks hostile is not."""

import pytest

from workbench.evaluation.text2cypher.refusal import FORBIDDEN, refusal

HOSTILE = {
    "chain": "RETURN 1; COPY (MATCH (p:Person) RETURN p.name) TO 'x.csv'",
    "final semicolon": "RETURN 1;",
    "chain of two reads": "RETURN 1; RETURN 2",
    "chain without a space": "RETURN 1;DROP TABLE Person",
    "semicolon after a string": "RETURN 'a';DROP TABLE Person",
    "semicolon between strings": "RETURN 'a' ; RETURN 'b'",
    "escaped backslash ends the string": r"RETURN 'a\\'; DROP TABLE Person //'",
    "double quote within single": "RETURN '\"'; DROP TABLE Person",
    "backtick within a string": "RETURN '`'; DROP TABLE Person; RETURN '`'",
    "string within backticks": "MATCH (p:`'`) RETURN 1; DROP TABLE Person; RETURN '`'",
    "full-width semicolon": "RETURN 1\uff1b DROP TABLE Person",
    "Greek question mark": "RETURN 1\u037e DROP TABLE Person",
    "copy first": "COPY (MATCH (p:Person) RETURN p) TO '/tmp/x.csv'",
    "lower case": "match (p:Person) set p.name = 'x'",
    "mixed case": "MATCH (p:Person) dElEtE p",
    "detach delete": "MATCH (p:Person) DETACH DELETE p",
    "create after match": "MATCH (p:Person) CREATE (:Person {name: 'x'})",
    "merge": "MATCH (p:Person) MERGE (q:Person {name: p.name})",
    "remove": "MATCH (p:Person) REMOVE p.name",
    "export": "EXPORT DATABASE '/tmp/x'",
    "import": "IMPORT DATABASE '/tmp/x'",
    "install": "INSTALL httpfs",
    "load an extension": "LOAD EXTENSION httpfs",
    "load from a file": "LOAD FROM '/etc/passwd' (header=false) RETURN *",
    "load after with": "WITH 1 AS x LOAD FROM '/etc/passwd' RETURN *",
    "attach": "ATTACH '/tmp/x' AS other (dbtype sqlite)",
    "use": "USE other MATCH (n) RETURN n",
    "call": "CALL show_tables() RETURN *",
    "call in the middle": "MATCH (p:Person) CALL { MATCH (q) RETURN q } RETURN p",
    "drop": "DROP TABLE Person",
    "alter": "ALTER TABLE Person ADD age INT64",
    "line comment": "RETURN 1 // DROP TABLE Person",
    "block comment": "MATCH (p:Person) RETURN /* p */ 1",
    "comment hides a keyword": "MATCH (p:Person) S/**/ET p.name = 'x'",
    "comment before the first word": "/* MATCH */ DROP TABLE Person",
    "unicode escape of a keyword": r"\u0043OPY (RETURN 1) TO 'x'",
    "unicode escape of a semicolon": r"RETURN 1 \u003b DROP TABLE Person",
    "unicode escape of a quote": r"RETURN '\u0027; DROP TABLE Person; RETURN \u0027'",
    "long unicode escape of a quote": r"RETURN '\U00000027; DROP TABLE Person'",
    "escape of a backtick": r"RETURN '\u0060; DROP TABLE Person'",
    "full-width keyword": "MATCH (p:Person) \uff33\uff25\uff34 p.name = 'x'",
    "dotless i": "MATCH (p:Person) \u0131nstall httpfs",
    "long s": "MATCH (p:Person) \u017fet p.name = 'x'",
    "zero-width space in a keyword": "MATCH (p:Person) SE\u200bT p.name = 'x'",
    "null byte": "RETURN 1\x00; DROP TABLE Person",
    "vertical tab": "RETURN 1\x0bSET",
    "open string": "RETURN 'a",
    "open string hides the rest": "RETURN 1 AS `a RETURN 'x'",
    "open double quote": 'RETURN "a',
    "a number's point before a keyword": "MATCH (p:Person) WHERE p.born > 1. SET p.name = 'x'",
    "a number's point without a space": "MATCH (p:Person) WHERE p.born > 1.SET p.name = 'x'",
    "a range before a keyword": "MATCH (p)-[*1..SET]->(q) RETURN p",
    "set glued to a limit": "MATCH (p:Person) RETURN p LIMIT 1SET p.born = 100",
    "set glued to a limit after with": "MATCH (p:Person) WITH p LIMIT 1SET p.born = 100",
    "set glued to a condition": "MATCH (p:Person) WHERE p.born=1980SET p.born = 100",
    "set glued to a fraction": "MATCH (p:Person) WHERE p.born>1.5SET p.born = 100",
    "set glued to an exponent": "MATCH (p:Person) WHERE p.born>1e3SET p.born = 100",
    "set glued to a point and a fraction": "MATCH (p:Person) WHERE p.born>.5SET p.born = 100",
    "create glued": "MATCH (p:Person) WITH p LIMIT 1CREATE (:Person {name: 'x'})",
    "merge glued": "MATCH (p:Person) WITH p LIMIT 1MERGE (:Person {name: 'x'})",
    "delete glued": "MATCH (p:Person) WITH p LIMIT 1DETACH DELETE p",
    "call glued": "MATCH (p:Person) WITH p LIMIT 1CALL show_tables() RETURN *",
    "load glued": "MATCH (p:Person) WITH p SKIP 0LOAD FROM '/etc/passwd' RETURN *",
    "lower case glued": "MATCH (p:Person) WITH p LIMIT 1set p.born = 100",
    "full-width glued": "MATCH (p:Person) WITH p LIMIT 1\uff33\uff25\uff34 p.born = 100",
    "explain": "EXPLAIN MATCH (p:Person) RETURN p",
    "profile": "PROFILE MATCH (p:Person) RETURN p",
    "transaction": "BEGIN TRANSACTION",
    "checkpoint": "CHECKPOINT",
    "keyword after a new line": "MATCH (p:Person)\nSET\np.name = 'x'",
    "no-break space": "MATCH (p:Person)\u00a0SET\u00a0p.name = 'x'",
    "foreach": "MATCH (p:Person) FOREACH (x IN [1] | SET p.born = x)",
    "too long": "RETURN " + "1 + " * 3000 + "1",
    "empty": " \n",
    "prose": "Here is the query: MATCH (p) RETURN p",
    "bracket first": "(MATCH (p) RETURN p)",
}
HARMLESS = {
    "semicolon in a string": "RETURN 'a;b'",
    "keyword in a string": "MATCH (p:Person {name: 'Copy; DROP TABLE'}) RETURN p.name",
    "comment in a string": 'MATCH (p:Page {url: "http://a.b/*"}) RETURN p',
    "escaped quote in a string": r"RETURN 'it\'s; fine'",
    "escaped double quote": r'RETURN "a \" ; DROP"',
    "keyword as property": "MATCH (p:Person) RETURN p.set, p.load",
    "keyword as label": "MATCH (p:Set)-[:USE]->(q: Call) RETURN p",
    "keyword in backticks": "MATCH (p:`DROP; x`) RETURN p.`delete`",
    "keyword within a word": "MATCH (settings:Person) RETURN settings.created, reset",
    "two dots": "MATCH (p)-[:KNOWS*1..3]->(q) RETURN q",
    "division": "RETURN 4 / 2",
    "exponents": "RETURN 1e5, 1E5, 1.5e-3, .5e3, 12.25",
    "digits in a name": "MATCH (p1:Person2) RETURN p1.line2 AS x3 LIMIT 10",
    "dashes": "MATCH (p)--(q) RETURN p",
    "lower case": "match (p:Person) return p.name order by p.name",
    "optional": "OPTIONAL MATCH (p:Person) RETURN p",
    "with": "WITH 1 AS x RETURN x",
    "unwind": "UNWIND [1, 2] AS x RETURN x",
    "other scripts": 'MATCH (p:Person {name: "\u0939\u093f\u0928\u094d\u200d\u0926\u0940"}) RETURN p.name',
    "unicode escape of a letter": r"RETURN '\u0041'",
}


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_query_is_refused(query):
    assert refusal(query)


def test_there_are_more_than_thirty_hostile_queries():
    assert len(set(HOSTILE.values())) >= 30


@pytest.mark.parametrize("query", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_query_is_not_refused(query):
    assert refusal(query) == ""


@pytest.mark.parametrize("keyword", sorted(FORBIDDEN))
@pytest.mark.parametrize("form", ["MATCH (p) {} x", "RETURN 1\n{}", "WITH 1 AS x {}(y)"])
def test_every_forbidden_keyword_is_refused_in_any_case(keyword, form):
    for spelled in (keyword, keyword.lower(), keyword.title()):
        assert keyword in refusal(form.format(spelled))
        assert not refusal(f"MATCH (p:{spelled}) RETURN p.{spelled}, '{spelled}', `{spelled}`")


def test_a_refusal_names_its_reason():
    assert refusal("RETURN 1; RETURN 2") == "';' outside a string"
    assert refusal("MATCH (p) SET p.x = 1") == "the keyword SET"
    assert refusal("DROP TABLE x").startswith("it begins with 'DROP'")
