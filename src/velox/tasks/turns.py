"""Rates of tasks: who may start now, and when the others come back.

claim ──▶ a turn is free   ──▶ attempt
     └──▶ none is          ──▶ scheduled, for when one is: not an attempt, and no slot of the worker is held meanwhile

Turns are counted in the database, for all workers together, whatever the queue is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from velox.rules.rate import Rate
from velox.tasks.message import Delivery, Outcome
from velox.tasks.post import Post
from velox.tasks.state import State

__all__ = ["Turns", "held_up", "is_rated", "take"]

EPSILON_S = 1e-6
"""A microsecond: sums of a period's parts differ from the period by less."""


class Turns(NamedTuple):
    """What is kept of a task's turns; times in seconds since 1970.

    Attributes:
        back_s: When all turns that were taken have come back.
        told_s: The latest time that somebody was told to come back at.
    """

    back_s: float
    told_s: float


def take(turns: Turns, now_s: float, rate: Rate, count: int) -> tuple[list[float | None], Turns]:
    """Ask for ``count`` turns by the generic cell rate algorithm (ITU-T I.371, annex A).

    Those who get none are told different times, a turn apart: they would only be in each other's way together. Such a
    time is no promise: who comes back asks again, so that a rate holds for jobs that waited while no worker ran, too.

    Returns:
        For each None (it may start), or when to come back; and what to keep.
    """
    unit_s = rate.period_s / rate.count
    back_s, told_s = turns
    answers: list[float | None] = []
    for _ in range(count):
        after_s = max(back_s, now_s) + unit_s
        free_s = after_s - rate.period_s
        if free_s <= now_s + EPSILON_S:
            back_s = after_s
            answers.append(None)
        else:
            told_s = max(free_s, told_s + unit_s)
            answers.append(told_s)
    return answers, Turns(back_s, told_s)


def is_rated(post: Post, delivery: Delivery) -> bool:
    """Whether the job's task has a rate."""
    task = post.tasks.get(delivery.message.task)
    return task is not None and task.options.rate is not None


async def held_up(post: Post, deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Take turns for jobs of tasks that have a rate. Returns the outcomes of those that got none."""
    by_task: dict[str, list[Delivery]] = {}
    for each in deliveries:
        by_task.setdefault(each.message.task, []).append(each)
    now_s, outcomes = post.now_s(), []
    async with post.connections.writing() as connection:
        for name in sorted(by_task):  # in one order, so that no two workers wait for each other's rows
            rate, asking = post.tasks[name].options.rate, by_task[name]
            assert rate is not None
            turns = Turns(*await post.store.turns(connection, name))
            answers, turns = take(turns, now_s, rate, len(asking))
            await post.store.keep_turns(connection, name, *turns)
            outcomes += [
                Outcome(each, State.SCHEDULED, now_s, due_at_s=due_at_s)
                for each, due_at_s in zip(asking, answers, strict=True)
                if due_at_s is not None
            ]
    return outcomes
