"""The graph that shipped questions are about, as statements that make it and as a line that describes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import shipped

FOLDER = shipped.DATA / "cypher"
Rows = list[list[Any]]


@dataclass(frozen=True)
class Nodes:
    """All nodes of a label.

    Attributes:
        columns: property to its type; the first property identifies a node.
        rows: a value for each property.
    """

    columns: Mapping[str, str]
    rows: Rows

    @property
    def key(self) -> str:
        """The property that identifies a node."""
        return next(iter(self.columns))


@dataclass(frozen=True)
class Relationships:
    """All relationships of a type: the labels at their ends, and the keys of the nodes there."""

    source: str
    target: str
    rows: Rows


@dataclass(frozen=True)
class Graph:
    """Nodes by label, and relationships by type."""

    nodes: Mapping[str, Nodes]
    relationships: Mapping[str, Relationships]

    @property
    def schema(self) -> str:
        """Labels with their properties and relationships, on one line."""
        lines = []
        for label, nodes in self.nodes.items():
            ends = [f"{kind} {own.target}" for kind, own in self.relationships.items() if own.source == label]
            lines.append(f"{label}: {', '.join([*nodes.columns, *ends])}")
        return "; ".join(lines)

    def statements(self) -> list[tuple[str, dict[str, Any]]]:
        """Queries with parameters that make the graph in an empty database: typed tables first."""
        made: list[tuple[str, dict[str, Any]]] = []
        for label, nodes in self.nodes.items():
            columns = ", ".join(f"{name} {kind}" for name, kind in nodes.columns.items())
            made.append((f"CREATE NODE TABLE {label}({columns}, PRIMARY KEY({nodes.key}))", {}))
            values = ", ".join(f"{name}: ${name}" for name in nodes.columns)
            made += [
                (f"CREATE (:{label} {{{values}}})", dict(zip(nodes.columns, row, strict=True))) for row in nodes.rows
            ]
        for kind, own in self.relationships.items():
            made.append((f"CREATE REL TABLE {kind}(FROM {own.source} TO {own.target})", {}))
            first, second = self.nodes[own.source].key, self.nodes[own.target].key
            ends = f"(a:{own.source} {{{first}: $a}}), (b:{own.target} {{{second}: $b}})"
            made += [(f"MATCH {ends} CREATE (a)-[:{kind}]->(b)", {"a": a, "b": b}) for a, b in own.rows]
        return made


def load_graph(path: Path = FOLDER / "graph.json") -> Graph:
    """The shipped graph: 26 people, 8 cities and 26 books, who lives where, knows whom and wrote what."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return Graph(
        {label: Nodes(nodes["columns"], nodes["rows"]) for label, nodes in content["nodes"].items()},
        {kind: Relationships(own["from"], own["to"], own["rows"]) for kind, own in content["relationships"].items()},
    )
