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

FEED_DOMAIN = SITEURL
FEED_ALL_ATOM = "feeds/all.atom.xml"
CATEGORY_FEED_ATOM = "feeds/category/{slug}.atom.xml"
TAG_FEED_ATOM = "feeds/tag/{slug}.atom.xml"
AUTHOR_FEED_ATOM = "feeds/author/{slug}.atom.xml"
