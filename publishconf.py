"""The settings of the public site: absolute addresses and feeds."""

import os
import sys
from pathlib import Path

# Pelican runs this file by its path, from any folder.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from pelicanconf import *  # noqa: F403

SITEURL = os.environ.get("REJOINDER_SITE_URL", "").strip().rstrip("/")
if not SITEURL.startswith(("http://", "https://")):
    raise SystemExit(
        "REJOINDER_SITE_URL is missing or no http(s) address; "
        "set it to the site's public address, e.g. https://rejoinder.example"
    )
RELATIVE_URLS = False

# Drafts are there for whoever has their link; nobody guesses it (docs/writing.md).
DRAFT_URL = "drafts/{preview}/"
DRAFT_SAVE_AS = "drafts/{preview}/index.html"
DRAFT_LANG_URL = "drafts/{preview}/{lang}/"
DRAFT_LANG_SAVE_AS = "drafts/{preview}/{lang}/index.html"
DRAFT_PAGE_URL = "drafts/pages/{preview}/"
DRAFT_PAGE_SAVE_AS = "drafts/pages/{preview}/index.html"
DRAFT_PAGE_LANG_URL = "drafts/pages/{preview}/{lang}/"
DRAFT_PAGE_LANG_SAVE_AS = "drafts/pages/{preview}/{lang}/index.html"

FEED_DOMAIN = SITEURL
FEED_ALL_ATOM = "feeds/all.atom.xml"
FEED_ALL_RSS = "feeds/all.rss.xml"
# Whole articles: who reads in a feed reader should not have to leave it. Therefore not too many.
RSS_FEED_SUMMARY_ONLY = False
FEED_MAX_ITEMS = 20
CATEGORY_FEED_ATOM = "feeds/category/{slug}.atom.xml"
TAG_FEED_ATOM = "feeds/tag/{slug}.atom.xml"
AUTHOR_FEED_ATOM = "feeds/author/{slug}.atom.xml"
