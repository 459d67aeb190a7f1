# What a person or the CI runs. `make setup` once per machine, as root.
.PHONY: demo web setup test test-web lint bench instructions

# Parts for browsers, Node and k6, each with packages and a lock file of its own.
packages = src/web/page src/web/client tests/browser loadtest/k6

# With Node, the terminal page is built first; without, the bridge says how to get it.
demo:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory web; \
	else echo "npm is not here: the demo runs without its page in the browser"; fi
	cargo run --release -- demo

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

lint: $(packages:%=%/node_modules/.package-lock.json)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	for package in $(packages); do (cd $$package && npm run check) || exit 1; done

bench:
	cargo bench

# Needs valgrind. Comparable across commits on a busy machine; see perf/README.md.
instructions:
	python3 perf/instructions.py
