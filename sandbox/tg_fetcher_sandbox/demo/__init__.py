"""What `tg-fetcher demo` is made of: the processes it starts, what it asks, what it checks, what it shows."""
