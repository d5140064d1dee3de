"""Where a reply stands on the site, also in a discussion of several pages."""

from urllib.parse import urljoin

from comments_service.domain.errors import NotFound
from comments_service.domain.i18n import sentence
from comments_service.services.pages import the_site
from comments_service.store import comments, pages
from comments_service.store.comments import Stored
from comments_service.web.support.context import Context


def locate(context: Context, public_id: str) -> tuple[Stored, str]:
    """Return the reply whatever its state, and the address of its place once it is public.

    Raises `NotFound` for an unknown id.
    """
    with context.db.read() as connection:
        site = the_site(connection)
        # PostgreSQL refuses NUL in a text; no id has a control character.
        reply = comments.find(connection, site.id, public_id) if public_id.isalnum() else None
        if reply is None:
            raise NotFound(sentence("This reply does not exist any more."))
        slot = comments.slot_of_thread(connection, reply.id)
        address = pages.address_of_slot(connection, reply.page_id, slot)
    return reply, f"{urljoin(context.settings.site_url, address)}#comment-{public_id}"
