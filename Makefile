# Builds outlive a fresh clone: the target folder is in the home's cache unless set.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/linklogger/target

LINKLOGGER = $(CARGO_TARGET_DIR)/release/linklogger

.PHONY: help run demo test lint schema tools checkout release geoip

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: geoip release ## Build and start everything in one process, in the foreground
	LINKLOGGER_GEOIP_DB="$$(scripts/geoip)" exec $(LINKLOGGER) serve

demo: geoip release ## The same with a demo workspace and lively traffic
	LINKLOGGER_GEOIP_DB="$$(scripts/geoip)" exec $(LINKLOGGER) demo

test: checkout tools lint ## Every check that CI runs; installs what they need
	@echo "== tests"
	cargo test --workspace --quiet

lint: checkout ## Format, clippy, documentation, GraphQL schema, docker-compose.yml
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

schema: checkout ## Write frontend-schema.graphql anew
	cargo run --quiet --bin linklogger -- schema > frontend-schema.graphql

tools: ## Install what the tests need: PostgreSQL's programs and nats-server
	@echo "== tools"
	scripts/postgres
	scripts/nats-server

# Cargo tells checkouts that share a target folder apart by nothing but the age of their files, so
# that one would be given what another one built. The first look from another place makes all new.
checkout:
	@mkdir -p $(CARGO_TARGET_DIR)
	@if [ "$$(cat $(CARGO_TARGET_DIR)/checkout 2>/dev/null)" != "$(CURDIR)" ]; then \
		find . -name '*.rs' -not -path './.tools/*' -exec touch {} + ; \
		echo "$(CURDIR)" > $(CARGO_TARGET_DIR)/checkout ; \
	fi

release: checkout
	cargo build --release --bin linklogger

geoip:
	@echo "Fetching the free country database, unless it is there"
	@scripts/geoip >/dev/null
