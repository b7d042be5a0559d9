"""States that use JSONata: Arguments, Output, Assign, and expressions in single fields.

A text between `{%` and `%}` is an expression, everything else a constant. Where an expression stands decides
what it may read of `$states`: the result only after the state's work, the error only in Catch.
Source: Developer Guide, "Transforming data with JSONata"; texts recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballroom.services.stepfunctions.language import jsonata
from ballroom.services.stepfunctions.language.dialect import Condition, Dialect, Evaluate
from ballroom.services.stepfunctions.language.findings import Fields
from ballroom.services.stepfunctions.language.intrinsics import dump
from ballroom.services.stepfunctions.language.jsonata import (
    InvalidExpression,
    Program,
    compile_source,
    is_expression,
    unexpected,
)
from ballroom.services.stepfunctions.language.machine import (
    Failure,
    Finish,
    Finished,
    Inspection,
    Json,
    Prepare,
    Scope,
    StatesError,
    Step,
)
from ballroom.services.stepfunctions.language.schema import MAX_SECONDS
from ballroom.services.stepfunctions.language.template import MAX_DEPTH, TOO_DEEP
from ballroom.services.stepfunctions.language.timestamps import timestamp_ms
from ballroom.services.stepfunctions.language.variables import check_assign, checked

Extra = dict[str, Json]
Build = Callable[[Scope, Extra], Json]

BEFORE = frozenset({"input", "context"})
AFTER = BEFORE | {"result"}
CAUGHT = BEFORE | {"errorOutput"}
_NONE: Extra = {}


class JsonataDialect(Dialect):
    """The fields of a JSONata state."""

    payload_field = "Arguments"

    # -- expressions

    def program(self, text: str, location: str, allowed: frozenset[str]) -> Program | None:
        """The compiled expression of a text with its delimiters, or None with a report."""
        source = text[2:-2].strip()
        findings = self.state.findings
        try:
            program = compile_source(source)
        except InvalidExpression as problem:
            findings.error(f"Invalid JSONata expression '{source[:200]}': {problem}", location)
            return None
        self.references.update(program.variables)
        for member in sorted(program.reads_states - allowed - {"*"}):
            if member in jsonata.STATES_MEMBERS:
                findings.error(f"The reserved variable '$states.{member}' is not available here", location)
            else:
                findings.error(f"The reserved variable '$states' has no field '{member}'", location)
        return program

    def build(self, fields: Fields, name: str, prefix: str, allowed: frozenset[str]) -> Build:
        """The closure of a field that may be any JSON; `prefix` is how failures name it."""
        location = fields.at(name)

        def compiled(value: Json, path: str, depth: int) -> Build | None:
            if depth > MAX_DEPTH:
                fields.error(TOO_DEEP, name)
                return None
            if isinstance(value, str) and is_expression(value):
                program = self.program(value, location, allowed)
                if program is None:
                    return None
                return lambda scope, extra: jsonata.evaluate(program, path, scope, extra)
            if isinstance(value, dict):
                return of_object(value, path, depth)
            if isinstance(value, list):
                parts = [compiled(item, f"{path}[{at}]", depth + 1) for at, item in enumerate(value)]
                if not any(parts):
                    return None
                items = [part or _constant(item) for part, item in zip(parts, value, strict=True)]
                return lambda scope, extra: [item(scope, extra) for item in items]
            return None

        def of_object(value: dict[str, Json], path: str, depth: int) -> Build | None:
            constant: dict[str, Json] = {}
            dynamic: list[tuple[str, Build]] = []
            for key, item in value.items():
                inner = compiled(item, f"{path}/{key}", depth + 1)
                constant[key] = item if inner is None else None
                if inner is not None:
                    dynamic.append((key, inner))
            if not dynamic:
                return None

            def build(scope: Scope, extra: Extra) -> Json:
                built = constant.copy()
                for key, get in dynamic:
                    built[key] = get(scope, extra)
                return built

            return build

        raw = fields.get(name)
        return compiled(raw, prefix, 0) or _constant(raw)

    # -- what goes in

    def effective_input(self) -> Evaluate:
        """The input: JSONata has no InputPath."""
        return lambda scope: scope.input

    def prepare(self) -> Prepare:
        """Arguments; the input where there are none."""
        if "Arguments" not in self.state:
            return lambda scope, inspection=None: scope.input
        build = self.build(self.state, "Arguments", "Arguments", BEFORE)

        def prepare(scope: Scope, inspection: Inspection | None = None) -> Json:
            built = build(scope, _NONE)
            if inspection is not None:
                inspection["afterArguments"] = built
            return built

        return prepare

    # -- what comes out

    def _leaving(
        self, fields: Fields, prefix: str, allowed: frozenset[str]
    ) -> tuple[Build | None, Callable[[Scope, Extra], dict[str, Json]]]:
        """Output (None if absent) and Assign of a state, a rule or a catcher."""
        output = self.build(fields, "Output", f"{prefix}Output", allowed) if "Output" in fields else None
        if "Assign" not in fields:
            return output, lambda scope, extra: {}
        if fields.object("Assign") is None:
            return output, lambda scope, extra: {}
        check_assign(fields)
        build = self.build(fields, "Assign", f"{prefix}Assign", allowed)
        return output, lambda scope, extra: checked(dict(build(scope, extra)))

    def finish(self, following: str | None) -> Finish:
        """Output (the result where there is none) and Assign."""
        output, assign = self._leaving(self.state, "", AFTER)

        def finish(scope: Scope, result: Json, inspection: Inspection | None = None) -> Finished:
            if inspection is not None:
                inspection["result"] = result
            extra: Extra = {"result": result}
            made = result if output is None else output(scope, extra)
            return Finished(made, assign(scope, extra), following)

        return finish

    def passing(self, following: str | None) -> Step:
        """Pass: Output of the input."""
        return self.straight(following)

    def straight(self, following: str | None) -> Step:
        """Output and Assign, of a state without a result."""
        output, assign = self._leaving(self.state, "", BEFORE)
        if output is None:
            return lambda scope, inspection=None: Finished(scope.input, assign(scope, _NONE), following)
        return lambda scope, inspection=None: Finished(output(scope, _NONE), assign(scope, _NONE), following)

    def chosen(self, rule: Fields | None, following: str | None) -> Finish:
        """Output and Assign of the rule (of the state, for its Default)."""
        fields = rule or self.state
        prefix = "" if rule is None else f"{rule.location.rsplit('/', 1)[-1]}/"
        output, assign = self._leaving(fields, prefix, BEFORE)
        return lambda scope, data: Finished(
            scope.input if output is None else output(scope, _NONE), assign(scope, _NONE), following
        )

    def condition(self, rule: Fields) -> Condition:
        """A rule's Condition: a boolean, or an expression that gives one."""
        rule.only({"Condition", "Next", "Output", "Assign", "Comment"})
        if not rule.require("Condition"):
            return lambda data, scope: False
        value = rule.get("Condition")
        if isinstance(value, bool):
            return lambda data, scope: value
        if not isinstance(value, str) or not is_expression(value):
            rule.error("Value must be a boolean or a JSONata expression", "Condition")
            return lambda data, scope: False
        program = self.program(value, rule.at("Condition"), BEFORE)
        if program is None:
            return lambda data, scope: False
        field = f"{rule.location.rsplit('/', 1)[-1]}/Condition"

        def condition(data: Json, scope: Scope) -> bool:
            given = jsonata.evaluate(program, field, scope, _NONE)
            if not isinstance(given, bool):
                raise unexpected(field, program.source, "boolean", given)
            return given

        return condition

    def caught(self, catcher: Fields, following: str) -> Callable[..., Finished]:
        """Output (the error where there is none) and Assign."""
        prefix = f"{catcher.location.rsplit('/', 1)[-1]}/"
        output, assign = self._leaving(catcher, prefix, CAUGHT)

        def caught(
            scope: Scope, error: str, cause: str | None, inspection: Inspection | None = None
        ) -> Finished:
            told = {"Error": error, "Cause": cause or ""}
            extra: Extra = {"errorOutput": told}
            made = told if output is None else output(scope, extra)
            return Finished(made, assign(scope, extra), following)

        return caught

    # -- single fields

    def _field(self, fields: Fields, name: str) -> tuple[Program, str] | None:
        """The expression in a field, with the name that failures give it; None if there is none."""
        text = fields.get(name)
        if not isinstance(text, str) or not is_expression(text):
            return None
        program = self.program(text, fields.at(name), BEFORE)
        if program is None:
            return None
        return program, fields.at(name)[len(self.state.location.rstrip("/")) + 1 :]

    def number(
        self, fields: Fields, name: str, low: int, high: int, *, whole: bool = True
    ) -> Callable[[Scope], Any]:
        """A constant, or an expression that gives a number within the bounds."""
        text = fields.get(name)
        if not (isinstance(text, str) and is_expression(text)):
            constant = fields.integer(name, low, high) if whole else fields.number(name, low, high)
            return lambda scope: constant
        found = self._field(fields, name)
        if found is None:
            return lambda scope: None
        program, field = found

        def number(scope: Scope) -> float:
            value: Any = jsonata.evaluate(program, field, scope, _NONE)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise unexpected(field, program.source, "number", value)
            if whole and isinstance(value, float):
                if not value.is_integer():
                    raise unexpected(field, program.source, "integer", value)
                value = int(value)
            if not low <= value <= high:
                raise jsonata.failed(
                    field,
                    program.source,
                    f"returned a value that is out of range. Expected a value between {low} and {high}, "
                    f"but was: {dump(value)}",
                )
            return float(value) if not whole else int(value)

        return number

    def template(self, fields: Fields, name: str) -> Prepare:
        """Any JSON with expressions in it."""
        if name not in fields:
            return lambda scope, inspection=None: None
        prefix = fields.at(name)[len(self.state.location.rstrip("/")) + 1 :]
        build = self.build(fields, name, prefix, BEFORE)
        return lambda scope, inspection=None: build(scope, _NONE)

    def string(self, fields: Fields, name: str) -> Callable[[Scope], str | None]:
        """A constant text, or an expression that gives one."""
        text = fields.get(name)
        if not (isinstance(text, str) and is_expression(text)):
            constant = fields.text(name)
            return lambda scope: constant
        found = self._field(fields, name)
        if found is None:
            return lambda scope: None
        program, field = found

        def string(scope: Scope) -> str:
            value = jsonata.evaluate(program, field, scope, _NONE)
            if not isinstance(value, str):
                raise unexpected(field, program.source, "string", value)
            return value

        return string

    def failure(self) -> Callable[..., Failure]:
        """Error and Cause."""
        error, cause = self.string(self.state, "Error"), self.string(self.state, "Cause")
        return lambda scope, inspection=None: Failure(error(scope), cause(scope))

    def until_ms(self) -> Callable[[Scope], int]:
        """Seconds or Timestamp: exactly one."""
        if ("Seconds" in self.state) == ("Timestamp" in self.state):
            self.state.error("Exactly one of these fields is required: [Seconds, Timestamp]")
            return lambda scope: scope.now_ms
        if "Seconds" in self.state:
            seconds = self.number(self.state, "Seconds", 0, MAX_SECONDS)
            return lambda scope: scope.now_ms + 1000 * seconds(scope)
        text = self.state.get("Timestamp")
        if not (isinstance(text, str) and is_expression(text)):
            moment = timestamp_ms(text)
            if moment is None:
                self.state.error("String does not match RFC3339 timestamp", "Timestamp")
            due = moment or 0
            return lambda scope: due
        found = self._field(self.state, "Timestamp")
        if found is None:
            return lambda scope: scope.now_ms
        program, field = found

        def at(scope: Scope) -> int:
            value = jsonata.evaluate(program, field, scope, _NONE)
            given = timestamp_ms(value)
            if given is None:
                raise unexpected(field, program.source, "timestamp", value)
            return given

        return at

    # -- Map

    def items(self, *, distributed: bool) -> Prepare:
        """Items; the input where there are none."""
        if "Items" not in self.state:
            return _input_items(distributed=distributed)
        raw = self.state.get("Items")
        field = self._field(self.state, "Items")
        constant = isinstance(raw, list) or (distributed and isinstance(raw, dict))
        if field is None and not constant:
            if not (isinstance(raw, str) and is_expression(raw)):
                self.state.error("Value must be an array or a JSONata expression", "Items")
            return lambda scope, inspection=None: []
        build = self.build(self.state, "Items", "Items", BEFORE)
        source = field[0].source if field is not None else dump(raw)

        def items(scope: Scope, inspection: Inspection | None = None) -> Json:
            given = _entries(build(scope, _NONE), distributed=distributed)
            if not isinstance(given, list):
                raise unexpected("Items", source, "array", given)
            return given

        return items

    def selector(self) -> Prepare | None:
        """ItemSelector."""
        return self.template(self.state, "ItemSelector") if "ItemSelector" in self.state else None


def _constant(value: Json) -> Build:
    return lambda scope, extra: value


def _entries(value: Json, *, distributed: bool) -> Json:
    """A distributed Map iterates over an object's entries too."""
    if distributed and isinstance(value, dict):
        return [{"Key": key, "Value": item} for key, item in value.items()]
    return value


def _input_items(*, distributed: bool) -> Prepare:
    def items(scope: Scope, inspection: Inspection | None = None) -> Json:
        given = _entries(scope.input, distributed=distributed)
        if not isinstance(given, list):
            raise StatesError(
                "States.QueryEvaluationError", f"Map state input must be an array but was: {dump(given)}"
            )
        return given

    return items
