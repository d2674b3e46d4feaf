"""Every error the product raises on purpose: one base, one class per boundary, messages that name thing, value, fix."""


class NightschoolError(Exception):
    """The base; `code` is stable for programs, the text is for people."""

    code = "error"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class BadInput(NightschoolError):
    """Something handed in cannot be read: a row, a request, a file, a setting."""

    code = "bad_input"


class NotFound(NightschoolError):
    """A named thing (toolset, release, file, model) is not there; the message says what to do."""

    code = "not_found"


class ToolsetError(NightschoolError):
    """A toolset cannot be used: empty, duplicate names, or a schema no grammar can express."""

    code = "bad_toolset"


class ModelError(NightschoolError):
    """A model file is missing, corrupted, or an engine failed."""

    code = "model"


class TrainingError(NightschoolError):
    """A training step failed; nothing was registered."""

    code = "training"


class TrainingAwaited(TrainingError):
    """A night stopped before its training, which another machine does."""

    code = "training_awaited"


class StoreError(NightschoolError):
    """A stored row is newer than this code, or another process holds a lease."""

    code = "store"


class ToolError(NightschoolError):
    """A business system refuses a call: a missing record, a broken rule; nothing was changed."""

    code = "tool"

    def __init__(self, message: str, field: str = "", value: object = None) -> None:
        super().__init__(message)
        self.field, self.value = field, value


class Denied(ToolError):
    """Policy refuses a call, or a person may not do what they try; nothing was changed."""

    code = "denied"


class ApprovalNeeded(ToolError):
    """A person has to let a call through first; nothing was changed."""

    code = "approval_needed"

    def __init__(self, message: str, request: str) -> None:
        super().__init__(message)
        self.request = request
        """Id of what waits."""


class OutcomeUnknown(ToolError):
    """Nobody can say whether a business system did a write; a person has to look before anything is done again."""

    code = "unknown"


class ContactLost(NightschoolError):
    """A business system did not answer: it may or may not have done what it was asked."""

    code = "contact_lost"
