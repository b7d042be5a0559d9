"""The Rules section: assertions about parameters, made before anything is created.

Source: CloudFormation User Guide, "CloudFormation template Rules syntax", "Rule-specific intrinsic functions".
The text of a broken assertion is ours: AWS documents only that the description is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ValidationError
from .evaluate import Evaluator
from .load import Template
from .references import function_of
from .values import as_text, is_scalar

RULE_KEYS = frozenset({"Assertions", "RuleCondition"})
ASSERTION_KEYS = frozenset({"Assert", "AssertDescription"})
NEEDS_ACCOUNT_RESOURCES = ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll")
"""Functions over what EC2, VPC and Route 53 hold."""


def check_rules(template: Template, evaluator: Evaluator) -> None:
    """Refuse a template that breaks one of its own rules.

    Args:
        template: its shape has been checked.
        evaluator: knows the parameters' values.

    Raises:
        ValidationError: a rule of the wrong form, or an assertion that does not hold.
    """
    for name, rule in template.get("Rules", {}).items():
        _check_form(name, rule)
        functions = _Functions(name, evaluator)
        if "RuleCondition" in rule and not functions.truth(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not functions.truth(assertion["Assert"]):
                text = assertion.get("AssertDescription", "an assertion does not hold")
                raise ValidationError(f"Template error: Rule {name} failed: {text}")


def _check_form(name: str, rule: Any) -> None:
    if not isinstance(rule, dict):
        raise ValidationError("Template format error: Any Rules member must be an object.")
    for key in rule:
        if key not in RULE_KEYS:
            raise ValidationError(f"Invalid template rule property '{key}'")
    assertions = rule.get("Assertions")
    if not isinstance(assertions, list) or not assertions:
        raise ValidationError(
            f"Template format error: Rule {name} must contain a non-empty list of Assertions."
        )
    for assertion in assertions:
        if not isinstance(assertion, dict) or "Assert" not in assertion or assertion.keys() - ASSERTION_KEYS:
            raise ValidationError(
                f"Template format error: Every Assertions member of rule {name} must be an object with an "
                "Assert."
            )


class _Functions:
    """Evaluates what a rule may say: functions over parameters that give true or false."""

    def __init__(self, rule: str, evaluator: Evaluator) -> None:
        self._rule, self._evaluator = rule, evaluator

    def truth(self, node: Any) -> bool:
        """Whether an assertion or condition holds."""
        value = self._value(node)
        if value in (True, "true"):
            return True
        if value in (False, "false"):
            return False
        raise ValidationError(f"Template error: rule {self._rule} must evaluate to a boolean")

    def _value(self, node: Any) -> Any:
        call = function_of(node)
        if call is None:
            return [self._value(item) for item in node] if isinstance(node, list) else node
        name, argument = call
        if name in NEEDS_ACCOUNT_RESOURCES:
            raise ValidationError(
                f"Ballroom does not support {name} in rules: it has no EC2 or Route 53 resources"
            )
        function = _FUNCTIONS.get(name)
        if function is not None:
            return function(self, name, argument)
        if name in ("Fn::Equals", "Ref"):
            return self._evaluator.value(node)
        raise ValidationError(f"Template error: {name} cannot be used in rule {self._rule}")

    def _operands(self, name: str, argument: Any, least: int, most: int) -> list[bool]:
        if not isinstance(argument, list) or not least <= len(argument) <= most:
            raise ValidationError(
                f"Template error: {name} in rule {self._rule} has the wrong number of members"
            )
        return [self.truth(item) for item in argument]

    def _and(self, name: str, argument: Any) -> bool:
        return all(self._operands(name, argument, 2, 10))

    def _or(self, name: str, argument: Any) -> bool:
        return any(self._operands(name, argument, 2, 10))

    def _not(self, name: str, argument: Any) -> bool:
        return not self._operands(name, argument, 1, 1)[0]

    def _if(self, name: str, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            raise ValidationError(f"Template error: {name} requires a list argument with three elements")
        condition = argument[0]
        holds = self._evaluator.condition(condition) if isinstance(condition, str) else self.truth(condition)
        return self._value(argument[1 if holds else 2])

    def _pair(self, name: str, argument: Any) -> tuple[list[str], Any]:
        """A list of texts and what is looked for in it."""
        if not isinstance(argument, list) or len(argument) != 2:
            raise ValidationError(f"Template error: every {name} object requires a list of two members")
        texts, other = (self._value(item) for item in argument)
        return self._texts(name, texts), other

    @staticmethod
    def _texts(name: str, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(map(is_scalar, value)):
            raise ValidationError(f"Template error: {name} requires lists of strings")
        return [as_text(item) for item in value]

    def _contains(self, name: str, argument: Any) -> bool:
        texts, wanted = self._pair(name, argument)
        if not is_scalar(wanted):
            raise ValidationError(f"Template error: {name} requires a string to look for")
        return as_text(wanted) in texts

    def _each_equals(self, name: str, argument: Any) -> bool:
        texts, wanted = self._pair(name, argument)
        return is_scalar(wanted) and all(text == as_text(wanted) for text in texts)

    def _each_in(self, name: str, argument: Any) -> bool:
        texts, allowed = self._pair(name, argument)
        return set(texts) <= set(self._texts(name, allowed))


_FUNCTIONS: Mapping[str, Callable[[_Functions, str, Any], Any]] = {
    "Fn::And": _Functions._and,
    "Fn::Contains": _Functions._contains,
    "Fn::EachMemberEquals": _Functions._each_equals,
    "Fn::EachMemberIn": _Functions._each_in,
    "Fn::If": _Functions._if,
    "Fn::Not": _Functions._not,
    "Fn::Or": _Functions._or,
}
