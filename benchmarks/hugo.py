"""The same articles for Hugo, with a theme that has the same pages, in the same tens."""

import json
from pathlib import Path

from benchmarks.articles import Generated

CONFIG = {
    "baseURL": "/",
    "title": "Benchmark",
    "languageCode": "en",
    "disableKinds": ["rss", "sitemap", "section"],
    "pagination": {"pagerSize": 10},
    "taxonomies": {"tag": "tags", "category": "categories", "author": "authors"},
    "permalinks": {"page": {"posts": "/:slug/"}},
    "markup": {"goldmark": {"renderer": {"unsafe": True}}},
}
BASE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ .Title }} – {{ site.Title }}</title>
{{ with .Params.summary }}<meta name="description" content="{{ . }}">{{ end }}
<link rel="stylesheet" href="/theme/css/site.css">
</head>
<body>
<header><a href="/">{{ site.Title }}</a>
<nav><ul><li><a href="/">Articles</a></li><li><a href="/archive/">Archive</a></li>
<li><a href="/categories/">Topics</a></li></ul></nav></header>
<main>{{ block "main" . }}{{ end }}</main>
<footer><p>{{ site.Title }}</p></footer>
</body>
</html>
"""
SINGLE = """{{ define "main" }}
<article>
{{ range .GetTerms "categories" }}<p><a href="{{ .RelPermalink }}">{{ .Title }}</a></p>{{ end }}
<h1>{{ .Title }}</h1>
{{ range .GetTerms "authors" }}<p>By <a href="{{ .RelPermalink }}">{{ .Title }}</a></p>{{ end }}
<p><time datetime="{{ .Date.Format "2006-01-02" }}">{{ .Date.Format "2 January 2006" }}</time></p>
<div>{{ .Content }}</div>
<section><h2>{{ .Params.question }}</h2></section>
<ul>{{ range .GetTerms "tags" }}
<li><a href="{{ .RelPermalink }}">{{ .Title }}</a></li>{{ end }}</ul>
</article>
{{ end }}
"""
LIST = """{{ define "main" }}
<h1>{{ .Title }}</h1>
{{ $pages := .Paginate .RegularPages }}
{{ range $pages.Pages }}
<article>
<p><time datetime="{{ .Date.Format "2006-01-02" }}">{{ .Date.Format "2 January 2006" }}</time>
{{ range .GetTerms "categories" }}<a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}</p>
<h2><a href="{{ .RelPermalink }}">{{ .Title }}</a></h2>
<p>{{ .Params.summary }}</p>
{{ range .GetTerms "authors" }}<p>By <a href="{{ .RelPermalink }}">{{ .Title }}</a></p>{{ end }}
<p>{{ .Params.question }}</p>
</article>
{{ end }}
<nav>
{{ with $pages.Prev }}<a href="{{ .URL }}">Newer articles</a>{{ end }}
<span>Page {{ $pages.PageNumber }} of {{ $pages.TotalPages }}</span>
{{ with $pages.Next }}<a href="{{ .URL }}">Older articles</a>{{ end }}
</nav>
{{ end }}
"""
TERMS = """{{ define "main" }}
<h1>{{ .Title }}</h1>
<ul>{{ range .Data.Terms.Alphabetical }}
<li><a href="{{ .Page.RelPermalink }}">{{ .Page.Title }}</a> {{ .Count }} articles</li>
{{ end }}</ul>
{{ end }}
"""
ARCHIVE = """{{ define "main" }}
<h1>Archive</h1>
{{ range site.RegularPages.GroupByDate "2006" }}
<h2>{{ .Key }}</h2>
<ol>{{ range .Pages }}
<li><time>{{ .Date.Format "2 January" }}</time> <a href="{{ .RelPermalink }}">{{ .Title }}</a></li>
{{ end }}</ol>
{{ end }}
{{ end }}
"""


def write_site(root: Path, articles: list[Generated]) -> None:
    """Write a Hugo project."""
    layouts = root / "layouts"
    posts = root / "content" / "posts"
    for folder in (layouts / "_default", posts):
        folder.mkdir(parents=True)
    (root / "hugo.json").write_text(json.dumps(CONFIG))
    (layouts / "_default" / "baseof.html").write_text(BASE)
    (layouts / "_default" / "single.html").write_text(SINGLE)
    (layouts / "_default" / "list.html").write_text(LIST)
    (layouts / "_default" / "terms.html").write_text(TERMS)
    (layouts / "_default" / "archive.html").write_text(ARCHIVE)
    (layouts / "index.html").write_text(LIST.replace(".RegularPages", "site.RegularPages"))
    (root / "content" / "archive.md").write_text('{"title": "Archive", "layout": "archive"}\n')
    for one in articles:
        front = {
            "title": one.title,
            "slug": one.slug,
            "date": one.date.isoformat(),
            "categories": [one.category],
            "authors": [one.author],
            "tags": one.tags,
            "question": one.question,
            "summary": one.summary,
        }
        (posts / f"{one.slug}.md").write_text(f"{json.dumps(front)}\n\n{one.body}\n", "utf-8")
