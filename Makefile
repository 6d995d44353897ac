.DEFAULT_GOAL := help
.PHONY: help demo test bench lint format lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: ## a province's day, end to end, on the embedded database and a simulated bank
	@./dev demo

test: ## set up, then all tests of the default group
	@./dev test -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --dist worksteal

bench: ## the measures of docs/benchmarks.md, one JSON line each (FULL=1 for growth)
	@./dev bench

lint: ## format, lint, types and import contracts
	@./dev lint

format: ## rewrite the files to the house format
	@./dev format

lock: ## resolve requirements.lock anew, by hashes
	@./dev lock
