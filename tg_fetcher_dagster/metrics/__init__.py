"""What is measured: every metric's name, unit and labels. Pure; docs/metrics.md is generated from here.

Whoever does something worth counting writes it into the ledger (`ledger.measures.measure`), in the
transaction of the thing itself; `tg-fetcher monitor` alone shows it.
"""
