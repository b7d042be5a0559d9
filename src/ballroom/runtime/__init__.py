"""Runs functions: execution environments out of process, forked from warm interpreters.

Used by the `lambda` (and later `sagemaker`) service, and by nothing else. It knows no kernel and no store.

    runtime = Runtime(work_dir=..., on_log=..., credentials_for=...)
    await runtime.start()                       # before the first delivery: ends an earlier server's leftovers
    await runtime.prepare(spec)                 # optional: warms the interpreter (0.3 to 1 s, once)
    result = await runtime.invoke(spec, Invocation(request_id, payload, ...))
    runtime.forget(spec.key)                    # the code or configuration has changed
    await runtime.stop(drain_s=5)

- `invoke` returns an `InvokeResult` for everything that the function does, errors included, and raises
  `RuntimeUnavailable` / `CapacityExceeded` when nothing of the function ran.
- `on_log(LogBatch)` gets every log event (START, END and REPORT included) in order, in batches, on the loop:
  at the end of each invocation, and every 100 ms while one runs.
- `credentials_for(environment_id, spec)` gives the variables of a new environment's own credentials
  (AWS_ACCESS_KEY_ID, ...); `on_environment_end(environment_id)` says when they are no longer needed.
- `supported(runtime)` gives the reason why a runtime name is refused, or None.
- `isolation_report()` tries out which isolation level this machine gives; `spec.isolation` demands one.
- `now_ms` stamps the logs (product time). Time limits are real time.

Where things are: `spec` values in and out; `runtime` the door; `pool` scheduling; `environment` one
invocation; `process` + `channel` one runtime process; `zygotes` warm interpreters; `launching` how each
runtime family starts; `journal`, `output`, `platform_lines` the logs; `failures` AWS's error documents;
`worker/` what runs inside.
"""

from ballroom.runtime.isolation import IsolationReport, isolation_report
from ballroom.runtime.runtime import Runtime, RuntimeSettings
from ballroom.runtime.runtimes import runtime_version_arn, supported
from ballroom.runtime.spec import (
    CapacityExceeded,
    FunctionSpec,
    Invocation,
    InvokeResult,
    LogBatch,
    RuntimeUnavailable,
)

__all__ = [
    "CapacityExceeded",
    "FunctionSpec",
    "Invocation",
    "InvokeResult",
    "IsolationReport",
    "LogBatch",
    "Runtime",
    "RuntimeSettings",
    "RuntimeUnavailable",
    "isolation_report",
    "runtime_version_arn",
    "supported",
]
