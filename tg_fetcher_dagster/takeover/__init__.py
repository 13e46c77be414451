"""A DATA_DIR of the layout before the ledger, taken over into it at no request (docs/ledger.md)."""
