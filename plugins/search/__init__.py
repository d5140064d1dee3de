"""The search: an index of articles and approved replies, made by Pagefind."""
