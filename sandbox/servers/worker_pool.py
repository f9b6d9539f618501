"""``python -m sandbox.servers.worker_pool ADDRESS``: starts Beam's Python workers on request.

Beam's own ``worker_pool_main`` listens at all addresses, so two pools of a machine cannot share a
port. This one listens at the given address alone, and ends its workers with itself.
"""

import atexit
import signal
import sys
import threading

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import (
    BeamFnExternalWorkerPoolServicer,
    kill_process_gracefully,
)
from apache_beam.utils.thread_pool_executor import shared_unbounded_instance


def main() -> None:
    """Serves until SIGTERM."""
    (address,) = sys.argv[1:]
    # Without a handler, SIGTERM would leave the pool's workers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    pool = BeamFnExternalWorkerPoolServicer(use_process=True)
    atexit.register(_end_workers, pool)
    server = grpc.server(shared_unbounded_instance())
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.add_insecure_port(address)
    server.start()
    threading.Event().wait()


def _end_workers(pool: BeamFnExternalWorkerPoolServicer) -> None:
    for process in list(pool._worker_processes.values()):
        kill_process_gracefully(process)


if __name__ == "__main__":
    main()
