"""The search: an index of the articles and the approved replies, made by Pagefind, kept exact."""
