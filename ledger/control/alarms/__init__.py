"""What must reach a person: computed from the state of things, never stored. `alarms.tsv` is the one table of what raises what."""
