"""The measures of docs/benchmarks.md: `./dev bench` prints one JSON line each; FULL=1 adds the growth measures."""
