"""The site's settings for development; publishconf.py adds what the public site needs."""

import os
from pathlib import Path

from markdown.extensions import toc

ROOT = Path(__file__).resolve().parent


def heading_id(text: str, separator: str) -> str:
    """Return the id of a heading; the prefix keeps it apart from the form's and the replies'."""
    return f"section-{toc.slugify(text, separator)}"


SITENAME = "Rejoinder"
SITESUBTITLE = "Advice that waits for your answer"
AUTHOR = "The editors"
# What an article says of its author, by the name in its metadata; `url` may be "".
AUTHOR_FACTS = {
    "Mara Lindqvist": {
        "bio": "Mara Lindqvist edits this site and writes about careers, mostly other people’s. "
        "She has asked for directions in nine countries and followed them in two.",
        "url": "",
    },
    "Tomás Okafor": {
        "bio": "Tomás Okafor writes about the work that people do together, near and far. "
        "He keeps a list of meetings that could have been a note, and reads it in meetings.",
        "url": "",
    },
    "Edie Farrow": {
        "bio": "Edie Farrow writes about everything that the others leave on her desk. "
        "Her pencils are sharpened on Mondays.",
        "url": "",
    },
}
# Root-relative links, Pelican's convention for development.
SITEURL = ""
RELATIVE_URLS = False

PATH = str(ROOT / "content")
THEME = str(ROOT / "theme")
OUTPUT_PATH = str(ROOT / "output")
ARTICLE_PATHS = [""]
PAGE_PATHS = ["pages"]
STATIC_PATHS = ["images"]
# In this order: discussions tell search engines what reading and cards found out.
PLUGINS = [
    "plugins.language",
    "plugins.pictures",
    "plugins.reading",
    "plugins.cards",
    "plugins.minify_css",
    "plugins.discussion",
    "plugins.authoring",
    "plugins.robots",
    "plugins.quick",
]

# Times and names of months must not depend on the machine that builds.
TIMEZONE = "UTC"
LOCALE = ["C.UTF-8", "C"]
# The service speaks the same (docs/languages.md).
DEFAULT_LANG = os.environ.get("REJOINDER_LANGUAGE") or "en"
DEFAULT_DATE_FORMAT = "%-d %B %Y"

# One folder a page, so that addresses have no file extension.
ARTICLE_URL = "{slug}/"
ARTICLE_SAVE_AS = "{slug}/index.html"
ARTICLE_LANG_URL = "{slug}/{lang}/"
ARTICLE_LANG_SAVE_AS = "{slug}/{lang}/index.html"
DRAFT_URL = "drafts/{slug}/"
DRAFT_SAVE_AS = "drafts/{slug}/index.html"
DRAFT_LANG_URL = "drafts/{slug}/{lang}/"
DRAFT_LANG_SAVE_AS = "drafts/{slug}/{lang}/index.html"
PAGE_URL = "{slug}/"
PAGE_SAVE_AS = "{slug}/index.html"
PAGE_LANG_URL = "{slug}/{lang}/"
PAGE_LANG_SAVE_AS = "{slug}/{lang}/index.html"
DRAFT_PAGE_URL = "drafts/pages/{slug}/"
DRAFT_PAGE_SAVE_AS = "drafts/pages/{slug}/index.html"
DRAFT_PAGE_LANG_URL = "drafts/pages/{slug}/{lang}/"
DRAFT_PAGE_LANG_SAVE_AS = "drafts/pages/{slug}/{lang}/index.html"
CATEGORY_URL = "category/{slug}/"
CATEGORY_SAVE_AS = "category/{slug}/index.html"
TAG_URL = "tag/{slug}/"
TAG_SAVE_AS = "tag/{slug}/index.html"
AUTHOR_URL = "author/{slug}/"
AUTHOR_SAVE_AS = "author/{slug}/index.html"

DIRECT_TEMPLATES = ["index", "authors", "categories", "tags", "archives", "search", "404"]
# The addresses that a theme links to, and the files behind them.
ARCHIVES_URL = "archive/"
ARCHIVES_SAVE_AS = "archive/index.html"
CATEGORIES_URL = "topics/"
CATEGORIES_SAVE_AS = "topics/index.html"
TAGS_URL = "tags/"
TAGS_SAVE_AS = "tags/index.html"
AUTHORS_URL = "authors/"
AUTHORS_SAVE_AS = "authors/index.html"
SEARCH_URL = "search/"
SEARCH_SAVE_AS = "search/index.html"

DEFAULT_PAGINATION = 5
# The default patterns fail when one tag's name begins another's and both paginate.
PAGINATION_PATTERNS = [
    (1, "{url}", "{save_as}"),
    (2, "{base_name}/page/{number}/", "{base_name}/page/{number}/index.html"),
]

DEFAULT_CATEGORY = "advice"
USE_FOLDER_AS_CATEGORY = False
DEFAULT_METADATA = {"status": "published"}
# plugins.authoring holds back what is of a future day, and sees to it that the day is not missed.
WITH_FUTURE_DATES = True
SUMMARY_MAX_LENGTH = 40

MARKDOWN = {
    "extension_configs": {
        # No style attributes: the site's Content-Security-Policy allows none.
        "markdown.extensions.extra": {"tables": {"use_align_attribute": True}},
        "markdown.extensions.admonition": {},
        "markdown.extensions.smarty": {},
        "markdown.extensions.toc": {"slugify": heading_id},
        "markdown.extensions.sane_lists": {},
        "markdown.extensions.meta": {},
        # Counts words and lists headings, once for each text.
        "plugins.reading.extension": {},
    },
    "output_format": "html5",
}
TYPOGRIFY = False

# What did not change is taken over from the build before (docs/settings.md).
QUICK_CACHE = str(ROOT / os.environ.get("REJOINDER_VAR", "var") / "cache")
QUICK_LINK = True
# They give the same for the same and change nothing.
QUICK_PURE = ("heading_id",)
QUICK_PURE_EXTENSIONS = ("plugins.reading.extension",)

# Pelican's own cache does not notice changed settings or plugins.
CACHE_CONTENT = False
LOAD_CONTENT_CACHE = False

FEED_ALL_ATOM = None
CATEGORY_FEED_ATOM = None
TRANSLATION_FEED_ATOM = None
AUTHOR_FEED_ATOM = None
AUTHOR_FEED_RSS = None

# The discussions; what is left out has its default (docs/theme.md).
DISCUSSION_SNAPSHOT = str(ROOT / os.environ.get("REJOINDER_VAR", "var") / "discussions.sqlite3")
DISCUSSION_MAX_DEPTH = 4
DISCUSSION_REQUIRED = True
# The form offers mail only where the service can send it. Every verb loads var/rejoinder.env, where
# the service's setting stands; whoever builds on another machine sets this to True.
DISCUSSION_FOLLOW = bool(os.environ.get("REJOINDER_SMTP_URL"))
