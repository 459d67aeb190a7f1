# What a person or the CI runs. `make setup` once per machine, as root.
.PHONY: demo setup test lint bench

demo:
	cargo run --release -- demo

setup:
	tests/setup.sh

# The loom models have a target directory of their own: `--cfg loom` would
# rebuild, and break, everything else.
test: setup
	cargo test --workspace
	RUSTFLAGS="--cfg loom" cargo test -p sshard-loom --release --target-dir target/loom

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

bench:
	cargo bench
