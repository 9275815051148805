# Builds outlive a fresh clone: the target folder is in the home's cache unless set.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/linklogger/target

LINKLOGGER = $(CARGO_TARGET_DIR)/release/linklogger

.PHONY: help run demo dashboard test browser-test chaos lint schema shots bench bench-accuracy bench-append bench-enrich bench-ingest bench-query bench-rate bench-redirect bench-spool tools checkout release geoip

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: geoip release ## Build and start everything in one process, in the foreground
	@scripts/geoip --for $(LINKLOGGER)
	exec $(LINKLOGGER) serve

demo: geoip release ## The same with a demo workspace and lively traffic
	@scripts/geoip --for $(LINKLOGGER)
	exec $(LINKLOGGER) demo

dashboard: dashboard/dist/index.html ## Build the web app, which the program embeds

test: checkout tools lint ## Every check that CI runs; installs what they need
	@echo "== tests"
	scripts/npm --silent test
	cargo test --workspace --quiet
	$(MAKE) --no-print-directory browser-test

browser-test: checkout geoip dashboard ## The built program in a real browser
	@echo "== tests in a browser"
	cargo build --quiet --bin linklogger
	LINKLOGGER=$(CARGO_TARGET_DIR)/debug/linklogger CHROMIUM="$$(scripts/browser)" LINKLOGGER_GEOIP_DB="$$(scripts/geoip)" scripts/npm --silent run e2e

chaos: checkout tools ## Kill, halt, fill and wipe everything under load; CHAOS_SEED, CHAOS_ROUNDS, CHAOS_HALT_SECONDS
	CHAOS_SEED=$${CHAOS_SEED:-$$(date +%s)} CHAOS_ROUNDS=$${CHAOS_ROUNDS:-3} CHAOS_HALT_SECONDS=$${CHAOS_HALT_SECONDS:-30} \
		cargo test --workspace -- --nocapture --exact chaos::whatever_dies_nothing_is_lost_or_doubled

bench: bench-accuracy bench-append bench-enrich bench-ingest bench-query bench-rate bench-redirect bench-spool ## All benchmarks; see bench/README.md

bench-accuracy: checkout ## How well browsers, systems and machines are told, by published lists
	cargo run --quiet -p enrich --example accuracy -- "$$(scripts/corpora)"

bench-append: checkout ## What an append to the spool costs
	cargo bench --quiet -p stream

bench-enrich: release ## What enriching and judging a click costs, with databases of cities and providers
	@$(LINKLOGGER) geoip fetch --city --asn --data-dir .tools/bench
	LINKLOGGER_GEOIP_DB="$$(echo $$PWD/.tools/bench/geoip/* | tr ' ' ,)" cargo bench --quiet -p enrich -p worker

bench-ingest: checkout ## Storing clicks, against COPY and plain inserts of the same rows; BENCH_CLICKS, BENCH_ROUNDS
	scripts/postgres
	cargo bench --quiet -p store --bench ingest

bench-query: checkout ## The dashboard's charts on 1 M and 10 M clicks; BENCH_CLICKS, BENCH_DATA, BENCH_DATABASES
	scripts/postgres
	cargo bench --quiet -p store --bench query

bench-rate: checkout ## What telling costs whether a click is above its rates
	cargo bench --quiet -p platform

bench-redirect: release ## The redirector against nginx
	@scripts/nats-server
	LINKLOGGER=$(LINKLOGGER) python3 bench/redirect.py

bench-spool: release ## A redirector with a million clicks in its spool, and with a million links
	@scripts/nats-server
	LINKLOGGER=$(LINKLOGGER) python3 bench/spool.py

shots: geoip release ## Take the screenshots in docs/screenshots anew, of the demo
	LINKLOGGER=$(LINKLOGGER) CHROMIUM="$$(scripts/browser)" LINKLOGGER_GEOIP_DB="$$(scripts/geoip)" scripts/npm --silent run shots

lint: checkout dashboard ## Format, clippy, types, documentation, GraphQL schema, docker-compose.yml
	@echo "== dashboard"
	scripts/npm --silent run lint
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

tools: ## Install what the tests need: PostgreSQL's programs, nats-server, dnsmasq, a browser
	@echo "== tools"
	scripts/postgres
	scripts/nats-server
	scripts/dnsmasq
	@scripts/browser >/dev/null

# Cargo tells checkouts that share a target folder apart by nothing but the age of their files, so
# that one would be given what another one built. The first look from another place makes all new.
checkout:
	@mkdir -p $(CARGO_TARGET_DIR)
	@if [ "$$(cat $(CARGO_TARGET_DIR)/checkout 2>/dev/null)" != "$(CURDIR)" ]; then \
		find . -name '*.rs' -not -path './.tools/*' -exec touch {} + ; \
		echo "$(CURDIR)" > $(CARGO_TARGET_DIR)/checkout ; \
	fi

# npm keeps its own copy of the lock file beside what it installed.
dashboard/node_modules/.package-lock.json: dashboard/package-lock.json dashboard/package.json
	@echo "Installing what the dashboard is built with"
	scripts/npm --silent ci
	@touch $@

# Types and documents come from the schema, so a changed schema is a changed dashboard.
dashboard/dist/index.html: dashboard/node_modules/.package-lock.json frontend-schema.graphql \
		$(wildcard dashboard/*.ts dashboard/*.json dashboard/*.html) \
		$(shell find dashboard/src dashboard/public -type f -not -path '*/generated/*')
	@echo "Building the dashboard"
	scripts/npm --silent run build
	@touch $@

release: checkout dashboard
	cargo build --release --bin linklogger

geoip:
	@echo "Fetching the free country database, unless it is there"
	@scripts/geoip >/dev/null
