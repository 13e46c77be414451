"""With whose eyes: the sessions, who uses one now, how fast it asks and what Telegram has said of it."""
