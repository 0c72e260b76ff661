"""Who may do what: UNAUTHENTICATED without a token, FORBIDDEN with one that does not allow it."""

from api.access.token import ANONYMOUS, Role
from api.error import ForbiddenError, UnauthenticatedError
from api.operation.context import Info


def require_admin(info: Info, what: str) -> None:
    """Raise unless the viewer is an admin; *what* begins the sentence."""
    viewer = info.context.viewer
    if viewer is ANONYMOUS:
        raise UnauthenticatedError(f"{what} needs a bearer token of an admin")
    if viewer.role is not Role.ADMIN:
        raise ForbiddenError(f"{what} is for admins only, and this token is of the role {viewer.role}")


def require_editor(info: Info, what: str) -> None:
    """Raise unless the viewer is an editor or admin; *what* begins the sentence."""
    viewer = info.context.viewer
    if viewer is ANONYMOUS:
        raise UnauthenticatedError(f"{what} needs a bearer token of an editor or admin")
    if viewer.role is Role.READER:
        raise ForbiddenError(f"{what} is for editors and admins only, and this token is of the role reader")


def require_editor_of(info: Info, cities: set[str]) -> None:
    """Raise unless the viewer may change the scores of *cities*: an admin any, an editor the token's."""
    require_editor(info, "submitScores")
    viewer = info.context.viewer
    if viewer.role is Role.EDITOR and cities - set(viewer.cities):
        allowed = ", ".join(viewer.cities) or "no city"
        raise ForbiddenError(f"this token may change the scores of {allowed} only")
