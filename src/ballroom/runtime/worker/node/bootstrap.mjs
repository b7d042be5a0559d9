// Runs a Node.js function: loads the handler, then takes invocations from the supervisor.
//
// Same frames as worker/frames.py, on descriptor 3; log records as telemetry frames on descriptor 4. Error
// documents, log lines and the context are those of AWS's nodejs runtimes (Lambda Developer Guide,
// "Building Lambda functions with Node.js"; recorded cases `lambda/test_lambda_common`).

import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { createRequire } from "node:module";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { format, inspect } from "node:util";

import { redirectReports } from "./reports.mjs";

const INVOKE = 1, READY = 2, RESULT = 3, ERROR = 4, INIT_ERROR = 5;
const MAXIMUM_RESPONSE_BYTES = 6 * 1024 * 1024 + 100;
const JSON_LOGS = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const THRESHOLD = Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL ?? "TRACE"));
const HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response";

const channel = new net.Socket({ fd: 3, readable: true, writable: true });
let requestId;
let answer = null; // answers the current invocation, once

// --- logging

function writeAll(data) {
  for (let at = 0; at < data.length; ) {
    try {
      at += fs.writeSync(4, data, at);
    } catch (error) {
      if (error.code !== "EAGAIN") return; // the supervisor has gone
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function event(text) {
  const message = Buffer.from(text);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(0xa55a0003, 0);
  head.writeUInt32BE(message.length, 4);
  head.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  writeAll(Buffer.concat([head, message]));
}

function log(level, args) {
  if (LEVELS.indexOf(level) < THRESHOLD) return;
  const time = new Date().toISOString();
  if (!JSON_LOGS) {
    event(`${time}\t${requestId ?? "undefined"}\t${level}\t${format(...args)}`);
    return;
  }
  const record = { timestamp: time, level, requestId };
  const first = args[0];
  if (args.length === 1 && typeof first === "object" && first !== null) {
    record.message = first instanceof Error ? documentOf(first) : first;
  } else {
    record.message = format(...args);
    const error = args.find((arg) => arg instanceof Error);
    if (error) Object.assign(record, { errorType: error.name, errorMessage: error.message, stackTrace: lines(error) });
  }
  let text;
  try {
    text = JSON.stringify(record);
  } catch {
    text = JSON.stringify({ ...record, message: inspect(first) });
  }
  event(text);
}

console.log = console.info = (...args) => log("INFO", args);
console.debug = (...args) => log("DEBUG", args);
console.trace = (...args) => log("TRACE", [`Trace: ${format(...args)}\n${new Error().stack.split("\n").slice(2).join("\n")}`]);
console.warn = (...args) => log("WARN", args);
console.error = (...args) => log("ERROR", args);

// --- errors

class RuntimeError extends Error {
  constructor(name, message, stack) {
    super(message);
    this.name = name;
    if (stack) this.stack = stack;
  }
}

function lines(error) {
  return String(error.stack ?? "").split("\n");
}

function documentOf(error) {
  if (error instanceof Error || (typeof error === "object" && error !== null && "message" in error && "stack" in error)) {
    return { errorType: String(error.name), errorMessage: String(error.message), trace: lines(error) };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function report(what, error) {
  const { errorType, errorMessage, trace } = documentOf(error);
  const extra = error instanceof Error ? Object.fromEntries(Object.entries(error).filter(([k]) => k !== "name")) : {};
  const text = JSON.stringify({ errorType, errorMessage, ...extra, stack: trace });
  if (JSON_LOGS) log("ERROR", [{ errorType, errorMessage, stackTrace: trace }]);
  else log("ERROR", [`${what} \t${text}`]);
}

// --- frames

function send(kind, header, body, then) {
  const head = Buffer.from(JSON.stringify({ ...header, rss_kb: process.resourceUsage().maxRSS }));
  const prefix = Buffer.alloc(9);
  prefix.writeUInt32BE(5 + head.length + body.length, 0);
  prefix.writeUInt8(kind, 4);
  prefix.writeUInt32BE(head.length, 5);
  channel.write(Buffer.concat([prefix, head, body]), then);
}

function sendError(id, document, then) {
  send(ERROR, { id, type: "Unhandled" }, Buffer.from(JSON.stringify(document)), then);
}

// --- loading

function isModule(file) {
  if (file.endsWith(".mjs")) return true;
  if (file.endsWith(".cjs")) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")).type === "module";
    } catch {
      if (path.dirname(folder) === folder) return false;
    }
  }
}

async function loadHandler() {
  const root = process.env.LAMBDA_TASK_ROOT;
  const full = process.env._HANDLER ?? "";
  const match = /^([^.]*)\.(.*)$/.exec(path.basename(full));
  if (!match || full.includes("..")) throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  const [, name, properties] = match;
  const base = path.resolve(root, path.dirname(full), name);
  const file = ["", ".js", ".mjs", ".cjs"].map((end) => base + end).find((f) => fs.existsSync(f) && fs.statSync(f).isFile());
  if (!file) {
    const moduleName = path.join(path.dirname(full), name);
    throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${moduleName}'\nRequire stack:\n- ${process.env.LAMBDA_RUNTIME_DIR}/index.mjs`);
  }
  let loaded;
  try {
    loaded = isModule(file) ? await import(pathToFileURL(file).href) : createRequire(file)(file);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError("Runtime.UserCodeSyntaxError", String(error), error.stack);
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      const sdk = /(?:module|package) '(@aws-sdk\/[^'/]+)/.exec(error.message)?.[1];
      if (sdk) log("WARN", [`Ballroom: AWS's runtimes bring ${sdk}, this machine does not have it. Install it for all functions: npm install --global ${sdk}`]);
      throw new RuntimeError("Runtime.ImportModuleError", String(error), error.stack);
    }
    throw error;
  }
  const find = (from) => properties.split(".").reduce((value, key) => value?.[key], from);
  const handler = find(loaded) ?? find(loaded.default);
  if (handler === undefined) throw new RuntimeError("Runtime.HandlerNotFound", `${full} is undefined or not exported`);
  if (typeof handler !== "function") throw new RuntimeError("Runtime.HandlerNotFound", `${full} is not a function`);
  return handler;
}

