"""What CloudFormation puts beside inline code, so that custom resources can report their outcome.

Source: CloudFormation User Guide, "cfn-response module".
"""

from __future__ import annotations

_PYTHON = """\
import json
import urllib.request

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(event, context, responseStatus, responseData, physicalResourceId=None, noEcho=False, reason=None):
    body = json.dumps(
        {
            "Status": responseStatus,
            "Reason": reason or "See the details in CloudWatch Log Stream: " + context.log_stream_name,
            "PhysicalResourceId": physicalResourceId or context.log_stream_name,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "NoEcho": noEcho,
            "Data": responseData,
        }
    ).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    with urllib.request.urlopen(request) as response:
        print("Status code:", response.status)
"""

_NODE = """\
const http = require("http");
const https = require("https");

exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";

exports.send = function (event, context, responseStatus, responseData, physicalResourceId, noEcho) {
  const body = JSON.stringify({
    Status: responseStatus,
    Reason: "See the details in CloudWatch Log Stream: " + context.logStreamName,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: responseData,
  });
  const url = new URL(event.ResponseURL);
  const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
  const { request: ask } = url.protocol === "https:" ? https : http;
  const request = ask(url, { method: "PUT", headers }, (response) => {
    console.log("Status code: " + response.statusCode);
    context.done();
  });
  request.on("error", (error) => {
    console.log("send(..) failed executing request(..): " + error);
    context.done();
  });
  request.end(body);
};
"""

BESIDE = {"index.py": ("cfnresponse.py", _PYTHON), "index.js": ("cfn-response.js", _NODE)}
"""The file beside each kind of inline code."""
