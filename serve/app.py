"""The Serve application: `serve run serve.app:app`, and what `config/serve.yaml` and `trifecta serve` deploy.

Written `import ray.serve`, never `from ray import serve`: this package has that name too. No
`from __future__ import annotations` either, for the ingress reads annotations.
"""

from typing import Final

import ray.serve
from fastapi import FastAPI
from ray.serve.config import BackpressureConfig

from serve.api import build_api
from serve.lookup import RayLookup

DEPLOYMENT: Final = "Counter"


def decision_api() -> FastAPI:
    """Build the API in the replica's process."""
    return build_api(RayLookup())


counter = ray.serve.deployment(
    name=DEPLOYMENT,
    num_replicas=1,
    max_ongoing_requests=16,  # previews wait for risk: few at a time, so that risk stays with its intents
    max_queued_requests=64,
    backpressure_config=BackpressureConfig(status_code=429, retry_after_s=1),
    max_surge_percent=100,
    health_check_period_s=5,
    graceful_shutdown_wait_loop_s=0.5,
    graceful_shutdown_timeout_s=2,
    ray_actor_options={"num_cpus": 0},
)(ray.serve.ingress(decision_api)())

app = counter.bind()
