"""A Python runtime process that is executed instead of forked: for functions with an exec wrapper.

`AWS_LAMBDA_EXEC_WRAPPER` names a program that gets this command line and runs it, changed as it likes.
"""

from __future__ import annotations

import importlib
import os
import sys


def main() -> None:
    """Run the function of this environment."""
    folders = sys.argv[1].split(os.pathsep)
    sys.argv[1:] = []
    sys.path[:1] = folders  # in place of this file's own folder
    sys.dont_write_bytecode = True
    os.set_inheritable(3, False)
    os.set_inheritable(4, False)
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = "4"
    package = os.path.dirname(os.path.abspath(__file__))
    sys.path.append(os.path.dirname(package))
    from awslambdaric import bootstrap

    client = importlib.import_module(f"{os.path.basename(package)}.client")
    bootstrap.run(os.environ["_HANDLER"], client.Client(3))


main()
