"""A map over threads, for work that waits for a server."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    work: Callable[[T], R], tasks: Iterable[T], workers: int, stop: Callable[[], None]
) -> Iterator[R]:
    """The results of ``work`` as they become ready; a task is taken when a worker is free.

    ``stop`` is called when one of them fails: it must wake the workers that wait for something.

    Raises:
        Exception: the first one that ``work`` has raised, once all workers have finished.
    """
    if workers == 1:
        yield from map(work, tasks)
        return
    with ThreadPoolExecutor(workers) as pool:
        running: set[Future[R]] = set()
        try:
            for task in tasks:
                running.add(pool.submit(work, task))
                if len(running) == workers:
                    ready, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from [future.result() for future in ready]
            while running:
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                yield from [future.result() for future in ready]
        except BaseException:
            stop()
            raise
