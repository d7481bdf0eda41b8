"""A run over a cluster of its own, to be killed: SOURCE WORKSPACE and a number that is not used. Prints its workers' pids."""
import os
import sys

from distributed import Client

from flows import cluster
from flows.job import monitor
from settings import Cluster, Monitoring, Settings
from tests import cluster_models
from tests.slow_run import Loud

if __name__ == "__main__":
    with cluster.local(2) as address, Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=120)
        print(*client.run(os.getpid).values(), flush=True)
        settings = Settings(cluster=Cluster(scheduler=address), monitoring=Monitoring(batch_seconds=3.5))

        class Calls(Loud):
            def planned(self, plan: object) -> None: ...

        with cluster.spread(settings, None, load=cluster_models.slow) as (over_all, load):
            monitor(sys.argv[1], sys.argv[2], over_all, progress=Calls(), load=load)
