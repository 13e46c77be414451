"""The command tg-fetcher."""
