"""The site side's errors; every message explains the fix."""


class DiscussionError(Exception):
    """Anything that the site side reports to the person who runs it."""


class SettingsError(DiscussionError):
    """A setting is missing or cannot be used."""


class ServiceError(DiscussionError):
    """The comments service gave no usable answer."""


class ServiceUnavailable(ServiceError):
    """The service cannot be reached, or reports that it is unavailable."""


class ServiceRefused(ServiceError):
    """The service does not accept this site's token."""


class DataLossError(ServiceError):
    """The service answers from a different database, or lost most replies; nothing was changed.

    `epoch` names the database that it answers from.
    """

    def __init__(self, message: str, epoch: str) -> None:
        super().__init__(message)
        self.epoch = epoch


class WireError(ServiceError):
    """The service's response violates docs/api.md; the message never quotes its texts."""


class SnapshotError(DiscussionError):
    """The snapshot of the discussions cannot be used."""


class RenderError(DiscussionError):
    """A discussion cannot be turned into HTML."""


class PageError(DiscussionError):
    """A built page does not have exactly one pair of markers for its discussion."""


class PrivacyError(PageError):
    """A page would show somebody's address; the message names the reply and the field."""


class ManifestError(DiscussionError):
    """A build has no manifest, or one that cannot be used."""


class BuildError(DiscussionError):
    """A build of the site failed; what was published before is untouched."""
