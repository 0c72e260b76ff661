"""Who may do what, as errors with a code."""

from api.auth import Role
from api.context import Info
from api.schema.error import ForbiddenError, UnauthenticatedError


def require_admin(info: Info, what: str) -> None:
    """Raise unless the viewer is an admin; *what* begins the sentence."""
    if info.context.viewer.role is Role.READER:
        raise UnauthenticatedError(f"{what} needs a bearer token of an admin: see `sci token`")
    if info.context.viewer.role is not Role.ADMIN:
        raise ForbiddenError(f"{what} is for admins only")


def require_editor_of(info: Info, cities: set[str]) -> None:
    """Raise unless the viewer may change the scores of *cities*: an admin any, an editor the token's."""
    viewer = info.context.viewer
    if viewer.role is Role.READER:
        raise UnauthenticatedError("submitScores needs a bearer token of an editor or admin: see `sci token`")
    if viewer.role is Role.EDITOR and cities - set(viewer.cities):
        allowed = ", ".join(viewer.cities) or "no city"
        raise ForbiddenError(f"this token may change the scores of {allowed} only")
