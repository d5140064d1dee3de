"""Sending of mail: the outbox worker, the SMTP client and the messages."""
