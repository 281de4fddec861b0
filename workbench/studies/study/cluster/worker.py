"""A worker of a Ray cluster: an actor that runs jobs, and parts of jobs, of one model."""

import os
import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.errors import Busy, CannotWrite, WorkbenchError
from workbench.model.load import weights_in_memory
from workbench.model.memory import check_memory
from workbench.options import Options
from workbench.studies.analysis import compute_part
from workbench.studies.runs import Run, code
from workbench.studies.study.jobs import Job
from workbench.studies.study.run import FILE, WAIT, Models, analysis_of, run_job, within_memory

Part = tuple[str, str]
"""A cell, and one of its parts."""
Outcome = tuple[str, Any]
"""done; busy, why; failed, why; or divided, the parts to compute first."""


class Worker:
    """Runs jobs with the model of the last one loaded.

    Args:
        out: folder of the study.
        here: the folder from which relative paths of the study lead.
    """

    def __init__(self, out: Path, here: Path):
        self.out, self.here, self.models = out, here, Models()

    def ready(self) -> tuple[str, str]:
        """Check that the machine has the study's folder; returns Ray's name of it, and the hash of its workbench.

        Raises:
            CannotWrite: it has not.
        """
        import ray  # an extra

        if not (self.out / FILE).is_file():
            raise CannotWrite(
                f"{self.out} is not on {platform.node()}; choose a folder that all machines of the cluster share"
            )
        with suppress(OSError):
            os.chdir(self.here)
        return ray.get_runtime_context().get_node_id(), code()

    def run(self, job: Job, part: Part | None = None, *, divide: bool = False) -> Outcome:
        """Run a job, or compute a part of it.

        Args:
            job: the job.
            part: what to compute; the whole job when None.
            divide: name the parts of cells that can be divided, where there are such, and compute nothing.
        """
        try:
            if divide and (parts := self.parts(job)):
                return "divided", parts
            if part is None:
                run_job(job, self.out, self.models, progress=False)
            else:
                within_memory(job, lambda options: self.compute(job, part, options), progress=False)
        except Busy as error:
            time.sleep(WAIT)
            return "busy", str(error)
        except WorkbenchError as error:
            return "failed", str(error)
        return "done", None

    def parts(self, job: Job) -> list[Part]:
        """The parts of the cells that a job lacks and that can be divided."""
        cells = analysis_of(job, self.out, self.models, job.options).cells
        run = Run(self.out / job.folder)
        lacking = [cell for cell in cells if cell.parts is not None and not run.has(cell.name, cell.key)]
        return [(cell.name, name) for cell in lacking if cell.parts is not None for name in cell.parts.names]

    def compute(self, job: Job, part: Part, options: Options) -> None:
        """Compute a part of a job's cell, in a folder of its own."""
        cells = analysis_of(job, self.out, self.models, options).cells
        compute_part(self.out / job.folder, next(cell for cell in cells if cell.name == part[0]), part[1])


def demands(model: str, options: Options, nodes: Sequence[dict[str, Any]]) -> dict[str, float]:
    """What a worker takes of its machine, by Ray's names: a core, a GPU where the model is on one, memory in bytes.

    A model that is spread over GPUs takes all of a machine's. The memory is that of the weights, where they are on
    this machine already, and the limit for activations, where the options give one.

    Args:
        model: what `load_model` takes; empty for an analysis that loads its models itself.
        options: how the job computes.
        nodes: the cluster's machines, as Ray lists them.
    """
    gpus = [int(node["Resources"]["GPU"]) for node in nodes if node["Resources"].get("GPU", 0) >= 1]
    needs: dict[str, float] = {"CPU": 1}
    if options.device.startswith("cuda") if options.device else gpus:
        needs["GPU"] = min(gpus, default=1) if options.device_map else 1
    weights = None
    with suppress(WorkbenchError):  # loading the model reports it
        weights = weights_in_memory(model, options.dtype) if model else None
    limit = check_memory(options.memory)
    memory = (weights or 0) + (limit if isinstance(limit, int) else 0)
    return {**needs, "memory": memory} if memory else needs


def places(needs: dict[str, float], nodes: Sequence[dict[str, Any]]) -> int:
    """How many such workers the machines can run side by side."""
    return sum(min(int(node["Resources"].get(name, 0) // amount) for name, amount in needs.items()) for node in nodes)
