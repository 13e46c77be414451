"""Telegram chats, day by day and complete, as files: ask once, prove it, rebuild for ever."""
