//! The glossary: private terms that the tree does not use, with the terms of the field that it
//! does.

use crate::words::{Scope, Term};

const fn part(not: &'static [&'static str], but: &'static str) -> Term {
    term(Scope::Part, not, but)
}

const fn whole(not: &'static [&'static str], but: &'static str) -> Term {
    term(Scope::Whole, not, but)
}

const fn exact(not: &'static [&'static str], but: &'static str) -> Term {
    term(Scope::Exact, not, but)
}

const fn term(scope: Scope, not: &'static [&'static str], but: &'static str) -> Term {
    Term {
        not,
        but,
        scope,
        within: "",
    }
}

const fn within(path: &'static str, term: Term) -> Term {
    Term {
        within: path,
        ..term
    }
}

/// Private terms. A word that is also one of the field's is refused as a whole name, as a type, or
/// in the folder where it was private.
pub(crate) const TERMS: &[Term] = &[
    part(
        &["mail", "mails", "circular", "circulars"],
        "message, command, broadcast",
    ),
    exact(&["Letter"], "message"),
    part(
        &["beat", "beats", "rests", "resting"],
        "coalescing interval, heartbeat",
    ),
    part(&["spot", "spots", "call_next"], "ticket, dispatch_next"),
    within("src/runtime/", part(&["flood", "floods"], "bulk transfer")),
    within(
        "src/bridge/downlink/",
        part(&["flood", "floods"], "bulk transfer"),
    ),
    within("src/runtime/", exact(&["Line"], "round-robin queue")),
    exact(&["Place"], "the name of what it is of"),
    whole(&["turn", "turns"], "poll, tick, iteration, round"),
    part(
        &["valve", "valves", "allowance", "allowances", "hold_little"],
        "read credit",
    ),
    within("src/", part(&["gate", "gates"], "read credit")),
    exact(&["Grant", "grant"], "Match, read credit"),
    part(&["blockage", "patience"], "SlowReaderDetector, timeout"),
    exact(&["Pace", "LATE", "EARLY"], "Pacer, queue-delay bounds"),
    part(&["hear", "hears", "feed", "feeds"], "poll_*, flush_*"),
    whole(
        &["perform", "settle", "arm"],
        "run_actions, end_of_tick, schedule_wakeup",
    ),
    part(&["ledger", "ledgers", "blame"], "PacketBudget, violation"),
    within("src/ssh/", part(&["points"], "cost")),
    part(&["outbox", "outboxes"], "downlink, output queue"),
    exact(
        &["Terms", "LatestTerms", "TermsError"],
        "ConfigSnapshot, SharedSnapshot",
    ),
    part(&["desk", "desks"], "AdminContext"),
    exact(&["Watched", "Supervised"], "ProcessHandles"),
    part(
        &["door", "doors", "gatekeeper", "stranger", "strangers"],
        "ListenerInfo, AdmissionControl, untrusted peer",
    ),
    exact(&["NoPlace"], "Rejection"),
    part(
        &["giver", "taker", "estate", "heirloom", "heirlooms"],
        "HandoverServer, HandoverClient, HandoverState, SocketSet",
    ),
    within("src/control/", exact(&["Taken"], "InheritedSockets")),
    part(
        &["vouched", "not_now", "did_not_fail"],
        "recently authenticated, Throttled, refund",
    ),
    part(
        &["seldom", "tally", "tallies", "seat", "seats"],
        "LogLimiter, SingleWriterCounter, a guard's own name",
    ),
    within("src/targets/", exact(&["Requested"], "TargetRequest")),
    within("src/targets/", exact(&["Plan"], "Resolution")),
    part(&["judged", "dialled"], "canonicalised, connect address"),
    part(
        &["deaf", "has_left", "give_up_left", "hire", "hires", "hired"],
        "draining, abandon, spawn_worker",
    ),
    within("src/bridge/", whole(&["cut_off"], "abort")),
    within("src/bridge/", whole(&["act"], "apply")),
    part(
        &["lay", "lays", "draft", "drafts", "cite", "cites"],
        "apply, Builder, describe",
    ),
    within("src/config/", whole(&["shown"], "quoted")),
];

/// Identifiers that have such a word in the field's own sense, each with the reason.
pub(crate) const OWN_USES: &[(&str, &str)] = &[("feed", "bytes are fed to a parser")];

/// First words of a doc comment that leave its subject open.
pub(crate) const OPENINGS: &[&str] = &[
    "What", "Whether", "Who", "Whom", "Whose", "How", "Its", "Which", "Where",
];
