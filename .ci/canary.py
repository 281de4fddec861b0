"""`make canary`: install the newest of everything, run the tests that stand on other people's code, say what breaks.

Neither pyproject.toml's upper ends nor the lock hold here, but for torch, whose newer builds take several GB.
"""

import json
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-canary"
PYTHON = VENV / "bin" / "python"
LOG = ROOT / "runs" / "canary.txt"


def locked() -> dict[str, str]:
    """Versions of constraints.txt by name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def unbounded() -> list[str]:
    """The requirements of pyproject.toml, every extra's too, without their ranges."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    found = [re.match(r"([\w.-]+)(\[[\w,]+\])?", line) for group in groups for line in group]
    return sorted({item[0] for item in found if item[1] not in ("babel-workbench", "torch")})


def install() -> None:
    """Make the environment anew."""
    venv.create(VENV, clear=True, with_pip=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"torch=={locked()['torch']}", *unbounded()], check=True)
    subprocess.run([*pip, "--no-deps", "-e", "."], check=True, cwd=ROOT)


def differences() -> list[str]:
    """One line for each package whose version is not the lock's."""
    listed = subprocess.run([PYTHON, "-m", "pip", "list", "--format", "json"], check=True, capture_output=True)
    installed = {entry["name"].lower().replace("_", "-"): entry["version"] for entry in json.loads(listed.stdout)}
    pins = locked()
    new = {name: version for name, version in installed.items() if name not in ("pip", "babel-workbench")}
    changed = {
        name: (pins.get(name, "none"), new.get(name, "none"))
        for name in sorted({*pins, *new})
        if pins.get(name) != new.get(name, "").split("+")[0]
    }
    return [f"canary: {name} {newest} (lock: {pin})" for name, (pin, newest) in changed.items()]


def run_tests(tests: list[str]) -> int:
    """Run them, keep all they say in runs/canary.txt, and print one line for each that fails."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w", encoding="utf-8") as log:
        command = [PYTHON, "-m", "pytest", "-n", "auto", "--maxprocesses", "4", "-m", "not lock", *tests]
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    lines = LOG.read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if line.startswith(("FAILED", "ERROR"))] + lines[-1:]
    print(*(f"canary: {line}" for line in told), sep="\n", flush=True)
    return code


def main() -> int:
    """Exit code 0: the lock can be raised to this."""
    install()
    changed = differences()
    print(*(changed or ["canary: the lock is the newest of everything"]), sep="\n", flush=True)
    code = run_tests(sys.argv[1:])
    raisable = "the lock can be raised: make lock RAISE=1" if changed else "nothing newer to raise the lock to"
    print(f"canary: {'these would break, see runs/canary.txt' if code else raisable}")
    return code


if __name__ == "__main__":
    sys.exit(main())
