//! Random sequences of calls, compared step by step with a plain model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{ClientPermit, ConnectionPermit, LimitTable, Limits, Refused, TargetPermit};
use super::{client, counts, target};

#[derive(Debug, Clone)]
enum Step {
    Admit { client: u8 },
    Target { admission: usize, target: u8 },
    LogIn { admission: usize },
    DropAdmission { admission: usize },
    DropPermit { permit: usize },
    DropClient { permit: usize },
    SetLimits(Limits),
}

const TARGET_SLOTS: usize = 3;

fn limits() -> impl Strategy<Value = Limits> {
    (0..6u32, 0..4u32, 0..6u32, 0..4u32).prop_map(|(all, target, pool, client)| Limits {
        max_connections: all,
        max_per_target: target,
        max_unauthenticated: pool,
        max_per_client: client,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8).prop_map(|client| Step::Admit { client }),
        6 => (any::<usize>(), 0..5u8)
            .prop_map(|(admission, target)| Step::Target { admission, target }),
        2 => any::<usize>().prop_map(|admission| Step::LogIn { admission }),
        1 => any::<usize>().prop_map(|admission| Step::DropAdmission { admission }),
        3 => any::<usize>().prop_map(|permit| Step::DropPermit { permit }),
        1 => any::<usize>().prop_map(|permit| Step::DropClient { permit }),
        1 => limits().prop_map(Step::SetLimits),
    ]
}

/// The real permits, each with what the model knows about it.
struct LimitModel {
    table: std::sync::Arc<LimitTable>,
    limits: Limits,
    /// Client, and whether the client was counted.
    admissions: Vec<(ConnectionPermit, u8, bool)>,
    clients: Vec<(ClientPermit, u8, bool)>,
    targets: Vec<(TargetPermit, u8)>,
}

fn take<T>(from: &mut Vec<T>, pick: usize) -> Option<T> {
    (!from.is_empty()).then(|| from.swap_remove(pick % from.len()))
}

impl LimitModel {
    fn new(limits: Limits) -> Self {
        Self {
            table: LimitTable::new(limits, TARGET_SLOTS),
            limits,
            admissions: Vec::new(),
            clients: Vec::new(),
            targets: Vec::new(),
        }
    }

    fn client_count(&self, client: u8) -> usize {
        let waiting = self.admissions.iter().map(|(_, c, counted)| (*c, *counted));
        let active = self.clients.iter().map(|(_, c, counted)| (*c, *counted));
        waiting
            .chain(active)
            .filter(|held| *held == (client, true))
            .count()
    }

    fn per_target(&self) -> BTreeMap<u8, u32> {
        let mut counts = BTreeMap::new();
        for (_, target) in &self.targets {
            *counts.entry(*target).or_insert(0) += 1;
        }
        counts
    }

    fn expect_admit(&self, client: u8) -> Option<Refused> {
        let limit = self.limits.max_per_client as usize;
        if limit > 0 && self.client_count(client) >= limit {
            return Some(Refused::Client);
        }
        let full = self.admissions.len() >= self.limits.max_unauthenticated as usize;
        full.then_some(Refused::Unauthenticated)
    }

    fn expect_target(&self, target: u8) -> Option<Refused> {
        let per_target = self.per_target();
        let held = per_target.get(&target).copied().unwrap_or(0);
        if self.targets.len() >= self.limits.max_connections as usize {
            Some(Refused::Global)
        } else if held >= self.limits.max_per_target {
            Some(Refused::Target)
        } else {
            (held == 0 && per_target.len() >= TARGET_SLOTS).then_some(Refused::TableFull)
        }
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Admit { client: c } => {
                let expected = self.expect_admit(c);
                let result = self.table.admit(client(c));
                prop_assert_eq!(result.as_ref().err(), expected.as_ref());
                let counted = self.limits.max_per_client > 0;
                self.admissions.extend(result.ok().map(|a| (a, c, counted)));
            }
            Step::Target {
                admission,
                target: t,
            } => {
                let expected = self.expect_target(t);
                let Some(index) = admission.checked_rem(self.admissions.len()) else {
                    return Ok(());
                };
                let result = self.admissions[index].0.target(target(t));
                prop_assert_eq!(result.as_ref().err(), expected.as_ref());
                self.targets.extend(result.ok().map(|permit| (permit, t)));
            }
            Step::LogIn { admission } => {
                if let Some((admission, c, counted)) = take(&mut self.admissions, admission) {
                    self.clients.push((admission.logged_in(), c, counted));
                }
            }
            Step::DropAdmission { admission } => drop(take(&mut self.admissions, admission)),
            Step::DropPermit { permit } => drop(take(&mut self.targets, permit)),
            Step::DropClient { permit } => drop(take(&mut self.clients, permit)),
            Step::SetLimits(limits) => {
                self.limits = limits;
                self.table.set_limits(limits);
            }
        }
        self.compare()
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let expected = self.per_target();
        let totals = (
            self.targets.len() as u32,
            self.admissions.len() as u32,
            expected.len(),
        );
        prop_assert_eq!(counts(&self.table), totals);
        let mut listed = self.table.per_target();
        listed.sort();
        let expected_list: Vec<_> = expected.iter().map(|(t, n)| (target(*t), *n)).collect();
        prop_assert_eq!(listed, expected_list);
        for t in 0..5 {
            let held = expected.get(&t).copied().unwrap_or(0);
            prop_assert_eq!(self.table.target_count(target(t)), held);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_table_does_what_the_model_does(
        start in limits(),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut model = LimitModel::new(start);
        for step in steps {
            model.run(step)?;
        }
        let table = std::sync::Arc::clone(&model.table);
        drop(model);
        prop_assert_eq!(counts(&table), (0, 0, 0));
        prop_assert_eq!(std::sync::Arc::strong_count(&table), 1);
    }
}
