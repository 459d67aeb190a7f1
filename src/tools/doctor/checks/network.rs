//! Queues of new connections, local ports towards targets, memory of the kernel for TCP.

use super::super::finding::{CapUnit, Finding};
use super::{Checked, Demand, known};
use crate::tools::text::size;

/// Sockets of a session: its WebSocket and its SSH connection.
const SOCKETS: u64 = 2;

/// The kernel cuts `server.backlog` to it without an error.
pub(super) fn somaxconn(demand: &Demand<'_>) -> Checked {
    let have = known(demand.facts.somaxconn, "/proc/sys/net/core/somaxconn")?;
    let backlog = u64::from(demand.config.server.backlog);
    let shards = demand.shards();
    let (count, needed) = (have.min(backlog) * shards, backlog * shards);
    Ok(
        Finding::ok(have).capped(count, CapUnit::Arriving, needed, || {
            format!(
                "server.backlog is {backlog}, and the kernel cuts it to this: \
             `sysctl -w net.core.somaxconn={backlog}`."
            )
        }),
    )
}

/// Counts only without SYN cookies: with them a full queue refuses no connection (tcp(7)).
pub(super) fn max_syn_backlog(demand: &Demand<'_>) -> Checked {
    let file = "/proc/sys/net/ipv4/tcp_max_syn_backlog";
    let have = known(demand.facts.max_syn_backlog, file)?;
    let cookies = demand.facts.syncookies.unwrap_or(0) != 0;
    let value = format!("{have}, SYN cookies {}", if cookies { "on" } else { "off" });
    let found = Finding::ok(value);
    if cookies {
        return Ok(found);
    }
    let backlog = u64::from(demand.config.server.backlog);
    let shards = demand.shards();
    // The last quarter is for peers of earlier connections.
    let usable = have - have / 4;
    let (count, needed) = (usable.min(backlog) * shards, backlog * shards);
    Ok(found.capped(count, CapUnit::Arriving, needed, || {
        format!(
            "`sysctl -w net.ipv4.tcp_syncookies=1`, or raise it to {} for a server.backlog of \
             {backlog}.",
            backlog.div_ceil(3) * 4
        )
    }))
}

pub(super) fn port_range(demand: &Demand<'_>) -> Checked {
    let file = "/proc/sys/net/ipv4/ip_local_port_range";
    let [first, last] = known(demand.facts.port_range, file)?;
    let limits = &demand.config.limits;
    let to_one = limits.max_connections_per_host.min(limits.max_connections);
    let ports = last.saturating_add(1).saturating_sub(first);
    let found = Finding::ok(format!("{first} {last}"));
    Ok(found.capped(ports, CapUnit::OneTarget, to_one.into(), || {
        format!(
            "limits.max_connections_per_host allows {to_one}: \
             `sysctl -w net.ipv4.ip_local_port_range='1024 65535'`, lower the setting, or \
             give the target more addresses."
        )
    }))
}

/// Counts the least memory that every socket keeps under pressure; full buffers are named beside
/// it.
pub(super) fn socket_memory(demand: &Demand<'_>) -> Checked {
    let facts = demand.facts;
    let files = "one of /proc/sys/net/ipv4/tcp_{mem,rmem,wmem}";
    let [_, _, most] = known(facts.tcp_mem, files)?;
    let [least_read, ..] = known(facts.tcp_rmem, files)?;
    let [least_write, _, full_write] = known(facts.tcp_wmem, files)?;
    let page = facts.page_size.unwrap_or(4096).max(1);
    let bytes = most.saturating_mul(page);
    let least = least_read
        .saturating_add(least_write)
        .saturating_mul(SOCKETS)
        .max(1);
    // Of a session whose client reads nothing: what its target sent, what it is to get.
    let full = full_write.saturating_add(demand.config.ssh.receive_buffer.bytes() as u64);
    let stalled = bytes / full.max(1);
    let found = Finding::ok(size(bytes));
    let found = found.capped(bytes / least, CapUnit::Sessions, demand.sessions(), || {
        let needed = demand.sessions().saturating_mul(least).div_ceil(page);
        format!("Even idle sockets need more: raise its last number to {needed} or more (pages).")
    });
    if found.falls_short() || stalled >= demand.sessions() {
        return Ok(found);
    }
    Ok(found.advised(format!(
        "{stalled} sessions whose clients read nothing can fill it; above that the kernel \
         shrinks all buffers. If so many may stall, raise it or lower ssh.receive_buffer and the \
         last number of net.ipv4.tcp_wmem."
    )))
}
