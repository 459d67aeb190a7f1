//! Runs one pure part of a session (`parts/`) a given number of times, to be counted under
//! callgrind by `perf/instructions.py`: instructions are the same on a busy machine.
//!
//! `instructions list` prints the names; `instructions NAME COUNT` runs. With anything else (`cargo
//! bench` adds `--bench`) it does nothing, since by itself it measures nothing.
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

mod parts;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [word] if word == "list" => {
            for (name, _) in parts::PARTS {
                println!("{name}");
            }
        }
        [name, count] => {
            let part = parts::PARTS.iter().find(|(known, _)| known == name);
            let (_, make) = part.unwrap();
            let mut step = make();
            for _ in 0..count.parse::<u64>().unwrap() {
                step();
            }
        }
        _ => println!("counted by `make instructions`"),
    }
}
