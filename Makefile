# Builds outlive a fresh clone: the target folder is in the home's cache unless set.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/linklogger/target

.PHONY: test lint

test: lint
	cargo test --workspace --quiet

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
