"""Run queries in a child process that has limits, as generated text must be taken for hostile."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from workbench.arguments import finite
from workbench.errors import BadArgument, MissingExtra, UnsupportedSite, warn
from workbench.evaluation.text2cypher.refusal import refusal

TIMEOUT = 0.5  # seconds
_START = 60.0  # seconds that the process may take to begin
_CHILD = Path(__file__).with_name("child.py")

Statement = tuple[str, dict[str, Any]]
"""A query that is trusted, and its parameters."""


@dataclass(frozen=True)
class Answer:
    """What a query returned.

    Attributes:
        columns: names of the columns.
        rows: values by row; nodes are `{"$node": [label, properties]}`.
        reason: why there are none: `refused: ...`, `error: ...` or `timeout: ...`; "" where the query ran.
    """

    columns: list[str]
    rows: list[list[Any]]
    reason: str = ""


def require_ladybug() -> None:
    """Refuse to go on without the engine.

    Raises:
        MissingExtra: it is not installed; names the extra.
    """
    if find_spec("ladybug") is None:
        raise MissingExtra(
            "queries are run by ladybug, which is not installed: pip install 'babel-workbench[cypher]'; "
            "execute=False scores texts alone"
        )


class Engine:
    """A graph that can only be read, in a child process; use it as a context manager.

    A query is refused (`refusal`), or runs in one thread of a process in a folder of its own. The graph is open for
    reading alone, so that a write changes nothing; the process can write no byte, open no file and no socket, and
    has 64 MB of buffer, 512 MB of memory, and `timeout` seconds. After a timeout or a crash
    the process is killed, and the next query gets a new one. It ends when its parent does.

    Windows has no such limits, macOS none of memory: there the refusal, the read-only graph and the timeout
    remain, with a warning.

    Args:
        statements: make the graph; these are trusted.
        timeout: seconds that a query may take.

    Raises:
        MissingExtra: ladybug is not installed.
        UnsupportedSite: it does not start.
        BadArgument: a statement fails.

    Example:
        >>> with Engine([("CREATE NODE TABLE Person(name STRING, PRIMARY KEY(name))", {})]) as engine:  # doctest: +SKIP
        ...     engine.run("MATCH (p:Person) RETURN count(p)").rows
        [[0]]
    """

    def __init__(self, statements: Sequence[Statement], *, timeout: float = TIMEOUT):
        require_ladybug()
        self.timeout = finite("timeout", timeout, above=0, at_most=600)
        self._statements = list(statements)
        self._folder = tempfile.TemporaryDirectory(prefix="workbench-cypher-")
        self._process: subprocess.Popen[str] | None = None
        self._lines: Queue[str] = Queue()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and remove its folder."""
        self._stop()
        self._folder.cleanup()

    def run(self, query: str) -> Answer:
        """Run a query, unless it is refused."""
        if reason := refusal(query):
            return Answer([], [], f"refused: {reason}")
        return self.run_unchecked(query)

    def run_unchecked(self, query: str) -> Answer:
        """Run a query within the process's limits, without the refusal; for queries that are trusted."""
        if self._process is None:
            self._start()
        line = self._exchange({"query": query}, self.timeout)
        if line is None:
            self._stop()
            return Answer([], [], f"timeout: more than {self.timeout:g} s")
        if not line:
            self._stop()
            return Answer([], [], "error: the engine stopped")
        content = json.loads(line)
        if "error" in content:
            late = content["error"].startswith("Interrupted")
            return Answer([], [], f"timeout: more than {self.timeout:g} s" if late else f"error: {content['error']}")
        return Answer(content["columns"], content["rows"])

    def _start(self) -> None:
        """Start a process and fill its graph."""
        environment = {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "HOME": self._folder.name,
            **{name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ},
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-X", "utf8", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,
            env=environment,
            start_new_session=True,
            encoding="utf-8",
        )
        self._lines = Queue()
        threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True).start()
        line = self._exchange({"statements": self._statements, "timeout": self.timeout}, _START)
        if not line:
            code = self._process.poll()
            self._stop()
            raise UnsupportedSite(f"ladybug did not start with this graph (exit status {code}); run `import ladybug`")
        content = json.loads(line)
        if "error" in content:
            self._stop()
            raise BadArgument(f"the graph cannot be made: {content['error']}")
        if not content["limits"]:
            warn(
                "this system has no limits for a process: generated queries are refused by their text, cannot "
                f"change the graph and end after {self.timeout:g} s, but nothing else binds them; "
                "run what you do not trust on Linux"
            )

    def _exchange(self, content: dict[str, Any], seconds: float) -> str | None:
        """The process's answer: "" where it stopped, None where it took too long."""
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(content) + "\n")
            self._process.stdin.flush()
            return self._lines.get(timeout=seconds)
        except Empty:
            return None
        except OSError:
            return ""

    def _stop(self) -> None:
        """Kill the process and wait for its end."""
        if self._process is None:
            return
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()
        self._process.wait()
        self._process = None


def _read(stream: Any, lines: "Queue[str]") -> None:
    """Pass on the lines of a stream, and "" at its end."""
    with contextlib.suppress(OSError, ValueError):  # closed while it was read
        for line in stream:
            lines.put(line)
    lines.put("")
