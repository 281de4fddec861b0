"""Run the jobs of a study on a Ray cluster, side by side; what a lost worker was doing goes to another one."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from workbench.errors import BadArgument, Interrupted, MissingExtra, warn
from workbench.results.resuming.stops import stoppable
from workbench.studies.runs import code
from workbench.studies.study.cluster.worker import Outcome, Part, Worker, demands, places
from workbench.studies.study.jobs import Job
from workbench.studies.study.run import WAIT

TRIES = 4  # workers that a job, or the start of a worker, may lose before it counts as failed


@dataclass(eq=False)
class Task:
    """A job, or a part of one.

    Attributes:
        job: The job.
        part: Cell and part; the whole job when None.
        divide: It may answer with its parts.
        lost: How many workers died of it.
    """

    job: Job
    part: Part | None = None
    divide: bool = False
    lost: int = 0

    def __str__(self) -> str:
        return "/".join([self.job.folder, *(self.part or ())])


@dataclass(eq=False)
class Member:
    """A worker: Ray's handle, its jobs' model, what it was last sent for, what it runs now, and its machine by Ray.

    The answer is None when it is idle, the task also while it starts; until then the machine is empty.
    """

    actor: Any
    model: str
    answer: Any = None
    task: Task | None = None
    machine: str = ""


def on_ray(jobs: Sequence[Job], out: Path, progress: bool, *, address: str | None = None) -> dict[str, str]:
    """The engine on a Ray cluster: jobs side by side, each on a worker that has its model loaded.

    Args:
        jobs: each after those whose results it reads.
        out: folder of the study, on all machines.
        progress: print each job.
        address: of the cluster, as `ray.init` takes it.

    Returns:
        Folder of a job -> why it failed, for those that did.

    Raises:
        MissingExtra: Ray is not installed.
        BadArgument: no cluster at the address, or machines with another workbench.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the same call goes on from there.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("Ray is not installed: pip install 'babel-workbench[ray]'; or engine='local'") from error
    with stoppable(), _connected(ray, address):
        crew = Crew(ray, jobs, out.resolve(), progress)
        try:
            crew.run()
        except KeyboardInterrupt:
            done = len(jobs) - len(crew.left)
            raise Interrupted(
                f"{done} of {len(jobs)} jobs are finished; the same command continues from here"
            ) from None
        finally:
            for member in list(crew.members):
                crew.dismiss(member)
    return crew.failed


@contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """Connect to a cluster, unless the caller has; signals stay as they are."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, include_dashboard=False, logging_level="warning")
    except (ConnectionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise BadArgument(f"no Ray cluster answers at {address}: {reason}; `ray start --head` starts one") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray's own handler would end the process without a word
    try:
        yield
    finally:
        ray.shutdown()


@dataclass
class Crew:
    """The workers of a cluster, and what is left for them to do.

    Attributes:
        ray: The library, connected.
        jobs: All of them.
        out: Folder of the study.
        progress: Print each job.
        failed: Folder of a job -> why it failed.
        left: Folders of the jobs that are not finished.
    """

    ray: Any
    jobs: Sequence[Job]
    out: Path
    progress: bool
    failed: dict[str, str] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = {job.folder for job in self.jobs}
        self.tasks = [Task(job, divide=True) for job in self.jobs]  # that no worker runs
        self.parts: Counter[str] = Counter()  # folder of a job -> its parts that are not computed
        self.begun: set[str] = set()
        self.lost: Counter[str] = Counter()  # model -> workers that were lost while they started
        self.hired: set[str] = set()  # models that had a worker
        self.demands = {job.model: demands(job.model, job.options, self.machines) for job in self.jobs}

    @property
    def machines(self) -> list[dict[str, Any]]:
        """The machines of the cluster that are there, as Ray describes them."""
        return [node for node in self.ray.nodes() if node["Alive"]]

    def run(self) -> None:
        """Run all jobs; returns when each is finished or failed."""
        while self.left:
            self.give_up_dependents()
            self.hire()
            self.assign()
            answers = {member.answer: member for member in self.members if member.answer is not None}
            if not answers:
                time.sleep(WAIT)
                continue
            for answer in self.ray.wait(list(answers), num_returns=1, timeout=WAIT)[0]:
                self.receive(answers[answer])

    def ready(self, model: str) -> list[Task]:
        """Tasks of a model that can begin: the results that they read are there."""
        return [task for task in self.tasks if task.job.model == model and not set(task.job.needs) & self.left]

    def give_up_dependents(self) -> None:
        """Jobs that need a failed one fail."""
        for task in list(self.tasks):
            if lacking := [folder for folder in task.job.needs if folder in self.failed]:
                self.fail(task.job, f"it needs {', '.join(lacking)}, which failed")

    def hire(self) -> None:
        """Start a worker for each task that can begin, as far as the machines have place; dismiss those in the way."""
        machines = self.machines
        for model, needs in self.demands.items():
            own = [member for member in self.members if member.model == model]
            idle = [member for member in own if member.answer is None]
            busy, ready = sum(member.task is not None for member in own), len(self.ready(model))
            starting = any(member.task is None and member.answer is not None for member in self.members)
            if not ready and (starting or not any(task.job.model == model for task in self.tasks)):
                for member in idle:
                    self.dismiss(member)
            number = places(needs, machines)
            if ready and not number and model not in self.hired:
                self.fail_all(model, f"no machine of the cluster has what it takes: {_listed(needs)}")
            for _ in range(min(ready + busy, number) - len(own)):
                self.start(model)

    def start(self, model: str) -> None:
        """Start a worker; it begins as soon as a machine has place."""
        self.hired.add(model)
        needs = self.demands[model]
        options = {"num_cpus": needs["CPU"], "num_gpus": needs.get("GPU", 0), "memory": needs.get("memory")}
        actor = self.ray.remote(Worker).options(**options, max_restarts=0).remote(self.out, Path.cwd())
        self.members.append(Member(actor, model, actor.ready.remote()))

    def assign(self) -> None:
        """Give each idle worker a task of its model."""
        for member in self.members:
            if member.answer is None and (ready := self.ready(member.model)):
                task = member.task = ready[0]
                self.tasks.remove(task)
                if self.progress and task.job.folder not in self.begun:
                    self.begun.add(task.job.folder)
                    tqdm.write(f"[{len(self.begun)}/{len(self.jobs)}] {task.job.folder}")
                member.answer = member.actor.run.remote(task.job, task.part, divide=task.divide)

    def receive(self, member: Member) -> None:
        """Take what a worker answers, or what is known of its end."""
        task, answer = member.task, member.answer
        member.task = member.answer = None
        try:
            value = self.ray.get(answer)
        except self.ray.exceptions.RayTaskError as error:
            reason = f"{type(error.cause).__name__}: {error.cause}"
            if task is not None:
                self.fail(task.job, reason)
            else:
                self.dismiss(member)
                self.fail_all(member.model, str(error.cause))
        except self.ray.exceptions.RayError as error:
            self.dismiss(member)
            there = not member.machine or member.machine in {node["NodeID"] for node in self.machines}
            self.replace(member.model, task, _reason(error), on_machine=there)
        else:
            if task is not None:
                self.finish(task, value)
            else:
                member.machine, its_code = value
                if its_code != code():
                    raise BadArgument("a machine of the cluster has another workbench; install the same on all of them")

    def finish(self, task: Task, outcome: Outcome) -> None:
        """Note a task's outcome, and what can be done now."""
        state, what = outcome
        folder = task.job.folder
        if state == "failed":
            self.fail(task.job, what)
        elif folder in self.failed:
            return
        elif state == "busy":
            self.tasks.append(task)
        elif state == "divided":
            self.parts[folder] = len(what)
            self.tasks[:0] = [Task(task.job, part) for part in what]
        elif task.part is None:
            self.left.discard(folder)
        else:
            self.parts[folder] -= 1
            if not self.parts[folder]:
                self.tasks.insert(0, Task(task.job))

    def replace(self, model: str, task: Task | None, reason: str, *, on_machine: bool) -> None:
        """Let another worker do what a lost one did, unless that cost several already; a lost machine is no fault."""
        if task is None:
            self.lost[model] += 1
            if self.lost[model] >= TRIES:
                self.fail_all(model, f"{TRIES} workers died while they started ({reason})")
            return
        if task.job.folder in self.failed:
            return
        task.lost += on_machine
        if task.lost >= TRIES:
            self.fail(task.job, f"{TRIES} workers died of it ({reason}); look at the memory that it takes")
            return
        warn(f"{task!s}: its worker died ({reason}); another one goes on from its last finished batch")
        self.tasks.insert(0, task)

    def fail(self, job: Job, reason: str) -> None:
        """Note that a job failed, and drop what is left of it."""
        self.failed.setdefault(job.folder, reason)
        self.left.discard(job.folder)
        self.tasks = [task for task in self.tasks if task.job.folder != job.folder]

    def fail_all(self, model: str, reason: str) -> None:
        """Fail the jobs of a model that are left."""
        for job in self.jobs:
            if job.model == model and job.folder in self.left:
                self.fail(job, reason)

    def dismiss(self, member: Member) -> None:
        """End a worker; what it was computing is stored up to its last finished batch."""
        self.members.remove(member)
        with suppress(self.ray.exceptions.RayError):
            self.ray.kill(member.actor)


def _listed(needs: dict[str, float]) -> str:
    return ", ".join(f"{name} {amount:g}" for name, amount in needs.items())


def _reason(error: Exception) -> str:
    """The last line of what Ray says of a lost worker, which names the cause."""
    return str(error).strip().splitlines()[-1].strip()
