"""Pages for readers and reply authors."""
