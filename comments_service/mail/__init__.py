"""Mail: written with its cause into the outbox, sent by a worker; links in it open pages."""
