"""Who asks: tenant, person, role, scopes; on every stored row from the first migration."""

from core.types.value import Value, content_hash


class Principal(Value):
    """A person or a program acting for one tenant."""

    tenant: str = "default"
    """The firm whose data this is; rows of two tenants never mix."""
    person: str = "operator"
    """Stable id of who asks, within the tenant."""
    role: str = "operator"
    """What they are: decides what policy lets them do."""
    scopes: tuple[str, ...] = ()
    """Named rights of the credential used."""

    @property
    def subject_key(self) -> str:
        """The key under which everything about this person can be found and forgotten."""
        return content_hash([self.tenant, self.person])


IMPORTER = Principal(person="", role="importer")
"""Imported traces carry no person."""
