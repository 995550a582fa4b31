"""Error responses: metav1.Status with the texts of a real server, and their HTTP headers."""

from __future__ import annotations

from typing import Any

import msgspec

NOT_FOUND_TEXT = b"404 page not found\n"


class StatusError(Exception):
    """An error response. `body` is JSON with a final newline, or plain text."""

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = "application/json",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(body.decode().strip())
        self.status = status
        self.body = body
        self.content_type = content_type
        self.retry_after = retry_after


def status_object(
    code: int,
    reason: str,
    message: str,
    *,
    details: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A metav1.Status of a failure, its fields in the server's order."""
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": metadata or {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": code,
    }
    left_out = {"details"} if details is None else set()
    if not reason:
        left_out.add("reason")
    return {key: value for key, value in status.items() if key not in left_out}


def status_error(code: int, reason: str, message: str, **more: Any) -> StatusError:
    """A StatusError whose body is a Status. `more`: details, metadata, retry_after (seconds)."""
    retry_after = more.pop("retry_after", None)
    body = msgspec.json.encode(status_object(code, reason, message, **more)) + b"\n"
    return StatusError(code, body, retry_after=retry_after)


def bad_request(message: str) -> StatusError:
    return status_error(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return status_error(401, "Unauthorized", "Unauthorized")


def no_such_resource() -> StatusError:
    """The group is served, the resource is not."""
    return status_error(404, "NotFound", "the server could not find the requested resource", details={})


def no_such_page() -> StatusError:
    """The group is not served: the body is not a Status."""
    return StatusError(404, NOT_FOUND_TEXT, content_type="text/plain; charset=utf-8")


def no_such_object(resource: str, group: str, name: str) -> StatusError:
    details = {"name": name, **({"group": group} if group else {}), "kind": resource}
    qualified = f"{resource}.{group}" if group else resource
    return status_error(404, "NotFound", f'{qualified} "{name}" not found', details=details)


def method_not_allowed() -> StatusError:
    message = "the server does not allow this method on the requested resource"
    return status_error(405, "MethodNotAllowed", message, details={})


def not_acceptable(message: str) -> StatusError:
    return status_error(406, "NotAcceptable", message)


def forbidden_option(field: str, message: str) -> StatusError:
    """422: a combination of list options that validation forbids."""
    cause = {"reason": "FieldValueForbidden", "message": f"Forbidden: {message}", "field": field}
    details = {"group": "meta.k8s.io", "kind": "ListOptions", "causes": [cause]}
    text = f'ListOptions.meta.k8s.io "" is invalid: {field}: Forbidden: {message}'
    return status_error(422, "Invalid", text, details=details)


def too_large_version(wanted: int, current: int) -> StatusError:
    """504 for a version in the future. The client should retry after a second."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    details = {"causes": [cause], "retryAfterSeconds": 1}
    return status_error(504, "Timeout", message, details=details, retry_after=1)


def expired_version() -> StatusError:
    return status_error(410, "Expired", "The resourceVersion for the provided list is too old.")


def expired_token(inconsistent: str) -> StatusError:
    """410 for a continue token that was compacted; `inconsistent`: a token to continue with."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new "
        "list without the continue parameter, or use the continue token in this response to retrieve the "
        "remainder of the results. Continuing with the provided token results in an inconsistent list - "
        "objects that were created, modified, or deleted between the time the first chunk was returned and "
        "now may show up in the list."
    )
    return status_error(410, "Expired", message, metadata={"continue": inconsistent})
