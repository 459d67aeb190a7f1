# What a person or the CI runs. `make setup` once per machine, as root.
.PHONY: demo setup test lint bench instructions

demo:
	cargo run --release -- demo

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
