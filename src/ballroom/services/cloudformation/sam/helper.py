"""The helper process: one JSON request a line in, one answer a line out, until the input ends.

The translator imports boto3 (1.4 s, 60 MB), which must not happen in the server. The process ends when the
server does, since its input is then closed; it never reaches a network.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

SAM = "AWS::Serverless-2016-10-31"


def translate(request: dict[str, Any]) -> dict[str, Any]:
    """`{"template": ...}`, or `{"error": AWS's text}`."""
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform

    class NoPolicies:
        """Managed policies are known from the translator's own list; IAM is not asked."""

        def load(self) -> dict[str, str]:
            return {}

    os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"] = request["region"]
    try:
        return {"template": transform(request["template"], request["parameters"], NoPolicies())}
    except InvalidDocumentException as invalid:
        found = " ".join(cause.message for cause in invalid.causes)
        return {
            "error": "Invalid Serverless Application Specification document. Number of errors found: "
            f"{len(invalid.causes)}. {found}"
        }
    except Exception as failure:  # noqa: BLE001 - whatever the translator trips over is the template's fault
        return {"error": f"{type(failure).__name__}: {failure}"}


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer until the input ends."""
    for line in requests:
        answers.write(json.dumps(translate(json.loads(line))) + "\n")
        answers.flush()


def main() -> None:
    """Run by its file name: importing the package would bring in the kernel."""
    answers, sys.stdout = sys.stdout, sys.stderr  # the translator prints
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none", AWS_EC2_METADATA_DISABLED="true",
        AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1",
        AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    )  # fmt: skip
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
