"""What Step Functions answers when it refuses: shapes and texts to the letter, since people match on them.

Source: Step Functions API Reference, each operation's errors; recorded answers.
"""

from __future__ import annotations

from ballroom.kernel import ServiceError


class StatesRefusal(ServiceError):
    """Base of every error that Step Functions answers."""

    status = 400


class _Quoting(StatesRefusal):
    """An error whose text is a lead and what it is about, in quotes."""

    lead = ""

    def __init__(self, about: str) -> None:
        super().__init__(f"{self.lead}: '{about}'")


class InvalidArn(_Quoting):
    """The ARN is none, or names another kind of resource."""

    shape = "InvalidArn"
    lead = "Invalid Arn"


class InvalidName(_Quoting):
    """The name has characters that AWS does not allow."""

    shape = "InvalidName"
    lead = "Invalid Name"


class InvalidToken(_Quoting):
    """The page or task token is none of ours."""

    shape = "InvalidToken"
    lead = "Invalid Token"


class InvalidOutput(_Quoting):
    """The output of a callback is no JSON."""

    shape = "InvalidOutput"
    lead = "Invalid Output"


class InvalidExecutionInput(_Quoting):
    """The input is no JSON, or too long."""

    shape = "InvalidExecutionInput"
    lead = "Invalid State Machine Execution Input"


class InvalidDefinitionRefused(StatesRefusal):
    """The definition breaks the language's rules; the language words it."""

    shape = "InvalidDefinition"


class InvalidLoggingConfiguration(StatesRefusal):
    """The logging configuration cannot be honoured."""

    shape = "InvalidLoggingConfiguration"

    def __init__(self, why: str) -> None:
        super().__init__(f"Invalid Logging Configuration: {why}")


class InvalidEncryptionConfiguration(StatesRefusal):
    """The encryption configuration contradicts itself."""

    shape = "InvalidEncryptionConfiguration"

    def __init__(self, why: str) -> None:
        super().__init__(f"Invalid Encryption Configuration: {why}")


class MissingRequiredParameter(StatesRefusal):
    """UpdateStateMachine without anything to change."""

    shape = "MissingRequiredParameter"
    text = "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"  # noqa: E501 - AWS's text


class StateMachineAlreadyExists(_Quoting):
    """A state machine of that name exists and differs."""

    shape = "StateMachineAlreadyExists"
    lead = "State Machine Already Exists"


class StateMachineDoesNotExist(_Quoting):
    """No such state machine, version or alias."""

    shape = "StateMachineDoesNotExist"
    lead = "State Machine Does Not Exist"


class StateMachineTypeNotSupported(StatesRefusal):
    """The operation does not go with the machine's type."""

    shape = "StateMachineTypeNotSupported"
    text = "This operation is not supported by this type of state machine"


class ExecutionAlreadyExists(_Quoting):
    """An execution of that name exists, with another input or ended."""

    shape = "ExecutionAlreadyExists"
    lead = "Execution Already Exists"


class ExecutionDoesNotExist(_Quoting):
    """No such execution."""

    shape = "ExecutionDoesNotExist"
    lead = "Execution Does Not Exist"


class ExecutionNotRedrivable(StatesRefusal):
    """Only what failed, timed out or was aborted within 14 days can be redriven."""

    shape = "ExecutionNotRedrivable"

    def __init__(self, why: str) -> None:
        super().__init__(f"Execution not redrivable: '{why}'")


class ActivityDoesNotExist(_Quoting):
    """No such activity."""

    shape = "ActivityDoesNotExist"
    lead = "Activity Does Not Exist"


class ActivityAlreadyExists(_Quoting):
    """An activity of that name exists with another encryption."""

    shape = "ActivityAlreadyExists"
    lead = "Activity Already Exists"


class TaskTimedOut(_Quoting):
    """The task that the token belongs to is over."""

    shape = "TaskTimedOut"
    lead = "Task Timed Out"

    def __init__(self) -> None:
        super().__init__("Provided task does not exist anymore")


class ResourceNotFound(StatesRefusal):
    """No such alias, map run or resource to tag."""

    shape = "ResourceNotFound"
    text = "Request references a resource that does not exist."


class ConflictException(StatesRefusal):
    """What is asked for contradicts what is there."""

    shape = "ConflictException"


class ServiceQuotaExceeded(StatesRefusal):
    """One version or alias too many."""

    shape = "ServiceQuotaExceededException"


class TooManyTags(StatesRefusal):
    """More than 50 tags."""

    shape = "TooManyTags"
    text = "You've exceeded the number of tags allowed for a resource."


class Invalid(StatesRefusal):
    """A rule that the model cannot say."""

    shape = "ValidationException"
