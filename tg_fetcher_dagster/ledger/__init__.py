"""What is known: one database of chats, days, asks, runs and events. No other package speaks SQL."""
