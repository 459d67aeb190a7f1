# What a person or the CI runs. `make setup` once per machine, as root.
.PHONY: demo web setup test test-web lint lint-tools bench instructions

# Parts for browsers, Node and k6, each with packages and a lock file of its own.
packages = src/web/page src/web/client tests/browser loadtest/k6

# What the page is made of.
page_sources = $(shell find src/web/page src/web/operator src/web/client -name node_modules -prune -o -name dist -prune -o -type f -print)

# A terminal in the browser, on this machine alone. Needs no root and no set-up but Rust and a C
# compiler; with Node the page is built first. Flags of `sshard demo`: make demo FLAGS="--open --for 1h".
demo:
	@command -v cargo >/dev/null || { echo "The demo needs cargo, of Rust 1.90 or newer; rustup installs it"; exit 1; }
	@command -v cc >/dev/null || { echo "The demo needs a C compiler: on Debian, apt install build-essential"; exit 1; }
	@if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
		echo "Node and npm are not here: the demo starts without its page in the browser. Install Node 20 or newer for it."; \
	elif [ "$$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then \
		echo "Node $$(node --version) is too old: the demo starts without its page in the browser. Install Node 20 or newer for it."; \
	else \
		$(MAKE) -s --no-print-directory src/web/dist/index.html || \
			echo "The page could not be built (see above): the demo starts without it, or with the one built before."; \
	fi
	cargo run --release -- demo $(FLAGS)

src/web/dist/index.html: $(page_sources)
	@$(MAKE) --no-print-directory web

# The terminal page, for builds that come after it. Needs Node 20 or newer and npm.
web: src/web/page/node_modules/.package-lock.json
	cd src/web/page && npm run build

# npm writes this file last.
$(packages:%=%/node_modules/.package-lock.json): %/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci

setup:
	tests/setup.sh

# The page is built before the bridge that has it inside. The loom models have a target directory
# of their own: `--cfg loom` would rebuild, and break, everything else. Benches run each part once,
# untimed.
test: setup
	$(MAKE) web
	cargo test --workspace
	$(MAKE) test-web
	cargo test --workspace --bench '*'
	RUSTFLAGS="--cfg loom" cargo test -p sshard-loom --release --target-dir target/loom

# The client library, and the page in real browsers, against the debug build of the bridge.
test-web: $(packages:%=%/node_modules/.package-lock.json)
	cd src/web/client && npm test
	cd tests/browser && npm test

lint: lint-tools $(packages:%=%/node_modules/.package-lock.json)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --no-default-features -- -D warnings
	RUSTFLAGS="--cfg loom" cargo clippy -p sshard-loom --all-targets --target-dir target/loom -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	cargo machete
	cargo deny check bans licenses sources
	for package in $(packages); do (cd $$package && npm run check) || exit 1; done

# Compiled once per machine, in three to four minutes on two cores. `cargo deny check` also knows
# advisories; it fetches their database, so it is for a machine with the network.
lint-tools:
	@cargo machete --version >/dev/null 2>&1 || cargo install --locked --version 0.9.2 cargo-machete
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked --version 0.20.2 --no-default-features cargo-deny

bench:
	cargo bench

# Needs valgrind. Comparable across commits on a busy machine; see perf/README.md.
instructions:
	python3 perf/instructions.py
