"""Several workers on one sequence of tasks."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    work: Callable[[T], R], tasks: Iterable[T], workers: int, stop: Callable[[], None]
) -> Iterator[R]:
    """The results as they come; tasks are taken one by one, as workers are free.

    What a worker raises is raised here, once all are idle: ``stop`` is to wake those that wait.
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
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from [future.result() for future in done]
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from [future.result() for future in done]
        except BaseException:
            stop()
            raise
