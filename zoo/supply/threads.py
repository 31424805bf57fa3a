"""Threads that never keep the program alive: Ctrl-C ends a download at once, whatever a connection waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def spawn(act: Callable[[], T]) -> Future[T]:
    """What `act` will return or raise; it runs in a daemon thread of its own (those of an executor are waited for)."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(act())
        except BaseException as fault:  # noqa: BLE001 - raised again where the result is asked for
            future.set_exception(fault)

    threading.Thread(target=work, name="zoo-transfer", daemon=True).start()
    return future


def side_by_side(acts: Sequence[Callable[[], T]], jobs: int) -> list[Future[T]]:
    """The results of all `acts` in their order, `jobs` of them at a time; a lone one runs in this thread."""
    if jobs == 1 or len(acts) == 1:
        return [_here(act) for act in acts]
    turns = threading.Semaphore(jobs)

    def in_turn(act: Callable[[], T]) -> T:
        with turns:
            return act()

    futures = [spawn(lambda act=act: in_turn(act)) for act in acts]  # type: ignore[misc] # mypy cannot infer the default
    for future in futures:
        future.exception()
    return futures


def _here(act: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()
    try:
        future.set_result(act())
    except Exception as fault:  # noqa: BLE001 - raised again where the result is asked for
        future.set_exception(fault)
    return future
