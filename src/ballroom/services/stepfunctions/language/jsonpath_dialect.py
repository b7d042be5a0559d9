"""States that use JSONPath: InputPath, Parameters, ResultSelector, ResultPath, OutputPath, Assign and the rest.

Source: Developer Guide, "Processing input and output"; texts recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ballroom.services.stepfunctions.language.choice import compile_rule
from ballroom.services.stepfunctions.language.dialect import Condition, Dialect, Evaluate
from ballroom.services.stepfunctions.language.findings import Fields
from ballroom.services.stepfunctions.language.intrinsics import dump
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
from ballroom.services.stepfunctions.language.path import (
    InvalidPath,
    Path,
    PathNotFound,
    parse_path,
)
from ballroom.services.stepfunctions.language.reference import number_at, placed
from ballroom.services.stepfunctions.language.schema import MAX_SECONDS
from ballroom.services.stepfunctions.language.template import (
    NO_INPUT,
    compile_template,
    evaluation,
    note_variable,
)
from ballroom.services.stepfunctions.language.timestamps import timestamp_ms
from ballroom.services.stepfunctions.language.variables import check_assign, checked

Select = Callable[[Json, Scope], Json]
Combine = Callable[[Json, Json], Json]
"""`(raw input, result) -> output`."""

MAX_CREATED = 256
"""How far a ResultPath may create objects: no definition needs more."""


def _same(data: Json, scope: Scope) -> Json:
    return data


def _nothing(data: Json, scope: Scope) -> Json:
    return {}


def runtime(cause: str) -> StatesError:
    """A States.Runtime error."""
    return StatesError("States.Runtime", cause)


class JsonPathDialect(Dialect):
    """The fields of a JSONPath state."""

    payload_field = "Parameters"

    # -- what goes in

    def effective_input(self) -> Evaluate:
        """InputPath."""
        select = self._select("InputPath")
        if select is _same:
            return lambda scope: scope.input
        return lambda scope: select(scope.input, scope)

    def prepare(self) -> Prepare:
        """InputPath, then Parameters."""
        take = self.effective_input()
        build = self._template("Parameters")

        def prepare(scope: Scope, inspection: Inspection | None = None) -> Json:
            if inspection is None:
                return build(take(scope), scope)
            inspection["afterInputPath"] = data = take(scope)
            inspection["afterParameters"] = built = build(data, scope)
            return built

        return prepare

    # -- what comes out

    def finish(self, following: str | None) -> Finish:
        """ResultSelector, ResultPath, OutputPath, Assign."""
        select, combine, leave = (
            self._template("ResultSelector"),
            self._result_path(self.state),
            self._select("OutputPath"),
        )
        assign = self._assign(self.state)

        def finish(scope: Scope, result: Json, inspection: Inspection | None = None) -> Finished:
            selected = select(result, scope)
            if inspection is not None:
                inspection["afterResultSelector"] = selected
            combined = combine(scope.input, selected)
            if inspection is not None:
                inspection["afterResultPath"] = combined
            return Finished(leave(combined, scope), assign(selected, scope), following)

        return finish

    def passing(self, following: str | None) -> Step:
        """Pass: Result, or what Parameters make of the input."""
        finish = self.finish(following)
        if "Result" in self.state:
            self._static_result()
            constant = self.state.get("Result")

            def give(scope: Scope, inspection: Inspection | None = None) -> Finished:
                if inspection is not None:
                    inspection["result"] = constant
                return finish(scope, constant, inspection)

            self.prepare()  # reports what is wrong with fields that a Result leaves without effect
            return give
        prepare = self.prepare()
        return lambda scope, inspection=None: finish(scope, prepare(scope, inspection), inspection)

    def _static_result(self) -> None:
        result = self.state.get("Result")
        if isinstance(result, str) and result.startswith(("$.", "$$.")):
            self.state.findings.warning(
                "Attempting to use a path in the result of a pass state.",
                self.state.at("Result"),
                "PASS_RESULT_IS_STATIC",
            )

    def straight(self, following: str | None) -> Step:
        """InputPath, OutputPath, Assign."""
        take, leave, assign = (
            self.effective_input(),
            self._select("OutputPath"),
            self._assign(self.state),
        )

        def step(scope: Scope, inspection: Inspection | None = None) -> Finished:
            data = take(scope)
            if inspection is not None:
                inspection["afterInputPath"] = data
            return Finished(leave(data, scope), assign(data, scope), following)

        return step

    def chosen(self, rule: Fields | None, following: str | None) -> Finish:
        """OutputPath of the state, Assign of the rule (of the state, for its Default)."""
        leave = self._select("OutputPath")
        assign = self._assign(rule or self.state)
        return lambda scope, data: Finished(leave(data, scope), assign(data, scope), following)

    def condition(self, rule: Fields) -> Condition:
        """A rule of comparisons."""
        return compile_rule(rule, self.references)

    def caught(self, catcher: Fields, following: str) -> Callable[..., Finished]:
        """ResultPath puts the error into the input; Assign sees the error."""
        combine, assign = self._result_path(catcher), self._assign(catcher)

        def caught(
            scope: Scope, error: str, cause: str | None, inspection: Inspection | None = None
        ) -> Finished:
            output = {"Error": error, "Cause": cause or ""}
            return Finished(combine(scope.input, output), assign(output, scope), following)

        return caught

    # -- pieces

    def _select(self, name: str) -> Select:
        """InputPath or OutputPath: a path, or null for an empty object."""
        if name not in self.state:
            return _same
        text = self.state.get(name)
        if text is None:
            return _nothing
        path = self.path(self.state, name, reference=False)
        if path is None or path.is_root:
            return _same
        return self._reading(path)

    def path(self, fields: Fields, name: str, *, reference: bool = True) -> Path | None:
        """A field that is a path, or None with a report."""
        text = fields.text(name)
        if text is None:
            if fields.get(name) is None and name in fields:
                fields.error("Expected value of type String", name)
            return None
        try:
            path = parse_path(text)
            if reference and not path.is_reference:
                raise InvalidPath("it must identify a single node")
        except InvalidPath as problem:
            what = "Reference Path" if reference else "valid JSONPath"
            fields.error(f"Value is not a {what}: {problem}", name)
            return None
        note_variable(path, self.references)
        return path

    def _reading(self, path: Path) -> Select:
        """A path whose failure is AWS's "Invalid path"."""
        get, text, of_data = path.get, path.text, path.root == "data"

        def read(data: Json, scope: Scope) -> Json:
            try:
                return get(data, scope)
            except PathNotFound as problem:
                if data is None and of_data:
                    raise runtime(NO_INPUT) from None
                raise runtime(f"Invalid path '{text}' : {problem}") from None

        return read

    def _template(self, name: str) -> Select:
        if name not in self.state:
            return _same
        if not isinstance(self.state.get(name), (dict, list)) and name == "ResultSelector":
            self.state.error("Expected value of type Object", name)
            return _same
        return compile_template(self.state, name, self.references)

    def _assign(self, fields: Fields) -> Callable[[Json, Scope], dict[str, Json]]:
        if "Assign" not in fields:
            return lambda data, scope: {}
        if fields.object("Assign") is None:
            return lambda data, scope: {}
        check_assign(fields, suffix=".$")
        build = compile_template(fields, "Assign", self.references)
        return lambda data, scope: checked(dict(build(data, scope)))

    def _result_path(self, fields: Fields) -> Combine:
        if "ResultPath" not in fields:
            return lambda raw, result: result
        if fields.get("ResultPath") is None:
            return lambda raw, result: raw
        path = self.path(fields, "ResultPath")
        if path is None or path.is_root:
            return lambda raw, result: result
        if path.root != "data":
            fields.error("Value is not a Reference Path: it must start with '$.'", "ResultPath")
        tokens = [step for _, step in path.tokens]
        text = path.text
        if len(tokens) > MAX_CREATED:
            fields.error("Value is not a Reference Path: it is too long", "ResultPath")
        return lambda raw, result: placed(text, tokens, raw, result)

    # -- constants, paths and templates of single fields

    def number(
        self, fields: Fields, name: str, low: int, high: int, *, whole: bool = True
    ) -> Callable[[Scope], Any]:
        """`Name`, or `NamePath`."""
        by_path = f"{name}Path"
        fields.at_most_one(name, by_path)
        if by_path in fields:
            return self._number_by_path(fields, name, low, high, whole=whole)
        constant = fields.integer(name, low, high) if whole else fields.number(name, low, high)
        return lambda scope: constant

    def _number_by_path(
        self, fields: Fields, name: str, low: int, high: int, *, whole: bool
    ) -> Callable[[Scope], Any]:
        field = f"{name}Path"
        path = self.path(fields, field)
        if path is None:
            return lambda scope: None
        take, read, text = self.effective_input(), self._reading(path), path.text

        def number(scope: Scope) -> float:
            raw = read(take(scope), scope)
            value = number_at(raw, whole=whole)
            if value is None:
                shown = raw if isinstance(raw, str) else dump(raw)
                kind = "integer" if whole else "float"
                raise runtime(
                    f'The {field} field refers to value "{shown}" which is not a valid {kind}: {text}'
                )
            if value < low or value > high:
                if not whole:
                    raise runtime(f"{name} must be between {low} and {high}.")
                if value < 0:
                    raise runtime(f"{name} cannot be negative.")
                raise runtime(f"{name} must be an integer between {low} and {high}.")
            return value

        return number

    def template(self, fields: Fields, name: str) -> Prepare:
        """A payload template over the effective input."""
        if name not in fields:
            return lambda scope, inspection=None: None
        build, take = compile_template(fields, name, self.references), self.effective_input()
        return lambda scope, inspection=None: build(take(scope), scope)

    def string(self, fields: Fields, name: str) -> Callable[[Scope], str | None]:
        """A constant text, or one by `NamePath`."""
        by_path = f"{name}Path"
        if by_path in fields:
            take = self.effective_input()
            get = evaluation(fields.get(by_path), by_path, fields, fields.at(by_path), self.references)

            def text(scope: Scope) -> str:
                value = get(take(scope), scope)
                if not isinstance(value, str):
                    raise runtime(f"The {by_path} field must refer to a string, but refers to {dump(value)}")
                return value

            return text
        constant = fields.text(name)
        return lambda scope: constant

    def failure(self) -> Callable[..., Failure]:
        """Error and Cause, or ErrorPath and CausePath."""
        self.state.at_most_one("Error", "ErrorPath")
        self.state.at_most_one("Cause", "CausePath")
        error, cause = self.string(self.state, "Error"), self.string(self.state, "Cause")

        def fail(scope: Scope, inspection: Inspection | None = None) -> Failure:
            if inspection is not None:
                inspection["afterInputPath"] = scope.input
            return Failure(error(scope), cause(scope))

        return fail

    # -- Wait

    def until_ms(self) -> Callable[[Scope], int]:
        """Seconds, SecondsPath, Timestamp or TimestampPath: exactly one."""
        names = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
        present = [name for name in names if name in self.state]
        if len(present) != 1:
            self.state.error(f"Exactly one of these fields is required: [{', '.join(names)}]")
            return lambda scope: scope.now_ms
        if "Seconds" in self.state:
            seconds = self.state.integer("Seconds", 0, MAX_SECONDS) or 0
            return lambda scope: scope.now_ms + 1000 * seconds
        if "Timestamp" in self.state:
            moment = timestamp_ms(self.state.get("Timestamp"))
            if moment is None:
                self.state.error("String does not match RFC3339 timestamp", "Timestamp")
            due = moment or 0
            return lambda scope: due
        path = self.path(self.state, present[0])
        if path is None:
            return lambda scope: scope.now_ms
        return self._until_path(present[0], path)

    def _until_path(self, field: str, path: Path) -> Callable[[Scope], int]:
        take, get, text = self.effective_input(), path.get, path.text

        def read(scope: Scope) -> Json:
            try:
                return get(take(scope), scope)
            except PathNotFound:
                raise runtime(f"The {field} parameter does not reference an input value: {text}") from None

        def after(scope: Scope) -> int:
            raw = read(scope)
            seconds = number_at(raw, whole=True)
            shown = raw if isinstance(raw, str) else dump(raw)
            if seconds is None:
                raise runtime(f"The SecondsPath parameter cannot be parsed as a long value: {text} == {shown}")
            if seconds < 0:
                raise runtime(f"The SecondsPath parameter references a negative value: {text} == {shown}")
            if seconds > MAX_SECONDS:
                raise runtime(f"The SecondsPath parameter exceeds {MAX_SECONDS}: {text} == {shown}")
            return scope.now_ms + 1000 * int(seconds)

        def at(scope: Scope) -> int:
            raw = read(scope)
            moment = timestamp_ms(raw)
            if moment is None:
                shown = raw if isinstance(raw, str) else dump(raw)
                raise runtime(
                    "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
                    f"date-time format string: {text} == {shown}"
                )
            return moment

        return after if field == "SecondsPath" else at

    # -- Map

    def items(self, *, distributed: bool) -> Prepare:
        """ItemsPath over the effective input."""
        path = self.path(self.state, "ItemsPath") if "ItemsPath" in self.state else None
        take = self.effective_input()
        read = self._reading(path) if path is not None else _same
        shown = path.text.removeprefix("$") if path is not None and path.root == "context" else None
        text = shown or (path.text if path is not None else "$")

        def items(scope: Scope, inspection: Inspection | None = None) -> Json:
            data = take(scope)
            if inspection is not None:
                inspection["afterInputPath"] = data
            found = read(data, scope)
            if distributed and isinstance(found, dict):
                found = [{"Key": key, "Value": value} for key, value in found.items()]
            if not isinstance(found, list):
                raise runtime(f'Reference path "{text}" must point to array.')
            if inspection is not None:
                inspection["afterItemsPath"] = found
            return found

        return items

    def selector(self) -> Prepare | None:
        """ItemSelector, or Parameters, its name of old."""
        self.state.at_most_one("ItemSelector", "Parameters")
        for name in ("ItemSelector", "Parameters"):
            if name in self.state:
                return self.template(self.state, name)
        return None
