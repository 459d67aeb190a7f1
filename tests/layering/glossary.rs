//! The glossary: private terms that the tree does not use, with the terms of the field that it
//! does.

/// Private terms, in the form that [`crate::words::terms`] reads. A word that is also one of the
/// field's is refused as a whole name, as a type, or in the folder where it was private.
pub(crate) const TERMS: &str = "\
part mail mails circular circulars: message, command, broadcast
exact Letter: message
part beat beats rests resting: coalescing interval, heartbeat
part spot spots call_next: ticket, dispatch_next
part src/runtime/ flood floods: bulk transfer
part src/bridge/downlink/ flood floods: bulk transfer
exact src/runtime/ Line: round-robin queue
exact Place: the name of what it is of
whole turn turns: poll, tick, iteration, round
part valve valves allowance allowances hold_little: read credit
part src/ gate gates: read credit
exact Grant grant: Match, read credit
part blockage patience: SlowReaderDetector, timeout
exact Pace LATE EARLY: Pacer, queue-delay bounds
part hear hears feed feeds: poll_*, flush_*
whole perform settle arm: run_actions, end_of_tick, schedule_wakeup
part ledger ledgers blame: PacketBudget, violation
part src/ssh/ points: cost
part outbox outboxes: downlink, output queue
exact Terms LatestTerms TermsError: ConfigSnapshot, SharedSnapshot
part desk desks: AdminContext
exact Watched Supervised supervised: ProcessHandles
part door doors gatekeeper stranger strangers: ListenerInfo, AdmissionControl, untrusted peer
exact NoPlace: Rejection
part giver taker estate heirloom heirlooms: HandoverServer, HandoverClient, HandoverState, SocketSet
exact src/control/ Taken: InheritedSockets
part vouched not_now did_not_fail: recently authenticated, Throttled, refund
part seldom tally tallies seat seats: LogLimiter, SingleWriterCounter, a guard's own name
exact src/targets/ Requested: TargetRequest
exact src/targets/ Plan: Resolution
part judged dialled: canonicalised, connect address
part deaf has_left give_up_left hire hires hired: draining, abandon, spawn_worker
part src/ cut_off: abort, truncated
whole src/bridge/ act: apply
part lay lays draft drafts cite cites: apply, Builder, describe
whole src/config/ shown: quoted
";

/// Identifiers that have such a word in the field's own sense, each with the reason.
pub(crate) const OWN_USES: &[(&str, &str)] = &[("feed", "bytes are fed to a parser")];

/// First words of a doc comment that leave its subject open.
pub(crate) const OPENINGS: &[&str] = &[
    "What", "Whether", "Who", "Whom", "Whose", "How", "Its", "Which", "Where",
];
