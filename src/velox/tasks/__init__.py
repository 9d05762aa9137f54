"""The post: tasks, the queues that keep their jobs, and the workers and schedules that run them."""

from velox.tasks.draft import Draft, enqueue_many
from velox.tasks.job import Attempt, Job, JobFailed, JobNotFound, NotStarted
from velox.tasks.options import Options
from velox.tasks.parameters import WrongArguments
from velox.tasks.state import State
from velox.tasks.task import Task, provided, task

__all__ = [
    "Attempt",
    "Draft",
    "Job",
    "JobFailed",
    "JobNotFound",
    "NotStarted",
    "Options",
    "State",
    "Task",
    "WrongArguments",
    "enqueue_many",
    "provided",
    "task",
]
