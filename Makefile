# Builds outlive a fresh clone: the target folder is in the home's cache unless set.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/linklogger/target

LINKLOGGER = $(CARGO_TARGET_DIR)/release/linklogger

.PHONY: help run demo test lint schema tools

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: geoip release ## Build and start everything in one process, in the foreground
	LINKLOGGER_GEOIP_DB="$$(scripts/geoip)" exec $(LINKLOGGER) serve

demo: geoip release ## The same with a demo workspace and lively traffic
	LINKLOGGER_GEOIP_DB="$$(scripts/geoip)" exec $(LINKLOGGER) demo

test: tools lint ## Every check that CI runs; installs what they need
	@echo "== tests"
	cargo test --workspace --quiet

lint: ## Format, clippy, documentation, GraphQL schema, docker-compose.yml
	@echo "== format"
	cargo fmt --all --check
	@echo "== clippy"
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	@echo "== documentation"
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet
	@echo "== frontend-schema.graphql"
	cargo run --quiet --bin linklogger -- schema | diff -u frontend-schema.graphql - || { echo "frontend-schema.graphql differs: run make schema" >&2; exit 1; }
	@echo "== docker-compose.yml"
	scripts/docker-compose-check

schema: ## Write frontend-schema.graphql anew
	cargo run --quiet --bin linklogger -- schema > frontend-schema.graphql

tools: ## Install what the tests need: PostgreSQL's programs and nats-server
	@echo "== tools"
	scripts/postgres
	scripts/nats-server

.PHONY: release geoip
release:
	cargo build --release --bin linklogger
geoip:
	@echo "Fetching the free country database, unless it is there"
	@scripts/geoip >/dev/null
