"""What is refused of a request about state, in the words and the shape of OpenAI's API."""

from stitcher.errors import ClientError


class Refusal(ClientError):
    """A request that cannot be answered as it is. `param` names the field or parameter at fault."""

    def __init__(
        self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    @property
    def document(self) -> dict[str, object]:
        """The body of the answer (OpenAI API reference, "Error codes", November 2026)."""
        error = {
            "message": str(self),
            "type": "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}


def no_response(response_id: str) -> Refusal:
    """For an id that is unknown, another tenant's, deleted, or of a response that is not stored."""
    return Refusal(f"Response with id '{response_id}' not found.", status=404)


def no_previous_response(response_id: str) -> Refusal:
    """For an id to go on from that is unknown or another tenant's."""
    return Refusal(
        f"Previous response with id '{response_id}' not found.",
        param="previous_response_id",
        code="previous_response_not_found",
    )


def two_histories() -> Refusal:
    """For a request that says of two histories that it goes on from them."""
    return Refusal(
        "Mutually exclusive parameters. Ensure you are only providing one of: "
        "'previous_response_id' or 'conversation'.",
        code="mutually_exclusive_parameters",
    )


def no_conversation(conversation_id: str) -> Refusal:
    """For an id that is unknown, another tenant's or deleted."""
    return Refusal(f"Conversation with id '{conversation_id}' not found.", status=404)


def no_item(item_id: str) -> Refusal:
    """For an item that is not in the conversation, or not any more."""
    return Refusal(f"Item with id '{item_id}' not found in conversation.", status=404)


def no_referred_item(item_id: str) -> Refusal:
    """For an item named instead of said, whose id is unknown or another tenant's."""
    return Refusal(f"Item with id '{item_id}' not found.", status=404, param="input")
