"""A Telegram stand-in on 127.0.0.1 that real clients talk to."""
