"""Where messages come from: signing in, the one line of requests, the walk over history, errors sorted."""
