"""Where days rest: paths, day files, raw files, coverage, progress."""
