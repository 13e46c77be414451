"""Where messages come from: accounts, the client, the walk over history."""
