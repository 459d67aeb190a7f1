//! CPUs that the shards are pinned to, read from the kernel.

use crate::common::{Bridge, run_line, run_under, words};
use std::fs;

const ALLOW: &str = "--allow 127.0.0.1:22";

/// Returns the CPUs of this test and of the processes it starts.
fn cpus() -> Vec<usize> {
    let cpus = list(&allowed_list("/proc/self/status"));
    assert!(cpus.len() >= 2, "these tests need two CPUs, not {cpus:?}");
    cpus
}

fn allowed_list(status: &str) -> String {
    let status = fs::read_to_string(status).unwrap();
    let mut lines = status.lines();
    let list = lines.find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.unwrap().trim().to_owned()
}

/// Parses a list such as `0-2,5`.
fn list(text: &str) -> Vec<usize> {
    let ranges = text.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse::<usize>().unwrap()..=last.parse().unwrap()
    });
    ranges.flatten().collect()
}

/// Returns name and CPUs of every thread.
fn threads(bridge: &Bridge) -> Vec<(String, Vec<usize>)> {
    let tasks = fs::read_dir(format!("/proc/{}/task", bridge.pid())).unwrap();
    tasks
        .map(|task| {
            let task = task.unwrap().path();
            let name = fs::read_to_string(task.join("comm")).unwrap();
            let allowed = allowed_list(task.join("status").to_str().unwrap());
            (name.trim().to_owned(), list(&allowed))
        })
        .collect()
}

/// Returns the pinned threads, ordered by name.
fn pinned(bridge: &Bridge) -> Vec<(String, usize)> {
    let threads = threads(bridge).into_iter();
    let mut pinned: Vec<_> = threads
        .filter(|(_, cpus)| cpus.len() == 1)
        .map(|(name, cpus)| (name, cpus[0]))
        .collect();
    pinned.sort();
    // An executor that has lost its first wake-up stays beside the one that took its work.
    pinned.dedup();
    pinned
}

fn serve(more: &str) -> Bridge {
    Bridge::serve(&format!("{ALLOW} {more}"))
}

fn shard(index: usize, cpu: usize) -> (String, usize) {
    (format!("sshard-{index}"), cpu)
}

#[test]
fn each_shard_has_a_cpu_and_nothing_else_is_pinned() {
    let cpus = cpus();
    let bridge = serve("--shards 2");
    assert_eq!(pinned(&bridge), [shard(0, cpus[0]), shard(1, cpus[1])]);
    let threads = threads(&bridge);
    let elsewhere: Vec<_> = threads.iter().filter(|(_, on)| on.len() > 1).collect();
    assert!(elsewhere.len() > 2, "{threads:?}");
    assert!(elsewhere.iter().all(|(_, on)| *on == cpus), "{threads:?}");
}

#[test]
fn by_default_there_is_a_shard_for_every_cpu() {
    let all = cpus().into_iter().enumerate();
    let mut wanted: Vec<_> = all.map(|(index, cpu)| shard(index, cpu)).collect();
    wanted.sort();
    assert_eq!(pinned(&serve("")), wanted);
}

#[test]
fn the_cpus_asked_for_are_the_cpus_used() {
    let last = *cpus().last().unwrap();
    let bridge = serve(&format!("--cpus {last}"));
    assert_eq!(pinned(&bridge), [shard(0, last)]);
}

#[test]
fn an_absent_cpu_is_refused_with_the_list_of_those_allowed() {
    let beyond = (cpus().last().unwrap() + 1).to_string();
    let refused = run_line(&format!("serve --cpus {beyond} {ALLOW}"));
    assert_eq!(refused.code, Some(78), "{refused:?}");
    let wanted = format!("server.cpus names CPU {beyond}");
    assert!(refused.stderr.contains(&wanted), "{refused:?}");
    let wanted = format!("it may use {}", allowed_list("/proc/self/status"));
    assert!(refused.stderr.contains(&wanted), "{refused:?}");
}

#[test]
fn a_process_restricted_to_one_cpu_uses_that_one() {
    let last = *cpus().last().unwrap();
    let starter = format!("taskset -c {last}");
    let one = format!("serve --listen 127.0.0.1:0 {ALLOW}");
    let bridge = Bridge::under(&words(&starter), &words(&one), &[]);
    let threads = threads(&bridge);
    assert!(threads.iter().all(|(_, on)| *on == [last]), "{threads:?}");
    let has = |name: &str| threads.iter().any(|(thread, _)| thread == name);
    assert!(has("sshard-0") && !has("sshard-1"), "{threads:?}");

    let two = format!("serve --shards 2 {ALLOW}");
    let refused = run_under(&words(&starter), &words(&two), &[]);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    let wanted = "server.shards is 2, but there are 1 CPUs";
    assert!(refused.stderr.contains(wanted), "{refused:?}");
}
