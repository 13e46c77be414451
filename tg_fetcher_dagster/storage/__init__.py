"""Where days rest: paths, day files, raw files, versions, and what is proved of a day."""
