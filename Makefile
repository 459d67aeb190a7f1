# What a person or the CI runs. `make setup` once per machine, as root.
.PHONY: demo web setup test lint bench instructions

# With Node, the terminal page is built first; without, the bridge says how to get it.
demo:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory web; \
	else echo "npm is not here: the demo runs without its page in the browser"; fi
	cargo run --release -- demo

# The terminal page, for builds that come after it. Needs Node 20 or newer and npm.
web:
	cd src/web/page && npm ci && npm run build

setup:
	tests/setup.sh

# The loom models have a target directory of their own: `--cfg loom` would
# rebuild, and break, everything else. Benches run each part once, untimed.
test: setup
	cargo test --workspace
	cargo test --workspace --bench '*'
	RUSTFLAGS="--cfg loom" cargo test -p sshard-loom --release --target-dir target/loom

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

bench:
	cargo bench

# Needs valgrind. Comparable across commits on a busy machine; see perf/README.md.
instructions:
	python3 perf/instructions.py
