"""From a definition's text to a Machine: the walk over machines, branches and states.

One walk both validates and compiles. Transitions are checked after it, and only if the fields are sound, as
AWS does. Compiled machines are cached by their text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, cast

from ballroom.services.stepfunctions.language.cache import TextCache
from ballroom.services.stepfunctions.language.dialect import Dialect
from ballroom.services.stepfunctions.language.findings import Fields, Findings
from ballroom.services.stepfunctions.language.graph import Graph
from ballroom.services.stepfunctions.language.jsonata_dialect import JsonataDialect
from ballroom.services.stepfunctions.language.jsonpath_dialect import JsonPathDialect
from ballroom.services.stepfunctions.language.machine import (
    Diagnostic,
    InvalidDefinition,
    Json,
    Machine,
    QueryLanguage,
    Resource,
    State,
    SubMachine,
)
from ballroom.services.stepfunctions.language.map_state import map_state
from ballroom.services.stepfunctions.language.schema import (
    BRANCH,
    FIELDS,
    KINDS,
    MACHINE,
    MAX_NAME,
    MAX_SECONDS,
    PROCESSOR,
)
from ballroom.services.stepfunctions.language.states import (
    choice_state,
    fail_state,
    parallel_state,
    pass_state,
    succeed_state,
    task_state,
    wait_state,
)

Kind = Literal["STANDARD", "EXPRESS"]
Recognise = Callable[[Resource], bool]
"""Whether this server has a resource; None in its place: everything well-formed is accepted."""

LANGUAGES: tuple[str, ...] = ("JSONPath", "JSONata")
MAX_NESTING = 32
"""Machines within machines."""
MAX_BYTES = 1 << 20

_STATES: dict[str, Callable[[Fields, Dialect, Compiler, dict[str, Any]], State]] = {
    "Pass": pass_state,
    "Task": task_state,
    "Choice": choice_state,
    "Wait": wait_state,
    "Succeed": succeed_state,
    "Fail": fail_state,
    "Parallel": parallel_state,
    "Map": map_state,
}
_DIALECTS: dict[str, type[Dialect]] = {"JSONPath": JsonPathDialect, "JSONata": JsonataDialect}


class Compiler:
    """The compilation of one definition."""

    def __init__(
        self,
        kind: Kind,
        recognise: Recognise | None,
        findings: Findings,
        language: QueryLanguage = "JSONPath",
    ) -> None:
        self.kind: Kind = kind
        self.findings = findings
        self.references: dict[str, list[str]] = {}
        self._recognise = recognise
        self._language: str = language
        self._depth = 0
        self._graphs: list[tuple[Graph, set[str]]] = []
        self._graph = Graph("/")
        self._source = ""
        self._names: dict[str, str] = {}

    def recognised(self, resource: Resource) -> bool:
        """Whether this server has the resource."""
        return self._recognise is None or self._recognise(resource)

    def target(self, fields: Fields, name: str) -> str:
        """A field that names a state; the graph remembers it."""
        target = fields.text(name, empty=False) or ""
        if target:
            self._graph.edges.append((self._source, target, fields.at(name)))
        return target

    # -- machines

    def machine(self, fields: Fields) -> Machine | None:
        """The whole definition."""
        fields.only(MACHINE)
        self._language = fields.choice("QueryLanguage", LANGUAGES) or "JSONPath"
        version = fields.text("Version")
        if version not in (None, "1.0"):
            fields.error("The field 'Version' should have one of these values: [1.0]", "Version")
        timeout = fields.integer("TimeoutSeconds", 1, MAX_SECONDS)
        comment = fields.text("Comment")
        inner = self._states(fields)
        if not self.findings.errors:
            for graph, names in self._graphs:
                graph.check(names, self.findings)
        if inner is None or self.findings.errors:
            return None
        return Machine(
            start_at=inner.start_at,
            states=inner.states,
            comment=comment,
            timeout_s=timeout,
            version=version or "1.0",
            query_language=cast(QueryLanguage, self._language),
            kind=self.kind,
            variable_references=self.references,
        )

    def branch(self, fields: Fields, *, processor: bool = False, kind: str | None = None) -> SubMachine | None:
        """A machine within a state: a branch, or the processor of a Map.

        `kind` is that of a distributed Map's child executions.
        """
        if self._depth >= MAX_NESTING:
            fields.error(f"State machines may be nested {MAX_NESTING} deep")
            return None
        fields.only(PROCESSOR if processor else BRANCH)
        held = (self._graph, self._source, self.kind)
        self._depth += 1
        if kind is not None:
            self.kind = cast(Kind, kind)
        try:
            return self._states(fields)
        finally:
            self._graph, self._source, self.kind = held
            self._depth -= 1

    def _states(self, fields: Fields) -> SubMachine | None:
        graph = self._graph = Graph(fields.location)
        self._source = ""
        if not fields.require("StartAt", "States") and "States" not in fields:
            return None
        start = self.target(fields, "StartAt")
        bodies = fields.object("States")
        if bodies is None:
            return None
        if not bodies.body:
            fields.error("Value cannot be empty", "States")
            return None
        states: dict[str, State] = {}
        self._graphs.append((graph, set(bodies.body)))
        for name, body in bodies.body.items():
            self._check_name(name, bodies)
            if not isinstance(body, dict):
                bodies.error("Expected value of type Object", name)
                continue
            self._graph, self._source = graph, name
            state = self.state(name, Fields(body, bodies.at(name), self.findings))
            if state is not None:
                states[name] = state
                if state.next is None and state.kind != "Choice":
                    graph.ends.add(name)
        return SubMachine(start, states, fields.text("Comment"))

    def _check_name(self, name: str, bodies: Fields) -> None:
        if not name or len(name) > MAX_NAME:
            bodies.error(f"State names must have between 1 and {MAX_NAME} characters", name[: MAX_NAME + 1])
        if name in self._names:
            self.findings.error(f"Duplicate State name: {name}", bodies.at(name), "DUPLICATE_STATE_NAME")
        self._names[name] = bodies.location

    # -- states

    def state(self, name: str, fields: Fields) -> State | None:
        """One state; what is wrong with it is reported."""
        if not fields.require("Type"):
            return None
        kind = fields.choice("Type", KINDS)
        language = self._state_language(fields)
        if kind is None or language is None:
            return None
        fields.only(FIELDS[language][kind])
        references: set[str] = set()
        common = {
            "name": name,
            "kind": kind,
            "comment": fields.text("Comment"),
            "query_language": language,
            "definition": fields.body,
        }
        state = _STATES[kind](fields, _DIALECTS[language](fields, references), self, common)
        if references:
            self.references[name] = sorted(references)
        return state

    def _state_language(self, fields: Fields) -> str | None:
        language = fields.choice("QueryLanguage", LANGUAGES)
        if "QueryLanguage" not in fields:
            return self._language
        if language == "JSONPath" and self._language == "JSONata":
            fields.error("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
            return None
        return language


# -- the text


class _BadJson(Exception):
    pass


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen = set()
        for name, _ in pairs:
            if name in seen:
                raise _BadJson(f"Duplicate field '{name[:100]}'")
            seen.add(name)
    return made


def _no_constant(name: str) -> Json:
    raise _BadJson(f"Non-standard token '{name}'")


def parse_text(text: str | bytes, findings: Findings) -> dict[str, Json] | None:
    """The definition as JSON, or None with a report."""
    try:
        parsed = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, _BadJson, RecursionError) as problem:
        told = "The JSON is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        findings.error(told, "", "INVALID_JSON_DESCRIPTION")
        return None
    if not isinstance(parsed, dict):
        findings.error("The definition must be a JSON object", "", "INVALID_JSON_DESCRIPTION")
        return None
    return parsed


def _run(text: str, kind: Kind, recognise: Recognise | None) -> tuple[Machine | None, Findings]:
    findings = Findings()
    if len(text) > MAX_BYTES:
        findings.error(f"The definition is larger than {MAX_BYTES} bytes", "")
        return None, findings
    body = parse_text(text, findings)
    if body is None:
        return None, findings
    try:
        machine = Compiler(kind, recognise, findings).machine(Fields(body, "/", findings))
    except RecursionError:
        findings.error("The definition is nested too deeply", "")
        machine = None
    return machine, findings


Compiled = tuple[Machine | None, tuple[Diagnostic, ...]]
_CACHE: TextCache[Compiled] = TextCache(8 << 20)


def _compiled(text: str, kind: Kind, recognise: Recognise | None) -> Compiled:
    def run() -> Compiled:
        machine, findings = _run(text, kind, recognise)
        return machine, tuple(findings.diagnostics)

    return _CACHE.get(text, run, (kind, recognise))


def _text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def compile_definition(
    text: str | bytes, *, kind: Kind = "STANDARD", recognise: Recognise | None = None
) -> Machine:
    """The machine of a definition; the same text gives the same Machine, from a cache.

    `recognise` tells whether a Task's resource exists here (pass the same function each time).

    Raises:
        InvalidDefinition: with all that is wrong.
    """
    machine, diagnostics = _compiled(_text(text), kind, recognise)
    if machine is None:
        raise InvalidDefinition([d for d in diagnostics if d.severity == "ERROR"])
    return machine


def validate(
    text: str | bytes, *, kind: Kind = "STANDARD", recognise: Recognise | None = None
) -> list[Diagnostic]:
    """All findings about a definition, errors and warnings, in the order found."""
    return list(_compiled(_text(text), kind, recognise)[1])


def compile_state(
    name: str,
    body: dict[str, Json],
    *,
    language: QueryLanguage = "JSONPath",
    recognise: Recognise | None = None,
    kind: Kind = "STANDARD",
) -> State:
    """One state by itself, as TestState takes it: its transitions lead where they may.

    `language` is that of the machine it is from, where it names none itself.

    Raises:
        InvalidDefinition: with all that is wrong, located under `/States/<name>`.
    """
    findings = Findings()
    compiler = Compiler(kind, recognise, findings, language)
    try:
        state = compiler.state(name, Fields(body, f"/States/{name}", findings))
    except RecursionError:
        findings.error("The definition is nested too deeply", "")
        state = None
    if findings.errors or state is None:
        raise InvalidDefinition([d for d in findings.diagnostics if d.severity == "ERROR"])
    return state