// --- response streams, collected: the answer leaves as a whole

const STREAMS = Symbol("streamed");

class ResponseStream extends Writable {
  constructor() {
    super();
    this.chunks = [];
    this.contentType = "application/octet-stream";
  }
  _write(chunk, encoding, done) {
    this.chunks.push(Buffer.from(chunk, encoding === "buffer" ? undefined : encoding));
    done();
  }
  setContentType(type) {
    this.contentType = type;
  }
}

globalThis.awslambda = {
  streamifyResponse(handler) {
    handler[STREAMS] = true;
    return handler;
  },
  HttpResponseStream: {
    from(stream, prelude) {
      stream.setContentType(HTTP_RESPONSE);
      stream.write(JSON.stringify(prelude));
      stream.write(Buffer.alloc(8));
      return stream;
    },
  },
};

// --- invocations

function contextFor(header, finish) {
  let waits = true;
  return {
    get callbackWaitsForEmptyEventLoop() { return waits; },
    set callbackWaitsForEmptyEventLoop(value) { waits = value; },
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: header.client_context ? JSON.parse(header.client_context) : undefined,
    identity: header.cognito_identity ? JSON.parse(header.cognito_identity) : undefined,
    invokedFunctionArn: header.arn,
    awsRequestId: header.id,
    getRemainingTimeInMillis: () => Math.max(0, header.deadline_ms - Date.now()),
    succeed: (result) => finish(null, result),
    fail: (error) => finish(error ?? "handled"),
    done: (error, result) => finish(error, result),
  };
}

