"""Who calls: a program with a key, or a person signed in on the page."""

from __future__ import annotations

from dataclasses import dataclass

ANALYST, FIELD, OPERATOR = "analyst", "field", "operator"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever made a request, known for certain.

    Attributes:
        name: of the key or of the user; what cases are assigned to and what people see.
        role: ``analyst``, ``field`` or ``operator``.
        who: for the audit log: ``user Ada``, ``key lp_x1y2z3a4``.
        mark: for the request log, where no names belong: ``lp_x1y2z3a4``, ``user 3``.
        csrf: the token that a signed-in page sends with every write; empty for a key.
    """

    name: str
    role: str
    who: str
    mark: str
    csrf: str = ""

    def may(self, *roles: str) -> bool:
        """Whether one of these roles is the caller's; an operator may do everything."""
        return self.role == OPERATOR or self.role in roles

    @property
    def sees_all(self) -> bool:
        """Whether the caller sees more than the cases assigned to it."""
        return self.role != FIELD
