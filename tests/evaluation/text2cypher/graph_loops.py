"""The right answer to each kind of question, by plain loops over the graph's tables."""

import json

from workbench.text.tasks.cypher.graph import FOLDER

TABLES = json.loads((FOLDER / "graph.json").read_text(encoding="utf-8"))
BORN = dict(TABLES["nodes"]["Person"]["rows"])
BOOKS = {title: (pages, year) for title, pages, year in TABLES["nodes"]["Book"]["rows"]}
HOME = dict(TABLES["relationships"]["LIVES_IN"]["rows"])
KNOWS = [tuple(row) for row in TABLES["relationships"]["KNOWS"]["rows"]]
WROTE = [tuple(row) for row in TABLES["relationships"]["WROTE"]["rows"]]


def living(city):
    return [person for person, home in HOME.items() if home == city]


def books(person):
    return [title for author, title in WROTE if author == person]


def friends(person):
    return [other for first, other in KNOWS if first == person]


def knowing(person):
    return [first for first, other in KNOWS if other == person]


def average(numbers):
    return sum(numbers) / len(numbers)


ANSWERS = {
    "lookup": lambda f: [[HOME[f["person"]]]],
    "reverse": lambda f: [[person] for person in knowing(f["person"])],
    "count": lambda f: [[len(living(f["city"]))]],
    "filter": lambda f: [[book] for book in books(f["person"]) if BOOKS[book][0] > int(f["pages"])],
    "two hops": lambda f: [[book] for friend in friends(f["person"]) for book in books(friend)],
    "negation": lambda f: [[person] for person in living(f["city"]) if not books(person)],
    "maximum": lambda f: [[max(BOOKS[book][0] for book in books(f["person"]))]],
    "order": lambda f: [[person] for person in sorted(living(f["city"]), key=BORN.get)[:2]],
    "distinct": lambda f: [[city] for city in {HOME[friend] for friend in friends(f["person"])}],
    "average": lambda f: [[average([BOOKS[book][0] for book in books(f["person"])])]],
    "optional": lambda f: [[person, book] for person in living(f["city"]) for book in books(person) or [None]],
    "union": lambda f: [[person] for person in {*living(f["city"]), *knowing(f["person"])}],
}