function invoke(handler, header, body) {
  requestId = header.id;
  if (header.trace) process.env._X_AMZN_TRACE_ID = header.trace;
  else delete process.env._X_AMZN_TRACE_ID;
  const id = header.id;
  let over = false;
  answer = (error, result, type = "application/json") => {
    if (over) return;
    over = true;
    answer = null;
    process.removeAllListeners("beforeExit");
    channel.ref();
    if (error === null || error === undefined) {
      let text;
      try {
        text = Buffer.isBuffer(result) ? result : Buffer.from(JSON.stringify(result === undefined ? null : result) ?? "null");
      } catch {
        error = new Error("Unable to stringify response body");
      }
      if (text?.length > MAXIMUM_RESPONSE_BYTES) {
        const errorMessage = `Response payload size exceeded maximum allowed payload size (${MAXIMUM_RESPONSE_BYTES} bytes).`;
        sendError(id, { errorMessage, errorType: "Function.ResponseSizeTooLarge" });
        return;
      }
      if (text) {
        send(RESULT, { id, type }, text);
        return;
      }
    }
    report("Invoke Error", error);
    sendError(id, documentOf(error));
  };
  const reply = answer;
  const whenIdle = (error, result) => {
    process.removeAllListeners("beforeExit");
    process.once("beforeExit", () => reply(error, result));
    channel.unref();
  };
  const context = contextFor(header, (error, result) => reply(error, result));
  const callback = (error, result) => {
    if (over) return;
    if (context.callbackWaitsForEmptyEventLoop && !error) whenIdle(null, result);
    else reply(error, result);
  };
  try {
    const event = JSON.parse(body.toString());
    if (handler[STREAMS]) {
      const stream = new ResponseStream();
      stream.on("finish", () => reply(null, Buffer.concat(stream.chunks), stream.contentType));
      Promise.resolve(handler(event, stream, context)).then(() => stream.writableEnded || stream.end(), reply);
      return;
    }
    const result = handler(event, context, callback);
    if (typeof result?.then === "function") result.then((value) => reply(null, value), (error) => reply(error ?? new Error(String(error))));
    else if (handler.length < 3 && result !== undefined) reply(null, null);
    else if (!over && process.listenerCount("beforeExit") === 0) whenIdle(null, null);
  } catch (error) {
    reply(error ?? new Error(String(error)));
  }
}

function fatal(what, error, status) {
  report(what, error);
  const id = requestId;
  if (answer === null) process.exit(status);
  answer = null;
  channel.ref();
  sendError(id, documentOf(error), () => process.exit(status));
}

// --- life

channel.on("error", () => process.exit(0));
channel.on("close", () => process.exit(0));
channel.on("end", () => process.exit(0));
process.on("uncaughtException", (error) => fatal("Uncaught Exception", error, 129));
process.on("unhandledRejection", (reason) => {
  const error = new RuntimeError("Runtime.UnhandledPromiseRejection", String(reason), reason?.stack && `Runtime.UnhandledPromiseRejection: ${reason.stack}`);
  fatal("Unhandled Promise Rejection", error, 128);
});

redirectReports(process.env.AWS_ENDPOINT_URL);

let handler;
try {
  handler = await loadHandler();
} catch (error) {
  report("Uncaught Exception", error);
  const document = documentOf(error);
  send(INIT_ERROR, { type: document.errorType }, Buffer.from(JSON.stringify(document)), () => process.exit(1));
  await new Promise(() => {});
}

let input = Buffer.alloc(0);
channel.on("data", (data) => {
  input = input.length ? Buffer.concat([input, data]) : data;
  while (input.length >= 4 && input.length >= 4 + input.readUInt32BE(0)) {
    const end = 4 + input.readUInt32BE(0);
    const headEnd = 9 + input.readUInt32BE(5);
    const kind = input.readUInt8(4);
    const header = JSON.parse(input.subarray(9, headEnd).toString());
    const body = input.subarray(headEnd, end);
    input = input.subarray(end);
    if (kind === INVOKE) invoke(handler, header, body);
  }
});
send(READY, {}, Buffer.alloc(0));
