"""The process beside the flow, `tg-fetcher monitor`: it reads each source by itself and shows what it saw."""
