"""The process beside the flow, `tg-fetcher monitor`: it reads every source by itself, and shows what it saw."""
