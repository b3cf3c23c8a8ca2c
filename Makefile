# Caravan: `make run` is all a newcomer needs.
.PHONY: build run test lint bench coverage docs clean help

CARGO_FLAGS ?=

help: ## This list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

build: ## Install what the machine lacks and build target/release/caravan
	@scripts/setup build
	cargo build --release --locked $(CARGO_FLAGS)

run: build ## Build and serve on http://127.0.0.1:8080
	./target/release/caravan serve

test: ## Run every check: rules, contract suites, conformance, crash and race tests
	@scripts/setup test
	scripts/test

lint: ## Format, clippy and documentation, warnings denied
	@scripts/setup build
	cargo fmt --all --check
	@! LC_ALL=C.UTF-8 grep -rnP '^(?=.{121}) *//' --include='*.rs' --exclude-dir=target . || { echo 'comments end at column 120'; exit 1; }
	cargo clippy --workspace --all-targets --locked $(CARGO_FLAGS) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked $(CARGO_FLAGS)

bench: build ## Our figures beside the limit of the same moment
	scripts/bench

coverage: ## Write docs/COVERAGE.md from a conformance run
	@scripts/setup test
	CARAVAN_UPDATE_COVERAGE=1 cargo test --locked --test conformance serve -- --exact

docs: ## Write what the documentation says of events, rules, metrics, alerts and proxies
	@scripts/setup test
	CARAVAN_UPDATE_DOCS=1 cargo test --locked -p caravan-domain --test storage_format --test rules
	CARAVAN_UPDATE_DOCS=1 cargo test --locked --test observation --test proxy

clean: ## Remove what was built (data/ stays)
	cargo clean
