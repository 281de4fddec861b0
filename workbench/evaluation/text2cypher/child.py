"""The process in which generated queries run; a script by itself, which imports nothing of the workbench.

It reads JSON lines and answers each by one. First `{"statements": [[query, parameters], ...], "timeout": seconds}`:
the graph, answered by `{"limits": whether this system has them}`. Then queries: `{"query": text}`, answered by
`{"rows", "columns"}` or `{"error"}`. When its input ends, it ends.
"""

import contextlib
import datetime  # noqa: F401  (the engine imports it for dates, and after the limits are set no file opens)
import decimal
import json
import os
import sys
import uuid  # noqa: F401  (as datetime)
from pathlib import Path
from typing import Any

import ladybug  # pyright: ignore[reportMissingImports]

try:
    import resource
except ImportError:  # Windows
    resource = None

BUFFER = 64 << 20  # bytes
DATABASE = 1 << 30  # bytes
MEMORY = 512 << 20  # bytes beyond what the process has mapped when the first query arrives
SECONDS = 2  # of processor time, for one query
ROWS = 10_000
CHARACTERS = 4_000_000  # of an answer


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the engine prints is no answer
    first = json.loads(sys.stdin.readline())
    try:
        connection = graph(first["statements"])
    except RuntimeError as error:
        print(json.dumps({"error": str(error).splitlines()[0][:200]}), file=answers, flush=True)
        return
    connection.set_query_timeout(int(1000 * first["timeout"]))
    rows_of(connection, "RETURN date('2000-01-01'), 1.5")  # whatever the engine loads late, it loads now
    limit()
    print(json.dumps({"limits": resource is not None}), file=answers, flush=True)
    for line in sys.stdin:
        limit_time()
        print(answer(connection, json.loads(line)["query"]), file=answers, flush=True)
    with contextlib.suppress(OSError):  # the parent may have gone without removing it
        Path.cwd().rmdir()


def graph(statements: list) -> "ladybug.Connection":
    """Make the graph in a file of this folder, and open it again so that it can only be read."""
    path = Path("graph.lbug")
    path.unlink(missing_ok=True)  # of a process that was killed, where it could not be removed
    options: dict[str, Any] = {"buffer_pool_size": BUFFER, "max_num_threads": 1, "max_db_size": DATABASE}
    with ladybug.Database(path, **options) as database, ladybug.Connection(database, num_threads=1) as connection:
        for query, parameters in statements:
            connection.execute(query, parameters)
    connection = ladybug.Connection(ladybug.Database(path, read_only=True, **options), num_threads=1)
    with contextlib.suppress(OSError):  # Windows removes no open file; elsewhere it lives until the process ends
        path.unlink()
    return connection


def limit() -> None:
    """No byte to any file, no file or socket opened from here on, and a bound on memory."""
    if resource is None:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    mapped = Path("/proc/self/statm")
    if mapped.exists():
        pages = int(mapped.read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # files that are open stay open


def limit_time() -> None:
    """End the process when a query takes more than its processor time, should the parent be gone."""
    if resource is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + 1 + SECONDS, hard))


def answer(connection: "ladybug.Connection", query: str) -> str:
    """A query's answer as a line of JSON."""
    try:
        columns, rows = rows_of(connection, query)
        text = json.dumps({"columns": columns, "rows": rows})
    except Exception as error:
        return json.dumps({"error": str(error).strip().splitlines()[0][:200] if str(error) else type(error).__name__})
    if len(text) > CHARACTERS:
        return json.dumps({"error": f"an answer of more than {CHARACTERS:,} characters"})
    return text


def rows_of(connection: "ladybug.Connection", query: str) -> tuple[list[str], list[list]]:
    """Names of the columns, and rows of plain values."""
    result = connection.execute(query)
    if isinstance(result, list):
        raise ValueError("several statements")
    rows = []
    while result.has_next():
        if len(rows) == ROWS:
            raise ValueError(f"more than {ROWS:,} rows")
        rows.append([plain(value) for value in result.get_next()])
    return result.get_column_names(), rows


def plain(value: object) -> object:
    """A value of JSON; a dict has one key that begins with $ and says what it is."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return {f"${type(value).__name__}": str(value)}
    inside = {str(key): plain(item) for key, item in value.items()}
    if "_LABEL" not in value:
        return {"$map": inside}
    # A node of several labels comes with the properties of all of them, null where it has none.
    properties = {key: item for key, item in inside.items() if not key.startswith("_") and item is not None}
    if "_SRC" in value:
        return {"$relationship": [value["_LABEL"], str(value["_SRC"]), str(value["_DST"]), properties]}
    return {"$node": [value["_LABEL"], properties]}


if __name__ == "__main__":
    main()
